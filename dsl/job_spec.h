// JobSpec: a job as its text says it, variables replaced and defaults filled, every part with its place.
//
// What needs schemas (names of columns, types, options that hold expressions) is checked by the planner.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/expression_ast.h"
#include "dsl/yaml_document.h"
#include "engine/plan.h"

namespace rideflow {

struct SpecExpr {
  std::string text;
  AstRef ast;  // null: not given, or not an expression (then an error was added)
  TextPos pos;
  explicit operator bool() const { return ast != nullptr; }
};

// "name: expression"; without an expression the column of that name. The name "*" is all other columns.
struct SpecNamed {
  std::string name;
  TextPos pos;
  SpecExpr expr;
  bool plain = false;  // a column's name alone
};

// A connector, format or operator with what stands under its name, not yet checked.
struct SpecConnector {
  std::string kind;
  TextPos pos;
  YamlNode options;
};

// "rides", "rides.rejected", "city_minute.late", "by_kind.long".
struct SpecStreamRef {
  std::string name;
  std::string port;  // empty: the main one
  TextPos pos;
  std::string text() const { return port.empty() ? name : name + "." + port; }
};

struct SpecSource {
  std::string name;
  TextPos pos;
  SpecConnector connector;
  std::optional<SpecConnector> format;
  bool has_schema = false;
  std::vector<DecodeField> schema;
  TextPos schema_pos;
  EventTimeSpec event_time;
  TextPos event_time_pos;
  bool max_ahead_given = false;
  StartAt start = StartAt::earliest;
  Micros start_time = 0;
  UntilSpec until;
  BadRecords bad_records = BadRecords::keep;
  bool validate_all = false;
};

struct SpecWindow {
  WindowSpec window;  // close_on stays null here
  SpecExpr close_on;
  TextPos emit_pos;
};

struct SpecStream {
  std::string name;
  TextPos pos;
  bool is_union = false;
  std::vector<SpecStreamRef> from;  // one; several of a union
  SpecExpr where;
  bool has_select = false;
  std::vector<SpecNamed> select;
  std::vector<SpecNamed> key_by;
  std::optional<SpecWindow> window;
  std::vector<SpecNamed> aggregate;
  SpecExpr having;
  std::vector<SpecNamed> split;            // a branch without expression is `else`
  std::optional<SpecConnector> operation;  // an operator of the catalog that the step names
};

struct SpecSink {
  std::string name;
  TextPos pos;
  SpecStreamRef from;
  SpecConnector connector;
  std::optional<SpecConnector> format;
  std::string delivery;  // "", "exactly_once", "at_least_once"
  TextPos delivery_pos;
  std::string mode;  // "", "append", "upsert"
  TextPos mode_pos;
};

struct JobSpec {
  std::string job;
  TextPos job_pos;
  std::string description;
  RestartSpec restart;
  YamlNode kafka;  // null without the section
  std::vector<SpecSource> sources;
  std::vector<SpecStream> streams;
  std::vector<SpecSink> sinks;
  YamlNode tests;
  std::shared_ptr<const YamlDocument> document;

  // Of several of one name the first; known once index() has run.
  void index();
  const SpecSource* find_source(std::string_view name) const;
  const SpecStream* find_stream(std::string_view name) const;
  const SpecSink* find_sink(std::string_view name) const;

 private:
  using Places = std::map<std::string, size_t, std::less<>>;
  Places source_places_;
  Places stream_places_;
  Places sink_places_;
};

// For `rideflow explain`: the job as it was understood.
std::string to_string(const JobSpec& spec);
// The same step by step.
struct StepText {
  std::string section, name, text;
};
std::vector<StepText> step_texts(const JobSpec& spec);

}  // namespace rideflow
