#include "dsl/explain_json.h"

#include "engine/json_writer.h"
#include "engine/plan_text.h"

namespace rideflow {

namespace {

void write_strings(JsonWriter& json, std::string_view key, const std::vector<std::string>& strings) {
  json.key(key).begin_array();
  for (const std::string& s : strings) json.string(s);
  json.end_array();
}

// Options as written: of a secret they have the name of its variable or file, since the loader lets no other
// pass.
void write_yaml(JsonWriter& json, const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      json.null();
      return;
    case YamlNode::Kind::scalar:
      json.string(node.text);
      return;
    case YamlNode::Kind::list:
      json.begin_array();
      for (const YamlNode& item : node.items) write_yaml(json, item);
      json.end_array();
      return;
    case YamlNode::Kind::map:
      json.begin_object();
      for (const YamlEntry& entry : node.entries) {
        json.key(entry.key);
        write_yaml(json, entry.value);
      }
      json.end_object();
      return;
  }
}

void write_node(JsonWriter& json, const LogicalPlan& plan, const LogicalNode& node) {
  json.begin_object().field("id", node.id.value).field("step", node.step).field("role", node.role);
  json.field("does", text_of(node)).key("inputs").begin_array();
  for (const NodeInput& input : node.inputs) {
    const LogicalNode& from = plan.nodes[static_cast<size_t>(input.node.value)];
    json.begin_object().field("node", input.node.value);
    json.field("port", from.ports[static_cast<size_t>(input.port)]).end_object();
  }
  json.end_array();
  write_strings(json, "exchange_by", exchange_columns(plan, node));
  json.field("updates", node.updates).key("columns").begin_array();
  if (!node.outputs.empty()) {
    for (const Field& field : node.outputs[0]->fields()) {
      json.begin_object().field("name", field.name).field("type", field.type.to_string());
      json.field("nullable", field.nullable).end_object();
    }
  }
  json.end_array().end_object();
}

void write_stage(JsonWriter& json, const LogicalPlan& plan, const Stage& stage) {
  json.begin_object()
      .field("id", stage.id)
      .field("parallelism", stage.parallelism)
      .key("nodes")
      .begin_array();
  for (const NodeId node : stage.nodes) json.number(int64_t{node.value});
  json.end_array().key("inputs").begin_array();
  for (const Stage::Exchange& input : stage.inputs) {
    json.begin_object().field("stage", input.from_stage).field("node", input.from_node.value);
    const LogicalNode& from = plan.nodes[static_cast<size_t>(input.from_node.value)];
    std::vector<std::string> keys;
    for (const int key : input.keys)
      keys.push_back(from.outputs[static_cast<size_t>(input.from_port)]->field(key).name);
    write_strings(json, "by_key_group_of", keys);
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace

std::string explain_json(const JobSpec& spec, const PhysicalPlan& plan) {
  const LogicalPlan& logical = *plan.logical;
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("job", spec.job).field("description", spec.description).key("kafka");
  write_yaml(json, spec.kafka);
  json.key("nodes").begin_array();
  for (const LogicalNode& node : logical.nodes) write_node(json, logical, node);
  json.end_array().field("key_groups", plan.key_groups).key("stages").begin_array();
  for (const Stage& stage : plan.stages) write_stage(json, logical, stage);
  json.end_array();
  write_strings(json, "warnings", logical.warnings);
  json.end_object();
  return out + "\n";
}

}  // namespace rideflow
