#include "dsl/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "dsl/expression_binder.h"
#include "dsl/futile.h"
#include "dsl/option_checker.h"
#include "dsl/plan_parts.h"
#include "dsl/silent_windows.h"
#include "engine/record_reader.h"
#include "engine/rejected.h"

namespace rideflow {

namespace {

// Without empty and "." parts, so that one directory has one name.
std::string plain_path(std::string_view path) {
  std::string out = path.starts_with('/') ? "/" : "";
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (!part.empty() && part != ".") out.append(part).append("/");
  }
  return out;
}

// Who reads rejected rows is planned after all steps that may reject some.
constexpr std::string_view kRejected = "rejected";

class Planner {
 public:
  // `checking`: every step and every column, for the sake of errors; else what reaches a sink.
  Planner(const JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics, bool checking)
      : spec_(spec),
        builder_(spec, catalog, diagnostics),
        checking_(checking),
        demand_(column_demand(spec, catalog)) {}

  LogicalPlan run() {
    for (const SpecSource& source : spec_.sources) {
      if (!wanted(source.name)) continue;
      std::optional<Rows> rows = plan_source(builder_, source, demand_[source.name], checking_);
      if (rows) rows_[source.name] = *rows;
      done_.insert(source.name);
    }
    find_readers_of_rejected();
    const std::set<std::string> last = readers_of_rejected();
    for (const SpecStream& stream : spec_.streams)
      if (wanted(stream.name) && !last.contains(stream.name)) plan({&stream});
    for (const SpecStream& stream : spec_.streams)
      if (wanted(stream.name)) plan({&stream});
    for (const SpecSink& sink : spec_.sinks) plan({nullptr, &sink});
    check_own_options();
    if (builder_.diagnostics().ok()) keep_the_rest();
    return builder_.take();
  }

 private:
  bool wanted(const std::string& name) { return checking_ || demand_[name].live; }

  void find_readers_of_rejected() {
    const auto note = [&](const SpecStreamRef& ref) {
      if (ref.port == kRejected) rejected_readers_.insert(ref.name);
    };
    for (const SpecStream& stream : spec_.streams)
      if (wanted(stream.name))
        for (const SpecStreamRef& ref : stream.from) note(ref);
    for (const SpecSink& sink : spec_.sinks) note(sink.from);
  }

  // Steps that read rejected rows, or what comes of them.
  std::set<std::string> readers_of_rejected() const {
    std::map<std::string, std::vector<const SpecStream*>> readers;
    std::vector<const SpecStream*> open;
    for (const SpecStream& stream : spec_.streams) {
      for (const SpecStreamRef& ref : stream.from) {
        readers[ref.name].push_back(&stream);
        if (ref.port == kRejected) open.push_back(&stream);
      }
    }
    std::set<std::string> found;
    while (!open.empty()) {
      const SpecStream* stream = open.back();
      open.pop_back();
      if (!found.insert(stream->name).second) continue;
      for (const SpecStream* reader : readers[stream->name]) open.push_back(reader);
    }
    return found;
  }

  // ---- order: without recursion, for a job may be a chain of thousands
  struct Step {
    const SpecStream* stream = nullptr;
    const SpecSink* sink = nullptr;
    size_t next = 0;  // of its inputs
    const std::string& name() const { return stream ? stream->name : sink->name; }
    size_t inputs() const { return stream ? stream->from.size() : 1; }
    const SpecStreamRef& input(size_t i) const { return stream ? stream->from[i] : sink->from; }
  };

  void plan(Step first) {
    std::vector<Step> path;
    enter(std::move(first), path);
    while (!path.empty()) {
      Step& step = path.back();
      if (step.next == step.inputs()) {
        step.stream ? plan_now(*step.stream) : plan_now(*step.sink);
        active_.erase(step.name());
        done_.insert(step.name());
        path.pop_back();
        continue;
      }
      const SpecStreamRef& ref = step.input(step.next++);
      const Step stream{spec_.find_stream(ref.name)};
      const Step sink{nullptr, ref.port.empty() ? nullptr : spec_.find_sink(ref.name)};
      if (stream.stream) enter(stream, path);
      if (sink.sink) enter(sink, path);
    }
  }

  void enter(Step step, std::vector<Step>& path) {
    if (done_.contains(step.name())) return;
    if (active_.insert(step.name()).second) {
      path.push_back(std::move(step));
      return;
    }
    if (!in_cycle_.insert(step.name()).second) return;
    if (step.stream)
      builder_.error(step.stream->pos, "streams." + step.name(),
                     fmt::format("'{}' reads its own results", step.name()));
    else
      builder_.error(step.sink->pos, "sinks." + step.name(),
                     fmt::format("'{}' reads its own rows", step.name()));
  }

  // Its inputs are planned.
  void plan_now(const SpecStream& stream) {
    std::vector<Rows> inputs;
    for (const SpecStreamRef& ref : stream.from) {
      const std::string path = "streams." + stream.name + (stream.is_union ? ".union" : ".from");
      std::optional<Rows> rows = resolve(ref, path);
      if (!rows) rows = likely_rows(ref);
      inputs.push_back(rows ? *std::move(rows) : unknown_rows(stream));
    }
    if (inputs.empty()) inputs.push_back(unknown_rows(stream));
    std::optional<Rows> rows = plan_step(builder_, stream, inputs);
    if (rows) rows_[stream.name] = *rows;
  }

  void plan_now(const SpecSink& sink) {
    std::optional<Rows> rows = resolve(sink.from, "sinks." + sink.name + ".from");
    if (!rows) rows = likely_rows(sink.from);
    if (rows)
      plan_sink(builder_, sink, *rows);
    else
      check_sink(builder_, sink);
  }

  // ---- instead of rows that are not known: an error was told, the rest of the step is checked all the same
  // Those of the name that was meant, when there is one like it.
  std::optional<Rows> likely_rows(const SpecStreamRef& ref) const {
    if (!ref.port.empty() || spec_.find_stream(ref.name) || spec_.find_source(ref.name)) return std::nullopt;
    const std::string hint = did_you_mean(ref.name, names_to_read());
    const size_t quote = hint.find('\'');
    if (quote == std::string::npos) return std::nullopt;
    const std::string name = hint.substr(quote + 1, hint.rfind('\'') - quote - 1);
    const SpecStream* stream = spec_.find_stream(name);
    const auto rows = rows_.find(name);
    if (rows == rows_.end() || (stream && !stream->split.empty())) return std::nullopt;
    Rows out = rows->second;
    out.partial = true;
    return out;
  }

  // Whatever the step names is taken to be there, of a type that nothing can be said of.
  Rows unknown_rows(const SpecStream& stream) const {
    std::vector<std::string> names;
    const auto add = [&](const SpecExpr& expr) {
      if (expr) collect_names(*expr.ast, names);
    };
    const auto add_named = [&](const std::vector<SpecNamed>& list) {
      for (const SpecNamed& named : list) {
        if (named.plain && named.name != "*") names.push_back(named.name);
        add(named.expr);
      }
    };
    add(stream.where);
    add_named(stream.select);
    add_named(stream.key_by);
    for (const SpecNamed& aggregate : stream.aggregate) add(aggregate.expr);
    for (const SpecNamed& branch : stream.split) add(branch.expr);
    if (stream.window) add(stream.window->close_on);
    const OperatorKind* kind =
        stream.operation ? builder_.catalog().find_operator(stream.operation->kind) : nullptr;
    if (kind) collect_option_columns(kind->options, stream.operation->options, *spec_.document, names);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::vector<Field> fields;
    for (const std::string& name : names) {
      if (name.find_first_of("()+*/|'<>=, ") == std::string::npos) fields.push_back({name, Type(), true});
    }
    Rows rows;
    rows.schema = make_schema(std::move(fields));
    rows.partial = true;
    return rows;
  }

  std::vector<std::string> names_to_read() const {
    std::vector<std::string> names;
    for (const SpecSource& source : spec_.sources) names.push_back(source.name);
    for (const SpecStream& stream : spec_.streams) names.push_back(stream.name);
    return names;
  }

  // Two sinks in one directory would take each other's parts for their own.
  void check_own_options() {
    std::map<std::pair<std::string, std::string>, const SpecSink*> owners;  // by kind and value
    for (const SpecSink& sink : spec_.sinks) {
      const SinkKind* kind = builder_.catalog().find_sink(sink.connector.kind);
      if (!kind || kind->own_option.empty()) continue;
      const YamlNode* given = sink.connector.options.find(kind->own_option);
      if (!given || !given->is_scalar() || given->text.empty()) continue;
      const auto [owner, first] = owners.emplace(std::pair(kind->name, plain_path(given->text)), &sink);
      if (first) continue;
      const TextPos taken = owner->second->connector.options.find(kind->own_option)->pos;
      builder_.error(
          given->pos, fmt::format("sinks.{}.{}.{}", sink.name, kind->name, kind->own_option),
          fmt::format("'{}' is the {} of sink '{}' at {}:{}: give each sink one of its own", given->text,
                      kind->own_option, owner->second->name, taken.line, taken.column));
    }
  }

  // ---- names
  std::optional<Rows> resolve(const SpecStreamRef& ref, const std::string& path) {
    if (ref.name.empty()) return std::nullopt;
    const SpecStream* stream = spec_.find_stream(ref.name);
    const SpecSink* sink = ref.port.empty() ? nullptr : spec_.find_sink(ref.name);
    if (!stream && !sink && !spec_.find_source(ref.name)) {
      unknown(ref, path);
      return std::nullopt;
    }
    if (in_cycle_.contains(ref.name)) return std::nullopt;
    const std::vector<std::string> ports = possible_ports(ref.name, stream, sink);
    if (!ref.port.empty() && std::find(ports.begin(), ports.end(), ref.port) == ports.end()) {
      builder_.error(
          ref.pos, path,
          with_suggestion(fmt::format("'{}' has no output '{}'", ref.name, ref.port), ref.port, ports));
      return std::nullopt;
    }
    if (ref.port == kRejected) return rejected(ref, path);
    const auto main = rows_.find(ref.name);
    if (!sink && main == rows_.end()) {
      return std::nullopt;  // it has errors of its own
    }
    if (ref.port.empty()) return main_rows(ref, path, stream, main->second);
    if (const Rows* port = builder_.find_port(ref.name, ref.port)) return *port;
    if (main != rows_.end() && main->second.partial) return std::nullopt;
    builder_.error(ref.pos, path, fmt::format("'{}' has no output '{}' here", ref.name, ref.port));
    return std::nullopt;
  }

  // The outputs besides the main one that it has when it has no errors.
  std::vector<std::string> possible_ports(const std::string& name, const SpecStream* stream,
                                          const SpecSink* sink) const {
    std::vector<std::string> ports = builder_.port_names(name);
    const auto add = [&](const std::vector<PortSpec>& more) {
      for (const PortSpec& port : more) ports.push_back(port.name);
    };
    if (stream) {
      for (const SpecNamed& branch : stream->split) ports.push_back(branch.name);
      if (stream->window) ports.emplace_back("late");
      const OperatorKind* kind =
          stream->operation ? builder_.catalog().find_operator(stream->operation->kind) : nullptr;
      if (kind) add(kind->outputs);
    }
    const SinkKind* kind = sink ? builder_.catalog().find_sink(sink->connector.kind) : nullptr;
    if (kind) add(kind->outputs);
    ports.emplace_back(kRejected);
    std::sort(ports.begin(), ports.end());
    ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
    return ports;
  }

  std::optional<Rows> main_rows(const SpecStreamRef& ref, const std::string& path, const SpecStream* stream,
                                const Rows& rows) {
    if (!stream || stream->split.empty()) return rows;
    std::string names;
    for (const SpecNamed& branch : stream->split)
      names += (names.empty() ? "" : ", ") + ref.name + "." + branch.name;
    builder_.error(ref.pos, path, fmt::format("'{}' is split: read one of {}", ref.name, names));
    return std::nullopt;
  }

  void unknown(const SpecStreamRef& ref, const std::string& path) {
    if (spec_.find_sink(ref.name)) {
      builder_.error(ref.pos, path, fmt::format("'{}' is a sink: read what it reads", ref.name));
      return;
    }
    builder_.error(
        ref.pos, path,
        with_suggestion(fmt::format("unknown source or step '{}'", ref.name), ref.name, names_to_read()));
  }

  // ---- rejected and late rows
  // Rows that fail in a step of one source go where that source's do, unless somebody reads the step's own.
  std::string bucket_of(const PlanBuilder::RejectPort& port) const {
    if (rejected_readers_.contains(port.step)) return port.step;
    if (!port.source.empty() && rejected_readers_.contains(port.source)) return port.source;
    return "";
  }

  static Rows rejected_rows_at(NodeInput at) {
    Rows rows;
    rows.at = at;
    rows.schema = rejected_schema();
    rows.has_event_time = false;
    return rows;
  }

  std::vector<Rows> bucket(const std::string& name, bool at_least_one) const {
    std::vector<Rows> all;
    std::vector<Rows> failing;
    for (const PlanBuilder::RejectPort& port : builder_.reject_ports()) {
      if (bucket_of(port) != name) continue;
      all.push_back(rejected_rows_at(port.at));
      if (port.may_fail) failing.push_back(all.back());
    }
    if (failing.empty() && at_least_one && !all.empty()) failing.push_back(all[0]);
    return failing;
  }

  std::optional<Rows> merge(const std::string& step, TextPos pos, const std::string& path,
                            const std::vector<Rows>& parts) {
    if (parts.size() == 1) return parts[0];
    StepConfig config;
    config.step = step;
    return builder_.add_operator("union", "rejected", pos, path, std::move(config), parts);
  }

  std::optional<Rows> rejected(const SpecStreamRef& ref, const std::string& path) {
    const auto known = rejected_.find(ref.name);
    if (known != rejected_.end()) return known->second;
    const std::vector<Rows> parts = bucket(ref.name, true);
    if (parts.empty()) {
      const auto rows = rows_.find(ref.name);
      if (rows != rows_.end() ? !rows->second.partial : spec_.find_sink(ref.name) != nullptr)
        builder_.error(ref.pos, path, fmt::format("'{}' rejects nothing", ref.name));
      return std::nullopt;
    }
    std::optional<Rows> rows = merge(ref.name, ref.pos, path, parts);
    if (rows) rejected_[ref.name] = *rows;
    return rows;
  }

  // What nobody asked for is kept in topics of this process.
  void keep_the_rest() {
    const std::vector<Rows> parts = bucket("", false);
    if (!parts.empty()) {
      const std::optional<Rows> rows = merge("_rejected", {}, "", parts);
      if (rows) plan_kept_topic(builder_, "_rejected", "_rejected." + spec_.job, *rows);
    }
    std::set<std::string> read;
    const auto note = [&](const SpecStreamRef& ref) {
      if (ref.port == "late") read.insert(ref.name);
    };
    for (const SpecSink& sink : spec_.sinks) note(sink.from);
    for (const SpecStream& stream : spec_.streams)
      if (wanted(stream.name))
        for (const SpecStreamRef& ref : stream.from) note(ref);
    const auto keep = [&](const std::string& step) {
      const Rows* late = builder_.find_port(step, "late");
      if (!late || read.contains(step)) return;
      const Rows rows = *late;
      plan_kept_topic(builder_, "_late." + step, "_late." + spec_.job, rows);
    };
    for (const SpecStream& stream : spec_.streams) keep(stream.name);
    for (const SpecSink& sink : spec_.sinks) keep(sink.name);
    const std::vector<PlanBuilder::OtherPort> others = builder_.other_ports();
    for (const PlanBuilder::OtherPort& other : others)
      plan_kept_topic(builder_, fmt::format("_{}_idle.{}", other.port, other.step), "_late." + spec_.job,
                      other.rows);
  }

  const JobSpec& spec_;
  PlanBuilder builder_;
  const bool checking_;
  std::map<std::string, ColumnDemand> demand_;
  std::map<std::string, Rows> rows_;
  std::map<std::string, Rows> rejected_;
  std::set<std::string> rejected_readers_;
  std::set<std::string> done_;
  std::set<std::string> active_;
  std::set<std::string> in_cycle_;
};

// Whether every name that is read is there: else what nobody reads may be what a misspelt name means.
bool knows_all_names(const JobSpec& spec) {
  const auto known = [&](const SpecStreamRef& ref) {
    return spec.find_source(ref.name) || spec.find_stream(ref.name) ||
           (!ref.port.empty() && spec.find_sink(ref.name));
  };
  return !spec.sinks.empty() && std::all_of(spec.sinks.begin(), spec.sinks.end(), [&](const SpecSink& s) {
    return known(s.from);
  }) && std::all_of(spec.streams.begin(), spec.streams.end(), [&](const SpecStream& s) {
    return !s.from.empty() && std::all_of(s.from.begin(), s.from.end(), known);
  });
}

void warn_unread(const JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics) {
  if (!knows_all_names(spec)) return;
  std::map<std::string, ColumnDemand> demand = column_demand(spec, catalog);
  for (const SpecSource& source : spec.sources)
    if (!demand[source.name].live)
      diagnostics.warning(source.pos, "sources." + source.name, "nothing reads this source: it is not run");
  for (const SpecStream& stream : spec.streams)
    if (!demand[stream.name].live)
      diagnostics.warning(stream.pos, "streams." + stream.name, "this step feeds no sink: it is not run");
}

// Whether the source ends; nothing when its part of the job has errors.
std::optional<bool> ends(const SpecSource& source, const LogicalPlan& plan) {
  if (source.until.kind != UntilSpec::Kind::none) return true;
  for (const LogicalNode& node : plan.nodes) {
    const auto* of = std::get_if<SourceNode>(&node.body);
    if (of == nullptr || node.step != source.name || of->kind == nullptr || !of->kind->make) continue;
    const Result<std::unique_ptr<RecordReader>> reader = of->kind->make(of->config);
    if (reader.ok()) return (*reader)->ends();
  }
  return std::nullopt;
}

}  // namespace

std::optional<LogicalPlan> plan_job(const JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics,
                                    LogicalPlan& partial) {
  if (spec.sinks.empty() && diagnostics.ok())
    diagnostics.error(spec.job_pos, "sinks", "there are no sinks: a job without any computes nothing");
  partial = Planner(spec, catalog, diagnostics, true).run();
  warn_unread(spec, catalog, diagnostics);
  warn_of_futile_parts(spec, catalog, diagnostics);
  warn_of_silent_windows(
      spec, [&](const SpecSource& source) { return ends(source, partial); }, diagnostics);
  if (!diagnostics.ok()) return std::nullopt;
  LogicalPlan plan = Planner(spec, catalog, diagnostics, false).run();
  if (!diagnostics.ok()) return std::nullopt;
  diagnostics.sort();  // each warning once, though planned twice
  for (const Diagnostic& warning : diagnostics.warnings())
    plan.warnings.push_back(fmt::format("{}: {}", warning.path, warning.message));
  return plan;
}

}  // namespace rideflow
