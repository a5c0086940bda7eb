#include "engine/compact.h"

#include <algorithm>
#include <cstring>

namespace rideflow {
namespace {

constexpr size_t kSmall = 4096;  // is kept as it is

// Calls use(column) for the column and what is inside of it.
template <class C, class Use>
void for_each_column(C& column, const Use& use) {
  use(column);
  for (auto& child : column.children) for_each_column(child, use);
}

bool points_outside(const Column& column, int32_t row) {
  return !column.is_null(row) && !column.values<StringView>()[row].is_inline();
}

size_t text_bytes(const Column& column) {
  size_t bytes = 0;
  for (int32_t row = 0; row < column.length; ++row) {
    if (points_outside(column, row)) bytes += column.string(row).size();
  }
  return bytes;
}

// The column with a copy of its texts, one behind the other.
void copy_texts(Column& column) {
  BufferRef texts = BufferRef::allocate(text_bytes(column));
  const auto rows = static_cast<size_t>(column.length);
  BufferRef views = BufferRef::allocate_zeroed(rows * sizeof(StringView));
  int32_t used = 0;
  for (int32_t row = 0; row < column.length; ++row) {
    StringView& view = views.as_mutable<StringView>()[row];
    if (!points_outside(column, row)) {
      if (!column.is_null(row)) view = column.values<StringView>()[row];
      continue;
    }
    const std::string_view text = column.string(row);
    std::memcpy(texts.mutable_data() + used, text.data(), text.size());
    view = StringView::make_ref(text, 0, used);
    used += view.length;
  }
  column.data = std::move(views);
  column.variadic = {std::move(texts)};
}

}  // namespace

size_t KeptTexts::add(const Column& column) {
  size_t added = 0;
  for (const BufferRef& buffer : column.variadic) {
    if (std::find(counted_.begin(), counted_.end(), buffer.data()) != counted_.end()) continue;
    counted_.push_back(buffer.data());
    added += buffer.size();
  }
  return added;
}

Batch compact(Batch batch) {
  KeptTexts texts;
  size_t kept = 0;
  size_t needed = 0;
  const auto account = [&](const Column& column) {
    if (column.variadic.empty()) return;
    needed += text_bytes(column);
    kept += texts.add(column);
  };
  for (const Column& column : batch.columns) for_each_column(column, account);
  if (kept <= std::max(kSmall, 2 * needed)) return batch;
  const auto copy = [](Column& column) {
    if (!column.variadic.empty()) copy_texts(column);
  };
  for (Column& column : batch.columns) for_each_column(column, copy);
  return batch;
}

}  // namespace rideflow
