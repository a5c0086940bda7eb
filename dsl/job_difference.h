// What an edit changes, step by step, by what the two texts mean: comments, order and defaults that are
// written out make no difference.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dsl/job_spec.h"

namespace rideflow {

struct StepChange {
  enum class Kind : uint8_t { added, removed, changed, same };
  std::string section;  // "sources", "streams", "sinks"
  std::string name;
  Kind kind = Kind::same;
};
std::string_view to_string(StepChange::Kind kind);

// The steps of both, in the order of `now`, then those that are gone. `old`: null where there was no job.
std::vector<StepChange> job_difference(const JobSpec* old, const JobSpec& now);

}  // namespace rideflow
