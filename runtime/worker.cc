#include "runtime/worker.h"

#include <chrono>

#include "engine/job_graph.h"

namespace rideflow {
namespace {
constexpr int kSpins = 200;
// Sources have no way to wake a worker: this bounds how stale a quiet source's next row can get.
constexpr std::chrono::microseconds kParkTime{1000};
}  // namespace

Worker::Worker(std::vector<Task*> tasks) : tasks_(std::move(tasks)) {
  for (Task* task : tasks_) task->waker = this;
}

Worker::~Worker() {
  stop();
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::stop() {
  stop_.store(true);
  wake();
  if (thread_.joinable()) thread_.join();
}

void Worker::wake() {
  if (!parked_.load(std::memory_order_seq_cst)) return;
  const std::lock_guard lock(mutex_);
  woken_ = true;
  wake_.notify_one();
}

void Worker::run() {
  int idle_rounds = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    bool worked = false;
    for (Task* task : tasks_) worked = task->step() == StepResult::worked || worked;
    if (worked) {
      idle_rounds = 0;
    } else if (++idle_rounds > kSpins) {
      park();
      idle_rounds = kSpins / 2;
    }
  }
}

void Worker::park() {
  parked_.store(true, std::memory_order_seq_cst);
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, kParkTime, [this] { return woken_ || stop_.load(); });
  woken_ = false;
  parked_.store(false, std::memory_order_seq_cst);
}

std::vector<std::unique_ptr<Worker>> make_workers(const JobGraph& graph, int threads) {
  std::vector<std::vector<Task*>> shares(static_cast<size_t>(threads));
  for (size_t i = 0; i < graph.tasks().size(); ++i) {
    const int shard = graph.counters()[i]->shard.value;
    shares[static_cast<size_t>(shard % threads)].push_back(graph.tasks()[i].get());
  }
  std::vector<std::unique_ptr<Worker>> workers;
  for (auto& share : shares) workers.push_back(std::make_unique<Worker>(std::move(share)));
  for (const auto& task : graph.tasks()) task->connect_wakers();
  return workers;
}

}  // namespace rideflow
