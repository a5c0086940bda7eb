// The command line: `rideflow COMMAND …`. Exit codes: 0 ok, 1 the user's error, 2 ours.
#pragma once

#include "engine/catalog.h"

namespace rideflow {

// Runs one command. `catalog` knows every kind; errors go to stderr as one sentence each.
int run_cli(int argc, char** argv, const Catalog& catalog);

}  // namespace rideflow
