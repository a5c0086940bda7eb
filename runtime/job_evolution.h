// What an edit of a job does, before anything is stopped: step by step, with what becomes of its state.
// Decided by what decides it when the job starts (runtime/restore_plan.h).
#pragma once

#include <string>
#include <vector>

#include "dsl/job_difference.h"
#include "engine/checkpoint.h"
#include "engine/env.h"
#include "engine/plan.h"
#include "runtime/restore_plan.h"

namespace rideflow {

struct StepEvolution {
  StepChange change;               // section "" of what stands in no text: rows that are kept of a step
  std::vector<std::string> state;  // what becomes of its state; empty: nothing worth saying
  bool needs_drop = false;         // state is lost: only with --drop-state
};

// The steps of an edit, with what becomes of their state.
std::vector<StepEvolution> job_evolution(const std::vector<StepChange>& steps,
                                         const std::vector<StateFinding>& findings);

// What the state in `before` is to a job that is started as `now` says. Nothing is opened.
Result<std::vector<StateFinding>> survey_state(Env& env, const Checkpoint& before,
                                               std::shared_ptr<const LogicalPlan> now);

// What a checkpoint of this job would say of its state, had it one: for edits of a job that never ran.
Result<Checkpoint> describe_state(Env& env, std::shared_ptr<const LogicalPlan> plan);

}  // namespace rideflow
