// The door of this room: a job's text in, a plan or errors that point at the text out.
//
// Pure: no file, clock or environment is touched; variables come from the caller. Never throws. The catalog
// must outlive the plan.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostics.h"
#include "dsl/job_spec.h"
#include "dsl/job_test_spec.h"
#include "dsl/variables.h"
#include "engine/plan.h"

namespace rideflow {

struct LoadOptions {
  VariableLookup lookup;  // empty: no variable is set
};

struct LoadedJob {
  std::string file;
  JobSpec spec;                             // what could be read, also when there are errors
  std::shared_ptr<const LogicalPlan> plan;  // null when there are errors
  std::vector<JobTest> tests;               // of the file itself; load_test_file() reads those beside it
  std::vector<Diagnostic> errors;
  std::vector<Diagnostic> warnings;
  bool ok() const { return plan != nullptr; }
};

// A letter, then letters, digits, '_' and '-'; at most 100.
bool is_job_name(std::string_view name);

LoadedJob load_job(std::string_view text, std::string_view file, const Catalog& catalog,
                   const LoadOptions& options = {});

// All errors and warnings, one a line; empty when there are none.
std::string format_diagnostics(const LoadedJob& job);
// A JSON array of them, for editors: [{"file","line","column","path","message","severity"}, …].
std::string format_diagnostics_json(const LoadedJob& job);

}  // namespace rideflow
