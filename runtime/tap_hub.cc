#include "runtime/tap_hub.h"

#include <fmt/format.h>

#include <algorithm>

#include "dsl/expression_binder.h"

namespace rideflow {
namespace {

Status no_such_step(const LogicalPlan& plan, const std::string& step) {
  std::vector<std::string> steps;
  for (const LogicalNode& node : plan.nodes) {
    if (std::find(steps.begin(), steps.end(), node.step) == steps.end()) steps.push_back(node.step);
  }
  const std::string message = fmt::format("The job '{}' has no step '{}'", plan.job, step);
  return Status::user(Code::not_found, with_suggestion(message, step, steps) + ".");
}

}  // namespace

Result<NodeId> tapped_node(const LogicalPlan& plan, const std::string& step) {
  // Within a step each node feeds the next by its main output; others (a union of what it rejected) stand
  // beside.
  std::optional<NodeId> last;
  for (const LogicalNode& node : plan.nodes) {
    if (node.step != step) continue;
    const auto feeds = [&](const NodeInput& input) { return last && input.node == *last && input.port == 0; };
    if (last && std::none_of(node.inputs.begin(), node.inputs.end(), feeds)) continue;
    if (!node.outputs.empty()) {
      last = node.id;
    } else if (!last && !node.inputs.empty()) {
      if (node.inputs[0].port != 0) {
        return Status::user(
            Code::failed_precondition,
            fmt::format("'{}' takes a side output, which has no tap: read its topic or file.", step));
      }
      last = node.inputs[0].node;
    }
  }
  if (!last) return no_such_step(plan, step);
  return *last;
}

void TapHub::drain(Tap& tap, TapBuffer& buffer) {
  const std::string lines = buffer.drain(static_cast<int32_t>(kRows));
  for (size_t at = 0; at < lines.size();) {
    const size_t end = lines.find('\n', at);
    tap.rows.push_back(lines.substr(at, end - at));
    ++tap.next;
    if (tap.rows.size() > kRows) tap.rows.pop_front();
    at = end + 1;
  }
}

Result<TapRows> TapHub::rows(const JobEntry& job, const std::string& step, int64_t limit, int64_t from,
                             Micros monotonic) {
  if (!job.execution) {
    return Status::user(Code::failed_precondition, fmt::format("The job '{}' does not run.", job.job));
  }
  const LogicalPlan& plan = *job.execution->graph().plan().logical;
  RF_ASSIGN(const NodeId node, tapped_node(plan, step));
  const std::lock_guard lock(mutex_);
  Tap& tap = taps_[{job.job, node.value}];
  tap.asked_at = monotonic;
  if (tap.execution.lock() != job.execution) {  // the first request, or the job was restarted
    tap.execution = job.execution;
    tap.rows.clear();
  }
  TapBuffer& buffer = job.execution->graph().tap(node);
  buffer.enable(true);
  drain(tap, buffer);

  const int64_t oldest = tap.next - static_cast<int64_t>(tap.rows.size());
  const int64_t first = std::max({oldest, std::min(from, tap.next), tap.next - limit});
  TapRows out;
  out.next = tap.next;
  for (int64_t i = first; i < tap.next; ++i) {
    out.lines += tap.rows[static_cast<size_t>(i - oldest)];
    out.lines += '\n';
  }
  return out;
}

void TapHub::tick(Micros monotonic) {
  const std::lock_guard lock(mutex_);
  for (auto it = taps_.begin(); it != taps_.end();) {
    if (it->second.asked_at >= monotonic - kUnusedFor) {
      ++it;
      continue;
    }
    if (const auto execution = it->second.execution.lock()) {
      TapBuffer& buffer = execution->graph().tap(NodeId(it->first.second));
      buffer.enable(false);
      (void)buffer.drain(INT32_MAX);
    }
    it = taps_.erase(it);
  }
}

}  // namespace rideflow
