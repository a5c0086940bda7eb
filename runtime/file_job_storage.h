// JobStorage in files: every checkpoint is one file that holds positions, handles and all cells.
//
// Right for small state: a checkpoint costs as much as the state is large. The last three are kept; a damaged
// one is passed over with a warning.
#pragma once

#include "runtime/memory_job_storage.h"

namespace rideflow {

class FileJobStorage : public MemoryJobStorage {
 public:
  // `dir`: the job's own checkpoints directory; made when missing.
  static Result<std::shared_ptr<FileJobStorage>> open(Env& env, const std::string& dir);
  Result<std::optional<JobCheckpoint>> load() override;
  Result<int64_t> publish(const JobCheckpoint& checkpoint) override;

 private:
  FileJobStorage(Env& env, std::string dir) : env_(env), dir_(std::move(dir)) {}
  Result<std::vector<std::string>> checkpoints();  // names, oldest first

  Env& env_;
  std::string dir_;
};

}  // namespace rideflow
