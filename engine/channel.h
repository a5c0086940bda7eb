// Channel: a bounded queue of Elements between one producing and one consuming task.
//
// Bounded in bytes of batches; signals always fit, so that a barrier never waits behind a full queue's limit
// check. push() on a full channel still succeeds: a task asks has_room() before it steps, and one step emits
// a bounded amount. Nobody waits: full and empty mean "not now". The tasks cannot tell a local channel from a
// remote one. Thread-safety: one producer thread, one consumer thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

#include "engine/element.h"

namespace rideflow {

// Told that a parked worker has something to do. wake() may be called from any thread, often.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake() = 0;
};

class Channel {
 public:
  explicit Channel(size_t capacity_bytes) : capacity_(capacity_bytes) {}
  // Set before either task runs. Null: nobody is parked. (A producer that found the channel full looks again
  // by itself.)
  void set_consumer(Waker* consumer) { consumer_ = consumer; }

  bool has_room() const { return bytes_.load(std::memory_order_relaxed) < capacity_; }
  bool empty() const { return count_.load(std::memory_order_acquire) == 0; }
  void push(Element element);
  std::optional<Element> pop();

 private:
  const size_t capacity_;
  std::atomic<size_t> bytes_{0};
  std::atomic<size_t> count_{0};
  std::mutex mutex_;
  std::deque<std::pair<Element, size_t>> queue_;
  Waker* consumer_ = nullptr;
};

}  // namespace rideflow
