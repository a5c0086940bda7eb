// Secrets of this process: its environment variables and its files.
#pragma once

#include "engine/secret.h"

namespace rideflow {

// The value of the variable, or the first line of the file. `fs` outlives the answer.
std::shared_ptr<SecretResolver> posix_secrets(FileSystem& fs);

}  // namespace rideflow
