#include "runtime/cli/cli.h"

#include <fmt/format.h>

#include <cstdio>
#include <iterator>

#include "engine/json_writer.h"
#include "generated/version.h"
#include "runtime/cli/cli_command.h"
#include "runtime/hint.h"
#include "runtime/posix_crash.h"
#include "runtime/posix_env.h"
#include "runtime/posix_process.h"

namespace rideflow {
namespace {

constexpr int kSettleMs = 500;

// The command was told `--format json`: what reads its output reads errors there too. Set once, at the start.
bool json_errors = false;

bool asks_for_json(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i)
    if (words[i] == "--format=json" ||
        (words[i] == "--format" && i + 1 < words.size() && words[i + 1] == "json"))
      return true;
  return false;
}

bool asks_for_help(const std::string& word) {
  return word == "--help" || word == "-h";
}

std::vector<Command> all_commands() {
  std::vector<Command> all;
  for (auto part : {job_commands, test_commands, run_commands, submitted_commands, topic_commands,
                    event_commands, docs_commands}) {
    std::vector<Command> commands = part();
    std::move(commands.begin(), commands.end(), std::back_inserter(all));
  }
  return all;
}

std::string help(const std::vector<Command>& commands) {
  std::string out = "usage: rideflow COMMAND [arguments] [options]\n\ncommands:\n";
  for (const Command& command : commands) {
    out += fmt::format("  {:<16} {}\n", command.spec.name, command.spec.doc);
  }
  out += "\n'rideflow COMMAND --help' tells more. Exit codes: 0 ok, 1 your error, 2 ours.\n";
  return out;
}

// The command whose words begin the arguments; `used` is how many words it took.
const Command* find_command(const std::vector<Command>& commands, const std::vector<std::string>& words,
                            size_t& used) {
  for (const size_t n : {size_t{2}, size_t{1}}) {
    if (words.size() < n) continue;
    const std::string name = n == 2 ? words[0] + " " + words[1] : words[0];
    for (const Command& command : commands) {
      if (command.spec.name == name) {
        used = n;
        return &command;
      }
    }
  }
  return nullptr;
}

// Commands of two words that begin with this one.
std::vector<Command> commands_of(const std::vector<Command>& commands, const std::string& word) {
  std::vector<Command> group;
  for (const Command& command : commands) {
    if (command.spec.name.starts_with(word + " ")) group.push_back(command);
  }
  return group;
}

int unknown_command(const std::vector<Command>& commands, const std::vector<std::string>& words) {
  const std::vector<Command> group = commands_of(commands, words[0]);
  const bool asked = words.size() > 1 && asks_for_help(words[1]);
  if (!group.empty() && (words.size() == 1 || asked)) {
    print(help(group));
    return asked ? 0 : 1;
  }
  const std::string name = group.empty() ? words[0] : words[0] + " " + words[1];
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.spec.name);
  print_error(Status::user(
      Code::invalid_argument,
      fmt::format("unknown command '{}'{}; 'rideflow --help' lists them", name, hint_of(name, names))));
  return 1;
}

}  // namespace

void print(std::string_view text) {
  write_output(text);
}

void print_error(const Status& status) {
  std::fprintf(stderr, "error: %s\n", status.to_string().c_str());
  if (json_errors) {
    std::string json;
    JsonWriter(json).begin_object().field("error", status.to_string()).end_object();
    print(json + "\n");
  }
  if (status.code() == Code::internal) std::fputs("This is a bug in Rideflow; please report it.\n", stderr);
}

int exit_code(const Status& status) {
  if (status.ok()) return 0;
  return status.blame() == Blame::user ? 1 : 2;
}

int finish(const Status& status) {
  if (!status.ok()) print_error(status);
  return exit_code(status);
}

FlagSpec format_flag() {
  return {"format", "text|json", "how results and errors are printed (default text)", false};
}
FlagSpec data_dir_flag() {
  return {"data-dir", "DIR", "where topics, checkpoints and rollups live (default .rideflow)", false};
}

int run_cli(int argc, char** argv, const Catalog& catalog) {
  if (!posix_variable("RIDEFLOW_CORE_FILES")) forbid_core_files();
  ignore_file_size_signal();
  note_crashes();
  const std::vector<Command> commands = all_commands();
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "--version") words[0] = "version";
  json_errors = asks_for_json(words);
  if (words.empty() || asks_for_help(words[0]) || words[0] == "help") {
    print(help(commands));
    return words.empty() ? 1 : 0;
  }
  size_t used = 0;
  const Command* command = find_command(commands, words, used);
  if (!command) return unknown_command(commands, words);
  const std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
  for (const std::string& word : rest) {
    if (word == "--") break;
    if (!asks_for_help(word)) continue;
    print(help_of(command->spec));
    return 0;
  }
  const Result<ParsedArgs> args = parse_args(command->spec, rest);
  if (!args.ok()) {
    print_error(args.status());
    return 1;
  }
  if (args->has("format") && args->get("format") != "text" && args->get("format") != "json") {
    print_error(Status::user(Code::invalid_argument, "--format wants text or json"));
    return 1;
  }
  PosixEnvOptions options;
  if (!command->verbose) options.log_level = LogLevel::warn;
  PosixEnv env(options);
  CliContext context;
  context.env = &env;
  context.catalog = &catalog;
  context.variable = posix_variable;
  context.disk_progress = [&env] { return env.disk_progress(); };
  int code = command->run(context, *args);
  if (code == 0) code = finish(output_status());
  // What still waits for others, such as a client that does not come down, ends with the process.
  if (!env.settle(kSettleMs)) end_process(code);
  return code;
}

std::vector<Command> docs_commands() {
  Command version({"version", "", "Print the version.", 0, 0, {format_flag()}}, [](CliContext& context,
                                                                                   const ParsedArgs& args) {
    print(context.json(args)
              ? fmt::format("{{\"version\": \"{}\", \"build\": \"{}\"}}\n", RIDEFLOW_VERSION, RIDEFLOW_BUILD)
              : fmt::format("rideflow {} ({})\n", RIDEFLOW_VERSION, RIDEFLOW_BUILD));
    return 0;
  });
  return {version};
}

}  // namespace rideflow
