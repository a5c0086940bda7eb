#include "engine/keyed_table.h"

#include <algorithm>
#include <bit>
#include <new>

namespace rideflow {

namespace {

constexpr size_t kPageHeader = 64;
constexpr size_t kPageBytes = 8192;  // at most, unless an entry is that large
constexpr size_t kArenaBlock = 64 * 1024;
constexpr size_t kLeastArenaBlock = 1024;   // many tables hold a few keys
constexpr size_t kCacheBytes = 512 * 1024;  // tables above this are prefetched: about half of an L2 cache
constexpr size_t kMostPooledPages = 1 << 16;
constexpr int32_t kIndexAhead = 16;
constexpr int32_t kEntryAhead = 8;
constexpr std::align_val_t kAlign{64};

struct EntryHeader {
  Key key;
  uint32_t hash;
  uint32_t generation;
};
static_assert(sizeof(EntryHeader) == 24);

EntryHeader& header(std::byte* entry) {
  return *reinterpret_cast<EntryHeader*>(entry);
}
const EntryHeader& header(const std::byte* entry) {
  return *reinterpret_cast<const EntryHeader*>(entry);
}

uint32_t short_hash(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 32);  // the low bits chose the key group
}

void destroy_rows(TablePage* page, const RowLayout& layout, size_t stride) {
  if (layout.trivial()) return;
  for (uint32_t i = 0; i < page->used; ++i)
    layout.destroy(page->entries() + i * stride + sizeof(EntryHeader));
}

}  // namespace

// ---- Pages
// ------------------------------------------------------------------------------------------------------

PagePool::PagePool(std::shared_ptr<const RowLayout> layout) : layout_(std::move(layout)) {
  stride_ = sizeof(EntryHeader) + static_cast<size_t>(layout_->size());
  const size_t fit = std::max<size_t>((kPageBytes - kPageHeader) / stride_, 4);
  shift_ = static_cast<int>(std::bit_width(fit)) - 1;
}

PagePool::~PagePool() {
  for (void* page : free_) ::operator delete(page, kAlign);
}

FrozenTable::~FrozenTable() {
  for (TablePage* page : pages_) {
    if (page->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
    destroy_rows(page, *layout_, stride_);
    ::operator delete(page, kAlign);
  }
}

void FrozenTable::each(bool changed_only,
                       const std::function<void(std::string_view key, const std::byte* row)>& visit) const {
  int64_t left = size_;
  for (const TablePage* page : pages_) {
    const std::byte* at = page->entries();
    for (uint32_t i = 0; i < page->used && left > 0; ++i, --left, at += stride_) {
      const EntryHeader& entry = header(at);
      if (!changed_only || entry.generation == generation_) visit(entry.key.view(), at + sizeof(EntryHeader));
    }
  }
}

TablePage* KeyedTable::new_page() {
  void* memory = nullptr;
  if (pool_->free_.empty()) {
    memory = ::operator new(kPageHeader + (stride_ << shift_), kAlign);
  } else {
    memory = pool_->free_.back();
    pool_->free_.pop_back();
  }
  return new (memory) TablePage();
}

void KeyedTable::release(TablePage* page) {
  if (page->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  destroy_rows(page, layout(), stride_);
  if (pool_->free_.size() < kMostPooledPages) {
    pool_->free_.push_back(page);
  } else {
    ::operator delete(page, kAlign);
  }
}

void KeyedTable::thaw(size_t number) {
  frozen_[number] = 0;
  --frozen_pages_;
  TablePage* old = pages_[number];
  if (old->refs.load(std::memory_order_acquire) == 1) return;  // the frozen copy is gone
  TablePage* page = new_page();
  page->used = old->used;
  if (layout().trivial()) {
    std::memcpy(page->entries(), old->entries(), old->used * stride_);
  } else {
    for (uint32_t i = 0; i < old->used; ++i) {
      const std::byte* from = old->entries() + i * stride_;
      std::byte* to = page->entries() + i * stride_;
      std::memcpy(to, from, sizeof(EntryHeader));
      layout().clone(to + sizeof(EntryHeader), from + sizeof(EntryHeader));
    }
  }
  pages_[number] = page;
  release(old);
}

// ---- The table
// --------------------------------------------------------------------------------------------------

KeyedTable::KeyedTable(std::shared_ptr<PagePool> pool)
    : pool_(std::move(pool)),
      stride_(pool_->stride_),
      shift_(pool_->shift_),
      page_mask_((size_t{1} << pool_->shift_) - 1) {}

KeyedTable::~KeyedTable() {
  for (TablePage* page : pages_) release(page);
}

Key KeyedTable::own(const Key& key) {
  if (key.is_inline()) return key;
  if (arena_size_ - arena_used_ < key.length) {
    arena_size_ = std::max<size_t>(std::clamp(arena_bytes_, kLeastArenaBlock, kArenaBlock), key.length);
    arena_used_ = 0;
    arena_.push_back(std::shared_ptr<char[]>(new char[arena_size_]));
    arena_bytes_ += arena_size_;
  }
  char* to = arena_.back().get() + arena_used_;
  arena_used_ += key.length;
  std::memcpy(to, key.data, key.length);
  return Key::of({to, key.length});
}

std::byte* KeyedTable::writable(int64_t i) {
  const size_t page = static_cast<size_t>(i) >> shift_;
  if (frozen_pages_ > 0 && frozen_[page] != 0) [[unlikely]]
    thaw(page);
  return pages_[page]->entries() + (static_cast<size_t>(i) & page_mask_) * stride_;
}

std::byte* KeyedTable::add(uint32_t hash, const Key& key) {
  const int64_t number = size_++;
  RF_CHECK(size_ < int64_t{UINT32_MAX});
  index_.insert(hash, static_cast<uint32_t>(size_));
  if ((static_cast<size_t>(number) & page_mask_) == 0) {
    pages_.push_back(new_page());
    frozen_.push_back(0);
  }
  std::byte* at = writable(number);
  ++pages_.back()->used;
  header(at) = {own(key), hash, generation_};
  layout().init(at + kHeader);
  return at;
}

std::byte* KeyedTable::find_or_add(uint64_t hash, const Key& key) {
  const uint32_t h = short_hash(hash);
  const KeyIndex::Place place = index_.place_of(h);
  for (uint32_t at = h & place.mask;; at = (at + 1) & place.mask) {
    const KeyIndex::Slot slot = place.slots[at];
    if (slot.number == 0) return add(h, key);
    if (slot.hash == h && header(entry(slot.number - 1)).key == key) {
      std::byte* found = writable(slot.number - 1);
      header(found).generation = generation_;
      return found;
    }
  }
}

template <bool kPrefetch>
void KeyedTable::lookup(const uint64_t* hashes, const Key* keys, const int32_t* selection, int32_t n,
                        std::byte** rows) {
  const auto number = [selection](int32_t i) { return selection ? selection[i] : i; };
  for (int32_t i = 0; i < n; ++i) {
    if constexpr (kPrefetch) {
      if (i + kIndexAhead < n) index_.prefetch(short_hash(hashes[number(i + kIndexAhead)]));
      if (i + kEntryAhead < n) {
        const uint32_t h = short_hash(hashes[number(i + kEntryAhead)]);
        const KeyIndex::Place place = index_.place_of(h);
        const KeyIndex::Slot slot = place.slots[h & place.mask];
        if (slot.number != 0) __builtin_prefetch(entry(slot.number - 1), 1);
      }
    }
    const int32_t r = number(i);
    rows[r] = find_or_add(hashes[r], keys[r]) + kHeader;
  }
}

void KeyedTable::lookup_or_insert(const uint64_t* hashes, const Key* keys, const int32_t* selection,
                                  int32_t n, std::byte** rows) {
  if (index_.bytes() + static_cast<size_t>(size_) * stride_ > kCacheBytes) {
    lookup<true>(hashes, keys, selection, n, rows);
  } else {
    lookup<false>(hashes, keys, selection, n, rows);
  }
}

std::byte* KeyedTable::row_of(uint64_t hash, const Key& key) {
  return find_or_add(hash, key) + kHeader;
}

const std::byte* KeyedTable::find(uint64_t hash, const Key& key) const {
  const uint32_t h = short_hash(hash);
  const KeyIndex::Place place = index_.place_of(h);
  for (uint32_t at = h & place.mask; place.slots[at].number != 0; at = (at + 1) & place.mask) {
    const std::byte* found = entry(place.slots[at].number - 1);
    if (place.slots[at].hash == h && header(found).key == key) return found + kHeader;
  }
  return nullptr;
}

std::byte* KeyedTable::mutable_row(int64_t i) {
  std::byte* at = writable(i);
  header(at).generation = generation_;
  return at + kHeader;
}

std::unique_ptr<FrozenTable> KeyedTable::freeze() {
  std::unique_ptr<FrozenTable> copy(new FrozenTable());
  copy->layout_ = pool_->layout();
  copy->pages_ = pages_;
  copy->arena_ = arena_;
  copy->stride_ = stride_;
  copy->size_ = size_;
  copy->generation_ = generation_;
  for (TablePage* page : pages_) page->refs.fetch_add(1, std::memory_order_relaxed);
  std::fill(frozen_.begin(), frozen_.end(), uint8_t{1});
  frozen_pages_ = frozen_.size();
  ++generation_;
  return copy;
}

void KeyedTable::clear() {
  for (TablePage* page : pages_) release(page);
  pages_.clear();
  frozen_.clear();
  frozen_pages_ = 0;
  arena_.clear();
  arena_used_ = arena_size_ = arena_bytes_ = 0;
  index_.clear();
  size_ = 0;
  ++generation_;
}

bool KeyedTable::clear_part(int64_t& entries) {
  const auto in_page = static_cast<int64_t>(page_mask_) + 1;
  for (; entries > 0 && !pages_.empty(); entries -= in_page) {
    release(pages_.back());
    pages_.pop_back();
  }
  if (!pages_.empty()) return false;
  clear();
  return true;
}

size_t KeyedTable::bytes() const {
  return index_.bytes() + pages_.size() * (kPageHeader + (stride_ << shift_)) + arena_bytes_;
}

}  // namespace rideflow
