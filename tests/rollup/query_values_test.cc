// How values compare, match and are counted in native queries.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "engine/virtual_env.h"
#include "rollup/query/datum.h"
#include "rollup/query/text_match.h"
#include "rollup/rollup_queries.h"
#include "tests/support/rollup_rows.h"

namespace rideflow {
namespace query_values_test {

using rollup::Datum;
using rollup::Ordering;
using test::RollupRow;
using testing::HasSubstr;

constexpr int64_t kBig = int64_t{1} << 53;

int sign(int x) {
  return x < 0 ? -1 : (x > 0 ? 1 : 0);
}

std::string shown(const Datum& d) {
  return d.is_null() ? "null" : (d.kind == Datum::Kind::text ? "'" : "") + *rollup::text_of(d);
}

// Every kind of value near every edge.
std::vector<Datum> edge_values() {
  static const std::vector<std::string> texts = {"",
                                                 "nan",
                                                 "NaN",
                                                 "inf",
                                                 "-inf",
                                                 "Infinity",
                                                 "infinity",
                                                 "0",
                                                 "-0",
                                                 "00",
                                                 "1",
                                                 "01",
                                                 "1.0",
                                                 "+1",
                                                 "+-1",
                                                 "0.1",
                                                 "1e1",
                                                 "10",
                                                 "1e",
                                                 "e1",
                                                 ".5",
                                                 "5.",
                                                 ".",
                                                 "-",
                                                 "0x10",
                                                 "1 ",
                                                 "a1",
                                                 "A",
                                                 "1e400",
                                                 "-1e400",
                                                 "1e-400",
                                                 "9007199254740993",
                                                 "9007199254740992.5",
                                                 "9223372036854775808",
                                                 "0.1000000000000000055511151231257827",
                                                 "99999999999999999999",
                                                 "1_0",
                                                 "nano",
                                                 "info"};
  std::vector<Datum> out = {Datum()};
  for (const std::string& t : texts) out.push_back(Datum::of(std::string_view(t)));
  for (const int64_t i : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{10}, kBig, kBig + 1, kBig - 1,
                          -kBig - 1, INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1}) {
    out.push_back(Datum::of(i));
  }
  for (const double d :
       {0.0, -0.0, 1.0, 0.1, -0.1, 0.5, 10.0, static_cast<double>(kBig), static_cast<double>(kBig) + 2,
        9223372036854775808.0, -9223372036854775808.0, 1e300, 5e-324, std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity(), std::nan("")}) {
    out.push_back(Datum::of(d));
  }
  return out;
}

TEST(Orders, AreTotal) {
  const std::vector<Datum> values = edge_values();
  const auto name = [&](const Datum& a, const Datum& b) { return shown(a) + " ? " + shown(b); };
  for (const Ordering ordering :
       {Ordering::numeric, Ordering::lexicographic, Ordering::alphanumeric, Ordering::strlen}) {
    // As a column's values are: texts, or numbers of both kinds; numeric ones also mixed.
    const auto comparable = [&](const Datum& a, const Datum& b) {
      return ordering == Ordering::numeric || a.is_null() || b.is_null() || a.is_numeric() == b.is_numeric();
    };
    for (const Datum& a : values) {
      EXPECT_EQ(compare(a, a, ordering), 0) << shown(a);
      for (const Datum& b : values) {
        if (!comparable(a, b)) continue;
        const int ab = sign(compare(a, b, ordering));
        EXPECT_EQ(ab, -sign(compare(b, a, ordering))) << name(a, b);
        for (const Datum& c : values) {
          if (!comparable(b, c) || !comparable(a, c)) continue;
          const int bc = sign(compare(b, c, ordering));
          if (ab <= 0 && bc <= 0) {
            EXPECT_LE(sign(compare(a, c, ordering)), std::max(ab, bc)) << name(a, b) << " ? " << shown(c);
          }
        }
      }
    }
  }
}

TEST(Orders, NumericTable) {
  const auto t = [](const char* s) { return Datum::of(std::string_view(s)); };
  const std::vector<std::vector<Datum>> ascending = {
      // Words are no numbers, whatever a C library reads in them.
      {t("Infinity"), t("NaN"), t("a"), t("inf"), t("nan"), t("-1e400"), t("-5"), t("0"), t("2"), t("10"),
       t("1e400")},
      {Datum::of(kBig - 1), Datum::of(static_cast<double>(kBig)), Datum::of(kBig + 1),
       Datum::of(static_cast<double>(kBig) + 2)},
      {t("9007199254740992"), t("9007199254740992.5"), t("9007199254740993"), t("99999999999999999999")},
      {Datum::of(-std::numeric_limits<double>::infinity()), Datum::of(INT64_MIN), Datum::of(INT64_MAX),
       Datum::of(9223372036854775808.0), Datum::of(std::numeric_limits<double>::infinity()),
       Datum::of(std::nan(""))},
      {Datum(), t("x"), t("1"), Datum::of(int64_t{2}), t("2.5"), Datum::of(3.0), Datum::of(std::nan(""))},
  };
  for (const auto& list : ascending) {
    for (size_t i = 0; i + 1 < list.size(); ++i) {
      EXPECT_LT(compare(list[i], list[i + 1], Ordering::numeric), 0)
          << shown(list[i]) << " < " << shown(list[i + 1]);
    }
  }
  for (const auto& [a, b] : std::vector<std::pair<Datum, Datum>>{{t("1"), t("01")},
                                                                 {t("1.0"), Datum::of(int64_t{1})},
                                                                 {t("0.1"), Datum::of(0.1)},
                                                                 {t("-0"), t("0")},
                                                                 {Datum::of(-0.0), Datum::of(0.0)},
                                                                 {t("1e1"), t("10")}}) {
    EXPECT_EQ(compare(a, b, Ordering::numeric), 0) << shown(a) << " = " << shown(b);
  }
}

TEST(Numbers, AreReadAsJavaReadsThem) {
  for (const std::string word :
       {"nan", "inf", "-inf", "INF", "infinity", "NAN", "nan(1)", "+-1", "+", "-", "", "e5", "1x"}) {
    EXPECT_FALSE(rollup::parse_double(word)) << word;
    EXPECT_FALSE(rollup::parse_long(word)) << word;
  }
  EXPECT_TRUE(std::isnan(*rollup::parse_double("NaN")));
  EXPECT_EQ(*rollup::parse_double("-Infinity"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(*rollup::parse_double("+.5"), 0.5);
  EXPECT_EQ(*rollup::parse_long("+5"), 5);
}

// ---- like

// What a pattern means, in the plainest way.
bool plain_like(const std::string& text, size_t t, const std::string& pattern, size_t p, char escape) {
  if (p == pattern.size()) return t == text.size();
  if (escape != 0 && pattern[p] == escape) {
    if (p + 1 == pattern.size()) return t == text.size();
    return t < text.size() && text[t] == pattern[p + 1] && plain_like(text, t + 1, pattern, p + 2, escape);
  }
  if (pattern[p] == '%') {
    for (size_t skip = t; skip <= text.size(); ++skip) {
      if (plain_like(text, skip, pattern, p + 1, escape)) return true;
    }
    return false;
  }
  return t < text.size() && (pattern[p] == '_' || pattern[p] == text[t]) &&
         plain_like(text, t + 1, pattern, p + 1, escape);
}

TEST(Like, EveryEscapeAgainstThePlainMeaning) {
  const uint64_t seed = 5;
  std::mt19937_64 random(seed);
  const std::string alphabet = "a%_\\b";
  const auto some = [&](size_t most) {
    std::string out;
    for (size_t n = random() % (most + 1); n > 0; --n) out += alphabet[random() % alphabet.size()];
    return out;
  };
  int matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    const char escape = std::string("\0\\%_a", 5)[random() % 5];
    const std::string text = some(5);
    const std::string pattern = some(6);
    const bool wanted = plain_like(text, 0, pattern, 0, escape);
    matched += wanted ? 1 : 0;
    ASSERT_EQ(rollup::like_match(text, pattern, escape), wanted)
        << "'" << text << "' like '" << pattern << "' escape " << int{escape} << ", seed " << seed;
  }
  EXPECT_GT(matched, 1'500);
  EXPECT_TRUE(rollup::like_match("50%", "50%%", '%'));
  EXPECT_FALSE(rollup::like_match("50", "50%%", '%'));
  EXPECT_FALSE(rollup::like_match("50x", "50%%", '%'));
}

// ---- Over a rollup

class RollupValues : public testing::Test {
 protected:
  RollupValues() {
    RollupSpec spec;
    spec.datasource = "values";
    spec.granularity = *parse_granularity("hour");
    spec.dimensions = {{"name"}};
    spec.metrics = {{"count", MetricKind::count, "", ""},
                    {"long", MetricKind::long_sum, "long", ""},
                    {"double", MetricKind::double_max, "double", ""},
                    {"users", MetricKind::distinct_sketch, "user", ""}};
    RollupStoreOptions options;
    options.publish_interval_us = 0;
    store_ = *RollupStore::open(&env_, "rollups", options);
    auto writer = *store_->writer(spec, {"l1", "sink", 0, 1});
    std::vector<RollupRow> rows;
    const auto add = [&](int hour, const std::string& name, int64_t l, double d, int users) {
      for (int u = 0; u < std::max(users, 1); ++u) {
        rows.push_back({VirtualEnv::kStart + hour * 3600 * kMicrosPerSecond,
                        {Value::string(name)},
                        {Value::null(), u == 0 ? Value::int64(l) : Value::null(), Value::float64(d),
                         users == 0 ? Value::null() : Value::string("u" + std::to_string(u))}});
      }
    };
    add(0, "b", kBig, 1, 5);
    add(0, "a", kBig + 1, std::nan(""), 0);
    add(1, "a", 3, 2, 768);
    add(1, "nan", INT64_MAX, std::numeric_limits<double>::infinity(), 1);
    std::vector<int32_t> expired;
    const test::RollupBatch batch(spec, rows);
    EXPECT_TRUE(writer->add(batch.rows(), expired).ok());
    EXPECT_TRUE(test::commit_epoch(*writer, 1, VirtualEnv::kStart).ok());
    queries_.emplace(&env_, store_);
  }

  std::string group_by(const std::string& rest, const std::string& context = "") const {
    const QueryAnswer answer = queries_->post(
        R"({"queryType":"groupBy","dataSource":"values","granularity":"hour","intervals":"2000/2100",)"
        R"("dimensions":["name"],"context":{"resultAsArray":true)" +
        context +
        R"(},"aggregations":[{"type":"longSum","name":"l","fieldName":"long"},)"
        R"({"type":"doubleMax","name":"d","fieldName":"double"}])" +
        rest + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.body;
  }
  // "0b 1a": hours and names of the rows, as ordered.
  static std::string keys(const std::string& body) {
    std::string out;
    const auto rows = boost::json::parse(body).as_array();
    for (const auto& row : rows) {
      const int64_t hour =
          (row.at(0).to_number<int64_t>() * 1000 - VirtualEnv::kStart) / (3600 * kMicrosPerSecond);
      out += (out.empty() ? "" : " ") + std::to_string(hour) + std::string(row.at(1).as_string());
    }
    return out;
  }
  std::string having(const std::string& type, const std::string& column, const std::string& value) const {
    return keys(group_by(R"(,"having":{"type":")" + type + R"(","aggregation":")" + column + R"(","value":)" +
                         value + "}"));
  }

  VirtualEnv env_;
  std::shared_ptr<RollupStore> store_;
  std::optional<RollupQueries> queries_;
};

TEST_F(RollupValues, HavingComparesExactly) {
  EXPECT_EQ(keys(group_by("")), "0a 0b 1a 1nan");
  EXPECT_EQ(having("equalTo", "l", "9007199254740993"), "0a");
  EXPECT_EQ(having("equalTo", "l", "9007199254740992"), "0b");
  EXPECT_EQ(having("equalTo", "l", "9007199254740992.0"), "0b");
  EXPECT_EQ(having("equalTo", "l", R"("9007199254740993")"), "0a");
  EXPECT_EQ(having("greaterThan", "l", "9007199254740992"), "0a 1nan");
  EXPECT_EQ(having("lessThan", "l", "9007199254740993"), "0b 1a");
  EXPECT_EQ(having("greaterThan", "l", "9223372036854775806"), "1nan");
  EXPECT_EQ(having("equalTo", "l", "9223372036854775808"), "") << "no long is so great";
  EXPECT_EQ(having("lessThan", "l", "3.5"), "1a");
}

TEST_F(RollupValues, NanIsGreaterThanAllAndEqualToNothingElse) {
  EXPECT_EQ(having("equalTo", "d", "1"), "0b");
  EXPECT_EQ(having("equalTo", "d", "7"), "");
  EXPECT_EQ(having("lessThan", "d", "7"), "0b 1a");
  const std::string greater = having("greaterThan", "d", "1");
  EXPECT_THAT(greater, HasSubstr("1a"));
  EXPECT_THAT(greater, HasSubstr("1nan"));
}

TEST_F(RollupValues, FiltersOverLongsAreExact) {
  const auto filtered = [&](const std::string& filter) { return keys(group_by(R"(,"filter":)" + filter)); };
  EXPECT_EQ(filtered(R"({"type":"selector","dimension":"long","value":"9007199254740993"})"), "0a");
  EXPECT_EQ(filtered(R"({"type":"selector","dimension":"long","value":"9007199254740993.0"})"), "0a");
  EXPECT_EQ(filtered(R"({"type":"in","dimension":"long","values":["9007199254740993"]})"), "0a");
  EXPECT_EQ(filtered(R"({"type":"in","dimension":"long","values":["3.0","nan"]})"), "1a");
  EXPECT_EQ(
      filtered(R"({"type":"bound","dimension":"long","lower":"9007199254740993","ordering":"numeric"})"),
      "0a 1nan");
  EXPECT_EQ(filtered(R"({"type":"bound","dimension":"name","lower":"0","ordering":"numeric"})"), "")
      << "'nan' is a word";
  EXPECT_EQ(filtered(R"({"type":"like","dimension":"name","pattern":"%%","escape":"%"})"), "");
}

TEST_F(RollupValues, SortByDimsFirst) {
  EXPECT_EQ(keys(group_by("", R"(,"sortByDimsFirst":true)")), "0a 1a 0b 1nan");
  EXPECT_EQ(keys(group_by("", R"(,"sortByDimsFirst":"true")")), "0a 1a 0b 1nan");
  EXPECT_EQ(keys(group_by("", R"(,"sortByDimsFirst":false)")), "0a 0b 1a 1nan");
  const std::string by_long =
      R"(,"limitSpec":{"type":"default","columns":[{"dimension":"l","direction":"descending"}]})";
  EXPECT_EQ(keys(group_by(by_long)), "0a 0b 1nan 1a");
  EXPECT_EQ(keys(group_by(by_long, R"(,"sortByDimsFirst":true)")), "1nan 0a 0b 1a");
}

TEST_F(RollupValues, DistinctCountsAreExactEverywhere) {
  const std::string field = R"({"type":"fieldAccess","fieldName":"u"})";
  for (const std::string aggregator : {"hyperUnique", "thetaSketch", "HLLSketchMerge"}) {
    const QueryAnswer answer = queries_->post(
        R"({"queryType":"groupBy","dataSource":"values","granularity":"hour","intervals":"2000/2100",)"
        R"("dimensions":["name"],"aggregations":[{"type":")" +
        aggregator +
        R"(","name":"u","fieldName":"users"}],"postAggregations":[)"
        R"({"type":"hyperUniqueCardinality","name":"p1","fieldName":"u"},)"
        R"({"type":"finalizingFieldAccess","name":"p2","fieldName":"u"},)"
        R"({"type":"arithmetic","name":"p3","fn":"+","fields":[)" +
        field +
        R"(,{"type":"constant","value":0}]},{"type":"expression","name":"p4","expression":"u + 0"},)"
        R"({"type":"thetaSketchEstimate","name":"p5","field":)" +
        field + R"(},{"type":"HLLSketchEstimate","name":"p6","field":)" + field +
        R"(},{"type":"thetaSketchEstimate","name":"p7","field":{"type":"thetaSketchSetOp","name":"x",)"
        R"("func":"INTERSECT","fields":[)" +
        field + "," + field + R"(]}}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto rows = boost::json::parse(answer.body).as_array();
    for (const auto& row : rows) {
      const auto& event = row.at("event");
      const std::string name(event.at("name").as_string());
      const bool first = std::string(row.at("timestamp").as_string()).find("00:00") != std::string::npos;
      const double users = name == "b" ? 5 : (name == "nan" ? 1 : event.at("u").to_number<double>());
      EXPECT_TRUE(users == 0 || users == 1 || users == 5 || users == 768) << name << first << ": " << users;
      for (const char* post : {"u", "p1", "p2", "p3", "p4", "p5", "p6", "p7"}) {
        EXPECT_EQ(event.at(post).to_number<double>(), users) << aggregator << " " << post << " " << name;
      }
    }
  }
}

}  // namespace query_values_test
}  // namespace rideflow
