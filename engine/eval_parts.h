// The pieces that the Evaluator is made of: what a node computed, SQL's and/or over bitmaps, the choice
// between branches, and `in` lists. Used by evaluator.cc only.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/bits.h"
#include "engine/expr.h"

namespace rideflow {

// What a node computed for one batch. A constant has one row that stands for all; the rows in `errors` are
// null.
struct EvalSlot {
  Column column;
  bool constant = false;
  std::vector<RowErrors::Error> errors;
};

// A bitmap of rows that matter, or nothing when all do. Bits past the last row are 0.
using RowMask = BufferRef;
inline const uint8_t* bits_of(const RowMask& mask) {
  return mask ? mask.as<uint8_t>() : nullptr;
}
inline bool in_mask(const RowMask& mask, int64_t row) {
  return !mask || get_bit(mask.as<uint8_t>(), row);
}
RowMask copy_mask(const RowMask& mask, int32_t rows);  // all rows when absent
bool any_row(const RowMask& mask, int32_t rows);

// One row, repeated.
Column repeat(const Column& constant, int32_t rows);
// The column with these rows null. Its own validity is copied first when needed.
void clear_rows(Column& column, const std::vector<RowErrors::Error>& errors);
// column.validity &= other's. `other_constant`: other has one row.
void merge_validity(Column& column, const Column& other, bool other_constant);

// Folds the arguments of an n-ary `and` or `or` from left to right. open(): the rows whose answer is not
// decided yet; only these may be looked at by the next argument.
class BooleanFold {
 public:
  BooleanFold(bool is_and, int32_t rows, const RowMask& active);
  const RowMask& open() const { return open_; }
  void add(const EvalSlot& arg);
  EvalSlot finish() &&;

 private:
  bool is_and_;
  int32_t rows_;
  RowMask open_;
  BufferRef decided_;  // false was seen by `and`, true by `or`
  BufferRef unknown_;  // null was seen
  std::vector<RowErrors::Error> errors_;
};

// Picks each row's value from the branch that it took.
class BranchSelect {
 public:
  BranchSelect(Type type, int32_t rows, const RowMask& active);
  // Rows that took no branch yet.
  const RowMask& open() const { return open_; }
  // Of the open rows: those where `condition` is true. Rows on which it failed leave with its error.
  RowMask rows_where(const EvalSlot& condition);
  // Of the open rows: those where `value` has a value (coalesce). Likewise.
  RowMask rows_with_value(const EvalSlot& value);
  // The rows of `rows` (a subset of open) take their value from `value`, and are open no more. `value` stays
  // alive until finish().
  void take(const EvalSlot& value, RowMask rows);
  EvalSlot finish() &&;

 private:
  struct Branch {
    const EvalSlot* value;
    RowMask rows;
  };
  void fail_open_rows(const EvalSlot& slot);
  void copy_fixed(Column& out) const;
  void copy_bits_of(Column& out) const;
  void copy_views(Column& out) const;
  Column copy_nested() const;

  Type type_;
  int32_t rows_;
  RowMask open_;
  std::vector<Branch> branches_;
  std::vector<RowErrors::Error> errors_;
};

// The constant items of an `in` list, ready to be looked up.
class ConstantSet {
 public:
  virtual ~ConstantSet() = default;
  // One bit per row; bits of null rows mean nothing.
  virtual BufferRef lookup(const Column& column) const = 0;
  // Items that are null are left out; `has_null` tells.
  static std::unique_ptr<const ConstantSet> make(const Type& type, std::span<const Column* const> items);
};
// One bit per row: whether the values are equal by the language's rule. Bits of null rows mean nothing.
BufferRef equal_rows(const EvalSlot& a, const EvalSlot& b, int32_t rows);

}  // namespace rideflow
