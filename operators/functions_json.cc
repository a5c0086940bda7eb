// Access to JSON in texts.
#include <charconv>

#include "operators/function_kernels.h"
#include "operators/json/json_scan.h"

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

// The text of a string token; nothing when its escapes are broken.
std::optional<std::string> string_of(const JsonToken& token) {
  if (!token.escaped) return std::string(token.text());
  if (!check_escapes(token.text())) return std::nullopt;
  std::string out;
  unescape_json(token.text(), out);
  return out;
}

// Reads one value, with all that is in it.
bool take_value(JsonScanner& in, JsonToken& token, int depth) {
  in.skip_space();
  return in.value(token) && (token.type < JsonType::array || in.skip(token, depth));
}

// The value of the field, in the text of an object that was checked: of equal keys the last.
bool find_field(std::string_view object, const std::string& field, JsonToken& found) {
  JsonScanner in(object, JsonScanner::Escapes::skipped);
  JsonToken key;
  JsonToken value;
  bool first = true;
  bool any = false;
  in.enter('{', 1);
  while (in.next_key(key, first) && take_value(in, value, 1)) {
    if (string_of(key) != field) continue;
    found = value;
    any = true;
  }
  return any;
}

bool find_item(std::string_view array, int64_t index, JsonToken& found) {
  JsonScanner in(array, JsonScanner::Escapes::skipped);
  bool first = true;
  in.enter('[', 1);
  for (int64_t i = 0; in.next_item(first) && take_value(in, found, 1); ++i) {
    if (i == index) return true;
  }
  return false;
}

// An array or object without the white space between its tokens, everything else as it is spelled. Nothing
// when a string in it has broken escapes.
std::optional<std::string> compact(std::string_view json) {
  JsonScanner in(json);
  JsonToken whole;
  if (!take_value(in, whole, 1)) return std::nullopt;
  std::string out;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\') out += json[i++];  // the escaped byte follows
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) out += json[i];
  }
  return out;
}

// The text of the value at the path, or nothing: no JSON, no such place, or null there. Read by the decoder's
// own scanner (json_scan.h); but where a record would be rejected for a broken escape in a field that nobody
// asks for, only that field is lost here.
std::optional<std::string> value_in(std::string_view json, const std::vector<Step>& path) {
  JsonScanner in(json, JsonScanner::Escapes::skipped);
  JsonToken at;
  if (!take_value(in, at, 1)) return std::nullopt;
  in.skip_space();
  if (!in.at_end()) return std::nullopt;
  for (const Step& step : path) {
    const std::string_view text = at.text();
    const bool is_field = step.index < 0;
    if (at.type != (is_field ? JsonType::object : JsonType::array)) return std::nullopt;
    if (is_field ? !find_field(text, step.field, at) : !find_item(text, step.index, at)) return std::nullopt;
  }
  switch (at.type) {
    case JsonType::none:
    case JsonType::null:
      return std::nullopt;
    case JsonType::string:
      return string_of(at);
    case JsonType::array:
    case JsonType::object:
      return compact(at.text());
    default:
      return std::string(at.text());
  }
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
                            std::vector<bool> found(static_cast<size_t>(call.rows), false);
                            Column out = text_column(call, [&](int32_t i, std::string& text) {
                              if (auto value = value_in(text_at(call, 0, i), *path)) {
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
  catalog.add(function_kind(
      "json_value", "string", "json_value(text, path) -> string?",
      "The value at the path of a JSON text: a string as it is, anything else as JSON, numbers as "
      "they are spelled; null when there is none or the text is no JSON. Of a key that an "
      "object has more than once the last counts, as in records. A broken escape matters "
      "only to who asks for the string that has it.",
      "json_value('{\"a\": {\"b\": [7, 8]}}', '$.a.b[1]') = '8'", bind_json_value));
}
