// check, explain: job files looked at without running them.
#include <fmt/format.h>

#include <cstdio>

#include "dsl/explain_json.h"
#include "dsl/graph.h"
#include "dsl/json_schema.h"
#include "dsl/reference.h"
#include "engine/plan.h"
#include "runtime/job_files.h"

namespace rideflow {
namespace {

int check(CliContext& context, const ParsedArgs& args) {
  const Result<LoadOptions> options = load_options(context, args);
  if (!options.ok()) return finish(options.status());
  const Result<std::vector<std::string>> files = job_files(context.env->fs(), args.arguments, true);
  if (!files.ok()) return finish(files.status());
  size_t errors = 0;
  std::string out;
  for (const std::string& file : *files) {
    Result<LoadedJob> job = is_test_file(file) ? check_test_file(context, file, *options)
                                               : load_job_file(context, file, *options);
    if (!job.ok() && !context.json(args)) {
      print_error(job.status());  // of the command, not of the job: where errors go
      ++errors;
      continue;
    }
    if (!job.ok()) {
      LoadedJob unread;
      unread.file = file;
      unread.errors = {{{}, "", job.status().message()}};
      job = std::move(unread);
    }
    errors += job->errors.size();
    if (context.json(args)) {
      // One array over all files.
      std::string part = format_diagnostics_json(*job);
      part = part.substr(1, part.rfind(']') - 1);
      if (part.find('{') == std::string::npos) continue;
      if (!out.empty()) out += ',';
      out += part;
    } else {
      out += format_diagnostics(*job);
      if (job->ok()) out += fmt::format("{}: ok\n", file);
    }
  }
  print(context.json(args) ? "[" + out + "]\n" : out);
  return errors == 0 ? 0 : 1;
}

Status explain(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(const LoadOptions options, load_options(context, args));
  RF_ASSIGN(const int64_t parallelism, args.integer("parallelism", 1, 1, kDefaultKeyGroups));
  RF_ASSIGN(const LoadedJob job, load_for_running(context, args.arguments[0], options));
  RF_ASSIGN(const PhysicalPlan physical, make_physical_plan(job.plan, static_cast<int32_t>(parallelism)));
  print(context.json(args) ? explain_json(job.spec, physical)
                           : to_string(job.spec) + "\n" + to_string(*job.plan) + "\n" + to_string(physical));
  return {};
}

Status graph(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(const LoadOptions options, load_options(context, args));
  RF_ASSIGN(const LoadedJob job, load_for_running(context, args.arguments[0], options));
  print(context.json(args) ? graph_json(*job.plan) : to_mermaid(*job.plan));
  return {};
}

Status write_docs(CliContext& context, const ParsedArgs& args) {
  const std::string dir = args.arguments[0];
  RF_TRY(context.env->fs().make_dirs(dir));
  for (const ReferencePage& page : reference_pages(*context.catalog)) {
    RF_TRY(write_file_atomic(context.env->fs(), join_path(dir, page.file), page.text));
    print(join_path(dir, page.file) + "\n");
  }
  return {};
}

}  // namespace

std::vector<Command> job_commands() {
  return {
      Command({"check",
               "FILES…",
               "Check job files (a directory: all in it) and print every error.",
               1,
               -1,
               {format_flag(), set_flag()}},
              check),
      Command(
          {"explain",
           "FILE",
           "Print what a job says, what it means, and what would run where.",
           1,
           1,
           {{"parallelism", "N", "plan for N tasks a stage (default 1)", false}, format_flag(), set_flag()}},
          [](CliContext& context, const ParsedArgs& args) { return finish(explain(context, args)); }),
      Command({"graph",
               "FILE",
               "Print a job as a mermaid flowchart, or its steps and edges as JSON.",
               1,
               1,
               {format_flag(), set_flag()}},
              [](CliContext& context, const ParsedArgs& args) { return finish(graph(context, args)); }),
      plan_command(),
      Command({"schema", "", "Print the JSON Schema of the job language, for editors.", 0, 0, {}},
              [](CliContext& context, const ParsedArgs&) {
                print(job_json_schema(*context.catalog));
                return 0;
              }),
      Command({"docs", "DIR", "Write the reference pages, made from the catalog.", 1, 1, {}},
              [](CliContext& context, const ParsedArgs& args) { return finish(write_docs(context, args)); }),
  };
}

}  // namespace rideflow
