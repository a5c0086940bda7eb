// Savepoints: the savepoints that were asked of the jobs of a host.
//
// One of a job that runs is made of a checkpoint that begins after it was asked for: as soon as that is
// durable its files are held by links, since later checkpoints push it out, and once its sinks have published
// it, it is written; so it lists nothing as unpublished, and goes on anywhere. One of a job at rest is made
// of its newest checkpoint. look() moves them on and never waits.
//
// Thread-safe; look() is called by one thread, often. What was asked for is forgotten with the process, and
// what it had written of a savepoint then is none (state/savepoint.h).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "objects/object_store.h"
#include "runtime/job_host.h"
#include "state/data_dir.h"
#include "state/savepoint.h"

namespace rideflow {

struct SavepointView {
  int64_t id = 0;
  std::string job;
  std::string to;  // where it is, or will be; "" until that is known
  enum class State : uint8_t { waiting, writing, complete, failed } state = State::waiting;
  Epoch epoch;
  int64_t bytes = 0;
  std::string error;
  Micros asked_at = 0;
};
std::string_view to_string(SavepointView::State state);

// Where a job's checkpoints are.
struct SavepointSource {
  std::string job;
  std::string checkpoints_dir;
  std::string work_dir;  // a new directory on the checkpoints' file system
};
SavepointSource savepoint_source(Env& env, const DataDir& dir, const std::string& job);

// A checkpoint whose files are linked, so that retention may take it away. The links go with it.
class HeldCheckpoint {
 public:
  // Nothing: the newest that is whole, of a job that nobody runs. Else this one, which another process may be
  // about to remove: not_found (external). Blocks.
  static Result<std::shared_ptr<HeldCheckpoint>> hold(Env& env, const SavepointSource& source,
                                                      std::optional<Epoch> epoch);
  ~HeldCheckpoint();
  HeldCheckpoint(const HeldCheckpoint&) = delete;
  HeldCheckpoint& operator=(const HeldCheckpoint&) = delete;

  Epoch epoch() const { return checkpoint_.epoch; }
  // Its sinks have published all of it.
  void set_published();
  // Answers the bytes. Blocks.
  Result<int64_t> write(ObjectStore& to) const;

 private:
  HeldCheckpoint(Env& env, std::string dir) : env_(env), dir_(std::move(dir)) {}
  Status link_files(const std::string& files_dir);

  Env& env_;
  const std::string dir_;
  Checkpoint checkpoint_;
};

// Where a savepoint of the job goes that is called `to`: a place as it is, a name in `savepoints_dir`, or for
// "" a name of its own. user error for what is no name.
Result<std::string> savepoint_place(Env& env, const std::string& savepoints_dir, const std::string& job,
                                    const std::string& to);

class Savepoints {
 public:
  // `host` outlives it. `may_write`: whether who asks may name a path.
  Savepoints(JobHost* host, std::function<Status(const std::string& path)> may_write)
      : host_(host), may_write_(std::move(may_write)) {}

  // `to`: the path of a directory, or a name for one in the data directory's savepoints/; "": a name of its
  // own. Answers the id. not_found: no such job; permission_denied; unavailable: too many are under way.
  Result<int64_t> ask(const std::string& job, const std::string& to);
  void look();
  // Newest first; those that ended are kept for a while.
  std::vector<SavepointView> of(const std::string& job) const;

 private:
  struct Work;
  struct Request {
    SavepointView view;
    std::weak_ptr<JobExecution> asked;     // whose checkpoint it waits for
    Epoch after;                           // the newest that had begun when it was asked for
    std::shared_ptr<HeldCheckpoint> held;  // waits to be published
    std::shared_ptr<Work> work;            // under way
  };
  Result<std::string> place_of(const std::string& job, const std::string& to) const;
  void wait_for_checkpoint(Request& request);
  void wait_until_published(Request& request);
  void hold(Request& request, std::optional<Epoch> epoch, bool published);
  void write(Request& request);
  void finish(Request& request);

  JobHost* host_;
  const std::function<Status(const std::string&)> may_write_;
  mutable std::mutex mutex_;
  int64_t last_ = 0;
  std::deque<Request> requests_;  // oldest first
};

}  // namespace rideflow
