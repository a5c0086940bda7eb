// The plan while it grows: nodes, and what is known of each stream of rows.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dsl/column_demand.h"
#include "dsl/job_spec.h"
#include "engine/plan.h"

namespace rideflow {

// One stream of rows: where it comes from and what may be said of it.
struct Rows {
  NodeInput at{NodeId(-1), 0};
  SchemaRef schema;
  bool has_event_time = true;
  bool updates = false;
  // The source whose `.rejected` keeps rows that fail; empty when they come from several or are rejected rows
  // themselves: then the step's own name.
  std::string source;
  BadRecords bad_records = BadRecords::keep;
  // Metadata columns (_topic, _partition, …) that are there because some reader names them, and that no
  // `select` has made columns of these rows: not part of "*" or of what a sink writes.
  std::set<std::string> hidden;
  // Its step has errors, so that nodes and outputs may be missing: their absence is no error of a reader.
  bool partial = false;
};
// A column of Kind::null stands for one whose definition has an error: to be read, but nothing can be said of
// it. Only plans with errors have such columns.
bool has_broken_column(const Schema& schema);

class PlanBuilder {
 public:
  PlanBuilder(const JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics);

  const JobSpec& spec() const { return spec_; }
  const Catalog& catalog() const { return catalog_; }
  Diagnostics& diagnostics() { return diagnostics_; }
  void error(TextPos pos, std::string path, std::string message) {
    diagnostics_.error(pos, std::move(path), std::move(message));
  }

  // Adds an operator behind `inputs`; its main output, or nothing with an error added. Its "late" and
  // "rejected" ports are remembered under the step's name.
  std::optional<Rows> add_operator(std::string_view kind, std::string_view role, TextPos pos,
                                   const std::string& path, StepConfig config,
                                   const std::vector<Rows>& inputs, std::vector<int> exchange_keys = {});
  NodeId add_source(const SpecSource& source, SourceNode node, std::vector<SchemaRef> outputs,
                    bool has_event_time);
  // The further outputs of its kind (a rollup's "late") have the schema of late rows of its input.
  NodeId add_sink(const std::string& step, TextPos pos, const SinkKind* kind, SinkConfig config,
                  const Rows& input);

  // The rows of another port of a step: a branch of its split, its late rows.
  const Rows* find_port(const std::string& step, const std::string& port) const;
  void set_port(const std::string& step, const std::string& port, Rows rows) {
    ports_[step][port] = std::move(rows);
  }
  void erase_port(const std::string& step, const std::string& port) { ports_[step].erase(port); }
  std::vector<std::string> port_names(const std::string& step) const;

  // Where rows go that a node rejects.
  struct RejectPort {
    std::string step;
    std::string source;  // empty: rows of several sources
    NodeInput at;
    bool may_fail = true;  // false: the node can't reject anything
  };
  // Ports of a name that an earlier operator of the same step has: the step's own is the first. A window's
  // late rows (their input had been idle) beside those that late_split parted.
  struct OtherPort {
    std::string step;
    std::string port;
    Rows rows;
  };
  const std::vector<OtherPort>& other_ports() const { return other_ports_; }
  std::optional<Rows> take_other_port(const std::string& step, const std::string& port);
  const std::vector<RejectPort>& reject_ports() const { return reject_ports_; }

  LogicalPlan take() { return std::move(plan_); }
  LogicalPlan& plan() { return plan_; }

 private:
  NodeId push(LogicalNode node);

  const JobSpec& spec_;
  const Catalog& catalog_;
  Diagnostics& diagnostics_;
  LogicalPlan plan_;
  std::map<std::string, std::map<std::string, Rows>> ports_;
  std::vector<RejectPort> reject_ports_;
  std::vector<OtherPort> other_ports_;
};

// The shared empty expression list helpers of planner files.
std::vector<Field> fields_of(const std::vector<NamedExpr>& exprs);
ExprRef column_of(const Schema& schema, std::string_view name, TextPos pos);

}  // namespace rideflow
