#include "dsl/plan_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "dsl/expression_types.h"
#include "engine/rejected.h"

namespace rideflow {

namespace {

bool config_may_fail(const StepConfig& config) {
  const auto fails = [](const ExprRef& e) { return e && can_fail(*e); };
  const auto any = [&](const std::vector<NamedExpr>& list) {
    return std::any_of(list.begin(), list.end(), [&](const NamedExpr& named) { return fails(named.expr); });
  };
  return fails(config.condition) || any(config.projection) || any(config.branches) ||
         !config.aggregates.empty() || !config.options.all().empty();
}

// A column that one input shows is shown.
std::set<std::string> hidden_in_all(const std::vector<Rows>& inputs) {
  std::set<std::string> out;
  for (const Rows& input : inputs) out.insert(input.hidden.begin(), input.hidden.end());
  std::erase_if(out, [&](const std::string& name) {
    return std::any_of(inputs.begin(), inputs.end(), [&](const Rows& input) {
      return input.schema->find(name) && !input.hidden.contains(name);
    });
  });
  return out;
}

// Names of an operator's output ports, as many as it has schemas: the main one, what its kind declares, and
// the branches of a split.
std::vector<std::string> port_names_of(const OperatorKind& kind, const StepConfig& config, size_t schemas) {
  std::vector<std::string> declared;
  for (const PortSpec& port : kind.outputs) declared.push_back(port.name);
  std::vector<std::string> branches;
  for (const NamedExpr& branch : config.branches) branches.push_back(branch.name);
  std::vector<std::string> names;
  if (branches.empty() || schemas == 1 + declared.size() + branches.size()) names.push_back("rows");
  names.insert(names.end(), branches.begin(), branches.end());
  names.insert(names.end(), declared.begin(), declared.end());
  names.resize(schemas);
  return names;
}

}  // namespace

PlanBuilder::PlanBuilder(const JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics)
    : spec_(spec), catalog_(catalog), diagnostics_(diagnostics) {
  plan_.job = spec.job;
  plan_.description = spec.description;
  plan_.restart = spec.restart;
}

NodeId PlanBuilder::push(LogicalNode node) {
  node.id = NodeId(static_cast<int32_t>(plan_.nodes.size()));
  plan_.nodes.push_back(std::move(node));
  return plan_.nodes.back().id;
}

std::optional<Rows> PlanBuilder::add_operator(std::string_view kind_name, std::string_view role, TextPos pos,
                                              const std::string& path, StepConfig config,
                                              const std::vector<Rows>& inputs,
                                              std::vector<int> exchange_keys) {
  const OperatorKind* kind = catalog_.find_operator(kind_name);
  if (!kind) {
    error(pos, path, fmt::format("the operator '{}' is not available in this build", kind_name));
    return std::nullopt;
  }
  config.input = inputs[0].schema;
  for (const Rows& input : inputs) config.inputs.push_back(input.schema);
  Rows out;
  out.source = inputs[0].source;
  out.bad_records = inputs[0].bad_records;
  for (const Rows& input : inputs) {
    if (input.source != out.source) out.source.clear();
    if (input.bad_records != out.bad_records) out.bad_records = BadRecords::keep;
    out.has_event_time = out.has_event_time && input.has_event_time;
    out.partial = out.partial || input.partial;
    out.updates = out.updates || input.updates;
  }
  if (!kind->names_columns) out.hidden = hidden_in_all(inputs);
  config.skip_bad = out.bad_records == BadRecords::skip;
  config.fail_bad = out.bad_records == BadRecords::fail;
  Result<std::vector<SchemaRef>> schemas = kind->output_schemas(config);
  if (!schemas.ok()) {
    error(pos, path, schemas.status().message());
    return std::nullopt;
  }
  LogicalNode node;
  node.step = config.step;
  node.role = role;
  for (const Rows& input : inputs) node.inputs.push_back(input.at);
  node.outputs = *std::move(schemas);
  node.ports = port_names_of(*kind, config, node.outputs.size());
  node.exchange_keys = std::move(exchange_keys);
  node.has_event_time = out.has_event_time;
  node.updates = out.updates;
  node.pos = pos;
  const bool may_fail = config_may_fail(config);
  const std::string step = config.step;
  node.body = OperatorNode{kind, std::make_shared<const StepConfig>(std::move(config))};
  const NodeId id = push(std::move(node));
  const LogicalNode& added = plan_.nodes.back();
  for (size_t i = 0; i < added.ports.size(); ++i) {
    Rows rows = out;
    rows.at = {id, static_cast<int>(i)};
    rows.schema = added.outputs[i];
    // Rejected and late rows carry these names as columns of their own.
    if (rows.schema->find("_reason")) rows.hidden.clear();
    if (added.ports[i] == "rejected")
      reject_ports_.push_back({step, out.source, rows.at, may_fail});
    else if ((i > 0 || added.ports[i] != "rows") && !ports_[step].try_emplace(added.ports[i], rows).second)
      other_ports_.push_back({step, added.ports[i], std::move(rows)});
  }
  out.at = {id, 0};
  out.schema = added.outputs[0];
  return out;
}

NodeId PlanBuilder::add_source(const SpecSource& source, SourceNode body, std::vector<SchemaRef> outputs,
                               bool has_event_time) {
  LogicalNode node;
  node.step = source.name;
  node.role = "source";
  node.outputs = std::move(outputs);
  node.ports = {"rows", "rejected"};
  node.has_event_time = has_event_time;
  node.pos = source.pos;
  const BadRecords bad = body.bad_records;
  node.body = std::move(body);
  const NodeId id = push(std::move(node));
  reject_ports_.push_back({source.name, source.name, {id, 1}, bad == BadRecords::keep});
  return id;
}

NodeId PlanBuilder::add_sink(const std::string& step, TextPos pos, const SinkKind* kind, SinkConfig config,
                             const Rows& input) {
  LogicalNode node;
  node.step = step;
  node.role = "sink";
  node.inputs = {input.at};
  node.has_event_time = input.has_event_time;
  node.updates = input.updates;
  node.pos = pos;
  for (const PortSpec& port : kind->outputs) {
    node.outputs.push_back(late_schema(*config.input));
    node.ports.push_back(port.name);
  }
  node.body = SinkNode{kind, std::make_shared<const SinkConfig>(std::move(config))};
  const NodeId id = push(std::move(node));
  for (size_t i = 0; i < kind->outputs.size(); ++i) {
    Rows rows = input;
    rows.at = {id, static_cast<int>(i)};
    rows.schema = plan_.nodes.back().outputs[i];
    rows.updates = false;
    rows.hidden.clear();
    ports_[step][kind->outputs[i].name] = std::move(rows);
  }
  return id;
}

const Rows* PlanBuilder::find_port(const std::string& step, const std::string& port) const {
  const auto ports = ports_.find(step);
  if (ports == ports_.end()) return nullptr;
  const auto found = ports->second.find(port);
  return found == ports->second.end() ? nullptr : &found->second;
}

std::optional<Rows> PlanBuilder::take_other_port(const std::string& step, const std::string& port) {
  const auto it = std::find_if(other_ports_.begin(), other_ports_.end(), [&](const OtherPort& other) {
    return other.step == step && other.port == port;
  });
  if (it == other_ports_.end()) return std::nullopt;
  Rows rows = std::move(it->rows);
  other_ports_.erase(it);
  return rows;
}

std::vector<std::string> PlanBuilder::port_names(const std::string& step) const {
  std::vector<std::string> names;
  if (const auto ports = ports_.find(step); ports != ports_.end())
    for (const auto& [name, rows] : ports->second) names.push_back(name);
  return names;
}

std::vector<Field> fields_of(const std::vector<NamedExpr>& exprs) {
  std::vector<Field> fields;
  for (const NamedExpr& e : exprs) fields.push_back({e.name, e.expr->type, e.expr->nullable});
  return fields;
}

bool has_broken_column(const Schema& schema) {
  return std::any_of(schema.fields().begin(), schema.fields().end(),
                     [](const Field& field) { return field.type.kind == Kind::null; });
}

ExprRef column_of(const Schema& schema, std::string_view name, TextPos pos) {
  const std::optional<int> index = schema.find(name);
  return index ? make_column(schema, *index, pos) : nullptr;
}

}  // namespace rideflow
