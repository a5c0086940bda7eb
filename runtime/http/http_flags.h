// The flags of commands that serve HTTP (`dev`, `run --listen`), and what they ask for.
#pragma once

#include <vector>

#include "rollup/query_limits.h"
#include "runtime/cli/cli_args.h"
#include "runtime/http/http_server.h"

namespace rideflow {

// --listen, --ui-dir, --host, --tokens, --tls-cert, --tls-key, --insecure; what queries may cost
std::vector<FlagSpec> http_flags();
Result<HttpOptions> http_options(const ParsedArgs& args);
Result<QueryLimits> query_limits(const ParsedArgs& args);

}  // namespace rideflow
