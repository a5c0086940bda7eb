// like and regular expressions (RE2: linear time, bounded memory). Constant patterns are compiled when the
// job is bound, so that a wrong one is an error of the job; others once per different pattern and batch, and
// fail their rows.
#include <re2/re2.h>

#include <map>

#include "engine/utf8.h"
#include "operators/function_kernels.h"

namespace rideflow {

namespace {

// ---- like

// A pattern as its parts between '%': the first is anchored at the start, the last at the end. A part holds
// code points and gaps ('_').
class LikePattern {
 public:
  // Nothing when the pattern ends in the middle of an escape.
  static std::optional<LikePattern> parse(std::string_view pattern, std::string_view escape) {
    LikePattern like;
    like.parts_.emplace_back();
    for (size_t i = 0; i < pattern.size();) {
      if (!escape.empty() && pattern.substr(i).starts_with(escape)) {
        i += escape.size();
        if (i >= pattern.size()) return std::nullopt;
      } else if (pattern[i] == '%') {
        like.parts_.emplace_back();
        ++i;
        continue;
      } else if (pattern[i] == '_') {
        like.parts_.back().push_back(Piece{});
        ++i;
        continue;
      }
      const size_t length = std::max<size_t>(utf8_length_at(pattern, i), 1);
      like.add_text(pattern.substr(i, length));
      i += length;
    }
    return like;
  }

  bool matches(std::string_view text) const {
    size_t at = 0;
    if (!match_at(parts_.front(), text, at)) return false;
    if (parts_.size() == 1) return at == text.size();
    for (size_t p = 1; p + 1 < parts_.size(); ++p) {
      if (!find_part(parts_[p], text, at)) return false;
    }
    return match_end(parts_.back(), text, at);
  }

 private:
  struct Piece {
    std::string text;  // empty: any one code point
  };
  using Part = std::vector<Piece>;

  void add_text(std::string_view text) {
    Part& part = parts_.back();
    if (part.empty() || part.back().text.empty()) part.emplace_back();
    part.back().text += text;
  }

  // Moves `at` behind the part when it stands there.
  static bool match_at(const Part& part, std::string_view text, size_t& at) {
    size_t end = at;
    for (const Piece& piece : part) {
      if (piece.text.empty()) {
        if (end >= text.size()) return false;
        end += std::max<size_t>(utf8_length_at(text, end), 1);
      } else {
        if (!text.substr(end).starts_with(piece.text)) return false;
        end += piece.text.size();
      }
    }
    at = end;
    return true;
  }

  // The first place at or behind `at` where the part stands: the leftmost is always good enough.
  static bool find_part(const Part& part, std::string_view text, size_t& at) {
    if (part.empty()) return true;
    for (size_t begin = at; begin <= text.size();) {
      if (!part.front().text.empty()) begin = text.find(part.front().text, begin);
      if (begin == std::string_view::npos) return false;
      size_t end = begin;
      if (match_at(part, text, end)) {
        at = end;
        return true;
      }
      begin += begin < text.size() ? std::max<size_t>(utf8_length_at(text, begin), 1) : 1;
    }
    return false;
  }

  // Whether the part stands at the end, behind `at`.
  static bool match_end(const Part& part, std::string_view text, size_t at) {
    size_t begin = text.size();
    for (size_t i = part.size(); i-- > 0;) {
      const Piece& piece = part[i];
      if (piece.text.empty()) {
        if (begin <= at) return false;
        do {
          --begin;
        } while (begin > at && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U);
      } else {
        if (begin - at < piece.text.size() || !text.substr(0, begin).ends_with(piece.text)) return false;
        begin -= piece.text.size();
      }
    }
    return true;
  }

  std::vector<Part> parts_;
};

constexpr std::string_view kOpenEscape = "like: the pattern ends with the escape character";

Column like_kernel(const KernelCall& call, RowErrors& errors,
                   const std::optional<LikePattern>& fixed_pattern) {
  if (fixed_pattern) {
    return bool_column(call.rows, [&](int32_t i) { return fixed_pattern->matches(text_at(call, 0, i)); });
  }
  return bool_column(call.rows, [&](int32_t i) {
    if (!call.is_active(i) || any_null(call, i)) return false;
    const auto pattern = LikePattern::parse(text_at(call, 1, i),
                                            call.args.size() > 2 ? text_at(call, 2, i) : std::string_view());
    if (!pattern) errors.fail(i, std::string(kOpenEscape));
    return pattern && pattern->matches(text_at(call, 0, i));
  });
}

Result<BoundFunction> bind_like(std::span<const ArgInfo> args) {
  constexpr std::string_view kTakes = "a text, a pattern and, if wanted, an escape character";
  RF_TRY(check_count("like", args, 2, 3, kTakes));
  for (const ArgInfo& arg : args) {
    if (!is_text_or_null(arg)) return wrong_arguments("like", args, kTakes);
  }
  std::optional<LikePattern> pattern;
  const bool constant = args[1].literal && (args.size() < 3 || args[2].literal);
  if (constant) {
    pattern = LikePattern::parse(args[1].literal->text, args.size() > 2 ? args[2].literal->text : "");
    if (!pattern) return Status::user(Code::invalid_argument, std::string(kOpenEscape));
  }
  BoundFunction f = bound(
      "like", std::vector<Type>(args.size(), Kind::string), Kind::boolean,
      [pattern](const KernelCall& call, RowErrors& errors) { return like_kernel(call, errors, pattern); });
  return with(std::move(f), {.can_fail = !constant, .costly = true});
}

// ---- Regular expressions

constexpr size_t kMaxPatternBytes = 4096;
constexpr int64_t kMaxProgramBytes = int64_t{1} << 20;

using Regex = std::shared_ptr<const RE2>;

Result<Regex> compile(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return Status::user(Code::invalid_argument,
                        fmt::format("a regular expression has at most {} bytes", kMaxPatternBytes));
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxProgramBytes);
  auto regex = std::make_shared<const RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (regex->ok()) return Regex(std::move(regex));
  return Status::user(Code::invalid_argument,
                      fmt::format("regular expression '{}': {}", pattern, regex->error()));
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

// The patterns of one call: the constant one, or those met in this batch.
class Patterns {
 public:
  explicit Patterns(Regex constant) : constant_(std::move(constant)) {}
  const RE2* at(const KernelCall& call, int32_t row, RowErrors& errors) {
    if (constant_) return constant_.get();
    const std::string text(text_at(call, 1, row));
    auto it = met_.find(text);
    if (it == met_.end()) {
      if (met_.size() >= 64) met_.clear();
      it = met_.emplace(text, compile(text)).first;
    }
    if (it->second.ok()) return it->second->get();
    errors.fail(row, it->second.status().message());
    return nullptr;
  }

 private:
  Regex constant_;
  std::map<std::string, Result<Regex>> met_;
};

Column regexp_like(const KernelCall& call, RowErrors& errors, const Regex& constant) {
  Patterns patterns(constant);
  return bool_column(call.rows, [&](int32_t i) {
    if (!call.is_active(i) || any_null(call, i)) return false;
    const RE2* regex = patterns.at(call, i, errors);
    return regex && RE2::PartialMatch(piece(text_at(call, 0, i)), *regex);
  });
}

Column regexp_replace(const KernelCall& call, RowErrors& errors, const Regex& constant) {
  Patterns patterns(constant);
  return text_column(call, [&](int32_t i, std::string& out) {
    const RE2* regex = patterns.at(call, i, errors);
    if (!regex) return;
    const std::string_view rewrite = text_at(call, 2, i);
    std::string problem;
    if (!regex->CheckRewriteString(piece(rewrite), &problem)) {
      errors.fail(i, fmt::format("regexp_replace: the replacement '{}': {}", rewrite, problem));
      return;
    }
    out = text_at(call, 0, i);
    RE2::GlobalReplace(&out, *regex, piece(rewrite));
    if (out.size() <= kMaxTextBytes) return;
    errors.fail(i, too_long("regexp_replace"));
    out.clear();
  });
}

// The wanted group of the first match, or nothing.
std::optional<std::string_view> extract(const RE2& regex, std::string_view text, size_t group) {
  std::vector<re2::StringPiece> groups(group + 1);
  const int count = static_cast<int>(groups.size());
  if (!regex.Match(piece(text), 0, text.size(), RE2::UNANCHORED, groups.data(), count)) return std::nullopt;
  if (groups[group].data() == nullptr) return std::nullopt;
  return std::string_view(groups[group].data(), groups[group].size());
}

Column regexp_extract(const KernelCall& call, RowErrors& errors, const Regex& constant) {
  Patterns patterns(constant);
  std::vector<bool> found(static_cast<size_t>(call.rows), false);
  Column out = text_column(call, [&](int32_t i, std::string& text) {
    const RE2* regex = patterns.at(call, i, errors);
    if (!regex) return;
    const int64_t group = call.args.size() > 2 ? value_of<int64_t>(call, 2, i) : 0;
    if (group < 0 || group > regex->NumberOfCapturingGroups()) {
      errors.fail(i, fmt::format("regexp_extract: the expression has no group {}", group));
      return;
    }
    if (const auto match = extract(*regex, text_at(call, 0, i), static_cast<size_t>(group))) {
      text = *match;
      found[static_cast<size_t>(i)] = true;
    }
  });
  set_nulls(out, [&](int32_t i) { return !found[static_cast<size_t>(i)]; });
  return out;
}

using RegexKernel = Column (*)(const KernelCall&, RowErrors&, const Regex&);

Result<BoundFunction> bind_regexp(const std::string& name, std::string_view takes,
                                  const std::vector<Type>& types, size_t required, const Type& result,
                                  RegexKernel kernel, std::span<const ArgInfo> args) {
  RF_TRY(check_count(name, args, required, types.size(), takes));
  for (size_t i = 0; i < args.size(); ++i) {
    if (!converts_silently(args[i].type, types[i])) return wrong_arguments(name, args, takes);
  }
  Regex constant;
  if (args[1].literal && !args[1].literal->is_null()) {
    RF_ASSIGN(constant, compile(args[1].literal->text));
  }
  BoundFunction f = bound(name, {types.begin(), types.begin() + static_cast<std::ptrdiff_t>(args.size())},
                          result, [constant, kernel](const KernelCall& call, RowErrors& errors) {
                            return kernel(call, errors, constant);
                          });
  return with(std::move(f), {.can_fail = true, .costly = true, .nullable = name == "regexp_extract"});
}

FunctionKind regexp_kind(const std::string& name, const std::string& signature, const std::string& doc,
                         const std::string& example, std::string takes, std::vector<Type> types,
                         size_t required, Type result, RegexKernel kernel) {
  return function_kind(name, "string", signature, doc, example,
                       [name, takes = std::move(takes), types = std::move(types), required,
                        result = std::move(result), kernel](std::span<const ArgInfo> args) {
                         return bind_regexp(name, takes, types, required, result, kernel, args);
                       });
}

}  // namespace

}  // namespace rideflow

RIDEFLOW_REGISTER(functions_pattern) {
  using namespace rideflow;
  const Type text = Kind::string;
  catalog.add(
      function_kind("like", "string", "text like pattern [escape character] -> bool",
                    "Whether the whole text fits the pattern: % stands for any text, _ for one character.",
                    "'ride_completed' like 'ride%'", bind_like));
  catalog.add(regexp_kind("regexp_like", "regexp_like(text, pattern) -> bool",
                          "Whether the regular expression (RE2 syntax) is found in the text.",
                          "regexp_like('AB-123', '^[A-Z]{2}-\\d+$')", "a text and a regular expression",
                          {text, text}, 2, Kind::boolean, regexp_like));
  catalog.add(regexp_kind("regexp_replace", "regexp_replace(text, pattern, replacement) -> string",
                          "With every match replaced; \\1 in the replacement is the first group.",
                          "regexp_replace('a1b22', '\\d+', '#') = 'a#b#'",
                          "a text, a regular expression and a replacement", {text, text, text}, 3, text,
                          regexp_replace));
  catalog.add(regexp_kind("regexp_extract", "regexp_extract(text, pattern[, group]) -> string?",
                          "The first match, or its group of that number; null when there is none.",
                          "regexp_extract('id=42;', 'id=(\\d+)', 1) = '42'",
                          "a text, a regular expression and, if wanted, a group", {text, text, Kind::int64},
                          2, text, regexp_extract));
}
