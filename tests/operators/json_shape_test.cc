// The short way through records of a known shape gives what the full parser gives: same rows, same
// rejections.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>

#include "operators/generator.h"
#include "operators/json/json_decoder.h"
#include "tests/operators/decode_support.h"

namespace rideflow {
namespace json_shape_test {

using test::decoder_spec;
using test::rows_json;

struct Both {
  explicit Both(const DecoderSpec& spec) : fast(spec, true), full(spec, false) {}
  JsonDecoder fast;
  JsonDecoder full;
  int64_t rows = 0;

  void check(const std::vector<std::string>& payloads) {
    Decoded a, b;
    ASSERT_TRUE(fast.decode(test::records(payloads), a).ok());
    ASSERT_TRUE(full.decode(test::records(payloads), b).ok());
    ASSERT_EQ(a.rejected.size(), b.rejected.size());
    for (size_t i = 0; i < a.rejected.size(); ++i) {
      EXPECT_EQ(a.rejected[i].record, b.rejected[i].record);
      EXPECT_EQ(a.rejected[i].reason, b.rejected[i].reason);
      EXPECT_EQ(a.rejected[i].place, b.rejected[i].place);
    }
    ASSERT_EQ(rows_json(a.batch), rows_json(b.batch));
    rows += a.batch.rows;
  }
};

DecoderSpec ride_spec() {
  return decoder_spec({{"ride_id", "string"},
                       {"driver_id", "string?"},
                       {"city", "string"},
                       {"status", "string"},
                       {"pickup_location", "struct(lat double, lon double)?"},
                       {"fare", "double?"},
                       {"ride_timestamp", "timestamp"},
                       {"tags", "list(string)?"}});
}

std::vector<std::string> generated(const std::string& kind, int64_t from, size_t count, double broken = 0) {
  GeneratorOptions o;
  o.kind = kind;
  o.broken = broken;
  const auto generator = *EventGenerator::make(o);
  std::vector<std::string> all(count);
  for (size_t i = 0; i < count; ++i) generator->append(from + static_cast<int64_t>(i), all[i]);
  return all;
}

TEST(JsonShapes, GeneratedEventsTakeTheShortWay) {
  Both both(ride_spec());
  both.check(generated("rides", 0, 5'000, 0.02));
  EXPECT_GT(both.fast.shapes().hits(), 4'500);
  EXPECT_GT(both.fast.shapes().template_hits(), 4'000);
  EXPECT_EQ(both.full.shapes().hits(), 0);
  EXPECT_GT(both.rows, 4'500);
}

TEST(JsonShapes, SeveralShapesLiveTogether) {
  Both both(decoder_spec({{"a", "int64?"}, {"s", "struct(x int64?, y string?)?"}, {"l", "list(int64)?"}}));
  const std::vector<std::string> forms = {R"({"a":1,"s":{"x":1,"y":"q"},"l":[1,2]})",
                                          R"({"a":2,"s":null,"l":[]})",
                                          R"({"s":{"y":"only"},"a":3})",
                                          R"({"other":{"deep":[1,{"k":"v"}]},"a":4})",
                                          R"({})",
                                          R"({"l":null,"a":null})",
                                          R"({ "a" : 5 })",
                                          R"({"s":{},"a":6})"};
  std::mt19937_64 random(11);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> payloads;
    for (int i = 0; i < 100; ++i) payloads.push_back(forms[random() % forms.size()]);
    both.check(payloads);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(both.fast.shapes().hits(), 500);
}

TEST(JsonShapes, ANewShapeReplacesOldOnes) {
  Both both(decoder_spec({{"a", "int64"}}));
  for (int form = 0; form < 6; ++form) {
    std::vector<std::string> payloads(3'000, "{\"k" + std::to_string(form) + "\":0,\"a\":1}");
    both.check(payloads);
  }
  EXPECT_GT(both.fast.shapes().hits(), 6 * 1'800);
}

// A guess about lengths that was right for long turns out wrong, in one row and then in all.
TEST(JsonShapes, StringsOfOneLengthChangeIt) {
  Both both(decoder_spec({{"id", "string"}, {"name", "string?"}, {"n", "double?"}, {"gone", "string?"}}));
  const auto payloads = [](const std::string& id, const std::string& name, size_t count) {
    return std::vector<std::string>(count, "{\"id\":\"" + id + "\",\"name\":" + name + ",\"n\":1.5}");
  };
  both.check(payloads("id-0001", "\"ab\"", 300));
  EXPECT_GT(both.fast.shapes().template_hits(), 200);
  for (const std::string name :
       {"\"abc\"", "\"a\"", "\"\"", "null", "\"\u00e9\"", "\"\xc3\xa9\"", "\"\xc3\"", "\"a\tb\"", "1"}) {
    both.check(payloads("id-0001", name, 1));
    both.check(payloads("id-0001", "\"ab\"", 2));
  }
  const int64_t before = both.fast.shapes().template_hits();
  both.check(payloads("identity-1", "\"ab\"", 6'000));
  both.check(payloads("identity-12", "null", 6'000));
  EXPECT_GT(both.fast.shapes().template_hits(), before + 5'000);
}

// Optional strings that are null now and then, each on its own: one template reads all of them.
TEST(JsonShapes, ManyOptionalStringsTakeTheShortWay) {
  Both both(decoder_spec(
      {{"a", "string?"}, {"b", "string?"}, {"c", "string?"}, {"n", "double?"}, {"e", "string?"}}));
  std::mt19937_64 random(5);
  const auto maybe = [&] {
    return random() % 4 == 0 ? std::string("null") : "\"id-" + std::to_string(random() % 9) + "\"";
  };
  std::vector<std::string> payloads;
  for (int i = 0; i < 6'000; ++i) {
    payloads.push_back("{\"a\":" + maybe() + ",\"b\":" + maybe() + ",\"unused\":" + maybe() +
                       ",\"c\":" + maybe() + ",\"n\":1.5,\"d\":" + maybe() + ",\"e\":" + maybe() + "}");
  }
  both.check(payloads);
  EXPECT_GT(both.fast.shapes().template_hits(), 5'900);
}

// Changes of one or a few bytes: most make a record invalid somewhere.
void mutate(std::string& text, std::mt19937_64& random) {
  static const std::string bytes = "\"\\{}[],:0123456789.eE+-ntfu \n\t\xc3\xa9\xff";
  for (uint64_t n = random() % 3 + 1; n > 0 && !text.empty(); --n) {
    const size_t at = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[at] = bytes[random() % bytes.size()];
        break;
      case 1:
        text.insert(at, 1, bytes[random() % bytes.size()]);
        break;
      case 2:
        text.erase(at, random() % 4 + 1);
        break;
      default: {
        const size_t from = random() % text.size();
        text.insert(at, text.substr(from, random() % 20));
      }
    }
  }
}

class Differential : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(JsonShapes, Differential, testing::Values("rides", "vehicles", "users_schema"));

TEST_P(Differential, MutatedEventsAreReadTheSameOnBothWaysAndJudgedAsSimdjsonDoes) {
  const uint64_t seed = 20260101;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<test::ColumnText> columns;
  for (const GeneratorColumn& c : generator_columns(GetParam()))
    columns.push_back({std::string(c.name), std::string(c.type)});
  Both both(decoder_spec(columns));
  Both judge(decoder_spec({{"no_such_field", "string?"}}));
  simdjson::dom::parser parser;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> payloads = generated(GetParam(), round * 1'000, 600);
    for (size_t i = 10; i < payloads.size(); ++i) {
      if (random() % 2 == 0) mutate(payloads[i], random);
    }
    both.check(payloads);
    judge.check(payloads);
    if (testing::Test::HasFailure()) return;
    // simdjson is strict too, but lets half surrogates pass and refuses integers beyond 64 bits.
    Decoded judged;
    ASSERT_TRUE(judge.fast.decode(test::records(payloads), judged).ok());
    size_t next = 0;
    for (size_t i = 0; i < payloads.size(); ++i) {
      const bool refused =
          next < judged.rejected.size() && judged.rejected[next].record == static_cast<int32_t>(i);
      if (refused) ++next;
      simdjson::dom::element parsed;
      const simdjson::error_code error = parser.parse(payloads[i]).get(parsed);
      const bool known_difference =
          error == simdjson::NUMBER_ERROR || payloads[i].find("\\u") != std::string::npos;
      if (known_difference) continue;
      EXPECT_EQ(refused, error != simdjson::SUCCESS || !parsed.is_object()) << payloads[i] << "\n"
                                                                            << simdjson::error_message(error);
    }
  }
  EXPECT_GT(both.fast.shapes().hits(), 3'000);
}

// Of equal keys the last counts, also among records of a known shape, and in runs long enough to be learnt.
TEST(JsonShapes, TheLastOfEqualKeysCountsOnEveryWay) {
  Both both(decoder_spec({{"city", "string"}, {"n", "int64?"}, {"s", "struct(x int64?, y int64?)?"}}));
  const std::string plain = R"({"city":"Lyon","n":1,"s":{"x":1,"y":2},"other":0})";
  const std::vector<std::pair<std::string, std::string>> twice = {
      {R"({"city":"Oslo","city":"Lyon","n":1,"s":{"x":1,"y":2},"other":0})", ""},
      {R"({"city":"Lyon","n":5,"s":{"x":1,"y":2},"other":0,"n":1})", ""},
      {R"({"city":"Lyon","n":1,"s":{"x":7,"y":2,"x":1},"other":0})", ""},
      {R"({"city":"Lyon","n":1,"s":{"y":9},"s":{"x":1,"y":2},"other":0})", ""},
      {R"({"city":"Lyon","n":"no number","n":1,"s":{"x":1,"y":2}})", ""},
      {R"({"c\u0069ty":"Oslo","city":"Lyon","n":1,"s":{"x":1,"y":2},"other":0,"other":1})", ""},
      {R"({"city":"Lyon","n":1,"s":{"x":1,"y":2},"n":null})",
       R"({"city":"Lyon","n":null,"s":{"x":1,"y":2}})"}};
  const std::string usual = R"({"city":"Lyon","n":1,"s":{"x":1,"y":2}})";
  std::vector<std::string> payloads;
  std::string wanted;
  const auto add = [&](const std::string& payload, const std::string& row) {
    payloads.push_back(payload);
    wanted += (row.empty() ? usual : row) + "\n";
  };
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 700; ++i) add(plain, "");
    for (const auto& [payload, row] : twice) {
      add(payload, row);
      add(plain, "");
    }
    for (int i = 0; i < 700; ++i) add(twice[static_cast<size_t>(round)].first, "");
  }
  both.check(payloads);
  EXPECT_GT(both.fast.shapes().hits(), 2'000);
  EXPECT_GT(both.fast.shapes().template_hits(), 1'000);
  Decoded d;
  ASSERT_TRUE(both.fast.decode(test::records(payloads), d).ok());
  EXPECT_EQ(rows_json(d.batch), wanted);
}

TEST(JsonShapes, NumbersAreHeldToTheGrammarAlsoWhereNobodyReadsThem) {
  Both both(decoder_spec({{"a", "int64"}}));
  both.check(std::vector<std::string>(10, R"({"x":1.5,"a":1})"));
  for (const std::string number : {"0",
                                   "-0",
                                   "00",
                                   "01",
                                   "-01",
                                   "1.",
                                   ".5",
                                   "-",
                                   "-.5",
                                   "1e5",
                                   "1E+5",
                                   "1e",
                                   "1e+",
                                   "1.5e-3",
                                   "1.5.5",
                                   "1-2",
                                   "123456789012345",
                                   "1234567890123456",
                                   "12345678901234567890123",
                                   "0.123456789012345",
                                   "0.1234567890123456789",
                                   "12345678.12345678",
                                   "1234567.12345678e9",
                                   "0x1",
                                   "1_0",
                                   "+1",
                                   "nul",
                                   "null",
                                   "tru",
                                   "true",
                                   "falsee",
                                   "\"\"",
                                   "\"\\n\"",
                                   "[]",
                                   "[1,]",
                                   "{}",
                                   "{\"y\":1}",
                                   "",
                                   " 1",
                                   "1 "}) {
    both.check({"{\"x\":" + number + ",\"a\":7}"});
    both.check({"{\"x\":" + number});
  }
}

}  // namespace json_shape_test
}  // namespace rideflow
