// ride_metrics: the main job whole, with its rollups and topics on disk, so that no fast path is there for
// the benchmark alone.
#include <fmt/format.h>

#include "bench/rows/bench_job.h"
#include "bench/rows/druid_answer.h"
#include "bench/rows/quiet_env.h"
#include "bench/rows/ride_metrics_totals.h"
#include "bench/rows/rows.h"
#include "rollup/rollup_store.h"
#include "topics/topic_store.h"

namespace rideflow::bench {
namespace {

constexpr double kVehiclesPerRide = 0.5;  // events; as `rideflow dev --generate` mixes them
constexpr double kUsersPerRide = 0.05;
constexpr const char* kUnused = "unused_ports";  // steps that the planner adds for late rows nobody reads
constexpr double kEventSeconds = 600;            // of event time that the events stretch over

Result<RideData> events_of(const std::string& kind, double events) {
  GeneratorOptions options;
  options.kind = kind;
  options.seed = 7;
  options.start = 1'767'225'600 * kMicrosPerSecond;  // 2026-01-01
  options.rate = events / kEventSeconds;
  options.pace = 20;
  options.disorder = 2 * kMicrosPerSecond;
  // Beyond the first rides' lives, when every status is there in its share.
  return RideData::generate(options, static_cast<int64_t>(options.rate * 600), static_cast<int64_t>(events));
}

struct World {
  PosixEnv env{quiet()};
  std::shared_ptr<TopicStore> topics;
  std::shared_ptr<RollupStore> rollups;
  Resources resources;
  std::shared_ptr<JobStorage> storage;

  Status open(const std::string& dir) {
    RF_ASSIGN(topics, TopicStore::open(env, dir + "/topics"));
    RF_ASSIGN(rollups, RollupStore::open(&env, dir + "/rollups"));
    resources.add<TopicStore>("", topics);
    resources.add<RollupStore>("rollups", rollups);
    RF_ASSIGN(storage, disk_storage(env, dir));
    return {};
  }
};

// Empty when all that the job left behind adds up to `expected`.
std::string check(World& world, const RideMetricsTotals& expected) {
  const RollupQueries queries(&world.env, world.rollups);
  struct Sum {
    const char* datasource;
    const char* metric;
    double expected;
  };
  const Sum sums[] = {
      {"live_rides", "count", static_cast<double>(expected.rides)},
      {"live_rides", "fare_sum", expected.fares},
      {"rides_by_minute", "requested", static_cast<double>(expected.requested)},
      {"rides_by_minute", "completed", static_cast<double>(expected.completed)},
      {"rides_by_minute", "cancelled", static_cast<double>(expected.cancelled)},
      {"rides_by_minute", "revenue", expected.revenue},
      {"live_cells", "requests", static_cast<double>(expected.requests_with_place)},
      {"live_ratings", "ratings", static_cast<double>(expected.ratings)},
      {"live_ratings", "rating_sum", expected.rating_sum},
  };
  for (const Sum& sum : sums) {
    const QueryAnswer answer = queries.post(sum_query(sum.datasource, {sum.metric}));
    const std::string difference = answer_difference(answer, sum.metric, sum.expected);
    if (!difference.empty()) return std::string(sum.datasource) + ": " + difference;
  }
  const std::pair<const char*, int64_t> topics[] = {{"ride_metrics", expected.city_minutes},
                                                    {"ride_times", expected.trips},
                                                    {"late_rides", 0},
                                                    {"rejected_rides", 0}};
  for (const auto& [name, records] : topics) {
    const auto topic = world.topics->find(name);
    if (!topic.ok()) return topic.status().to_string();
    if ((*topic)->records() == records) continue;
    return fmt::format("topic {} has {} records, expected {}", name, (*topic)->records(), records);
  }
  return {};
}

}  // namespace

Status ride_metrics(const Catalog& catalog, Report& report) {
  const double rides = static_cast<double>(report.options().smoke ? 20'000 : report.options().events) * 0.6;
  RF_ASSIGN(const RideData ride_events, events_of("rides", rides));
  RF_ASSIGN(const RideData vehicle_events, events_of("vehicles", rides * kVehiclesPerRide));
  RF_ASSIGN(const RideData user_events, events_of("users_schema", rides * kUsersPerRide));
  RideMetricsTotals expected = ride_metrics_totals(ride_events, user_events);
  if (report.options().spoil) expected.revenue += 1;
  RF_ASSIGN(const BenchJob job,
            BenchJob::load(catalog, report.options().root + "/jobs/ride_metrics/ride_metrics.yaml"));

  const int64_t events = ride_events.events() + vehicle_events.events() + user_events.events();
  Row row = row_of("ride_metrics", "events/s");
  std::vector<double> rates;
  std::map<std::string, std::vector<double>> shares;
  for (int i = 0; i <= report.options().repeats; ++i) {
    World world;
    RF_TRY(world.open(fmt::format("{}/ride_metrics_{}", report.options().work_dir, i)));
    RunOptions options;
    options.memory = {{"rides", &ride_events}, {"vehicles", &vehicle_events}, {"users", &user_events}};
    options.own_sinks = true;
    options.resources = &world.resources;
    options.storage = world.storage;
    options.checkpoint_at = events / 2;
    RF_ASSIGN(const RunResult run, job.run(options));
    if (row.note.empty()) row.note = check(world, expected);
    if (i == 0) continue;
    rates.push_back(per_second(events, run.process_cpu_nanos));
    int64_t busy = 0;
    for (const auto& [step, nanos] : run.busy_nanos) busy += nanos;
    std::map<std::string, int64_t> parts;
    for (const auto& [step, nanos] : run.busy_nanos) parts[step.starts_with('_') ? kUnused : step] += nanos;
    for (const auto& [step, nanos] : parts) {
      shares[step].push_back(100.0 * static_cast<double>(nanos) / static_cast<double>(busy));
    }
  }
  row.value = median(rates);
  row.checked = row.note.empty();
  const bool checked = row.checked;
  report.add(std::move(row));
  for (const auto& [step, values] : shares) {
    report.add_figure(row_of("ride_metrics_" + step, "% of busy"), median(values), checked);
  }
  return {};
}

}  // namespace rideflow::bench
