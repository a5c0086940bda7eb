// What jobs of this process may reach: files beneath roots, addresses of an allow-list. Asked when a job is
// loaded, for a sentence with the place in the job, and enforced where connectors open things, whatever led
// there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/job.h"
#include "engine/catalog.h"
#include "engine/job_access.h"
#include "engine/plan.h"
#include "runtime/cli/cli_args.h"

namespace rideflow {

struct JobAccessOptions {
  std::vector<std::string> file_roots = {"."};  // directories beneath which jobs may name files
  std::vector<std::string> addresses;  // rules of net_outgoing.h; empty: everywhere but link-local ones
  // Names of the process's environment that variables and secrets of jobs may read; nothing: all.
  std::optional<std::vector<std::string>> environment = {};
};

class JobAccess {
 public:
  // `data_dir`: "" when there is none; jobs may not name what is in its folders.
  static Result<std::shared_ptr<const JobAccess>> make(const JobAccessOptions& options,
                                                       const std::string& data_dir);
  // Without bounds, on the disk of `fs`, which must outlive it: for tests of whole jobs on a disk of their
  // own.
  static Result<std::shared_ptr<const JobAccess>> unconfined(FileSystem& fs);

  // Secrets, files and addresses, for the connectors.
  void add_to(Resources& resources) const;
  // A variable of the process's environment, if jobs may read it.
  std::optional<std::string> variable(const std::string& name) const;
  // Makes a place for who asks from outside to have things written: a directory beneath the roots, or nothing
  // where it is a bucket of the server that this process knows, if jobs may connect to it. permission_denied.
  Status make_place(const std::string& place) const;
  // Adds what the job names and may not reach to its errors, each with its place. REQUIRES: job.ok().
  void refuse(LoadedJob& job, const Catalog& catalog) const;

 private:
  std::shared_ptr<FileSystem> files_;
  Status check_variable(const std::string& name) const;

  std::function<Status(const std::string&)> check_file_;
  std::optional<std::vector<std::string>> environment_;
  std::shared_ptr<OutgoingAddresses> addresses_;
};

// --file-root and --allow-address. Without --file-root: the working directory and those of the job files.
std::vector<FlagSpec> access_flags();
JobAccessOptions access_options(const ParsedArgs& args, const std::vector<std::string>& job_files);
// Of jobs that come from elsewhere: nothing but what --file-root, --allow-env and --allow-address say.
JobAccessOptions served_access_options(const ParsedArgs& args);

}  // namespace rideflow
