// The rules of the house as data and checkers. The tests of this folder run them over the repository and over
// bad samples.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/source_tree.h"

namespace rideflow::house {

using test::SourceFile;

/// One line of the table in docs/architecture.md: a room and the rooms it may include besides itself.
struct Room {
  std::string name;
  std::vector<std::string> below;
};
const std::vector<Room>& rooms();

/// "engine", ...: the folders the rules speak about, with main.cc.
std::vector<std::string> room_folders();

/// The source files of all rooms and main.cc.
std::vector<SourceFile> room_sources();

/// `text` with comments, and with `literals` also the insides of string and character literals, replaced by
/// blanks. Lines keep their numbers.
std::string without_comments(std::string_view text, bool literals);

/// Each checker returns "path:line: what is wrong" for every violation.
std::vector<std::string> check_includes(const SourceFile& file);
std::vector<std::string> check_tokens(const SourceFile& file);
std::vector<std::string> check_tidy(const SourceFile& file);
std::vector<std::string> check_functions(const SourceFile& file);
std::vector<std::string> check_paths(const SourceFile& file);

/// Shell pattern match; `*` also matches '/'.
bool matches(std::string_view pattern, std::string_view path);
bool matches_any(const std::vector<std::string>& patterns, std::string_view path);

/// "path:line: ".
std::string at(const SourceFile& file, std::size_t line);

std::string join(const std::vector<std::string>& violations);

}  // namespace rideflow::house
