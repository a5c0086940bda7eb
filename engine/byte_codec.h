// The one way from values to bytes and back that formats on disk and states are made of: little-endian
// numbers of a fixed width, varints, and texts behind their length.
//
// Writers append to a string. ByteReader takes values off the front of a view and remembers that something
// was not there, so that a decoder asks once, at its end. Nothing is read past the view, whatever the bytes
// say.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "engine/status.h"

namespace rideflow {

template <class T>
void store_fixed(char* out, T v) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(out, &v, sizeof(T));
}
template <class T>
T load_fixed(const char* in) {
  static_assert(std::is_trivially_copyable_v<T>);
  T v{};
  std::memcpy(&v, in, sizeof(T));
  return v;
}

template <class T>
void append_fixed(std::string& out, T v) {
  char bytes[sizeof(T)];
  store_fixed(bytes, v);
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
// Behind a varint of its length: where many are short.
inline void append_bytes(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out.append(bytes);
}
// Behind four bytes of its length.
inline void append_string(std::string& out, std::string_view text) {
  append_fixed(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

// The same as a chain of calls, for records of many fields.
class ByteWriter {
 public:
  template <class T>
  ByteWriter& put(T v) {
    append_fixed(out_, v);
    return *this;
  }
  ByteWriter& put_string(std::string_view s) {
    append_string(out_, s);
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Once something was not there, ok() is false, nothing is left, and every read gives zeros.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T get() {
    if (rest_.size() < sizeof(T)) {
      fail();
      return T{};
    }
    const T v = load_fixed<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return v;
  }
  uint64_t varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const uint64_t byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      // The tenth byte holds one bit, and no last byte of several is zero: one encoding per number.
      if ((shift == 63 && byte > 1) || (byte == 0 && shift > 0)) break;
      v |= (byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    fail();
    return 0;
  }
  // A number of things, written as a zigzag varint: not negative, and small enough to be added up.
  int64_t count() {
    const int64_t n = unzigzag(varint());
    if (n < 0 || n > kMostCounted) fail();
    return ok_ ? n : 0;
  }
  static constexpr int64_t kMostCounted = int64_t{1} << 60;
  // The next n bytes.
  std::string_view take(uint64_t n) {
    if (n > rest_.size()) fail();
    if (n == 0 || !ok_) return "";  // never null, so that it may be copied
    const std::string_view v = rest_.substr(0, static_cast<size_t>(n));
    rest_.remove_prefix(static_cast<size_t>(n));
    return v;
  }
  std::string_view bytes() { return take(varint()); }        // append_bytes()
  std::string_view text() { return take(get<uint32_t>()); }  // append_string()
  std::string get_string() { return std::string(text()); }

  size_t left() const { return rest_.size(); }
  std::string_view rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }
  bool ok() const { return ok_; }
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  // Everything was there, and nothing is left.
  bool complete() const { return ok_ && rest_.empty(); }
  // The same as a Status: data_loss that names `what`.
  Status finish(std::string_view what) const {
    if (complete()) return {};
    return Status::external(Code::data_loss, std::string(what) + " is damaged: its bytes do not decode");
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace rideflow
