// Dictionaries: every dimension of a rollup is stored as 32-bit codes, so that a query reads numbers and
// looks at each distinct value once.
//
// Code 0 is always null. Values are bytes: UTF-8 of a string, or the 8 little-endian bytes of an int64 or
// float64. In a multi-value dimension a code stands for a list of value codes (ListTable); elsewhere for a
// value. A Dictionary belongs to one writer; the ValueList that it hands out may be read by any thread while
// the writer goes on adding.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/hash.h"

namespace rideflow::rollup {

// The values of codes 1 … size() - 1, immutable.
class ValueList {
 public:
  virtual ~ValueList() = default;
  virtual uint32_t size() const = 0;  // codes, null included: at least 1
  // REQUIRES: 0 < code < size(). Valid while this list lives.
  virtual std::string_view at(uint32_t code) const = 0;
};

class Dictionary {
 public:
  uint32_t size() const { return size_; }
  uint32_t find_or_add(std::string_view value);
  std::string_view at(uint32_t code) const { return entry(pages_, code); }
  // What is in it now; cheap.
  std::shared_ptr<const ValueList> values() const;
  // What it has allocated; nothing while it is empty.
  size_t bytes() const { return slots_.capacity() * sizeof(Slot) + page_bytes_; }

 private:
  // A page holds as many entries as all before it: thousands of rollups' chunks have a few values each.
  static constexpr uint32_t kFirstPage = 16;
  static uint32_t page_of(uint32_t code) { return static_cast<uint32_t>(std::bit_width(code / kFirstPage)); }
  static uint32_t page_begin(uint32_t page) { return page == 0 ? 0 : (kFirstPage / 2) << page; }
  static uint32_t page_size(uint32_t page) { return page == 0 ? kFirstPage : (kFirstPage / 2) << page; }
  struct Page {
    explicit Page(uint32_t size) : entries(std::make_unique<std::string_view[]>(size)) {}
    std::unique_ptr<std::string_view[]> entries;
    std::vector<std::unique_ptr<char[]>> blocks;  // of the bytes of values
  };
  template <class Pages>
  static std::string_view entry(const Pages& pages, uint32_t code) {
    const uint32_t page = page_of(code);
    return pages[page]->entries[code - page_begin(page)];
  }
  class View;
  struct Slot {
    uint32_t hash = 0;
    uint32_t code = 0;  // 0: empty
  };
  uint32_t add(std::string_view value, uint64_t hash, size_t slot);
  char* room_for(Page& page, size_t bytes);
  void grow();

  std::vector<std::shared_ptr<Page>> pages_;
  std::vector<Slot> slots_;
  uint32_t size_ = 1;
  char* free_ = nullptr;  // in the last block of the last page
  size_t room_ = 0;
  size_t block_ = 0;  // bytes of that block
  size_t page_bytes_ = 0;
};

// The codes of one dimension's cells: values, and lists of them where the dimension has several per row.
class DimensionDictionary {
 public:
  explicit DimensionDictionary(bool multi_value) : multi_value_(multi_value) {}
  Dictionary& values() { return values_; }
  const Dictionary& values() const { return values_; }
  bool multi_value() const { return multi_value_; }
  // A multi-value cell: an empty list is null. Codes of values in the row's order.
  uint32_t list(const uint32_t* codes, size_t n);
  std::shared_ptr<const ValueList> value_list() const { return values_.values(); }
  // Null where each row has one value. Bytes of an entry: its uint32 value codes.
  std::shared_ptr<const ValueList> list_table() const { return multi_value_ ? lists_.values() : nullptr; }
  uint32_t size() const { return multi_value_ ? lists_.size() : values_.size(); }
  const Dictionary& cells() const { return multi_value_ ? lists_ : values_; }
  size_t bytes() const { return values_.bytes() + lists_.bytes(); }

 private:
  bool multi_value_;
  Dictionary values_;
  Dictionary lists_;
};

// Translates the codes of one dictionary to those of another, each on first use.
class CodeMap {
 public:
  uint32_t map(const DimensionDictionary& from, uint32_t code, DimensionDictionary& to);
  void clear() { to_.clear(); }

 private:
  std::vector<uint32_t> to_;  // 0: not mapped yet
};

}  // namespace rideflow::rollup
