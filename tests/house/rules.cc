#include "tests/house/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>

namespace rideflow::house {

const std::vector<Room>& rooms() {
  static const std::vector<Room> table = {
      {"engine", {}},
      {"topics", {"engine"}},
      {"objects", {"engine"}},
      {"state", {"engine", "objects"}},
      {"rollup", {"engine"}},
      {"operators", {"engine", "topics", "rollup"}},
      {"dsl", {"engine"}},
      // generated/version.h
      {"runtime", {"engine", "topics", "objects", "state", "dsl", "rollup", "generated"}},
      {"main.cc",
       {"engine", "topics", "objects", "state", "rollup", "operators", "dsl", "runtime", "generated"}},
  };
  return table;
}

std::vector<std::string> room_folders() {
  std::vector<std::string> names;
  for (const Room& room : rooms()) names.push_back(room.name);
  return names;
}

std::vector<SourceFile> room_sources() {
  return test::read_sources(room_folders(), {".h", ".cc"});
}

std::string without_comments(std::string_view text, bool literals) {
  std::string out(text);
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < std::min(to, out.size()); ++i) {
      if (out[i] != '\n') out[i] = ' ';
    }
  };
  const auto end_of = [&](std::string_view mark, std::size_t from) {
    const std::size_t end = text.find(mark, from);
    return end == std::string_view::npos ? text.size() : end + mark.size();
  };
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    std::size_t end = i + 1;
    if (rest.starts_with("//")) {
      end = std::min(text.find('\n', i), text.size());
      blank(i, end);
    } else if (rest.starts_with("/*")) {
      end = end_of("*/", i + 2);
      blank(i, end);
    } else if (rest.starts_with("R\"") && (i == 0 || !is_word(text[i - 1]))) {
      const std::size_t open = std::min(text.find('(', i), text.size() - 1);
      end = end_of(fmt::format("){}\"", text.substr(i + 2, open - i - 2)), open);
      if (literals) blank(open + 1, end - 1);
    } else if (text[i] == '"' || (text[i] == '\'' && (i == 0 || !is_word(text[i - 1])))) {
      while (end < text.size() && text[end] != text[i] && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
      if (literals) blank(i + 1, end);
      ++end;
    }
    i = end;
  }
  return out;
}

bool matches(std::string_view pattern, std::string_view path) {
  return fnmatch(std::string(pattern).c_str(), std::string(path).c_str(), 0) == 0;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view path) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return matches(p, path); });
}

std::string at(const SourceFile& file, std::size_t line) {
  return fmt::format("{}:{}: ", file.path, line);
}

std::string join(const std::vector<std::string>& violations) {
  return fmt::format("{} violation(s)\n{}\n", violations.size(), fmt::join(violations, "\n"));
}

}  // namespace rideflow::house
