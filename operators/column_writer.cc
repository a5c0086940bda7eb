#include "operators/column_writer.h"

namespace rideflow {
namespace {

size_t data_bytes(const Type& type, int32_t width, int32_t rows) {
  if (type.kind == Kind::boolean) return bitmap_bytes(rows);
  if (type.kind == Kind::list) return (static_cast<size_t>(rows) + 1) * sizeof(int32_t);
  return static_cast<size_t>(width) * static_cast<size_t>(rows);
}

void grow_buffer(BufferRef& buffer, size_t bytes) {
  BufferRef larger = BufferRef::allocate(bytes);
  const size_t kept = std::min(buffer.size(), bytes);
  if (kept > 0) std::memcpy(larger.mutable_data(), buffer.data(), kept);
  if (bytes > kept) std::memset(larger.mutable_data() + kept, 0, bytes - kept);
  buffer = std::move(larger);
}

}  // namespace

ColumnWriter::ColumnWriter(const Type& type) : type_(type), width_(type.width()) {
  if (type.children == nullptr) return;
  for (const Field& field : *type.children) children_.emplace_back(field.type);
}

void ColumnWriter::share(const BufferRef& shared) {
  shared_ = shared;
  base_ = reinterpret_cast<const char*>(shared.data());
  for (ColumnWriter& child : children_) child.share(shared);
}

void ColumnWriter::grow(int32_t rows) {
  grow_buffer(data_, data_bytes(type_, width_, rows));
  grow_buffer(nulls_, static_cast<size_t>(rows));
  capacity_ = rows;
  if (type_.kind != Kind::structure) return;
  for (ColumnWriter& child : children_) child.reserve(rows);
}

void ColumnWriter::append_null() {
  room();
  switch (type_.kind) {
    case Kind::boolean:
      append_bool(false);
      --rows_;
      break;
    case Kind::list:
      data_.as_mutable<int32_t>()[rows_ + 1] = children_[0].rows();
      break;
    case Kind::structure:
      for (ColumnWriter& child : children_) child.append_null();
      break;
    default:
      std::memset(data_.mutable_data() + static_cast<size_t>(width_) * static_cast<size_t>(rows_), 0,
                  static_cast<size_t>(width_));
  }
  nulls_.as_mutable<uint8_t>()[rows_++] = 1;
  any_null_ = true;
}

void ColumnWriter::append_copy(std::string_view s) {
  if (s.size() <= StringView::kInline) return append(StringView::make_inline(s));
  const auto offset = static_cast<int32_t>(own_.size());
  own_.insert(own_.end(), s.begin(), s.end());
  append(StringView::make_ref(s, shared_ ? 1 : 0, offset));
}

void ColumnWriter::end_list() {
  room();
  data_.as_mutable<int32_t>()[rows_ + 1] = children_[0].rows();
  nulls_.as_mutable<uint8_t>()[rows_++] = 0;
}

void ColumnWriter::truncate(int32_t rows) {
  rows_ = std::min(rows_, rows);
  if (type_.kind == Kind::structure) {
    for (ColumnWriter& child : children_) child.truncate(rows_);
  } else if (type_.kind == Kind::list) {
    children_[0].truncate(capacity_ == 0 ? 0 : data_.as<int32_t>()[rows_]);
  }
}

Column ColumnWriter::finish() {
  Column column;
  column.type = type_;
  column.length = rows_;
  if (any_null_) {
    const auto* const nulls = nulls_.as<uint8_t>();
    BufferRef bits = BufferRef::allocate_zeroed(bitmap_bytes(rows_));
    auto* const out = bits.as_mutable<uint8_t>();
    int32_t null_count = 0;
    for (int32_t i = 0; i < rows_; ++i) {
      null_count += nulls[i];
      out[i >> 3] = static_cast<uint8_t>(out[i >> 3] | ((nulls[i] ^ 1U) << (i & 7)));
    }
    column.null_count = null_count;
    if (null_count > 0) column.validity = std::move(bits);
  }
  if (type_.kind == Kind::list && capacity_ == 0) grow(1);
  if (type_.kind != Kind::structure) {
    if (!data_) data_ = BufferRef::allocate_zeroed(0);
    data_.set_size(data_bytes(type_, width_, rows_));
    column.data = std::move(data_);
  }
  if (type_.is_view()) {
    if (shared_) column.variadic.push_back(shared_);
    if (!own_.empty()) column.variadic.push_back(BufferRef::copy_of({own_.data(), own_.size()}));
  }
  for (ColumnWriter& child : children_) column.children.push_back(child.finish());
  data_ = {};
  nulls_ = {};
  shared_ = {};
  base_ = nullptr;
  own_.clear();
  rows_ = 0;
  capacity_ = 0;
  any_null_ = false;
  return column;
}

}  // namespace rideflow
