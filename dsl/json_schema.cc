#include "dsl/json_schema.h"

#include <algorithm>
#include <functional>

#include "dsl/language.h"
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
      text("", "job");
      text("", "description");
      options("kafka", doc_of("", "kafka"), kafka_option_specs(catalog_));
      restart();
      map("", "sources", [&] { source(); });
      map("", "streams", [&] { stream(); });
      map("", "sinks", [&] { sink(); });
      list("", "tests", [&] { test(); });
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
  // A word of the engine's own: described in language.cc.
  static std::string_view doc_of(std::string_view section, std::string_view name) {
    return language_key(section, name).doc;
  }
  void word(std::string_view section, std::string_view name, const Body& body) {
    property(name, doc_of(section, name), body);
  }
  void map(std::string_view section, std::string_view name, const Body& value) {
    word(section, name, [&] {
      json_.field("type", "object");
      json_.key("additionalProperties").begin_object();
      value();
      json_.end_object();
    });
  }
  void list(std::string_view section, std::string_view name, const Body& item) {
    word(section, name, [&] {
      json_.field("type", "array");
      json_.key("items").begin_object();
      item();
      json_.end_object();
    });
  }
  void text(std::string_view section, std::string_view name) {
    word(section, name, [&] { json_.field("type", "string"); });
  }
  void choice(std::string_view section, std::string_view name) {
    word(section, name, [&] { strings("enum", language_key(section, name).choices); });
  }
  // Numbers and truth may come from a ${VARIABLE}, which is text here.
  void scalar() { strings("type", {"string", "number", "boolean", "null"}); }
  void expression(std::string_view section, std::string_view name) {
    word(section, name, [&] { scalar(); });
  }
  void anything(std::string_view section, std::string_view name) {
    word(section, name, [] {});
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
      text("sources.*.*", word);
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
            text("secret", "env");
            text("secret", "file");
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
  void format(std::string_view section) {
    word(section, "format", [&] {
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
      const std::string_view at = "sources.*";
      format(at);
      map(at, "schema", [&] { json_.field("type", "string"); });
      word(at, "event_time", [&] {
        object({}, [&] {
          for (const LanguageKey& key : section("sources.*.event_time").keys)
            text("sources.*.event_time", key.name);
        });
      });
      choice(at, "bad_records");
      choice(at, "validate");
    });
  }

  void stream() {
    const std::string_view at = "streams.*";
    object({}, [&] {
      text(at, "from");
      list(at, "union", [&] { json_.field("type", "string"); });
      expression(at, "where");
      anything(at, "select");
      anything(at, "key_by");
      word(at, "window", [&] { window(); });
      map(at, "aggregate", [&] { scalar(); });
      expression(at, "having");
      map(at, "split", [&] { scalar(); });
      for (const auto& [name, kind] : catalog_.operators())
        if (!kind.of_clauses) options(name, kind.doc, kind.options);
    });
  }

  static const LanguageSection& section(std::string_view path) {
    const std::vector<LanguageSection>& all = language_sections();
    return *std::find_if(all.begin(), all.end(), [&](const LanguageSection& s) { return s.path == path; });
  }

  void window() {
    const std::string at = "streams.*.window";
    const auto common = [&] {
      for (const std::string_view word : {"allowed_lateness", "every"}) text(at, word);
      choice(at, "emit");
      for (const std::string_view word : {"timezone", "offset"}) text(at, word);
    };
    const auto kind = [&](std::string_view name, const std::vector<std::string>& words) {
      word(at, name, [&] {
        strings("type", {"object", "string", "null"});
        json_.field("additionalProperties", false);
        json_.key("properties").begin_object();
        for (const std::string& own : words) expression(dotted(at, name), own);
        common();
        json_.end_object();
      });
    };
    object({}, [&] {
      kind("tumbling", {"size"});
      kind("hopping", {"size", "slide"});
      kind("session", {"gap", "close_on"});
      kind("cumulating", {"size", "step"});
      kind("global", {});
      common();
    });
  }

  void restart() {
    word("", "restart", [&] {
      json_.key("anyOf").begin_array().begin_object();
      strings("enum", {"never"});
      json_.end_object().begin_object();
      object({}, [&] {
        for (const LanguageSection& section : language_sections()) {
          if (section.path != "restart") continue;
          for (const LanguageKey& key : section.keys) {
            property(key.name, key.doc,
                     [&] { key.choices.empty() ? scalar() : strings("enum", key.choices); });
          }
        }
      });
      json_.end_object().end_array();
    });
  }

  void sink() {
    const std::string_view at = "sinks.*";
    std::vector<std::string> kinds;
    for (const auto& [name, kind] : catalog_.sinks()) kinds.push_back(name);
    one_of(kinds);
    object({"from"}, [&] {
      text(at, "from");
      for (const auto& [name, kind] : catalog_.sinks()) options(name, kind.doc, kind.options);
      format(at);
      choice(at, "delivery");
      choice(at, "mode");
    });
  }

  void test() {
    const std::string_view at = "tests[]";
    object({"name", "feed", "expect"}, [&] {
      text(at, "name");
      list(at, "feed", [&] {
        // A source's rows, or one of these words.
        strings("type", {"object", "string"});
        json_.key("properties").begin_object();
        for (const LanguageKey& key : section("tests[].feed[]").keys) anything("tests[].feed[]", key.name);
        json_.end_object();
      });
      word(at, "expect", [&] { json_.field("type", "object"); });
      anything(at, "parallelism");
      word(at, "open", [&] { strings("type", {"boolean", "string"}); });
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
