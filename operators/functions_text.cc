// Texts: case, trimming, parts, filling. Positions and lengths count code points, from 1.
#include <algorithm>

#include "engine/utf8.h"
#include "operators/function_kernels.h"
#include "operators/text_case.h"

namespace rideflow {

namespace {

Kernel case_kernel(bool upper) {
  return [upper](const KernelCall& call, RowErrors&) {
    return text_column(call,
                       [&](int32_t i, std::string& out) { append_case(out, text_at(call, 0, i), upper); });
  };
}

// The characters of `set` (spaces when it is not given) cut off one or both ends.
std::string_view trimmed(std::string_view text, std::string_view set, bool left, bool right) {
  const auto is_in_set = [&](std::string_view code_point) {
    return set.find(code_point) != std::string_view::npos;
  };
  while (left && !text.empty()) {
    const size_t n = std::max<size_t>(utf8_length_at(text, 0), 1);
    if (!is_in_set(text.substr(0, n))) break;
    text.remove_prefix(n);
  }
  while (right && !text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) --begin;
    if (!is_in_set(text.substr(begin))) break;
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

Kernel trim_kernel(bool left, bool right) {
  return [left, right](const KernelCall& call, RowErrors&) {
    return text_parts(call, [&](int32_t i, std::string_view text) {
      return trimmed(text, call.args.size() > 1 ? text_at(call, 1, i) : " ", left, right);
    });
  };
}

// SQL's substring: positions before 1 count, but hold no characters.
std::string_view substring(std::string_view text, int64_t start, int64_t end) {
  if (end <= 1 || end <= start) return text.substr(0, 0);
  const size_t begin = start <= 1 ? 0 : code_point_offset(text, start - 1);
  const size_t stop = end == INT64_MAX ? text.size() : code_point_offset(text, end - 1);
  return text.substr(begin, stop - begin);
}

Column substr_kernel(const KernelCall& call, RowErrors& errors) {
  return text_parts(call, [&](int32_t i, std::string_view text) {
    const auto start = value_of<int64_t>(call, 1, i);
    if (call.args.size() < 3) return substring(text, start, INT64_MAX);
    const auto length = value_of<int64_t>(call, 2, i);
    if (length < 0 && call.is_active(i))
      errors.fail(i, fmt::format("substr: the length {} is negative", length));
    int64_t end = 0;
    if (__builtin_add_overflow(start, length, &end)) end = INT64_MAX;
    return substring(text, start, end);
  });
}

// The first n code points, or all but the last -n; `right`: counted from the other end.
Kernel end_kernel(bool right) {
  return [right](const KernelCall& call, RowErrors&) {
    return text_parts(call, [&](int32_t i, std::string_view text) {
      const auto n = value_of<int64_t>(call, 1, i);
      const int64_t all = count_code_points(text);
      const int64_t kept = std::clamp<int64_t>(n >= 0 ? n : n < -all ? 0 : all + n, 0, all);
      return right ? text.substr(code_point_offset(text, all - kept))
                   : text.substr(0, code_point_offset(text, kept));
    });
  };
}

Column replace_kernel(const KernelCall& call, RowErrors& errors) {
  return text_column(call, [&](int32_t i, std::string& out) {
    const std::string_view text = text_at(call, 0, i);
    const std::string_view from = text_at(call, 1, i);
    const std::string_view to = text_at(call, 2, i);
    size_t at = 0;
    while (!from.empty() && out.size() <= kMaxTextBytes) {
      const size_t hit = text.find(from, at);
      if (hit == std::string_view::npos) break;
      out.append(text, at, hit - at);
      out += to;
      at = hit + from.size();
    }
    out.append(text, at);
    if (out.size() <= std::max(kMaxTextBytes, text.size())) return;
    errors.fail(i, too_long("replace"));
    out.clear();
  });
}

// Part n of text between delimiters, from 1; negative from the end; empty when there is none.
std::string_view part_of(std::string_view text, std::string_view delimiter, int64_t n) {
  if (delimiter.empty()) return n == 1 || n == -1 ? text : text.substr(0, 0);
  if (n < 0) {
    int64_t parts = 1;
    for (size_t at = text.find(delimiter); at != std::string_view::npos; ++parts) {
      at = text.find(delimiter, at + delimiter.size());
    }
    n = n < -parts ? 0 : parts + n + 1;
  }
  if (n <= 0) return text.substr(0, 0);
  size_t begin = 0;
  while (true) {
    const size_t end = text.find(delimiter, begin);
    if (--n == 0) return text.substr(begin, end == std::string_view::npos ? end : end - begin);
    if (end == std::string_view::npos) return text.substr(0, 0);
    begin = end + delimiter.size();
  }
}

Column split_part_kernel(const KernelCall& call, RowErrors& errors) {
  return text_parts(call, [&](int32_t i, std::string_view text) {
    const auto n = value_of<int64_t>(call, 2, i);
    if (n == 0 && call.is_active(i)) errors.fail(i, "split_part: parts count from 1, or from -1 at the end");
    return part_of(text, text_at(call, 1, i), n);
  });
}

Column repeat_kernel(const KernelCall& call, RowErrors& errors) {
  return text_column(call, [&](int32_t i, std::string& out) {
    const std::string_view text = text_at(call, 0, i);
    const int64_t n = std::max<int64_t>(value_of<int64_t>(call, 1, i), 0);
    if (!text.empty() && n > static_cast<int64_t>(kMaxTextBytes / text.size())) {
      errors.fail(i, too_long("repeat"));
      return;
    }
    for (int64_t k = 0; k < n && !text.empty(); ++k) out += text;
  });
}

// `fill` repeated to `n` code points.
void append_fill(std::string& out, std::string_view fill, int64_t n) {
  const int64_t length = count_code_points(fill);
  if (length == 0) return;
  for (; n >= length; n -= length) out += fill;
  out += fill.substr(0, code_point_offset(fill, n));
}

Kernel pad_kernel(const char* name, bool left) {
  return [name, left](const KernelCall& call, RowErrors& errors) {
    return text_column(call, [&](int32_t i, std::string& out) {
      const std::string_view text = text_at(call, 0, i);
      const std::string_view fill = call.args.size() > 2 ? text_at(call, 2, i) : " ";
      const auto n = value_of<int64_t>(call, 1, i);
      const int64_t have = count_code_points(text);
      if (n > static_cast<int64_t>(kMaxTextBytes / 4)) {
        errors.fail(i, too_long(name));
      } else if (n <= have) {
        out += text.substr(0, code_point_offset(text, std::max<int64_t>(n, 0)));
      } else if (fill.empty()) {
        out += text;
      } else {
        if (!left) out += text;
        append_fill(out, fill, n - have);
        if (left) out += text;
      }
    });
  };
}

Column reverse_kernel(const KernelCall& call, RowErrors&) {
  return text_column(call, [&](int32_t i, std::string& out) {
    const std::string_view text = text_at(call, 0, i);
    size_t end = text.size();
    while (end > 0) {
      size_t begin = end - 1;
      while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) --begin;
      out.append(text, begin, end - begin);
      end = begin;
    }
  });
}

void add_case_and_trim(Catalog& catalog) {
  const Type text = Kind::string;
  add_function(catalog, "string",
               {"lower",
                "lower(text) -> string",
                "Small letters (Latin, Greek and Cyrillic).",
                "lower('ÉLAN Vital') = 'élan vital'",
                "a text",
                {text},
                1,
                text,
                {.costly = true},
                case_kernel(false)});
  add_function(catalog, "string",
               {"upper",
                "upper(text) -> string",
                "Capital letters (Latin, Greek and Cyrillic).",
                "upper('élan') = 'ÉLAN'",
                "a text",
                {text},
                1,
                text,
                {.costly = true},
                case_kernel(true)});
  const std::string takes = "a text and, if wanted, the characters to cut off";
  add_function(catalog, "string",
               {"trim",
                "trim(text[, characters]) -> string",
                "Without spaces (or these characters) at both ends.",
                "trim('  Lyon ') = 'Lyon'",
                takes,
                {text, text},
                1,
                text,
                {},
                trim_kernel(true, true)});
  add_function(catalog, "string",
               {"ltrim",
                "ltrim(text[, characters]) -> string",
                "Without spaces (or these characters) at the start.",
                "ltrim('00123', '0') = '123'",
                takes,
                {text, text},
                1,
                text,
                {},
                trim_kernel(true, false)});
  add_function(catalog, "string",
               {"rtrim",
                "rtrim(text[, characters]) -> string",
                "Without spaces (or these characters) at the end.",
                "rtrim('1.500', '0') = '1.5'",
                takes,
                {text, text},
                1,
                text,
                {},
                trim_kernel(false, true)});
}

void add_parts(Catalog& catalog) {
  const Type text = Kind::string;
  const Type number = Kind::int64;
  add_function(catalog, "string",
               {"substr",
                "substr(text, start[, length]) -> string",
                "The characters from `start` on, counted from 1. A negative length rejects the row.",
                "substr('Lyon', 2, 2) = 'yo'",
                "a text, a start and, if wanted, a length",
                {text, number, number},
                2,
                text,
                {.can_fail = true},
                substr_kernel});
  add_function(catalog, "string",
               {"left",
                "left(text, n) -> string",
                "The first n characters; negative: all but the last -n.",
                "left('Lyon', 2) = 'Ly'",
                "a text and a number",
                {text, number},
                2,
                text,
                {},
                end_kernel(false)});
  add_function(catalog, "string",
               {"right",
                "right(text, n) -> string",
                "The last n characters; negative: all but the first -n.",
                "right('Lyon', 2) = 'on'",
                "a text and a number",
                {text, number},
                2,
                text,
                {},
                end_kernel(true)});
  add_function(catalog, "string",
               {"split_part",
                "split_part(text, delimiter, n) -> string",
                "Part n between delimiters, from 1, or from -1 at the end; empty when there are fewer.",
                "split_part('a/b/c', '/', 2) = 'b'",
                "a text, a delimiter and a number",
                {text, text, number},
                3,
                text,
                {.can_fail = true},
                split_part_kernel});
}

void add_changes(Catalog& catalog) {
  const Type text = Kind::string;
  const Type number = Kind::int64;
  add_function(catalog, "string",
               {"replace",
                "replace(text, from, to) -> string",
                "With every `from` replaced.",
                "replace('a-b-c', '-', '+') = 'a+b+c'",
                "three texts",
                {text, text, text},
                3,
                text,
                {.can_fail = true, .costly = true},
                replace_kernel});
  add_function(catalog, "string",
               {"reverse",
                "reverse(text) -> string",
                "The characters from last to first.",
                "reverse('Lyon') = 'noyL'",
                "a text",
                {text},
                1,
                text,
                {.costly = true},
                reverse_kernel});
  add_function(catalog, "string",
               {"repeat",
                "repeat(text, n) -> string",
                "The text n times; at most 1 MiB.",
                "repeat('ab', 3) = 'ababab'",
                "a text and a number",
                {text, number},
                2,
                text,
                {.can_fail = true, .costly = true},
                repeat_kernel});
  add_function(catalog, "string",
               {"lpad",
                "lpad(text, n[, fill]) -> string",
                "Exactly n characters: filled up at the start with spaces (or `fill`), or cut.",
                "lpad('7', 3, '0') = '007'",
                "a text, a length and, if wanted, a filling text",
                {text, number, text},
                2,
                text,
                {.can_fail = true, .costly = true},
                pad_kernel("lpad", true)});
  add_function(catalog, "string",
               {"rpad",
                "rpad(text, n[, fill]) -> string",
                "Exactly n characters: filled up at the end with spaces (or `fill`), or cut.",
                "rpad('7', 3, '.') = '7..'",
                "a text, a length and, if wanted, a filling text",
                {text, number, text},
                2,
                text,
                {.can_fail = true, .costly = true},
                pad_kernel("rpad", false)});
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_text) {
  rideflow::add_case_and_trim(catalog);
  rideflow::add_parts(catalog);
  rideflow::add_changes(catalog);
}
