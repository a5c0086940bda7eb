// AttemptedJob: a job of this process through all its attempts. One thread of its own builds an attempt,
// waits for its end and does what runtime/job_attempts.h decides.
//
// Thread-safe but for start() and the destructor. Whoever holds an execution() keeps that attempt's memory;
// it may be over by then.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/attempt_notes.h"
#include "runtime/job_attempts.h"
#include "runtime/worker_job.h"

namespace rideflow {

class AttemptedJob {
 public:
  // Builds the next attempt, which reads with this care. `first`: the first epoch of the first one that could
  // be built, 0 before that. Called on the job's own thread, one call at a time.
  using Build = std::function<Result<std::unique_ptr<LocalJob>>(Epoch first, const Care& care)>;

  // Builds the first attempt at once and answers why it can't be, as nobody waits for what is new.
  // `notes`: what attempts leave for each other, over processes; null: nothing.
  static Result<std::shared_ptr<AttemptedJob>> start(Env& env, std::string name, const RestartPolicy& policy,
                                                     Build build,
                                                     std::unique_ptr<AttemptNotes> notes = nullptr);
  // Answers before the first attempt is built, which is tried again like any other.
  static std::shared_ptr<AttemptedJob> start_soon(Env& env, std::string name, const RestartPolicy& policy,
                                                  Build build, std::unique_ptr<AttemptNotes> notes = nullptr);
  ~AttemptedJob();  // as stop(); wait()

  // Asks for a last checkpoint and a pause. wait() then returns.
  void stop();
  // Without a last checkpoint: what is behind the newest one is done again by the next start.
  void stop_at_once();
  bool over() const { return over_.load(std::memory_order_acquire); }
  // Waits until there will be no further attempt; why the last one failed. Any number of threads.
  Status wait();

  // Of the newest attempt; null while it is being built.
  std::shared_ptr<JobExecution> execution() const;
  // Of the newest attempt: "running", …; "starting" while the first is being built, "restarting" between
  // two.
  std::string state() const;
  // In words, while the next attempt is yet to come, or when there will be none; empty otherwise.
  std::string error() const;
  // Newest first, by the wall clock.
  std::vector<AttemptRecord> attempts() const;

 private:
  AttemptedJob(Env& env, std::string name, const RestartPolicy& policy, Build build,
               std::unique_ptr<AttemptNotes> notes);
  void take_notes();
  void leave_notes();
  AttemptCommand decide(const AttemptEvent& event);
  Status build_attempt();
  void run();
  void attend();
  void report(const Status& status, const Evidence& evidence = {});
  void settle(const LocalJob& job);
  void rest();
  void finish();
  std::shared_ptr<LocalJob> ask_to_stop();

  Env& env_;
  const std::string name_;
  const Build build_;
  const std::unique_ptr<AttemptNotes> notes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  AttemptsState state_;
  std::shared_ptr<LocalJob> current_;
  Epoch first_;
  std::atomic<bool> over_{false};
  std::atomic<bool> at_once_{false};
  std::thread thread_;
};

}  // namespace rideflow
