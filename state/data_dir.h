// The data directory: one process owns it, and its layout has a version.
//
// FORMAT holds "rideflow-data 1"; a newer one is refused by name before anything else is touched. LOCK is
// locked for as long as the process lives and holds its pid and address, so that other commands find its HTTP
// port. The lock dies with its process; a LOCK file that nobody holds means nothing.
//
// Thread-safety: set_address() from one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/env.h"

namespace rideflow {

struct DataDirOwner {
  int64_t pid = 0;
  std::string address;  // "127.0.0.1:8082"; empty as long as it does not listen
};

class DataDir {
 public:
  // Makes the directory and takes it. failed_precondition (user): another process has it (the message names
  // its pid and address), or it has a newer format.
  static Result<std::unique_ptr<DataDir>> open(Env& env, const std::string& path, int64_t pid);
  // Who has it now; nothing when nobody does.
  static Result<std::optional<DataDirOwner>> owner(Env& env, const std::string& path);

  Status set_address(const std::string& address);
  const std::string& path() const { return path_; }
  std::string topics() const { return join_path(path_, "topics"); }
  std::string rollups() const { return join_path(path_, "rollups"); }
  std::string jobs() const { return join_path(path_, "jobs"); }
  std::string savepoints() const { return join_path(path_, "savepoints"); }
  // Links to what savepoints are being made of; of no use to a later process.
  std::string savepoint_work() const { return join_path(path_, "savepoints/.work"); }
  std::string checkpoints(const std::string& job) const;
  std::string state(const std::string& job) const;

 private:
  DataDir(std::string path, int64_t pid) : path_(std::move(path)), pid_(pid) {}
  std::string path_;
  int64_t pid_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace rideflow
