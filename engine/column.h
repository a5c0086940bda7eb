// Column: the values of one column of a batch, in Arrow's physical layout.
//
//   validity  one bit per row, least significant first, 1 = has a value; absent when no row is null
//   data      fixed-width values; booleans as bits; string and bytes as 16-byte StringViews; list as length +
//   1
//             int32 offsets
//   variadic  the buffers that long StringViews point into (often one: the chunk that was read)
//   children  list: the items; structure: one column per field
//
// Values in the data of null rows are defined bytes (zero views, any numbers) but mean nothing. Columns are
// built once, then immutable; copying one copies references.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/buffer.h"
#include "engine/type.h"

namespace rideflow {

__extension__ typedef __int128 Int128;  // -Wpedantic

// Arrow's view: up to 12 bytes inline, else a 4-byte prefix and the place of the bytes. Unused inline bytes
// are 0.
struct StringView {
  struct Ref {
    int32_t buffer;  // index into Column::variadic
    int32_t offset;
  };
  int32_t length = 0;
  char prefix[4] = {};
  union {
    char rest[8] = {};
    Ref ref;
  };
  static constexpr int32_t kInline = 12;
  bool is_inline() const { return length <= kInline; }
  const char* inline_data() const { return prefix; }
  static StringView make_inline(std::string_view s) {
    StringView v;
    v.length = static_cast<int32_t>(s.size());
    std::memcpy(v.prefix, s.data(), s.size());  // prefix and rest are contiguous
    return v;
  }
  static StringView make_ref(std::string_view s, int32_t buffer, int32_t offset) {
    StringView v;
    v.length = static_cast<int32_t>(s.size());
    std::memcpy(v.prefix, s.data(), 4);
    v.ref.buffer = buffer;
    v.ref.offset = offset;
    return v;
  }
};
static_assert(sizeof(StringView) == 16);

inline bool get_bit(const uint8_t* bits, int64_t i) {
  return (bits[i >> 3] >> (i & 7)) & 1;
}
inline void set_bit(uint8_t* bits, int64_t i) {
  bits[i >> 3] = static_cast<uint8_t>(bits[i >> 3] | (1U << (i & 7)));
}
inline void clear_bit(uint8_t* bits, int64_t i) {
  bits[i >> 3] = static_cast<uint8_t>(bits[i >> 3] & ~(1U << (i & 7)));
}
inline size_t bitmap_bytes(int64_t rows) {
  return static_cast<size_t>((rows + 63) / 64 * 8);
}  // whole words
int64_t count_bits(const uint8_t* bits, int64_t rows);

struct Column {
  Type type;
  int32_t length = 0;
  int32_t null_count = 0;  // exact; 0 means validity may be absent
  BufferRef validity;
  BufferRef data;
  std::vector<BufferRef> variadic;
  std::vector<Column> children;

  bool has_nulls() const { return null_count > 0; }
  bool is_null(int64_t row) const { return null_count > 0 && !get_bit(validity.as<uint8_t>(), row); }
  const uint8_t* validity_bits() const { return null_count > 0 ? validity.as<uint8_t>() : nullptr; }
  template <class T>
  const T* values() const {
    return data.as<T>();
  }
  bool boolean(int64_t row) const { return get_bit(data.as<uint8_t>(), row); }
  // REQUIRES: type.is_view(). Valid while this column (or a copy) lives.
  std::string_view string(int64_t row) const {
    const StringView& v = data.as<StringView>()[row];
    if (v.is_inline()) return {v.inline_data(), static_cast<size_t>(v.length)};
    return {reinterpret_cast<const char*>(variadic[static_cast<size_t>(v.ref.buffer)].data()) + v.ref.offset,
            static_cast<size_t>(v.length)};
  }
};

// A column of `rows` nulls.
Column null_column(const Type& type, int32_t rows);
// Rows in the order of `rows` (indices may repeat). Views keep pointing into the same variadic buffers.
Column take(const Column& column, const int32_t* rows, int32_t n);
// Rows [begin, begin + n), copied unless begin is 0 and n the whole length.
Column slice(const Column& column, int32_t begin, int32_t n);
// All rows of all parts. REQUIRES: equal types, at least one part.
Column concat(const std::vector<const Column*>& parts);

}  // namespace rideflow
