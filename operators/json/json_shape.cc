#include "operators/json/json_shape.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "operators/json/json_decoder.h"

namespace rideflow {
namespace {

constexpr size_t kPadding = 32;                            // readable behind the literals
constexpr JsonMark kObject{"{", 1, JsonMark::Kind::bare};  // what is in it was read

// Compares whole blocks of 16; what is behind `size` does not count. Reads up to 15 bytes past both.
inline bool equal_literal(const char* p, const char* literal, size_t size) {
  for (;;) {
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(literal));
    const auto differ = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(a, b))) ^ 0xffffU;
    if (size <= 16) return (differ & ((1U << size) - 1)) == 0;
    if (differ != 0) return false;
    p += 16;
    literal += 16;
    size -= 16;
  }
}

// The end of a number that nobody reads, or null. Up to 15 characters without exponent at once.
inline const char* skip_number(const char* p, const char* end) {
  const char* const digits = p + (*p == '-' ? 1 : 0);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(digits));
  const __m128i offset = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  const __m128i small = _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(9)), offset);
  const auto others = ~static_cast<uint32_t>(_mm_movemask_epi8(small));
  const auto whole = static_cast<uint32_t>(std::countr_zero(others));
  if (whole == 0 || whole >= 16 || (whole > 1 && digits[0] == '0')) {
    NumberText number;
    return whole == 0 ? nullptr : scan_number(p, end, number);
  }
  uint32_t size = whole;
  if (digits[whole] == '.') {
    const auto fraction = static_cast<uint32_t>(std::countr_zero((others | 0x10000U) >> (whole + 1)));
    size = whole + 1 + fraction;
    if (fraction == 0 || size >= 16) {
      NumberText number;
      return scan_number(p, end, number);
    }
  }
  const char* const after = digits + size;
  if ((*after | 0x20) == 'e' || after > end) {
    NumberText number;
    return scan_number(p, end, number);
  }
  return after;
}

inline bool is_word(const char* p, const char* end, std::string_view word) {
  return static_cast<size_t>(end - p) >= word.size() && std::memcmp(p, word.data(), word.size()) == 0;
}

}  // namespace

// Walks a record that is known to be valid.
struct JsonShapes::Learner {
  explicit Learner(std::string_view record) : record_(record), scanner_(record) {}

  bool learn(JsonNode& root) {
    scanner_.skip_space();
    if (!object(root, 1)) return false;
    scanner_.skip_space();
    if (!scanner_.at_end()) return false;
    end_literal(nullptr, 0);
    shape_.literals.append(kPadding, '\0');
    return true;
  }

  Shape shape_;

 private:
  static constexpr size_t kMostSteps = 512;

  void end_literal(JsonNode* node, int depth) {
    const auto from = static_cast<size_t>(literal_begin_ - record_.data());
    const auto size = static_cast<size_t>(scanner_.at() - literal_begin_);
    shape_.steps.push_back(
        {static_cast<uint32_t>(shape_.literals.size()), static_cast<uint32_t>(size), node, depth});
    shape_.literals += record_.substr(from, size);
  }

  bool object(JsonNode& node, int depth) {
    std::vector<JsonNode*> seen;
    JsonToken key;
    JsonToken token;
    bool first = true;
    if (!scanner_.enter('{', depth)) return false;
    while (scanner_.next_key(key, first)) {
      if (key.escaped || shape_.steps.size() >= kMostSteps) return false;
      JsonNode* child = nullptr;
      for (JsonNode& c : node.children) {
        if (c.field->field.name == key.text()) child = &c;
      }
      // Of equal keys the last counts: such records are left to the full parser.
      if (child != nullptr && std::find(seen.begin(), seen.end(), child) != seen.end()) return false;
      if (child != nullptr) seen.push_back(child);
      if (!value(child, token, depth)) return false;
    }
    if (!scanner_.ok()) return false;
    for (JsonNode& c : node.children) {
      if (std::find(seen.begin(), seen.end(), &c) == seen.end()) shape_.absent.push_back(&c);
    }
    return true;
  }

  bool value(JsonNode* child, JsonToken& token, int depth) {
    if (scanner_.peek() == '{') {
      const bool structure = child != nullptr && child->is_structure();
      // An object in a column that is none is a misfit, told by the full parser.
      if (child != nullptr && !structure) return false;
      if (structure) shape_.objects.push_back(child);
      return object(structure ? *child : nobody_, depth + 1);
    }
    end_literal(child, depth);
    if (!scanner_.value(token)) return false;
    if (token.type == JsonType::array && !scanner_.skip(token, depth + 1)) return false;
    literal_begin_ = scanner_.at();
    return true;
  }

  std::string_view record_;
  JsonScanner scanner_;
  const char* literal_begin_ = record_.data();
  JsonNode nobody_{nullptr, ""};  // whose children are not read
};

bool JsonShapes::matches(const Shape& shape, std::string_view record) {
  const char* p = record.data();
  const char* const end = p + record.size();
  const char* const literals = shape.literals.data();
  const size_t values = shape.steps.size() - 1;
  seen_.resize(values);
  for (size_t i = 0; i < values; ++i) {
    JsonType type = JsonType::number;
    const JsonStep& step = shape.steps[i];
    if (!equal_literal(p, literals + step.literal, step.size)) return false;
    p += step.size;
    if (p >= end) return false;
    const char* const begin = p;
    JsonToken* const token = step.node == nullptr ? nullptr : &step.node->token;
    switch (*p) {
      case '"': {
        const char* const close = find_string_end(p + 1, end);
        if (close == end || *close != '"') return false;  // an escape, or no string
        p = close + 1;
        seen_[i] = {static_cast<uint32_t>(close - begin - 1), JsonType::string};
        if (token == nullptr) continue;
        token->begin = begin + 1;
        token->end = close;
        token->type = JsonType::string;
        token->escaped = false;
        continue;
      }
      case 'n':
        if (!is_word(p, end, "null")) return false;
        p += 4;
        type = JsonType::null;
        break;
      case 't':
      case 'f': {
        const std::string_view word = *p == 't' ? "true" : "false";
        if (!is_word(p, end, word)) return false;
        p += word.size();
        type = JsonType::boolean;
        break;
      }
      case '[': {
        JsonScanner scanner(std::string_view(p, static_cast<size_t>(end - p)));
        JsonToken array;
        if (!scanner.value(array) || !scanner.skip(array, step.depth + 1)) return false;
        p = array.end;
        type = JsonType::array;
        break;
      }
      default:
        p = token == nullptr ? skip_number(p, end) : scan_number_padded(p, end, token->number);
        if (p == nullptr) return false;
    }
    seen_[i] = {0, type};
    if (token != nullptr) {
      token->type = type;
      token->begin = begin;
      token->end = p;
    }
  }
  const JsonStep& last = shape.steps.back();
  return static_cast<size_t>(end - p) == last.size && equal_literal(p, literals + last.literal, last.size);
}

size_t JsonShapes::match_templates(std::span<const RecordText> records, size_t row, bool* ascii) {
  if (pause_ > 0) return 0;
  size_t refused = SIZE_MAX;  // the shape that the next record is not of
  size_t done = 0;
  while (done < records.size()) {
    const size_t matched = match_one_shape(records.subspan(done), row + done, ascii + done, refused);
    if (matched == 0) break;
    done += matched;
  }
  return done;
}

size_t JsonShapes::match_one_shape(std::span<const RecordText> records, size_t row, bool* ascii,
                                   size_t& refused) {
  for (size_t n = 0; n < shapes_.size(); ++n) {
    const size_t index = turn(n);
    if (index == refused) continue;
    Shape& shape = shapes_[index];
    const size_t matched = shape.learned.match(records, row, ascii);
    if (matched == 0) continue;
    template_hits_ += static_cast<int64_t>(matched);
    note_hits(index, matched);
    for (JsonNode* node : shape.absent) std::fill_n(&node->marks[row], matched, JsonMark{});
    for (JsonNode* node : shape.objects) std::fill_n(&node->marks[row], matched, kObject);
    refused = index;
    return matched;
  }
  return 0;
}

bool JsonShapes::match(std::string_view record) {
  if (pause_ > 0) {
    --pause_;
    return false;
  }
  for (size_t n = 0; n < shapes_.size(); ++n) {
    const size_t index = turn(n);
    Shape& shape = shapes_[index];
    if (!matches(shape, record)) continue;
    for (JsonNode* node : shape.objects) read_mark(kObject, node->token);
    for (JsonNode* node : shape.absent) node->token.type = JsonType::none;
    shape.learned.learn(shape.literals, shape.steps, seen_);
    note_hits(index, 1);
    return true;
  }
  return false;
}

void JsonShapes::note_hits(size_t index, size_t count) {
  const auto hits = static_cast<int64_t>(count);
  shapes_[index].hits += hits;
  if (shapes_[index].hits > shapes_[first_].hits) first_ = index;
  hits_ += hits;
  period_records_ += hits;
}

void JsonShapes::learn(std::string_view record, JsonNode& root) {
  ++misses_;
  ++period_misses_;
  if (++period_records_ >= kPeriod) {
    // Hardly anything fits: trying costs more than it saves. A quarter missed: one shape may be out of date.
    if (period_misses_ * 10 > period_records_ * 9 && shapes_.size() == kShapes) pause_ = 8 * kPeriod;
    if (period_misses_ * 4 > period_records_ && shapes_.size() == kShapes) {
      const auto worst = std::min_element(shapes_.begin(), shapes_.end(),
                                          [](const Shape& a, const Shape& b) { return a.hits < b.hits; });
      shapes_.erase(worst);
    }
    for (Shape& shape : shapes_) shape.hits = 0;
    period_records_ = 0;
    period_misses_ = 0;
    first_ = 0;
  }
  if (shapes_.size() == kShapes || pause_ > 0) return;
  // A record with escapes is of no shape: it may look like one that is known already.
  if (record.find('\\') != std::string_view::npos) return;
  Learner learner(record);
  if (learner.learn(root)) shapes_.push_back(std::move(learner.shape_));
}

}  // namespace rideflow
