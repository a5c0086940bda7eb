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
    // Every reader before what it reads: one step up for each stream carries all demand to the sources.
    for (const SpecStream* stream : readers_first()) carry(*stream);
    return std::move(demand_);
  }

 private:
  // Streams in the reverse of the order in which a walk up the inputs is done with them. Of a cycle (an
  // error, told elsewhere) some member comes first. Without recursion: a job may be a chain of thousands.
  std::vector<const SpecStream*> readers_first() const {
    struct Visit {
      const SpecStream* stream;
      size_t next = 0;
    };
    std::vector<const SpecStream*> order;
    std::set<const SpecStream*> seen;
    std::vector<Visit> path;
    for (const SpecStream& root : spec_.streams) {
      if (seen.insert(&root).second) path.push_back({&root});
      while (!path.empty()) {
        Visit& visit = path.back();
        if (visit.next == visit.stream->from.size()) {
          order.push_back(visit.stream);
          path.pop_back();
          continue;
        }
        const SpecStream* up = spec_.find_stream(visit.stream->from[visit.next++].name);
        if (up && seen.insert(up).second) path.push_back({up});
      }
    }
    std::reverse(order.begin(), order.end());
    return order;
  }

  // Somebody reads `names` of the rows at `ref`.
  void want(const SpecStreamRef& ref, const std::vector<std::string>& names, bool all) {
    ColumnDemand& demand = demand_[ref.name];
    demand.live = true;
    if (ref.port == "rejected") return;
    const SpecStream* stream = spec_.find_stream(ref.name);
    if (ref.port == "late" && stream) {
      // Late rows have the columns that the step decodes anyway, and those named here.
      late_[ref.name].insert(names.begin(), names.end());
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
    const std::set<std::string>& late = late_[stream.name];
    names.insert(names.end(), late.begin(), late.end());
    for (const SpecStreamRef& from : stream.from) want(from, names, all);
  }

  const JobSpec& spec_;
  const Catalog& catalog_;
  std::map<std::string, ColumnDemand> demand_;
  std::map<std::string, std::set<std::string>> late_;  // by step: columns read of its late rows
};

}  // namespace

std::map<std::string, ColumnDemand> column_demand(const JobSpec& spec, const Catalog& catalog) {
  return DemandAnalysis(spec, catalog).run();
}

}  // namespace rideflow
