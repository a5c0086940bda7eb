// What one command of the command line is made of. Internal to runtime/cli*.cc.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/catalog.h"
#include "engine/env.h"
#include "runtime/cli/cli_args.h"

namespace rideflow {

// What every command gets. One thread.
struct CliContext {
  std::function<int64_t()> disk_progress;  // another value whenever background work on the disk went on
  Env* env = nullptr;
  const Catalog* catalog = nullptr;
  // Value of an environment variable, or nothing.
  std::function<std::optional<std::string>(const std::string&)> variable;

  bool json(const ParsedArgs& args) const { return args.get("format", "text") == "json"; }
};

struct Command {
  CommandSpec spec;
  bool verbose = false;  // long-running: informative log lines too
  std::function<int(CliContext&, const ParsedArgs&)> run;

  Command(CommandSpec s, std::function<int(CliContext&, const ParsedArgs&)> r)
      : spec(std::move(s)), run(std::move(r)) {}
};

// Each file of commands gives its own.
std::vector<Command> job_commands();        // check, explain, graph, schema
std::vector<Command> run_commands();        // run, dev, serve
std::vector<Command> submitted_commands();  // submit, list, …
std::vector<Command> test_commands();       // test
std::vector<Command> topic_commands();      // topics …, produce, consume
std::vector<Command> event_commands();      // generate, tap
std::vector<Command> docs_commands();       // docs, version

Command tap_command();
Command plan_command();

void print(std::string_view text);       // to stdout
void print_error(const Status& status);  // "error: …" to stderr
int exit_code(const Status& status);     // 0, 1 or 2
int finish(const Status& status);        // prints what failed; the exit code

FlagSpec format_flag();    // --format text|json
FlagSpec data_dir_flag();  // --data-dir DIR

}  // namespace rideflow
