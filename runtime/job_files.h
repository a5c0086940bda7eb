// Job files from the command line: read, load, report.
#pragma once

#include <string>
#include <vector>

#include "dsl/job.h"
#include "runtime/cli/cli_command.h"
#include "runtime/job_access.h"

namespace rideflow {

// Files as given; a directory stands for the *.yaml and *.yml files in it and below, sorted, without those
// that end in ".test.yaml". A file of tests that is given by name (`jobs/*.yaml` names all) stands for its
// job, which is given once, unless `keep_tests`. user error when nothing is found.
Result<std::vector<std::string>> job_files(FileSystem& fs, const std::vector<std::string>& paths,
                                           bool keep_tests = false);
// "job.test.yaml": tests of the job in job.yaml beside it.
bool is_test_file(std::string_view path);

// --set NAME=VALUE and the environment, in this order.
Result<LoadOptions> load_options(const CliContext& context, const ParsedArgs& args);
FlagSpec set_flag();

// Reads and loads one file. Not ok: the file cannot be read. What is wrong with the job stands in the answer.
Result<LoadedJob> load_job_file(const CliContext& context, const std::string& file,
                                const LoadOptions& options);
// The same for a file of tests: what is wrong with it, or with its job.
Result<LoadedJob> check_test_file(const CliContext& context, const std::string& file,
                                  const LoadOptions& options);
// The same for a command that needs the plan: prints errors and warnings; not ok (already printed) without a
// plan. `access`: what the job may reach; null where nothing will be opened.
Result<LoadedJob> load_for_running(const CliContext& context, const std::string& file,
                                   const LoadOptions& options, const JobAccess* access = nullptr);

}  // namespace rideflow
