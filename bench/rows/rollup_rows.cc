// Rows into a rollup and a filtered sum out of it, through the store and the query road that jobs and HTTP
// use.
#include <fmt/format.h>

#include <boost/unordered/unordered_flat_map.hpp>

#include "bench/rows/druid_answer.h"
#include "bench/rows/quiet_env.h"
#include "bench/rows/rows.h"
#include "engine/builder.h"
#include "engine/hash.h"
#include "rollup/rollup_store.h"

namespace rideflow::bench {
namespace {

constexpr double kLeastIngest = 3e6;  // rows a second of CPU
constexpr double kLeastScan = 1e8;
constexpr int32_t kBatchRows = 2'048;
constexpr int64_t kCities = 100;
constexpr Micros kStart = 1'767'225'600 * kMicrosPerSecond;  // 2026-01-01
constexpr std::string_view kStatus[] = {"requested", "driver_assigned", "ride_started", "ride_completed",
                                        "ride_cancelled"};
constexpr int64_t kStatuses = 5;
constexpr int64_t kCompleted = 3;

// Rows in columns, as the rollup sink hands them over; and in plain numbers, for the loop that checks.
struct RideRows {
  std::vector<Micros> times;
  std::vector<int64_t> city;
  std::vector<int64_t> status;
  std::vector<double> fare;
  Column cities{};
  Column statuses{};

  RollupRows view() const {
    RollupRows rows;
    rows.rows = static_cast<int32_t>(times.size());
    rows.event_time = times.data();
    rows.dimensions = {&cities, &statuses};
    rollup::MetricInput count;
    rollup::MetricInput sum;
    sum.doubles = fare.data();
    sum.event_time = count.event_time = times.data();
    rows.metrics = {count, sum};
    return rows;
  }
};

RollupSpec spec_of(const std::string& name, int64_t granularity) {
  RollupSpec spec;
  spec.datasource = name;
  spec.granularity = Duration{0, 0, granularity};
  spec.dimensions = {{"city"}, {"status"}};
  spec.metrics = {{"count", MetricKind::count, "", ""}, {"fare_sum", MetricKind::double_sum, "fare", ""}};
  return spec;
}

// Row i of `place`, which gives its cell: time, city and status.
template <class Place>
RideRows make_rows(int64_t first, int32_t n, Micros granularity, const Place& place) {
  RideRows rows;
  ColumnBuilder cities(Kind::string);
  ColumnBuilder statuses(Kind::string);
  for (int64_t i = first; i < first + n; ++i) {
    const int64_t cell = place(i);
    rows.status.push_back(cell % kStatuses);
    rows.city.push_back(cell / kStatuses % kCities);
    rows.times.push_back(kStart + cell / kStatuses / kCities * granularity);
    rows.fare.push_back(static_cast<double>(mix64(static_cast<uint64_t>(i)) % 10'000) / 4);  // sums exactly
    cities.append_string(fmt::format("city {}", rows.city.back()));
    statuses.append_string(kStatus[rows.status.back()]);
  }
  rows.cities = cities.finish();
  rows.statuses = statuses.finish();
  return rows;
}

struct Totals {
  int64_t count = 0;
  double sum = 0;
};

std::string query_of(const std::string& datasource) {
  return fmt::format(R"({{"queryType":"timeseries","dataSource":"{}","granularity":"all",)"
                     R"("intervals":["2026-01-01/2027-01-01"],)"
                     R"("filter":{{"type":"selector","dimension":"status","value":"ride_completed"}},)"
                     R"("aggregations":[{{"type":"longSum","name":"n","fieldName":"count"}},)"
                     R"({{"type":"doubleSum","name":"fares","fieldName":"fare_sum"}}]}})",
                     datasource);
}

// Empty when the rides of the answer, of all its groups, are as many and cost as much as expected.
std::string check(const QueryAnswer& answer, Totals expected, const Report& report) {
  if (report.options().spoil) expected.count += 1;
  const std::string difference = answer_difference(answer, "n", static_cast<double>(expected.count));
  return difference.empty() ? answer_difference(answer, "fares", expected.sum) : difference;
}

// What one would write by hand for these rows: one hash table, codes of cities and statuses packed in a key.
// Completed rides only, as that is what is asked for.
class PlainCells {
 public:
  void add(const RideRows& rows) {
    for (size_t i = 0; i < rows.times.size(); ++i) {
      const int64_t key = ((rows.times[i] - kStart) / kGranularity * kCities + rows.city[i]) * kStatuses;
      Totals& cell = cells_[key + rows.status[i]];
      ++cell.count;
      cell.sum += rows.fare[i];
    }
  }
  Totals completed() const {
    Totals all;
    for (const auto& [key, cell] : cells_) {
      if (key % kStatuses != kCompleted) continue;
      all.count += cell.count;
      all.sum += cell.sum;
    }
    return all;
  }
  static constexpr Micros kGranularity = 60 * kMicrosPerSecond;

 private:
  boost::unordered_flat_map<int64_t, Totals> cells_;
};

Status add_all(RollupWriter& writer, const std::vector<RideRows>& batches, int64_t rounds) {
  std::vector<int32_t> expired;
  for (int64_t round = 0; round < rounds; ++round) {
    for (const RideRows& rows : batches) RF_TRY(writer.add(rows.view(), expired));
  }
  return expired.empty() ? Status() : Status::internal("rows of a rollup without retention are expired");
}

}  // namespace

Status rollup_ingest(const Catalog&, Report& report) {
  constexpr int64_t kCells = 10'000;
  const int64_t rounds = report.options().smoke ? 1 : 30;
  const int batches_made = report.options().smoke ? 16 : 64;
  std::vector<RideRows> batches;
  for (int64_t b = 0; b < batches_made; ++b) {
    batches.push_back(make_rows(b * kBatchRows, kBatchRows, PlainCells::kGranularity, [](int64_t i) {
      return static_cast<int64_t>(mix64(static_cast<uint64_t>(i) + 17) % kCells);
    }));
  }
  const int64_t rows = rounds * batches_made * kBatchRows;
  PosixEnv env(quiet());
  RF_ASSIGN(const std::shared_ptr<RollupStore> store,
            RollupStore::open(&env, report.options().work_dir + "/rollup_ingest"));
  const RollupQueries queries(&env, store);
  Row row = row_of("rollup_ingest", "rows/s", Aim::at_least, kLeastIngest);
  row.absolute = true;
  row.checked = true;
  std::vector<double> ours;
  std::vector<double> loops;
  for (int i = 0; i <= report.options().repeats; ++i) {
    const std::string name = fmt::format("ingest_{}", i);
    RF_ASSIGN(const auto writer,
              store->writer(spec_of(name, PlainCells::kGranularity), {"bench", name, 0, 1}));
    const int64_t begin = thread_cpu_nanos();
    RF_TRY(add_all(*writer, batches, rounds));
    store->snapshot(name);
    const int64_t middle = thread_cpu_nanos();
    PlainCells plain;
    for (int64_t round = 0; round < rounds; ++round) {
      for (const RideRows& batch : batches) plain.add(batch);
    }
    const int64_t end = thread_cpu_nanos();
    row.note = check(queries.post(query_of(name)), plain.completed(), report);
    row.checked = row.checked && row.note.empty();
    if (i == 0) continue;
    ours.push_back(per_second(rows, middle - begin));
    loops.push_back(per_second(rows, end - middle));
  }
  row.value = median(ours);
  row.limit = median(loops);
  report.add(std::move(row));
  return {};
}

namespace {

// Columns of the plain scan: codes and a sum a cell.
struct PlainColumns {
  std::vector<uint32_t> city;
  std::vector<uint32_t> status;
  std::vector<int64_t> count;
  std::vector<double> sum;

  Totals completed() const {
    Totals all;
    for (size_t i = 0; i < status.size(); ++i) {
      if (status[i] != kCompleted) continue;
      all.count += count[i];
      all.sum += sum[i];
    }
    return all;
  }
  // Of every city and status, added up.
  Totals grouped() const {
    std::vector<Totals> groups(kCities * kStatuses);
    for (size_t i = 0; i < status.size(); ++i) {
      Totals& group = groups[city[i] * kStatuses + status[i]];
      group.count += count[i];
      group.sum += sum[i];
    }
    Totals all;
    for (const Totals& group : groups) {
      all.count += group.count;
      all.sum += group.sum;
    }
    return all;
  }
};

// A query, and the loop that gives its result.
struct Scan {
  std::string name;
  std::string query;
  Totals (PlainColumns::*loop)() const;
  bool has_target = false;
};

std::string groups_query(const std::string& datasource) {
  return fmt::format(R"({{"queryType":"groupBy","dataSource":"{}","granularity":"all",)"
                     R"("dimensions":["city","status"],"intervals":["2026-01-01/2027-01-01"],)"
                     R"("aggregations":[{{"type":"longSum","name":"n","fieldName":"count"}},)"
                     R"({{"type":"doubleSum","name":"fares","fieldName":"fare_sum"}}]}})",
                     datasource);
}

Status measure_scan(const Scan& scan, const RollupQueries& queries, const PlainColumns& plain,
                    Report& report) {
  Row row = row_of(scan.name, "rows/s", scan.has_target ? Aim::at_least : Aim::none, kLeastScan);
  row.absolute = true;
  row.checked = true;
  const auto cells = static_cast<int64_t>(plain.status.size());
  std::vector<double> ours;
  std::vector<double> loops;
  for (int i = 0; i <= report.options().repeats; ++i) {
    const int64_t begin = thread_cpu_nanos();
    const QueryAnswer answer = queries.post(scan.query);
    const int64_t middle = thread_cpu_nanos();
    const Totals expected = (plain.*scan.loop)();
    const int64_t end = thread_cpu_nanos();
    row.note = check(answer, expected, report);
    row.checked = row.checked && row.note.empty();
    if (i == 0) continue;
    ours.push_back(per_second(cells, middle - begin));
    loops.push_back(per_second(cells, end - middle));
  }
  row.value = median(ours);
  row.limit = median(loops);
  report.add(std::move(row));
  return {};
}

}  // namespace

// A cell a row: every second, city and status once. First as cells in memory, then as a sealed segment.
Status rollup_scan(const Catalog&, Report& report) {
  const int64_t cells = report.options().smoke ? 20'480 : 2'048'000;
  PosixEnv env(quiet());
  const std::string dir = report.options().work_dir + "/rollup_scan";
  RollupStoreOptions options;
  options.seal_after_us = 0;
  RF_ASSIGN(const std::shared_ptr<RollupStore> store, RollupStore::open(&env, dir, options));
  RF_ASSIGN(const auto writer, store->writer(spec_of("scan", kMicrosPerSecond), {"bench", "scan", 0, 1}));
  PlainColumns plain;
  std::vector<int32_t> expired;
  for (int64_t first = 0; first < cells; first += kBatchRows) {
    const RideRows rows = make_rows(first, kBatchRows, kMicrosPerSecond, [](int64_t i) { return i; });
    RF_TRY(writer->add(rows.view(), expired));
    plain.city.insert(plain.city.end(), rows.city.begin(), rows.city.end());
    plain.status.insert(plain.status.end(), rows.status.begin(), rows.status.end());
    plain.count.insert(plain.count.end(), rows.times.size(), 1);
    plain.sum.insert(plain.sum.end(), rows.fare.begin(), rows.fare.end());
  }
  const RollupQueries queries(&env, store);
  const std::string query = query_of("scan");
  const Scan in_memory = {"rollup_scan_memory", query, &PlainColumns::completed, true};
  RF_TRY(measure_scan(in_memory, queries, plain, report));
  writer->set_watermark(kStart + 86'400 * kMicrosPerSecond);
  for (const int64_t epoch : {1, 2}) {
    RF_ASSIGN(const RollupPrepared prepared, writer->prepare(Epoch(epoch)));
    RF_TRY(prepared.persist());
    RF_TRY(writer->commit(prepared.handle));
  }
  const Scan sealed = {"rollup_scan_sealed", query, &PlainColumns::completed, true};
  RF_TRY(measure_scan(sealed, queries, plain, report));
  const Scan groups = {"rollup_group_by_sealed", groups_query("scan"), &PlainColumns::grouped};
  return measure_scan(groups, queries, plain, report);
}

}  // namespace rideflow::bench
