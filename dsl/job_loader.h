// Job text to JobSpec: the grammar of the job language, section by section.
//
// All that is wrong is added to the diagnostics; the spec holds what could be read, so that the planner can
// look for more. Nothing is thrown.
#pragma once

#include <memory>

#include "dsl/job_spec.h"
#include "dsl/variables.h"

namespace rideflow {

JobSpec load_job_spec(std::string_view text, const Catalog& catalog, const VariableLookup& lookup,
                      Diagnostics& diagnostics);

// Parses a scalar's text as an expression with its places.
SpecExpr read_expression(const YamlDocument& document, const YamlNode& node, TextPos pos,
                         const std::string& path, Diagnostics& diagnostics);

}  // namespace rideflow
