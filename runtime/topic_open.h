// Which topics a command means: those of the brokers that --brokers, the job file of --job, or KAFKA_BROKERS
// name, in this order; without brokers those of the process that owns the data directory, or the directory
// itself.
#pragma once

#include "runtime/cli/cli_command.h"
#include "runtime/topic_access.h"

namespace rideflow {

// What only reads makes no data directory: a misspelt one is not_found.
enum class TopicUse : uint8_t { read, write };
Result<std::unique_ptr<TopicAccess>> open_topics(CliContext& context, const ParsedArgs& args, TopicUse use);
std::vector<FlagSpec> topic_flags();

// Where the process that owns the data directory serves HTTP; empty when nobody owns it. user error when it
// serves none.
Result<std::string> owner_address(CliContext& context, const std::string& data_dir);
// RIDEFLOW_TOKEN of the environment, for servers that ask for one.
std::string access_token(const CliContext& context);

}  // namespace rideflow
