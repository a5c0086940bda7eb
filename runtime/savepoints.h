// Savepoints: the savepoints that were asked of the jobs of a host.
//
// One of a job that runs is made of a checkpoint that begins after it was asked for, once its sinks have
// published it: so it lists nothing as unpublished, and goes on anywhere. One of a job at rest is made of its
// newest checkpoint. look() moves them on and never waits; the copying is background work over links to the
// checkpoint's files, so that retention may take the checkpoint away meanwhile.
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
  struct Written {
    Epoch epoch;
    int64_t bytes = 0;
  };
  struct Request {
    SavepointView view;
    std::weak_ptr<JobExecution> asked;  // whose checkpoint it waits for
    Epoch after;                        // the newest that had begun when it was asked for
    std::shared_ptr<Written> written;
    std::shared_ptr<Completion> work;
  };
  void wait_for_checkpoint(Request& request);
  Result<std::string> place_of(const std::string& job, const std::string& to) const;
  void write(Request& request, std::optional<Epoch> published);
  void finish(Request& request);

  JobHost* host_;
  const std::function<Status(const std::string&)> may_write_;
  mutable std::mutex mutex_;
  int64_t last_ = 0;
  std::deque<Request> requests_;  // oldest first
};

// The newest checkpoint of a job that nobody runs, as a savepoint. `published`: the sinks have published all
// up to this epoch. not_found (user): it has no checkpoint. Blocks.
struct SavepointSource {
  std::string job;
  std::string checkpoints_dir;
  std::string work_dir;  // a new directory on the checkpoints' file system; it is gone afterwards
  std::optional<Epoch> published;
};
Result<Checkpoint> take_savepoint(Env& env, const SavepointSource& source, ObjectStore& to, int64_t* bytes);

}  // namespace rideflow
