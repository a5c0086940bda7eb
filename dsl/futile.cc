#include "dsl/futile.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "dsl/expression_binder.h"
#include "dsl/expression_types.h"

namespace rideflow {

namespace {

// The name of its topic; empty where it has an error.
std::string topic_name(const SpecConnector& connector) {
  const YamlNode* name = connector.options.find("name");
  return name && name->is_scalar() ? name->text : "";
}

TextPos place_of_name(const SpecConnector& connector) {
  return connector.options.find("name")->pos;
}

std::string format_of(const SpecSink& sink) {
  return sink.format ? sink.format->kind : "json";
}

class FutileParts {
 public:
  FutileParts(const JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics)
      : spec_(spec), catalog_(catalog), diagnostics_(diagnostics) {}

  void run() {
    for (const SpecStream& stream : spec_.streams)
      for (const SpecStreamRef& ref : stream.from) skipped_rejected(ref, "streams." + stream.name + ".from");
    for (const SpecSink& sink : spec_.sinks) skipped_rejected(sink.from, "sinks." + sink.name + ".from");
    for (const SpecSink& sink : spec_.sinks) {
      endless(sink);
      two_formats(sink);
    }
  }

 private:
  // Empty where it is no topic, or its name has an error.
  std::string topic_of(const SpecSource& source) const {
    const SourceKind* kind = catalog_.find_source(source.connector.kind);
    return kind && kind->topics ? topic_name(source.connector) : "";
  }
  std::string topic_of(const SpecSink& sink) const {
    const SinkKind* kind = catalog_.find_sink(sink.connector.kind);
    return kind && kind->topics ? topic_name(sink.connector) : "";
  }

  void skipped_rejected(const SpecStreamRef& ref, const std::string& path) {
    const SpecSource* source = ref.port == "rejected" ? spec_.find_source(ref.name) : nullptr;
    if (!source || source->bad_records == BadRecords::keep) return;
    const bool skip = source->bad_records == BadRecords::skip;
    diagnostics_.warning(
        ref.pos, path,
        fmt::format(
            "'{}' gets no record, since the source says bad_records: {} and {}: say keep, or read nothing "
            "here",
            ref.text(), skip ? "skip" : "fail", skip ? "drops them" : "stops at the first"));
  }

  // ---- A sink into a topic that its own rows come from, by way of other topics of the job or not.
  void endless(const SpecSink& sink) {
    const std::string topic = topic_of(sink);
    if (topic.empty()) return;
    std::set<std::string> seen;
    std::vector<std::string> open = {sink.from.name};
    while (!open.empty()) {
      const std::string name = std::move(open.back());
      open.pop_back();
      if (!seen.insert(name).second) continue;
      const SpecSource* source = spec_.find_source(name);
      if (source && topic_of(*source) == topic && source->until.kind == UntilSpec::Kind::none) {
        diagnostics_.warning(
            place_of_name(sink.connector), "sinks." + sink.name + ".topic.name",
            fmt::format(
                "the rows of this sink come from '{}' at {}:{}, which reads the same topic '{}': each row "
                "comes back, without end",
                source->name, source->pos.line, source->pos.column, topic));
        return;
      }
      add_inputs(name, source, open);
    }
  }

  // What the rows of a source, step or sink come from.
  void add_inputs(const std::string& name, const SpecSource* source, std::vector<std::string>& open) const {
    if (const SpecStream* stream = spec_.find_stream(name))
      for (const SpecStreamRef& ref : stream->from) open.push_back(ref.name);
    if (const SpecSink* sink = spec_.find_sink(name)) open.push_back(sink->from.name);
    const std::string topic = source ? topic_of(*source) : "";
    if (topic.empty()) return;
    for (const SpecSink& sink : spec_.sinks)
      if (topic_of(sink) == topic) open.push_back(sink.from.name);
  }

  void two_formats(const SpecSink& sink) {
    const std::string topic = topic_of(sink);
    if (topic.empty()) return;
    const auto [first, is_new] = writers_.emplace(topic, &sink);
    const SpecSink& other = *first->second;
    if (is_new || format_of(other) == format_of(sink)) return;
    diagnostics_.warning(
        sink.format ? sink.format->pos : place_of_name(sink.connector), "sinks." + sink.name,
        fmt::format(
            "this sink writes {} into topic '{}', sink '{}' at {}:{} writes {}: whoever reads the topic can "
            "decode one of them only",
            format_of(sink), topic, other.name, other.pos.line, other.pos.column, format_of(other)));
  }

  const JobSpec& spec_;
  const Catalog& catalog_;
  Diagnostics& diagnostics_;
  std::map<std::string, const SpecSink*> writers_;  // by topic, the first
};

bool is_constant(const Expr& expr) {
  return expr.op != ExprOp::column && std::all_of(expr.args.begin(), expr.args.end(),
                                                  [](const ExprRef& arg) { return is_constant(*arg); });
}

// Whether only the first argument is asked on every row.
bool asks_the_rest_at_need(ExprOp op) {
  return op == ExprOp::case_ || op == ExprOp::coalesce || op == ExprOp::and_ || op == ExprOp::or_ ||
         op == ExprOp::in_list;
}

void find_failing(const ExprRef& expr, const std::string& path, Diagnostics& diagnostics) {
  if (is_constant(*expr) && can_fail(*expr)) {
    const Result<Value> value = eval_constant(expr);
    if (value.ok()) return;
    // The least part of it that fails by itself is the one to point at.
    const size_t told = diagnostics.warnings().size();
    for (const ExprRef& arg : expr->args) find_failing(arg, path, diagnostics);
    if (diagnostics.warnings().size() == told)
      diagnostics.warning(expr->pos, path,
                          fmt::format("this fails on every row: {}", value.status().message()));
    return;
  }
  const size_t asked =
      asks_the_rest_at_need(expr->op) ? std::min<size_t>(1, expr->args.size()) : expr->args.size();
  for (size_t i = 0; i < asked; ++i) find_failing(expr->args[i], path, diagnostics);
}

// What JSON has for it: "text", "a number", …
std::string_view written_as(const DecodeField& field) {
  switch (field.field.type.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::int32:
    case Kind::int64:
    case Kind::float64:
    case Kind::decimal:
      return field.number_in_text ? "text" : "a number";
    case Kind::timestamp:
      return field.unit == TimeUnit::text ? "text" : "a number";
    case Kind::list:
      return "a list";
    case Kind::structure:
      return "a struct";
    default:
      return "text";
  }
}

bool reads_as(const DecodeField& declared, const DecodeField& written) {
  if (written_as(declared) != written_as(written)) return false;
  const Kind to = declared.field.type.kind;
  const Kind from = written.field.type.kind;
  if (to == Kind::timestamp) return from == to || from == Kind::date;
  if (to == Kind::date || to == Kind::interval) return from == to;
  const bool whole = declared.field.type.is_integer() && !declared.number_in_text;
  return !whole || written.field.type.is_integer();
}

}  // namespace

void warn_of_futile_parts(const JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics) {
  FutileParts(spec, catalog, diagnostics).run();
}

void warn_of_failing_constants(const ExprRef& expr, const std::string& path, Diagnostics& diagnostics) {
  if (expr) find_failing(expr, path, diagnostics);
}

void warn_of_never_true(const ExprRef& condition, const std::string& path, Diagnostics& diagnostics) {
  if (!condition || !is_constant(*condition)) return;
  const Result<Value> value = eval_constant(condition);
  if (!value.ok() || value->is_true()) return;
  diagnostics.warning(condition->pos, path, "no row can meet this condition: it is always false or null");
}

void warn_of_foreign_columns(const std::vector<DecodeField>& declared,
                             const std::vector<DecodeField>& written, const std::string& path,
                             Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const DecodeField& field : written) names.push_back(field.field.name);
  for (const DecodeField& column : declared) {
    const std::string& name = column.field.name;
    const std::string at = dotted(path, name);
    const auto own = std::find_if(written.begin(), written.end(),
                                  [&](const DecodeField& field) { return field.field.name == name; });
    const std::string effect = column.field.nullable ? "it is always null" : "every record is rejected";
    if (own == written.end()) {
      diagnostics.warning(
          column.pos, at,
          with_suggestion(fmt::format("no event has '{}', so {}", name, effect), name, names));
    } else if (!reads_as(column, *own)) {
      diagnostics.warning(column.pos, at,
                          fmt::format("events have {} here ({}), so {}: declare it as that", written_as(*own),
                                      own->field.type.to_string(), "every record that has it is rejected"));
    }
  }
}

}  // namespace rideflow
