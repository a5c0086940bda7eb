#include "dsl/yaml_hints.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace rideflow {

namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// The value of a block-style "key: value" line, and where it begins; npos without one.
size_t value_column(std::string_view line) {
  const size_t first = line.find_first_not_of(" -");
  if (first == std::string_view::npos || line[first] == '#') return std::string_view::npos;
  const size_t colon = line.find(": ", first);
  if (colon == std::string_view::npos) return std::string_view::npos;
  return line.find_first_not_of(' ', colon + 1);
}

// What is wrong with the value that begins at `column`, or nothing.
std::string value_problem(std::string_view line, size_t column) {
  const char first = line[column];
  if (first == '\'' || first == '"') {
    const size_t close = line.find(first, column + 1);
    if (close == std::string_view::npos) return "";
    const size_t after = line.find_first_not_of(" \r", close + 1);
    if (after == std::string_view::npos || line[after] == '#' || line[after] == first) return "";
    return "the value begins with a quote, so YAML ends it at the next quote: put the whole expression in "
           "\"…\"";
  }
  if (first == '`' || first == '@' || first == '%')
    return fmt::format("a value can't begin with '{}' in YAML: put it in \"…\"", first);
  if (first != '{' && first != '[' && line.find(": ", column) != std::string_view::npos)
    return "a value that holds ': ' needs quotes: put it in \"…\"";
  return "";
}

}  // namespace

int parenthesis_balance(std::string_view expression) {
  int balance = 0;
  bool in_string = false;
  for (const char c : expression) {
    if (c == '\'') in_string = !in_string;
    if (in_string) continue;
    if (c == '(') ++balance;
    if (c == ')') --balance;
  }
  return balance;
}

YamlHint explain_syntax_error(std::string_view text, TextPos pos, std::string_view parser_message) {
  if (parser_message.find("anchor is not defined") != std::string_view::npos)
    return {pos, "aliases (*name) are not allowed in job files: write the value out, or quote it"};
  if (const size_t escape = parser_message.find("unknown escape character: ");
      escape != std::string_view::npos) {
    return {pos,
            fmt::format("inside \"…\" YAML reads '\\{}' as an escape of its own, which it does not know: "
                        "write the value in '…' (a quote inside is '' there), or the backslash as '\\\\'",
                        parser_message.substr(escape + 26))};
  }
  const std::vector<std::string_view> lines = lines_of(text);
  if (parser_message.find("unknown token") != std::string_view::npos &&
      pos.line <= static_cast<int>(lines.size())) {
    const std::string_view line = lines[static_cast<size_t>(pos.line - 1)];
    if (static_cast<size_t>(pos.column - 1) < line.size() && line[static_cast<size_t>(pos.column - 1)] == '?')
      return {pos, "inside {…} and […] a '?' needs quotes: write \"double?\", or one column a line"};
  }
  const int last = std::min(pos.line, static_cast<int>(lines.size()));
  for (int number = last; number >= std::max(1, last - 2); --number) {
    const std::string_view line = lines[static_cast<size_t>(number - 1)];
    const size_t tab = line.find_first_not_of(' ');
    if (tab != std::string_view::npos && line[tab] == '\t')
      return {{number, static_cast<int>(tab) + 1}, "tabs can't indent YAML: use blanks"};
    const size_t column = value_column(line);
    if (column == std::string_view::npos) continue;
    if (std::string problem = value_problem(line, column); !problem.empty())
      return {{number, static_cast<int>(column) + 1}, std::move(problem)};
  }
  if (parser_message.find("flow not found") != std::string_view::npos)
    return {pos, "a '{' or '[' before here has no closing bracket"};
  return {pos, fmt::format("the file is not valid YAML here: {} (check the indentation, and put values with "
                           "special characters in \"…\")",
                           parser_message)};
}

}  // namespace rideflow
