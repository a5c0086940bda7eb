#include "rollup/query/extraction.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "rollup/query/interval.h"
#include "rollup/query/text_match.h"

namespace rideflow::rollup {
namespace {

using Text = std::optional<std::string>;
constexpr size_t kMaxSteps = 32;
constexpr size_t kMaxFormat = 4096;

// Calls f for every code point; bytes that are not UTF-8 count as one each.
template <class F>
void each_character(std::string_view text, F f) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    size_t n = lead < 0x80 ? 1 : (lead >= 0xF0 ? 4 : (lead >= 0xE0 ? 3 : (lead >= 0xC0 ? 2 : 1)));
    if (i + n > text.size()) n = 1;
    uint32_t c = n == 1 ? lead : lead & (0xFFU >> (n + 1));
    for (size_t k = 1; k < n; ++k) c = c << 6 | (static_cast<uint8_t>(text[i + k]) & 0x3FU);
    f(c, text.substr(i, n));
    i += n;
  }
}

// Two-byte UTF-8 holds all letters whose case is mapped here.
void append_two_bytes(std::string& out, uint32_t c) {
  out += static_cast<char>(0xC0 | c >> 6);
  out += static_cast<char>(0x80 | (c & 0x3F));
}

uint32_t upper_of(uint32_t c) {
  if (c == 0xF7 || c == 0x131 || c == 0x138 || c == 0x149 || c == 0x17F) return c;
  if (c == 0xFF) return 0x178;
  if ((c >= 0xE0 && c <= 0xFE) || (c >= 0x3B1 && c <= 0x3CB && c != 0x3C2) || (c >= 0x430 && c <= 0x44F)) {
    return c - 32;
  }
  if (c >= 0x450 && c <= 0x45F) return c - 80;
  const bool odd_is_lower =
      (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x460 && c <= 0x4FF);
  if (odd_is_lower) return c & ~1U;
  const bool even_is_lower = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
  return even_is_lower && (c & 1U) == 0 ? c - 1 : c;
}

uint32_t lower_of(uint32_t c) {
  if (c == 0xD7 || c == 0x130 || c == 0x138 || c == 0x149 || c == 0x17F) return c;
  if (c == 0x178) return 0xFF;
  if ((c >= 0xC0 && c <= 0xDE) || (c >= 0x391 && c <= 0x3AB && c != 0x3A2) || (c >= 0x410 && c <= 0x42F)) {
    return c + 32;
  }
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  const bool even_is_upper =
      (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x460 && c <= 0x4FF);
  if (even_is_upper) return c | 1U;
  const bool odd_is_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
  return odd_is_upper && (c & 1U) == 1 ? c + 1 : c;
}

std::string map_case(std::string_view text, uint32_t (*map)(uint32_t), char from, char to) {
  std::string out;
  out.reserve(text.size());
  each_character(text, [&](uint32_t c, std::string_view bytes) {
    if (c < 0x80) {
      const char ch = bytes.front();
      out += ch >= from && ch <= from + 25 ? static_cast<char>(ch - from + to) : ch;
    } else if (c == 0xDF && to == 'A') {
      out += "SS";
    } else if (c >= 0xC0 && c < 0x500) {
      append_two_bytes(out, map(c));
    } else {
      out += bytes;
    }
  });
  return out;
}

template <class F>
class SimpleExtraction : public Extraction {
 public:
  explicit SimpleExtraction(F f, size_t steps) : f_(std::move(f)) { steps_ = steps; }
  Text apply(const Datum& value) const override { return f_(value); }

 private:
  F f_;
};

template <class F>
std::shared_ptr<const Extraction> make(F f, size_t steps = 1) {
  return std::make_shared<SimpleExtraction<F>>(std::move(f), steps);
}

using ExtractionResult = Result<std::shared_ptr<const Extraction>>;

ExtractionResult parse_case(bool upper) {
  return make([upper](const Datum& d) -> Text {
    const Text t = text_of(d);
    if (!t) return std::nullopt;
    return upper ? to_upper(*t) : to_lower(*t);
  });
}

ExtractionResult parse_regex(const JsonObject& json, QueryControl& control) {
  RF_ASSIGN(const auto regex, compile_regex(text(json, "expr"), control));
  const int group = static_cast<int>(integer(find(json, "index")).value_or(1));
  const bool replace = flag(json, "replaceMissingValue");
  const Text with = text(find(json, "replaceMissingValueWith"));
  return make([=](const Datum& d) -> Text {
    const Text t = text_of(d);
    const int groups = regex->NumberOfCapturingGroups() + 1;
    if (!t || group < 0 || group >= groups) return replace ? with : t;
    std::vector<re2::StringPiece> found(static_cast<size_t>(groups));
    const bool hit = regex->Match(*t, 0, t->size(), re2::RE2::UNANCHORED, found.data(), groups);
    if (!hit || found[static_cast<size_t>(group)].data() == nullptr) return replace ? with : t;
    return found[static_cast<size_t>(group)].as_string();
  });
}

ExtractionResult parse_partial(const JsonObject& json, QueryControl& control) {
  RF_ASSIGN(const auto regex, compile_regex(text(json, "expr"), control));
  return make([regex](const Datum& d) -> Text {
    const Text t = text_of(d);
    return t && re2::RE2::FullMatch(*t, *regex) ? t : std::nullopt;
  });
}

// Java counts UTF-16 units; whole characters are kept.
Text java_substring(std::string_view value, size_t index, size_t length) {
  std::string out;
  size_t unit = 0;
  bool reached = false;
  each_character(value, [&](uint32_t c, std::string_view bytes) {
    if (unit >= index) reached = true;
    if (unit >= index && unit - index < length) out += bytes;
    unit += c > 0xFFFF ? 2 : 1;
  });
  return reached ? Text(out) : std::nullopt;
}

ExtractionResult parse_substring(const JsonObject& json) {
  const auto index = integer(find(json, "index"));
  const auto length = integer(find(json, "length"));
  if (!index || *index < 0 || (length && *length < 1)) {
    return bad_query("query.extraction.SubstringDimExtractionFn",
                     "index must be 0 or more, length 1 or more");
  }
  return make([from = static_cast<size_t>(*index),
               n = length ? static_cast<size_t>(*length) : SIZE_MAX](const Datum& d) -> Text {
    const Text t = text_of(d);
    return t ? java_substring(*t, from, n) : std::nullopt;
  });
}

ExtractionResult parse_bucket(const JsonObject& json) {
  const double size = number(find(json, "size")).value_or(1);
  const double offset = number(find(json, "offset")).value_or(0);
  if (!(size > 0)) return bad_query("query.extraction.BucketExtractionFn", "size must be positive");
  return make([=](const Datum& d) -> Text {
    const auto v = number_of(d);
    if (!v) return std::nullopt;
    const double bucket = std::floor((*v - offset) / size) * size + offset;
    if (bucket == std::floor(bucket) && std::fabs(bucket) < 1e15)
      return fmt::to_string(static_cast<int64_t>(bucket));
    return java_double(bucket);
  });
}

ExtractionResult parse_time_format(const JsonObject& json) {
  const TimeZone* zone = TimeZone::utc();
  if (const Json* name = find(json, "timeZone")) {
    const auto found = TimeZone::find(text(name).value_or(""));
    if (!found.ok()) return bad_query("query.extraction.TimeFormatExtractionFn", "unknown time zone");
    zone = *found;
  }
  std::optional<Granularity> granularity;
  if (const Json* g = find(json, "granularity")) {
    RF_ASSIGN(granularity, Granularity::parse(*g));
  }
  const Text pattern = text(find(json, "format"));
  const std::string locale = text(json, "locale", "en");
  if (pattern && locale.substr(0, 2) != "en" && pattern->find_first_of("EMa") != std::string::npos) {
    return Status::user(Code::unimplemented,
                        "Names of days and months are English only: leave the locale out.");
  }
  const bool millis = flag(json, "asMillis");
  return make([=](const Datum& d) -> Text {
    std::optional<Micros> t;
    if (const auto ms = number_of(d)) {
      constexpr double kMostMillis = 2e15;  // far beyond what a calendar shows
      if (std::fabs(*ms) <= kMostMillis) t = static_cast<Micros>(*ms) * 1000;
    } else if (d.kind == Datum::Kind::text) {
      t = parse_moment(d.text);
    }
    if (!t) return std::nullopt;
    if (granularity && !granularity->is_all()) *t = granularity->start_of(*t);
    if (millis) return fmt::to_string(*t / 1000);
    return pattern ? format_pattern(*t, *pattern, zone) : format_timestamp_millis(*t, zone);
  });
}

ExtractionResult parse_lookup(const JsonObject& json) {
  const JsonObject* lookup = find_object(json, "lookup");
  const JsonObject* map = lookup == nullptr ? nullptr : find_object(*lookup, "map");
  if (map == nullptr) {
    return Status::user(Code::unimplemented,
                        "Registered lookups do not exist here: give the map in the query.");
  }
  std::map<std::string, std::string> values;
  for (const auto& entry : *map) values[std::string(entry.key())] = text(&entry.value()).value_or("");
  const bool retain = flag(json, "retainMissingValue");
  const Text missing = text(find(json, "replaceMissingValueWith"));
  return make([=](const Datum& d) -> Text {
    const Text t = text_of(d);
    const auto it = t ? values.find(*t) : values.end();
    if (it != values.end()) return it->second;
    return retain ? t : missing;
  });
}

ExtractionResult parse_string_format(const JsonObject& json) {
  const std::string format = text(json, "format");
  if (format.size() > kMaxFormat) {
    return bad_query("query.extraction.StringFormatExtractionFn", "the format is too long");
  }
  const std::string nulls = text(json, "nullHandling", "nullString");
  return make([=](const Datum& d) -> Text {
    Text t = text_of(d);
    if (!t && nulls == "returnNull") return std::nullopt;
    if (!t) t = nulls == "emptyString" ? "" : "null";
    std::string out = format;
    const size_t at = out.find("%s");
    if (at != std::string::npos) out.replace(at, 2, *t);
    for (size_t p = out.find("%%"); p != std::string::npos; p = out.find("%%", p + 1)) out.erase(p, 1);
    return out;
  });
}

ExtractionResult parse_search(const JsonObject& json) {
  const JsonObject* query = find_object(json, "query");
  const std::string value = query == nullptr ? "" : text(*query, "value");
  const bool exact = query != nullptr && flag(*query, "caseSensitive", text(*query, "type") == "contains");
  return make([value = exact ? value : to_lower(value), exact](const Datum& d) -> Text {
    const Text t = text_of(d);
    if (!t) return std::nullopt;
    return (exact ? *t : to_lower(*t)).find(value) != std::string::npos ? t : std::nullopt;
  });
}

ExtractionResult parse_cascade(const JsonObject& json, QueryControl& control) {
  std::vector<std::shared_ptr<const Extraction>> steps;
  size_t count = 0;
  for (const Json* step : items(find(json, "extractionFns"))) {
    RF_ASSIGN(auto extraction, Extraction::parse(step, control));
    if (extraction == nullptr) continue;
    count += extraction->steps();
    if (count > kMaxSteps) {
      return Status::user(Code::resource_exhausted,
                          fmt::format("A cascade has more than {} steps.", kMaxSteps));
    }
    steps.push_back(std::move(extraction));
  }
  return make(
      [steps](const Datum& d) -> Text {
        Text t = text_of(d);
        for (const auto& step : steps) t = step->apply(t ? Datum::of(std::string_view(*t)) : Datum());
        return t;
      },
      count);
}

}  // namespace

std::string to_upper(std::string_view text) {
  return map_case(text, upper_of, 'a', 'A');
}

std::string to_lower(std::string_view text) {
  return map_case(text, lower_of, 'A', 'a');
}

size_t utf16_length(std::string_view text) {
  size_t units = 0;
  each_character(text, [&](uint32_t c, std::string_view) { units += c > 0xFFFF ? 2 : 1; });
  return units;
}

Result<std::shared_ptr<const Extraction>> Extraction::parse(const Json* json, QueryControl& control) {
  if (json == nullptr || json->is_null()) return std::shared_ptr<const Extraction>();
  const JsonObject* object = json->if_object();
  if (object == nullptr)
    return bad_query("query.extraction.ExtractionFn", "an extraction function is an object");
  const std::string type = text(*object, "type");
  if (type == "upper" || type == "lower") return parse_case(type == "upper");
  if (type == "regex") return parse_regex(*object, control);
  if (type == "partial") return parse_partial(*object, control);
  if (type == "substring") return parse_substring(*object);
  if (type == "bucket") return parse_bucket(*object);
  if (type == "timeFormat") return parse_time_format(*object);
  if (type == "lookup" || type == "registeredLookup") return parse_lookup(*object);
  if (type == "stringFormat") return parse_string_format(*object);
  if (type == "searchQuery") return parse_search(*object);
  if (type == "cascade") return parse_cascade(*object, control);
  if (type == "strlen") {
    return make([](const Datum& d) -> Text { return fmt::to_string(utf16_length(text_of(d).value_or(""))); });
  }
  if (type == "identity") return make([](const Datum& d) { return text_of(d); });
  if (type == "javascript") {
    return Status::user(Code::unimplemented, "JavaScript is not run here.");
  }
  return unknown_type(
      type, "query.extraction.ExtractionFn",
      "bucket, cascade, identity, lookup, lower, partial, regex, registeredLookup, searchQuery, "
      "stringFormat, strlen, substring, timeFormat, upper");
}

}  // namespace rideflow::rollup
