#include <fmt/format.h>

#include <map>
#include <random>

#include "engine/expr.h"
#include "engine/json_writer.h"
#include "engine/window_overlap.h"
#include "tests/support/operator_contract.h"

namespace rideflow::test {
namespace window_test {

constexpr Micros kSecond = kMicrosPerSecond;
constexpr Micros kStart = 1'700'000'000 * kSecond / 3600 / 24 * 3600 * 24;

struct Row {
  std::string city;  // "" is null
  std::optional<int64_t> fare;
  Micros time = 0;
  Micros watermark_before = kNoTime;  // of its partition
};

SchemaRef input_schema() {
  return make_schema(
      {{"city", Kind::string, true}, {"fare", Kind::int64, true}, {"big", Kind::boolean, true}});
}

AggregateCall call(const std::string& name, const std::string& function, const std::vector<int>& columns,
                   int filter = -1) {
  const SchemaRef schema = input_schema();
  AggregateCall made;
  made.name = name;
  made.function = function;
  std::vector<ArgInfo> args;
  for (const int column : columns) {
    made.args.push_back(make_column(*schema, column));
    args.push_back({schema->field(column).type, true, nullptr});
  }
  if (filter >= 0) made.filter = make_column(*schema, filter);
  auto aggregate = full_catalog().find_aggregate(function)->make(args);
  EXPECT_TRUE(aggregate.ok());
  made.aggregate = *aggregate;
  return made;
}

// With `subtractable` no aggregate is left that windows can't subtract (max).
std::shared_ptr<StepConfig> config_of(const WindowSpec& window, bool subtractable = false) {
  auto config = std::make_shared<StepConfig>();
  config->step = "city_minute";
  config->input = input_schema();
  config->inputs = {config->input};
  config->keys = {0};
  config->key_exprs = {{"city", make_column(*config->input, 0), {}}};
  config->window = std::make_shared<const WindowSpec>(window);
  config->aggregates = {call("n", "count", {}), call("fares", "sum", {1}),
                        call("most", subtractable ? "sum" : "max", {1}), call("big", "count", {1}, 2)};
  return config;
}

// Rows in arrival order, times out of order by up to `disorder`, with the partition's watermark before each
// (out_of_order of 5 s). Rows that are late for the window, or between two, are taken out as late_split does.
std::vector<Row> random_rows(uint64_t seed, int n, const WindowSpec& window, Micros disorder) {
  std::mt19937_64 random(seed);
  std::vector<Row> rows;
  Micros largest = kNoTime;
  Micros now = kStart;
  const char* cities[] = {"Lyon", "", "Paris", "a city with a long name", "Oslo"};
  for (int i = 0; i < n; ++i) {
    now += static_cast<Micros>(random() % (4 * kSecond));
    if (random() % 40 == 0) now += 90 * kSecond;
    Row row;
    row.city = cities[random() % 5];
    if (random() % 6 != 0) row.fare = static_cast<int64_t>(random() % 100);
    row.time = now - static_cast<Micros>(random() % static_cast<uint64_t>(disorder));
    row.watermark_before = largest == kNoTime ? kNoTime : largest - 5 * kSecond;
    largest = std::max(largest, row.time);
    if (windows_have_gaps(window) && is_in_gap(window, row.time)) continue;
    if (!is_late(window, row.time, row.watermark_before)) rows.push_back(row);
  }
  return rows;
}

Feed feed_of(const std::vector<Row>& rows) {
  Feed feed;
  feed.rows.schema = input_schema();
  feed.rows.rows = static_cast<int32_t>(rows.size());
  ColumnBuilder city(Kind::string), fare(Kind::int64), big(Kind::boolean), time(Kind::timestamp);
  Micros watermark = kNoTime;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    row.city.empty() ? city.append_null() : city.append_string(row.city);
    row.fare ? fare.append(*row.fare) : fare.append_null();
    row.fare ? big.append_bool(*row.fare > 50) : big.append_null();
    time.append(row.time);
    if (row.watermark_before != kNoTime && row.time < row.watermark_before) {
      feed.rows.behind.push_back({static_cast<int32_t>(i), row.watermark_before, BehindReason::late});
    }
    watermark = std::max({watermark, row.watermark_before, row.time - 5 * kSecond});
    feed.row_watermarks.push_back(watermark);
  }
  feed.rows.columns.push_back(city.finish());
  feed.rows.columns.push_back(fare.finish());
  feed.rows.columns.push_back(big.finish());
  feed.rows.event_time = time.finish().data;
  return feed;
}

// ---- The model: row at a time, all windows spelled out
// -----------------------------------------------------------------

struct Sums {
  bool subtractable = false;
  int64_t n = 0;
  std::optional<int64_t> fares;
  std::optional<int64_t> most;
  int64_t big = 0;
  void add(const Row& row) {
    ++n;
    if (!row.fare) return;
    fares = fares.value_or(0) + *row.fare;
    most = subtractable ? *fares : std::max(most.value_or(INT64_MIN), *row.fare);
    if (*row.fare > 50) ++big;
  }
};

std::string text(std::optional<int64_t> v) {
  return v ? std::to_string(*v) : "null";
}

std::string line(const std::string& city, std::optional<TimeRange> window, const Sums& s,
                 std::optional<int64_t> revision, Micros event_time) {
  std::string out = R"({"city":)" + (city.empty() ? "null" : '"' + city + '"');
  const auto time = [](Micros t) { return '"' + format_timestamp(t) + '"'; };
  out += R"(,"window_start":)" + (window ? time(window->start) : "null");
  out += R"(,"window_end":)" + (window ? time(window->end) : "null");
  out += fmt::format(R"(,"n":{},"fares":{},"most":{},"big":{})", s.n, text(s.fares), text(s.most), s.big);
  if (revision) out += fmt::format(R"(,"_revision":{})", *revision);
  return out + fmt::format("}} @{}", event_time);
}

std::vector<std::string> model(const std::vector<Row>& rows, Micros size, Micros slide, Micros lateness,
                               bool subtractable = false) {
  std::map<std::pair<Micros, std::string>, Sums> windows;
  for (const Row& row : rows) {
    for (Micros start = row.time - row.time % slide; start > row.time - size; start -= slide) {
      const bool late = row.watermark_before != kNoTime && row.watermark_before >= start + size + lateness;
      if (late) continue;
      Sums& sums = windows[{start, row.city}];
      sums.subtractable = subtractable;
      sums.add(row);
    }
  }
  std::vector<std::string> lines;
  for (const auto& [key, sums] : windows) {
    const TimeRange window{key.first, key.first + size};
    lines.push_back(line(key.second, window, sums, std::nullopt, window.end - 1));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

// For every key and window only the row of the last revision, without its number.
std::vector<std::string> last_revisions(const std::vector<std::string>& lines) {
  std::map<std::string, std::pair<int, std::string>> last;
  for (const std::string& l : lines) {
    const size_t n = l.find(R"(,"n":)");
    const size_t revision = l.find(R"(,"_revision":)");
    const int number = std::stoi(l.substr(revision + 13));
    auto& known = last[l.substr(0, n)];
    EXPECT_TRUE(known.second.empty() || known.first != number) << l;
    if (known.second.empty() || known.first < number)
      known = {number, l.substr(0, revision) + l.substr(l.find("} @"))};
  }
  std::vector<std::string> result;
  for (const auto& [key, value] : last) result.push_back(value.second);
  std::sort(result.begin(), result.end());
  return result;
}

WindowSpec tumbling(int seconds) {
  WindowSpec spec;
  spec.kind = WindowKind::tumbling;
  spec.size.micros = seconds * kSecond;
  return spec;
}
WindowSpec hopping(int size, int slide) {
  WindowSpec spec;
  spec.kind = WindowKind::hopping;
  spec.size.micros = size * kSecond;
  spec.slide.micros = slide * kSecond;
  return spec;
}

void check(const WindowSpec& spec, Micros size, Micros slide, bool subtractable = false) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<Row> rows = random_rows(seed, 150, spec, 12 * kSecond);
    OperatorCase c{"window", config_of(spec, subtractable), {feed_of(rows)}, true};
    std::vector<std::string> got = run_operator(c, {})["rows"];
    if (spec.emit == Emit::updates) got = last_revisions(got);
    ASSERT_EQ(got, model(rows, size, slide, spec.allowed_lateness, subtractable));
    for (const int32_t batch : {1, 7, 64}) {
      for (const bool restart : {false, true}) {
        PortRows result = run_operator(c, {batch, 2, restart, false, batch == 7});
        got = spec.emit == Emit::updates ? last_revisions(result["rows"]) : result["rows"];
        ASSERT_EQ(got, model(rows, size, slide, spec.allowed_lateness, subtractable)) << batch << restart;
        EXPECT_TRUE(result["late"].empty());
      }
    }
  }
}

// With lateness, without updates and with them; the spec as it was checked last.
WindowSpec check_waiting(WindowSpec spec, Micros size, Micros slide, bool subtractable = false) {
  spec.allowed_lateness = 20 * kSecond;
  check(spec, size, slide, subtractable);
  spec.emit = Emit::updates;
  check(spec, size, slide, subtractable);
  return spec;
}

TEST(Window, TumblingEqualsTheModel) {
  check(tumbling(30), 30 * kSecond, 30 * kSecond);
  check_waiting(tumbling(30), 30 * kSecond, 30 * kSecond);
}

class HoppingWindow : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, HoppingWindow, testing::Bool(),
                         [](const auto& p) { return p.param ? "Sliding" : "Tree"; });

TEST_P(HoppingWindow, EqualsTheModel) {
  check(hopping(60, 20), 60 * kSecond, 20 * kSecond, GetParam());
  check(hopping(50, 20), 50 * kSecond, 20 * kSecond, GetParam());  // slices of 10 s
  check(hopping(320, 5), 320 * kSecond, 5 * kSecond, GetParam());
  check_waiting(hopping(60, 15), 60 * kSecond, 15 * kSecond, GetParam());
}

TEST_P(HoppingWindow, ThatHaveGapsEqualTheModel) {
  check(hopping(20, 60), 20 * kSecond, 60 * kSecond, GetParam());
  check(hopping(7, 13), 7 * kSecond, 13 * kSecond, GetParam());
  check(hopping(30, 30), 30 * kSecond, 30 * kSecond, GetParam());
  WindowSpec waiting = check_waiting(hopping(15, 40), 15 * kSecond, 40 * kSecond, GetParam());
  waiting.every = Duration{0, 0, 5 * kSecond};
  check(waiting, 15 * kSecond, 40 * kSecond, GetParam());
}

// Months are of unequal length: none may take the place of another.
TEST_P(HoppingWindow, OfMonthsCountEveryMonthOnce) {
  WindowSpec spec = hopping(0, 0);
  spec.size.months = 3;
  spec.slide.months = 1;
  std::vector<Row> rows;
  for (int month = 0; month < 24; ++month)
    rows.push_back(
        {"Lyon", 1, add(parse_timestamp("2024-01-05").value(), {1, 0, 0}, month, nullptr), kNoTime});
  OperatorCase c{"window", config_of(spec, GetParam()), {feed_of(rows)}, true};
  const std::vector<std::string> got = run_operator(c, {})["rows"];
  ASSERT_EQ(got.size(), 26U);
  EXPECT_EQ(
      std::count_if(got.begin(), got.end(), [](const std::string& l) { return l.find("\"n\":3") != l.npos; }),
      22);
}

TEST(Window, GlobalGivesOneRowPerKeyAtTheEnd) {
  WindowSpec spec;
  spec.kind = WindowKind::global;
  const std::vector<Row> rows = random_rows(3, 200, spec, 12 * kSecond);
  std::map<std::string, Sums> keys;
  std::map<std::string, Micros> last;
  for (const Row& row : rows) {
    keys[row.city].add(row);
    last[row.city] = std::max(last[row.city], row.time);
  }
  OperatorCase c{"window", config_of(spec), {feed_of(rows)}, true};
  std::vector<std::string> expected;
  for (const auto& [city, sums] : keys)
    expected.push_back(line(city, std::nullopt, sums, std::nullopt, last[city]));
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(run_operator(c, {})["rows"], expected);
  c.end = false;
  EXPECT_TRUE(run_operator(c, {})["rows"].empty());
}

// Early results: a row counts from the slice of the later of its time and its partition's watermark.
std::vector<std::string> model_early(const std::vector<Row>& rows, Micros size, Micros slide, Micros every,
                                     bool cumulating) {
  struct Change {
    Micros at;
    Row row;
  };
  std::map<Micros, std::vector<Change>> windows;
  for (const Row& row : rows) {
    Micros start = size == 0 ? 0 : row.time - row.time % slide;
    for (; size == 0 ? start == 0 : start > row.time - size; start -= slide) {
      Micros effective = std::max(row.time, row.watermark_before);
      if (size != 0 && row.watermark_before >= start + size) continue;
      if (size != 0) effective = std::min(effective, start + size - 1);
      windows[start].push_back({effective - effective % every + every, row});
    }
  }
  std::vector<std::string> lines;
  for (auto& [start, changes] : windows) {
    std::map<Micros, std::vector<Row>> slices;
    std::map<std::string, Micros> last;
    for (const Change& c : changes) {
      slices[c.at].push_back(c.row);
      last[c.row.city] = std::max(last[c.row.city], c.row.time);
    }
    std::map<std::string, Sums> sums;
    std::map<std::string, int64_t> revisions;
    const Micros end = size == 0 ? kEndOfTime : start + size;
    if (size != 0) slices[end];
    for (const auto& [at, part] : slices) {
      std::set<std::string> changed;
      for (const Row& row : part) {
        sums[row.city].add(row);
        changed.insert(row.city);
      }
      for (const auto& [city, s] : sums) {
        if (at != end && changed.count(city) == 0) continue;
        const TimeRange window{start, cumulating ? at : end};
        lines.push_back(line(city, size == 0 ? std::nullopt : std::optional(window), s,
                             cumulating ? 0 : revisions[city]++, at - 1));
      }
    }
    if (size != 0) continue;
    for (const auto& [city, s] : sums)
      lines.push_back(line(city, std::nullopt, s, revisions[city]++, last[city]));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST(Window, EarlyResultsEqualTheModel) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    WindowSpec every = tumbling(60);
    every.every = Duration{0, 0, 10 * kSecond};
    WindowSpec global;
    global.kind = WindowKind::global;
    global.every = Duration{0, 0, 10 * kSecond};
    WindowSpec cumulating;
    cumulating.kind = WindowKind::cumulating;
    cumulating.size.micros = 60 * kSecond;
    cumulating.step.micros = 10 * kSecond;
    cumulating.emit = Emit::updates;
    WindowSpec hops = hopping(60, 20);
    hops.every = Duration{0, 0, 10 * kSecond};
    for (const WindowSpec& spec : {every, global, cumulating, hops}) {
      SCOPED_TRACE(static_cast<int>(spec.kind));
      const std::vector<Row> rows = random_rows(seed, 200, spec, 12 * kSecond);
      const Micros size = spec.kind == WindowKind::global ? 0 : 60 * kSecond;
      const Micros slide = spec.kind == WindowKind::hopping ? 20 * kSecond : 60 * kSecond;
      const auto expected = model_early(rows, size, slide, 10 * kSecond, spec.kind == WindowKind::cumulating);
      OperatorCase c{"window", config_of(spec), {feed_of(rows)}, true};
      ASSERT_EQ(run_operator(c, {})["rows"], expected);
      for (const int32_t batch : {1, 7, 64}) {
        ASSERT_EQ(run_operator(c, {batch, 2, true, false, false})["rows"], expected) << batch;
      }
    }
  }
}

TEST(Window, EarlyResultsThatWaitForLateRowsEndAsTheModel) {
  for (WindowSpec spec : {tumbling(60), hopping(60, 20)}) {
    spec.every = Duration{0, 0, 10 * kSecond};
    spec.allowed_lateness = 20 * kSecond;
    spec.emit = Emit::updates;
    check(spec, 60 * kSecond, spec.kind == WindowKind::hopping ? 20 * kSecond : 60 * kSecond);
  }
}

TEST(Window, KeepsTheContractOfOperators) {
  WindowSpec every = tumbling(60);
  every.every = Duration{0, 0, 10 * kSecond};
  for (const WindowSpec& spec : {tumbling(30), hopping(60, 20), every}) {
    SCOPED_TRACE(static_cast<int>(spec.kind));
    expect_contract({"window", config_of(spec), {feed_of(random_rows(9, 60, spec, 12 * kSecond))}, true});
  }
}

TEST(Window, RowsOfAWokenInputWhoseWindowIsGoneAreLate) {
  const std::vector<Row> rows = {{"Lyon", 1, kStart, kNoTime}, {"Lyon", 2, kStart + 100 * kSecond, kNoTime}};
  Feed first = feed_of(rows);
  Feed second = feed_of({{"Oslo", 3, kStart + 1, kNoTime}});
  first.row_watermarks.clear();
  second.row_watermarks.clear();
  first.watermark_after = kStart + 95 * kSecond;
  OperatorCase c{"window", config_of(tumbling(30)), {first, second}, true};
  PortRows result = run_operator(c, {});
  ASSERT_EQ(result["late"].size(), 1U);
  EXPECT_NE(result["late"][0].find(R"("city":"Oslo")"), std::string::npos);
  EXPECT_NE(result["late"][0].find(R"("_reason":"idle")"), std::string::npos);
  EXPECT_EQ(result["rows"].size(), 2U);
}

TEST(Window, AResultThatOverflowsIsRejected) {
  std::vector<Row> rows = {{"Lyon", INT64_MAX, kStart, kNoTime},
                           {"Lyon", INT64_MAX, kStart + 1, kNoTime},
                           {"Oslo", 5, kStart + 2, kNoTime}};
  OperatorCase c{"window", config_of(tumbling(30)), {feed_of(rows)}, true};
  PortRows result = run_operator(c, {});
  EXPECT_EQ(result["rows"].size(), 1U);
  ASSERT_EQ(result["rejected"].size(), 1U);
  EXPECT_NE(result["rejected"][0].find("fares: sum() overflows int64"), std::string::npos);
}

TEST(Window, ManyKeysAndSlicesFireInSmallPieces) {
  const WindowSpec spec = tumbling(30);
  std::vector<Row> rows;
  for (int i = 0; i < 30'000; ++i) rows.push_back({"k" + std::to_string(i), i, kStart + i, kNoTime});
  OperatorCase c{"window", config_of(spec), {feed_of(rows)}, true};
  const PortRows result = run_operator(c, {512, 1, false, true, true});
  EXPECT_EQ(result.at("rows").size(), 30'000U);
}

}  // namespace window_test
}  // namespace rideflow::test
