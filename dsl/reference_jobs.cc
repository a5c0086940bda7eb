#include "dsl/reference_jobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "dsl/language.h"
#include "dsl/language_examples.h"
#include "dsl/language_values.h"
#include "engine/rejected.h"

namespace rideflow {

namespace {

constexpr std::string_view kIntroduction =
    "A job is one YAML file. This page has every key that may stand in it, what it takes, what holds without "
    "it, and an "
    "example out of a whole job that a test checks and runs. `rideflow check FILE` names every mistake with "
    "its "
    "place; `rideflow schema` prints the same keys as a JSON Schema, with which editors complete and explain "
    "them "
    "while you type.\n\n"
    "Keys that no one knows and keys that stand twice are errors. What is written `NAME` is a name that the "
    "job "
    "gives.\n\n";

constexpr std::string_view kNames =
    "## Names\n\n"
    "Sources, streams and sinks share one name space; a name begins with a letter and has letters, digits, "
    "`_` and "
    "`-`, at most 100. Names beginning with `_`, `window_start` and `window_end` belong to the engine; "
    "`advance`, "
    "`end`, `wait` and `restart` can't be sources. Column names are case-sensitive, functions and keywords "
    "are not. A "
    "stream that nothing reads is a warning and does not run.\n\n"
    "A name stands for its main output. Further outputs have a dot: `rides.rejected` (of a source, and of a "
    "step "
    "with several sources), `city_minute.late` (of a step with a window), `by_kind.long` (of a split), "
    "`live.late` (of a rollup with `retain`).\n\n";

constexpr std::string_view kLateRows =
    "## Rejected and late rows\n\n"
    "Nothing is lost silently. A record that can't be decoded, breaks the schema, has no event time, or on "
    "which an "
    "expression fails is **rejected**: it goes to `.rejected` of its source. A row behind the end of its "
    "window and "
    "its `allowed_lateness` is **late**: it goes to `.late` of the step with the window. What no sink or "
    "step reads "
    "is kept in the embedded topics `_rejected.JOB` and `_late.JOB`, which keep everything. Whether a row is "
    "late "
    "depends on its own partition alone, so a replay gives the same answer.\n\n"
    "A `.late` row has the step's input columns, `window_start`, `window_end`, `_topic`, `_partition`, "
    "`_offset`, "
    "`_timestamp` and `_reason`: `late`, `idle` (its partition had been idle), `new_partition`, or, of a "
    "rollup, "
    "`retention` or `no_time`. A "
    "`.rejected` row has:\n\n";

constexpr std::string_view kAccount =
    "## The row account\n\n"
    "Every row is somewhere, and the console, the API and the metrics show where. Of a source: "
    "polled = decoded + rejected. Of a step: in = passed on or absorbed + filtered + late (for all its "
    "windows) + "
    "rejected + held. *Absorbed* rows are in windows and sinks, *filtered* ones met no condition or fell "
    "between "
    "hopping windows, *held* ones wait in a session for their order.\n\n";

constexpr std::string_view kVariables =
    "## Variables\n\n"
    "| written | becomes |\n|---|---|\n"
    "| `${NAME}` | the variable's value; an error when it is not set |\n"
    "| `${NAME:-default}` | the default when it is not set or empty |\n"
    "| `${NAME:?message}` | the value, or an error that says the message |\n"
    "| `$$` | a dollar sign |\n\n"
    "Values come from `--set NAME=VALUE`, then from the environment. They are replaced inside values only, "
    "after the "
    "file is read, so that a value can't add YAML; a replaced text is not looked at again. Secrets are no "
    "variables: "
    "see [the secret `password`](#the-secret-password).\n\n";

constexpr std::string_view kTests =
    "## Running tests\n\n"
    "`rideflow test jobs/` runs the tests of all job files below a folder, those in the file and those "
    "beside it in "
    "`NAME.test.yaml`. Sources get the rows of `feed`, sinks keep what they are given, the clock is virtual: "
    "nothing "
    "is read, written or waited for, so a test takes milliseconds. At the end all sources end, which fires "
    "every "
    "window; with `open: true` they don't. Doubles are compared to 1e-9. A failure prints the difference and "
    "the "
    "input.\n";

std::string jobs_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string jobs_code(std::string_view text) {
  if (text.empty()) return "";
  const bool ticks = text.find('`') != std::string_view::npos;
  return ticks ? "`` " + jobs_cell(text) + " ``" : "`" + jobs_cell(text) + "`";
}

// The anchor that a heading gets.
std::string anchor(std::string_view title) {
  std::string out;
  for (const char c : title) {
    if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c - 'A' + 'a');
    else if (c == ' ')
      out += '-';
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')
      out += c;
  }
  return out;
}

// "sources.*.event_time" as "sources.NAME.event_time".
std::string readable(std::string path) {
  for (size_t at = path.find('*'); at != std::string::npos; at = path.find('*')) path.replace(at, 1, "NAME");
  return path;
}

class JobsPage {
 public:
  explicit JobsPage(const Catalog& catalog) : sections_(job_language(catalog)), own_(language_sections()) {}

  std::string run(std::string_view note) {
    out_ = fmt::format("# The job language\n\n{}{}", note, kIntroduction);
    for (size_t i = 0; i < own_.size(); ++i) section(sections_[i], heading_of(sections_[i]));
    out_ +=
        "## Connectors and formats\n\nThe keys below a connector's or format's name. What each does, "
        "delivers and "
        "gives out: [connectors](connectors.md), [formats](formats.md).\n\n";
    for (size_t i = own_.size(); i < sections_.size(); ++i) section(sections_[i], "###");
    out_ += kNames;
    values();
    columns();
    expressions();
    out_ += kLateRows;
    out_ += "| column | type |\n|---|---|\n";
    for (const Field& field : rejected_schema()->fields())
      out_ += fmt::format("| `{}` | {}{} |\n", field.name, field.type.to_string(), field.nullable ? "?" : "");
    out_ += '\n';
    out_ += kAccount;
    out_ += kVariables;
    out_ += kTests;
    return std::move(out_);
  }

 private:
  static std::string_view heading_of(const LanguageSection& section) {
    const bool top = section.path.empty() || section.path == "sources.*" || section.path == "streams.*" ||
                     section.path == "sinks.*" || section.path == "tests[]" ||
                     section.path == "streams.*.window";
    return top ? "##" : "###";
  }

  void section(const LanguageSection& section, std::string_view heading) {
    if (same_as_before(section)) return;
    out_ += fmt::format("{} {}\n\n", heading, section.title);
    std::string head = section.path.empty() ? "" : fmt::format("Below `{}`.", readable(section.path));
    if (!section.doc.empty()) head += (head.empty() ? "" : " ") + section.doc;
    if (!head.empty()) out_ += head + "\n\n";
    if (section.keys.empty())
      out_ += "No keys.\n\n";
    else
      table(section);
    for (const LanguageExample& example : language_examples()) {
      if (example.section == section.path)
        out_ += fmt::format("{}:\n\n```yaml\n{}```\n\n", example.title, example.text);
    }
  }

  // A format's keys are the same where rows are read and where they are written.
  bool same_as_before(const LanguageSection& section) const {
    if (!section.path.starts_with("sinks.*.format")) return false;
    return std::any_of(sections_.begin(), sections_.end(), [&](const LanguageSection& other) {
      return other.title == section.title && other.path.starts_with("sources.*.format");
    });
  }

  void table(const LanguageSection& section) {
    out_ += "| key | takes | without it | | example |\n|---|---|---|---|---|\n";
    for (const LanguageKey& key : section.keys)
      out_ += fmt::format("| `{}` | {} | {} | {} | {} |\n", key.name, jobs_cell(key.takes),
                          jobs_cell(key.fallback), jobs_cell(key.doc), example(section, key));
    out_ += '\n';
  }

  // A long map with a section of its own is shown there.
  std::string example(const LanguageSection& section, const LanguageKey& key) const {
    const std::string line = example_line(section, key);
    if (!key.has_section || line.size() <= 72) return jobs_code(line);
    const std::string prefix = section.path.empty() ? key.name : section.path + "." + key.name;
    for (const LanguageSection& other : sections_) {
      if (other.path.starts_with(prefix) && other.path != section.path)
        return fmt::format("[below](#{})", anchor(other.title));
    }
    return jobs_code(line);
  }

  void value_table(const std::vector<LanguageValue>& values) {
    out_ += "| written | |\n|---|---|\n";
    for (const LanguageValue& value : values)
      out_ += fmt::format("| `{}` | {} |\n", value.text, jobs_cell(value.meaning));
    out_ += '\n';
  }

  void values() {
    out_ += "## Durations\n\n";
    value_table(duration_values());
    out_ +=
        "Where a length must be fixed (`allowed_lateness`, `out_of_order`, `offset` …) months and years are "
        "an "
        "error.\n\n## Sizes\n\n";
    value_table(size_values());
    out_ += "## Rates\n\n";
    value_table(rate_values());
    out_ += "## Times\n\n";
    value_table(time_values());
    out_ += "Types of columns: [formats](formats.md#types-of-columns).\n\n";
  }

  void columns() {
    out_ += "## Columns that the engine gives\n\n| column | type | |\n|---|---|---|\n";
    for (const EngineColumn& column : engine_columns())
      out_ +=
          fmt::format("| `{}` | {} | {} |\n", column.name, jobs_cell(column.type), jobs_cell(column.where));
    out_ += "\nA source's are read only where the job names them.\n\n";
  }

  void expressions() {
    out_ +=
        "## Expressions\n\nSQL's scalar expressions with its null logic, in one line or several (`>-`). An "
        "expression that begins with a quote, or has a comma within `{}` or `[]` of YAML, stands in quotes. "
        "At most "
        "64 KiB, 64 levels and 4,096 parts.\n\n| form | | true |\n|---|---|---|\n";
    for (const ExpressionForm& form : expression_forms())
      out_ += fmt::format("| {} | {} | {} |\n", jobs_code(form.form), jobs_cell(form.meaning),
                          jobs_code(form.example));
    out_ +=
        "\nDivision by zero, overflow, a cast that does not fit: the row is rejected; `try_cast`, "
        "`try_divide` and "
        "`nullif` give null instead.\n\n";
  }

  std::vector<LanguageSection> sections_;
  const std::vector<LanguageSection>& own_;
  std::string out_;
};

}  // namespace

std::string jobs_page(const Catalog& catalog, std::string_view note) {
  return JobsPage(catalog).run(note);
}

}  // namespace rideflow
