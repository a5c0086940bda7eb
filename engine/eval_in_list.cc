#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <unordered_set>

#include "engine/eval_parts.h"

namespace rideflow {

namespace {

template <class F>
BufferRef bits_where(int32_t rows, F is_true) {
  BufferRef out = make_bitmap(rows, false);
  auto* words = out.as_mutable<uint64_t>();
  for (int32_t i = 0; i < rows; ++i) words[i / 64] |= uint64_t{is_true(i)} << (i % 64);
  return out;
}

// NaN equals itself; -0 equals 0.
struct Same {
  template <class T>
  bool operator()(T a, T b) const {
    return a == b;
  }
  bool operator()(double a, double b) const { return a == b || (std::isnan(a) && std::isnan(b)); }
};
// The language's order, so that NaN has a place in a sorted list.
struct Less {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b;
  }
  bool operator()(double a, double b) const { return std::isnan(b) ? !std::isnan(a) : a < b; }
};

constexpr size_t kFewItems = 8;

template <class T>
class FixedSet final : public ConstantSet {
 public:
  explicit FixedSet(std::vector<T> items) : items_(std::move(items)) {
    std::sort(items_.begin(), items_.end(), Less());
  }
  BufferRef lookup(const Column& column) const override {
    const T* values = column.values<T>();
    if (items_.size() <= kFewItems) {
      return bits_where(column.length, [&](int32_t i) {
        bool found = false;
        for (const T item : items_) found |= Same()(values[i], item);
        return found;
      });
    }
    return bits_where(column.length, [&](int32_t i) {
      return std::binary_search(items_.begin(), items_.end(), values[i], Less());
    });
  }

 private:
  std::vector<T> items_;
};

class TextSet final : public ConstantSet {
 public:
  explicit TextSet(std::vector<std::string> items) : items_(std::move(items)) {
    std::sort(items_.begin(), items_.end());
    items_.erase(std::unique(items_.begin(), items_.end()), items_.end());
    for (const std::string& item : items_) {
      index_.insert(item);
      heads_.push_back(head(item.size(), item));
    }
  }
  BufferRef lookup(const Column& column) const override {
    if (items_.size() > kFewItems) {
      return bits_where(column.length, [&](int32_t i) { return index_.contains(column.string(i)); });
    }
    const auto* views = column.values<StringView>();
    return bits_where(column.length, [&](int32_t i) {
      uint64_t view_head;
      std::memcpy(&view_head, &views[i], 8);  // length and prefix: nearly always decides
      for (size_t k = 0; k < heads_.size(); ++k) {
        if (heads_[k] == view_head && column.string(i) == items_[k]) return true;
      }
      return false;
    });
  }

 private:
  static uint64_t head(size_t size, std::string_view text) {
    StringView view;
    view.length = static_cast<int32_t>(size);
    std::memcpy(view.prefix, text.data(), std::min<size_t>(4, text.size()));
    uint64_t bits;
    std::memcpy(&bits, &view, 8);
    return bits;
  }
  std::vector<std::string> items_;
  std::vector<uint64_t> heads_;
  std::unordered_set<std::string_view> index_;
};

class ValueSet final : public ConstantSet {
 public:
  explicit ValueSet(std::vector<Value> items) : items_(std::move(items)) {}
  BufferRef lookup(const Column& column) const override {
    return bits_where(column.length, [&](int32_t i) {
      const Value value = value_at(column, i);
      return std::any_of(items_.begin(), items_.end(), [&](const Value& item) { return item == value; });
    });
  }

 private:
  std::vector<Value> items_;
};

template <class T>
std::unique_ptr<const ConstantSet> fixed_set(std::span<const Column* const> items) {
  std::vector<T> values;
  for (const Column* item : items) {
    if (!item->is_null(0)) values.push_back(item->values<T>()[0]);
  }
  return std::make_unique<FixedSet<T>>(std::move(values));
}

template <class T>
BufferRef equal_fixed(const EvalSlot& a, const EvalSlot& b, int32_t rows) {
  const T* x = a.column.values<T>();
  const T* y = b.column.values<T>();
  const int x_step = a.constant ? 0 : 1;
  const int y_step = b.constant ? 0 : 1;
  return bits_where(rows, [&](int32_t i) { return Same()(x[i * x_step], y[i * y_step]); });
}

}  // namespace

std::unique_ptr<const ConstantSet> ConstantSet::make(const Type& type, std::span<const Column* const> items) {
  std::vector<std::string> texts;
  std::vector<Value> values;
  switch (type.kind) {
    case Kind::int32:
    case Kind::date:
      return fixed_set<int32_t>(items);
    case Kind::int64:
    case Kind::timestamp:
    case Kind::interval:
      return fixed_set<int64_t>(items);
    case Kind::float64:
      return fixed_set<double>(items);
    case Kind::decimal:
      return fixed_set<Int128>(items);
    case Kind::string:
    case Kind::bytes:
      for (const Column* item : items) {
        if (!item->is_null(0)) texts.emplace_back(item->string(0));
      }
      return std::make_unique<TextSet>(std::move(texts));
    default:
      for (const Column* item : items) {
        if (!item->is_null(0)) values.push_back(value_at(*item, 0));
      }
      return std::make_unique<ValueSet>(std::move(values));
  }
}

BufferRef equal_rows(const EvalSlot& a, const EvalSlot& b, int32_t rows) {
  const auto at = [](const EvalSlot& slot, int32_t row) { return slot.constant ? 0 : row; };
  switch (a.column.type.kind) {
    case Kind::int32:
    case Kind::date:
      return equal_fixed<int32_t>(a, b, rows);
    case Kind::int64:
    case Kind::timestamp:
    case Kind::interval:
      return equal_fixed<int64_t>(a, b, rows);
    case Kind::float64:
      return equal_fixed<double>(a, b, rows);
    case Kind::decimal:
      return equal_fixed<Int128>(a, b, rows);
    case Kind::string:
    case Kind::bytes:
      return bits_where(rows,
                        [&](int32_t i) { return a.column.string(at(a, i)) == b.column.string(at(b, i)); });
    default:
      return bits_where(
          rows, [&](int32_t i) { return value_at(a.column, at(a, i)) == value_at(b.column, at(b, i)); });
  }
}

}  // namespace rideflow
