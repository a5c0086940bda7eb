// Windows that give nothing while their sources run: results come only when the input ends, if it ever does.
#pragma once

#include <functional>

#include "dsl/diagnostics.h"
#include "dsl/job_spec.h"

namespace rideflow {

// `ends`: whether a source ends by itself or by its `until`; nothing when that is not known.
void warn_of_silent_windows(const JobSpec& spec,
                            const std::function<std::optional<bool>(const SpecSource&)>& ends,
                            Diagnostics& diagnostics);

}  // namespace rideflow
