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

// Tests in the file and in the one beside it; `errors` gets what is wrong with the latter.
std::vector<JobTest> collect_tests(const CliContext& context, const LoadOptions& options,
                                   const LoadedJob& job, LoadedJob& errors) {
  std::vector<JobTest> tests = job.tests;
  errors.file = test_file_beside(job.file);
  const Result<std::string> text = read_file(context.env->fs(), errors.file);
  if (!text.ok()) return tests;
  Diagnostics diagnostics;
  std::vector<JobTest> more = load_test_file(*text, errors.file, *job.plan, options.lookup, diagnostics);
  diagnostics.sort();
  errors.errors = diagnostics.errors();
  tests.insert(tests.end(), more.begin(), more.end());
  return tests;
}

// Runs what a list of files tests, and gathers what is said of it: lines, or the items of one JSON array.
class TestCommand {
 public:
  TestCommand(CliContext& context, bool json) : context_(context), json_(json) {}

  void run(const std::string& file, const LoadOptions& options) {
    const Result<LoadedJob> job = load_job_file(context_, file, options);
    if (!job.ok()) {
      LoadedJob none;
      none.file = file;
      none.errors = {{{}, "", job.status().message()}};
      return refuse(none);
    }
    LoadedJob beside;
    std::vector<JobTest> tests;
    if (job->ok()) tests = collect_tests(context_, options, *job, beside);
    if (!job->ok() || !beside.errors.empty()) return refuse(job->ok() ? beside : *job);
    if (!json_) std::fputs(format_diagnostics(*job).c_str(), stderr);  // warnings
    if (tests.empty() && !json_) print(fmt::format("{}: no tests in it, nor in {}\n", file, beside.file));
    for (const JobTest& test : tests) show(run_job_test(*job->plan, test));
  }

  int finish() const {
    print(json_ ? "[" + items_ + "]\n" : fmt::format("{} passed, {} failed\n", passed_, failed_));
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void refuse(const LoadedJob& job) {
    ++failed_;
    std::fputs(format_diagnostics(job).c_str(), stderr);
    if (!json_) return;
    std::string item;
    JsonWriter writer(item);
    writer.begin_object().field("name", "").field("file", job.file).field("line", 0).field("passed", false);
    writer.key("errors").raw(format_diagnostics_json(job)).end_object();
    add(item);
  }

  void show(const JobTestResult& result) {
    ++(result.ok() ? passed_ : failed_);
    if (json_) {
      std::string item;
      append_json(item, result);
      return add(item);
    }
    print(fmt::format("{} {}:{}  {}\n", result.ok() ? "ok    " : "FAILED", result.file, result.pos.line,
                      result.name));
    if (!result.ok()) print(to_text(result));
  }

  void add(const std::string& item) {
    if (!items_.empty()) items_ += ",\n";
    items_ += item;
  }

  CliContext& context_;
  const bool json_;
  int passed_ = 0;
  int failed_ = 0;
  std::string items_;
};

int test(CliContext& context, const ParsedArgs& args) {
  const Result<LoadOptions> options = load_options(context, args);
  if (!options.ok()) return finish(options.status());
  const Result<std::vector<std::string>> files = job_files(context.env->fs(), args.arguments);
  if (!files.ok()) return finish(files.status());
  TestCommand command(context, context.json(args));
  for (const std::string& file : *files) command.run(file, *options);
  return command.finish();
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
