#include "dsl/job.h"

#include "dsl/job_loader.h"
#include "dsl/planner.h"
#include "dsl/variables.h"

namespace rideflow {

LoadedJob load_job(std::string_view text, std::string_view file, const Catalog& catalog,
                   const LoadOptions& options) {
  LoadedJob job;
  job.file = std::string(file);
  Diagnostics diagnostics;
  job.spec = load_job_spec(text, catalog, options.lookup, diagnostics);
  // Planning a spec with holes finds the errors of the rest; without a root there is nothing to plan.
  std::optional<LogicalPlan> plan;
  if (job.spec.document->root.is_map()) {
    LogicalPlan partial;
    plan = plan_job(job.spec, catalog, diagnostics, partial);
    const JobSpec* spec = plan ? nullptr : &job.spec;
    job.tests = read_tests(job.spec.tests, file, plan ? *plan : partial, diagnostics, spec);
  }
  diagnostics.sort();
  job.errors = diagnostics.errors();
  job.warnings = diagnostics.warnings();
  name_variables(*job.spec.document, job.errors);
  name_variables(*job.spec.document, job.warnings);
  if (plan) plan->text = text;
  if (plan && job.errors.empty()) job.plan = std::make_shared<const LogicalPlan>(*std::move(plan));
  return job;
}

std::string format_diagnostics(const LoadedJob& job) {
  std::string out;
  for (const Diagnostic& error : job.errors) out += to_string(error, job.file) + "\n";
  for (const Diagnostic& warning : job.warnings) {
    Diagnostic marked = warning;
    marked.message = "warning: " + marked.message;
    out += to_string(marked, job.file) + "\n";
  }
  return out;
}

std::string format_diagnostics_json(const LoadedJob& job) {
  std::string out = "[";
  const auto add = [&](const Diagnostic& diagnostic, std::string_view severity) {
    if (out.size() > 1) out += ",";
    append_json(out, diagnostic, job.file, severity);
  };
  for (const Diagnostic& error : job.errors) add(error, "error");
  for (const Diagnostic& warning : job.warnings) add(warning, "warning");
  return out + "]";
}

}  // namespace rideflow
