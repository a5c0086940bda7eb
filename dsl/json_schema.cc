#include "dsl/json_schema.h"

#include <algorithm>
#include <functional>

#include "dsl/job_loader.h"
#include "dsl/option_checker.h"
#include "dsl/option_limits.h"
#include "engine/json_writer.h"

namespace rideflow {

namespace {

using Body = std::function<void()>;

class SchemaWriter {
 public:
  SchemaWriter(const Catalog& catalog, std::string& out) : catalog_(catalog), json_(out) {}

  void run() {
    json_.begin_object();
    json_.field("$schema", "http://json-schema.org/draft-07/schema#");
    json_.field("title", "Rideflow job");
    object({"job", "sources", "sinks"}, [&] {
      text("job", "The job's name: its identity within a data directory or cluster.");
      text("description", "One sentence for readers.");
      options("kafka", "Brokers; without them topics live in the data directory.",
              kafka_option_specs(catalog_));
      map("sources", "What the job reads, by name.", [&] { source(); });
      map("streams", "The steps, by name; a name is a step's identity.", [&] { stream(); });
      map("sinks", "Where rows go, by name.", [&] { sink(); });
      list("tests", "Tests with a virtual clock.", [&] { test(); });
    });
    json_.end_object();
  }

 private:
  // ---- shapes
  void object(const std::vector<std::string>& required, const Body& properties, bool closed = true) {
    json_.field("type", "object");
    if (closed) json_.field("additionalProperties", false);
    strings("required", required);
    json_.key("properties").begin_object();
    properties();
    json_.end_object();
  }
  void strings(std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    json_.key(key).begin_array();
    for (const std::string& value : values) json_.string(value);
    json_.end_array();
  }
  void property(std::string_view name, std::string_view doc, const Body& body) {
    json_.key(name).begin_object();
    if (!doc.empty()) json_.field("description", doc);
    body();
    json_.end_object();
  }
  void map(std::string_view name, std::string_view doc, const Body& value) {
    property(name, doc, [&] {
      json_.field("type", "object");
      json_.key("additionalProperties").begin_object();
      value();
      json_.end_object();
    });
  }
  void list(std::string_view name, std::string_view doc, const Body& item) {
    property(name, doc, [&] {
      json_.field("type", "array");
      json_.key("items").begin_object();
      item();
      json_.end_object();
    });
  }
  void text(std::string_view name, std::string_view doc) {
    property(name, doc, [&] { json_.field("type", "string"); });
  }
  void choice(std::string_view name, std::string_view doc, const std::vector<std::string>& words) {
    property(name, doc, [&] { strings("enum", words); });
  }
  // Numbers and truth may come from a ${VARIABLE}, which is text here.
  void scalar() { strings("type", {"string", "number", "boolean", "null"}); }
  void expression(std::string_view name, std::string_view doc) {
    property(name, doc, [&] { scalar(); });
  }
  void anything(std::string_view name, std::string_view doc) {
    property(name, doc, [] {});
  }
  void one_of(const std::vector<std::string>& keys) {
    json_.key("oneOf").begin_array();
    for (const std::string& key : keys) {
      json_.begin_object();
      strings("required", {key});
      json_.end_object();
    }
    json_.end_array();
  }

  // ---- options
  void options(std::string_view name, std::string_view doc, const std::vector<OptionSpec>& specs,
               const std::vector<std::string>& engine = {}) {
    property(name, doc, [&] { option_object(specs, engine); });
  }
  void option_object(const std::vector<OptionSpec>& specs, const std::vector<std::string>& engine) {
    strings("type", {"object", "null"});
    json_.field("additionalProperties", false);
    std::vector<std::string> required;
    for (const OptionSpec& spec : specs)
      if (spec.required) required.push_back(spec.name);
    strings("required", required);
    json_.key("properties").begin_object();
    for (const OptionSpec& spec : specs) option(spec);
    for (const std::string& word : engine) {
      const bool own =
          std::any_of(specs.begin(), specs.end(), [&](const OptionSpec& s) { return s.name == word; });
      if (own) continue;
      text(word, word == "start" ? "earliest, latest or a time: where to begin without a checkpoint."
                                 : "latest or a time: where the log ends for this job.");
    }
    json_.end_object();
  }
  void option(const OptionSpec& spec) {
    property(spec.name, spec.doc, [&] {
      if (spec.default_value) json_.field("default", *spec.default_value);
      switch (spec.type) {
        case OptionType::choice:
          strings("enum", spec.choices);
          return;
        case OptionType::boolean:
          strings("type", {"boolean", "string"});
          return;
        case OptionType::integer:
          strings("type", {"integer", "string"});
          range(spec.limits);
          return;
        case OptionType::string_list:
        case OptionType::column_list:
          strings("type", {"array", "string"});
          return;
        case OptionType::string_map:
          json_.field("type", "object");
          if (spec.choices.empty()) return;
          json_.key("propertyNames").begin_object();
          strings("enum", spec.choices);
          json_.end_object();
          return;
        case OptionType::expression_map:
        case OptionType::aggregate_map:
          json_.field("type", "object");
          return;
        case OptionType::number:
        case OptionType::rate:
        case OptionType::size_bytes:
          scalar();
          range(spec.limits);
          return;
        case OptionType::secret:
          object({}, [&] {
            text("env", "The environment variable that holds it.");
            text("file", "The file that holds it.");
          });
          return;
        case OptionType::any:
          return;
        default:
          scalar();
          pattern(spec.limits);
      }
    });
  }
  void range(const OptionLimits& limits) {
    if (limits.least) json_.field(limits.above_least ? "exclusiveMinimum" : "minimum", *limits.least);
    if (limits.most) json_.field("maximum", *limits.most);
  }
  // What a variable will hold is not known here.
  void pattern(const OptionLimits& limits) {
    if (!limits.pattern.empty()) json_.field("pattern", "^(?:" + limits.pattern + ")$|\\$\\{");
  }
  void format(std::string_view doc) {
    property("format", doc, [&] {
      json_.key("anyOf").begin_array();
      json_.begin_object();
      std::vector<std::string> names;
      for (const auto& [name, kind] : catalog_.formats()) names.push_back(name);
      strings("enum", names);
      json_.end_object();
      json_.begin_object();
      object({}, [&] {
        for (const auto& [name, kind] : catalog_.formats()) options(name, kind.doc, kind.options);
      });
      json_.end_object();
      json_.end_array();
    });
  }

  // ---- sections
  void source() {
    std::vector<std::string> kinds;
    for (const auto& [name, kind] : catalog_.sources()) kinds.push_back(name);
    one_of(kinds);
    object({}, [&] {
      for (const auto& [name, kind] : catalog_.sources())
        options(name, kind.doc, kind.options,
                kind.has_timestamp ? std::vector<std::string>{"start", "until"} : std::vector<std::string>{});
      format("How records are read; json by default.");
      map("schema", "The columns: 'name: type', with a '?' where null is allowed.",
          [&] { json_.field("type", "string"); });
      property("event_time", "Where time comes from and how it may be out of order.", [&] {
        object({}, [&] {
          text("column", "The timestamp column; by default the record's own time.");
          text("out_of_order",
               "How far behind the newest row of its partition a row may be and not be late.");
          text("max_ahead", "Rows further ahead of their record's own time are rejected; off: never.");
          text("idle_after", "A partition that is proven empty for so long holds nothing back.");
          text("idle_advance", "Lets time follow the wall clock when all is idle; off by default.");
          text("max_skew", "Partitions further ahead of the slowest are paused; off: never.");
        });
      });
      choice("bad_records", "What happens to records that do not fit.", {"keep", "skip", "fail"});
      choice("validate", "Whether columns that the job does not read are checked too.", {"used", "all"});
    });
  }

  void stream() {
    object({}, [&] {
      text("from",
           "The source or step whose rows it takes: rides, rides.rejected, minute.late, by_kind.long.");
      list("union", "Several streams as one.", [&] { json_.field("type", "string"); });
      expression("where", "Keeps the rows for which it is true; sees the input's columns.");
      anything("select",
               "The columns to hand on: a list of names, or 'name: expression' lines; \"*\" is all others.");
      anything("key_by", "The columns by which rows belong together.");
      property("window", "Which rows of a key belong together in time.", [&] { window(); });
      map("aggregate", "Results per key and window: 'name: aggregate'.", [&] { scalar(); });
      expression("having", "Keeps the results for which it is true.");
      map("split", "Branches: 'name: condition', and one 'name: else'.", [&] { scalar(); });
      for (const auto& [name, kind] : catalog_.operators())
        if (!is_engine_operator(name)) options(name, kind.doc, kind.options);
    });
  }

  void window() {
    const auto common = [&] {
      text("allowed_lateness", "How long after its end a window takes rows that are late.");
      text("every", "Early results so often.");
      choice("emit", "One row per window, or another whenever it changed.", {"final", "updates"});
      text("timezone", "Whose days and hours windows follow; UTC by default.");
      text("offset", "Shifts the windows' grid.");
    };
    const auto kind = [&](std::string_view name, std::string_view doc,
                          const std::vector<std::string>& words) {
      property(name, doc, [&] {
        strings("type", {"object", "string", "null"});
        json_.field("additionalProperties", false);
        json_.key("properties").begin_object();
        for (const std::string& word : words) expression(word, "");
        common();
        json_.end_object();
      });
    };
    object({}, [&] {
      kind("tumbling", "Windows side by side: tumbling: 1m.", {"size"});
      kind("hopping",
           "Windows of one size that begin every slide: they overlap, or rows between them are in none.",
           {"size", "slide"});
      kind("session", "Rows of a key with no gap between them.", {"gap", "close_on"});
      kind("cumulating", "A window that gives its results so far every step.", {"size", "step"});
      kind("global", "One window for ever.", {});
      common();
    });
  }

  void sink() {
    std::vector<std::string> kinds;
    for (const auto& [name, kind] : catalog_.sinks()) kinds.push_back(name);
    one_of(kinds);
    object({"from"}, [&] {
      text("from", "The source or step whose rows it writes.");
      for (const auto& [name, kind] : catalog_.sinks()) options(name, kind.doc, kind.options);
      format("How rows are written.");
      choice("delivery", "What a crash may do to rows.", {"exactly_once", "at_least_once"});
      choice("mode", "append writes every row, upsert replaces rows of the same key.", {"append", "upsert"});
    });
  }

  void test() {
    object({"name", "feed", "expect"}, [&] {
      text("name", "What it shows.");
      list("feed", "'source: [rows]', 'advance: {source: time}', 'end: [sources]', 'wait: 10s', 'restart'.",
           [&] {
             strings("type", {"object", "string"});
           });
      property("expect", "Rows that sinks must have got.", [&] { json_.field("type", "object"); });
      anything("parallelism", "A number of tasks, or several: each must give the same answer.");
      property("open", "true: sources do not end behind the feed.", [&] {
        strings("type", {"boolean", "string"});
      });
    });
  }

  const Catalog& catalog_;
  JsonWriter json_;
};

}  // namespace

std::string job_json_schema(const Catalog& catalog) {
  std::string out;
  SchemaWriter(catalog, out).run();
  return out;
}

}  // namespace rideflow
