// From codes to a truth per row, and from those to the rows that are true.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rideflow::rollup {

// What select_true() may write behind the rows that it finds.
inline constexpr size_t kSelectionSlack = 8;

// Row numbers of the n truths that are kTrue, ascending; returns how many. `rows` has room for n +
// kSelectionSlack.
size_t select_true(const uint8_t* truth, size_t n, uint32_t* rows);

// A truth per code of a dimension.
class CodeTable {
 public:
  explicit CodeTable(std::vector<uint8_t> truths);  // by code; there is one of null, code 0
  const std::vector<uint8_t>& truths() const { return truths_; }
  // The truth of each code. REQUIRES: the codes are of the table.
  void look_up(const uint32_t* codes, size_t n, uint8_t* out) const;

 private:
  std::vector<uint8_t> truths_;
  // The one code that is true, when all others but null are false: several codes are compared with it at
  // once. 0: there is no such code.
  uint32_t only_ = 0;
};

}  // namespace rideflow::rollup
