// Appends JSON text to a string. Output is always valid UTF-8 JSON: invalid bytes become U+FFFD.
//
// Values print by the language's rules: int64 and decimal as plain numbers, timestamps ISO with Z, dates
// YYYY-MM-DD, intervals as ISO durations, bytes base64, NaN and infinities null; doubles in the shortest form
// that reads back equal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/batch.h"
#include "engine/value.h"

namespace rideflow {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view v);
  JsonWriter& number(int64_t v);
  JsonWriter& number(double v);
  JsonWriter& boolean(bool v);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // already JSON
  JsonWriter& value(const Value& v, const Type& type);
  JsonWriter& cell(const Column& column, int64_t row);
  // Shorthands: key and value.
  JsonWriter& field(std::string_view name, std::string_view v) { return key(name).string(v); }
  JsonWriter& field(std::string_view name, const char* v) { return key(name).string(v); }
  JsonWriter& field(std::string_view name, int64_t v) { return key(name).number(v); }
  JsonWriter& field(std::string_view name, int v) { return key(name).number(static_cast<int64_t>(v)); }
  JsonWriter& field(std::string_view name, double v) { return key(name).number(v); }
  JsonWriter& field(std::string_view name, bool v) { return key(name).boolean(v); }

 private:
  void comma();
  std::string& out_;
  bool need_comma_ = false;
};

// {"column": value, …} in schema order.
void append_row_json(std::string& out, const Batch& batch, int32_t row);
void append_json_string(std::string& out, std::string_view s);
std::string base64_encode(std::string_view bytes);
// Nothing when the text is not base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace rideflow
