// Channel: a bounded queue of Elements between one producing and one consuming task.
//
// Bounded in bytes of batches; signals always fit, so that a barrier never waits behind a full queue's limit
// check. push() on a full channel still succeeds: a task asks has_room() before it steps, and one step emits
// a bounded amount. Nobody waits: full and empty mean "not now". What is pushed wakes the consumer; the
// producer is woken when a channel has become half empty, not at every element that is taken. The tasks
// cannot tell a local channel from a remote one. Thread-safety: one producer thread, one consumer thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

#include "engine/element.h"
#include "engine/waker.h"

namespace rideflow {

class Channel {
 public:
  explicit Channel(size_t capacity_bytes) : capacity_(capacity_bytes) {}
  // Set before either task runs. Null: nobody sleeps.
  void set_consumer(WakerRef consumer) { consumer_ = std::move(consumer); }
  void set_producer(WakerRef producer) { producer_ = std::move(producer); }

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
  WakerRef consumer_;
  WakerRef producer_;
};

}  // namespace rideflow
