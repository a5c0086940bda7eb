// KeyedTable: key -> row of accumulators, for the hot state of one step or one window slice.
//
// An index that grows in parts (engine/key_index.h) stands beside dense entries in pages that never move: row
// pointers stay valid until clear(), but for those of pages shared with a frozen copy, which the next batch
// that touches them replaces. Entries are numbered in the order of insertion and never erased: state that
// expires together lives in one table and goes with it.
//
// freeze() shares the pages with an immutable copy, one counter per page; the table copies a shared page
// before it first writes to it. Every entry knows whether it was touched since the last freeze. One thread;
// a FrozenTable may be read and destroyed by another one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/key_encoder.h"
#include "engine/key_index.h"
#include "engine/row_layout.h"

namespace rideflow {

// Pages of one size, kept for the next table instead of freed. One thread.
class PagePool {
 public:
  explicit PagePool(std::shared_ptr<const RowLayout> layout);
  ~PagePool();
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  const std::shared_ptr<const RowLayout>& layout() const { return layout_; }

 private:
  friend class KeyedTable;
  std::shared_ptr<const RowLayout> layout_;
  size_t stride_ = 0;  // bytes of an entry
  int shift_ = 0;      // log2 of the entries of a page
  std::vector<void*> free_;
};

struct TablePage {
  std::atomic<uint32_t> refs{1};
  uint32_t used = 0;
  std::byte* entries() { return reinterpret_cast<std::byte*>(this) + 64; }
  const std::byte* entries() const { return reinterpret_cast<const std::byte*>(this) + 64; }
};

class FrozenTable {
 public:
  FrozenTable(const FrozenTable&) = delete;
  FrozenTable& operator=(const FrozenTable&) = delete;
  ~FrozenTable();
  // Calls visit for every entry, or for those touched since the freeze before. Order of insertion.
  void each(bool changed_only,
            const std::function<void(std::string_view key, const std::byte* row)>& visit) const;
  const RowLayout& layout() const { return *layout_; }
  int64_t size() const { return size_; }

 private:
  friend class KeyedTable;
  FrozenTable() = default;
  std::shared_ptr<const RowLayout> layout_;
  std::vector<TablePage*> pages_;
  std::vector<std::shared_ptr<char[]>> arena_;  // the bytes of long keys
  size_t stride_ = 0;
  int64_t size_ = 0;
  uint32_t generation_ = 0;
};

class KeyedTable {
 public:
  explicit KeyedTable(std::shared_ptr<PagePool> pool);
  ~KeyedTable();
  KeyedTable(const KeyedTable&) = delete;
  KeyedTable& operator=(const KeyedTable&) = delete;

  int64_t size() const { return size_; }
  const RowLayout& layout() const { return *pool_->layout(); }
  // A hint to an empty table of how many keys will come.
  void reserve(int64_t keys) { index_.reserve(keys); }

  // rows[r] becomes the row of keys[r], made when new, for each r of selection[0..n), or of 0..n when the
  // selection is null. All are marked as touched.
  void lookup_or_insert(const uint64_t* hashes, const Key* keys, const int32_t* selection, int32_t n,
                        std::byte** rows);
  // One of them.
  std::byte* row_of(uint64_t hash, const Key& key);
  // Null when there is none; not for writing.
  const std::byte* find(uint64_t hash, const Key& key) const;

  // Entries by number, 0 <= i < size().
  const Key& key(int64_t i) const { return *reinterpret_cast<const Key*>(entry(i)); }
  const std::byte* row(int64_t i) const { return entry(i) + kHeader; }
  std::byte* mutable_row(int64_t i);  // marked as touched
  // The table's own copy of the key of a row that it gave.
  static const Key& key_of(const std::byte* row) { return *reinterpret_cast<const Key*>(row - kHeader); }

  // What a restore brought is in the store already.
  void mark_all_clean() { ++generation_; }
  std::unique_ptr<FrozenTable> freeze();
  // Empty again; pages go to the pool.
  void clear();
  // The same a part at a time: takes away entries, at most about as many, and them off the number. True when
  // it is empty, as after clear(). REQUIRES: nothing else is asked of the table in between.
  bool clear_part(int64_t& entries);
  size_t bytes() const;

 private:
  static constexpr size_t kHeader = 24;  // key, hash, generation
  const std::byte* entry(int64_t i) const {
    return pages_[static_cast<size_t>(i) >> shift_]->entries() +
           (static_cast<size_t>(i) & page_mask_) * stride_;
  }
  std::byte* writable(int64_t i);
  template <bool kPrefetch>
  void lookup(const uint64_t* hashes, const Key* keys, const int32_t* selection, int32_t n, std::byte** rows);
  std::byte* find_or_add(uint64_t hash, const Key& key);
  std::byte* add(uint32_t hash, const Key& key);
  Key own(const Key& key);
  TablePage* new_page();
  void release(TablePage* page);
  void thaw(size_t page);

  std::shared_ptr<PagePool> pool_;
  size_t stride_;
  int shift_;
  size_t page_mask_;
  KeyIndex index_;
  int64_t size_ = 0;
  uint32_t generation_ = 1;
  std::vector<TablePage*> pages_;
  std::vector<uint8_t> frozen_;  // by page: shared with a frozen copy, as far as this table knows
  size_t frozen_pages_ = 0;
  std::vector<std::shared_ptr<char[]>> arena_;
  size_t arena_used_ = 0;
  size_t arena_size_ = 0;   // of the last block
  size_t arena_bytes_ = 0;  // of all blocks
};

}  // namespace rideflow
