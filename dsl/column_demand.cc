#include "dsl/column_demand.h"

#include <algorithm>
#include <vector>

#include "dsl/option_checker.h"

namespace rideflow {

namespace {

class DemandAnalysis {
 public:
  DemandAnalysis(const JobSpec& spec, const Catalog& catalog) : spec_(spec), catalog_(catalog) {}

  std::map<std::string, ColumnDemand> run() {
    for (const SpecSource& source : spec_.sources) {
      ColumnDemand& demand = demand_[source.name];
      if (!source.event_time.column.empty()) demand.names.insert(source.event_time.column);
    }
    for (const SpecSink& sink : spec_.sinks) add_sink(sink);
    // Demand only grows and is bounded by the names in the job, so this ends; each round carries it one step
    // up.
    for (size_t round = 0; round <= spec_.streams.size(); ++round) {
      for (auto stream = spec_.streams.rbegin(); stream != spec_.streams.rend(); ++stream) carry(*stream);
    }
    return std::move(demand_);
  }

 private:
  // Somebody reads `names` of the rows at `ref`.
  void want(const SpecStreamRef& ref, const std::vector<std::string>& names, bool all) {
    ColumnDemand& demand = demand_[ref.name];
    demand.live = true;
    if (ref.port == "rejected") return;
    const SpecStream* stream = spec_.find_stream(ref.name);
    if (ref.port == "late" && stream) {
      // Late rows have the columns that the step decodes anyway, and those named here.
      for (const SpecStreamRef& from : stream->from) want(from, names, false);
      return;
    }
    demand.all = demand.all || all;
    demand.names.insert(names.begin(), names.end());
  }

  void add_sink(const SpecSink& sink) {
    const SinkKind* kind = catalog_.find_sink(sink.connector.kind);
    std::vector<std::string> names;
    bool all = true;
    if (kind) {
      collect_option_columns(kind->options, sink.connector.options, *spec_.document, names);
      // A sink that is told its columns and aggregates reads nothing else.
      all = std::none_of(kind->options.begin(), kind->options.end(),
                         [](const OptionSpec& option) { return option.type == OptionType::aggregate_map; });
      names.push_back("window_start");
    }
    want(sink.from, names, all);
  }

  void carry(const SpecStream& stream) {
    const ColumnDemand mine = demand_[stream.name];
    std::vector<std::string> names;
    const auto add = [&](const SpecExpr& expr) {
      if (expr) collect_names(*expr.ast, names);
    };
    add(stream.where);
    bool passes = true;  // the rows behind here are still the input's
    for (const SpecNamed& named : stream.select) {
      if (named.expr)
        add(named.expr);
      else if (named.name != "*")
        names.push_back(named.name);
    }
    if (stream.has_select)
      passes = std::any_of(stream.select.begin(), stream.select.end(),
                           [](const SpecNamed& named) { return named.name == "*"; });
    if (passes) {
      for (const SpecNamed& key : stream.key_by) {
        if (key.expr)
          add(key.expr);
        else
          names.push_back(key.name);
      }
      if (stream.window) add(stream.window->close_on);
      for (const SpecNamed& aggregate : stream.aggregate) add(aggregate.expr);
      for (const SpecNamed& branch : stream.split) add(branch.expr);
    }
    bool all = false;
    if (stream.operation) {
      const OperatorKind* kind = catalog_.find_operator(stream.operation->kind);
      if (passes && kind)
        collect_option_columns(kind->options, stream.operation->options, *spec_.document, names);
      all = passes;
    } else if (stream.aggregate.empty() && passes) {
      all = mine.all;
      names.insert(names.end(), mine.names.begin(), mine.names.end());
    }
    if (!mine.live) {
      // Not run; its expressions are still checked against what the others decode.
      return;
    }
    for (const SpecStreamRef& from : stream.from) want(from, names, all);
  }

  const JobSpec& spec_;
  const Catalog& catalog_;
  std::map<std::string, ColumnDemand> demand_;
};

}  // namespace

std::map<std::string, ColumnDemand> column_demand(const JobSpec& spec, const Catalog& catalog) {
  return DemandAnalysis(spec, catalog).run();
}

}  // namespace rideflow
