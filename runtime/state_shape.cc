#include "runtime/state_shape.h"

#include <fmt/format.h>

#include "engine/byte_codec.h"
#include "engine/job_graph.h"

namespace rideflow {
namespace {

std::string window_shape(const WindowSpec& window, const Schema& schema) {
  std::string out = fmt::format("window {} {} {} {} {} offset {} emit {}", static_cast<int>(window.kind),
                                to_string(window.size), to_string(window.slide), to_string(window.step),
                                to_string(window.gap), window.offset, static_cast<int>(window.emit));
  if (window.every) out += " every " + to_string(*window.every);
  if (window.zone) out += " zone " + window.zone->name();
  if (window.close_on) out += " close_on " + to_string(*window.close_on, schema);
  return out + "\n";
}

std::string call_shape(const AggregateCall& call, const Schema& schema) {
  std::string out = call.function + "(";
  for (const ExprRef& arg : call.args) {
    out += to_string(*arg, schema) + " " + arg->type.to_string() + ",";
  }
  out += ")";
  if (call.filter) out += " filter " + to_string(*call.filter, schema);
  return out + "\n";
}

std::string shape_of(const OperatorNode& node) {
  if (!node.config) return {};
  const StepConfig& config = *node.config;
  std::string out = node.kind->name + "\n";
  for (const int key : config.keys) {
    const auto& field = config.input->fields()[static_cast<size_t>(key)];
    out += fmt::format("key {} {}\n", field.name, field.type.to_string());
  }
  if (config.window) out += window_shape(*config.window, *config.input);
  for (const AggregateCall& call : config.aggregates) out += call_shape(call, *config.input);
  return out;
}

}  // namespace

StateShapes state_shapes(const LogicalPlan& plan) {
  StateShapes shapes;
  for (const LogicalNode& node : plan.nodes) {
    const auto* op = std::get_if<OperatorNode>(&node.body);
    if (op && op->kind->stateful) shapes[node_name(plan, node.id)] = shape_of(*op);
  }
  return shapes;
}

std::string encode_state_shapes(const StateShapes& shapes) {
  ByteWriter out;
  out.put(static_cast<uint32_t>(shapes.size()));
  for (const auto& [name, shape] : shapes) out.put_string(name).put_string(shape);
  return out.take();
}

Result<StateShapes> decode_state_shapes(std::string_view bytes) {
  ByteReader in(bytes);
  StateShapes shapes;
  const auto n = in.get<uint32_t>();
  for (uint32_t i = 0; i < n && in.ok(); ++i) {
    std::string name = in.get_string();
    shapes[std::move(name)] = in.get_string();
  }
  if (in.ok()) return shapes;
  return Status::external(Code::data_loss, "The checkpoint's account of its state is damaged.");
}

}  // namespace rideflow
