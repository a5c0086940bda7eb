// Secrets stay references in a job; a connector resolves them when it opens, and never shows them.
#pragma once

#include <string>

#include "engine/catalog.h"

namespace rideflow {

// The value of the environment variable, or the first line of the file. The message of an error names the
// reference, never the value.
Result<std::string> resolve_secret(Env& env, const SecretRef& secret);

}  // namespace rideflow
