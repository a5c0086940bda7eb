// ColumnBuilder: writes one column, row by row or in bulk, then finish()es it and is empty again.
//
// Strings up to 12 bytes are copied inline. Longer ones either point into a buffer that the caller shares
// (append_view, no copy) or are copied into the builder's own buffer (append_string). One thread.
#pragma once

#include <string_view>
#include <vector>

#include "engine/column.h"
#include "engine/value.h"

namespace rideflow {

class ColumnBuilder {
 public:
  explicit ColumnBuilder(Type type, int32_t reserve_rows = 0);

  const Type& type() const { return type_; }
  int32_t size() const { return rows_; }
  void reserve(int32_t rows);

  void append_null();
  void append_bool(bool v);
  // REQUIRES: sizeof(T) equals the type's width.
  template <class T>
  void append(T v) {
    grow();
    data_.as_mutable<T>()[rows_++] = v;
  }
  void append_string(std::string_view s);
  // Registers a buffer that append_view refers to. Returns its index.
  int32_t share(BufferRef buffer);
  void append_view(std::string_view s, int32_t buffer, int32_t offset);
  // Any type, with checks: an int64 Value may go into int32, float64 or decimal columns when it fits.
  void append_value(const Value& v);
  // The row of another column of the same type.
  void append_from(const Column& column, int64_t row);
  // list and structure: append the items to children() first, then end the row.
  ColumnBuilder& child(int i) { return children_[static_cast<size_t>(i)]; }
  void end_list();
  void end_struct();

  Column finish();

 private:
  void grow() {
    if (rows_ == capacity_) [[unlikely]]
      reserve(capacity_ == 0 ? 64 : capacity_ * 2);
  }
  void mark_null();

  Type type_;
  int32_t rows_ = 0;
  int32_t capacity_ = 0;
  int32_t nulls_ = 0;
  BufferRef data_;
  BufferRef validity_;
  std::vector<BufferRef> variadic_;
  BufferRef own_;  // the own buffer for long strings, variadic_[own_index_]
  int32_t own_index_ = -1;
  std::vector<ColumnBuilder> children_;
};

}  // namespace rideflow
