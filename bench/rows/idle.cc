// What a process takes while nothing comes: `rideflow run` on topics without records, and then some rides,
// which must be counted, so that it was no dead process that took nothing.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <thread>

#include "bench/rows/ride_rows.h"
#include "bench/rows/ride_server.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

constexpr double kMostIdlePercent = 1;
constexpr int64_t kRides = 100;
constexpr int64_t kDeadlineNanos = 60'000'000'000;

struct Rest {
  double percent = 0;  // of one core
  std::string note;
};

Result<std::string> count_rides(const Report& report, const RideServer& server, const RideData& data) {
  RF_ASSIGN(const auto http, server.client());
  RF_TRY(send_rides(*http, data, 0, kRides));
  const int64_t expected = report.options().spoil ? kRides + 1 : kRides;
  int64_t count = 0;
  for (const int64_t end = wall_nanos() + kDeadlineNanos; wall_nanos() < end && count < kRides;) {
    RF_ASSIGN(count, server.count(*http));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return count == expected ? std::string() : fmt::format("{} of {} rides were counted", count, expected);
}

Result<Rest> rest(const Report& report, const RideData& data, const std::string& name, const std::string& job,
                  const std::string& datasource) {
  RF_ASSIGN(RideServer server, RideServer::start(report, name, job, datasource));
  const auto settle = std::chrono::milliseconds(report.options().smoke ? 10 : 1'000);
  const auto look = std::chrono::milliseconds(report.options().smoke ? 50 : 5'000);
  std::this_thread::sleep_for(settle);
  const int64_t cpu = server.cpu_nanos();
  const int64_t wall = wall_nanos();
  std::this_thread::sleep_for(look);
  Rest result;
  result.percent =
      100 * static_cast<double>(server.cpu_nanos() - cpu) / static_cast<double>(wall_nanos() - wall);
  RF_ASSIGN(result.note, count_rides(report, server, data));
  const int code = server.stop();
  if (code != 0) result.note = fmt::format("rideflow run ended with {}", code);
  return result;
}

}  // namespace

Status idle(const Catalog&, Report& report) {
  if (report.options().rideflow.empty()) {
    report.skip("idle", "no --rideflow FILE was given");
    return {};
  }
  RideOptions options = ride_options(report, 1'000);
  options.events = kRides;
  RF_ASSIGN(const RideData data, RideData::make(options));
  const std::array<std::array<const char*, 3>, 2> jobs = {
      {{"idle_topic", "bench/jobs/ride_visible.yaml", "visible_rides"},
       {"idle_ride_metrics", "jobs/ride_metrics/ride_metrics.yaml", "live_rides"}}};
  for (const auto& [name, job, datasource] : jobs) {
    RF_ASSIGN(Rest result, rest(report, data, name, job, datasource));
    Row row = row_of(name, "% of a core", Aim::at_most, kMostIdlePercent);
    row.note = result.note;
    report.add_figure(std::move(row), result.percent, result.note.empty());
  }
  return {};
}

}  // namespace rideflow::bench
