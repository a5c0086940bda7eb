#include "runtime/topic_open.h"

#include <fmt/format.h>

#include "engine/presence.h"
#include "runtime/http/http_topic_access.h"
#include "runtime/job_files.h"
#include "runtime/topic_cluster.h"
#include "state/data_dir.h"

namespace rideflow {

Result<std::string> owner_address(CliContext& context, const std::string& data_dir) {
  RF_ASSIGN(const std::optional<DataDirOwner> owner, DataDir::owner(*context.env, data_dir));
  if (!owner) return std::string();
  if (!owner->address.empty()) return owner->address;
  return Status::user(
      Code::failed_precondition,
      fmt::format("Process {} owns '{}' and serves no HTTP: stop it, or run it as `rideflow dev`.",
                  owner->pid, data_dir));
}

std::string access_token(const CliContext& context) {
  return context.variable ? context.variable("RIDEFLOW_TOKEN").value_or("") : "";
}

namespace {

// The `kafka:` section of a job file, as the job's own sources and sinks have it.
Result<Options> cluster_of_job(const CliContext& context, const std::string& file, const JobAccess& access) {
  RF_ASSIGN(const LoadOptions options, load_options(context, ParsedArgs()));
  RF_ASSIGN(const LoadedJob job, load_for_running(context, file, options, &access));
  for (const LogicalNode& node : job.plan->nodes) {
    const auto* const source = std::get_if<SourceNode>(&node.body);
    if (source != nullptr && source->kind->topic_admin) return source->config.cluster;
    const auto* const sink = std::get_if<SinkNode>(&node.body);
    if (sink != nullptr && sink->config->cluster.has("brokers")) return sink->config->cluster;
  }
  return Options();  // it has no topics: those of the data directory are as good as any
}

Result<Options> cluster_of(const CliContext& context, const ParsedArgs& args, const JobAccess& access) {
  if (!args.has("brokers") && args.has("job")) return cluster_of_job(context, args.get("job"), access);
  std::string brokers = args.get("brokers");
  if (!args.has("brokers") && context.variable) brokers = context.variable("KAFKA_BROKERS").value_or("");
  Options cluster;
  OptionValue value;
  value.text = std::move(brokers);
  cluster.set("brokers", std::move(value));
  return cluster;
}

}  // namespace

std::vector<FlagSpec> topic_flags() {
  std::vector<FlagSpec> flags = {
      {"brokers", "HOST:PORT", "topics of these Kafka brokers (default: KAFKA_BROKERS; none: data directory)",
       false},
      {"job", "FILE", "topics where this job file has them, with its kafka section's user and TLS", false},
      data_dir_flag()};
  for (FlagSpec& flag : access_flags()) flags.push_back(std::move(flag));
  return flags;
}

Result<std::unique_ptr<TopicAccess>> open_topics(CliContext& context, const ParsedArgs& args, TopicUse use) {
  const std::vector<std::string> job = args.all("job");
  RF_ASSIGN(const std::shared_ptr<const JobAccess> access, JobAccess::make(access_options(args, job), ""));
  RF_ASSIGN(Options cluster, cluster_of(context, args, *access));
  if (!cluster.text("brokers").empty()) {
    return open_cluster_topics(*context.env, *context.catalog, std::move(cluster), *access);
  }
  const std::string data_dir = args.get("data-dir", ".rideflow");
  RF_ASSIGN(const std::string address, owner_address(context, data_dir));
  if (!address.empty()) return open_http_topics(address, access_token(context));
  FileSystem& fs = context.env->fs();
  RF_ASSIGN(const bool made, exists(fs, join_path(data_dir, "FORMAT")));
  if (use == TopicUse::read && !made) {
    return Status::user(
        Code::not_found,
        fmt::format("There is no data directory '{}': --data-dir names another one, and a job or "
                    "`rideflow produce` makes one.",
                    data_dir));
  }
  return open_local_topics(*context.env, data_dir, use == TopicUse::read);
}

}  // namespace rideflow
