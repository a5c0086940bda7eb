// JobSpec to LogicalPlan: names to columns, types, and the order of clauses that docs/reference/jobs.md
// gives.
//
// A step becomes filter (where), project (select), and for windows: late_split, project (keys, arguments and
// filters as plain columns), exchange by keys, window or session, project (expressions over aggregates),
// filter (having). What nobody keeps of rejected and late rows goes to topics that are added here.
#pragma once

#include <optional>

#include "dsl/job_spec.h"

namespace rideflow {

// Nothing when the job has errors; `partial` then gets the nodes of what has none, for checks of what speaks
// about them (the job's tests).
std::optional<LogicalPlan> plan_job(const JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics,
                                    LogicalPlan& partial);

}  // namespace rideflow
