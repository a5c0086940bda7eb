// The real world without its information lines, which would stand between the rows of the table.
#pragma once

#include "runtime/posix_env.h"

namespace rideflow::bench {

inline PosixEnvOptions quiet() {
  PosixEnvOptions options;
  options.log_level = LogLevel::warn;
  return options;
}

}  // namespace rideflow::bench
