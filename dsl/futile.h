// What is no mistake by the rules but can never do what it is there for: told as warnings.
#pragma once

#include "dsl/diagnostics.h"
#include "dsl/job_spec.h"
#include "engine/catalog.h"

namespace rideflow {

// Outputs that nothing can come out of, sinks that feed what they come from, topics of two formats.
void warn_of_futile_parts(const JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics);

// Constant parts that fail on every row that comes by, such as 1/0.
void warn_of_failing_constants(const ExprRef& expr, const std::string& path, Diagnostics& diagnostics);

// A condition that no row can meet: a constant that is false or null.
void warn_of_never_true(const ExprRef& condition, const std::string& path, Diagnostics& diagnostics);

// A source's schema against that of the kind itself: columns that it does not write, or as something else.
void warn_of_foreign_columns(const std::vector<DecodeField>& declared,
                             const std::vector<DecodeField>& written, const std::string& path,
                             Diagnostics& diagnostics);

}  // namespace rideflow
