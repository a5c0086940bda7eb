// Buffer: a reference-counted, 64-byte aligned piece of memory, padded so that 64 bytes past its size are
// readable and zero-safe for vector loads and for simdjson.
//
// Built by one thread, then immutable and shared between any threads. Freed buffers go to a free list of the
// freeing thread by size class, so that a steady stream allocates nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace rideflow {

class BufferRef {
 public:
  static constexpr size_t kPadding = 64;

  BufferRef() = default;
  // `size` readable and writable bytes, content undefined.
  static BufferRef allocate(size_t size);
  static BufferRef allocate_zeroed(size_t size);
  static BufferRef copy_of(std::string_view bytes);

  BufferRef(const BufferRef& o) : rep_(o.rep_) {
    if (rep_) rep_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  BufferRef(BufferRef&& o) noexcept : rep_(std::exchange(o.rep_, nullptr)) {}
  BufferRef& operator=(BufferRef o) noexcept {
    std::swap(rep_, o.rep_);
    return *this;
  }
  ~BufferRef() { release(); }

  explicit operator bool() const { return rep_ != nullptr; }
  const std::byte* data() const { return rep_ ? rep_->bytes() : nullptr; }
  // REQUIRES: the caller builds this buffer and nobody else has seen it yet.
  std::byte* mutable_data() { return rep_->bytes(); }
  size_t size() const { return rep_ ? rep_->size : 0; }
  size_t capacity() const { return rep_ ? rep_->capacity : 0; }
  // Shrinks or grows the size within the capacity.
  void set_size(size_t size) { rep_->size = size; }
  bool unique() const { return rep_ && rep_->refs.load(std::memory_order_acquire) == 1; }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(data());
  }
  template <class T>
  T* as_mutable() {
    return reinterpret_cast<T*>(mutable_data());
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(data()), size()}; }
  friend bool operator==(const BufferRef& a, const BufferRef& b) { return a.rep_ == b.rep_; }

 private:
  struct alignas(64) Rep {
    std::atomic<uint32_t> refs{1};
    uint32_t size_class = 0;
    size_t size = 0;
    size_t capacity = 0;
    std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
  };
  explicit BufferRef(Rep* rep) : rep_(rep) {}
  void release();
  friend struct BufferPool;
  Rep* rep_ = nullptr;
};

}  // namespace rideflow
