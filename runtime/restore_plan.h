// RestorePlan: what a new attempt of a job takes from a checkpoint, decided before any task is opened. State
// that the job, as it is now, can't go on with is given up only when the user allows it, and always said.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/job_storage.h"
#include "runtime/state_types.h"

namespace rideflow {

struct DropPolicy {
  // Whose state may be given up where it can't be used (--drop-state). Of a source and of a sink it always
  // is: a source that is named here begins at its `start` again, a sink forgets what it had prepared.
  std::vector<std::string> steps;
  bool all = false;  // any state but positions, without being asked (dev --watch)
};

// invalid_argument (user), with the names there are, unless `step` is one of them.
Status check_drop_step(const std::string& step, const std::vector<std::string>& known);
// The same of the whole policy: when the policy names one that neither the job nor its
// checkpoint (null: none) knows.
Status check_drop_policy(const DropPolicy& policy, const LogicalPlan& job, const Checkpoint* checkpoint);

// What becomes of a step's state.
struct StateFinding {
  std::string step;
  std::string text;         // "state of 'totals' kept, but: …"
  bool needs_drop = false;  // state is lost: only with --drop-state
  friend bool operator==(const StateFinding&, const StateFinding&) = default;
};

class RestorePlan {
 public:
  // What make() would say and refuse, all of it.
  static Result<std::vector<StateFinding>> survey(const Checkpoint& checkpoint, const JobGraph& graph,
                                                  const StateTypes& now);
  // failed_precondition (user): state would be lost, and the policy does not allow it. The graph and the
  // checkpoint outlive the plan.
  static Result<std::unique_ptr<RestorePlan>> make(const Checkpoint& checkpoint, const JobGraph& graph,
                                                   const StateTypes& now, const DropPolicy& policy);

  // Lets the tasks go on in the stores of the checkpoint where all stands as it stood. Once, before
  // for_task().
  Status resume(JobStorage& storage);
  // What a task starts from. Cells are read from the storage, in the job's present layout; valid as long as
  // this plan and the storage's restored cells.
  TaskRestore for_task(const Task& task, JobStorage& storage);
  // What is not as it was, in sentences.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  RestorePlan(const Checkpoint& checkpoint, const JobGraph& graph, const DropPolicy& policy)
      : checkpoint_(checkpoint), graph_(graph), policy_(policy) {}
  Status compare_all(const StateTypes& now);
  void note(const std::string& step, std::string text);
  Status find_gone();
  Status find_changed_sinks();
  void drop_positions();
  Status compare(const std::string& node, const StateType& now);
  Status give_up(const std::string& node, const std::string& why);
  Status migrate(const std::string& node, StateChange change);
  // Refuses unless the policy allows it. `refusal` says what would be lost.
  Status allow(const std::string& step, const std::string& refusal);
  Result<StateTable*> cells_of(TaskId task, const std::string& node, JobStorage& storage);

  const Checkpoint& checkpoint_;
  const JobGraph& graph_;
  const DropPolicy policy_;
  std::set<std::string> gone_;     // steps that the job no longer has
  std::set<std::string> dropped_;  // nodes that start empty
  std::map<std::string, StateMigration> migrations_;
  std::map<std::string, std::unique_ptr<MigratedCells>> migrated_;
  std::vector<std::string> notes_;
  std::vector<StateFinding>* survey_ = nullptr;  // where what is not allowed is collected, and allowed
  bool resumed_ = false;
};

}  // namespace rideflow
