#include "runtime/topic_open.h"

namespace rideflow {

Result<std::unique_ptr<TopicAccess>> open_topics(CliContext& context, const ParsedArgs& args) {
  return open_local_topics(*context.env, args.get("data-dir", ".rideflow"));
}

}  // namespace rideflow
