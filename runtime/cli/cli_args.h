// Command-line arguments, described as data: the description parses, checks and prints help.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/status.h"

namespace rideflow {

struct FlagSpec {
  std::string name;   // "data-dir": written --data-dir
  std::string value;  // what stands behind it in the help, "DIR"; empty: a switch
  std::string doc;
  bool repeated = false;
};

struct CommandSpec {
  std::string name;       // "topics create"
  std::string arguments;  // "FILES…", for the help
  std::string doc;        // one sentence
  int min_arguments = 0;
  int max_arguments = 0;  // -1: any number
  std::vector<FlagSpec> flags;
};

class ParsedArgs {
 public:
  std::vector<std::string> arguments;
  bool has(const std::string& flag) const { return flags_.count(flag) > 0; }
  std::string get(const std::string& flag, const std::string& fallback = {}) const;
  const std::vector<std::string>& all(const std::string& flag) const;
  // The flag as a whole number in [least, most]; user error otherwise.
  Result<int64_t> integer(const std::string& flag, int64_t fallback, int64_t least, int64_t most) const;

 private:
  friend Result<ParsedArgs> parse_args(const CommandSpec& spec, const std::vector<std::string>& words);
  std::map<std::string, std::vector<std::string>> flags_;
};

// `words` come after the command's name. --flag value and --flag=value; "--" ends the flags. An unknown flag
// names the nearest known one.
Result<ParsedArgs> parse_args(const CommandSpec& spec, const std::vector<std::string>& words);
std::string help_of(const CommandSpec& spec);

}  // namespace rideflow
