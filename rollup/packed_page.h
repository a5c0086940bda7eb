// Pages of numbers as a segment stores them: entries of so many bits each, one behind the other, the least
// significant bit first.
//
// Entry e stands for the integer base + e * step. A page of doubles holds integers too where that loses no
// bit: a value is the integer divided by a power of ten (prices) or of two (halves; what sums rounded away),
// and the few that no such integer gives stand behind the entries as they are. Otherwise its integers are the
// bits of the doubles.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rideflow::rollup {

struct PageForm {
  uint8_t bits = 0;         // of an entry: 0 (all are base) to 57, or 64
  int16_t power = 0;        // of doubles: k > 0: integers / 10^k; k < 0: / 2^(-k - 1); 0: their bits
  uint32_t exceptions = 0;  // doubles behind the entries: all row numbers (4 bytes), then all values (8)
  int64_t base = 0;
  uint64_t step = 1;
};

// A page before it is packed.
struct NumberPage {
  PageForm form;  // `bits` as few as will do
  std::vector<int64_t> integers;
  std::vector<uint32_t> exception_rows;  // ascending
  std::vector<double> exceptions;

  static NumberPage of(std::vector<int64_t> integers);
  static NumberPage of(std::span<const double> values);
  // With entries of so many bits: those of the form, or more.
  std::string pack(uint8_t bits) const;
  size_t packed_bytes(uint8_t bits) const;
};

// The same bits, or more, so that entries are whole bytes: 0, 8, 16, 32 or 64.
uint8_t whole_bytes(uint8_t bits);

// Reads a packed page anywhere. The bytes must outlive it.
class PackedPage {
 public:
  // Null, or what is wrong with the bytes.
  const char* set(std::string_view bytes, const PageForm& form, size_t rows);
  const PageForm& form() const { return form_; }
  // n values from row `begin` on. REQUIRES: begin is a multiple of 8; they are rows of the page. T: integers.
  template <class T>
  void integers(size_t begin, size_t n, T* out) const;
  void doubles(size_t begin, size_t n, double* out) const;

 private:
  static constexpr size_t kBlock = 256;  // entries that are unpacked at once: they stay in the first cache
  void entries(size_t begin, size_t n, uint64_t* out) const;
  void scaled(size_t begin, size_t n, double* out) const;
  void patch(size_t begin, size_t n, double* out) const;

  std::string_view bytes_;       // of entries
  std::string_view exceptions_;  // rows, then values
  PageForm form_;
};

extern template void PackedPage::integers(size_t, size_t, int64_t*) const;
extern template void PackedPage::integers(size_t, size_t, uint32_t*) const;
extern template void PackedPage::integers(size_t, size_t, uint8_t*) const;

}  // namespace rideflow::rollup
