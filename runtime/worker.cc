#include "runtime/worker.h"

#include <algorithm>

#include "engine/job_graph.h"
#include "runtime/posix_crash.h"

namespace rideflow {
namespace {
// Some ten microseconds: about what it takes to be woken. Who hands work back and forth does not sleep
// between.
constexpr int kSpins = 300;
}  // namespace

Worker::Worker(Env& env, std::vector<Task*> tasks, std::shared_ptr<JobNote> note)
    : env_(env), tasks_(std::move(tasks)), note_(std::move(note)) {
  for (Task* task : tasks_) task->run_by(sleeper_);
}

Worker::~Worker() {
  stop();
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::stop() {
  stop_.store(true);
  sleeper_->wake();
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  this_thread_runs(note_.get());
  int idle_rounds = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    const Micros now = env_.monotonic();
    if (step_due(now)) {
      idle_rounds = 0;
    } else if (++idle_rounds > kSpins) {
      sleeper_->sleep(next_run() - now);
      idle_rounds = kSpins;  // who was woken for nothing sleeps on
    }
  }
}

bool Worker::step_due(Micros now) {
  bool worked = false;
  for (Task* task : tasks_) {
    if (task->due(now)) worked = task->step() == StepResult::worked || worked;
  }
  return worked;
}

Micros Worker::next_run() const {
  Micros next = kEndOfTime;
  for (const Task* task : tasks_) next = std::min(next, task->next_run());
  return next;
}

std::vector<std::unique_ptr<Worker>> make_workers(Env& env, const JobGraph& graph, int threads,
                                                  const std::shared_ptr<JobNote>& note) {
  std::vector<std::vector<Task*>> shares(static_cast<size_t>(threads));
  for (size_t i = 0; i < graph.tasks().size(); ++i) {
    const int shard = graph.counters()[i]->shard.value;
    shares[static_cast<size_t>(shard % threads)].push_back(graph.tasks()[i].get());
  }
  std::vector<std::unique_ptr<Worker>> workers;
  for (auto& share : shares) workers.push_back(std::make_unique<Worker>(env, std::move(share), note));
  return workers;
}

}  // namespace rideflow
