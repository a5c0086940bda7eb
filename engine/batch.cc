#include "engine/batch.h"

#include <algorithm>

#include "engine/compact.h"
#include "engine/gather.h"
#include "engine/value.h"

namespace rideflow {

namespace {

// A member that a batch need not have.
template <class T>
BufferRef gather_member(const BufferRef& from, const int32_t* rows, int32_t n) {
  return from ? gather<T>(from, rows, n) : BufferRef{};
}

// One buffer of all parts' `member`; absent when the first part has none. A part without one gets zeros.
template <class T>
BufferRef joined(const std::vector<Batch>& parts, BufferRef Batch::*member, int32_t rows) {
  const bool any = std::any_of(parts.begin(), parts.end(), [&](const Batch& p) { return bool(p.*member); });
  if (!any) return {};
  BufferRef out = BufferRef::allocate_zeroed(static_cast<size_t>(rows) * sizeof(T));
  T* to = out.as_mutable<T>();
  for (const Batch& part : parts) {
    if (part.*member && part.rows > 0) {
      std::memcpy(to, (part.*member).data(), static_cast<size_t>(part.rows) * sizeof(T));
    }
    to += part.rows;
  }
  return out;
}

bool all_have(const std::vector<Batch>& parts, BufferRef Batch::*member) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](const Batch& p) { return p.rows == 0 || bool(p.*member); });
}

size_t bytes_of(const Column& column, KeptTexts& texts) {
  size_t total = column.validity.size() + column.data.size() + texts.add(column);
  for (const Column& child : column.children) total += bytes_of(child, texts);
  return total;
}

}  // namespace

size_t Batch::bytes() const {
  size_t total = event_time.size() + key_hash.size() + row_kind.size() + origin_row.size();
  KeptTexts texts;
  for (const Column& column : columns) total += bytes_of(column, texts);
  return total + behind.size() * sizeof(BehindRow);
}

Batch take(const Batch& batch, const int32_t* rows, int32_t n) {
  Batch out;
  out.schema = batch.schema;
  out.rows = n;
  out.columns.reserve(batch.columns.size());
  for (const Column& column : batch.columns) out.columns.push_back(take(column, rows, n));
  out.event_time = gather_member<Micros>(batch.event_time, rows, n);
  out.key_hash = gather_member<uint64_t>(batch.key_hash, rows, n);
  out.row_kind = gather_member<int8_t>(batch.row_kind, rows, n);
  for (const BehindRow& behind : batch.behind) {
    const int32_t* at = std::lower_bound(rows, rows + n, behind.row);
    for (; at != rows + n && *at == behind.row; ++at) {
      out.behind.push_back({static_cast<int32_t>(at - rows), behind.partition_watermark, behind.reason});
    }
  }
  out.origin = batch.origin;
  if (batch.origin) {
    out.origin_row = batch.origin_row ? gather<int32_t>(batch.origin_row, rows, n)
                                      : BufferRef::copy_of({reinterpret_cast<const char*>(rows),
                                                            static_cast<size_t>(n) * sizeof(int32_t)});
  }
  return out;
}

Batch concat(std::vector<Batch> parts) {
  RF_CHECK(!parts.empty());
  if (parts.size() == 1) {
    Batch only = std::move(parts[0]);
    only.origin = nullptr;
    only.origin_row = BufferRef();
    return only;
  }
  Batch out;
  out.schema = parts[0].schema;
  for (const Batch& part : parts) {
    for (BehindRow behind : part.behind) {
      behind.row += out.rows;
      out.behind.push_back(behind);
    }
    out.rows += part.rows;
  }
  for (size_t c = 0; c < parts[0].columns.size(); ++c) {
    std::vector<const Column*> columns;
    for (const Batch& part : parts) columns.push_back(&part.columns[c]);
    out.columns.push_back(concat(columns));
  }
  if (all_have(parts, &Batch::event_time))
    out.event_time = joined<Micros>(parts, &Batch::event_time, out.rows);
  if (all_have(parts, &Batch::key_hash)) out.key_hash = joined<uint64_t>(parts, &Batch::key_hash, out.rows);
  out.row_kind = joined<int8_t>(parts, &Batch::row_kind, out.rows);  // absent means insert, which is 0
  return out;
}

std::string to_string(const Batch& batch) {
  std::string text;
  for (const Field& field : batch.schema->fields()) {
    if (!text.empty()) text += " | ";
    text += field.name;
  }
  text += '\n';
  for (int32_t row = 0; row < batch.rows; ++row) {
    for (size_t c = 0; c < batch.columns.size(); ++c) {
      if (c > 0) text += " | ";
      text += value_at(batch.columns[c], row).to_string();
    }
    text += '\n';
  }
  return text;
}

}  // namespace rideflow
