// The flags of `generate` and `dev` that say what generated events are like, as options of the generator.
#pragma once

#include <vector>

#include "runtime/cli/cli_args.h"
#include "runtime/worker_feed.h"

namespace rideflow {

// `default_pace` as the help shows it.
std::vector<FlagSpec> generator_flags(const char* default_pace);
// Those of `generate` alone: how far apart the events are, and how many days of them.
std::vector<FlagSpec> spacing_flags();
Status read_spacing_flags(const ParsedArgs& args, FeedOptions& options);
// Sets what was given; user error that names the flag.
Status read_generator_flags(const ParsedArgs& args, FeedOptions& options);

}  // namespace rideflow
