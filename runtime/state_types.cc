#include "runtime/state_types.h"

#include <fmt/format.h>

namespace rideflow {
namespace {

// Columns of a node's input written out as expressions over what enters its step: a changed expression of
// the step's own `select`, or of an argument, is another state although the column keeps its name.
class StepInput {
 public:
  StepInput(const LogicalPlan& plan, const LogicalNode& node) : step_(node.step) {
    const auto* op = std::get_if<OperatorNode>(&node.body);
    schema_ = op->config->input;
    for (int i = 0; i < schema_->size(); ++i) columns_.push_back(make_column(*schema_, i));
    const LogicalNode* at = &node;
    while (at->inputs.size() == 1 && enter(plan, at->inputs[0])) {
      at = &plan.nodes[static_cast<size_t>(at->inputs[0].node.value)];
    }
  }

  std::string text(const Expr& e) const { return to_string(*written_out(e), *schema_); }
  std::string typed_text(const Expr& e) const { return text(e) + ": " + e.type.to_string(); }
  std::string column_text(int i) const { return to_string(*columns_[static_cast<size_t>(i)], *schema_); }

 private:
  // Goes through a projection of the step, or a node of it that hands its rows on as they are.
  bool enter(const LogicalPlan& plan, const NodeInput& input) {
    const LogicalNode& node = plan.nodes[static_cast<size_t>(input.node.value)];
    const auto* op = std::get_if<OperatorNode>(&node.body);
    if (!op || !op->config || node.step != step_ || input.port != 0 || node.inputs.size() != 1) return false;
    const SchemaRef& before = op->config->input;
    if (!before) return false;
    const std::vector<NamedExpr>& projection = op->config->projection;
    if (projection.empty()) return *before == *schema_;
    if (static_cast<int>(projection.size()) != schema_->size()) return false;
    std::vector<ExprRef> defined;
    for (const NamedExpr& column : projection) defined.push_back(column.expr);
    for (ExprRef& column : columns_) column = substitute(*column, defined);
    schema_ = before;
    return true;
  }

  static ExprRef substitute(const Expr& e, const std::vector<ExprRef>& columns) {
    if (e.op == ExprOp::column) return columns[static_cast<size_t>(e.index)];
    auto copy = std::make_shared<Expr>(e);
    for (ExprRef& arg : copy->args) arg = substitute(*arg, columns);
    return copy;
  }
  ExprRef written_out(const Expr& e) const { return substitute(e, columns_); }

  std::string step_;
  SchemaRef schema_;              // what columns_ are expressions over
  std::vector<ExprRef> columns_;  // by column of the node's input
};

std::string window_text(const WindowSpec& window, const StepInput& input) {
  std::string out = fmt::format("window {} {} {} {} {} offset {} emit {}", to_string(window.kind),
                                to_string(window.size), to_string(window.slide), to_string(window.step),
                                to_string(window.gap), window.offset, to_string(window.emit));
  if (window.every) out += " every " + to_string(*window.every);
  if (window.zone) out += " zone " + window.zone->name();
  if (window.close_on) out += " close_on " + input.text(*window.close_on);
  return out;
}

// Calls that share an accumulator differ in their later arguments only.
StateType::Accumulator accumulator_type(const AggregateCall& call, const StepInput& input) {
  StateType::Accumulator out;
  if (!call.name.starts_with('_')) out.name = call.name;
  out.computes = call.function + "(";
  const size_t args = call.share.empty() ? call.args.size() : 1;
  for (size_t i = 0; i < args && i < call.args.size(); ++i)
    out.computes += (i ? ", " : "") + input.typed_text(*call.args[i]);
  out.computes += ")";
  if (call.filter) out.computes += " filter (where " + input.text(*call.filter) + ")";
  return out;
}

StateType type_of(const LogicalPlan& plan, const LogicalNode& node, const OperatorNode& op,
                  const MigratesState* migrating) {
  StateType type;
  type.kind = op.kind->name;
  if (!op.config || !op.config->input) return type;
  const StepConfig& config = *op.config;
  const StepInput input(plan, node);
  for (const int key : config.keys)
    type.keys.push_back(input.column_text(key) + ": " + config.input->field(key).type.to_string());
  if (config.window) type.window = window_text(*config.window, input);
  for (const size_t call : accumulator_slots(config.aggregates).first_call)
    type.accumulators.push_back(accumulator_type(config.aggregates[call], input));
  if (!migrating) return type;
  type.extra_bytes = migrating->row_layout().extra();
  for (int i = 0; migrating->holds_rows() && i < config.input->size(); ++i)
    type.held.push_back({input.column_text(i), config.input->field(i).type.to_string()});
  return type;
}

}  // namespace

const MigratesState* find_migrating(const JobGraph& graph, const std::string& node_name) {
  for (const auto& task : graph.tasks()) {
    for (const Task::Node& node : task->nodes()) {
      if (node.name == node_name) return dynamic_cast<const MigratesState*>(node.op.get());
    }
  }
  return nullptr;
}

StateTypes state_types(const LogicalPlan& plan, const JobGraph& graph) {
  StateTypes types;
  for (const LogicalNode& node : plan.nodes) {
    const auto* op = std::get_if<OperatorNode>(&node.body);
    if (!op || !op->kind->stateful) continue;
    const std::string name = node_name(plan, node.id);
    types[name] = type_of(plan, node, *op, find_migrating(graph, name));
  }
  return types;
}

std::string sink_type(const SinkNode& sink) {
  const bool engines_own = sink.config->sink.starts_with('_');
  return sink.config->exactly_once && !engines_own ? "sink " + sink.kind->name : std::string();
}

std::map<std::string, std::string> described_types(const LogicalPlan& plan, const StateTypes& types) {
  std::map<std::string, std::string> described;
  for (const auto& [node, type] : types) described[node] = encode_state_type(type);
  for (const LogicalNode& node : plan.nodes) {
    const auto* sink = std::get_if<SinkNode>(&node.body);
    if (sink == nullptr) continue;
    if (std::string type = sink_type(*sink); !type.empty())
      described[node_name(plan, node.id)] = std::move(type);
  }
  return described;
}

}  // namespace rideflow
