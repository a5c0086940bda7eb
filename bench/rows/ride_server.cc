#include "bench/rows/ride_server.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "bench/rows/quiet_env.h"
#include "state/data_dir.h"

namespace rideflow::bench {
namespace {
constexpr auto kAskEvery = std::chrono::milliseconds(1);
constexpr int64_t kStartDeadlineNanos = 60'000'000'000;
}  // namespace

Result<RideServer> RideServer::start(const Report& report, const std::string& name, const std::string& job,
                                     const std::string& datasource) {
  const std::string dir = report.options().work_dir + "/" + name;
  RF_ASSIGN(Child child, Child::start(report.options().rideflow,
                                      {"run", report.options().root + "/" + job, "--data-dir", dir,
                                       "--listen", "127.0.0.1:0", "--quiet"},
                                      report.options().work_dir + "/" + name + ".log"));
  RideServer server(std::move(child), datasource);
  PosixEnv env(quiet());
  for (const int64_t end = wall_nanos() + kStartDeadlineNanos; wall_nanos() < end;) {
    const auto owner = DataDir::owner(env, dir);
    if (owner.ok() && *owner && !(*owner)->address.empty()) {
      server.address_ = (*owner)->address;
      const auto http = server.client();
      const auto count = http.ok() ? server.count(**http) : Result<int64_t>(http.status());
      if (count.ok() && *count == 0) return server;
    }
    std::this_thread::sleep_for(kAskEvery);
  }
  return Status::internal("rideflow run did not begin to serve: see " + name + ".log");
}

Result<int64_t> RideServer::count(HttpClient& http) const {
  RF_ASSIGN(const QueryAnswer answer, ask(http, "count"));
  if (answer.body == "[]") return 0;
  const double n = answer_number(answer, "count");
  if (n >= 0) return static_cast<int64_t>(n);
  return Status::internal(fmt::format("no count in the answer {} {}", answer.status, answer.body));
}

Result<QueryAnswer> RideServer::ask(HttpClient& http, const std::string& metric) const {
  RF_ASSIGN(const HttpResponse response, http.call("POST", "/druid/v2", sum_query(datasource_, {metric})));
  QueryAnswer answer;
  answer.status = response.status;
  answer.body = response.body;
  return answer;
}

Status send_rides(HttpClient& http, const RideData& data, int64_t first, int64_t n) {
  std::string body;
  for (int64_t i = first; i < first + n; ++i) {
    body += data.event(i);
    body += '\n';
  }
  return http.text("POST", "/api/v1/topics/ride_events/records?partition=0", body).status();
}

}  // namespace rideflow::bench
