#include "engine/buffer.h"

#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <vector>

#include "engine/status.h"

namespace rideflow {

// Free lists per thread and power-of-two size class, bounded in bytes so that a burst is given back.
struct BufferPool {
  static constexpr uint32_t kClasses = 48;
  static constexpr size_t kMinCapacity = 256;
  static constexpr size_t kMaxIdleBytes = size_t{16} << 20;

  std::array<std::vector<BufferRef::Rep*>, kClasses> idle;
  size_t idle_bytes = 0;

  ~BufferPool() {
    for (auto& list : idle) {
      for (BufferRef::Rep* rep : list) destroy(rep);
    }
    alive() = false;
  }

  static bool& alive() {
    thread_local bool flag = true;
    return flag;
  }

  static BufferPool& local() {
    thread_local BufferPool pool;
    return pool;
  }

  static void destroy(BufferRef::Rep* rep) {
    rep->~Rep();
    ::operator delete (rep, std::align_val_t{64});
  }

  BufferRef::Rep* take(size_t size) {
    const size_t capacity = std::bit_ceil(size < kMinCapacity ? kMinCapacity : size);
    const auto size_class = static_cast<uint32_t>(std::countr_zero(capacity));
    auto& list = idle[size_class];
    BufferRef::Rep* rep = nullptr;
    if (!list.empty()) {
      rep = list.back();
      list.pop_back();
      idle_bytes -= capacity;
      rep->refs.store(1, std::memory_order_relaxed);
    } else {
      void* memory =
          ::operator new (sizeof(BufferRef::Rep) + capacity + BufferRef::kPadding, std::align_val_t{64});
      rep = new (memory) BufferRef::Rep();
      rep->capacity = capacity;
      rep->size_class = size_class;
      std::memset(rep->bytes() + capacity, 0, BufferRef::kPadding);
    }
    rep->size = size;
    return rep;
  }

  void give(BufferRef::Rep* rep) {
    if (idle_bytes + rep->capacity > kMaxIdleBytes) {
      destroy(rep);
      return;
    }
    idle_bytes += rep->capacity;
    idle[rep->size_class].push_back(rep);
  }
};

BufferRef BufferRef::allocate(size_t size) {
  return BufferRef(BufferPool::local().take(size));
}

BufferRef BufferRef::allocate_zeroed(size_t size) {
  BufferRef buffer = allocate(size);
  std::memset(buffer.mutable_data(), 0, size);
  return buffer;
}

BufferRef BufferRef::copy_of(std::string_view bytes) {
  BufferRef buffer = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.mutable_data(), bytes.data(), bytes.size());
  return buffer;
}

void BufferRef::release() {
  if (!rep_ || rep_->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (BufferPool::alive()) {
    BufferPool::local().give(rep_);
  } else {
    BufferPool::destroy(rep_);
  }
}

}  // namespace rideflow
