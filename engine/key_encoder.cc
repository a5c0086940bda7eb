#include "engine/key_encoder.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "engine/byte_codec.h"

namespace rideflow {

namespace {

// Not UTF-8, so no string of the language has these bytes.
constexpr std::string_view kNullString = "\xffnull";

bool is_string(const Type& type) {
  return type.kind == Kind::string;
}
bool is_fixed(const Type& type) {
  return !type.is_view();
}

uint64_t canonical_bits(double v) {
  if (std::isnan(v)) v = std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<uint64_t>(v + 0.0);
}

// Calls fn(row, bits) for every row that is not null. REQUIRES: fixed width of at most 8.
template <class Fn>
void each_word(const Column& column, Fn fn) {
  const auto loop = [&](auto get) {
    if (!column.has_nulls()) {
      for (int32_t row = 0; row < column.length; ++row) fn(row, get(row));
      return;
    }
    for (int32_t row = 0; row < column.length; ++row) {
      if (!column.is_null(row)) fn(row, get(row));
    }
  };
  switch (column.type.kind) {
    case Kind::boolean:
      return loop([&](int32_t row) { return uint64_t{column.boolean(row)}; });
    case Kind::int32:
    case Kind::date: {
      const auto* v = column.values<int32_t>();
      return loop([v](int32_t row) { return static_cast<uint64_t>(int64_t{v[row]}); });
    }
    case Kind::float64: {
      const auto* v = column.values<double>();
      return loop([v](int32_t row) { return canonical_bits(v[row]); });
    }
    default: {
      const auto* v = column.values<uint64_t>();
      return loop([v](int32_t row) { return v[row]; });
    }
  }
}

void append_value(const Column& column, int32_t row, std::string& out);

// An item of a list or a field of a structure: whether it is null, then the value.
void append_item(const Column& column, int32_t row, std::string& out) {
  out.push_back(column.is_null(row) ? 0 : 1);
  if (!column.is_null(row)) append_value(column, row, out);
}

void append_value(const Column& column, int32_t row, std::string& out) {
  switch (column.type.kind) {
    case Kind::boolean:
      out.push_back(column.boolean(row) ? 1 : 0);
      break;
    case Kind::int32:
    case Kind::date:
      append_fixed(out, column.values<int32_t>()[row]);
      break;
    case Kind::float64:
      append_fixed(out, canonical_bits(column.values<double>()[row]));
      break;
    case Kind::decimal:
      append_fixed(out, column.values<Int128>()[row]);
      break;
    case Kind::string:
    case Kind::bytes:
      append_bytes(out, column.string(row));
      break;
    case Kind::list: {
      const auto* ends = column.values<int32_t>();
      append_varint(out, static_cast<uint64_t>(ends[row + 1] - ends[row]));
      for (int32_t i = ends[row]; i < ends[row + 1]; ++i) append_item(column.children[0], i, out);
      break;
    }
    case Kind::structure:
      for (const Column& child : column.children) append_item(child, row, out);
      break;
    default:
      append_fixed(out, column.values<int64_t>()[row]);
      break;
  }
}

void read_value(ByteReader& in, ColumnBuilder& out);

void read_item(ByteReader& in, ColumnBuilder& out) {
  if (in.get<char>() == 0) {
    out.append_null();
  } else {
    read_value(in, out);
  }
}

void read_value(ByteReader& in, ColumnBuilder& out) {
  switch (out.type().kind) {
    case Kind::boolean:
      return out.append_bool(in.get<char>() != 0);
    case Kind::int32:
    case Kind::date:
      return out.append(in.get<int32_t>());
    case Kind::float64:
      return out.append(in.get<double>());
    case Kind::decimal:
      return out.append(in.get<Int128>());
    case Kind::string:
    case Kind::bytes:
      return out.append_string(in.bytes());
    case Kind::list: {
      const uint64_t n = in.varint();
      for (uint64_t i = 0; i < n && in.ok(); ++i) read_item(in, out.child(0));
      return out.end_list();
    }
    case Kind::structure:
      for (size_t i = 0; i < out.type().children->size(); ++i) read_item(in, out.child(static_cast<int>(i)));
      return out.end_struct();
    default:
      return out.append(in.get<int64_t>());
  }
}

Status damaged() {
  return Status::external(Code::data_loss, "A key in the state is damaged: its bytes do not decode.");
}

}  // namespace

Status KeyEncoder::check(const Type& type) {
  if (type.kind != Kind::list && type.kind != Kind::structure && type.kind != Kind::null) return {};
  return Status::user(
      Code::invalid_argument,
      fmt::format("A column of type {} cannot be a key; use one of its parts instead.", type.to_string()));
}

std::span<const Key> KeyEncoder::encode(const Batch& batch, std::span<const int> columns) {
  RF_CHECK(columns.size() == types_.size());
  keys_.assign(static_cast<size_t>(batch.rows), Key{});
  if (columns.empty()) return keys_;
  const Column& first = batch.column(columns[0]);
  if (!rows_ && columns.size() == 1 && is_string(first.type)) {
    encode_string(first);
  } else if (!rows_ && columns.size() == 1 && is_fixed(first.type) && first.type.kind != Kind::decimal) {
    encode_fixed(first);
  } else {
    encode_composite(batch, columns);
  }
  return keys_;
}

void KeyEncoder::encode_string(const Column& column) {
  const auto* views = column.values<StringView>();
  for (size_t row = 0; row < keys_.size(); ++row) {
    std::memcpy(static_cast<void*>(&keys_[row]), &views[row], sizeof(Key));
    if (!views[row].is_inline()) keys_[row].data = column.string(static_cast<int64_t>(row)).data();
  }
  if (!column.has_nulls()) return;
  for (size_t row = 0; row < keys_.size(); ++row) {
    if (column.is_null(static_cast<int64_t>(row))) keys_[row] = Key::of(kNullString);
  }
}

void KeyEncoder::encode_fixed(const Column& column) {
  each_word(column, [this](int32_t row, uint64_t bits) {
    Key& key = keys_[static_cast<size_t>(row)];
    key.length = 8;
    std::memcpy(key.prefix, &bits, 8);  // over prefix and half of rest
  });
}

void KeyEncoder::encode_composite(const Batch& batch, std::span<const int> columns) {
  scratch_.clear();
  ends_.clear();
  const size_t bitmap = (columns.size() + 7) / 8;
  for (int32_t row = 0; row < batch.rows; ++row) {
    const size_t begin = scratch_.size();
    scratch_.append(bitmap, '\0');
    for (size_t i = 0; i < columns.size(); ++i) {
      const Column& column = batch.column(columns[i]);
      if (column.is_null(row)) {
        char& bits = scratch_[begin + i / 8];
        bits = static_cast<char>(bits | 1 << (i % 8));
      } else {
        append_value(column, row, scratch_);
      }
    }
    ends_.push_back(scratch_.size());
  }
  size_t begin = 0;
  for (size_t row = 0; row < keys_.size(); ++row) {
    keys_[row] = Key::of(std::string_view(scratch_).substr(begin, ends_[row] - begin));
    begin = ends_[row];
  }
}

Status KeyEncoder::decode(std::string_view key, std::vector<ColumnBuilder>& builders, size_t first) const {
  if (types_.empty()) return key.empty() ? Status() : damaged();
  ColumnBuilder& column = builders[first];
  if (!rows_ && types_.size() == 1 && is_string(types_[0])) {
    if (key == kNullString) {
      column.append_null();
    } else {
      column.append_string(key);
    }
    return {};
  }
  ByteReader in(key);
  if (!rows_ && types_.size() == 1 && is_fixed(types_[0]) && types_[0].kind != Kind::decimal) {
    if (key.empty()) {
      column.append_null();
      return {};
    }
    const auto bits = in.get<int64_t>();
    if (!in.complete()) return damaged();
    if (types_[0].kind == Kind::boolean) {
      column.append_bool(bits != 0);
    } else if (types_[0].width() == 4) {
      column.append(static_cast<int32_t>(bits));
    } else {
      column.append(bits);
    }
    return {};
  }
  const std::string_view nulls = in.take((types_.size() + 7) / 8);
  if (!in.ok()) return damaged();
  for (size_t i = 0; i < types_.size(); ++i) {
    if ((nulls[i / 8] >> (i % 8) & 1) != 0) {
      builders[first + i].append_null();
    } else {
      read_value(in, builders[first + i]);
    }
  }
  return in.complete() ? Status() : damaged();
}

BufferRef hash_keys(const Batch& batch, std::span<const int> columns) {
  BufferRef out = BufferRef::allocate(static_cast<size_t>(batch.rows) * sizeof(uint64_t));
  auto* hashes = out.as_mutable<uint64_t>();
  std::vector<Type> types;
  for (const int c : columns) types.push_back(batch.column(c).type);
  KeyEncoder encoder(std::move(types));
  const std::span<const Key> keys = encoder.encode(batch, columns);
  for (size_t row = 0; row < keys.size(); ++row) hashes[row] = hash_key(keys[row].view());
  return out;
}

}  // namespace rideflow
