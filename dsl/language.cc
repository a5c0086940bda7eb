#include "dsl/language.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dsl/option_checker.h"
#include "dsl/option_limits.h"
#include "engine/status.h"

namespace rideflow {

namespace {

constexpr const char* kNeeded = "required";

LanguageKey key(std::string name, std::string takes, std::string fallback, std::string doc) {
  return {std::move(name), std::move(takes), std::move(fallback), std::move(doc), {}, false};
}
LanguageKey map_key(std::string name, std::string takes, std::string fallback, std::string doc) {
  return {std::move(name), std::move(takes), std::move(fallback), std::move(doc), {}, true};
}
LanguageKey word_key(std::string name, std::vector<std::string> choices, std::string fallback,
                     std::string doc) {
  const std::string takes = fmt::format("one of {}", fmt::join(choices, ", "));
  return {std::move(name), takes, std::move(fallback), std::move(doc), std::move(choices), false};
}

LanguageSection file_section() {
  return {
      "",
      "The file",
      "",
      {key("job", "name", kNeeded,
           "The job's name: its identity within a data directory or cluster, by which its state and "
           "positions are found again."),
       key("description", "text", "", "One sentence for readers; the console shows it."),
       map_key("kafka", "map", "",
               "Brokers and how to reach them; without them topics live in the data directory."),
       map_key("restart", "never, or map", "see there",
               "What happens when the job fails for a reason that may pass, such as a full disk: it is "
               "started again from its newest checkpoint, after a pause that grows. Mistakes in the job end "
               "it at once; so does any failure with `restart: never`."),
       map_key("sources", "map of names", kNeeded, "What the job reads, by name."),
       map_key("streams", "map of names", "",
               "The steps, by name. A name is a step's identity: its state is found again after any edit "
               "that keeps the name."),
       map_key("sinks", "map of names", kNeeded, "Where rows go, by name."),
       map_key("tests", "list of tests", "",
               "Tests with a virtual clock, run by `rideflow test`. They may stand in a file beside the job "
               "too, named like it with `.test.yaml`.")}};
}

LanguageSection restart_section() {
  return {"restart",
          "Restarts",
          "How often and how soon a job that failed is started again.",
          {key("max_failures", "number, or unlimited", "`20`; `unlimited` in `dev`",
               "How many failures within `within` are borne; one more ends the job, 0 stands for `never`."),
           key("within", "duration", "`1h`", "The time in which they are counted."),
           key("first_pause", "duration", "`1s`",
               "How long after a failure the job is started again: up to a quarter less by chance, so that "
               "jobs that failed together do not come back together, and twice as long after every further "
               "failure."),
           key("longest_pause", "duration", "`1m`",
               "No pause is longer. A job that ran for so long is well again: the next pause is the "
               "first."),
           word_key("poison", {"set_aside", "stop"}, "`stop`",
                    "What is done about a record at which a step, or the process, fails again and again by a "
                    "mistake of ours. After the first failure what was read is read again with care, a few "
                    "records at a time, until it is known which one it is. At a record at which it failed "
                    "three times the job stops and names it; or the record is set aside: it goes to "
                    "`.rejected` of its source with what failed, and the job goes on, unless ten were set "
                    "aside and it never ran well for `longest_pause` in between. What fails when no record "
                    "came, such as a window that fires, is nobody's fault here.")}};
}

LanguageSection source_section() {
  return {
      "sources.*",
      "A source",
      "One connector, by its name, and how its records become rows.",
      {key("format", "name of a format, or a map of one", "`json`",
           "How records are read: `format: csv`, or `format: {csv: {header: true}}` with options."),
       key("schema", "map: `column: type`", "the connector's own",
           "The columns to read and their types, with a `?` where null is allowed. Only these are decoded. A "
           "generator brings its own."),
       map_key("event_time", "map", "the record's own time",
               "Where time comes from, how far out of order it may be, and who is waited for."),
       word_key("bad_records", {"keep", "skip", "fail"}, "`keep`",
                "Records that do not fit: keep them in `.rejected`, skip them (counted), or fail the job at "
                "the first."),
       word_key("validate", {"used", "all"}, "`used`",
                "Whether columns of the schema that the job does not read are decoded and checked too.")}};
}

LanguageSection log_section(std::string_view connector) {
  return {
      fmt::format("sources.*.{}", connector),
      fmt::format("{} (every log)", connector),
      "",
      {key("start", "earliest, latest or a time", "`earliest`",
           "Where to begin when there is no checkpoint: the first record, the next one, or the first of this "
           "time or later. A restored position always wins."),
       key("until", "latest or a time", "",
           "Makes the log bounded: up to its end as it is at the first start, or up to records of this time. "
           "The end fires every window.")}};
}

LanguageSection event_time_section() {
  return {
      "sources.*.event_time",
      "Event time of a source",
      "",
      {key("column", "column", "the record's own time",
           "The timestamp column. By default a topic's record time or the generator's own; files have none."),
       key("out_of_order", "duration", "`0s`",
           "How far behind the newest row of its partition a row may be without being late. The watermark "
           "follows the newest row at this distance."),
       key("max_ahead", "duration, or off", "`5m`",
           "Rows further ahead of their record's own time are rejected, so that one broken clock can't close "
           "all windows. Off for files and in job tests."),
       key("idle_after", "duration", "`30s`",
           "A partition at whose end every poll has been for so long holds the watermark back no more; 0: it "
           "never holds it back once it is at its end."),
       key("idle_advance", "duration, or off", "`off`",
           "When all partitions are idle, lets the watermark follow the wall clock at this distance."),
       key("max_skew", "duration, or off", "`5m`",
           "Partitions further ahead of the slowest one are paused, so that catching up doesn't fill the "
           "state. One that has proved its end for 30 seconds is waited for no more.")}};
}

LanguageSection stream_section() {
  return {
      "streams.*",
      "A step",
      "Clauses apply in this order, whatever the file's: `from`, `where`, `select`, `key_by`, `window`, "
      "`aggregate`, `having`.",
      {key("from", "name of a source or step", kNeeded,
           "Whose rows it takes: `rides`, or a further output such as `rides.rejected`, `minute.late`, "
           "`by_kind.long`. A step has `from` or `union`."),
       key("union", "list of names", "",
           "Several streams as one: columns by name, missing ones null, types must agree."),
       key("where", "expression", "", "Keeps the rows for which it is true; sees the input's columns."),
       key("select", "list of columns, or map: `name: expression`", "all columns",
           "The columns to hand on. A name alone is the column of that name; `\"*\"` is all others."),
       key("key_by", "list of columns, or map: `name: expression`", "",
           "The columns by which rows belong together; `[]` for all rows as one. Nulls are one group."),
       map_key("window", "map", "",
               "Which rows of a key belong together in time. Needs `key_by` and "
               "`aggregate`."),
       key("aggregate", "map: `name: aggregate`", "",
           "Results per key and window, computed by [aggregates](aggregates.md) and expressions over them. "
           "Key columns, `window_start` and `window_end` come by themselves."),
       key("having", "expression", "", "Keeps the results for which it is true; sees the results' columns."),
       key("split", "map: `branch: condition`", "",
           "Branches that others read as `step.branch`: a row goes to the first whose condition is true; one "
           "last "
           "`name: else` takes the rest.")}};
}

LanguageSection window_section() {
  return {
      "streams.*.window",
      "A window",
      "One kind of window, and words that stand beside it or among its keys.",
      {map_key("tumbling", "duration, or map", "", "Windows side by side: `tumbling: 1m`."),
       map_key(
           "hopping", "map", "",
           "Windows of one size that begin every `slide`: they overlap, or rows between them are in none."),
       map_key("session", "duration, or map", "",
               "Rows of a key with no gap of this length between them: `session: 30m`."),
       map_key("cumulating", "map", "", "A window that gives its results so far every step."),
       map_key("global", "map", "", "One window for ever: `global: {every: 1m}`."),
       key("allowed_lateness", "duration", "`0s`",
           "How long after its end a window is kept for rows that come late. What comes later still goes to "
           "`.late`."),
       key("every", "duration", "",
           "Early results: as often as this in event time, one row for each key that changed."),
       word_key("emit", {"final", "updates"},
                "`updates` with allowed_lateness or early results, else `final`",
                "One row per window when nothing can change it any more, or one when it ends and another "
                "(with a higher `_revision`) whenever it changed."),
       key("timezone", "name of a time zone", "`UTC`",
           "Whose days and hours windows follow: a calendar day has 23 to 25 hours."),
       key("offset", "duration", "`0s`", "Shifts the windows' grid: days that begin at 6 by `offset: 6h`.")}};
}

std::vector<LanguageSection> window_kind_sections() {
  const std::string at = "streams.*.window.";
  return {
      {at + "tumbling",
       "tumbling",
       "",
       {key("size", "duration", kNeeded, "How long a window is; months and years too: `1mo`.")}},
      {at + "hopping",
       "hopping",
       "",
       {key("size", "duration", kNeeded, "How long a window is."),
        key("slide", "duration", kNeeded, "How far apart windows begin; longer than `size` leaves gaps.")}},
      {at + "session",
       "session",
       "",
       {key("gap", "duration", kNeeded, "A session ends when its key has no row for so long."),
        key("close_on", "expression", "",
            "A row for which it is true ends the session: a ride is over when it is completed.")}},
      {at + "cumulating",
       "cumulating",
       "",
       {key("size", "duration", kNeeded, "After so long the window begins anew."),
        key("step", "duration", kNeeded,
            "How often it gives its results so far; `size` is a whole number of "
            "steps.")}}};
}

LanguageSection sink_section() {
  return {"sinks.*",
          "A sink",
          "One connector, by its name, and whose rows it writes.",
          {key("from", "name of a source or step", kNeeded,
               "Whose rows it writes: `city_minute`, or a further output such as `city_minute.late`."),
           key("format", "name of a format, or a map of one", "`json`",
               "How rows are written, by connectors that write records."),
           word_key("delivery", {"exactly_once", "at_least_once"}, "the best that the connector gives",
                    "What a crash may do to rows: nothing, or write some again."),
           word_key("mode", {"append", "upsert"}, "`append`",
                    "append writes every row; upsert replaces rows of the same key and window.")}};
}

// What stands for a value that must never be in a job file.
LanguageSection secret_section(std::string path, std::string title) {
  return {std::move(path),
          std::move(title),
          "A secret is named, never written: in a job file, a plan or an answer of the API only the name "
          "appears.",
          {key("env", "name", "", "The environment variable that holds it."),
           key("file", "path", "", "The file whose first line it is.")}};
}

std::vector<LanguageSection> test_sections() {
  return {
      {"tests[]",
       "A test",
       "Runs at batch sizes 1 and 1,024 and at each parallelism given; all must give the same.",
       {key("name", "text", kNeeded, "What it shows."),
        map_key("feed", "list of steps", kNeeded, "What the sources receive, step by step."),
        key("expect", "map: `sink: [rows]`", kNeeded,
            "The rows that sinks must have got, in any order, compared on the columns that they name; `[]` "
            "expects none. A sink that is not named is not compared."),
        key("parallelism", "number from 1 to 128, or list of them", "`1`",
            "How many tasks a stage has: `[1, 3]` demands the same answer of both."),
        key("open", "true or false", "`false`", "true: sources do not end behind the feed.")}},
      {"tests[].feed[]",
       "A step of a test's feed",
       "Each is one key. A source's name feeds rows: `- rides: [{city: Lyon}]`. Columns that a row does not "
       "name are null, or their type's zero; it may name `_partition`, `_timestamp` and `_key`. A row in "
       "quotes "
       "is a raw record.",
       {key("advance", "map: `source: time`", "", "The watermark of a source's partitions."),
        key("end", "list of sources", "", "These sources end here."),
        key("wait", "duration", "", "Lets so much of the virtual wall clock pass."),
        key("restart", "nothing", "", "Takes a checkpoint, drops everything, restores and goes on.")}}};
}

std::string_view type_name(OptionType type) {
  switch (type) {
    case OptionType::string:
      return "text";
    case OptionType::path:
      return "path";
    case OptionType::integer:
      return "whole number";
    case OptionType::number:
      return "number";
    case OptionType::boolean:
      return "true or false";
    case OptionType::duration:
      return "duration";
    case OptionType::timestamp:
      return "time";
    case OptionType::size_bytes:
      return "size";
    case OptionType::rate:
      return "rate";
    case OptionType::choice:
      return "one of";
    case OptionType::secret:
      return "secret";
    case OptionType::string_list:
      return "list of texts";
    case OptionType::string_map:
      return "map of texts";
    case OptionType::column:
      return "column";
    case OptionType::column_list:
      return "list of columns";
    case OptionType::expression:
      return "expression";
    case OptionType::expression_map:
      return "map of expressions";
    case OptionType::aggregate_map:
      return "map of aggregates";
    case OptionType::any:
      return "any";
  }
  return "";
}

void add_secrets(const LanguageSection& section, const std::vector<OptionSpec>& options,
                 std::vector<LanguageSection>& sections) {
  for (const OptionSpec& option : options) {
    if (option.type != OptionType::secret) continue;
    sections.push_back(secret_section(section.path + "." + option.name, "The secret `" + option.name + "`"));
  }
}

LanguageSection option_section(std::string path, std::string title, std::string doc,
                               const std::vector<OptionSpec>& options) {
  LanguageSection section{std::move(path), std::move(title), std::move(doc), {}};
  for (const OptionSpec& option : options) {
    LanguageKey one = key(option.name, takes_text(option), "", option.doc);
    // Dozens of a client's settings are listed where the connector is.
    if (option.type == OptionType::string_map && !option.choices.empty())
      one.takes = fmt::format("map of texts, [{} keys](connectors.md)", option.choices.size());
    if (option.required)
      one.fallback = kNeeded;
    else if (option.default_value && !option.default_value->empty())
      one.fallback = "`" + *option.default_value + "`";
    one.has_section = option.type == OptionType::secret;
    section.keys.push_back(std::move(one));
  }
  return section;
}

// `start` and `until` where they are not the connector's own.
void add_log_keys(LanguageSection& section, std::string_view connector) {
  for (const LanguageKey& word : log_section(connector).keys) {
    const bool own = std::any_of(section.keys.begin(), section.keys.end(),
                                 [&](const LanguageKey& k) { return k.name == word.name; });
    if (!own) section.keys.push_back(word);
  }
}

void add_connectors(const Catalog& catalog, std::vector<LanguageSection>& sections) {
  for (const auto& [name, kind] : catalog.sources()) {
    sections.push_back(option_section("sources.*." + name, "Source `" + name + "`", kind.doc, kind.options));
    if (kind.has_timestamp) add_log_keys(sections.back(), name);
  }
  for (const auto& [name, kind] : catalog.sinks())
    sections.push_back(option_section("sinks.*." + name, "Sink `" + name + "`", kind.doc, kind.options));
  for (const std::string at : {"sources.*.format", "sinks.*.format"}) {
    LanguageSection formats{at, "A format with options", "", {}};
    for (const auto& [name, kind] : catalog.formats())
      formats.keys.push_back(map_key(name, "map", "", kind.doc));
    sections.push_back(std::move(formats));
    for (const auto& [name, kind] : catalog.formats())
      sections.push_back(option_section(at + "." + name, "Format `" + name + "`", kind.doc, kind.options));
  }
  for (const auto& [name, kind] : catalog.operators()) {
    if (kind.of_clauses) continue;
    sections.push_back(option_section("streams.*." + name, "Step `" + name + "`", kind.doc, kind.options));
  }
  const std::vector<OptionSpec> kafka = kafka_option_specs(catalog);
  sections.push_back(option_section("kafka", "The `kafka` section", "", kafka));
  add_secrets(LanguageSection(sections.back()), kafka, sections);
}

}  // namespace

const std::vector<LanguageSection>& language_sections() {
  static const std::vector<LanguageSection> all = [] {
    std::vector<LanguageSection> sections = {file_section(),       restart_section(), source_section(),
                                             event_time_section(), stream_section(),  window_section()};
    const auto add = [&](std::vector<LanguageSection> more) {
      for (LanguageSection& section : more) sections.push_back(std::move(section));
    };
    add(window_kind_sections());
    sections.push_back(sink_section());
    add(test_sections());
    return sections;
  }();
  return all;
}

const LanguageKey& language_key(std::string_view section, std::string_view name) {
  static const LanguageSection log = log_section("*");
  static const LanguageSection secret = secret_section("secret", "");
  const auto find = [&](const LanguageSection& s) -> const LanguageKey* {
    const auto it =
        std::find_if(s.keys.begin(), s.keys.end(), [&](const LanguageKey& k) { return k.name == name; });
    return it == s.keys.end() ? nullptr : &*it;
  };
  for (const LanguageSection* s : {&log, &secret}) {
    const LanguageKey* found = s->path == section ? find(*s) : nullptr;
    if (found) return *found;
  }
  for (const LanguageSection& s : language_sections()) {
    const LanguageKey* found = s.path == section ? find(s) : nullptr;
    if (found) return *found;
  }
  RF_CHECK(false && "a word of the job language without a description");
  return log.keys[0];
}

std::vector<LanguageSection> job_language(const Catalog& catalog) {
  std::vector<LanguageSection> sections = language_sections();
  for (LanguageSection& section : sections) {
    const auto name_kind = [&](const std::string& name, const std::string& doc) {
      section.keys.push_back(map_key(name, "map", "", doc));
    };
    if (section.path == "sources.*")
      for (const auto& [name, kind] : catalog.sources()) name_kind(name, kind.doc);
    if (section.path == "sinks.*")
      for (const auto& [name, kind] : catalog.sinks()) name_kind(name, kind.doc);
    if (section.path == "streams.*")
      for (const auto& [name, kind] : catalog.operators())
        if (!kind.of_clauses) name_kind(name, kind.doc);
  }
  add_connectors(catalog, sections);
  return sections;
}

std::string takes_text(const OptionSpec& option) {
  std::string type(type_name(option.type));
  const std::string limits = limits_text(option);
  const bool reads_on = option.type == OptionType::choice || option.limits.rule.empty();
  if (!limits.empty()) type += (reads_on ? " " : ": ") + limits;
  return type;
}

}  // namespace rideflow
