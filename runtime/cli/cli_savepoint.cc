// savepoint: a checkpoint that its owner keeps, of a job that runs or that has run.
#include <fmt/format.h>

#include "dsl/job.h"
#include "runtime/cli/cli_server.h"
#include "runtime/object_places.h"
#include "runtime/posix_process.h"
#include "runtime/savepoints.h"
#include "runtime/topic_open.h"
#include "state/data_dir.h"

namespace rideflow {
namespace {

// Nobody has the data directory: this process takes it for as long as it copies.
Status savepoint_at_rest(CliContext& context, const std::string& job, const std::string& data_dir,
                         const std::string& place) {
  Env& env = *context.env;
  const Result<DirEntry> made = env.fs().stat(join_path(data_dir, "FORMAT"));
  if (!made.ok()) {
    return Status::user(Code::not_found,
                        fmt::format("There is no data directory '{}': name it with --data-dir.", data_dir));
  }
  if (!is_job_name(job)) return Status::user(Code::not_found, fmt::format("There is no job '{}'.", job));
  RF_ASSIGN(const auto dir, DataDir::open(env, data_dir, process_id()));
  RF_ASSIGN(const std::string to, savepoint_place(env, dir->savepoints(), job, place));
  RF_ASSIGN(const auto held, HeldCheckpoint::hold(env, savepoint_source(env, *dir, job), std::nullopt));
  RF_ASSIGN(const auto store, open_place(env, to));
  RF_ASSIGN(const int64_t bytes, held->write(*store));
  print(fmt::format("{}: savepoint of checkpoint {} in {}, {} bytes\n", job, held->epoch().value, to, bytes));
  return {};
}

Status take(CliContext& context, const ParsedArgs& args) {
  const std::string& job = args.arguments[0];
  const std::string place = absolute_place(args);
  if (!args.has("server")) {
    const std::string data_dir = args.get("data-dir", ".rideflow");
    RF_ASSIGN(const std::string address, owner_address(context, data_dir));
    if (address.empty()) return savepoint_at_rest(context, job, data_dir, place);
  }
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  return server.savepoint(job, place);
}

}  // namespace

std::string absolute_place(const ParsedArgs& args) {
  const std::string to = args.get("to");
  if (to.find('/') == std::string::npos || to.starts_with('/') || has_scheme(to)) return to;
  return join_path(working_dir(), to);
}

FlagSpec savepoint_to_flag() {
  return {
      "to", "PLACE",
      "a directory, s3://BUCKET/PREFIX, or a name in the data directory's savepoints/ (default: a new name)",
      false};
}

Command savepoint_command() {
  CommandSpec spec;
  spec.name = "savepoint";
  spec.arguments = "JOB";
  spec.doc = "Write a savepoint of a job: a checkpoint that is yours, to start from with `run --from`.";
  spec.min_arguments = spec.max_arguments = 1;
  spec.flags = {savepoint_to_flag(),
                {"server", "HOST:PORT", "the server (default: the one that has the data directory)", false},
                data_dir_flag()};
  return Command(std::move(spec),
                 [](CliContext& context, const ParsedArgs& args) { return finish(take(context, args)); });
}

}  // namespace rideflow
