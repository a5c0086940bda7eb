#include <bit>

#include "engine/builder.h"
#include "engine/eval_parts.h"

namespace rideflow {

namespace {

template <class F>
void for_each_row(const RowMask& mask, int32_t rows, F f) {
  const auto* words = mask.as<uint64_t>();
  for (int64_t w = 0; w < word_count(rows); ++w) {
    for (uint64_t word = words[w]; word != 0; word &= word - 1) {
      f(static_cast<int32_t>(w * 64 + std::countr_zero(word)));
    }
  }
}

struct Wide {
  uint64_t words[2];
};

template <class T>
void copy_rows(const EvalSlot& from, const RowMask& mask, int32_t rows, BufferRef& to) {
  const T* values = from.column.values<T>();
  T* out = to.as_mutable<T>();
  if (from.constant) {
    for_each_row(mask, rows, [&](int32_t row) { out[row] = values[0]; });
  } else {
    for_each_row(mask, rows, [&](int32_t row) { out[row] = values[row]; });
  }
}

}  // namespace

Column repeat(const Column& constant, int32_t rows) {
  if (constant.type.kind == Kind::null || constant.is_null(0)) return null_column(constant.type, rows);
  const BufferRef zeros = BufferRef::allocate_zeroed(static_cast<size_t>(rows) * sizeof(int32_t));
  return take(constant, zeros.as<int32_t>(), rows);
}

BranchSelect::BranchSelect(Type type, int32_t rows, const RowMask& active)
    : type_(std::move(type)), rows_(rows), open_(copy_mask(active, rows)) {}

void BranchSelect::fail_open_rows(const EvalSlot& slot) {
  for (const RowErrors::Error& error : slot.errors) {
    if (!get_bit(open_.as<uint8_t>(), error.row)) continue;
    errors_.push_back(error);
    clear_bit(open_.as_mutable<uint8_t>(), error.row);
  }
}

RowMask BranchSelect::rows_where(const EvalSlot& condition) {
  fail_open_rows(condition);
  const Column& column = condition.column;
  RowMask rows = copy_mask(open_, rows_);
  auto* words = rows.as_mutable<uint64_t>();
  const bool constant_true =
      condition.constant && column.type.kind == Kind::boolean && !column.is_null(0) && column.boolean(0);
  for (int64_t w = 0; w < word_count(rows_); ++w) {
    if (condition.constant || column.type.kind == Kind::null) {
      if (!constant_true) words[w] = 0;
      continue;
    }
    words[w] &= column.values<uint64_t>()[w];
    if (column.has_nulls()) words[w] &= column.validity.as<uint64_t>()[w];
  }
  return rows;
}

RowMask BranchSelect::rows_with_value(const EvalSlot& value) {
  fail_open_rows(value);
  RowMask rows = copy_mask(open_, rows_);
  const Column& column = value.column;
  if (column.type.kind == Kind::null || (value.constant && column.has_nulls()))
    return make_bitmap(rows_, false);
  if (value.constant || !column.has_nulls()) return rows;
  auto* words = rows.as_mutable<uint64_t>();
  for (int64_t w = 0; w < word_count(rows_); ++w) words[w] &= column.validity.as<uint64_t>()[w];
  return rows;
}

void BranchSelect::take(const EvalSlot& value, RowMask rows) {
  for (const RowErrors::Error& error : value.errors) {
    if (get_bit(rows.as<uint8_t>(), error.row)) errors_.push_back(error);
  }
  auto* open = open_.as_mutable<uint64_t>();
  for (int64_t w = 0; w < word_count(rows_); ++w) open[w] &= ~rows.as<uint64_t>()[w];
  if (value.column.type.kind != Kind::null) branches_.push_back({&value, std::move(rows)});
}

void BranchSelect::copy_fixed(Column& out) const {
  const int width = type_.width();
  out.data = BufferRef::allocate_zeroed(static_cast<size_t>(rows_) * static_cast<size_t>(width));
  for (const Branch& branch : branches_) {
    if (width == 4) {
      copy_rows<uint32_t>(*branch.value, branch.rows, rows_, out.data);
    } else if (width == 8) {
      copy_rows<uint64_t>(*branch.value, branch.rows, rows_, out.data);
    } else {
      copy_rows<Wide>(*branch.value, branch.rows, rows_, out.data);
    }
  }
}

void BranchSelect::copy_views(Column& out) const {
  copy_fixed(out);
  auto* views = out.data.as_mutable<StringView>();
  for (const Branch& branch : branches_) {
    const auto base = static_cast<int32_t>(out.variadic.size());
    const std::vector<BufferRef>& buffers = branch.value->column.variadic;
    out.variadic.insert(out.variadic.end(), buffers.begin(), buffers.end());
    if (base == 0 || buffers.empty()) continue;
    for_each_row(branch.rows, rows_, [&](int32_t row) {
      if (!views[row].is_inline()) views[row].ref.buffer += base;
    });
  }
}

void BranchSelect::copy_bits_of(Column& out) const {
  out.data = make_bitmap(rows_, false);
  auto* to = out.data.as_mutable<uint64_t>();
  for (const Branch& branch : branches_) {
    const Column& column = branch.value->column;
    const uint64_t all = branch.value->constant && column.boolean(0) ? ~uint64_t{0} : 0;
    for (int64_t w = 0; w < word_count(rows_); ++w) {
      const uint64_t values = branch.value->constant ? all : column.values<uint64_t>()[w];
      to[w] |= values & branch.rows.as<uint64_t>()[w];
    }
  }
}

Column BranchSelect::copy_nested() const {
  std::vector<const EvalSlot*> chosen(static_cast<size_t>(rows_), nullptr);
  for (const Branch& branch : branches_) {
    for_each_row(branch.rows, rows_, [&](int32_t row) { chosen[static_cast<size_t>(row)] = branch.value; });
  }
  ColumnBuilder builder(type_, rows_);
  for (int32_t row = 0; row < rows_; ++row) {
    const EvalSlot* slot = chosen[static_cast<size_t>(row)];
    if (slot) {
      builder.append_from(slot->column, slot->constant ? 0 : row);
    } else {
      builder.append_null();
    }
  }
  return builder.finish();
}

EvalSlot BranchSelect::finish() && {
  EvalSlot slot;
  if (type_.kind == Kind::list || type_.kind == Kind::structure) {
    slot.column = copy_nested();
  } else if (type_.kind == Kind::null) {
    slot.column = null_column(type_, rows_);
  } else {
    Column& out = slot.column;
    out.type = type_;
    out.length = rows_;
    if (type_.kind == Kind::boolean) {
      copy_bits_of(out);
    } else if (type_.is_view()) {
      copy_views(out);
    } else {
      copy_fixed(out);
    }
    BufferRef validity = make_bitmap(rows_, false);
    auto* valid = validity.as_mutable<uint64_t>();
    for (const Branch& branch : branches_) {
      const Column& column = branch.value->column;
      if (branch.value->constant && column.has_nulls()) continue;
      const uint64_t* bits = column.has_nulls() ? column.validity.as<uint64_t>() : nullptr;
      for (int64_t w = 0; w < word_count(rows_); ++w) {
        valid[w] |= branch.rows.as<uint64_t>()[w] & (bits ? bits[w] : ~uint64_t{0});
      }
    }
    out.null_count = static_cast<int32_t>(rows_ - count_bits(validity.as<uint8_t>(), rows_));
    if (out.null_count > 0) out.validity = std::move(validity);
  }
  clear_rows(slot.column, errors_);
  slot.errors = std::move(errors_);
  return slot;
}

}  // namespace rideflow
