// Types, fields and schemas: the names and shapes of columns.
//
// Physical layout of one value, as in Arrow: boolean is one bit; int32 and date (days since 1970) 4 bytes;
// int64, float64, timestamp (Micros) and interval (microseconds) 8; decimal a signed 128-bit integer of units
// of 10^-scale; string and bytes 16-byte views (engine/column.h); list an int32 offsets array plus one child;
// structure one child per field. Types are small values; a Schema is immutable and shared.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/status.h"

namespace rideflow {

enum class Kind : uint8_t {
  null,  // the type of a bare NULL literal; never a column's
  boolean,
  int32,
  int64,
  float64,
  decimal,
  string,
  bytes,
  timestamp,
  date,
  interval,
  list,
  structure,
};

struct Field;

struct Type {
  Kind kind = Kind::null;
  uint8_t precision = 0;  // decimal only: 1..38
  uint8_t scale = 0;      // decimal only: 0..precision
  // list: one field named "item"; structure: its fields. Null otherwise.
  std::shared_ptr<const std::vector<Field>> children;

  Type() = default;
  Type(Kind k) : kind(k) {}  // NOLINT: implicit on purpose
  static Type decimal(int precision, int scale);
  static Type list(Type item, bool item_nullable = true);
  static Type structure(std::vector<Field> fields);

  bool is_numeric() const;  // int32, int64, float64, decimal
  bool is_integer() const { return kind == Kind::int32 || kind == Kind::int64; }
  bool is_view() const { return kind == Kind::string || kind == Kind::bytes; }
  // Bytes of one value in the data buffer; 0 for boolean (bits), list and structure.
  int width() const;
  // As a job file spells it: "decimal(10,2)", "struct(lat double, lon double?)", "list(string)".
  std::string to_string() const;
  friend bool operator==(const Type& a, const Type& b);
};

struct Field {
  std::string name;
  Type type;
  bool nullable = true;
  friend bool operator==(const Field& a, const Field& b);
};

class Schema {
 public:
  Schema() = default;
  explicit Schema(std::vector<Field> fields) : fields_(std::move(fields)) {}
  int size() const { return static_cast<int>(fields_.size()); }
  const Field& field(int i) const { return fields_[static_cast<size_t>(i)]; }
  const std::vector<Field>& fields() const { return fields_; }
  // Index of the column of this exact name.
  std::optional<int> find(std::string_view name) const;
  std::string to_string() const;
  friend bool operator==(const Schema& a, const Schema& b) { return a.fields_ == b.fields_; }

 private:
  std::vector<Field> fields_;
};
using SchemaRef = std::shared_ptr<const Schema>;
SchemaRef make_schema(std::vector<Field> fields);

// Parses a type as a job file spells it, with its trailing '?': "double?", "struct(lat double, lon double)?",
// "list(string)", "decimal(10,2)". Integer and float are accepted names of int32 and double. Decoding hints
// (timestamp(ms), double(text)) are not types: see engine/format.h.
Result<Field> parse_field_type(std::string_view text);

}  // namespace rideflow
