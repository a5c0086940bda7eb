// The `restart:` section: what failures do to a job.
#pragma once

#include <string>

#include "dsl/diagnostics.h"
#include "dsl/yaml_document.h"
#include "engine/plan.h"

namespace rideflow {

// What it says; errors are added.
RestartSpec read_restart(const YamlEntry& entry, const std::string& path, Diagnostics& diagnostics);

}  // namespace rideflow
