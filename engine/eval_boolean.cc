#include <algorithm>

#include "engine/eval_parts.h"

namespace rideflow {

namespace {

// The bits of a boolean column and of its validity, word by word; a constant repeats.
class BoolWords {
 public:
  explicit BoolWords(const EvalSlot& slot) {
    const Column& column = slot.column;
    if (slot.constant || column.type.kind == Kind::null) {
      const bool valid = column.type.kind != Kind::null && !column.is_null(0);
      all_valid_ = valid ? ~uint64_t{0} : 0;
      all_values_ = valid && column.boolean(0) ? ~uint64_t{0} : 0;
      return;
    }
    values_ = column.values<uint64_t>();
    if (column.has_nulls()) valid_ = column.validity.as<uint64_t>();
  }
  uint64_t values(int64_t w) const { return values_ ? values_[w] : all_values_; }
  uint64_t valid(int64_t w) const { return valid_ ? valid_[w] : all_valid_; }

 private:
  const uint64_t* values_ = nullptr;
  const uint64_t* valid_ = nullptr;
  uint64_t all_values_ = 0;
  uint64_t all_valid_ = ~uint64_t{0};
};

}  // namespace

RowMask copy_mask(const RowMask& mask, int32_t rows) {
  return mask ? BufferRef::copy_of(mask.view()) : make_bitmap(rows, true);
}

bool any_row(const RowMask& mask, int32_t rows) {
  if (!mask) return rows > 0;
  const auto* words = mask.as<uint64_t>();
  return std::any_of(words, words + word_count(rows), [](uint64_t word) { return word != 0; });
}

void clear_rows(Column& column, const std::vector<RowErrors::Error>& errors) {
  if (errors.empty()) return;
  BufferRef validity = make_bitmap(column.length, true);
  auto* bits = validity.as_mutable<uint8_t>();
  if (column.has_nulls()) copy_bits(bits, 0, column.validity.as<uint8_t>(), 0, column.length);
  for (const RowErrors::Error& error : errors) clear_bit(bits, error.row);
  column.null_count = static_cast<int32_t>(column.length - count_bits(bits, column.length));
  column.validity = std::move(validity);
}

void merge_validity(Column& column, const Column& other, bool other_constant) {
  if (!other.has_nulls()) return;
  if (other_constant) {
    column.validity = make_bitmap(column.length, false);
    column.null_count = column.length;
    return;
  }
  if (!column.has_nulls()) {
    column.validity = other.validity;
    column.null_count = other.null_count;
    return;
  }
  if (column.validity == other.validity) return;
  BufferRef merged = BufferRef::allocate(bitmap_bytes(column.length));
  const auto* a = column.validity.as<uint64_t>();
  const auto* b = other.validity.as<uint64_t>();
  auto* to = merged.as_mutable<uint64_t>();
  for (int64_t w = 0; w < word_count(column.length); ++w) to[w] = a[w] & b[w];
  column.null_count = static_cast<int32_t>(column.length - count_bits(merged.as<uint8_t>(), column.length));
  column.validity = std::move(merged);
}

BooleanFold::BooleanFold(bool is_and, int32_t rows, const RowMask& active)
    : is_and_(is_and),
      rows_(rows),
      open_(copy_mask(active, rows)),
      decided_(make_bitmap(rows, false)),
      unknown_(make_bitmap(rows, false)) {}

void BooleanFold::add(const EvalSlot& arg) {
  for (const RowErrors::Error& error : arg.errors) {
    if (!get_bit(open_.as<uint8_t>(), error.row)) continue;
    errors_.push_back(error);
    clear_bit(open_.as_mutable<uint8_t>(), error.row);
  }
  const BoolWords words(arg);
  auto* open = open_.as_mutable<uint64_t>();
  auto* decided = decided_.as_mutable<uint64_t>();
  auto* unknown = unknown_.as_mutable<uint64_t>();
  const uint64_t flip = is_and_ ? ~uint64_t{0} : 0;
  for (int64_t w = 0; w < word_count(rows_); ++w) {
    const uint64_t valid = words.valid(w);
    const uint64_t hit = (words.values(w) ^ flip) & valid & open[w];
    decided[w] |= hit;
    unknown[w] |= ~valid & open[w];
    open[w] &= ~hit;
  }
}

EvalSlot BooleanFold::finish() && {
  EvalSlot slot;
  slot.column.type = Kind::boolean;
  slot.column.length = rows_;
  BufferRef validity = BufferRef::allocate(bitmap_bytes(rows_));
  auto* valid = validity.as_mutable<uint64_t>();
  auto* decided = decided_.as_mutable<uint64_t>();
  const auto* unknown = unknown_.as<uint64_t>();
  const auto* open = open_.as<uint64_t>();
  for (int64_t w = 0; w < word_count(rows_); ++w) {
    // Open rows saw no deciding value: the neutral one, or null when a null was among them.
    valid[w] = decided[w] | (open[w] & ~unknown[w]);
    if (is_and_) decided[w] = ~decided[w];
  }
  slot.column.data = std::move(decided_);
  slot.column.null_count = static_cast<int32_t>(rows_ - count_bits(validity.as<uint8_t>(), rows_));
  if (slot.column.null_count > 0) slot.column.validity = std::move(validity);
  slot.errors = std::move(errors_);
  return slot;
}

}  // namespace rideflow
