#include "rollup/query/json.h"

#include <fmt/format.h>

#include "rollup/query/datum.h"

namespace rideflow::rollup {

const Json* find(const JsonObject& object, std::string_view name) {
  const Json* v = object.if_contains(name);
  return v == nullptr || v->is_null() ? nullptr : v;
}

const JsonObject* find_object(const JsonObject& object, std::string_view name) {
  const Json* v = find(object, name);
  return v == nullptr ? nullptr : v->if_object();
}

std::optional<std::string> text(const Json* v) {
  if (v == nullptr) return std::nullopt;
  if (const auto* s = v->if_string()) return std::string(s->data(), s->size());
  if (const auto* i = v->if_int64()) return fmt::to_string(*i);
  if (const auto* u = v->if_uint64()) return fmt::to_string(*u);
  if (const auto* d = v->if_double()) return java_double(*d);
  if (const auto* b = v->if_bool()) return *b ? "true" : "false";
  return std::nullopt;
}

std::string text(const JsonObject& object, std::string_view name, std::string_view fallback) {
  return text(find(object, name)).value_or(std::string(fallback));
}

std::optional<double> number(const Json* v) {
  if (v == nullptr) return std::nullopt;
  if (const auto* i = v->if_int64()) return static_cast<double>(*i);
  if (const auto* u = v->if_uint64()) return static_cast<double>(*u);
  if (const auto* d = v->if_double()) return *d;
  if (const auto* s = v->if_string()) return parse_double({s->data(), s->size()});
  return std::nullopt;
}

std::optional<int64_t> integer(const Json* v) {
  if (v == nullptr) return std::nullopt;
  if (const auto* i = v->if_int64()) return *i;
  if (const auto* s = v->if_string()) return parse_long({s->data(), s->size()});
  const auto d = number(v);
  if (!d || !(std::fabs(*d) < 9e18)) return std::nullopt;
  return static_cast<int64_t>(*d);
}

bool flag(const JsonObject& object, std::string_view name, bool fallback) {
  const Json* v = find(object, name);
  if (v == nullptr) return fallback;
  if (const auto* b = v->if_bool()) return *b;
  if (const auto* s = v->if_string()) return *s == "true";
  return fallback;
}

std::vector<const Json*> items(const Json* v) {
  std::vector<const Json*> out;
  if (v == nullptr) return out;
  if (const auto* array = v->if_array()) {
    for (const Json& item : *array) out.push_back(&item);
  } else {
    out.push_back(v);
  }
  return out;
}

Status bad_query(std::string_view type, std::string_view problem) {
  return Status::user(
      Code::invalid_argument,
      fmt::format("Cannot construct instance of `org.apache.druid.{}`, problem: {}", type, problem));
}

Status unknown_type(std::string_view id, std::string_view of, std::string_view known) {
  return Status::user(
      Code::not_found,
      fmt::format("Could not resolve type id '{}' as a subtype of `org.apache.druid.{}` known type "
                  "ids = [{}]",
                  id, of, known));
}

}  // namespace rideflow::rollup
