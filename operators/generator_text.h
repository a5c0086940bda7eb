// Text and randomness for the event generators: integers only, so that every machine writes the same bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/hash.h"
#include "engine/ids.h"

namespace rideflow::generator {

// An endless row of random bits that is a function of its seed.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15ULL); }
  // Uniform in [0, n). REQUIRES: 0 < n < 2^32.
  int64_t below(int64_t n) { return static_cast<int64_t>(((next() >> 32) * static_cast<uint64_t>(n)) >> 32); }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }

 private:
  uint64_t state_;
};

// True for a share of all hashes.
inline bool chosen(uint64_t hash, double share) {
  return static_cast<double>(hash >> 11) < share * static_cast<double>(uint64_t{1} << 53);
}

struct Writer {
  char* p;

  void text(std::string_view s) {
    std::memcpy(p, s.data(), s.size());
    p += s.size();
  }
  void integer(int64_t v) {
    if (v < 0) {
      *p++ = '-';
      v = -v;
    }
    char digits[20];
    int n = 0;
    do {
      digits[n++] = static_cast<char>('0' + v % 10);
      v /= 10;
    } while (v != 0);
    while (n > 0) *p++ = digits[--n];
  }
  // At least `width` digits, zeros in front.
  void padded(int64_t v, int width) {
    for (int64_t limit = 10; width > 1; --width, limit *= 10) {
      if (v < limit) {
        for (; width > 1; --width) *p++ = '0';
        break;
      }
    }
    integer(v);
  }
  void two(int64_t v) {
    *p++ = static_cast<char>('0' + v / 10);
    *p++ = static_cast<char>('0' + v % 10);
  }
  // units / 10^digits as a plain number.
  void fixed(int64_t units, int digits) {
    if (units < 0) {
      *p++ = '-';
      units = -units;
    }
    int64_t scale = 1;
    for (int i = 0; i < digits; ++i) scale *= 10;
    integer(units / scale);
    *p++ = '.';
    int64_t rest = units % scale;
    for (int i = digits - 1; i >= 0; --i) {
      p[i] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    }
    p += digits;
  }
  void hex(uint64_t v, int digits) {
    for (int i = digits - 1; i >= 0; --i) *p++ = "0123456789abcdef"[(v >> (4 * i)) & 15];
  }
  // 2026-01-01 from days since 1970.
  void date(int64_t days) {
    // Days to civil, by eras of 400 years counted from March.
    days += 719'468;
    const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const int64_t doe = days - era * 146'097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t mp = (5 * doy + 2) / 153;
    const int64_t month = mp < 10 ? mp + 3 : mp - 9;
    const int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
    two(year / 100);
    two(year % 100);
    *p++ = '-';
    two(month);
    *p++ = '-';
    two(doy - (153 * mp + 2) / 5 + 1);
  }
  // 2026-01-01T12:00:00.123Z. REQUIRES: a whole millisecond in the years 0 to 9999.
  void timestamp(Micros t) {
    constexpr int64_t kDay = 86'400'000;
    const int64_t ms = t / 1000;
    int64_t days = ms / kDay;
    int64_t rest = ms % kDay;
    if (rest < 0) {
      rest += kDay;
      --days;
    }
    date(days);
    *p++ = 'T';
    two(rest / 3'600'000);
    *p++ = ':';
    two(rest / 60'000 % 60);
    *p++ = ':';
    two(rest / 1000 % 60);
    *p++ = '.';
    *p++ = static_cast<char>('0' + rest % 1000 / 100);
    two(rest % 100);
    *p++ = 'Z';
  }
  // One of the letters d (driver), v (vehicle), c (customer); its city and number: "d07-0004321".
  void id(char letter, int city, int64_t number) {
    *p++ = letter;
    two(city);
    *p++ = '-';
    padded(number, 7);
  }
  // {"lat":48.85661,"lon":2.35222} from units of 10^-5 degrees.
  void place(int64_t lat, int64_t lon) {
    text("{\"lat\":");
    fixed(lat, 5);
    text(",\"lon\":");
    fixed(lon, 5);
    *p++ = '}';
  }
};

}  // namespace rideflow::generator
