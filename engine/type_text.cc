// The one parser of types as a job spells them: plain types (type.h) and, in source schemas, the same with
// decoding hints (format.h).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/catalog.h"
#include "engine/format.h"
#include "engine/time.h"

namespace rideflow {

namespace {

constexpr int kMaxDepth = 32;

struct TypeName {
  std::string_view name;
  Kind kind;
};
constexpr TypeName kTypeNames[] = {
    {"bool", Kind::boolean},      {"boolean", Kind::boolean}, {"int32", Kind::int32},
    {"int", Kind::int32},         {"integer", Kind::int32},   {"int64", Kind::int64},
    {"bigint", Kind::int64},      {"long", Kind::int64},      {"double", Kind::float64},
    {"float", Kind::float64},     {"float64", Kind::float64}, {"decimal", Kind::decimal},
    {"numeric", Kind::decimal},   {"string", Kind::string},   {"text", Kind::string},
    {"bytes", Kind::bytes},       {"date", Kind::date},       {"timestamp", Kind::timestamp},
    {"interval", Kind::interval}, {"list", Kind::list},       {"struct", Kind::structure},
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class TypeParser {
 public:
  TypeParser(std::string_view text, bool hints) : text_(text), hints_(hints) {}

  Result<DecodeField> parse() {
    RF_ASSIGN(DecodeField field, parse_type(0));
    skip_space();
    if (at_ < text_.size()) return error(fmt::format("'{}' is left over", text_.substr(at_)));
    return field;
  }

 private:
  Status error(std::string_view what) const {
    return Status::user(Code::invalid_argument, fmt::format("type '{}': {}", text_, what));
  }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Status expect(char c) {
    if (take(c)) return {};
    return error(
        fmt::format("expected '{}' {}", c,
                    at_ < text_.size() ? fmt::format("before '{}'", text_.substr(at_)) : "at the end"));
  }
  std::string_view word() {
    skip_space();
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  Result<int> number() {
    const std::string_view digits = word();
    int value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || code != std::errc() || end != digits.data() + digits.size()) {
      return error("expected a whole number in the parentheses");
    }
    return value;
  }
  Result<std::string> field_name() {
    skip_space();
    if (!take('`')) {
      const std::string_view name = word();
      if (name.empty()) return error("expected the name of a field, as in struct(lat double, lon double)");
      return std::string(name);
    }
    const size_t end = text_.find('`', at_);
    if (end == std::string_view::npos) return error("a backtick is not closed");
    std::string name(text_.substr(at_, end - at_));
    at_ = end + 1;
    if (name.empty()) return error("a field has an empty name");
    return name;
  }

  Result<DecodeField> parse_type(int depth) {
    if (depth > kMaxDepth) return error(fmt::format("nested deeper than {} levels", kMaxDepth));
    const std::string name = lower(word());
    if (name.empty()) return error("expected the name of a type");
    const TypeName* known = nullptr;
    for (const TypeName& candidate : kTypeNames) {
      if (candidate.name == name) known = &candidate;
    }
    if (!known) return unknown(name);
    DecodeField out;
    out.field.type = Type(known->kind);
    RF_TRY(parse_arguments(out, depth));
    out.field.nullable = take('?');
    return out;
  }

  Status parse_arguments(DecodeField& out, int depth) {
    switch (out.field.type.kind) {
      case Kind::decimal:
        return parse_decimal_type(out);
      case Kind::list:
        return parse_list(out, depth);
      case Kind::structure:
        return parse_struct(out, depth);
      default:
        return take('(') ? parse_hint(out) : Status();
    }
  }

  Status parse_decimal_type(DecodeField& out) {
    int precision = kMaxDigits;
    int scale = 0;
    if (take('(')) {
      RF_ASSIGN(precision, number());
      if (take(',')) {
        RF_ASSIGN(scale, number());
      }
      RF_TRY(expect(')'));
    } else {
      return error("decimal needs its digits, as in decimal(10,2)");
    }
    if (take('(')) {
      if (!hints_) return no_hint("text");
      if (lower(word()) != "text")
        return error("expected 'text' in the second parentheses: the number stands in a string");
      RF_TRY(expect(')'));
      out.number_in_text = true;
    }
    if (precision < 1 || precision > kMaxDigits) return error("a decimal has 1 to 38 digits");
    if (scale > precision) return error("a decimal's scale is at most its number of digits");
    out.field.type = Type::decimal(precision, scale);
    return {};
  }

  Status parse_list(DecodeField& out, int depth) {
    RF_TRY(expect('('));
    RF_ASSIGN(DecodeField item, parse_type(depth + 1));
    RF_TRY(expect(')'));
    item.field.name = "item";
    out.field.type = Type::list(item.field.type, item.field.nullable);
    out.children.push_back(std::move(item));
    return {};
  }

  Status parse_struct(DecodeField& out, int depth) {
    RF_TRY(expect('('));
    std::vector<Field> fields;
    do {
      RF_ASSIGN(std::string name, field_name());
      for (const Field& other : fields) {
        if (other.name == name) return error(fmt::format("the field '{}' stands twice", name));
      }
      take(':');  // Spark's spelling, struct(lat: double)
      RF_ASSIGN(DecodeField field, parse_type(depth + 1));
      field.field.name = std::move(name);
      fields.push_back(field.field);
      out.children.push_back(std::move(field));
    } while (take(','));
    RF_TRY(expect(')'));
    out.field.type = Type::structure(std::move(fields));
    return {};
  }

  Status no_hint(std::string_view hint) const {
    return error(
        fmt::format("'({})' says how bytes are decoded and belongs into a source's schema only", hint));
  }

  // All up to the closing parenthesis, without quotes around it: a zone's name has slashes and signs.
  Result<std::string_view> hint_text() {
    skip_space();
    const size_t end = std::min(text_.find(')', at_), text_.size());
    std::string_view hint = text_.substr(at_, end - at_);
    at_ = end;
    RF_TRY(expect(')'));
    while (!hint.empty() && is_space(hint.back())) hint.remove_suffix(1);
    const bool quoted = hint.size() >= 2 && (hint[0] == '\'' || hint[0] == '"') && hint.back() == hint[0];
    return quoted ? hint.substr(1, hint.size() - 2) : hint;
  }

  Status parse_hint(DecodeField& out) {
    RF_ASSIGN(const std::string_view written, hint_text());
    const std::string hint = lower(written);
    const Kind kind = out.field.type.kind;
    if (!hints_) return no_hint(written);
    if (kind == Kind::timestamp && (hint == "s" || hint == "ms" || hint == "us")) {
      out.unit = hint == "s" ? TimeUnit::seconds : hint == "ms" ? TimeUnit::millis : TimeUnit::micros;
      return {};
    }
    const bool is_number = kind == Kind::int32 || kind == Kind::int64 || kind == Kind::float64;
    if (is_number && hint == "text") {
      out.number_in_text = true;
      return {};
    }
    if (kind == Kind::timestamp) {
      const Result<const TimeZone*> zone = TimeZone::find(written);
      if (!zone.ok())
        return error(
            "expected a unit of numbers, timestamp(s), timestamp(ms) or timestamp(us), or the time zone of "
            "texts without an offset, as in timestamp(Europe/Paris)");
      out.zone = *zone;
      return {};
    }
    if (is_number) return error("expected 'text' in the parentheses: the number stands in a string");
    return error(fmt::format("{} takes nothing in parentheses", out.field.type.to_string()));
  }

  Status unknown(const std::string& name) const {
    std::vector<std::string> names;
    for (const TypeName& candidate : kTypeNames) names.emplace_back(candidate.name);
    const std::string hint = did_you_mean(name, names);
    return error(hint.empty() ? fmt::format("'{}' is not a type; there are bool, int32, int64, double, "
                                            "decimal(p,s), string, bytes, timestamp, date, interval, list(T) "
                                            "and struct(name T, …)",
                                            name)
                              : fmt::format("'{}' is not a type {}", name, hint));
  }

  static std::string lower(std::string_view word) {
    std::string out(word);
    for (char& c : out) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
  }

  static constexpr int kMaxDigits = 38;
  std::string_view text_;
  bool hints_;
  size_t at_ = 0;
};

}  // namespace

Result<Field> parse_field_type(std::string_view text) {
  RF_ASSIGN(DecodeField field, TypeParser(text, /*hints=*/false).parse());
  return std::move(field.field);
}

Result<DecodeField> parse_decode_field(std::string_view name, std::string_view type_text) {
  RF_ASSIGN(DecodeField field, TypeParser(type_text, /*hints=*/true).parse());
  field.field.name = std::string(name);
  return field;
}

}  // namespace rideflow
