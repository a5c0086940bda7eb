#include "engine/channel.h"

namespace rideflow {

void Channel::push(Element element) {
  const size_t size = element_bytes(element);
  {
    const std::lock_guard lock(mutex_);
    queue_.emplace_back(std::move(element), size);
    bytes_.fetch_add(size, std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_release);
  }
  if (consumer_) consumer_->wake();
}

std::optional<Element> Channel::pop() {
  if (empty()) return std::nullopt;
  std::optional<Element> element;
  const size_t low = (capacity_ + 1) / 2;
  bool now_low = false;
  {
    const std::lock_guard lock(mutex_);
    element = std::move(queue_.front().first);
    const size_t size = queue_.front().second;
    queue_.pop_front();
    const size_t before = bytes_.fetch_sub(size, std::memory_order_relaxed);
    count_.fetch_sub(1, std::memory_order_relaxed);
    now_low = before >= low && before - size < low;
  }
  if (now_low && producer_) producer_->wake();
  return element;
}

}  // namespace rideflow
