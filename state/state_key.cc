#include "state/state_key.h"

namespace rideflow {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

void put_big_endian(std::string& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
}

uint64_t get_big_endian(std::string_view in) {
  uint64_t value = 0;
  for (const char c : in) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string state_step_prefix(KeyGroup group, std::string_view step) {
  std::string out;
  put_big_endian(out, static_cast<uint64_t>(group.value), 2);
  out += step;
  out += '\0';
  return out;
}

std::string state_step_end(KeyGroup group, std::string_view step) {
  std::string out = state_step_prefix(group, step);
  out.back() = '\1';  // a step has no NUL
  return out;
}

std::string state_slice_prefix(KeyGroup group, std::string_view step, int64_t slice) {
  std::string out = state_step_prefix(group, step);
  put_big_endian(out, static_cast<uint64_t>(slice) ^ kSignBit, 8);
  return out;
}

std::string state_key(std::string_view step, const CellKey& cell) {
  std::string out = state_slice_prefix(cell.group, step, cell.slice);
  out += cell.key;
  return out;
}

std::optional<StateRow> parse_state_key(std::string_view row_key) {
  if (row_key.size() < 2) return std::nullopt;
  StateRow row;
  row.cell.group = KeyGroup(static_cast<int32_t>(get_big_endian(row_key.substr(0, 2))));
  row_key.remove_prefix(2);
  const size_t end = row_key.find('\0');
  if (end == std::string_view::npos || row_key.size() - end - 1 < 8) return std::nullopt;
  row.step = row_key.substr(0, end);
  row.cell.slice = static_cast<int64_t>(get_big_endian(row_key.substr(end + 1, 8)) ^ kSignBit);
  row.cell.key = row_key.substr(end + 9);
  return row;
}

}  // namespace rideflow
