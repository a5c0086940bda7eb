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
  std::vector<std::string> steps;  // whose state may be given up (--drop-state)
  bool all = false;                // any, without being asked (dev --watch)
};

class RestorePlan {
 public:
  // failed_precondition (user): state would be lost, and the policy does not allow it. The graph and the
  // checkpoint outlive the plan.
  static Result<std::unique_ptr<RestorePlan>> make(const JobCheckpoint& checkpoint, const JobGraph& graph,
                                                   const StateTypes& now, const DropPolicy& policy);

  // What a task starts from. Cells are read from the storage, in the job's present layout; valid as long as
  // this plan and the storage's restored cells.
  TaskRestore for_task(const Task& task, JobStorage& storage);
  // What is not as it was, in sentences.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  RestorePlan(const JobCheckpoint& checkpoint, const JobGraph& graph, const DropPolicy& policy)
      : checkpoint_(checkpoint), graph_(graph), policy_(policy) {}
  Status find_gone();
  void drop_sources();
  Status compare(const std::string& node, const StateType& now);
  Status give_up(const std::string& node, const std::string& why);
  Status migrate(const std::string& node, StateChange change);
  // Refuses unless the policy allows it. `refusal` says what would be lost.
  Status allow(const std::string& step, const std::string& refusal) const;
  Result<StateTable*> cells_of(const std::string& node, JobStorage& storage);

  const JobCheckpoint& checkpoint_;
  const JobGraph& graph_;
  const DropPolicy policy_;
  std::set<std::string> dropped_;  // nodes that start empty
  std::map<std::string, StateMigration> migrations_;
  std::map<std::string, std::unique_ptr<MigratedCells>> migrated_;
  std::vector<std::string> notes_;
};

}  // namespace rideflow
