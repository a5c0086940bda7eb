#include "operators/json_decoder.h"

#include <fmt/format.h>

#include "operators/record_text.h"

namespace rideflow {

JsonNode::JsonNode(const DecodeField* f, std::string p)
    : field(f), path(std::move(p)), times(f == nullptr ? nullptr : f->zone) {
  if (f == nullptr) return;
  if (f->field.type.kind == Kind::string) quick = Quick::text;
  if (f->field.type.kind == Kind::float64) quick = Quick::number;
  if (f->field.type.kind == Kind::timestamp && f->unit == TimeUnit::text) quick = Quick::time;
  const bool list = f->field.type.kind == Kind::list;
  for (const DecodeField& child : f->children) {
    children.emplace_back(&child, list ? path + "[]" : path + "." + child.field.name);
  }
}

JsonDecoder::JsonDecoder(const DecoderSpec& spec, bool shapes)
    : spec_(spec), root_(nullptr, ""), use_shapes_(shapes) {
  std::vector<Field> fields;
  for (size_t i = 0; i < spec_.columns.size(); ++i) {
    const bool used = i < spec_.used.size() && spec_.used[i];
    if (used) fields.push_back(spec_.columns[i].field);
    if (!used && !spec_.validate_all) continue;
    root_.children.emplace_back(&spec_.columns[i], spec_.columns[i].field.name);
    writers_.emplace_back(spec_.columns[i].field.type);
    kept_.push_back(used);
  }
  schema_ = make_schema(std::move(fields));
}

Status JsonDecoder::decode(std::shared_ptr<const Origin> chunk, Decoded& out) {
  chunk = with_arena(chunk);
  if (chunk->arena.size() > INT32_MAX) {
    return Status::internal("json: a chunk of records larger than 2 GiB");
  }
  out = Decoded();
  const auto most = static_cast<int32_t>(chunk->records.size());
  for (ColumnWriter& writer : writers_) {
    writer.share(chunk->arena);
    writer.reserve(most);
  }
  out.batch.schema = schema_;
  decode_records(*chunk, out);
  for (size_t i = 0; i < writers_.size(); ++i) {
    Column column = writers_[i].finish();
    if (kept_[i]) out.batch.columns.push_back(std::move(column));
  }
  out.batch.origin = std::move(chunk);
  return {};
}

void JsonDecoder::decode_records(const Origin& chunk, Decoded& out) {
  const auto count = static_cast<int32_t>(chunk.records.size());
  int32_t rows = 0;
  BufferRef origin_row;
  for (int32_t i = 0; i < count; ++i) {
    if (decode_record(chunk.records[static_cast<size_t>(i)].payload)) [[likely]] {
      if (origin_row) origin_row.as_mutable<int32_t>()[rows] = i;
      ++rows;
      continue;
    }
    rejected_.record = i;
    out.rejected.push_back(std::move(rejected_));
    for (ColumnWriter& writer : writers_) writer.truncate(rows);
    if (!origin_row) {
      origin_row = BufferRef::allocate(sizeof(int32_t) * static_cast<size_t>(count));
      for (int32_t r = 0; r < rows; ++r) origin_row.as_mutable<int32_t>()[r] = r;
    }
  }
  if (origin_row) origin_row.set_size(sizeof(int32_t) * static_cast<size_t>(rows));
  out.batch.origin_row = std::move(origin_row);
  out.batch.rows = rows;
}

inline bool JsonDecoder::convert_quickly(JsonNode& node, ColumnWriter& out) {
  const JsonToken& token = node.token;
  const bool text = token.type == JsonType::string && !token.escaped;
  switch (node.quick) {
    case JsonNode::Quick::text:
      if (!text) break;
      out.append_shared(token.text());
      return true;
    case JsonNode::Quick::number:
      if (token.type != JsonType::number) break;
      if (const auto v = to_double(token.number, token.text())) {
        out.append(*v);
        return true;
      }
      break;
    case JsonNode::Quick::time:
      if (!text) break;
      if (const auto v = node.times.read(token.text())) {
        out.append(*v);
        return true;
      }
      break;
    case JsonNode::Quick::none:
      break;
  }
  return convert(node, out);
}

bool JsonDecoder::decode_record(std::string_view payload) {
  payload_ = payload;
  if (!read_record(payload)) return false;
  for (size_t i = 0; i < writers_.size(); ++i) {
    if (!convert_quickly(root_.children[i], writers_[i])) return false;
  }
  return true;
}

bool JsonDecoder::read_record(std::string_view payload) {
  if (payload.size() > kMaxJsonBytes) return reject("the record is larger than 1 MiB", "");
  if (!is_valid_record_text(payload)) return reject("the record is not valid UTF-8", "");
  if (use_shapes_ && shapes_.match(payload)) return true;
  scanner_ = JsonScanner(payload);
  scanner_.skip_space();
  if (scanner_.at_end()) return reject("the record is empty: expected a JSON object", "byte 0");
  if (read_object(root_, 1)) {
    scanner_.skip_space();
    if (scanner_.at_end()) {
      if (use_shapes_) shapes_.learn(payload, root_);
      return true;
    }
    return reject("invalid JSON: something follows the object",
                  fmt::format("byte {}", scanner_.at() - payload.data()));
  }
  return reject(fmt::format("invalid JSON: {}", scanner_.error()),
                fmt::format("byte {}", scanner_.error_offset()));
}

// Notes the tokens of the node's children; everything else is checked and forgotten.
bool JsonDecoder::read_object(JsonNode& node, int depth) {
  for (JsonNode& child : node.children) child.token.type = JsonType::none;
  JsonToken key;
  JsonToken unused;
  bool first = true;
  if (!scanner_.enter('{', depth)) return false;
  for (size_t ordinal = 0; scanner_.next_key(key, first); ++ordinal) {
    const int index = child_of(node, key, ordinal);
    JsonToken& token = index < 0 ? unused : node.children[static_cast<size_t>(index)].token;
    if (!scanner_.value(token)) return false;
    if (token.type < JsonType::array) continue;
    const bool nested = index >= 0 && token.type == JsonType::object &&
                        node.children[static_cast<size_t>(index)].field->field.type.kind == Kind::structure;
    if (nested) {
      if (!read_object(node.children[static_cast<size_t>(index)], depth + 1)) return false;
      token.end = scanner_.at();
    } else if (!scanner_.skip(token, depth + 1)) {
      return false;
    }
  }
  return scanner_.ok();
}

int JsonDecoder::child_of(JsonNode& node, const JsonToken& key, size_t ordinal) {
  if (ordinal < node.hints.size() && node.hints[ordinal].key == key.text()) return node.hints[ordinal].child;
  std::string name(key.text());
  if (key.escaped) {
    name.clear();
    unescape_json(key.text(), name);
  }
  int found = -1;
  for (size_t i = 0; i < node.children.size() && found < 0; ++i) {
    if (node.children[i].field->field.name == name) found = static_cast<int>(i);
  }
  constexpr size_t kMostHints = 256;
  if (ordinal < kMostHints) {
    if (node.hints.size() <= ordinal) node.hints.resize(ordinal + 1);
    node.hints[ordinal] = {std::string(key.text()), found};
  }
  return found;
}

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
    if (good && item.token.type == JsonType::object && item.field->field.type.kind == Kind::structure) {
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
