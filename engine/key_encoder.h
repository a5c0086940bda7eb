// Keys: the key columns of a row as canonical bytes, and the hash that routes and finds them.
//
// Equal keys have equal bytes and the other way round: nulls form one group, -0 is 0, NaN is NaN. The bytes
// stand in checkpoints; the hash is a function of the bytes alone (hash_key), so that the exchange, the keyed
// tables and a restore agree. One string column is its own bytes, one fixed-width column 8 (decimals 16)
// little-endian bytes; several columns are a bitmap of nulls, then the values, strings with their length.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/builder.h"
#include "engine/hash.h"

namespace rideflow {

// The bytes of one key: up to 12 inline, else a pointer. Unused inline bytes are 0, so that inline keys
// compare as two words.
struct Key {
  uint32_t length = 0;
  char prefix[4] = {};
  union {
    char rest[8] = {};
    const char* data;
  };
  static constexpr uint32_t kInline = 12;

  bool is_inline() const { return length <= kInline; }
  std::string_view view() const { return {is_inline() ? prefix : data, length}; }
  // Long keys point into `bytes`.
  static Key of(std::string_view bytes) {
    Key key;
    key.length = static_cast<uint32_t>(bytes.size());
    if (bytes.empty()) return key;
    if (bytes.size() <= kInline) {
      std::memcpy(key.prefix, bytes.data(), bytes.size());  // prefix and rest are contiguous
    } else {
      std::memcpy(key.prefix, bytes.data(), 4);
      key.data = bytes.data();
    }
    return key;
  }
  friend bool operator==(const Key& a, const Key& b) {
    uint64_t x[2];
    uint64_t y[2];
    std::memcpy(x, &a, 16);
    std::memcpy(y, &b, 16);
    if (x[0] != y[0]) return false;
    return a.is_inline() ? x[1] == y[1] : std::memcmp(a.data, b.data, a.length) == 0;
  }
};
static_assert(sizeof(Key) == 16);

// The hash of a key's bytes. Part of the format: it decides key groups.
inline uint64_t hash_key(std::string_view bytes) {
  if (bytes.size() != 8) return hash_bytes(bytes);
  uint64_t word;
  std::memcpy(&word, bytes.data(), 8);
  return mix64(word + 0x9e3779b97f4a7c15ULL);
}

// Encodes the keys of batch after batch. Not thread-safe; keep one per task.
class KeyEncoder {
 public:
  KeyEncoder() = default;
  // Types of the key columns; none: every row has the same, empty key.
  explicit KeyEncoder(std::vector<Type> types) : types_(std::move(types)) {}
  // Rows of any types, lists and structures too, always in the form of several columns.
  static KeyEncoder of_rows(std::vector<Type> types) {
    KeyEncoder encoder(std::move(types));
    encoder.rows_ = true;
    return encoder;
  }

  // A user error for types that cannot be keys (lists and structures).
  static Status check(const Type& type);

  // One key per row, valid until the next call and while the batch lives. REQUIRES: columns of the types.
  std::span<const Key> encode(const Batch& batch, std::span<const int> columns);
  // Appends the key to builders[first], builders[first + 1], …. data_loss when the bytes are no such key.
  Status decode(std::string_view key, std::vector<ColumnBuilder>& builders, size_t first) const;

 private:
  void encode_string(const Column& column);
  void encode_fixed(const Column& column);
  void encode_composite(const Batch& batch, std::span<const int> columns);

  std::vector<Type> types_;
  bool rows_ = false;
  std::vector<Key> keys_;
  std::string scratch_;
  std::vector<size_t> ends_;
};

// hash_key of every row's key: what Batch::key_hash holds. uint64 per row.
BufferRef hash_keys(const Batch& batch, std::span<const int> columns);

}  // namespace rideflow
