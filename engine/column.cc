#include "engine/column.h"

#include <algorithm>
#include <unordered_map>

#include "engine/bits.h"
#include "engine/gather.h"

namespace rideflow {

namespace {

BufferRef gather_width(const BufferRef& from, int width, const int32_t* rows, int32_t n) {
  struct Wide {
    uint64_t words[2];
  };
  switch (width) {
    case 4:
      return gather<uint32_t>(from, rows, n);
    case 8:
      return gather<uint64_t>(from, rows, n);
    default:
      return gather<Wide>(from, rows, n);
  }
}

void set_validity(Column& column, BufferRef validity) {
  column.null_count = static_cast<int32_t>(column.length - count_bits(validity.as<uint8_t>(), column.length));
  if (column.null_count > 0) column.validity = std::move(validity);
}

void take_list(const Column& column, const int32_t* rows, int32_t n, Column& out) {
  const auto* offsets = column.values<int32_t>();
  out.data = BufferRef::allocate((static_cast<size_t>(n) + 1) * sizeof(int32_t));
  auto* to = out.data.as_mutable<int32_t>();
  std::vector<int32_t> items;
  to[0] = 0;
  for (int32_t i = 0; i < n; ++i) {
    for (int32_t item = offsets[rows[i]]; item < offsets[rows[i] + 1]; ++item) items.push_back(item);
    to[i + 1] = static_cast<int32_t>(items.size());
  }
  out.children.push_back(take(column.children[0], items.data(), to[n]));
}

// Appends the data of parts whose values are fixed-width, offsets or bits.
void concat_fixed(const std::vector<const Column*>& parts, Column& out) {
  const auto width = static_cast<size_t>(out.type.width());
  out.data = BufferRef::allocate(static_cast<size_t>(out.length) * width);
  std::byte* to = out.data.mutable_data();
  for (const Column* part : parts) {
    const size_t size = static_cast<size_t>(part->length) * width;
    if (size > 0) std::memcpy(to, part->data.data(), size);
    to += size;
  }
}

void concat_bits(const std::vector<const Column*>& parts, Column& out) {
  out.data = make_bitmap(out.length, false);
  int64_t at = 0;
  for (const Column* part : parts) {
    copy_bits(out.data.as_mutable<uint8_t>(), at, part->values<uint8_t>(), 0, part->length);
    at += part->length;
  }
}

void concat_views(const std::vector<const Column*>& parts, Column& out) {
  concat_fixed(parts, out);
  auto* views = out.data.as_mutable<StringView>();
  std::unordered_map<const std::byte*, int32_t> known;  // parts cut from one chunk share buffers
  for (const Column* part : parts) {
    std::vector<int32_t> renamed;
    for (const BufferRef& buffer : part->variadic) {
      const auto [it, fresh] = known.try_emplace(buffer.data(), static_cast<int32_t>(out.variadic.size()));
      if (fresh) out.variadic.push_back(buffer);
      renamed.push_back(it->second);
    }
    for (int32_t i = 0; i < part->length; ++i) {
      if (!views[i].is_inline()) views[i].ref.buffer = renamed[static_cast<size_t>(views[i].ref.buffer)];
    }
    views += part->length;
  }
}

void concat_lists(const std::vector<const Column*>& parts, Column& out) {
  out.data = BufferRef::allocate((static_cast<size_t>(out.length) + 1) * sizeof(int32_t));
  auto* to = out.data.as_mutable<int32_t>();
  int32_t base = 0;
  *to++ = 0;
  for (const Column* part : parts) {
    const auto* offsets = part->values<int32_t>();
    for (int32_t i = 1; i <= part->length; ++i) *to++ = base + offsets[i];
    base += part->children[0].length;
  }
}

void concat_validity(const std::vector<const Column*>& parts, Column& out) {
  if (out.null_count == 0) return;
  out.validity = make_bitmap(out.length, true);
  int64_t at = 0;
  for (const Column* part : parts) {
    if (part->has_nulls()) {
      copy_bits(out.validity.as_mutable<uint8_t>(), at, part->validity.as<uint8_t>(), 0, part->length);
    }
    at += part->length;
  }
}

}  // namespace

Column null_column(const Type& type, int32_t rows) {
  Column column;
  column.type = type;
  column.length = rows;
  column.null_count = rows;
  column.validity = make_bitmap(rows, false);
  if (type.kind == Kind::boolean) {
    column.data = make_bitmap(rows, false);
  } else if (type.kind == Kind::list) {
    column.data = BufferRef::allocate_zeroed((static_cast<size_t>(rows) + 1) * sizeof(int32_t));
    column.children.push_back(null_column(type.children->front().type, 0));
  } else if (type.kind == Kind::structure) {
    for (const Field& field : *type.children) column.children.push_back(null_column(field.type, rows));
  } else {
    column.data = BufferRef::allocate_zeroed(static_cast<size_t>(rows) * static_cast<size_t>(type.width()));
  }
  return column;
}

Column take(const Column& column, const int32_t* rows, int32_t n) {
  Column out;
  out.type = column.type;
  out.length = n;
  if (column.has_nulls()) set_validity(out, gather_bits(column.validity.as<uint8_t>(), rows, n));
  switch (column.type.kind) {
    case Kind::null:
      break;
    case Kind::boolean:
      out.data = gather_bits(column.values<uint8_t>(), rows, n);
      break;
    case Kind::list:
      take_list(column, rows, n, out);
      break;
    case Kind::structure:
      for (const Column& child : column.children) out.children.push_back(take(child, rows, n));
      break;
    default:
      out.data = gather_width(column.data, column.type.width(), rows, n);
      out.variadic = column.variadic;
  }
  return out;
}

Column slice(const Column& column, int32_t begin, int32_t n) {
  if (begin == 0 && n == column.length) return column;
  Column out;
  out.type = column.type;
  out.length = n;
  if (column.has_nulls()) {
    BufferRef validity = make_bitmap(n, false);
    copy_bits(validity.as_mutable<uint8_t>(), 0, column.validity.as<uint8_t>(), begin, n);
    set_validity(out, std::move(validity));
  }
  switch (column.type.kind) {
    case Kind::null:
      break;
    case Kind::boolean:
      out.data = make_bitmap(n, false);
      copy_bits(out.data.as_mutable<uint8_t>(), 0, column.values<uint8_t>(), begin, n);
      break;
    case Kind::list: {
      const auto* offsets = column.values<int32_t>() + begin;
      out.data = BufferRef::allocate((static_cast<size_t>(n) + 1) * sizeof(int32_t));
      auto* to = out.data.as_mutable<int32_t>();
      for (int32_t i = 0; i <= n; ++i) to[i] = offsets[i] - offsets[0];
      out.children.push_back(slice(column.children[0], offsets[0], to[n]));
      break;
    }
    case Kind::structure:
      for (const Column& child : column.children) out.children.push_back(slice(child, begin, n));
      break;
    default: {
      const auto width = static_cast<size_t>(column.type.width());
      out.data = BufferRef::allocate(static_cast<size_t>(n) * width);
      if (n > 0) {
        std::memcpy(out.data.mutable_data(), column.data.data() + static_cast<size_t>(begin) * width,
                    static_cast<size_t>(n) * width);
      }
      out.variadic = column.variadic;
    }
  }
  return out;
}

Column concat(const std::vector<const Column*>& parts) {
  RF_CHECK(!parts.empty());
  if (parts.size() == 1) return *parts[0];
  Column out;
  out.type = parts[0]->type;
  for (const Column* part : parts) {
    RF_CHECK(part->type.kind == out.type.kind);
    out.length += part->length;
    out.null_count += part->null_count;
  }
  concat_validity(parts, out);
  switch (out.type.kind) {
    case Kind::null:
      break;
    case Kind::boolean:
      concat_bits(parts, out);
      break;
    case Kind::string:
    case Kind::bytes:
      concat_views(parts, out);
      break;
    case Kind::list:
      concat_lists(parts, out);
      break;
    case Kind::structure:
      break;
    default:
      concat_fixed(parts, out);
  }
  for (size_t c = 0; c < parts[0]->children.size(); ++c) {
    std::vector<const Column*> children;
    for (const Column* part : parts) children.push_back(&part->children[c]);
    out.children.push_back(concat(children));
  }
  return out;
}

}  // namespace rideflow
