// The flags of commands that serve HTTP (`dev`, `run --listen`), and what they ask for.
#pragma once

#include <vector>

#include "runtime/cli_args.h"
#include "runtime/http_server.h"

namespace rideflow {

// --listen, --ui-dir, --host, --tokens, --tls-cert, --tls-key, --insecure
std::vector<FlagSpec> http_flags();
HttpOptions http_options(const ParsedArgs& args);

}  // namespace rideflow
