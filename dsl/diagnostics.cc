#include "dsl/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "engine/json_writer.h"

namespace rideflow {

namespace {

auto key_of(const Diagnostic& d) {
  return std::tie(d.pos.line, d.pos.column, d.path, d.message);
}

void sort_list(std::vector<Diagnostic>& list) {
  std::stable_sort(list.begin(), list.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return key_of(a) < key_of(b); });
  const auto same = [](const Diagnostic& a, const Diagnostic& b) { return key_of(a) == key_of(b); };
  list.erase(std::unique(list.begin(), list.end(), same), list.end());
}

}  // namespace

void Diagnostics::error(TextPos pos, std::string path, std::string message) {
  errors_.push_back({pos, std::move(path), std::move(message)});
}

void Diagnostics::warning(TextPos pos, std::string path, std::string message) {
  warnings_.push_back({pos, std::move(path), std::move(message)});
}

void Diagnostics::sort() {
  sort_list(errors_);
  sort_list(warnings_);
}

std::string to_string(const Diagnostic& d, std::string_view file) {
  std::string out(file);
  if (d.pos.line > 0) out += fmt::format(":{}:{}", d.pos.line, d.pos.column);
  out += d.path.empty() ? "  " : fmt::format("  {}: ", d.path);
  return out + d.message;
}

void append_json(std::string& out, const Diagnostic& d, std::string_view file, std::string_view severity) {
  JsonWriter json(out);
  json.begin_object().field("file", file);
  json.field("line", d.pos.line).field("column", d.pos.column);
  json.field("path", d.path).field("message", d.message).field("severity", severity).end_object();
}

std::string dotted(std::string_view parent, std::string_view name) {
  if (parent.empty()) return std::string(name);
  return name.empty() ? std::string(parent) : fmt::format("{}.{}", parent, name);
}

}  // namespace rideflow
