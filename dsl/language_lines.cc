// One line of YAML for a key, out of the example that uses it first.
#include <algorithm>

#include "dsl/language_examples.h"

namespace rideflow {

namespace {

constexpr size_t kLongestLine = 64;

std::string scalar_text(const YamlNode& node, bool in_flow) {
  const std::string_view special = in_flow ? ",[]{}?#" : "#";
  const bool quotes = node.quoted || node.text.empty() ||
                      node.text.find_first_of(special) != std::string::npos ||
                      node.text.find(": ") != std::string::npos;
  if (!quotes) return node.text;
  std::string out = "'";
  for (const char c : node.text) out += c == '\'' ? "''" : std::string(1, c == '\n' ? ' ' : c);
  return out + "'";
}

// `most` entries of the outermost list or map.
std::string flow(const YamlNode& node, bool in_flow, size_t most) {
  std::string out;
  const auto next = [&](size_t i) {
    out += i == 0 ? "" : ", ";
    return i < most;
  };
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "";
    case YamlNode::Kind::scalar:
      return scalar_text(node, in_flow);
    case YamlNode::Kind::list:
      for (size_t i = 0; i < node.items.size(); ++i) {
        if (!next(i)) return "[" + out + "…]";
        out += flow(node.items[i], true, SIZE_MAX);
      }
      return "[" + out + "]";
    case YamlNode::Kind::map:
      for (size_t i = 0; i < node.entries.size(); ++i) {
        if (!next(i)) return "{" + out + "…}";
        const YamlEntry& entry = node.entries[i];
        const std::string value = flow(entry.value, true, SIZE_MAX);
        YamlNode name;
        name.kind = YamlNode::Kind::scalar;
        name.text = entry.key;
        name.quoted = entry.key == "*" || entry.key == "null";
        out += scalar_text(name, true) + ":" + (value.empty() ? "" : " " + value);
      }
      return "{" + out + "}";
  }
  return "";
}

std::string short_flow(const YamlNode& node, size_t room) {
  std::string out = flow(node, false, SIZE_MAX);
  const size_t size = std::max(node.items.size(), node.entries.size());
  for (size_t most = size; out.size() > room && most-- > 1;) out = flow(node, false, most);
  return out;
}

// The nodes that a section's path leads to.
void nodes_at(const YamlNode& node, std::string_view path, std::vector<const YamlNode*>& out) {
  if (path.empty()) {
    out.push_back(&node);
    return;
  }
  const size_t dot = std::min(path.find('.'), path.size());
  std::string_view part = path.substr(0, dot);
  const std::string_view rest = dot == path.size() ? "" : path.substr(dot + 1);
  const bool each = part.ends_with("[]");
  if (each) part.remove_suffix(2);
  for (const YamlEntry& entry : node.entries) {
    if (part != "*" && part != entry.key) continue;
    if (!each) nodes_at(entry.value, rest, out);
    if (!each) continue;
    for (const YamlNode& item : entry.value.items) nodes_at(item, rest, out);
  }
}

const std::vector<YamlDocument>& example_documents() {
  static const std::vector<YamlDocument> all = [] {
    std::vector<YamlDocument> documents;
    for (const LanguageExample& example : language_examples()) {
      Diagnostics told_by_the_test;
      documents.push_back(parse_yaml(example.text, told_by_the_test));
    }
    return documents;
  }();
  return all;
}

// Empty when no example has the key there.
std::string line_at(std::string_view path, const LanguageKey& key) {
  for (const YamlDocument& document : example_documents()) {
    std::vector<const YamlNode*> maps;
    nodes_at(document.root, path, maps);
    for (const YamlNode* map : maps) {
      if (map->is_scalar() && path.ends_with("[]") && map->text == key.name) return key.name;
      const YamlNode* value = map->find(key.name);
      if (!value) continue;
      const std::string name = key.name == "null" ? "'null'" : key.name;
      const std::string text = short_flow(*value, kLongestLine - std::min(kLongestLine, name.size()));
      return text.empty() ? name + ":" : name + ": " + text;
    }
  }
  return "";
}

}  // namespace

std::string flow_text(const YamlNode& node) {
  return flow(node, false, SIZE_MAX);
}

std::string example_line(const LanguageSection& section, const LanguageKey& key) {
  const std::string line = line_at(section.path, key);
  // A format takes the same where rows are read and where they are written.
  const size_t format = section.path.find(".*.format");
  if (!line.empty() || format == std::string::npos) return line;
  const std::string other = section.path.starts_with("sinks") ? "sources" : "sinks";
  return line_at(other + section.path.substr(format), key);
}

}  // namespace rideflow
