#include "engine/builder.h"

#include <algorithm>

#include "engine/bits.h"
#include "engine/decimal.h"

namespace rideflow {

namespace {

constexpr size_t kFirstOwnBuffer = 4096;
constexpr size_t kLargestOwnBuffer = size_t{1} << 20;

size_t data_bytes(const Type& type, int32_t capacity) {
  const auto rows = static_cast<size_t>(capacity);
  if (type.kind == Kind::boolean) return bitmap_bytes(capacity);
  if (type.kind == Kind::list) return (rows + 1) * sizeof(int32_t);
  return rows * static_cast<size_t>(type.width());
}

// `from` with room for `size` bytes; new bytes are 0.
BufferRef grown(const BufferRef& from, size_t size) {
  BufferRef to = BufferRef::allocate(size);
  const size_t old = std::min(from.size(), size);
  if (old > 0) std::memcpy(to.mutable_data(), from.data(), old);
  std::memset(to.mutable_data() + old, 0, size - old);
  return to;
}

}  // namespace

ColumnBuilder::ColumnBuilder(Type type, int32_t reserve_rows) : type_(std::move(type)) {
  if (type_.children) {
    for (const Field& field : *type_.children) children_.emplace_back(field.type);
  }
  if (reserve_rows > 0) reserve(reserve_rows);
}

void ColumnBuilder::reserve(int32_t rows) {
  if (rows <= capacity_) return;
  data_ = grown(data_, data_bytes(type_, rows));
  if (validity_) {
    validity_ = grown(validity_, bitmap_bytes(rows));
    fill_bits(validity_.as_mutable<uint8_t>(), capacity_, rows - capacity_, true);
  }
  capacity_ = rows;
}

void ColumnBuilder::mark_null() {
  if (!validity_) validity_ = make_bitmap(capacity_, true);
  clear_bit(validity_.as_mutable<uint8_t>(), rows_);
  ++nulls_;
}

void ColumnBuilder::append_null() {
  grow();
  mark_null();
  if (type_.kind == Kind::structure) {
    for (ColumnBuilder& child : children_) child.append_null();
  } else if (type_.kind == Kind::list) {
    data_.as_mutable<int32_t>()[rows_ + 1] = children_[0].size();
  } else if (const auto width = static_cast<size_t>(type_.width()); width > 0) {
    std::memset(data_.mutable_data() + static_cast<size_t>(rows_) * width, 0, width);
  }
  ++rows_;
}

void ColumnBuilder::append_bool(bool v) {
  grow();
  auto* bits = data_.as_mutable<uint8_t>();
  if (v) {
    set_bit(bits, rows_);
  } else {
    clear_bit(bits, rows_);
  }
  ++rows_;
}

void ColumnBuilder::append_string(std::string_view s) {
  if (s.size() <= static_cast<size_t>(StringView::kInline)) {
    append(StringView::make_inline(s));
    return;
  }
  if (own_index_ < 0 || own_.size() + s.size() > own_.capacity()) {
    const size_t wanted = own_index_ < 0 ? kFirstOwnBuffer : std::min(own_.capacity() * 2, kLargestOwnBuffer);
    own_ = BufferRef::allocate(std::max(wanted, s.size()));
    own_.set_size(0);
    own_index_ = static_cast<int32_t>(variadic_.size());
    variadic_.push_back(own_);
  }
  const size_t at = own_.size();
  std::memcpy(own_.mutable_data() + at, s.data(), s.size());
  own_.set_size(at + s.size());
  append(StringView::make_ref(s, own_index_, static_cast<int32_t>(at)));
}

int32_t ColumnBuilder::share(BufferRef buffer) {
  variadic_.push_back(std::move(buffer));
  return static_cast<int32_t>(variadic_.size()) - 1;
}

void ColumnBuilder::append_view(std::string_view s, int32_t buffer, int32_t offset) {
  append(s.size() <= static_cast<size_t>(StringView::kInline) ? StringView::make_inline(s)
                                                              : StringView::make_ref(s, buffer, offset));
}

void ColumnBuilder::append_value(const Value& v) {
  if (v.is_null()) {
    append_null();
    return;
  }
  const bool is_integer = v.kind == Kind::int32 || v.kind == Kind::int64;
  switch (type_.kind) {
    case Kind::boolean:
      RF_CHECK(v.kind == Kind::boolean);
      append_bool(v.integer != 0);
      return;
    case Kind::int32:
      RF_CHECK(is_integer && v.integer >= INT32_MIN && v.integer <= INT32_MAX);
      append(static_cast<int32_t>(v.integer));
      return;
    case Kind::int64:
      RF_CHECK(is_integer);
      append(v.integer);
      return;
    case Kind::float64:
      RF_CHECK(is_integer || v.kind == Kind::float64);
      append(is_integer ? static_cast<double>(v.integer) : v.number);
      return;
    case Kind::decimal: {
      RF_CHECK(is_integer || v.kind == Kind::decimal);
      const auto units =
          is_integer ? rescale(v.integer, 0, type_.scale) : rescale(v.decimal, v.scale, type_.scale);
      RF_CHECK(units && fits_precision(*units, type_.precision));
      append(*units);
      return;
    }
    case Kind::date:
      RF_CHECK(v.kind == Kind::date);
      append(static_cast<int32_t>(v.integer));
      return;
    case Kind::timestamp:
    case Kind::interval:
      RF_CHECK(v.kind == type_.kind);
      append(v.integer);
      return;
    case Kind::string:
    case Kind::bytes:
      RF_CHECK(v.kind == Kind::string || v.kind == Kind::bytes);
      append_string(v.text);
      return;
    case Kind::list:
      for (const Value& item : v.items) children_[0].append_value(item);
      end_list();
      return;
    case Kind::structure:
      RF_CHECK(v.items.size() == children_.size());
      for (size_t i = 0; i < children_.size(); ++i) children_[i].append_value(v.items[i]);
      end_struct();
      return;
    case Kind::null:
      check_failed(__FILE__, __LINE__, "a value in a column of type null", v.to_string());
  }
}

void ColumnBuilder::append_from(const Column& column, int64_t row) {
  if (column.is_null(row)) {
    append_null();
    return;
  }
  switch (type_.kind) {
    case Kind::boolean:
      append_bool(column.boolean(row));
      return;
    case Kind::string:
    case Kind::bytes:
      append_string(column.string(row));
      return;
    case Kind::list: {
      const auto* offsets = column.values<int32_t>();
      for (int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
        children_[0].append_from(column.children[0], i);
      }
      end_list();
      return;
    }
    case Kind::structure:
      for (size_t i = 0; i < children_.size(); ++i) children_[i].append_from(column.children[i], row);
      end_struct();
      return;
    case Kind::null:
      return;
    default: {
      grow();
      const auto width = static_cast<size_t>(type_.width());
      std::memcpy(data_.mutable_data() + static_cast<size_t>(rows_) * width,
                  column.data.data() + static_cast<size_t>(row) * width, width);
      ++rows_;
    }
  }
}

void ColumnBuilder::end_list() {
  grow();
  ++rows_;
  data_.as_mutable<int32_t>()[rows_] = children_[0].size();
}

void ColumnBuilder::end_struct() {
  grow();
  ++rows_;
}

Column ColumnBuilder::finish() {
  Column column;
  column.type = type_;
  column.length = rows_;
  column.null_count = nulls_;
  if (!data_) data_ = BufferRef::allocate_zeroed(data_bytes(type_, 0));
  column.data = std::move(data_);
  column.data.set_size(data_bytes(type_, rows_));
  if (nulls_ > 0) {
    validity_.set_size(bitmap_bytes(rows_));
    column.validity = std::move(validity_);
  }
  column.variadic = std::move(variadic_);
  for (ColumnBuilder& child : children_) column.children.push_back(child.finish());
  rows_ = capacity_ = nulls_ = 0;
  data_ = validity_ = own_ = BufferRef();
  variadic_.clear();
  own_index_ = -1;
  return column;
}

}  // namespace rideflow
