// Topics of the data directory as source and sink: positions, epochs, recovery.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/operators/decode_support.h"
#include "tests/operators/sink_support.h"
#include "tests/operators/source_contract.h"
#include "topics/topic_store.h"

namespace rideflow {
namespace topic_connector_test {

using test::options;
using test::prepare;
using test::SinkWorld;
using test::write;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

struct World : SinkWorld {
  World() {
    auto opened = TopicStore::open(env, "data/topics");
    EXPECT_TRUE(opened.ok());
    store = *std::move(opened);
    resources.add<TopicStore>("", store);
  }
  std::unique_ptr<RecordReader> reader(const Options& o) {
    SourceConfig config;
    config.source = "in";
    config.options = o;
    auto made = test::catalog().find_source("topic")->make(config);
    EXPECT_TRUE(made.ok());
    const Status opened = (*made)->open(context());
    EXPECT_TRUE(opened.ok()) << opened.to_string();
    return *std::move(made);
  }
  // All records of a topic as "key payload".
  std::vector<std::string> content(const std::string& name) {
    const auto r = reader(options({{"name", name}}));
    std::vector<std::string> all;
    const std::vector<Partition> partitions = *r->partitions();
    for (const Partition p : partitions) {
      EXPECT_TRUE(r->assign(p, *r->resolve(p, StartAt::earliest, 0)).ok());
      for (const auto& record : test::read_all(*r, p, 100)) all.push_back(record.key + " " + record.payload);
    }
    return all;
  }
  std::shared_ptr<TopicStore> store;
};

void fill(World& world, const std::string& name, int count) {
  const auto topic = *world.store->find_or_create(name, {.partitions = 3});
  for (int i = 0; i < count; ++i) {
    TopicRecord record;
    const std::string key = "k" + std::to_string(i % 7);
    const std::string payload = "{\"n\":" + std::to_string(i) + "}";
    record.key = key;
    record.payload = payload;
    record.timestamp = 1'000 * i;
    ASSERT_TRUE(topic->append_now({record}).ok());
  }
}

TEST(TopicSource, Contract) {
  World world;
  fill(world, "rides", 40);
  const auto read = test::check_source_contract([&] { return world.reader(options({{"name", "rides"}})); });
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0].size() + read[1].size() + read[2].size(), 40U);
}

TEST(TopicSource, ResolvesEndsAndTimes) {
  World world;
  fill(world, "rides", 40);
  const auto reader = world.reader(options({{"name", "rides"}}));
  int64_t from_time = 0;
  const std::vector<Partition> partitions = *reader->partitions();
  for (const Partition p : partitions) {
    const Position end = *reader->end(p);
    EXPECT_EQ(*reader->resolve(p, StartAt::latest, 0), end);
    EXPECT_TRUE(reader->reached(end, end));
    from_time += end.offset - reader->resolve(p, StartAt::time, 30'000)->offset;
  }
  EXPECT_EQ(from_time, 10);
}

TEST(TopicSource, MissingTopicsAreMadeWithTheirPartitions) {
  World world;
  const auto reader = world.reader(options({{"name", "fresh"}, {"partitions", "2"}}));
  EXPECT_EQ(reader->partitions()->size(), 2U);
  ASSERT_TRUE(reader->assign(Partition(0), {}).ok());
  const auto poll = reader->poll(Partition(0), 10);
  ASSERT_TRUE(poll.ok());
  EXPECT_EQ(poll->state, Poll::State::proven_end);
  EXPECT_FALSE(reader->assign(Partition(2), {}).ok());
}

TEST(TopicSource, ADataDirectoryIsNeeded) {
  SinkWorld world;
  SourceConfig config;
  config.options = options({{"name", "rides"}});
  const auto reader = *test::catalog().find_source("topic")->make(config);
  EXPECT_THAT(reader->open(world.context()).message(), HasSubstr("--data-dir"));
}

TEST(TopicSource, AGapFailsOrIsSkippedAndCounted) {
  World world;
  const auto topic =
      *world.store->find_or_create("rides", {.partitions = 1, .retention_bytes = 1, .segment_bytes = 1});
  for (int i = 0; i < 5; ++i) {
    TopicRecord record;
    record.payload = "{}";
    ASSERT_TRUE(topic->append_now({record}).ok());
  }
  ASSERT_TRUE(topic->enforce_retention().ok());
  ASSERT_GT(topic->first_offset(Partition(0)), 0);
  const auto strict = world.reader(options({{"name", "rides"}}));
  ASSERT_TRUE(strict->assign(Partition(0), {0, ""}).ok());
  EXPECT_EQ(strict->poll(Partition(0), 10).status().code(), Code::out_of_range);
  const auto skipping = world.reader(options({{"name", "rides"}, {"on_gap", "skip"}}));
  ASSERT_TRUE(skipping->assign(Partition(0), {0, ""}).ok());
  EXPECT_TRUE(skipping->poll(Partition(0), 10).ok());
  ASSERT_EQ(world.env.logs("topic_gap_skipped").size(), 1U);
  EXPECT_EQ(world.env.logs("topic_gap_skipped")[0].field("lost"),
            std::to_string(topic->first_offset(Partition(0))));
}

Options with_key(const std::string& name, const std::vector<int>& columns) {
  Options o = options({{"name", name}});
  OptionValue key;
  key.columns = columns;
  o.set("key", key);
  return o;
}

TEST(TopicSink, RowsAreSeenWhenTheirEpochIsCommitted) {
  World world;
  const auto sink = world.sink("topic", with_key("out", {0}));
  ASSERT_TRUE(sink->recover(Epoch(0), {}).ok());
  write(*sink, {"Lyon:1", ":2"});
  const std::string first = prepare(*sink, 1);
  write(*sink, {"Paris:3"});
  const std::string second = prepare(*sink, 2);
  EXPECT_THAT(world.content("out"), testing::IsEmpty());
  ASSERT_TRUE(sink->commit(Epoch(1), first).ok());
  ASSERT_TRUE(sink->commit(Epoch(1), first).ok());
  EXPECT_THAT(world.content("out"),
              UnorderedElementsAre("Lyon {\"city\":\"Lyon\",\"n\":1}", " {\"city\":null,\"n\":2}"));
  ASSERT_TRUE(sink->commit(Epoch(2), second).ok());
  EXPECT_EQ(world.content("out").size(), 3U);
  EXPECT_EQ(prepare(*sink, 3), "");
}

TEST(TopicSink, KeysOfSeveralColumnsAreJson) {
  World world;
  const auto sink = world.sink("topic", with_key("out", {0, 1}));
  write(*sink, {"Lyon:1"});
  ASSERT_TRUE(sink->commit(Epoch(1), prepare(*sink, 1)).ok());
  EXPECT_THAT(world.content("out"),
              UnorderedElementsAre("{\"city\":\"Lyon\",\"n\":1} {\"city\":\"Lyon\",\"n\":1}"));
}

TEST(TopicSink, AFreshSinkFinishesWhatTheCheckpointLists) {
  World world;
  std::string first, second;
  {
    const auto sink = world.sink("topic", options({{"name", "out"}}));
    write(*sink, {"a:1"});
    first = prepare(*sink, 1);
    write(*sink, {"a:2"});
    second = prepare(*sink, 2);
    write(*sink, {"a:3"});
    prepare(*sink, 3);  // in no checkpoint
    write(*sink, {"a:4"});
  }
  for (int again = 0; again < 2; ++again) {
    const auto sink = world.sink("topic", options({{"name", "out"}}));
    ASSERT_TRUE(sink->recover(Epoch(2), {{Epoch(1), first}, {Epoch(2), second}}).ok());
    EXPECT_EQ(world.content("out").size(), 2U);
  }
}

TEST(TopicSink, RecoveryLeavesOtherShardsAlone) {
  World world;
  const auto zero = world.sink("topic", options({{"name", "out"}}), "json", 0, 2);
  const auto one = world.sink("topic", options({{"name", "out"}}), "json", 1, 2);
  write(*zero, {"a:1"});
  write(*one, {"b:2"});
  const std::string of_zero = prepare(*zero, 1);
  const std::string of_one = prepare(*one, 1);
  const auto fresh = world.sink("topic", options({{"name", "out"}}), "json", 0, 2);
  ASSERT_TRUE(fresh->recover(Epoch(1), {{Epoch(1), of_zero}}).ok());
  const auto other = world.sink("topic", options({{"name", "out"}}), "json", 1, 2);
  ASSERT_TRUE(other->recover(Epoch(1), {{Epoch(1), of_one}}).ok());
  EXPECT_EQ(world.content("out").size(), 2U);
}

TEST(TopicSink, AMarkerAboveTheCheckpointRefusesToStart) {
  World world;
  {
    const auto sink = world.sink("topic", options({{"name", "out"}}));
    write(*sink, {"a:1"});
    ASSERT_TRUE(sink->commit(Epoch(5), prepare(*sink, 5)).ok());
  }
  const auto sink = world.sink("topic", options({{"name", "out"}}));
  const Status refused = sink->recover(Epoch(4), {});
  EXPECT_EQ(refused.code(), Code::aborted);
  EXPECT_THAT(refused.message(), HasSubstr("publish rows twice"));
  EXPECT_TRUE(sink->recover(Epoch(5), {}).ok());
}

TEST(TopicAdmin, ListsMakesAndRemoves) {
  World world;
  auto made = test::catalog().find_source("topic")->topic_admin(world.resources, {});
  ASSERT_TRUE(made.ok());
  ASSERT_TRUE((*made)->create("a", 2).ok());
  EXPECT_EQ((*made)->create("a", 2).code(), Code::already_exists);
  fill(world, "b", 5);
  const auto all = (*made)->list();
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].partitions, 2);
  EXPECT_EQ((*all)[1].records, 5);
  ASSERT_TRUE((*made)->remove("a").ok());
  EXPECT_EQ((*made)->list()->size(), 1U);
}

}  // namespace topic_connector_test
}  // namespace rideflow
