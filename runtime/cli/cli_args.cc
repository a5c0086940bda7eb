#include "runtime/cli/cli_args.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "runtime/hint.h"

namespace rideflow {
namespace {

const FlagSpec* find_flag(const CommandSpec& spec, std::string_view name) {
  for (const FlagSpec& flag : spec.flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

Status usage_error(const CommandSpec& spec, const std::string& what) {
  return Status::user(Code::invalid_argument, fmt::format("{} (see 'rideflow {} --help')", what, spec.name));
}

Status unknown_flag(const CommandSpec& spec, const std::string& name) {
  std::vector<std::string> known;
  for (const FlagSpec& flag : spec.flags) known.push_back("--" + flag.name);
  return usage_error(spec, fmt::format("unknown option --{}{}", name, hint_of("--" + name, known)));
}

}  // namespace

std::string ParsedArgs::get(const std::string& flag, const std::string& fallback) const {
  const auto it = flags_.find(flag);
  return it == flags_.end() ? fallback : it->second.back();
}

const std::vector<std::string>& ParsedArgs::all(const std::string& flag) const {
  static const std::vector<std::string> none;
  const auto it = flags_.find(flag);
  return it == flags_.end() ? none : it->second;
}

Result<int64_t> ParsedArgs::integer(const std::string& flag, int64_t fallback, int64_t least,
                                    int64_t most) const {
  if (!has(flag)) return fallback;
  const std::string text = get(flag);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return Status::user(
        Code::invalid_argument,
        fmt::format("--{} wants a whole number from {} to {}, not '{}'", flag, least, most, text));
  }
  return value;
}

Result<ParsedArgs> parse_args(const CommandSpec& spec, const std::vector<std::string>& words) {
  ParsedArgs parsed;
  bool flags_over = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (flags_over || word.size() < 3 || word.compare(0, 2, "--") != 0) {
      if (!flags_over && word == "--") {
        flags_over = true;
        continue;
      }
      parsed.arguments.push_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const FlagSpec* flag = find_flag(spec, name);
    if (!flag) return unknown_flag(spec, name);
    std::string value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (!flag->value.empty()) {
      if (i + 1 == words.size())
        return usage_error(spec, fmt::format("--{} wants a value: {}", name, flag->value));
      value = words[++i];
    }
    auto& values = parsed.flags_[name];
    if (!values.empty() && !flag->repeated)
      return usage_error(spec, fmt::format("--{} is given twice", name));
    values.push_back(std::move(value));
  }
  const auto n = static_cast<int>(parsed.arguments.size());
  if (n < spec.min_arguments) return usage_error(spec, fmt::format("missing argument: {}", spec.arguments));
  if (spec.max_arguments >= 0 && n > spec.max_arguments) {
    return usage_error(spec, fmt::format("unexpected argument '{}'", parsed.arguments.back()));
  }
  return parsed;
}

std::string help_of(const CommandSpec& spec) {
  std::string out =
      fmt::format("usage: rideflow {}{}{}{}\n\n{}\n", spec.name, spec.arguments.empty() ? "" : " ",
                  spec.arguments, spec.flags.empty() ? "" : " [options]", spec.doc);
  size_t width = 0;
  for (const FlagSpec& flag : spec.flags) width = std::max(width, flag.name.size() + flag.value.size() + 1);
  if (!spec.flags.empty()) out += "\noptions:\n";
  for (const FlagSpec& flag : spec.flags) {
    out += fmt::format("  --{:<{}}  {}\n", flag.name + (flag.value.empty() ? "" : " " + flag.value), width,
                       flag.doc);
  }
  return out;
}

}  // namespace rideflow
