// The `window:` section: its kinds, and the rules among its words.
#pragma once

#include <optional>
#include <string>

#include "dsl/diagnostics.h"
#include "dsl/job_spec.h"

namespace rideflow {

// Nothing when it can't be used; then an error was added.
std::optional<SpecWindow> read_window(const YamlDocument& document, const YamlEntry& entry,
                                      const std::string& path, Diagnostics& diagnostics);

}  // namespace rideflow
