#include "tests/dsl/fake_catalog.h"

#include <fmt/format.h>

#include "engine/rejected.h"

namespace rideflow::test {

namespace {

OptionSpec option(std::string name, OptionType type, bool required = false,
                  std::optional<std::string> value = std::nullopt, std::vector<std::string> choices = {}) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.type = type;
  spec.doc = "what it says";
  spec.required = required;
  spec.default_value = std::move(value);
  spec.choices = std::move(choices);
  return spec;
}

Status mismatch(std::string message) {
  return Status::user(Code::invalid_argument, std::move(message));
}

// ---- functions: signatures only, nothing is ever evaluated
BoundFunction bound(std::string name, std::vector<Type> args, Type result, bool can_fail = false) {
  BoundFunction f;
  f.name = std::move(name);
  f.arg_types = std::move(args);
  f.result = std::move(result);
  f.can_fail = can_fail;
  return f;
}

void add_function(Catalog& catalog, const std::string& name,
                  std::function<Result<BoundFunction>(std::span<const ArgInfo>)> bind) {
  FunctionKind kind;
  kind.name = name;
  kind.group = "test";
  kind.signature = name + "(…)";
  kind.doc = "a function";
  kind.bind = std::move(bind);
  catalog.add(std::move(kind));
}

Type arithmetic_type(const Type& a, const Type& b) {
  if (a.kind == Kind::float64 || b.kind == Kind::float64) return Type(Kind::float64);
  if (a.kind == Kind::decimal) return a;
  if (b.kind == Kind::decimal) return b;
  return Type(Kind::int64);
}

Result<BoundFunction> arithmetic(const std::string& name, std::span<const ArgInfo> args) {
  const Type& a = args[0].type;
  const Type& b = args[1].type;
  if (a.is_numeric() && b.is_numeric()) {
    const Type type = arithmetic_type(a, b);
    return bound(name, {type, type}, type, true);
  }
  if (name == "-" && a.kind == Kind::timestamp && b.kind == Kind::timestamp)
    return bound(name, {a, b}, Type(Kind::interval), true);
  if ((name == "+" || name == "-") && a.kind == Kind::timestamp && b.kind == Kind::interval)
    return bound(name, {a, b}, a, true);
  return mismatch(fmt::format("no {} {} {}", a.to_string(), name, b.to_string()));
}

void add_operators(Catalog& catalog) {
  for (const std::string name : {"+", "-", "*", "/", "%"})
    add_function(catalog, name, [name](std::span<const ArgInfo> args) { return arithmetic(name, args); });
  for (const std::string name : {"=", "<>", "<", "<=", ">", ">="}) {
    add_function(catalog, name, [name](std::span<const ArgInfo> args) -> Result<BoundFunction> {
      return bound(name, {args[0].type, args[1].type}, Type(Kind::boolean));
    });
  }
  add_function(catalog, "neg", [](std::span<const ArgInfo> args) -> Result<BoundFunction> {
    if (!args[0].type.is_numeric() && args[0].type.kind != Kind::interval)
      return mismatch(fmt::format("a {} has no negative", args[0].type.to_string()));
    return bound("neg", {args[0].type}, args[0].type, true);
  });
}

// A function of fixed argument types.
void add_plain(Catalog& catalog, const std::string& name, std::vector<Type> types, const Type& result,
               size_t least = 99, bool can_fail = false) {
  add_function(catalog, name, [=](std::span<const ArgInfo> args) -> Result<BoundFunction> {
    if (args.size() > types.size() || args.size() < std::min(least, types.size()))
      return mismatch(fmt::format("{}() takes {} arguments, here are {}", name, types.size(), args.size()));
    std::vector<Type> taken;
    for (size_t i = 0; i < args.size(); ++i) {
      const bool fits = args[i].type == types[i] || args[i].type.kind == Kind::null ||
                        (types[i].kind == Kind::float64 && args[i].type.is_numeric());
      if (!fits)
        return mismatch(fmt::format("argument {} of {}() must be a {}, here is a {}", i + 1, name,
                                    types[i].to_string(), args[i].type.to_string()));
      taken.push_back(types[i]);
    }
    return bound(name, taken, result, can_fail);
  });
}

// ---- aggregates
class FakeAggregate : public Aggregate {
 public:
  FakeAggregate(Type type, bool nullable) : type_(std::move(type)), nullable_(nullable) {}
  Type result_type() const override { return type_; }
  bool result_nullable() const override { return nullable_; }
  int state_size() const override { return 8; }
  void init(std::byte*) const override {}
  void clone(std::byte*, const std::byte*) const override {}
  void subtract(std::byte*, const std::byte*) const override {}
  void update(const AggregateInput&, std::byte* const*, int) const override {}
  void merge(std::byte*, const std::byte*) const override {}
  Status finish(const std::byte*, ColumnBuilder&) const override { return {}; }
  void encode(const std::byte*, std::string&) const override {}
  Status decode(std::string_view, std::byte*) const override { return {}; }

 private:
  Type type_;
  bool nullable_;
};

using AggregateTyper = std::function<Result<Type>(std::span<const ArgInfo>)>;

void add_aggregate(Catalog& catalog, const std::string& name, AggregateTyper type, bool nullable = true,
                   bool shares = false, std::vector<std::string> aliases = {}) {
  AggregateKind kind;
  kind.name = name;
  kind.signature = name + "(…)";
  kind.doc = "an aggregate";
  kind.aliases = std::move(aliases);
  kind.shares_by_first_argument = shares;
  kind.make = [type, nullable](std::span<const ArgInfo> args) -> Result<std::shared_ptr<const Aggregate>> {
    RF_ASSIGN(Type result, type(args));
    return std::shared_ptr<const Aggregate>(std::make_shared<FakeAggregate>(result, nullable));
  };
  catalog.add(std::move(kind));
}

Result<Type> same_type(std::span<const ArgInfo> args) {
  if (args.size() != 1) return mismatch(fmt::format("takes one argument, here are {}", args.size()));
  return args[0].type;
}

Result<Type> number_type(std::span<const ArgInfo> args) {
  if (args.size() != 1 || !args[0].type.is_numeric()) return mismatch("takes one number");
  return args[0].type.kind == Kind::int32 ? Type(Kind::int64) : args[0].type;
}

void add_aggregates(Catalog& catalog) {
  const auto always = [](Kind kind) {
    return [kind](std::span<const ArgInfo>) -> Result<Type> { return Type(kind); };
  };
  add_aggregate(catalog, "count", always(Kind::int64), false);
  add_aggregate(catalog, "count_distinct", always(Kind::int64), false);
  add_aggregate(
      catalog, "count_if",
      [](std::span<const ArgInfo> args) -> Result<Type> {
        if (args.size() != 1 || args[0].type.kind != Kind::boolean)
          return mismatch("count_if() takes one condition");
        return Type(Kind::int64);
      },
      false);
  add_aggregate(catalog, "sum", number_type, true, false, {"longSum", "doubleSum"});
  add_aggregate(catalog, "avg", always(Kind::float64));
  add_aggregate(catalog, "approx_count_distinct", always(Kind::int64), false);
  add_aggregate(catalog, "approx_quantile", always(Kind::float64), true, true);
  for (const char* name : {"min", "max", "first", "last", "any"}) add_aggregate(catalog, name, same_type);
}

// ---- operators
void add_operator(Catalog& catalog, const std::string& name, std::vector<PortSpec> outputs,
                  std::function<Result<std::vector<SchemaRef>>(const StepConfig&)> schemas,
                  bool keyed = false) {
  OperatorKind kind;
  kind.name = name;
  kind.doc = "the operator " + name;
  kind.outputs = std::move(outputs);
  kind.output_schemas = std::move(schemas);
  kind.keyed = keyed;
  kind.of_clauses = true;
  kind.names_columns = keyed || name == "project";
  kind.in_pictures = keyed || name == "union" || name == "split";
  catalog.add(std::move(kind));
}

Result<std::vector<SchemaRef>> window_schemas(const StepConfig& config) {
  std::vector<Field> fields;
  for (const NamedExpr& key : config.key_exprs)
    fields.push_back({key.name, key.expr->type, key.expr->nullable});
  fields.push_back({"window_start", Type(Kind::timestamp), false});
  fields.push_back({"window_end", Type(Kind::timestamp), false});
  for (const AggregateCall& call : config.aggregates)
    fields.push_back({call.name, call.aggregate->result_type(), call.aggregate->result_nullable()});
  if (config.window->emit == Emit::updates) fields.push_back({"_revision", Type(Kind::int64), false});
  return std::vector<SchemaRef>{make_schema(std::move(fields)), late_schema(*config.input),
                                rejected_schema()};
}

Result<std::vector<SchemaRef>> union_schemas(const StepConfig& config) {
  std::vector<Field> fields;
  for (const SchemaRef& input : config.inputs) {
    for (const Field& field : input->fields()) {
      const bool seen =
          std::any_of(fields.begin(), fields.end(), [&](const Field& f) { return f.name == field.name; });
      if (!seen) fields.push_back(field);
    }
  }
  return std::vector<SchemaRef>{make_schema(std::move(fields))};
}

void add_kinds(Catalog& catalog) {
  const PortSpec rejected = {"rejected", "rows that failed"};
  add_operator(catalog, "filter", {rejected}, [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    return std::vector<SchemaRef>{config.input, rejected_schema()};
  });
  add_operator(catalog, "project", {rejected},
               [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
                 std::vector<Field> fields;
                 for (const NamedExpr& e : config.projection)
                   fields.push_back({e.name, e.expr->type, e.expr->nullable});
                 return std::vector<SchemaRef>{make_schema(std::move(fields)), rejected_schema()};
               });
  add_operator(catalog, "late_split", {{"late", "late rows"}},
               [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
                 return std::vector<SchemaRef>{config.input, late_schema(*config.input)};
               });
  const PortSpec late = {"late", "rows whose windows are gone"};
  add_operator(catalog, "window", {late, rejected}, window_schemas, true);
  add_operator(catalog, "session", {late, rejected}, window_schemas, true);
  add_operator(catalog, "union", {}, union_schemas);
  add_operator(catalog, "split", {rejected}, [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    std::vector<SchemaRef> schemas(config.branches.size(), config.input);
    schemas.push_back(rejected_schema());
    return schemas;
  });
  OperatorKind deduplicate;
  deduplicate.name = "deduplicate";
  deduplicate.doc = "first row of each key";
  deduplicate.keyed = true;
  deduplicate.options = {option("within", OptionType::duration, true)};
  deduplicate.output_schemas = [](const StepConfig& config) -> Result<std::vector<SchemaRef>> {
    return std::vector<SchemaRef>{config.input};
  };
  catalog.add(std::move(deduplicate));
}

// ---- connectors
void add_connectors(Catalog& catalog) {
  SourceKind topic;
  topic.name = "topic";
  topic.doc = "a topic";
  topic.options = {option("name", OptionType::string, true),
                   option("on_gap", OptionType::choice, false, "fail", {"fail", "skip"}),
                   option("partitions", OptionType::integer, false, "4"),
                   option("properties", OptionType::string_map)};
  topic.topics = true;
  catalog.add(std::move(topic));
  SourceKind file;
  file.name = "file";
  file.doc = "files";
  file.has_timestamp = false;
  file.options = {option("path", OptionType::string, true),
                  option("watch", OptionType::boolean, false, "false")};
  catalog.add(std::move(file));
  SourceKind generator;
  generator.name = "generator";
  generator.doc = "made events";
  generator.has_schema = true;
  generator.options = {option("kind", OptionType::choice, false, "rides", {"rides", "vehicles", "users"}),
                       option("rate", OptionType::rate), option("seed", OptionType::integer),
                       option("start", OptionType::timestamp)};
  generator.schema = [](const SourceConfig&) -> Result<std::vector<DecodeField>> {
    std::vector<DecodeField> fields;
    for (const auto& [name, type] : {std::pair("ride_id", "string"), std::pair("fare", "double?"),
                                     std::pair("ride_timestamp", "timestamp")}) {
      RF_ASSIGN(DecodeField field, parse_decode_field(name, type));
      fields.push_back(std::move(field));
    }
    return fields;
  };
  catalog.add(std::move(generator));
  FormatKind json;
  json.name = "json";
  json.doc = "JSON";
  json.make_decoder = [](const DecoderSpec&, const Options&) -> Result<std::unique_ptr<Decoder>> {
    return mismatch("not here");
  };
  json.make_encoder = [](SchemaRef, const Options&) -> Result<std::unique_ptr<Encoder>> {
    return mismatch("not here");
  };
  FormatKind csv = json;
  csv.name = "csv";
  csv.options = {option("header", OptionType::boolean, false, "true"),
                 option("delimiter", OptionType::string, false, ",")};
  FormatKind avro = json;
  avro.name = "avro";
  avro.make_encoder = nullptr;
  catalog.add(std::move(json));
  catalog.add(std::move(csv));
  catalog.add(std::move(avro));
}

void add_sinks(Catalog& catalog) {
  SinkKind topic;
  topic.name = "topic";
  topic.doc = "a topic";
  topic.uses_format = true;
  topic.options = {option("name", OptionType::string, true), option("key", OptionType::column_list)};
  topic.topics = true;
  catalog.add(std::move(topic));
  SinkKind file;
  file.name = "file";
  file.doc = "files";
  file.uses_format = true;
  file.options = {option("directory", OptionType::string, true), option("max_size", OptionType::size_bytes)};
  file.own_option = "directory";
  catalog.add(std::move(file));
  SinkKind rollup;
  rollup.name = "rollup";
  rollup.doc = "a rollup";
  rollup.options = {
      option("datasource", OptionType::string, true),
      option("granularity", OptionType::choice, false, "minute", {"second", "minute", "hour", "day"}),
      option("dimensions", OptionType::column_list),
      option("metrics", OptionType::aggregate_map, true),
      option("time", OptionType::expression),
      option("retain", OptionType::duration)};
  rollup.outputs = {{"late", "rows that arrive expired"}};
  rollup.check = [](const SinkConfig& config) -> OptionErrors {
    if (config.options.text("datasource") != "bad") return {};
    return {{"datasource", "the datasource can't be 'bad'", {}, {}}};
  };
  catalog.add(std::move(rollup));
  SinkKind console;
  console.name = "console";
  console.doc = "the terminal";
  console.uses_format = true;
  console.exactly_once = false;
  catalog.add(std::move(console));
  SinkKind webhook;
  webhook.name = "webhook";
  webhook.doc = "a request per row";
  webhook.modes = {"append", "upsert"};
  webhook.uses_format = true;
  webhook.options = {option("url", OptionType::string, true), option("token", OptionType::secret),
                     option("headers", OptionType::string_map)};
  catalog.add(std::move(webhook));
  SinkKind discard;
  discard.name = "discard";
  discard.doc = "nowhere";
  catalog.add(std::move(discard));
}

Catalog make() {
  Catalog catalog;
  const Type string(Kind::string);
  const Type number(Kind::float64);
  add_operators(catalog);
  add_plain(catalog, "like", {string, string, string}, Type(Kind::boolean), 2);
  add_plain(catalog, "||", {string, string}, string);
  add_plain(catalog, "lower", {string}, string);
  add_plain(catalog, "length", {string}, Type(Kind::int64));
  add_plain(catalog, "round", {number, Type(Kind::int64)}, number, 1);
  add_plain(catalog, "try_divide", {number, number}, number);
  add_plain(catalog, "grid_cell", {number, number, number}, string, 99, true);
  add_plain(catalog, "date_trunc", {string, Type(Kind::timestamp)}, Type(Kind::timestamp));
  add_function(catalog, "extract", [](std::span<const ArgInfo> args) -> Result<BoundFunction> {
    if (args.size() != 2 || (args[1].type.kind != Kind::timestamp && args[1].type.kind != Kind::interval))
      return mismatch("extract() takes a unit and a timestamp or interval");
    return bound("extract", {args[0].type, args[1].type}, Type(Kind::int64));
  });
  add_aggregates(catalog);
  add_kinds(catalog);
  add_connectors(catalog);
  add_sinks(catalog);
  return catalog;
}

}  // namespace

const Catalog& fake_catalog() {
  static const Catalog catalog = make();
  return catalog;
}

}  // namespace rideflow::test
