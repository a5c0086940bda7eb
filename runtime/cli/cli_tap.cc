// tap: live rows of one step of a job that runs in another process of this machine.
#include <fmt/format.h>

#include "dsl/job.h"
#include "runtime/cli/cli_command.h"
#include "runtime/http/http_client.h"
#include "runtime/posix_process.h"
#include "runtime/topic_open.h"

namespace rideflow {
namespace {

constexpr int kPauseMs = 200;

// A job is named by its file or by its name.
Result<std::string> job_name(CliContext& context, const std::string& argument) {
  const Result<std::string> text = read_file(context.env->fs(), argument);
  if (!text.ok()) return argument;
  LoadOptions options;
  options.lookup = [&](std::string_view name) { return context.variable(std::string(name)); };
  const LoadedJob job = load_job(*text, argument, *context.catalog, options);
  if (!job.spec.job.empty()) return job.spec.job;
  return Status::user(Code::invalid_argument,
                      fmt::format("{} does not name its job ('job: NAME').", argument));
}

std::string header(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

Status tap(CliContext& context, const ParsedArgs& args) {
  const std::string data_dir = args.get("data-dir", ".rideflow");
  RF_ASSIGN(const int64_t count, args.integer("count", -1, 1, INT64_MAX));
  RF_ASSIGN(const std::string job, job_name(context, args.arguments[0]));
  RF_ASSIGN(const std::string address, owner_address(context, data_dir));
  if (address.empty()) {
    return Status::user(
        Code::failed_precondition,
        fmt::format("Nothing runs on '{}': start the job with `rideflow dev`, or name its --data-dir.",
                    data_dir));
  }
  RF_ASSIGN(const auto client, HttpClient::make(address, access_token(context)));
  const std::string path =
      fmt::format("/api/v1/jobs/{}/tap/{}", percent_encode(job), percent_encode(args.arguments[1]));
  catch_stop_signals();
  std::string from = "0";
  for (int64_t printed = 0; !stop_signal_received() && printed != count;) {
    const int64_t limit = count < 0 ? 1000 : std::min<int64_t>(1000, count - printed);
    RF_ASSIGN(const HttpResponse response,
              client->call("GET", fmt::format("{}?limit={}&from={}", path, limit, from)));
    if (response.status != 200) return status_of(response);
    print(response.body);
    printed += std::count(response.body.begin(), response.body.end(), '\n');
    from = header(response, "X-Rideflow-Next");
    if (printed != count) sleep_ms(kPauseMs);
  }
  return {};
}

}  // namespace

Command tap_command() {
  CommandSpec spec = {"tap",
                      "FILE|JOB STEP",
                      "Print the rows of a step of a running job, as they come.",
                      2,
                      2,
                      {{"count", "N", "stop after N rows", false}, data_dir_flag()}};
  return Command(std::move(spec), [](CliContext& context, const ParsedArgs& args) {
    const Status status = tap(context, args);
    if (!status.ok()) print_error(status);
    return exit_code(status);
  });
}

}  // namespace rideflow
