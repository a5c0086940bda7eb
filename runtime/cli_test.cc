// test: the tests of job files.
#include <fmt/format.h>

#include <cstdio>

#include "engine/json_writer.h"
#include "runtime/job_files.h"
#include "runtime/job_test.h"

namespace rideflow {
namespace {

// job.yaml -> job.test.yaml
std::string test_file_beside(const std::string& job_file) {
  const size_t dot = job_file.rfind('.');
  return job_file.substr(0, dot) + ".test" + job_file.substr(dot);
}

// Tests in the file and in the one beside it. Errors are printed; false when there are any.
bool collect_tests(const CliContext& context, const LoadOptions& options, const LoadedJob& job,
                   std::vector<JobTest>& tests) {
  tests = job.tests;
  const std::string beside = test_file_beside(job.file);
  const Result<std::string> text = read_file(context.env->fs(), beside);
  if (!text.ok()) return true;
  Diagnostics diagnostics;
  std::vector<JobTest> more = load_test_file(*text, beside, *job.plan, options.lookup, diagnostics);
  diagnostics.sort();
  for (const Diagnostic& error : diagnostics.errors()) {
    std::fprintf(stderr, "%s\n", to_string(error, beside).c_str());
  }
  tests.insert(tests.end(), more.begin(), more.end());
  return diagnostics.ok();
}

void append_result(std::string& out, const JobTestResult& result) {
  JsonWriter json(out);
  json.begin_object().field("name", result.name).field("file", result.file).field("line", result.pos.line);
  json.field("passed", result.ok()).key("failures").begin_array();
  for (const std::string& failure : result.failures) json.string(failure);
  json.end_array().end_object();
}

int test(CliContext& context, const ParsedArgs& args) {
  const Result<LoadOptions> options = load_options(context, args);
  const Result<std::vector<std::string>> files = job_files(context.env->fs(), args.arguments);
  for (const Status& status : {options.status(), files.status()}) {
    if (status.ok()) continue;
    print_error(status);
    return exit_code(status);
  }
  int passed = 0, failed = 0;
  std::string json;
  for (const std::string& file : *files) {
    const Result<LoadedJob> job = load_for_running(context, file, *options);
    std::vector<JobTest> tests;
    if (!job.ok() || !collect_tests(context, *options, *job, tests)) {
      if (!job.ok()) print_error(job.status());
      ++failed;
      continue;
    }
    for (const JobTest& one : tests) {
      const JobTestResult result = run_job_test(*job->plan, one);
      ++(result.ok() ? passed : failed);
      if (context.json(args)) {
        if (!json.empty()) json += ",\n";
        append_result(json, result);
        continue;
      }
      print(fmt::format("{} {}:{}  {}\n", result.ok() ? "ok    " : "FAILED", result.file, result.pos.line,
                        result.name));
      for (const std::string& failure : result.failures) print("  " + failure);
    }
  }
  print(context.json(args) ? "[" + json + "]\n" : fmt::format("{} passed, {} failed\n", passed, failed));
  return failed == 0 ? 0 : 1;
}

}  // namespace

std::vector<Command> test_commands() {
  return {Command({"test",
                   "PATHS…",
                   "Run the tests of job files (a directory: all in it), under a virtual clock.",
                   1,
                   -1,
                   {format_flag(), set_flag()}},
                  test)};
}

}  // namespace rideflow
