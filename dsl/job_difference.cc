#include "dsl/job_difference.h"

#include <algorithm>

namespace rideflow {

std::string_view to_string(StepChange::Kind kind) {
  switch (kind) {
    case StepChange::Kind::added:
      return "added";
    case StepChange::Kind::removed:
      return "removed";
    case StepChange::Kind::changed:
      return "changed";
    case StepChange::Kind::same:
      break;
  }
  return "same";
}

std::vector<StepChange> job_difference(const JobSpec* old, const JobSpec& now) {
  const std::vector<StepText> after = step_texts(now);
  const std::vector<StepText> before = old == nullptr ? std::vector<StepText>() : step_texts(*old);
  const auto find = [](const std::vector<StepText>& all, const StepText& step) {
    return std::find_if(all.begin(), all.end(), [&](const StepText& other) {
      return other.section == step.section && other.name == step.name;
    });
  };
  std::vector<StepChange> changes;
  for (const StepText& step : after) {
    const auto found = find(before, step);
    auto kind = StepChange::Kind::added;
    if (found != before.end())
      kind = found->text == step.text ? StepChange::Kind::same : StepChange::Kind::changed;
    changes.push_back({step.section, step.name, kind});
  }
  for (const StepText& step : before) {
    if (find(after, step) == after.end())
      changes.push_back({step.section, step.name, StepChange::Kind::removed});
  }
  return changes;
}

}  // namespace rideflow
