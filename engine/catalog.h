// The catalog: every connector, format, operator, function and aggregate that a process knows, described
// once.
//
// The description drives the parser's checks, the defaults, the linter's suggestions, the JSON Schema for
// editors and the reference pages. An entry is defined in its own file in operators/ by RIDEFLOW_REGISTER;
// the build lists those files into an explicit table (static self-registration would be lost from a static
// library). Immutable once built; shared by all threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/aggregate.h"
#include "engine/expr.h"
#include "engine/format.h"
#include "engine/operator.h"
#include "engine/record_reader.h"
#include "engine/window.h"

namespace rideflow {

// ---- Options: what stands under a connector's or operator's name in a job
// -----------------------------------

enum class OptionType : uint8_t {
  string,
  path,  // of a file or directory that the job reads or writes
  integer,
  number,
  boolean,
  duration,
  timestamp,
  size_bytes,
  rate,
  choice,
  secret,
  string_list,
  string_map,
  column,
  column_list,
  expression,
  expression_map,
  aggregate_map,
  any,
};

// Which values of its type an option takes. What this can't say is for the `check` of the kind.
struct OptionLimits {
  std::optional<double> least;  // integer, number, size, rate (per second), duration (in seconds)
  std::optional<double> most;
  bool above_least = false;  // `least` itself is too little
  std::string pattern;       // of a text: the whole of it fits this regular expression (ECMAScript)
  std::string rule;          // what is right, in words: "one ASCII character, or tab"
};

struct OptionSpec {
  std::string name;
  OptionType type = OptionType::string;
  std::string doc;                           // one sentence
  std::optional<std::string> default_value;  // as a job would write it; none and not required: absent
  bool required = false;
  std::vector<std::string> choices;  // of OptionType::choice; of string_map its keys, when not all are taken
  OptionLimits limits;
};

// What a kind's own check has against a checked config: about an option, a column of the source's schema, or
// (neither is named) the whole.
struct OptionError {
  std::string option;
  std::string message;  // names the way out
  TextPos pos;          // a part of the option's value; line 0: the value itself
  std::string column;
};
using OptionErrors = std::vector<OptionError>;

// A secret stays a reference until a connector opens: {env: NAME} or {file: path}.
struct SecretRef {
  std::string env;
  std::string file;
};

struct NamedExpr {
  std::string name;
  ExprRef expr;
  TextPos pos;
};

// A checked option value with its place.
struct OptionValue {
  TextPos pos;
  std::string text;     // as written (after ${…}); all scalar types
  int64_t integer = 0;  // integer, size_bytes, timestamp (Micros), boolean (0 or 1)
  double number = 0;    // number; rate (per second)
  Duration duration;
  SecretRef secret;
  std::vector<std::string> list;                         // string_list, column_list
  std::vector<TextPos> places;                           // of the list's items
  std::vector<std::pair<std::string, std::string>> map;  // string_map, in order
  // string_map: values given as {env: …} or {file: …}
  std::vector<std::pair<std::string, SecretRef>> secrets;
  std::vector<int> columns;  // column, column_list: indices into the input schema
  ExprRef expr;
  std::vector<NamedExpr> exprs;
  std::vector<AggregateCall> aggregates;
};

class Options {
 public:
  void set(const std::string& name, OptionValue value) { values_[name] = std::move(value); }
  const OptionValue* find(const std::string& name) const {
    const auto it = values_.find(name);
    return it == values_.end() ? nullptr : &it->second;
  }
  bool has(const std::string& name) const { return find(name) != nullptr; }
  std::string text(const std::string& name, std::string fallback = {}) const {
    if (const OptionValue* v = find(name)) return v->text;
    return fallback;
  }
  int64_t integer(const std::string& name, int64_t fallback = 0) const {
    const OptionValue* v = find(name);
    return v ? v->integer : fallback;
  }
  bool flag(const std::string& name, bool fallback = false) const {
    return integer(name, fallback ? 1 : 0) != 0;
  }
  int64_t micros(const std::string& name, int64_t fallback = 0) const {
    const OptionValue* v = find(name);
    return v ? v->duration.total_micros() : fallback;
  }
  const std::map<std::string, OptionValue>& all() const { return values_; }

 private:
  std::map<std::string, OptionValue> values_;
};

// ---- Operators
// ------------------------------------------------------------------------------------------------

// Everything that a factory gets: the checked step. Shared and immutable; the factory is called once per
// task.
struct StepConfig {
  std::string step;               // name in the job
  SchemaRef input;                // of port 0
  std::vector<SchemaRef> inputs;  // of all ports (union, joins)
  Options options;
  ExprRef condition;                  // filter: where / having
  std::vector<NamedExpr> projection;  // project: select
  std::vector<int> keys;              // keyed operators: key columns of the input
  std::vector<NamedExpr> key_exprs;   // the same, as expressions with output names
  std::shared_ptr<const WindowSpec> window;
  std::vector<AggregateCall> aggregates;
  std::vector<NamedExpr> branches;  // split: name and condition, in order; a null expr is `else`
  bool skip_bad = false;            // bad_records: skip
  bool fail_bad = false;            // bad_records: fail
};

struct PortSpec {
  std::string name;
  std::string doc;
};

struct OperatorKind {
  std::string name;  // "filter", "window", or a word that a step may use as a key
  std::string doc;   // one line
  std::vector<OptionSpec> options;
  std::vector<PortSpec> outputs;  // beyond the main one: "late", "rejected"
  bool keyed = false;             // rows must arrive by key group
  bool stateful = false;
  bool of_clauses = false;     // clauses of a step become it: no step names it
  bool names_columns = false;  // hands on the columns that its config names, and no others
  bool in_pictures = false;    // a picture of the job tells it from other steps
  // Schemas of all output ports for a checked config, or what is wrong with it.
  std::function<Result<std::vector<SchemaRef>>(const StepConfig&)> output_schemas;
  std::function<Result<std::unique_ptr<Operator>>(std::shared_ptr<const StepConfig>)> make;
};

// ---- Connectors and formats
// -----------------------------------------------------------------------------------

struct TopicInfo {
  std::string name;
  int32_t partitions = 0;
  int64_t records = 0;
  int64_t bytes = 0;
};

// Optional capabilities of a connector: what the runtime must ask beyond running it.
class TopicAdmin {
 public:
  virtual ~TopicAdmin() = default;
  virtual Result<std::vector<TopicInfo>> list() = 0;
  virtual Status create(const std::string& name, int32_t partitions) = 0;
  virtual Status remove(const std::string& name) = 0;
};

struct SourceConfig {
  std::string source;  // name in the job
  std::string job;
  Options options;       // of the connector
  Options cluster;       // the job's `kafka:` section, when the connector uses one
  bool headers = false;  // somebody reads the records' headers
  Framing framing;       // of the source's format: where records end in files
};

struct SourceKind {
  std::string name;  // the key under a source: "topic", "file", "generator"
  std::string doc;
  std::vector<OptionSpec> options;
  bool has_schema = false;    // knows its own columns (the generator): `schema` may be absent
  bool has_timestamp = true;  // records carry a time of their own (topics do, files don't)
  bool topics = false;        // reads the topic of its option `name`; the job's `kafka:` section holds for it
  std::function<Result<std::vector<DecodeField>>(const SourceConfig&)> schema;  // when has_schema
  std::function<OptionErrors(const SourceConfig&)> check;  // beyond what the options' limits say; may be null
  std::function<Result<std::unique_ptr<RecordReader>>(const SourceConfig&)> make;
  // For `rideflow topics`: the topics of the process's store, or of the brokers that `cluster` (a `kafka:`
  // section) names. Null: this source has no topics.
  std::function<Result<std::unique_ptr<TopicAdmin>>(const Resources&, const Options& cluster)> topic_admin;
};

struct FormatKind {
  std::string name;  // "json", "csv"
  std::string doc;
  std::vector<OptionSpec> options;
  // Beyond what the options' limits say; `columns` are those to be read, none when writing. May be null.
  std::function<OptionErrors(const Options&, std::span<const DecodeField> columns)> check;
  std::function<Framing(const Options&)> framing;  // null: a record is a line
  std::function<Result<std::unique_ptr<Decoder>>(const DecoderSpec&, const Options&)>
      make_decoder;                                                                         // may be null
  std::function<Result<std::unique_ptr<Encoder>>(SchemaRef, const Options&)> make_encoder;  // may be null
};

struct SinkConfig {
  std::string sink;  // name in the job
  std::string job;
  SchemaRef input;
  Options options;
  Options cluster;
  bool input_updates = false;  // rows are revisions (emit: updates)
  bool exactly_once = true;    // `delivery`, or what the kind gives when the job does not say
  bool upsert = false;         // `mode: upsert`
  std::vector<std::pair<std::string, std::string>> headers;        // of every record; a command may give some
  std::function<Result<std::unique_ptr<Encoder>>()> make_encoder;  // the sink's `format`, when it uses one
};

struct SinkKind {
  std::string name;  // "topic", "file", "rollup", "console", "discard"
  std::string doc;
  std::vector<OptionSpec> options;
  bool uses_format = false;
  std::string default_format = "json";
  bool exactly_once = true;
  std::vector<std::string> modes = {"append"};
  bool topics = false;     // writes the topic of its option `name`; the job's `kafka:` section holds for it
  std::string own_option;  // "directory": one whose value no two sinks of a job may share; may be empty
  // Checks beyond the options' limits (a rollup's metrics), before anything runs. May be null.
  std::function<OptionErrors(const SinkConfig&)> check;
  std::function<Result<std::unique_ptr<Sink>>(std::shared_ptr<const SinkConfig>)> make;
  // Side outputs such as a rollup's "late". May be empty.
  std::vector<PortSpec> outputs;
};

// ---- Functions and aggregates
// -----------------------------------------------------------------------------------

struct ArgInfo {
  Type type;
  bool nullable = true;
  const Value* literal = nullptr;  // when the argument is a constant: regular expressions compile once
};

struct FunctionKind {
  std::string name;       // lower case
  std::string group;      // "string", "math", "time", "geography", "hash", "conditional"
  std::string signature;  // "substr(text, start[, length]) -> string"
  std::string doc;
  std::string example;  // "substr('Lyon', 2, 2) = 'yo'": run by a test
  // Picks the overload for these arguments; the message says what would fit.
  std::function<Result<BoundFunction>(std::span<const ArgInfo>)> bind;
};

struct AggregateKind {
  std::string name;
  std::string signature;
  std::string doc;
  std::vector<std::string> aliases;  // Druid's names: "longSum"
  // args excludes trailing literal parameters only in as much as the aggregate says: all are given here.
  std::function<Result<std::shared_ptr<const Aggregate>>(std::span<const ArgInfo>)> make;
  // Key of AggregateCall::share for these arguments (its literals stripped); null: never shared.
  bool shares_by_first_argument = false;
};

class Catalog {
 public:
  void add(OperatorKind kind);
  void add(SourceKind kind);
  void add(SinkKind kind);
  void add(FormatKind kind);
  void add(FunctionKind kind);
  void add(AggregateKind kind);

  const OperatorKind* find_operator(std::string_view name) const;
  const SourceKind* find_source(std::string_view name) const;
  const SinkKind* find_sink(std::string_view name) const;
  const FormatKind* find_format(std::string_view name) const;
  const FunctionKind* find_function(std::string_view name) const;    // any case
  const AggregateKind* find_aggregate(std::string_view name) const;  // any case; aliases too

  const std::map<std::string, OperatorKind>& operators() const { return operators_; }
  const std::map<std::string, SourceKind>& sources() const { return sources_; }
  const std::map<std::string, SinkKind>& sinks() const { return sinks_; }
  const std::map<std::string, FormatKind>& formats() const { return formats_; }
  const std::map<std::string, FunctionKind>& functions() const { return functions_; }
  const std::map<std::string, AggregateKind>& aggregates() const { return aggregates_; }

 private:
  std::map<std::string, OperatorKind> operators_;
  std::map<std::string, SourceKind> sources_;
  std::map<std::string, SinkKind> sinks_;
  std::map<std::string, FormatKind> formats_;
  std::map<std::string, FunctionKind> functions_;
  std::map<std::string, AggregateKind> aggregates_;
  std::map<std::string, std::string> aggregate_aliases_;
};

// Defined by the build: registers every file of operators/ that has RIDEFLOW_REGISTER.
void register_all(Catalog& catalog);

// The word of `candidates` nearest to `word` by edit distance, when near enough: "(did you mean 'fare'?)".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace rideflow

// Defines what a file adds to the catalog: RIDEFLOW_REGISTER(filter) { catalog.add(OperatorKind{…}); }
#define RIDEFLOW_REGISTER(name)                                                 \
  void rideflow_register_##name([[maybe_unused]] ::rideflow::Catalog& catalog); \
  void rideflow_register_##name([[maybe_unused]] ::rideflow::Catalog& catalog)
