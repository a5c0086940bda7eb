// The printed form of a logical plan: one node a line, its inputs, what it computes, and its columns.
#include <fmt/format.h>

#include "engine/plan_text.h"

namespace rideflow {

namespace {

std::string list_of(const std::vector<NamedExpr>& exprs, const Schema& schema) {
  std::string out;
  for (const NamedExpr& e : exprs) {
    if (!out.empty()) out += ", ";
    out += e.name;
    if (!e.expr) {
      out += ": else";
      continue;
    }
    const std::string text = to_string(*e.expr, schema);
    if (text != e.name) out += ": " + text;
  }
  return out;
}

std::string call_text(const AggregateCall& call, const Schema& schema) {
  std::string out = call.name + ": " + call.function + "(";
  for (size_t i = 0; i < call.args.size(); ++i) out += (i ? ", " : "") + to_string(*call.args[i], schema);
  out += ")";
  if (call.filter) out += " filter (where " + to_string(*call.filter, schema) + ")";
  return out;
}

std::string window_text(const WindowSpec& window, const Schema& schema) {
  static constexpr std::string_view kKinds[] = {"tumbling", "hopping", "session", "cumulating", "global"};
  std::string out(kKinds[static_cast<size_t>(window.kind)]);
  const auto add = [&](std::string_view name, const Duration& d) {
    if (!(d == Duration{})) out += fmt::format(" {} {}", name, to_string(d));
  };
  add("size", window.size);
  add("slide", window.slide);
  add("step", window.step);
  add("gap", window.gap);
  if (window.every) add("every", *window.every);
  add("lateness", Duration{0, 0, window.allowed_lateness});
  if (window.offset != 0) add("offset", Duration{0, 0, window.offset});
  if (window.zone) out += " timezone " + window.zone->name();
  if (window.close_on) out += " close_on " + to_string(*window.close_on, schema);
  return out + (window.emit == Emit::final ? " emit final" : " emit updates");
}

std::string options_text(const Options& options) {
  std::string out;
  for (const auto& [name, value] : options.all()) {
    std::string text = value.text;
    if (text.empty() && !value.list.empty())
      for (const std::string& item : value.list) text += (text.empty() ? "" : ", ") + item;
    if (text.empty() && !value.aggregates.empty())
      for (const AggregateCall& call : value.aggregates) text += (text.empty() ? "" : ", ") + call.name;
    if (!text.empty()) out += fmt::format(" {}={}", name, text);
  }
  return out;
}

std::string body_text(const OperatorNode& node) {
  const StepConfig& config = *node.config;
  const Schema& schema = *config.input;
  std::string out = node.kind->name;
  if (config.condition) out += " " + to_string(*config.condition, schema);
  if (!config.projection.empty()) out += " " + list_of(config.projection, schema);
  if (!config.branches.empty()) out += " " + list_of(config.branches, schema);
  if (!config.key_exprs.empty()) out += " by " + list_of(config.key_exprs, schema);
  if (config.window) out += " " + window_text(*config.window, schema);
  for (const AggregateCall& call : config.aggregates) out += "\n        " + call_text(call, schema);
  return out + options_text(config.options);
}

std::string body_text(const SourceNode& node) {
  std::string out = node.kind->name + options_text(node.config.options);
  if (node.format) out += " " + node.format->name;
  out += " event_time " + (node.event_time.column.empty() ? "_timestamp" : node.event_time.column);
  return out + " out_of_order " + to_string(Duration{0, 0, node.event_time.out_of_order});
}

std::string body_text(const SinkNode& node) {
  return node.kind->name + options_text(node.config->options) +
         (node.config->exactly_once ? " exactly_once" : " at_least_once") +
         (node.config->upsert ? " upsert" : "");
}

std::string port_text(const LogicalPlan& plan, const NodeInput& input) {
  const LogicalNode& from = plan.nodes[static_cast<size_t>(input.node.value)];
  const std::string& port = from.ports[static_cast<size_t>(input.port)];
  return fmt::format("{}{}", input.node.value, input.port == 0 ? "" : "." + port);
}

}  // namespace

std::string text_of(const LogicalNode& node) {
  return std::visit([](const auto& body) { return body_text(body); }, node.body);
}

std::vector<std::string> exchange_columns(const LogicalPlan& plan, const LogicalNode& node) {
  std::vector<std::string> names;
  if (node.exchange_keys.empty()) return names;
  const NodeInput& input = node.inputs[0];
  const LogicalNode& from = plan.nodes[static_cast<size_t>(input.node.value)];
  for (const int key : node.exchange_keys)
    names.push_back(from.outputs[static_cast<size_t>(input.port)]->field(key).name);
  return names;
}

std::string to_string(const LogicalPlan& plan) {
  std::string out = fmt::format("logical plan of {}: {} nodes\n", plan.job, plan.nodes.size());
  for (const LogicalNode& node : plan.nodes) {
    out += fmt::format("  {:>3} {}/{}", node.id.value, node.step, node.role);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      out += (i ? ", " : " <- ") + port_text(plan, node.inputs[i]);
    if (!node.exchange_keys.empty()) out += " exchange by";
    for (const std::string& column : exchange_columns(plan, node)) out += " " + column;
    if (node.updates) out += " (updates)";
    out += "\n        " + text_of(node) + "\n";
    if (!node.outputs.empty()) out += "        -> " + node.outputs[0]->to_string() + "\n";
  }
  for (const std::string& warning : plan.warnings) out += "  warning: " + warning + "\n";
  return out;
}

}  // namespace rideflow
