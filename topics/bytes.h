// Little-endian numbers in and out of byte strings, for the formats of this room.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace rideflow::bytes {

template <class T>
void store(char* out, T value) {
  static_assert(std::is_integral_v<T>);
  std::memcpy(out, &value, sizeof(T));
}

template <class T>
T load(const char* in) {
  T value = 0;
  std::memcpy(&value, in, sizeof(T));
  return value;
}

template <class T>
void put(std::string& out, T value) {
  static_assert(std::is_integral_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

inline void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<uint32_t>(text.size()));
  out += text;
}

// Takes values off the front; after the first that is not there, ok is false and everything reads as zero.
struct Cursor {
  std::string_view rest;
  bool ok = true;

  template <class T>
  T get() {
    if (rest.size() < sizeof(T)) {
      ok = false;
      rest = {};
      return 0;
    }
    const T value = load<T>(rest.data());
    rest.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view text() {
    const auto size = get<uint32_t>();
    if (rest.size() < size) {
      ok = false;
      rest = {};
      return {};
    }
    const std::string_view value = rest.substr(0, size);
    rest.remove_prefix(size);
    return value;
  }
};

}  // namespace rideflow::bytes
