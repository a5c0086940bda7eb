#include "runtime/http/http_json.h"

#include <boost/json.hpp>

#include "engine/time.h"

namespace rideflow {
namespace {

namespace json = boost::json;

constexpr Micros kFirstYear = -62'135'596'800 * kMicrosPerSecond;  // 0001-01-01
constexpr Micros kLastYear = 253'402'300'799 * kMicrosPerSecond;   // 9999-12-31T23:59:59

Status refuse(std::string_view what) {
  return Status::user(Code::invalid_argument, std::string("The body ") + std::string(what) + ".");
}

Result<json::value> parse(std::string_view text) {
  json::error_code ec;
  json::parse_options options;
  options.max_depth = 32;
  json::value value = json::parse(json::string_view(text.data(), text.size()), ec, {}, options);
  if (ec) return refuse("is not valid JSON: " + ec.message());
  return value;
}

JsonObject scalars_of(const json::object& from) {
  JsonObject object;
  for (const auto& member : from) {
    const json::value& v = member.value();
    JsonScalar scalar = nullptr;
    if (v.is_bool()) {
      scalar = v.get_bool();
    } else if (v.is_int64()) {
      scalar = v.get_int64();
    } else if (v.is_number()) {
      scalar = v.to_number<double>();
    } else if (v.is_string()) {
      scalar = std::string(v.get_string().data(), v.get_string().size());
    } else if (!v.is_null()) {
      continue;
    }
    const json::string_view key = member.key();
    object.emplace(std::string(key.data(), key.size()), std::move(scalar));
  }
  return object;
}

}  // namespace

Result<JsonObject> parse_json_object(std::string_view text) {
  RF_ASSIGN(const json::value value, parse(text));
  if (!value.is_object()) return refuse("is not a JSON object");
  return scalars_of(value.get_object());
}

Result<std::vector<JsonObject>> parse_json_objects(std::string_view text, std::string_view member) {
  RF_ASSIGN(const json::value value, parse(text));
  const json::value* array = &value;
  if (!member.empty()) {
    const json::object* object = value.if_object();
    array = object ? object->if_contains(json::string_view(member.data(), member.size())) : nullptr;
  }
  if (!array || !array->is_array()) return refuse("has no array where one belongs");
  std::vector<JsonObject> objects;
  for (const json::value& item : array->get_array()) {
    if (!item.is_object()) return refuse("has an array of something else than objects");
    objects.push_back(scalars_of(item.get_object()));
  }
  return objects;
}

std::string pretty_json(std::string_view text) {
  std::string out;
  int depth = 0;
  bool in_string = false;
  const auto line = [&] {
    out += '\n';
    out.append(static_cast<size_t>(depth) * 2, ' ');
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) {
        out += text[++i];
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c == '{' || c == '[') {
      size_t next = i + 1;
      while (next < text.size() && (text[next] == ' ' || text[next] == '\n')) ++next;
      out += c;
      if (next < text.size() && (text[next] == '}' || text[next] == ']')) {
        out += text[next];
        i = next;
        continue;
      }
      ++depth;
      line();
    } else if (c == '}' || c == ']') {
      --depth;
      line();
      out += c;
    } else if (c == ',') {
      out += c;
      line();
    } else if (c == ':') {
      out += " : ";
    } else {
      in_string = c == '"';
      out += c;
    }
  }
  return out;
}

bool is_printable_time(Micros time) {
  return time >= kFirstYear && time <= kLastYear;
}

JsonWriter& time_or_null(JsonWriter& json, Micros time) {
  return is_printable_time(time) ? json.string(format_timestamp(time)) : json.null();
}

}  // namespace rideflow
