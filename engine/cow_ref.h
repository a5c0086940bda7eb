// CowRef<T>: an owning pointer whose copies share the object until one of them edits it.
//
// Accumulators that need memory of their own hold one, so that freezing a table of sketches costs one counter
// per sketch. T is copyable and has a public member `mutable std::atomic<uint32_t> refs{1}` that its copy
// constructor leaves at 1 (RefCount below does). Different CowRefs to one object may be used by different
// threads; one CowRef by one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace rideflow {

struct RefCount {
  mutable std::atomic<uint32_t> refs{1};
  RefCount() = default;
  RefCount(const RefCount&) {}
  RefCount& operator=(const RefCount&) { return *this; }
};

template <class T>
class CowRef {
 public:
  CowRef() = default;
  CowRef(const CowRef& o) : ptr_(o.ptr_) {
    if (ptr_) ptr_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  CowRef(CowRef&& o) noexcept : ptr_(std::exchange(o.ptr_, nullptr)) {}
  CowRef& operator=(CowRef o) noexcept {
    std::swap(ptr_, o.ptr_);
    return *this;
  }
  ~CowRef() { reset(); }

  explicit operator bool() const { return ptr_ != nullptr; }
  const T* operator->() const { return ptr_; }
  const T& operator*() const { return *ptr_; }
  // An object of this reference alone: made when there is none, copied when it is shared.
  T& edit() {
    if (ptr_ == nullptr) {
      ptr_ = new T();
    } else if (ptr_->refs.load(std::memory_order_acquire) != 1) {
      T* copy = new T(*ptr_);
      reset();
      ptr_ = copy;
    }
    return *ptr_;
  }
  bool shares(const CowRef& o) const { return ptr_ == o.ptr_; }
  void reset() {
    if (ptr_ && ptr_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete ptr_;
    ptr_ = nullptr;
  }

 private:
  T* ptr_ = nullptr;
};

}  // namespace rideflow
