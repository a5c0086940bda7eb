// Bytes of accumulators and keys: little-endian fixed-width values, varints, length-prefixed strings.
//
// The writers append to a string; StateReader takes values off the front of a view and remembers the first
// failure, so that a decoder checks once at its end. Nothing is read past the view, whatever the bytes say.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace rideflow {

template <class T>
void append_fixed(std::string& out, T v) {
  static_assert(std::is_trivially_copyable_v<T>);
  char bytes[sizeof(T)];
  std::memcpy(bytes, &v, sizeof(T));
  out.append(bytes, sizeof(T));
}
inline void append_varint(std::string& out, uint64_t v) {
  while (v >= 0x80) {
    out.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}
inline uint64_t zigzag(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
inline int64_t unzigzag(uint64_t v) {
  return static_cast<int64_t>((v >> 1) ^ (~(v & 1) + 1));
}
inline void append_bytes(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out.append(bytes);
}

class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T fixed() {
    T v{};
    if (!need(sizeof(T))) return v;
    std::memcpy(&v, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return v;
  }
  uint64_t varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (!need(1)) return 0;
      const uint64_t byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      // The tenth byte holds one bit, and no last byte of several is zero: one encoding per number.
      if ((shift == 63 && byte > 1) || (byte == 0 && shift > 0)) break;
      v |= (byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    failed_ = true;
    return 0;
  }
  // A number of things, written as a zigzag varint: not negative, and small enough to be added up.
  int64_t count() {
    const int64_t n = unzigzag(varint());
    if (n < 0 || n > kMostCounted) failed_ = true;
    return failed_ ? 0 : n;
  }
  static constexpr int64_t kMostCounted = int64_t{1} << 60;
  std::string_view take(uint64_t n) {
    if (n == 0 || !need(n)) return "";  // never null, so that it may be copied
    const std::string_view v = rest_.substr(0, static_cast<size_t>(n));
    rest_.remove_prefix(static_cast<size_t>(n));
    return v;
  }
  std::string_view bytes() { return take(varint()); }

  size_t left() const { return rest_.size(); }
  std::string_view rest() const { return rest_; }
  void fail() { failed_ = true; }
  bool failed() const { return failed_; }
  // Everything was there, and nothing is left.
  bool complete() const { return !failed_ && rest_.empty(); }

 private:
  bool need(uint64_t n) {
    if (!failed_ && n <= rest_.size()) return true;
    failed_ = true;
    return false;
  }
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace rideflow
