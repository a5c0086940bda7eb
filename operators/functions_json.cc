// Access to JSON in texts.
#include <simdjson.h>

#include <charconv>

#include "operators/function_kernels.h"

namespace rideflow {

namespace {

// One step of a path: a field, or an index of an array.
struct Step {
  std::string field;
  int64_t index = -1;
};

// "$.a.b[0]" or "a.b[0]"; a field of other characters stands in brackets and quotes: $['a b'].
std::optional<std::vector<Step>> parse_path(std::string_view path) {
  std::vector<Step> steps;
  if (path.starts_with('$')) {
    path.remove_prefix(1);
  } else if (!path.empty() && path[0] != '[') {
    return parse_path("$." + std::string(path));
  }
  while (!path.empty()) {
    if (path.starts_with("['")) {
      const size_t end = path.find("']", 2);
      if (end == std::string_view::npos) return std::nullopt;
      steps.push_back({std::string(path.substr(2, end - 2)), -1});
      path.remove_prefix(end + 2);
    } else if (path[0] == '[') {
      const size_t end = path.find(']');
      int64_t index = -1;
      if (end == std::string_view::npos) return std::nullopt;
      const auto [stop, code] = std::from_chars(path.data() + 1, path.data() + end, index);
      if (code != std::errc() || stop != path.data() + end || index < 0) return std::nullopt;
      steps.push_back({"", index});
      path.remove_prefix(end + 1);
    } else {
      if (path[0] != '.') return std::nullopt;
      const size_t end = std::min(path.find_first_of(".[", 1), path.size());
      if (end == 1) return std::nullopt;
      steps.push_back({std::string(path.substr(1, end - 1)), -1});
      path.remove_prefix(end);
    }
  }
  return steps;
}

// The text of the value at the path, or nothing: no JSON, no such place, or null there.
std::optional<std::string> value_in(simdjson::dom::parser& parser, std::string_view json,
                                    const std::vector<Step>& path) {
  simdjson::dom::element at;
  if (parser.parse(json.data(), json.size()).get(at) != simdjson::SUCCESS) return std::nullopt;
  for (const Step& step : path) {
    const auto next =
        step.index >= 0 ? at.get_array().at(static_cast<size_t>(step.index)) : at.at_key(step.field);
    if (next.get(at) != simdjson::SUCCESS) return std::nullopt;
  }
  if (at.is_null()) return std::nullopt;
  std::string_view text;
  if (at.get_string().get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(at);
}

Result<BoundFunction> bind_json_value(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a JSON text and a path ('$.a.b[0]')";
  RF_TRY(check_count("json_value", args, 2, 2, kTakes));
  if (!is_text_or_null(args[0]) || !is_text_or_null(args[1]))
    return wrong_arguments("json_value", args, kTakes);
  if (!args[1].literal || args[1].literal->is_null()) {
    return Status::user(Code::invalid_argument,
                        "json_value: the path must be a text literal, as in '$.a.b[0]'");
  }
  const auto path = parse_path(args[1].literal->text);
  if (!path) {
    return Status::user(Code::invalid_argument,
                        fmt::format("json_value: '{}' is not a path: write it as in $.a.b[0] or $['a b']",
                                    args[1].literal->text));
  }
  BoundFunction f = bound("json_value", {Kind::string, Kind::string}, Kind::string,
                          [path](const KernelCall& call, RowErrors&) {
                            simdjson::dom::parser parser;
                            std::vector<bool> found(static_cast<size_t>(call.rows), false);
                            Column out = text_column(call, [&](int32_t i, std::string& text) {
                              if (auto value = value_in(parser, text_at(call, 0, i), *path)) {
                                text = *std::move(value);
                                found[static_cast<size_t>(i)] = true;
                              }
                            });
                            set_nulls(out, [&](int32_t i) { return !found[static_cast<size_t>(i)]; });
                            return out;
                          });
  return with(std::move(f), {.costly = true, .nullable = true});
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_json) {
  using namespace rideflow;
  catalog.add(
      function_kind("json_value", "string", "json_value(text, path) -> string?",
                    "The value at the path of a JSON text: a string as it is, anything else as JSON; null "
                    "when there is none or the text is no JSON.",
                    "json_value('{\"a\": {\"b\": [7, 8]}}', '$.a.b[1]') = '8'", bind_json_value));
}
