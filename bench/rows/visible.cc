// From an event's turn to its being in a query's answer: `rideflow run` as a process, events sent over HTTP
// at half of what the same road takes at most, and a client that asks all the time.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "bench/rows/ride_rows.h"
#include "bench/rows/ride_server.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

constexpr double kMostVisibleMs = 50;  // of 99.9 % of the events
constexpr std::chrono::microseconds kBatchEvery{5'000};
constexpr int64_t kBatches = 2'000;
constexpr int64_t kSmokeBatches = 20;
constexpr auto kAskEvery = std::chrono::milliseconds(1);
constexpr size_t kSenders = 4;  // each sends every fourth batch; the answer to one comes when it is durable
constexpr int64_t kWarmUpEvents = 1'000;
constexpr int64_t kDeadlineNanos = 60'000'000'000;
constexpr int64_t kEventsPerPost = 8'192;  // as fast as possible
constexpr char kJob[] = "bench/jobs/ride_visible.yaml";
constexpr char kDatasource[] = "visible_rides";

struct Seen {
  int64_t at = 0;  // when the answer was here
  int64_t events = 0;
};

// Asks until `all` events are there; every answer that shows more than the last is kept.
Status watch(const RideServer& server, int64_t all, std::vector<Seen>& seen) {
  RF_ASSIGN(const auto http, server.client());
  const int64_t end = wall_nanos() + kDeadlineNanos;
  while (wall_nanos() < end) {
    RF_ASSIGN(const int64_t events, server.count(*http));
    if (seen.empty() || events > seen.back().events) seen.push_back({wall_nanos(), events});
    if (events >= all) return {};
    std::this_thread::sleep_for(kAskEvery);
  }
  return Status::internal(fmt::format("{} of {} events became visible", seen.back().events, all));
}

double fare_of(std::string_view event) {
  constexpr std::string_view kKey = "\"fare\":";
  return std::strtod(event.data() + event.find(kKey) + kKey.size(), nullptr);  // of null: 0
}

// Batches of equal size, `every` microseconds one (0: as fast as they are taken).
struct Schedule {
  int64_t first = 0;  // event; those before it are visible
  int64_t per_batch = 0;
  int64_t batches = 0;
  std::chrono::microseconds every{0};

  int64_t events() const { return per_batch * batches; }
};

struct Played {
  std::chrono::steady_clock::time_point begin;
  std::vector<Seen> seen;
};

// Sends on schedule, whether answers came or not, until all events are visible.
Result<Played> play(const RideServer& server, const RideData& data, const Schedule& schedule) {
  Played played;
  Status watched;
  std::vector<Status> sent(kSenders);
  std::vector<std::thread> threads;
  played.begin = std::chrono::steady_clock::now();
  const int64_t all = schedule.first + schedule.events();
  threads.emplace_back([&] { watched = watch(server, all, played.seen); });
  for (size_t s = 0; s < kSenders; ++s) {
    threads.emplace_back([&, s] {
      const auto http = server.client();
      if (!http.ok()) sent[s] = http.status();
      for (auto batch = static_cast<int64_t>(s); batch < schedule.batches && sent[s].ok();
           batch += kSenders) {
        std::this_thread::sleep_until(played.begin + batch * schedule.every);
        sent[s] = send_rides(**http, data, schedule.first + batch * schedule.per_batch, schedule.per_batch);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Status& status : sent) RF_TRY(std::move(status));
  RF_TRY(std::move(watched));
  return played;
}

// The first events, on which nobody waits: what comes after them finds a job that runs.
Status warm_up(const RideServer& server, const RideData& data) {
  RF_ASSIGN(const auto http, server.client());
  RF_TRY(send_rides(*http, data, 0, kWarmUpEvents));
  std::vector<Seen> seen;
  return watch(server, kWarmUpEvents, seen);
}

// Events a second when they are sent as fast as they are taken.
Result<double> capacity(const Report& report, const RideData& data) {
  Schedule schedule;
  schedule.first = kWarmUpEvents;
  schedule.per_batch = std::min(kEventsPerPost, (data.events() - schedule.first) / int64_t{kSenders});
  schedule.batches = (data.events() - schedule.first) / schedule.per_batch;
  RF_ASSIGN(const RideServer server, RideServer::start(report, "visible_capacity", kJob, kDatasource));
  RF_TRY(warm_up(server, data));
  RF_ASSIGN(const Played played, play(server, data, schedule));
  const int64_t begin = std::chrono::nanoseconds(played.begin.time_since_epoch()).count();
  return per_second(schedule.events(), played.seen.back().at - begin);
}

struct Latencies {
  double p50_ms = 0;
  double p999_ms = 0;
  std::string note;
};

// An event's time counts from its batch's turn. Batches are told apart by how many events are visible, so
// they count as visible in the order of their turns.
Latencies latencies_of(const Played& played, const Schedule& schedule) {
  std::vector<double> ms;
  size_t next = 0;
  for (int64_t batch = 0; batch < schedule.batches; ++batch) {
    const int64_t events = schedule.first + (batch + 1) * schedule.per_batch;
    while (played.seen[next].events < events) ++next;
    const auto due = played.begin + batch * schedule.every;
    const int64_t late = played.seen[next].at - std::chrono::nanoseconds(due.time_since_epoch()).count();
    ms.push_back(static_cast<double>(late) / 1e6);
  }
  std::sort(ms.begin(), ms.end());
  Latencies result;
  result.p50_ms = ms[ms.size() / 2];
  result.p999_ms = ms[static_cast<size_t>(static_cast<double>(ms.size() - 1) * 0.999)];
  return result;
}

Result<Latencies> at_rate(const Report& report, const RideData& data, const Schedule& schedule) {
  RF_ASSIGN(RideServer server, RideServer::start(report, "visible_rate", kJob, kDatasource));
  RF_TRY(warm_up(server, data));
  RF_ASSIGN(const Played played, play(server, data, schedule));
  Latencies result = latencies_of(played, schedule);
  double fares = 0;
  for (int64_t i = 0; i < schedule.first + schedule.events(); ++i) fares += fare_of(data.event(i));
  if (report.options().spoil) fares += 1;
  RF_ASSIGN(const auto http, server.client());
  RF_ASSIGN(const QueryAnswer answer, server.ask(*http, "fare_sum"));
  result.note = answer_difference(answer, "fare_sum", fares);
  const int code = server.stop();
  if (code != 0) result.note = fmt::format("rideflow run ended with {}", code);
  return result;
}

}  // namespace

Status visible(const Catalog&, Report& report) {
  if (report.options().rideflow.empty()) {
    report.skip("visible", "no --rideflow FILE was given");
    return {};
  }
  const int64_t most = report.options().smoke ? 20'000 : report.options().events;
  RideOptions options = ride_options(report, 1'000);
  options.events = most;
  RF_ASSIGN(const RideData data, RideData::make(options));
  RF_ASSIGN(const double rate, capacity(report, data));
  Schedule half;
  half.first = kWarmUpEvents;
  half.every = kBatchEvery;
  half.per_batch = std::max<int64_t>(1, static_cast<int64_t>(rate / 2 * kBatchEvery.count() / 1e6));
  half.batches =
      std::min(report.options().smoke ? kSmokeBatches : kBatches, (most - half.first) / half.per_batch);
  RF_ASSIGN(const Latencies latencies, at_rate(report, data, half));
  const bool checked = latencies.note.empty();
  report.add_figure(row_of("visible_capacity", "events/s"), rate, checked);
  report.add_figure(row_of("visible_p50", "ms"), latencies.p50_ms, checked);
  Row row = row_of("visible_p999", "ms", Aim::at_most, kMostVisibleMs);
  row.note = latencies.note;
  report.add_figure(std::move(row), latencies.p999_ms, checked);
  return {};
}

}  // namespace rideflow::bench
