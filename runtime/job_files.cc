#include "runtime/job_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "runtime/name_value.h"

namespace rideflow {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_job_file(std::string_view name) {
  return (ends_with(name, ".yaml") || ends_with(name, ".yml")) && !is_test_file(name);
}

// job.test.yaml -> job.yaml
std::string job_of(const std::string& test_file) {
  const size_t dot = test_file.rfind(".test.");
  return test_file.substr(0, dot) + test_file.substr(dot + 5);
}

Status collect(FileSystem& fs, const std::string& dir, std::vector<std::string>& files) {
  RF_ASSIGN(const std::vector<DirEntry> entries, fs.list(dir));
  for (const DirEntry& entry : entries) {
    if (!entry.name.empty() && entry.name[0] == '.') continue;
    const std::string path = join_path(dir, entry.name);
    if (entry.is_dir) {
      RF_TRY(collect(fs, path, files));
    } else if (is_job_file(entry.name)) {
      files.push_back(path);
    }
  }
  return {};
}

}  // namespace

bool is_test_file(std::string_view path) {
  return ends_with(path, ".test.yaml") || ends_with(path, ".test.yml");
}

Result<std::vector<std::string>> job_files(FileSystem& fs, const std::vector<std::string>& paths,
                                           bool keep_tests) {
  std::vector<std::string> files;
  for (const std::string& given : paths) {
    const std::string path = is_test_file(given) && !keep_tests ? job_of(given) : given;
    const Result<DirEntry> entry = fs.stat(path);
    if (!entry.ok() && entry.status().code() != Code::not_found) return entry.status();
    if (!entry.ok()) {
      return Status::user(Code::not_found, fmt::format("{}: no such file or directory", path));
    }
    if (!entry->is_dir) {
      if (std::find(files.begin(), files.end(), path) == files.end()) files.push_back(path);
      continue;
    }
    const size_t before = files.size();
    RF_TRY(collect(fs, path, files));
    if (files.size() == before) {
      return Status::user(Code::not_found, fmt::format("{}: no job file (*.yaml) in this directory", path));
    }
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  return files;
}

FlagSpec set_flag() {
  return {"set", "NAME=VALUE", "a value for ${NAME} in the job; may be repeated", true};
}

Result<LoadOptions> load_options(const CliContext& context, const ParsedArgs& args) {
  std::map<std::string, std::string> values;
  for (const std::string& text : args.all("set")) {
    auto value = split_name_value(text);
    if (!value)
      return Status::user(Code::invalid_argument, fmt::format("--set wants NAME=VALUE, not '{}'", text));
    values[value->first] = std::move(value->second);
  }
  LoadOptions options;
  options.lookup = [values, environment = context.variable](std::string_view name) {
    const auto it = values.find(std::string(name));
    return it != values.end() ? std::optional<std::string>(it->second) : environment(std::string(name));
  };
  return options;
}

Result<LoadedJob> load_job_file(const CliContext& context, const std::string& file,
                                const LoadOptions& options) {
  const Result<std::string> text = read_file(context.env->fs(), file);
  if (!text.ok()) {
    return Status::user(Code::not_found,
                        fmt::format("cannot read job file {}: {}", file, text.status().message()));
  }
  return load_job(*text, file, *context.catalog, options);
}

Result<LoadedJob> check_test_file(const CliContext& context, const std::string& file,
                                  const LoadOptions& options) {
  RF_ASSIGN(LoadedJob job, load_job_file(context, job_of(file), options));
  if (!job.ok()) return job;
  RF_ASSIGN(const std::string text, read_file(context.env->fs(), file));
  Diagnostics diagnostics;
  load_test_file(text, file, *job.plan, options.lookup, diagnostics);
  diagnostics.sort();
  job.file = file;
  job.errors = diagnostics.errors();
  job.warnings.clear();
  if (!job.errors.empty()) job.plan.reset();
  return job;
}

Result<LoadedJob> load_for_running(const CliContext& context, const std::string& file,
                                   const LoadOptions& options, const JobAccess* access) {
  RF_ASSIGN(LoadedJob job, load_job_file(context, file, options));
  if (job.ok() && access != nullptr) access->refuse(job, *context.catalog);
  std::fputs(format_diagnostics(job).c_str(), stderr);
  if (!job.ok()) {
    return Status::user(Code::invalid_argument, fmt::format("{} has {} error{}", file, job.errors.size(),
                                                            job.errors.size() == 1 ? "" : "s"));
  }
  return job;
}

}  // namespace rideflow
