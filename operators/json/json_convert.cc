// The half of JsonDecoder that turns tokens into values of columns.
#include <fmt/format.h>

#include <algorithm>

#include "operators/json/json_columns.h"
#include "operators/json/json_decoder.h"

namespace rideflow {

// ---- Columns of a block of records

void JsonDecoder::convert_block(JsonNode& node, ColumnWriter& out, int32_t rows) {
  const JsonColumnKernels& kernels = json_column_kernels();
  switch (node.quick) {
    case JsonNode::Quick::text:
      return convert_marks<StringView>(node, out, rows, [&](const JsonMark* marks, size_t n, StringView* to) {
        return kernels.texts(marks, n, out.shared_base(), to);
      });
    case JsonNode::Quick::number:
      return convert_marks<double>(node, out, rows, kernels.numbers);
    case JsonNode::Quick::time:
      return convert_marks<Micros>(node, out, rows, [&](const JsonMark* marks, size_t n, Micros* to) {
        return kernels.times(marks, n, node.times.minutes(), to);
      });
    case JsonNode::Quick::none:
      for (int32_t row = 0; row < rows; ++row) convert_mark(static_cast<size_t>(row), node, out);
  }
}

// `read` stops at what is rare.
template <class T, class Read>
void JsonDecoder::convert_marks(JsonNode& node, ColumnWriter& out, int32_t rows, Read read) {
  for (int32_t row = 0; row < rows; ++row) {
    const size_t n =
        read(&node.marks[static_cast<size_t>(row)], static_cast<size_t>(rows - row), out.next_rows<T>());
    out.advance(static_cast<int32_t>(n));
    row += static_cast<int32_t>(n);
    if (row < rows) convert_mark(static_cast<size_t>(row), node, out);
  }
}

namespace {

// False: one of them is no value of a valid record.
bool read_marks(JsonNode& node, size_t row) {
  if (!read_mark(node.marks[row], node.token)) return false;
  if (node.token.type != JsonType::object || !node.is_structure()) return true;
  return std::all_of(node.children.begin(), node.children.end(),
                     [row](JsonNode& child) { return read_marks(child, row); });
}

}  // namespace

// A value that does not fit gets a place in the column, which its row loses in the end.
void JsonDecoder::convert_mark(size_t row, JsonNode& node, ColumnWriter& out) {
  const int32_t rows = out.rows();
  if (read_marks(node, row) && convert(node, out)) return;
  misfits_.push_back(rows);
  out.truncate(rows);
  out.append_null();
}

// ---- One value

bool JsonDecoder::convert(JsonNode& node, ColumnWriter& out) {
  const DecodeField& field = *node.field;
  const Kind kind = field.field.type.kind;
  switch (node.token.type) {
    case JsonType::none:
    case JsonType::null:
      if (field.field.nullable) {
        out.append_null();
        return true;
      }
      return reject(fmt::format("field '{}' {}; a type that ends in '?' would allow that", node.path,
                                node.token.type == JsonType::none ? "is missing" : "is null"),
                    fmt::format("column {}", node.path));
    case JsonType::boolean:
      if (kind != Kind::boolean) break;
      out.append_bool(*node.token.begin == 't');
      return true;
    case JsonType::number:
      return convert_number(node, out);
    case JsonType::string:
      return convert_string(node, out);
    case JsonType::array:
      if (kind != Kind::list) break;
      return convert_array(node, out);
    case JsonType::object:
      if (kind != Kind::structure) break;
      return convert_object(node, out);
  }
  return misfit(node, {});
}

bool JsonDecoder::convert_object(JsonNode& node, ColumnWriter& out) {
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (!convert(node.children[i], out.child(i))) return false;
  }
  out.end_struct();
  return true;
}

bool JsonDecoder::convert_array(JsonNode& node, ColumnWriter& out) {
  // The bytes were checked; now they are read, item by item.
  const JsonScanner outer = scanner_;
  scanner_ = JsonScanner(node.token.text());
  bool first = true;
  bool good = scanner_.enter('[', 1);
  JsonNode& item = node.children[0];
  while (good && scanner_.next_item(first)) {
    good = scanner_.value(item.token);
    if (good && item.token.type == JsonType::object && item.is_structure()) {
      good = read_object(item, 1);
      item.token.end = scanner_.at();
    } else if (good && item.token.type >= JsonType::array) {
      good = scanner_.skip(item.token, 1);
    }
    good = good && convert(item, out.child(0));
  }
  scanner_ = outer;
  if (good) out.end_list();
  return good;
}

bool JsonDecoder::convert_number(JsonNode& node, ColumnWriter& out) {
  const DecodeField& field = *node.field;
  const JsonToken& token = node.token;
  switch (field.field.type.kind) {
    case Kind::float64: {
      const auto v = to_double(token.number, token.text());
      if (!v) return misfit(node, "a number in the range of double");
      out.append(*v);
      return true;
    }
    case Kind::int64: {
      const auto v = to_int64(token.number, token.text());
      if (!v) return misfit(node, "a whole number in the range of int64");
      out.append(*v);
      return true;
    }
    case Kind::timestamp:
      if (field.unit == TimeUnit::text) break;
      [[fallthrough]];
    case Kind::int32:
    case Kind::decimal: {
      const std::string expected = append_text(field, node.times, token.text(), true, out);
      return expected.empty() || misfit(node, expected);
    }
    default:
      break;
  }
  return misfit(node, {});
}

bool JsonDecoder::convert_string(JsonNode& node, ColumnWriter& out) {
  const DecodeField& field = *node.field;
  const Type& type = field.field.type;
  const bool number = type.is_numeric() && !field.number_in_text;
  const bool unit = type.kind == Kind::timestamp && field.unit != TimeUnit::text && !field.number_in_text;
  if (number || unit || type.kind == Kind::boolean || type.kind == Kind::list ||
      type.kind == Kind::structure) {
    return misfit(node, {});
  }
  if (!node.token.escaped) [[likely]] {
    if (type.kind == Kind::string) {
      out.append_shared(node.token.text());
      return true;
    }
    const std::string expected = append_text(field, node.times, node.token.text(), true, out);
    return expected.empty() || misfit(node, expected);
  }
  unescaped_.clear();
  unescape_json(node.token.text(), unescaped_);
  const std::string expected = append_text(field, node.times, unescaped_, false, out);
  return expected.empty() || misfit(node, expected);
}

namespace {

std::string expected_by(const DecodeField& field) {
  const Type& type = field.field.type;
  switch (type.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::list:
      return "an array";
    case Kind::structure:
      return "an object";
    case Kind::timestamp:
      return field.unit == TimeUnit::text ? "a timestamp in a string" : "a number since 1970";
    default:
      return type.is_numeric() ? "a number" : "a string";
  }
}

}  // namespace

bool JsonDecoder::misfit(const JsonNode& node, std::string_view expected) {
  const JsonToken& token = node.token;
  std::string found(to_string(token.type));
  if (!expected.empty() && token.text().size() <= 40) {
    found = token.type == JsonType::string ? fmt::format("'{}'", token.text()) : std::string(token.text());
  }
  return reject(fmt::format("field '{}': expected {}, found {}", node.path,
                            expected.empty() ? expected_by(*node.field) : std::string(expected), found),
                fmt::format("byte {}", token.begin - payload_.data()));
}

bool JsonDecoder::reject(std::string reason, std::string place) {
  rejected_.reason = std::move(reason);
  rejected_.place = std::move(place);
  return false;
}

}  // namespace rideflow
