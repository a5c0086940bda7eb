#include "dsl/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace rideflow {

namespace {

bool is_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string_view::npos;
}

class Replacer {
 public:
  Replacer(YamlDocument& document, const VariableLookup& lookup, Diagnostics& diagnostics)
      : document_(document), lookup_(lookup), diagnostics_(diagnostics) {}

  void walk(YamlNode& node, const std::string& path) {
    if (node.is_scalar() && node.text.find('$') != std::string::npos) replace(node, path);
    for (size_t i = 0; i < node.items.size(); ++i) walk(node.items[i], fmt::format("{}[{}]", path, i));
    for (YamlEntry& entry : node.entries) walk(entry.value, dotted(path, entry.key));
  }

 private:
  void replace(YamlNode& node, const std::string& path) {
    const std::string written = node.text;
    std::string out;
    std::vector<uint32_t> from;
    bool changed = false;
    const auto put = [&](std::string_view text, size_t at) {
      out += text;
      from.insert(from.end(), text.size(), static_cast<uint32_t>(at));
    };
    for (size_t i = 0; i < written.size();) {
      const std::string_view rest = std::string_view(written).substr(i);
      if (rest.starts_with("$$")) {
        put("$", i);
        i += 2;
        changed = true;
      } else if (rest.starts_with("${")) {
        const size_t close = rest.find('}');
        if (close == std::string_view::npos) {
          error(node, i, path, "'${' without its '}' (write '$$' for a dollar sign)");
          return;
        }
        const std::optional<std::string> value = resolve(rest.substr(2, close - 2), node, i, path);
        if (!value) return;
        put(*value, i);
        i += close + 1;
        changed = true;
      } else {
        put(rest.substr(0, 1), i);
        ++i;
      }
      if (out.size() > kMaxYamlBytes) {
        error(node, i, path,
              fmt::format("the value has more than {} bytes with its variables", kMaxYamlBytes));
        return;
      }
    }
    if (!changed) return;
    node.text = std::move(out);
    node.written = written;
    node.written_at = std::move(from);
  }

  std::optional<std::string> resolve(std::string_view inside, const YamlNode& node, size_t at,
                                     const std::string& path) {
    const size_t colon = inside.find(':');
    const std::string_view name = inside.substr(0, colon);
    const std::string_view rest = colon == std::string_view::npos ? "" : inside.substr(colon);
    const bool has_default = rest.starts_with(":-");
    const bool has_message = rest.starts_with(":?");
    if (has_default && rest.find("${") != std::string_view::npos) {
      error(node, at, path,
            fmt::format(
                "the default of {} holds another variable, and only one is replaced: write ${{{}:-text}}, or "
                "give {} with --set or in the environment",
                name, name, name));
      return std::nullopt;
    }
    if (!is_name(name) || (!rest.empty() && !has_default && !has_message)) {
      error(node, at, path,
            fmt::format(
                "'${{{}}}' is not a variable: write ${{NAME}}, ${{NAME:-default}} or ${{NAME:?message}}",
                inside));
      return std::nullopt;
    }
    std::optional<std::string> value = lookup_ ? lookup_(name) : std::nullopt;
    // As in a shell, ':' treats an empty variable like one that is not set.
    if (value && (rest.empty() || !value->empty())) return value;
    if (has_default) return std::string(rest.substr(2));
    const std::string_view message = has_message ? rest.substr(2) : "";
    error(node, at, path,
          message.empty() ? fmt::format("the variable {} is not set (give it with --set {}=VALUE, in the "
                                        "environment, or a default: ${{{}:-value}})",
                                        name, name, name)
                          : fmt::format("the variable {} is not set: {}", name, message));
    return std::nullopt;
  }

  void error(const YamlNode& node, size_t at, const std::string& path, std::string message) {
    const std::vector<TextPos> places = document_.places(node);
    document_.unreplaced.try_emplace(path, message);
    diagnostics_.error(places[std::min(at, places.size() - 1)], path, std::move(message));
  }

  YamlDocument& document_;
  const VariableLookup& lookup_;
  Diagnostics& diagnostics_;
};

using NamesByPlace = std::map<std::pair<int, int>, std::string>;

// Of each variable of a scalar: where it stands, and the scalar too when it begins with one.
void add_variables(const YamlDocument& document, const YamlNode& scalar, NamesByPlace& names) {
  const std::vector<TextPos> places = document.places(scalar);
  for (size_t i = 0; i < scalar.written_at.size(); ++i) {
    const size_t from = scalar.written_at[i];
    const std::string_view rest = std::string_view(scalar.written).substr(from);
    if (!rest.starts_with("${")) continue;
    const std::string_view inside = rest.substr(2, rest.find('}') - 2);
    const std::string name(inside.substr(0, inside.find(':')));
    names.try_emplace({places[i].line, places[i].column}, name);
    if (from == 0) names.try_emplace({scalar.pos.line, scalar.pos.column}, name);
    if (i + 1 == scalar.written_at.size())
      names.try_emplace({places[i + 1].line, places[i + 1].column}, name);
  }
}

void walk_variables(const YamlDocument& document, const YamlNode& node, NamesByPlace& names) {
  if (!node.written.empty()) add_variables(document, node, names);
  for (const YamlNode& item : node.items) walk_variables(document, item, names);
  for (const YamlEntry& entry : node.entries) walk_variables(document, entry.value, names);
}

}  // namespace

void name_variables(const YamlDocument& document, std::vector<Diagnostic>& diagnostics) {
  if (diagnostics.empty()) return;
  std::erase_if(diagnostics, [&](const Diagnostic& diagnostic) {
    const auto told = document.unreplaced.find(diagnostic.path);
    return told != document.unreplaced.end() && told->second != diagnostic.message;
  });
  NamesByPlace names;
  walk_variables(document, document.root, names);
  for (Diagnostic& diagnostic : diagnostics) {
    const auto name = names.find({diagnostic.pos.line, diagnostic.pos.column});
    if (name != names.end()) diagnostic.message += fmt::format(" (in the value of ${{{}}})", name->second);
  }
}

void replace_variables(YamlDocument& document, const VariableLookup& lookup, Diagnostics& diagnostics) {
  Replacer(document, lookup, diagnostics).walk(document.root, "");
}

}  // namespace rideflow
