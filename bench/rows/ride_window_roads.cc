// ride_window by other roads than one thread over memory: from an embedded topic on disk, and on two threads.
#include "bench/rows/quiet_env.h"
#include "bench/rows/ride_rows.h"
#include "bench/rows/rows.h"
#include "bench/rows/topic_data.h"
#include "topics/topic_store.h"

namespace rideflow::bench {
namespace {

constexpr double kLeastTopicShare = 0.6;      // of the same events from memory
constexpr double kLeastTwoThreadsGain = 1.8;  // over one thread

struct Pair {
  std::vector<double> ours;
  std::vector<double> limit;
};

// Both ways in turn over the same events; the first of each is checked against the plain loop and not timed.
template <class Ours, class Limit>
Status compare(const RideData& data, Row row, Report& report, const Ours& ours, const Limit& limit) {
  Pair rates;
  for (int i = 0; i <= report.options().repeats; ++i) {
    std::pair<RunResult, int64_t> a, b;
    RF_ASSIGN(b, limit());
    RF_ASSIGN(a, ours());
    if (i == 0) {
      row.note = check_against_loop(a.first, ride_loop(data), report);
      if (row.note.empty()) row.note = check_against_loop(b.first, ride_loop(data), report);
      row.checked = row.note.empty();
      continue;
    }
    rates.ours.push_back(per_second(data.events(), a.second));
    rates.limit.push_back(per_second(data.events(), b.second));
  }
  row.value = median(rates.ours);
  row.limit = median(rates.limit);
  report.add(std::move(row));
  return {};
}

}  // namespace

Status ride_window_topic(const Catalog& catalog, Report& report) {
  if (loop_skipped("ride_window_topic", report)) return {};
  RF_ASSIGN(const BenchJob job, load_ride_window(catalog, report));
  RF_ASSIGN(const RideData data, RideData::make(ride_options(report, 1'000)));
  PosixEnv env(quiet());
  const std::string dir = report.options().work_dir + "/ride_window_topic";
  RF_TRY(write_topic(env, dir, data));
  RF_ASSIGN(const std::shared_ptr<TopicStore> store, TopicStore::open(env, dir));
  Resources resources;
  resources.add<TopicStore>("", store);
  using Timed = std::pair<RunResult, int64_t>;
  const auto from_topic = [&]() -> Result<Timed> {
    RunOptions options;
    options.resources = &resources;
    RF_ASSIGN(RunResult run, job.run(options));
    const int64_t nanos = run.cpu_nanos;
    return Timed(std::move(run), nanos);
  };
  const auto from_memory = [&]() -> Result<Timed> {
    RF_ASSIGN(RunResult run, job.run(data, {}));
    const int64_t nanos = run.cpu_nanos;
    return Timed(std::move(run), nanos);
  };
  RF_TRY(compare(data, row_of("ride_window_topic", "events/s", Aim::at_least, kLeastTopicShare), report,
                 from_topic, from_memory));
  return store->remove("ride_events");
}

Status ride_window_two_threads(const Catalog& catalog, Report& report) {
  if (loop_skipped("ride_window_two_threads", report)) return {};
  RF_ASSIGN(const BenchJob job, load_ride_window(catalog, report));
  RF_ASSIGN(const RideData data, RideData::make(ride_options(report, 1'000)));
  using Timed = std::pair<RunResult, int64_t>;
  const auto on = [&](int threads) -> Result<Timed> {
    RunOptions options;
    options.threads = threads;
    RF_ASSIGN(RunResult run, job.run(data, options));
    const int64_t nanos = run.wall_nanos;
    return Timed(std::move(run), nanos);
  };
  return compare(
      data, row_of("ride_window_two_threads", "events/s", Aim::at_least, kLeastTwoThreadsGain), report,
      [&] { return on(2); }, [&] { return on(1); });
}

}  // namespace rideflow::bench
