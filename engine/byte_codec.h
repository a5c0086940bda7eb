// Small binary records: little-endian integers and length-prefixed strings, for state blobs and manifests.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/status.h"

namespace rideflow {

class ByteWriter {
 public:
  template <class T>
  ByteWriter& put(T v) {
    static_assert(std::is_trivially_copyable_v<T>);
    out_.append(reinterpret_cast<const char*>(&v), sizeof(T));
    return *this;
  }
  ByteWriter& put_string(std::string_view s) {
    put(static_cast<uint32_t>(s.size()));
    out_.append(s);
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what ByteWriter wrote. After a read past the end every read gives zeros and ok() is false: check it
// once.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T get() {
    static_assert(std::is_trivially_copyable_v<T>);
    T v{};
    if (bytes_.size() < sizeof(T)) {
      fail();
      return v;
    }
    std::memcpy(&v, bytes_.data(), sizeof(T));
    bytes_.remove_prefix(sizeof(T));
    return v;
  }
  std::string get_string() {
    const auto n = get<uint32_t>();
    if (bytes_.size() < n) {
      fail();
      return {};
    }
    std::string s(bytes_.substr(0, n));
    bytes_.remove_prefix(n);
    return s;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }
  // data_loss unless everything was read and nothing is left.
  Status finish(std::string_view what) const {
    if (ok_ && bytes_.empty()) return {};
    return Status::external(Code::data_loss, std::string(what) + " is damaged: its bytes do not decode");
  }

 private:
  void fail() {
    ok_ = false;
    bytes_ = {};
  }
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace rideflow
