// The generator as a source.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/virtual_env.h"
#include "operators/generator.h"
#include "tests/operators/decode_support.h"
#include "tests/operators/source_contract.h"

namespace rideflow {
namespace generator_source_test {

using test::options;
using testing::HasSubstr;

Result<std::unique_ptr<RecordReader>> make(const Options& o) {
  SourceConfig config;
  config.source = "made";
  config.options = o;
  return test::catalog().find_source("generator")->make(config);
}

std::unique_ptr<RecordReader> opened(VirtualEnv& env, const Options& o) {
  auto made = make(o);
  EXPECT_TRUE(made.ok()) << made.status().to_string();
  OpenContext context;
  context.env = &env;
  EXPECT_TRUE((*made)->open(context).ok());
  return *std::move(made);
}

TEST(GeneratorSource, Contract) {
  VirtualEnv env;
  const auto read = test::check_source_contract([&] {
    return opened(env,
                  options({{"kind", "rides"}, {"count", "50"}, {"partitions", "3"}, {"start", "1000000"}}));
  });
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0].size(), 17U);
  EXPECT_EQ(read[2].size(), 16U);
  GeneratorOptions o;
  o.start = 1'000'000;
  const auto generator = *EventGenerator::make(o);
  for (int64_t i = 0; i < 50; ++i) {
    std::string expected;
    generator->append(i, expected);
    EXPECT_EQ(read[static_cast<size_t>(i % 3)][static_cast<size_t>(i / 3)].payload, expected);
  }
}

TEST(GeneratorSource, EventsComeWhenTheyAreDue) {
  VirtualEnv env;
  const auto reader = opened(env, options({{"kind", "vehicles"}, {"rate", "10"}}));
  const Position start = *reader->resolve(Partition(0), StartAt::earliest, 0);
  EXPECT_EQ(start.detail, std::to_string(VirtualEnv::kStart));
  ASSERT_TRUE(reader->assign(Partition(0), start).ok());
  EXPECT_EQ(test::read_all(*reader, Partition(0), 100).size(), 1U);
  EXPECT_EQ(reader->poll(Partition(0), 100)->state, Poll::State::proven_end);
  env.advance(kMicrosPerSecond);
  EXPECT_EQ(reader->end(Partition(0))->offset, 11);
  const auto more = test::read_all(*reader, Partition(0), 4);
  EXPECT_EQ(more.size(), 10U);
  EXPECT_EQ(more.back().timestamp, env.now());
}

std::vector<Micros> times_of(VirtualEnv& env, const Options& o) {
  const auto reader = opened(env, o);
  EXPECT_TRUE(reader->assign(Partition(0), *reader->resolve(Partition(0), StartAt::earliest, 0)).ok());
  std::vector<Micros> times;
  for (const auto& record : test::read_all(*reader, Partition(0), 1'000)) times.push_back(record.timestamp);
  return times;
}

// Days of history, at once.
TEST(GeneratorSource, DaysEndNowAndAreSpacedAsAskedFor) {
  constexpr Micros kDay = 86'400 * kMicrosPerSecond;
  struct Case {
    Options options;
    size_t events;
    Micros every;
  };
  const std::vector<Case> cases = {
      {options({{"days", "30"}}), 86'400, 30 * kMicrosPerSecond},
      {options({{"days", "30"}, {"every", "1h"}}), 720, kDay / 24},
      {options({{"days", "30"}, {"every", "7d"}}), 5, 7 * kDay},
      {options({{"days", "1"}, {"every", "1h"}, {"count", "5"}}), 5, kDay / 24},
      {options({{"days", "10"}, {"count", "1000"}}), 1'000, 864 * kMicrosPerSecond},
      {options({{"days", "1"}, {"rate", "0.01"}}), 864, 100 * kMicrosPerSecond},
      {options({{"days", "0.5"}, {"every", "1m"}}), 720, 60 * kMicrosPerSecond},
      {options({{"days", "0"}}), 0, 0},
      {options({{"every", "30s"}, {"count", "7"}, {"start", "0"}}), 7, 30 * kMicrosPerSecond},
  };
  for (const Case& c : cases) {
    VirtualEnv env;
    const std::vector<Micros> times = times_of(env, c.options);
    SCOPED_TRACE(c.options.text("days") + " days, every " + c.options.text("every"));
    ASSERT_EQ(times.size(), c.events);
    for (size_t i = 1; i < times.size(); ++i) ASSERT_EQ(times[i] - times[i - 1], c.every);
    if (times.empty() || !c.options.has("days")) continue;
    const auto days = static_cast<Micros>(c.options.find("days")->number * static_cast<double>(kDay));
    EXPECT_EQ(times.front(), env.now() - days);
    EXPECT_LT(times.back(), env.now());
  }
}

// How fast they come is another matter than how far apart they are.
TEST(GeneratorSource, SpacingAndRateAreApart) {
  VirtualEnv env;
  const Options o = options({{"every", "1h"}, {"rate", "10"}, {"start", "1000000"}});
  const auto reader = opened(env, o);
  const Position begin = *reader->resolve(Partition(0), StartAt::earliest, 0);
  ASSERT_TRUE(reader->assign(Partition(0), begin).ok());
  EXPECT_EQ(test::read_all(*reader, Partition(0), 100).size(), 1U);
  env.advance(kMicrosPerSecond);
  const auto more = test::read_all(*reader, Partition(0), 100);
  ASSERT_EQ(more.size(), 10U);
  EXPECT_EQ(more.back().timestamp, 1'000'000 + 10 * 3'600 * kMicrosPerSecond);
  EXPECT_EQ(reader->end(Partition(0))->offset, 11);
  // A restart goes on: what came due meanwhile comes at once, with the same times.
  const Position position = reader->position(Partition(0));
  env.advance(kMicrosPerSecond);
  const auto later = opened(env, o);
  ASSERT_TRUE(later->assign(Partition(0), position).ok());
  EXPECT_EQ(test::read_all(*later, Partition(0), 100), test::read_all(*reader, Partition(0), 100));
}

TEST(GeneratorSource, ARateOfZeroIsNone) {
  VirtualEnv env;
  EXPECT_EQ(times_of(env, options({{"rate", "0"}, {"count", "50"}})).size(), 50U);
}

TEST(GeneratorSource, ARestoredPositionKeepsItsStart) {
  VirtualEnv env;
  const Options o = options({{"rate", "10"}});
  const auto first = opened(env, o);
  ASSERT_TRUE(first->assign(Partition(0), *first->resolve(Partition(0), StartAt::earliest, 0)).ok());
  env.advance(5 * kMicrosPerSecond);
  test::read_all(*first, Partition(0), 1'000);
  const Position position = first->position(Partition(0));
  env.advance(5 * kMicrosPerSecond);
  const auto later = opened(env, o);
  ASSERT_TRUE(later->assign(Partition(0), position).ok());
  EXPECT_EQ(test::read_all(*later, Partition(0), 1'000), test::read_all(*first, Partition(0), 1'000));
  for (const std::string bad : {"yesterday", "", "1 ", "1 x", "1 2 3", "1x"})
    EXPECT_EQ(later->assign(Partition(0), {3, bad}).code(), Code::data_loss) << bad;
}

TEST(GeneratorSource, ItsSchemaDecodesEverythingItMakes) {
  for (const std::string& kind : generator_kinds()) {
    SourceConfig config;
    config.options = options({{"kind", kind}});
    const auto columns = test::catalog().find_source("generator")->schema(config);
    ASSERT_TRUE(columns.ok()) << columns.status().to_string();
    DecoderSpec spec;
    spec.columns = *columns;
    spec.used.assign(columns->size(), true);
    std::vector<std::string> payloads(500);
    GeneratorOptions o;
    o.kind = kind;
    const auto generator = *EventGenerator::make(o);
    for (size_t i = 0; i < payloads.size(); ++i) generator->append(static_cast<int64_t>(i), payloads[i]);
    const Decoded d = test::decode("json", spec, payloads);
    EXPECT_TRUE(d.rejected.empty()) << kind << ": " << d.rejected[0].reason << payloads[0];
  }
}

TEST(GeneratorSource, BrokenRecordsAreRejectedAndOnlyThey) {
  SourceConfig config;
  const auto columns = test::catalog().find_source("generator")->schema(config);
  DecoderSpec spec;
  spec.columns = *columns;
  spec.used.assign(columns->size(), true);
  GeneratorOptions o;
  o.broken = 0.1;
  const auto generator = *EventGenerator::make(o);
  std::vector<std::string> payloads(2'000);
  size_t broken = 0;
  for (size_t i = 0; i < payloads.size(); ++i) {
    broken += generator->append(static_cast<int64_t>(i), payloads[i]).key_length == 0 ? 1 : 0;
  }
  EXPECT_EQ(test::decode("json", spec, payloads).rejected.size(), broken);
}

TEST(GeneratorSource, BadOptionsAreRefused) {
  EXPECT_THAT(make(options({{"kind", "trains"}})).status().message(), HasSubstr("trains"));
  EXPECT_THAT(make(options({{"pace", "0"}})).status().message(), HasSubstr("pace"));
}

}  // namespace generator_source_test
}  // namespace rideflow
