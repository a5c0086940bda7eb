// `rideflow explain --format json`: a job's plans for programs.
#pragma once

#include <string>

#include "dsl/job_spec.h"
#include "engine/plan.h"

namespace rideflow {

// {"job", "kafka", "nodes": […], "stages": […], "warnings": […]}, one line.
std::string explain_json(const JobSpec& spec, const PhysicalPlan& plan);

}  // namespace rideflow
