#include "dsl/graph.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <vector>

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
  std::string label;
  std::string_view open = "[";
  std::string_view close = "]";
};

class Graph {
 public:
  explicit Graph(const LogicalPlan& plan) : plan_(plan) {}

  std::string run() {
    for (const LogicalNode& node : plan_.nodes) describe(node);
    for (const LogicalNode& node : plan_.nodes)
      for (const NodeInput& input : node.inputs) connect(node, input);
    std::string out = "flowchart LR\n";
    for (const std::string& name : order_) {
      const Step& step = steps_.at(name);
      out += fmt::format("  {}{}\"{}\"{}\n", step.id, step.open, step.label, step.close);
    }
    for (const std::string& edge : edges_) out += edge;
    return out;
  }

 private:
  const LogicalNode& node_of(NodeId id) const { return plan_.nodes[static_cast<size_t>(id.value)]; }

  // The rows that a source rejects gather in a step of its name; the picture shows it apart.
  static std::string name_of(const LogicalNode& node) {
    const bool gathers = node.role == "rejected" && node.step.find('.') == std::string::npos;
    const bool sink = std::holds_alternative<SinkNode>(node.body);
    if (gathers && node.step != "_rejected") return node.step + ".rejected";
    return sink ? "sink " + node.step : node.step;
  }

  void describe(const LogicalNode& node) {
    const std::string name = name_of(node);
    auto [it, is_new] = steps_.try_emplace(name);
    Step& step = it->second;
    if (is_new) {
      step.id = fmt::format("n{}", order_.size());
      order_.push_back(name);
      step.label = escaped(node.role == "rejected" && node.step != "_rejected" ? name : node.step);
    }
    if (const auto* source = std::get_if<SourceNode>(&node.body)) {
      step.label += "<br/>" + escaped(source->kind->name);
      step.open = "([";
      step.close = "])";
    } else if (const auto* sink = std::get_if<SinkNode>(&node.body)) {
      step.label += "<br/>" + escaped(sink->kind->name);
      step.open = "[(";
      step.close = ")]";
    } else if (node.role == "window" || node.role == "session") {
      step.label += "<br/>" + node.role;
    } else if (node.role == "union" || node.role == "split") {
      step.label += "<br/>" + node.role;
    }
  }

  void connect(const LogicalNode& node, const NodeInput& input) {
    const LogicalNode& from = node_of(input.node);
    const std::string from_name = name_of(from);
    const std::string to_name = name_of(node);
    if (from_name == to_name) return;
    const std::string port = from.role == "late" ? from.role : from.ports[static_cast<size_t>(input.port)];
    const std::string label = port == "rows" ? "" : "|" + escaped(port) + "|";
    const std::string arrow = port == "late" || port == "rejected" ? "-.->" : "-->";
    const std::string edge =
        fmt::format("  {} {}{} {}\n", steps_.at(from_name).id, arrow, label, steps_.at(to_name).id);
    if (seen_.insert(edge).second) edges_.push_back(edge);
  }

  const LogicalPlan& plan_;
  std::map<std::string, Step> steps_;
  std::vector<std::string> order_;
  std::vector<std::string> edges_;
  std::set<std::string> seen_;
};

}  // namespace

std::string to_mermaid(const LogicalPlan& plan) {
  return Graph(plan).run();
}

}  // namespace rideflow
