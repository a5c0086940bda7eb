// Topics of another process on this machine, through its HTTP port.
#pragma once

#include "runtime/topic_access.h"

namespace rideflow {

// `address` as the data directory's lock names it: "127.0.0.1:8082". `token` may be empty.
Result<std::unique_ptr<TopicAccess>> open_http_topics(const std::string& address,
                                                      const std::string& token = "");

}  // namespace rideflow
