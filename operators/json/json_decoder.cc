#include "operators/json/json_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "operators/record_text.h"

namespace rideflow {

namespace {

JsonNode::Quick quick_kind(const DecodeField& field) {
  switch (field.field.type.kind) {
    case Kind::string:
      return JsonNode::Quick::text;
    case Kind::float64:
      return JsonNode::Quick::number;
    case Kind::timestamp:
      return field.unit == TimeUnit::text ? JsonNode::Quick::time : JsonNode::Quick::none;
    default:
      return JsonNode::Quick::none;
  }
}

// For marks of every node that a record has once.
void make_room(JsonNode& node, size_t rows) {
  node.marks.resize(rows);
  if (!node.is_structure()) return;
  for (JsonNode& child : node.children) make_room(child, rows);
}

std::string_view text_of(const RecordText& text) {
  return {text.begin, static_cast<size_t>(text.end - text.begin)};
}

// What the record says of the node and of those in it.
void note_token(JsonNode& node, size_t row) {
  node.marks[row] = mark_of(node.token);
  if (node.token.type != JsonType::object || !node.is_structure()) return;
  for (JsonNode& child : node.children) note_token(child, row);
}

}  // namespace

JsonNode::JsonNode(const DecodeField* f, std::string p)
    : field(f), path(std::move(p)), times(f == nullptr ? nullptr : f->zone) {
  if (f == nullptr) return;
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
    JsonNode& node = root_.children.emplace_back(&spec_.columns[i], spec_.columns[i].field.name);
    node.quick = quick_kind(spec_.columns[i]);
    make_room(node, kBlock);
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
  records_ = chunk->records;
  decode_records(out);
  for (size_t i = 0; i < writers_.size(); ++i) {
    Column column = writers_[i].finish();
    if (kept_[i]) out.batch.columns.push_back(std::move(column));
  }
  out.batch.rows = static_cast<int32_t>(record_of_.size());
  out.batch.origin = std::move(chunk);
  if (out.batch.rows < most) {
    const std::string_view bytes(reinterpret_cast<const char*>(record_of_.data()),
                                 record_of_.size() * sizeof(int32_t));
    out.batch.origin_row = BufferRef::copy_of(bytes);
  }
  if (!misfits_.empty()) drop_misfits(out.batch);
  return {};
}

// Block by block: the records' marks first, then column by column their values. What the marks of a block
// need stays in the first-level cache.
void JsonDecoder::decode_records(Decoded& out) {
  record_of_.clear();
  misfits_.clear();
  const auto count = static_cast<int32_t>(records_.size());
  for (int32_t begin = 0; begin < count; begin += kBlock) {
    const size_t before = record_of_.size();
    read_block(begin, std::min(begin + kBlock, count), out);
    const auto rows = static_cast<int32_t>(record_of_.size() - before);
    for (size_t i = 0; i < writers_.size(); ++i) convert_block(root_.children[i], writers_[i], rows);
  }
  if (!misfits_.empty()) reject_misfits(out);
}

void JsonDecoder::read_block(int32_t begin, int32_t end, Decoded& out) {
  std::array<RecordText, kBlock> texts;  // what is too large looks empty, which no template accepts
  for (int32_t i = begin; i < end; ++i) {
    const std::string_view payload = records_[static_cast<size_t>(i)].payload;
    const size_t size = payload.size() > kMaxJsonBytes ? 0 : payload.size();
    texts[static_cast<size_t>(i - begin)] = {payload.data(), payload.data() + size};
  }
  const std::span<const RecordText> all(texts.data(), static_cast<size_t>(end - begin));
  size_t row = 0;
  for (int32_t i = begin; i < end; ++i) {
    const int32_t known = read_known(i, all.subspan(static_cast<size_t>(i - begin)), row);
    row += static_cast<size_t>(known);
    i += known;
    if (i == end) return;
    payload_ = records_[static_cast<size_t>(i)].payload;
    if (read_record(row)) {
      record_of_.push_back(i);
      ++row;
    } else {
      rejected_.record = i;
      out.rejected.push_back(std::move(rejected_));
    }
  }
}

// The records from `begin` on that look like earlier ones: how many.
int32_t JsonDecoder::read_known(int32_t begin, std::span<const RecordText> texts, size_t row) {
  if (!use_shapes_) return 0;
  std::array<bool, kBlock> ascii;
  const size_t matched = shapes_.match_templates(texts, row, ascii.data());
  size_t good = 0;
  while (good < matched && (ascii[good] || is_utf8(text_of(texts[good])))) ++good;
  const size_t rows = record_of_.size();
  record_of_.resize(rows + good);
  std::iota(record_of_.begin() + static_cast<ptrdiff_t>(rows), record_of_.end(), begin);
  return static_cast<int32_t>(good);
}

// Converted once more, one column after the other, to tell of the first that does not fit.
void JsonDecoder::reject_misfit(int32_t record, Decoded& out) {
  payload_ = records_[static_cast<size_t>(record)].payload;
  bool fits = read_in_full(payload_);
  for (size_t i = 0; i < writers_.size() && fits; ++i) {
    const int32_t rows = writers_[i].rows();
    fits = convert(root_.children[i], writers_[i]);
    writers_[i].truncate(rows);
  }
  RF_CHECK(!fits);
  rejected_.record = record;
  out.rejected.push_back(std::move(rejected_));
}

void JsonDecoder::reject_misfits(Decoded& out) {
  std::sort(misfits_.begin(), misfits_.end());
  misfits_.erase(std::unique(misfits_.begin(), misfits_.end()), misfits_.end());
  for (const int32_t row : misfits_) reject_misfit(record_of_[static_cast<size_t>(row)], out);
  std::sort(out.rejected.begin(), out.rejected.end(),
            [](const RejectedRecord& a, const RejectedRecord& b) { return a.record < b.record; });
}

void JsonDecoder::drop_misfits(Batch& batch) const {
  std::vector<int32_t> keep;
  auto misfit = misfits_.begin();
  for (int32_t row = 0; row < batch.rows; ++row) {
    if (misfit != misfits_.end() && *misfit == row) {
      ++misfit;
    } else {
      keep.push_back(row);
    }
  }
  batch = take(batch, keep.data(), static_cast<int32_t>(keep.size()));
}

bool JsonDecoder::read_record(size_t row) {
  if (payload_.size() > kMaxJsonBytes) return reject("the record is larger than 1 MiB", "");
  if (!is_valid_record_text(payload_)) return reject("the record is not valid UTF-8", "");
  if (!use_shapes_ || !shapes_.match(payload_)) {
    if (!read_in_full(payload_)) return false;
    if (use_shapes_) shapes_.learn(payload_, root_);
  }
  for (JsonNode& node : root_.children) note_token(node, row);
  return true;
}

bool JsonDecoder::read_in_full(std::string_view payload) {
  scanner_ = JsonScanner(payload);
  scanner_.skip_space();
  if (scanner_.at_end()) return reject("the record is empty: expected a JSON object", "byte 0");
  if (!read_object(root_, 1)) {
    return reject(fmt::format("invalid JSON: {}", scanner_.error()),
                  fmt::format("byte {}", scanner_.error_offset()));
  }
  scanner_.skip_space();
  if (scanner_.at_end()) return true;
  return reject("invalid JSON: something follows the object",
                fmt::format("byte {}", scanner_.at() - payload.data()));
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
                        node.children[static_cast<size_t>(index)].is_structure();
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

}  // namespace rideflow
