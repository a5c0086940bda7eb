#include "runtime/worker_attempts.h"

#include <chrono>

namespace rideflow {
namespace {
// How often it is asked whether the disk has done what a dead attempt gave it.
constexpr std::chrono::milliseconds kSettleLook{10};
}  // namespace

AttemptedJob::AttemptedJob(Env& env, std::string name, const RestartPolicy& policy, Build build,
                           std::unique_ptr<AttemptNotes> notes)
    : env_(env), name_(std::move(name)), build_(std::move(build)), notes_(std::move(notes)) {
  state_.policy = policy;
}

Result<std::shared_ptr<AttemptedJob>> AttemptedJob::start(Env& env, std::string name,
                                                          const RestartPolicy& policy, Build build,
                                                          std::unique_ptr<AttemptNotes> notes) {
  std::shared_ptr<AttemptedJob> job(
      new AttemptedJob(env, std::move(name), policy, std::move(build), std::move(notes)));
  job->take_notes();
  if (job->decide(FirstAttempt{env.monotonic()}) != AttemptCommand::begin) return *job->state_.failure;
  RF_TRY(job->build_attempt());
  job->thread_ = std::thread([raw = job.get()] {
    raw->attend();
    raw->run();
  });
  return job;
}

std::shared_ptr<AttemptedJob> AttemptedJob::start_soon(Env& env, std::string name,
                                                       const RestartPolicy& policy, Build build,
                                                       std::unique_ptr<AttemptNotes> notes) {
  std::shared_ptr<AttemptedJob> job(
      new AttemptedJob(env, std::move(name), policy, std::move(build), std::move(notes)));
  job->take_notes();
  if (job->state_.phase != AttemptsPhase::over) job->state_.phase = AttemptsPhase::pausing;  // of no length
  job->thread_ = std::thread([raw = job.get()] { raw->run(); });
  return job;
}

AttemptedJob::~AttemptedJob() {
  stop();
  if (thread_.joinable()) thread_.join();
}

AttemptCommand AttemptedJob::decide(const AttemptEvent& event) {
  const std::lock_guard lock(mutex_);
  AttemptDecision decision = apply(std::move(state_), event);
  state_ = std::move(decision.state);
  return decision.command;
}

// What was left by those before: how to read, and whether the process died in this job.
void AttemptedJob::take_notes() {
  if (!notes_) return;
  Result<Care> care = notes_->load();
  if (care.ok()) state_.care = *std::move(care);
  const Result<std::optional<Evidence>> crash = notes_->take_crash();
  for (const Status& status : {care.status(), crash.status()}) {
    if (!status.ok()) env_.warn("attempt_notes_lost", {{"job", name_}, {"why", status.to_string()}});
  }
  if (!crash.ok() || !*crash) return;
  decide(CrashFound{env_.monotonic(), **crash});
  env_.warn("job_crash_found", {{"job", name_}, {"why", state_.history.front().cause.to_string()}});
  leave_notes();
}

void AttemptedJob::leave_notes() {
  Care care;
  {
    const std::lock_guard lock(mutex_);
    care = state_.care;
  }
  if (notes_) notes_->save(care);
}

// One attempt after the other, until there is to be none.
void AttemptedJob::run() {
  while (true) {
    rest();
    if (decide(PauseLooked{env_.monotonic()}) != AttemptCommand::begin) break;
    {
      // What it held is given back before the next one takes the same.
      std::shared_ptr<LocalJob> last;
      const std::lock_guard lock(mutex_);
      last.swap(current_);
    }
    const Status built = build_attempt();
    if (built.ok()) {
      attend();
    } else {
      report(built);
    }
  }
  finish();
}

Status AttemptedJob::build_attempt() {
  Care care;
  {
    const std::lock_guard lock(mutex_);
    care = state_.care;
  }
  RF_ASSIGN(std::shared_ptr<LocalJob> job, build_(first_, care));
  if (first_.value == 0) first_ = job->execution().first_epoch();
  bool again = false;
  bool stop = false;
  {
    const std::lock_guard lock(mutex_);
    current_ = job;
    const std::string& lineage = job->execution().lineage();
    if (!state_.care.lineage.empty() && state_.care.lineage != lineage) state_.care = Care();
    state_.care.lineage = lineage;
    again = state_.number > 1;
    stop = state_.stop_requested;
  }
  for (const std::string& note : job->execution().notes()) {
    env_.info("job_started", {{"job", name_}, {"note", note}});
  }
  if (again) env_.warn("job_started_again", {{"job", name_}});
  if (stop) job->execution().request_stop(at_once_.load());
  return {};
}

// Waits for the end of the attempt.
void AttemptedJob::attend() {
  std::shared_ptr<LocalJob> job;
  {
    const std::lock_guard lock(mutex_);
    job = current_;
  }
  const Status status = job->wait();
  settle(*job);
  // One that stopped without a last checkpoint says why, and is no failure.
  if (job->execution().phase() == JobPhase::failed) return report(status, job->execution().evidence());
  decide(AttemptEnded{env_.monotonic()});
  leave_notes();
}

void AttemptedJob::report(const Status& status, const Evidence& evidence) {
  const Micros now = env_.monotonic();
  decide(AttemptFailed{now, status, env_.random(), evidence});
  leave_notes();
  std::string text;
  bool again = false;
  {
    const std::lock_guard lock(mutex_);
    again = state_.phase == AttemptsPhase::pausing;
    text = again ? pause_text(state_, now) : state_.failure->to_string();
  }
  // The end is told aloud by whoever waits for it.
  const LogField why{"why", text};
  env_.log(again ? LogLevel::warn : LogLevel::info, "job_failed", {&why, 1});
}

// A checkpoint that a dead attempt still writes must not become the newest when the next attempt has gone on
// from the one before.
void AttemptedJob::settle(const LocalJob& job) {
  std::unique_lock lock(mutex_);
  while (job.execution().writing()) changed_.wait_for(lock, kSettleLook);
}

// The pause between two attempts.
void AttemptedJob::rest() {
  std::unique_lock lock(mutex_);
  while (state_.phase == AttemptsPhase::pausing) {
    const int64_t left = state_.next_at - env_.monotonic();
    if (left <= 0) return;
    changed_.wait_for(lock, std::chrono::microseconds(left));
  }
}

void AttemptedJob::finish() {
  if (notes_) notes_->end();
  const std::lock_guard lock(mutex_);
  over_.store(true, std::memory_order_release);
  changed_.notify_all();
}

void AttemptedJob::stop() {
  if (const auto job = ask_to_stop()) job->stop();
}

void AttemptedJob::stop_at_once() {
  at_once_.store(true);
  if (const auto job = ask_to_stop()) job->execution().request_stop(true);
}

// The attempt that goes on, if any.
std::shared_ptr<LocalJob> AttemptedJob::ask_to_stop() {
  decide(JobStopAsked{});
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
  return state_.phase == AttemptsPhase::running ? current_ : nullptr;
}

Status AttemptedJob::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return over(); });
  if (state_.failure) return *state_.failure;
  return current_ ? current_->execution().result() : Status();
}

std::shared_ptr<JobExecution> AttemptedJob::execution() const {
  const std::lock_guard lock(mutex_);
  if (!current_) return nullptr;
  return {current_, &current_->execution()};
}

std::string AttemptedJob::state() const {
  const std::lock_guard lock(mutex_);
  if (state_.phase == AttemptsPhase::over && state_.failure) return "failed";
  if (state_.phase == AttemptsPhase::pausing && state_.number > 0) return "restarting";
  if (!current_) return state_.number > 1 ? "restarting" : "starting";
  const JobPhase phase = current_->execution().phase();
  // Its end is being looked at.
  if (phase == JobPhase::failed && !over()) return "restarting";
  return std::string(to_string(phase));
}

std::string AttemptedJob::error() const {
  const std::lock_guard lock(mutex_);
  if (!state_.failure || state_.phase == AttemptsPhase::running) return {};
  if (state_.phase == AttemptsPhase::over) return state_.failure->to_string();
  return pause_text(state_, env_.monotonic());
}

std::vector<AttemptRecord> AttemptedJob::attempts() const {
  const Micros shift = env_.now() - env_.monotonic();
  std::vector<AttemptRecord> all;
  {
    const std::lock_guard lock(mutex_);
    all = state_.history;
  }
  for (AttemptRecord& record : all) {
    record.started_at += shift;
    if (record.ended_at != 0) record.ended_at += shift;
  }
  return all;
}

}  // namespace rideflow
