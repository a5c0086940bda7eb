#include "engine/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "engine/decimal.h"
#include "engine/number_text.h"
#include "engine/time.h"
#include "engine/utf8.h"

namespace rideflow {

namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default: {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

void append_integer(std::string& out, int64_t v) {
  std::array<char, 24> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v);
  out.append(buffer.data(), result.ptr);
}

}  // namespace

void append_json_string(std::string& out, std::string_view s) {
  out += '"';
  size_t i = 0;
  while (i < s.size()) {
    const size_t begin = i;
    while (i < s.size() && is_plain(s[i])) ++i;
    out.append(s, begin, i - begin);
    if (i == s.size()) break;
    if (static_cast<unsigned char>(s[i]) < 0x80) {
      append_escaped(out, s[i++]);
      continue;
    }
    if (const size_t length = utf8_length_at(s, i); length > 0) {
      out.append(s, i, length);
      i += length;
    } else {
      out += kReplacement;
      ++i;
    }
  }
  out += '"';
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kBase64[(group >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const size_t pads = !last ? 0 : text.substr(i + 2) == "==" ? 2 : text[i + 3] == '=' ? 1 : 0;
    uint32_t group = 0;
    for (size_t k = 0; k < 4; ++k) {
      const size_t digit = k >= 4 - pads ? 0 : kBase64.find(text[i + k]);
      if (digit == std::string_view::npos) return std::nullopt;
      group = group << 6 | static_cast<uint32_t>(digit);
    }
    for (size_t k = 0; k < 3 - pads; ++k) out += static_cast<char>((group >> (16 - 8 * k)) & 255);
  }
  return out;
}

void JsonWriter::comma() {
  if (need_comma_) out_ += ',';
  need_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
  comma();
  out_ += '{';
  need_comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::end_object() {
  out_ += '}';
  need_comma_ = true;
  return *this;
}
JsonWriter& JsonWriter::begin_array() {
  comma();
  out_ += '[';
  need_comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::end_array() {
  out_ += ']';
  need_comma_ = true;
  return *this;
}
JsonWriter& JsonWriter::key(std::string_view name) {
  comma();
  append_json_string(out_, name);
  out_ += ':';
  need_comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::string(std::string_view v) {
  comma();
  append_json_string(out_, v);
  return *this;
}
JsonWriter& JsonWriter::number(int64_t v) {
  comma();
  append_integer(out_, v);
  return *this;
}
JsonWriter& JsonWriter::number(double v) {
  comma();
  std::isfinite(v) ? append_double(out_, v) : void(out_ += "null");
  return *this;
}
JsonWriter& JsonWriter::boolean(bool v) {
  return raw(v ? "true" : "false");
}
JsonWriter& JsonWriter::null() {
  return raw("null");
}
JsonWriter& JsonWriter::raw(std::string_view json) {
  comma();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::value(const Value& v, const Type& type) {
  switch (v.kind) {
    case Kind::null:
      return null();
    case Kind::boolean:
      return boolean(v.integer != 0);
    case Kind::int32:
    case Kind::int64:
      return number(v.integer);
    case Kind::float64:
      return number(v.number);
    case Kind::decimal:
      return raw(format_decimal(v.decimal, v.scale));
    case Kind::string:
      return string(v.text);
    case Kind::bytes:
      return string(base64_encode(v.text));
    case Kind::timestamp:
      return string(format_timestamp(v.integer));
    case Kind::date:
      return string(format_date(static_cast<int32_t>(v.integer)));
    case Kind::interval:
      return string(interval_to_iso(v.integer));
    case Kind::list:
      begin_array();
      for (const Value& item : v.items) value(item, type.children->front().type);
      return end_array();
    case Kind::structure:
      begin_object();
      for (size_t i = 0; i < v.items.size(); ++i) {
        key((*type.children)[i].name).value(v.items[i], (*type.children)[i].type);
      }
      return end_object();
  }
  return *this;
}

JsonWriter& JsonWriter::cell(const Column& column, int64_t row) {
  if (column.is_null(row)) return null();
  switch (column.type.kind) {
    case Kind::null:
      return null();
    case Kind::boolean:
      return boolean(column.boolean(row));
    case Kind::int32:
      return number(static_cast<int64_t>(column.values<int32_t>()[row]));
    case Kind::int64:
      return number(column.values<int64_t>()[row]);
    case Kind::float64:
      return number(column.values<double>()[row]);
    case Kind::decimal:
      return raw(format_decimal(column.values<Int128>()[row], column.type.scale));
    case Kind::string:
      return string(column.string(row));
    case Kind::bytes:
      return string(base64_encode(column.string(row)));
    case Kind::timestamp:
      comma();
      out_ += '"';
      append_timestamp(out_, column.values<Micros>()[row]);
      out_ += '"';
      return *this;
    case Kind::date:
      return string(format_date(column.values<int32_t>()[row]));
    case Kind::interval:
      return string(interval_to_iso(column.values<int64_t>()[row]));
    case Kind::list: {
      const auto* offsets = column.values<int32_t>();
      begin_array();
      for (int32_t i = offsets[row]; i < offsets[row + 1]; ++i) cell(column.children[0], i);
      return end_array();
    }
    case Kind::structure:
      begin_object();
      for (size_t i = 0; i < column.children.size(); ++i) {
        key((*column.type.children)[i].name).cell(column.children[i], row);
      }
      return end_object();
  }
  return *this;
}

void append_row_json(std::string& out, const Batch& batch, int32_t row) {
  JsonWriter json(out);
  json.begin_object();
  for (int c = 0; c < batch.schema->size(); ++c) {
    json.key(batch.schema->field(c).name).cell(batch.column(c), row);
  }
  json.end_object();
}

}  // namespace rideflow
