// Which topics a command means: --brokers, the process that owns the data directory, or the directory itself.
#pragma once

#include "runtime/cli_command.h"
#include "runtime/topic_access.h"

namespace rideflow {

Result<std::unique_ptr<TopicAccess>> open_topics(CliContext& context, const ParsedArgs& args);

}  // namespace rideflow
