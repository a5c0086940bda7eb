// HttpLanes: threads for the requests that may take long, shared so that heavy ones never block light ones.
//
// A request begins in the light lane, as soon as one of its few places is free. One that runs longer than a
// quantum leaves it, at the next point where it asks (QueryTurn::pause), and waits for a place in the heavy
// lane; there those that have used least time go first, and each is put back when its share, which doubles
// from turn to turn, is used up. So the light lane is free again after a quantum, whatever is asked; a
// request of some hundred milliseconds never waits for the end of one of half a minute; and many heavy ones
// end one after the other instead of all being late. A request that waits for the heavy lane keeps its
// thread, asleep: threads are made when they are needed, no more than requests are admitted.
//
// submit(), expire(), stop() on one thread; requests run on others.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "engine/env.h"
#include "rollup/query_control.h"
#include "runtime/http/http_message.h"
#include "runtime/http/http_meter.h"

namespace rideflow {

struct HttpLanesOptions {
  int light = 2;
  int heavy = 2;
  int most = 512;  // requests running or waiting
  int64_t quantum_us = 100'000;
};

class HttpLanes;

// One request on its way through the lanes.
class HttpJob : public QueryTurn {
 public:
  using Handler = std::function<HttpResponse(HttpJob&)>;
  // `done` is called once, on any thread, with the answer in place.
  HttpJob(Handler handler, std::function<void()> done, Micros arrived)
      : handler_(std::move(handler)), done_(std::move(done)), arrived_(arrived) {}

  Micros arrived() const override { return arrived_; }
  Status check() override;
  Status pause(const std::atomic<bool>& cancelled, Micros deadline) override;

  // The client is gone: what runs for it should end.
  void abandon() { gone_.store(true, std::memory_order_relaxed); }
  // After `done`.
  HttpResponse response;

 private:
  friend class HttpLanes;
  Handler handler_;
  std::function<void()> done_;
  const Micros arrived_;
  std::atomic<bool> gone_{false};
  HttpLanes* lanes_ = nullptr;
  // The rest under the lanes' mutex, or of the thread that runs it.
  bool heavy_ = false;
  int turns_ = 0;        // in the heavy lane; its share is quantum << turns
  int64_t used_us_ = 0;  // of the share, before it was put back
  Micros running_since_ = 0;
  uint64_t ticket_ = 0;
  std::condition_variable turn_;
};

class HttpLanes {
 public:
  // `meter` may be null.
  HttpLanes(Env* env, const HttpLanesOptions& options, std::shared_ptr<HttpMeter> meter);
  ~HttpLanes();  // stop()
  // False when there are too many already, and after cancel_all().
  bool submit(std::shared_ptr<HttpJob> job);
  // Answers those that have waited for the light lane since before `since`, and drops those whose clients are
  // gone.
  void expire(Micros since, const HttpResponse& answer);
  // Requests that wait are answered 503; those that run are told to end at their next check().
  void cancel_all();
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  // cancel_all(), and waits for those that run.
  void stop();

 private:
  friend class HttpJob;
  // Orders those that wait for the heavy lane.
  struct Before {
    bool operator()(const HttpJob* a, const HttpJob* b) const {
      return a->turns_ != b->turns_ ? a->turns_ < b->turns_ : a->ticket_ < b->ticket_;
    }
  };
  void work();
  void run(const std::shared_ptr<HttpJob>& job);
  Status next_turn(HttpJob& job, const std::atomic<bool>& cancelled, Micros deadline);
  void leave(HttpJob& job);
  void call_next();
  void spawn_if_needed();
  void count();

  Env* env_;
  const HttpLanesOptions options_;
  std::shared_ptr<HttpMeter> meter_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::shared_ptr<HttpJob>> queue_;
  std::set<HttpJob*, Before> paused_;
  std::vector<std::thread> threads_;
  int idle_ = 0;
  int light_ = 0;
  int heavy_ = 0;
  uint64_t tickets_ = 0;
  bool stopping_ = false;
  std::atomic<bool> cancelled_{false};
};

}  // namespace rideflow
