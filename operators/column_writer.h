// ColumnWriter: builds one column for a decoder, with a way back.
//
// Unlike engine/builder.h it can drop the rows after a mark, so that a record that turns out bad in its last
// field leaves nothing behind, and it lets hot loops store straight into its data. Nulls are a byte per row
// until finish() packs them. One thread.
#pragma once

#include <cstring>
#include <string_view>
#include <vector>

#include "engine/column.h"

namespace rideflow {

// The view of `s` in buffer 0, which begins at `base` and whose padding lets 12 bytes of `s` be read. Without
// a branch on the length, which is often a surprise: both kinds of view are made and one is taken.
inline StringView padded_view(std::string_view s, const char* base) {
  static constexpr uint64_t kOnes[4] = {~uint64_t{0}, ~uint64_t{0}, 0, 0};
  const bool is_inline = s.size() <= static_cast<size_t>(StringView::kInline);
  const size_t kept = is_inline ? s.size() : 4;  // bytes of the text in the view
  const auto* const mask = reinterpret_cast<const char*>(kOnes) + 16 - kept;
  uint32_t prefix;
  uint32_t prefix_mask;
  uint64_t rest;
  uint64_t rest_mask;
  std::memcpy(&prefix, s.data(), 4);
  std::memcpy(&prefix_mask, mask, 4);
  std::memcpy(&rest, s.data() + 4, 8);
  std::memcpy(&rest_mask, mask + 4, 8);
  const uint64_t place = static_cast<uint64_t>(s.data() - base) << 32;  // in buffer 0
  const uint64_t words[2] = {s.size() | uint64_t{prefix & prefix_mask} << 32,
                             is_inline ? rest & rest_mask : place};
  StringView view;
  std::memcpy(static_cast<void*>(&view), words, sizeof(view));
  return view;
}

class ColumnWriter {
 public:
  explicit ColumnWriter(const Type& type);

  const Type& type() const { return type_; }
  int32_t rows() const { return rows_; }
  void reserve(int32_t rows) {
    if (rows > capacity_) grow(rows);
  }
  // Strings that are views into `shared` may be stored without a copy; of no effect on other types.
  // REQUIRES: rows() == 0.
  void share(const BufferRef& shared);

  void append_null();
  void append_bool(bool v) {
    room();
    const auto bit = static_cast<uint8_t>(1U << (rows_ & 7));
    uint8_t& byte = data_.as_mutable<uint8_t>()[rows_ >> 3];
    byte = static_cast<uint8_t>(v ? byte | bit : byte & ~bit);
    nulls_.as_mutable<uint8_t>()[rows_++] = 0;
  }
  template <class T>
  void append(T v) {
    room();
    data_.as_mutable<T>()[rows_] = v;
    nulls_.as_mutable<uint8_t>()[rows_++] = 0;
  }
  // `s` lies in the shared buffer.
  void append_shared(std::string_view s) { append(padded_view(s, base_)); }
  const char* shared_base() const { return base_; }
  void append_copy(std::string_view s);

  // For loops that store values of fixed width themselves: where the next rows go, and that `n` of them are
  // there, none null. REQUIRES: reserve().
  template <class T>
  T* next_rows() {
    return data_.as_mutable<T>() + rows_;
  }
  void advance(int32_t n) {
    std::memset(nulls_.as_mutable<uint8_t>() + rows_, 0, static_cast<size_t>(n));
    rows_ += n;
  }

  ColumnWriter& child(size_t i) { return children_[i]; }
  size_t children() const { return children_.size(); }
  // Ends a row of a list or structure whose items or fields were appended to the children.
  void end_list();
  void end_struct() {
    room();
    nulls_.as_mutable<uint8_t>()[rows_++] = 0;
  }

  // Drops all rows from `rows` on, also those that only children have.
  void truncate(int32_t rows);

  // The column; the writer is empty afterwards.
  Column finish();

 private:
  void room() {
    if (rows_ == capacity_) [[unlikely]]
      grow(capacity_ < 64 ? 64 : capacity_ * 2);
  }
  void grow(int32_t rows);

  Type type_;
  int32_t width_;
  int32_t rows_ = 0;
  int32_t capacity_ = 0;
  bool any_null_ = false;
  BufferRef data_;
  BufferRef nulls_;  // 1 = null
  BufferRef shared_;
  const char* base_ = nullptr;
  std::vector<char> own_;  // bytes of append_copy, after the shared buffer in `variadic`
  std::vector<ColumnWriter> children_;
};

}  // namespace rideflow
