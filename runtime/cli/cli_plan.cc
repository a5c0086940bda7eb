// plan: what an edit of a job does to its steps and their state, before anything is stopped.
#include <fmt/format.h>

#include "engine/json_writer.h"
#include "runtime/cli/cli_command.h"
#include "runtime/job_evolution.h"
#include "runtime/job_files.h"
#include "runtime/object_places.h"
#include "state/data_dir.h"
#include "state/manifest_reader.h"
#include "state/savepoint.h"

namespace rideflow {
namespace {

// A job file, a savepoint, or the name of a job in the data directory, which may be running.
Result<Checkpoint> state_of_old(CliContext& context, const ParsedArgs& args, const LoadOptions& options) {
  const std::string& old = args.arguments[0];
  FileSystem& fs = context.env->fs();
  const Result<DirEntry> entry = fs.stat(old);
  if (entry.ok() && !entry->is_dir) {
    RF_ASSIGN(const LoadedJob job, load_for_running(context, old, options));
    return describe_state(*context.env, job.plan);
  }
  if (entry.ok() || is_bucket(old)) {
    RF_ASSIGN(const auto place, open_existing_place(*context.env, old));
    return read_savepoint(*place);
  }
  const std::string data_dir = args.get("data-dir", ".rideflow");
  RF_ASSIGN(const std::vector<Checkpoint> found,
            read_manifests(fs, join_path(data_dir, fmt::format("jobs/{}/checkpoints", old))));
  if (!found.empty()) return found.back();
  return Status::user(Code::not_found, fmt::format("'{}' is no job file, no savepoint, and no job that has a "
                                                   "checkpoint in '{}'",
                                                   old, data_dir));
}

void print_text(const std::vector<StepEvolution>& steps) {
  for (const StepEvolution& step : steps) {
    const std::string name =
        step.change.section.empty() ? step.change.name : step.change.section + "." + step.change.name;
    print(fmt::format("{:<8} {}\n", to_string(step.change.kind), name));
    for (const std::string& text : step.state) print(fmt::format("         {}\n", text));
  }
}

void print_json(const std::vector<StepEvolution>& steps) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const StepEvolution& step : steps) {
    json.begin_object().field("section", step.change.section).field("step", step.change.name);
    json.field("change", to_string(step.change.kind)).field("needs_drop", step.needs_drop);
    json.key("state").begin_array();
    for (const std::string& text : step.state) json.string(text);
    json.end_array().end_object();
  }
  json.end_array();
  print(out + "\n");
}

// The exit code: 1 where state would be lost.
Result<int> plan_edit(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(const LoadOptions options, load_options(context, args));
  RF_ASSIGN(const LoadedJob now, load_for_running(context, args.arguments[1], options));
  RF_ASSIGN(const Checkpoint before, state_of_old(context, args, options));
  RF_ASSIGN(const std::vector<StateFinding> findings, survey_state(*context.env, before, now.plan));
  std::vector<StepChange> changes;
  if (!before.text.empty()) {
    const LoadedJob old = load_job(before.text, args.arguments[0], *context.catalog, options);
    changes = job_difference(&old.spec, now.spec);
  }
  // A checkpoint of an older version has no text: only what becomes of its state is known.
  const std::vector<StepEvolution> steps = job_evolution(changes, findings);
  context.json(args) ? print_json(steps) : print_text(steps);
  std::string words;
  for (const StepEvolution& step : steps) {
    if (step.needs_drop) words += fmt::format(" --drop-state {}", step.change.name);
  }
  if (words.empty()) return 0;
  if (context.json(args)) return 1;  // the document says it
  return Status::user(Code::failed_precondition,
                      fmt::format("state would be lost: it is given up only with{}", words));
}

}  // namespace

Command plan_command() {
  CommandSpec spec;
  spec.name = "plan";
  spec.arguments = "OLD NEW";
  spec.doc =
      "Say what a job file would do to a job's steps and state. OLD: a file, a savepoint, or a job's name.";
  spec.min_arguments = spec.max_arguments = 2;
  spec.flags = {data_dir_flag(), set_flag(), format_flag()};
  return Command(std::move(spec), [](CliContext& context, const ParsedArgs& args) {
    const Result<int> code = plan_edit(context, args);
    return code.ok() ? *code : finish(code.status());
  });
}

}  // namespace rideflow
