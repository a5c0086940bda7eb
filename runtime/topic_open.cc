#include "runtime/topic_open.h"

#include <fmt/format.h>

#include "runtime/http_topic_access.h"
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

Result<std::unique_ptr<TopicAccess>> open_topics(CliContext& context, const ParsedArgs& args) {
  const std::string data_dir = args.get("data-dir", ".rideflow");
  RF_ASSIGN(const std::string address, owner_address(context, data_dir));
  if (!address.empty()) return open_http_topics(address, access_token(context));
  return open_local_topics(*context.env, data_dir);
}

}  // namespace rideflow
