// JobExecution: one attempt of one job in this process. It builds the tasks, restores them, and carries out
// what the coordinator (runtime/coordinator.h) decides.
//
// It has no thread of its own. Workers step its tasks, each task by one thread at a time; pump() handles what
// the tasks reported and is called by one thread: when it was woken, and at next_pump(). A test or a
// simulation does both from one loop. Thread-safe: request_stop(), phase(), status(), tap(), and the
// TaskEvents it receives.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/job_graph.h"
#include "runtime/careful_reading.h"
#include "runtime/coordinator.h"
#include "runtime/job_storage.h"
#include "runtime/restore_plan.h"

namespace rideflow {

struct ExecutionOptions {
  Env* env = nullptr;
  const Resources* resources = nullptr;
  std::shared_ptr<JobStorage> storage;
  std::string data_dir;
  int32_t parallelism = 1;
  int32_t batch_rows = 2048;
  int64_t checkpoint_interval = 10 * kMicrosPerSecond;
  int64_t checkpoint_timeout = 600 * kMicrosPerSecond;  // of each of its steps
  bool job_test = false;
  DropPolicy drop_state;
  Epoch drop_before;  // what `drop_state` names is dropped of older checkpoints only; 0: of any
  // Told the first epoch of the attempt before any is used; an error ends the attempt. May be empty.
  std::function<Status(Epoch first)> begun = {};
  // What is done about records at which attempts before this one failed.
  Care care = {};
  // Called once by the thread that pumps, when everything was read again with care. May be empty.
  std::function<void()> read_again = {};
  // Where source tasks note what they give, so that it outlives the process; empty: in memory.
  std::function<std::shared_ptr<JobNote>(size_t sources)> note = {};
};

class JobExecution : private TaskEvents {
 public:
  // Builds the graph and restores the newest checkpoint.
  static Result<std::unique_ptr<JobExecution>> start(std::shared_ptr<const LogicalPlan> plan,
                                                     const ExecutionOptions& options);
  ~JobExecution() override;

  const JobGraph& graph() const { return *graph_; }
  JobGraph& graph() { return *graph_; }
  const std::vector<std::unique_ptr<Task>>& tasks() const { return graph_->tasks(); }

  // Handles reports and time. Returns true when something happened.
  bool pump();
  // Monotonic: when pump() has something to do although nothing is reported. By the thread that pumps.
  Micros next_pump() const;
  // Who is told when there is something to pump. Before the tasks are stepped.
  void set_waker(WakerRef waker) { waker_ = std::move(waker); }
  void request_stop(bool at_once = false);  // without a last checkpoint
  // Job tests: a checkpoint now.
  void request_checkpoint();

  JobPhase phase() const { return phase_.load(std::memory_order_acquire); }
  bool over() const;
  // REQUIRES: over(). Why it failed; ok otherwise.
  Status result() const;

  // A copy of the coordinator's state, for the console. Any thread.
  CoordinatorState status() const;
  // What operators wait for outside of this process, and since when. Any thread.
  struct Waiting {
    std::string step, what;
    Micros since = kNoTime;
    bool holds_checkpoints = false;  // else the operator waits, and they go on
  };
  std::vector<Waiting> waiting() const;
  // REQUIRES: over(), and nobody steps tasks. What may be to blame, if it failed.
  Evidence evidence() const { return note_->evidence(); }
  const std::shared_ptr<JobNote>& note() const { return note_; }
  Epoch first_epoch() const { return first_epoch_; }  // that this attempt may use
  // Whether a checkpoint is still being written. REQUIRES: over(), and nobody calls pump().
  bool writing() const;
  const std::string& lineage() const { return lineage_; }
  Micros started_at() const { return started_at_; }
  // What was restored or dropped, in sentences.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  JobExecution(std::shared_ptr<const LogicalPlan> plan, const ExecutionOptions& options);

  Status build();
  Status restore(const Checkpoint* checkpoint);
  void note_sources();
  void read_with_care();

  void on_snapshot(TaskSnapshot snapshot) override;
  void on_ended(TaskId task) override;
  void on_failed(TaskId task, Status status) override;

  Micros steady() const;  // the coordinator's time
  void post(JobEvent event);
  void decide(const JobEvent& event);
  void carry_out(const JobCommand& command);
  void publish(const PublishCheckpoint& command);
  struct SinkCommit {
    Task* task;
    PreparedEpoch prepared;
  };
  std::vector<SinkCommit> commits_of(const CommitSinks& command, Lane lane) const;
  void commit(const CommitSinks& command);
  std::string waits_for();

  struct Background {
    std::shared_ptr<Completion> completion;
    JobEvent on_success;
    std::shared_ptr<int64_t> bytes;  // of a publish
  };
  void add(Background work);

  std::shared_ptr<const LogicalPlan> plan_;
  ExecutionOptions options_;
  std::string lineage_;
  Epoch first_epoch_;
  Micros started_at_ = 0;
  std::vector<std::string> notes_;
  std::map<std::string, std::string> types_;  // of the nodes' state, for checkpoints
  std::shared_ptr<JobNote> note_;
  std::shared_ptr<JobGraph> graph_;
  std::unique_ptr<CarefulReading> careful_;  // null: as usual
  mutable std::mutex state_mutex_;
  CoordinatorState state_;
  std::atomic<JobPhase> phase_{JobPhase::starting};
  std::mutex events_mutex_;
  std::vector<JobEvent> events_;
  std::vector<Background> background_;
  WakerRef waker_;        // null: somebody pumps anyway
  Micros next_look_ = 0;  // by the monotonic clock: whether something is waited for
};

}  // namespace rideflow
