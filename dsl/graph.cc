#include "dsl/graph.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <vector>

#include "engine/json_writer.h"

namespace rideflow {

namespace {

// What stands in quotes of a mermaid label.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"')
      out += "#quot;";
    else if (c == '<')
      out += "#lt;";
    else if (c == '>')
      out += "#gt;";
    else
      out += c;
  }
  return out;
}

struct Step {
  std::string id;
  std::string name;
  std::string kind;  // "source topic", "sink rollup", "window", …; "step"
  std::string label;
  std::string_view open = "[";
  std::string_view close = "]";
};

class Graph {
 public:
  explicit Graph(const LogicalPlan& plan) : plan_(plan) {}

  std::string mermaid() {
    read();
    std::string out = "flowchart LR\n";
    for (const std::string& name : order_) {
      const Step& step = steps_.at(name);
      out += fmt::format("  {}{}\"{}\"{}\n", step.id, step.open, step.label, step.close);
    }
    for (const Edge& edge : edges_) {
      const std::string label = edge.port == "rows" ? "" : "|" + escaped(edge.port) + "|";
      const std::string arrow = edge.port == "late" || edge.port == "rejected" ? "-.->" : "-->";
      out += fmt::format("  {} {}{} {}\n", edge.from, arrow, label, edge.to);
    }
    return out;
  }

  std::string json() {
    read();
    std::string out;
    JsonWriter json(out);
    json.begin_object().field("job", plan_.job).key("steps").begin_array();
    for (const std::string& name : order_) {
      const Step& step = steps_.at(name);
      json.begin_object().field("id", step.id).field("name", step.name).field("kind", step.kind).end_object();
    }
    json.end_array().key("edges").begin_array();
    for (const Edge& edge : edges_)
      json.begin_object().field("from", edge.from).field("to", edge.to).field("port", edge.port).end_object();
    json.end_array().end_object();
    return out + "\n";
  }

 private:
  struct Edge {
    std::string from;
    std::string to;
    std::string port;
    friend bool operator==(const Edge&, const Edge&) = default;
  };

  void read() {
    for (const LogicalNode& node : plan_.nodes) describe(node);
    for (const LogicalNode& node : plan_.nodes)
      for (const NodeInput& input : node.inputs) connect(node, input);
  }

  const LogicalNode& node_of(NodeId id) const { return plan_.nodes[static_cast<size_t>(id.value)]; }

  // The rows that a source rejects gather in a step of its name; the picture shows it apart.
  static std::string name_of(const LogicalNode& node) {
    const bool gathers = node.role == "rejected" && node.step.find('.') == std::string::npos;
    const bool sink = std::holds_alternative<SinkNode>(node.body);
    if (gathers && node.step != "_rejected") return node.step + ".rejected";
    return sink ? "sink " + node.step : node.step;
  }

  // Also where another step is made with its kind, as rejected rows gather in a union: that has another role.
  static bool is_shown(const LogicalNode& node) {
    const auto* op = std::get_if<OperatorNode>(&node.body);
    return op && op->kind->in_pictures && op->kind->name == node.role;
  }

  void describe(const LogicalNode& node) {
    const std::string name = name_of(node);
    auto [it, is_new] = steps_.try_emplace(name);
    Step& step = it->second;
    if (is_new) {
      step.id = fmt::format("n{}", order_.size());
      order_.push_back(name);
      step.name = node.role == "rejected" && node.step != "_rejected" ? name : node.step;
      step.kind = node.role == "rejected" ? node.role : "step";
      step.label = escaped(step.name);
    }
    if (const auto* source = std::get_if<SourceNode>(&node.body)) {
      step.kind = "source " + source->kind->name;
      step.label += "<br/>" + escaped(source->kind->name);
      step.open = "([";
      step.close = "])";
    } else if (const auto* sink = std::get_if<SinkNode>(&node.body)) {
      step.kind = "sink " + sink->kind->name;
      step.label += "<br/>" + escaped(sink->kind->name);
      step.open = "[(";
      step.close = ")]";
    } else if (is_shown(node)) {
      step.kind = node.role;
      step.label += "<br/>" + node.role;
    }
  }

  void connect(const LogicalNode& node, const NodeInput& input) {
    const LogicalNode& from = node_of(input.node);
    const std::string from_name = name_of(from);
    const std::string to_name = name_of(node);
    if (from_name == to_name) return;
    const std::string port = from.role == "late" ? from.role : from.ports[static_cast<size_t>(input.port)];
    Edge edge{steps_.at(from_name).id, steps_.at(to_name).id, port};
    if (seen_.insert(edge.from + " " + edge.to + " " + port).second) edges_.push_back(std::move(edge));
  }

  const LogicalPlan& plan_;
  std::map<std::string, Step> steps_;
  std::vector<std::string> order_;
  std::vector<Edge> edges_;
  std::set<std::string> seen_;
};

}  // namespace

std::string to_mermaid(const LogicalPlan& plan) {
  return Graph(plan).mermaid();
}

std::string graph_json(const LogicalPlan& plan) {
  return Graph(plan).json();
}

}  // namespace rideflow
