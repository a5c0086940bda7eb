#include "dsl/reference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "dsl/language.h"
#include "dsl/option_checker.h"
#include "dsl/reference_jobs.h"
#include "engine/metrics.h"

namespace rideflow {

namespace {

constexpr std::string_view kNote =
    "<!-- Written from the catalog by tests/dsl/reference_test.cc: do not edit. -->\n\n";

// Text inside a table cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string code(std::string_view text) {
  return text.empty() ? "" : "`" + cell(text) + "`";
}

std::string option_table(const std::vector<OptionSpec>& options) {
  if (options.empty()) return "No options.\n\n";
  std::string out = "| option | type | default | |\n|---|---|---|---|\n";
  for (const OptionSpec& option : options) {
    const std::string value = option.required        ? "required"
                              : option.default_value ? code(*option.default_value)
                                                     : "";
    out += fmt::format("| {} | {} | {} | {} |\n", code(option.name), cell(takes_text(option)), value,
                       cell(option.doc));
  }
  return out + "\n";
}

std::string ports_text(const std::vector<PortSpec>& ports) {
  if (ports.empty()) return "";
  std::string out = "Further outputs:\n\n";
  for (const PortSpec& port : ports) out += fmt::format("- `.{}`: {}\n", port.name, port.doc);
  return out + "\n";
}

std::string connectors(const Catalog& catalog) {
  std::string out = fmt::format("# Connectors\n\n{}## Sources\n\n", kNote);
  out +=
      "Where a source has records with a time of their own, `start` (earliest, latest or a time) and `until` "
      "(latest or a time) stand among its options.\n\n";
  for (const auto& [name, kind] : catalog.sources())
    out += fmt::format("### {}\n\n{}\n\n{}", name, kind.doc, option_table(kind.options));
  out += "## Sinks\n\n";
  for (const auto& [name, kind] : catalog.sinks()) {
    out += fmt::format("### {}\n\n{}\n\n", name, kind.doc);
    out += fmt::format("Delivery: {}. Modes: {}.{}\n\n", kind.exactly_once ? "exactly once" : "at least once",
                       fmt::join(kind.modes, ", "),
                       kind.uses_format
                           ? fmt::format(" Format: {} unless `format` says otherwise.", kind.default_format)
                           : "");
    out += option_table(kind.options) + ports_text(kind.outputs);
  }
  return out + "## The `kafka` section\n\n" + option_table(kafka_option_specs(catalog));
}

std::string formats(const Catalog& catalog) {
  std::string out = fmt::format("# Formats\n\n{}", kNote);
  for (const auto& [name, kind] : catalog.formats()) {
    const std::string_view use = kind.make_decoder && kind.make_encoder ? "Read and written."
                                 : kind.make_decoder                    ? "Read only."
                                                                        : "Written only.";
    out += fmt::format("## {}\n\n{} {}\n\n{}", name, kind.doc, use, option_table(kind.options));
  }
  out += "## Types of columns\n\n| in a source's `schema` | what is read |\n|---|---|\n";
  for (const auto& [type, doc] : std::initializer_list<std::pair<const char*, const char*>>{
           {"bool, int32, int64, double, decimal(p,s), string, bytes, date, interval", "the value itself"},
           {"timestamp", "ISO text, with an offset or in UTC"},
           {"timestamp(Europe/Paris)", "ISO text, in that zone where it has no offset"},
           {"timestamp(s), timestamp(ms), timestamp(us)", "a number of that unit since 1970"},
           {"double(text), int64(text), decimal(10,2)(text)", "a number that stands in a string"},
           {"list(T), struct(name T, …)", "JSON only"}})
    out += fmt::format("| {} | {} |\n", code(type), cell(doc));
  return out + "\nA `?` behind a type allows null.\n";
}

std::string operators(const Catalog& catalog) {
  std::string out = fmt::format("# Operators\n\n{}", kNote);
  std::string engine =
      "## Placed by the planner\n\nThe clauses of a step become these; no step names them.\n\n";
  for (const auto& [name, kind] : catalog.operators()) {
    if (kind.of_clauses) {
      engine += fmt::format("- `{}`: {}\n", name, kind.doc);
      continue;
    }
    out += fmt::format("## {}\n\n{}{}\n\n{}{}", name, kind.doc, kind.keyed ? " Needs `key_by`." : "",
                       option_table(kind.options), ports_text(kind.outputs));
  }
  return out + engine;
}

std::string functions(const Catalog& catalog) {
  std::map<std::string, std::string> groups;
  for (const auto& [name, kind] : catalog.functions())
    groups[kind.group] +=
        fmt::format("| {} | {} | {} |\n", code(kind.signature), cell(kind.doc), code(kind.example));
  std::string out = fmt::format("# Functions\n\n{}", kNote);
  out +=
      "Names in any case. Beside these the language has `and`, `or`, `not`, `in`, `between`, `like`, `is "
      "null`, "
      "`is true`, `is distinct from`, `case`, `cast(x as type)`, `x::type`, `try_cast`, `coalesce`, "
      "`ifnull`, "
      "`nullif` and `if(condition, a, b)`.\n\n"
      "A number with a point is a double, and exact where it stands beside a decimal. Text beside a "
      "timestamp or "
      "date in a comparison is read as one. The decimal value of a double is its shortest digits that read "
      "back "
      "as it: what round() rounds, a cast to decimal takes and every text of it has, always with a point or "
      "an "
      "exponent (`300000.0`, `0.1`; `1e21` and beyond, and below 0.000001 `1.5e-7`).\n\n";
  for (const auto& [group, rows] : groups)
    out += fmt::format("## {}\n\n| | | example |\n|---|---|---|\n{}\n", group, rows);
  return out;
}

std::string aggregates(const Catalog& catalog) {
  std::string out = fmt::format("# Aggregates\n\n{}", kNote);
  out +=
      "Each takes `filter (where condition)`. Nulls are skipped; over no rows counts are 0 and the others "
      "null. "
      "`count(distinct x)` counts exactly.\n\n| | | other names |\n|---|---|---|\n";
  for (const auto& [name, kind] : catalog.aggregates())
    out += fmt::format("| {} | {} | {} |\n", code(kind.signature), cell(kind.doc),
                       fmt::join(kind.aliases, ", "));
  return out;
}

std::string metrics() {
  std::string out = "# Metrics\n\n";
  out +=
      "`GET /metrics` answers them as Prometheus text, one sample per operator and task, source or partition "
      "of "
      "every job; labels name the job, step, shard and partition. Generated from the table of metrics; a "
      "test "
      "fails when this page is stale.\n\n| metric | type | unit | |\n|---|---|---|---|\n";
  for (const MetricInfo& metric : metric_table())
    out += fmt::format("| `{}` | {} | {} | {} |\n", metric.name, metric.type, metric.unit, cell(metric.help));
  return out;
}

}  // namespace

std::vector<ReferencePage> reference_pages(const Catalog& catalog) {
  std::vector<ReferencePage> pages = {{"jobs.md", jobs_page(catalog, kNote)},
                                      {"connectors.md", connectors(catalog)},
                                      {"formats.md", formats(catalog)},
                                      {"operators.md", operators(catalog)},
                                      {"functions.md", functions(catalog)},
                                      {"aggregates.md", aggregates(catalog)},
                                      {"metrics.md", metrics()}};
  // Lists and tables leave blank lines behind; a file ends with one line feed.
  for (ReferencePage& page : pages)
    while (page.text.ends_with("\n\n")) page.text.pop_back();
  return pages;
}

}  // namespace rideflow
