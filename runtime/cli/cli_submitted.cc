// submit, list, status, logs, stop, start, cancel, versions, rollback: jobs of a `rideflow serve`, found by
// its data directory or its address.
#include <fmt/format.h>

#include <cstdio>

#include "runtime/cli/cli_server.h"
#include "runtime/job_files.h"
#include "runtime/posix_process.h"

namespace rideflow {
namespace {

// Of a query: "?dry_run=true&drop_state=rides".
std::string query_of(const ParsedArgs& args, std::string query) {
  for (const std::string& step : args.all("drop-state")) {
    query += (query.empty() ? "" : "&") + ("drop_state=" + percent_encode(step));
  }
  return query.empty() ? "" : "?" + query;
}

// ---- submit

// The job's text, and the values that its variables have here: the server's are not the job's.
Result<std::string> submission_of(CliContext& context, const ParsedArgs& args) {
  const std::string& file = args.arguments[0];
  RF_ASSIGN(const std::string text, read_file(context.env->fs(), file));
  RF_ASSIGN(LoadOptions options, load_options(context, args));
  std::map<std::string, std::string> variables;
  const VariableLookup lookup = std::move(options.lookup);
  options.lookup = [&](std::string_view name) {
    const std::optional<std::string> value = lookup(name);
    if (value) variables[std::string(name)] = *value;
    return value;
  };
  (void)load_job(text, file, *context.catalog, options);  // the server says what is wrong with it
  RF_ASSIGN(const int64_t parallelism, args.integer("parallelism", 0, 1, kDefaultKeyGroups));
  std::string body;
  JsonWriter json(body);
  json.begin_object().field("text", text);
  if (parallelism > 0) json.field("parallelism", parallelism);
  json.key("variables").begin_array();
  for (const auto& [name, value] : variables) {
    json.begin_object().field("name", name).field("value", value).end_object();
  }
  json.end_array().end_object();
  return body;
}

Result<size_t> print_diagnostics(const std::string& body, std::string_view which, const std::string& file) {
  RF_ASSIGN(const std::vector<JsonObject> all, parse_json_objects(body, which));
  for (const JsonObject& one : all) {
    Diagnostic diagnostic;
    diagnostic.pos.line = static_cast<int>(member_number(one, "line"));
    diagnostic.pos.column = static_cast<int>(member_number(one, "column"));
    diagnostic.path = member_text(one, "path");
    diagnostic.message = (which == "warnings" ? "warning: " : "") + member_text(one, "message");
    std::fputs((to_string(diagnostic, file) + "\n").c_str(), stderr);
  }
  return all.size();
}

Status print_steps(const std::string& body) {
  RF_ASSIGN(const std::vector<JsonObject> steps, parse_json_objects(body, "steps"));
  const auto same = [](const JsonObject& step) {
    return member_text(step, "change") == "same" && member_text(step, "state").empty();
  };
  if (std::all_of(steps.begin(), steps.end(), same)) {
    print("  no step changes: what the job says of itself does\n");
    return {};
  }
  for (const JsonObject& step : steps) {
    print(fmt::format("  {:<8} {}.{}\n", member_text(step, "change"), member_text(step, "section"),
                      member_text(step, "step")));
    if (!member_text(step, "state").empty())
      print(fmt::format("           {}\n", member_text(step, "state")));
    if (is_true(step, "needs_drop"))
      print(fmt::format("           only with --drop-state {}\n", member_text(step, "step")));
  }
  return {};
}

// Until the version that was submitted runs, or can't.
Status wait_for_start(JobServer& server, const std::string& job, int64_t version) {
  std::string told;
  catch_stop_signals();
  while (!stop_signal_received()) {
    RF_ASSIGN(const JsonObject document, server.document(job));
    const std::string state = member_text(document, "state");
    const std::string error = member_text(document, "error");
    const bool mine = member_number(document, "version") == version;
    if (!error.empty() && error != told) print_error(Status::external(Code::unavailable, error));
    told = error;
    if (!mine) return Status::external(Code::failed_precondition, "another version goes on");
    if (member_number(document, "started_version") == version) {
      if (state == "running" || state == "finishing" || state == "finished") {
        print(fmt::format("{}: {}\n", job, state));
        return {};
      }
      if (state == "failed" || state == "stopped")
        return Status::external(Code::failed_precondition, fmt::format("{} is {}", job, state));
    } else if (state == "failed" && !error.empty()) {
      return Status::external(Code::failed_precondition, fmt::format("{} is {}", job, state));
    }
    sleep_ms(JobServer::kPollMs);
  }
  return {};
}

Status submit_job(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(const std::string submission, submission_of(context, args));
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  const bool dry = args.has("dry-run");
  RF_ASSIGN(
      const HttpResponse answer,
      server.http().call("POST", "/api/v1/jobs" + query_of(args, dry ? "dry_run=true" : ""), submission));
  if (answer.status != 200 && answer.status != 201 && answer.status != 422) return status_of(answer);
  RF_ASSIGN(const size_t errors, print_diagnostics(answer.body, "errors", args.arguments[0]));
  RF_TRY(print_diagnostics(answer.body, "warnings", args.arguments[0]).status());
  if (errors > 0) {
    return Status::user(Code::invalid_argument,
                        fmt::format("{} has {} error{}", args.arguments[0], errors, errors == 1 ? "" : "s"));
  }
  RF_ASSIGN(const JsonObject said, parse_json_object(answer.body));
  const std::string job = member_text(said, "job");
  const int64_t version = member_number(said, "version");
  const bool changed = is_true(said, "changed");
  if (context.json(args)) {
    print(answer.body + "\n");
  } else {
    print(fmt::format("{}: version {}{}\n", job, version,
                      !changed ? ", as before"
                      : dry    ? " would be new"
                               : " is new"));
    if (changed) RF_TRY(print_steps(answer.body));
  }
  if (dry || !args.has("wait")) return {};
  return wait_for_start(server, job, version);
}

// ---- the others

Status list_jobs(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  RF_ASSIGN(const std::string body, server.http().text("GET", "/api/v1/jobs"));
  if (context.json(args)) {
    print(body + "\n");
    return {};
  }
  RF_ASSIGN(const std::vector<JsonObject> jobs, parse_json_objects(body));
  for (const JsonObject& job : jobs) {
    const std::string wanted = member_text(job, "wanted");  // of `run` and `dev`: nothing
    print(fmt::format(
        "{:<32} {}{}\n", member_text(job, "job"), member_text(job, "state"),
        wanted.empty() ? "" : fmt::format(", wanted {}, version {}", wanted, member_number(job, "version"))));
  }
  return {};
}

Status show_status(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  RF_ASSIGN(const std::string body, server.http().text("GET", JobServer::path(args.arguments[0])));
  if (context.json(args)) {
    print(body + "\n");
    return {};
  }
  RF_ASSIGN(const JsonObject job, parse_json_object(body));
  print(fmt::format("{}: {}, version {}\n", member_text(job, "job"), member_text(job, "state"),
                    member_number(job, "version")));
  if (!member_text(job, "error").empty()) print(fmt::format("  {}\n", member_text(job, "error")));
  if (!member_text(job, "watermark").empty())
    print(fmt::format("  watermark {}\n", member_text(job, "watermark")));
  RF_ASSIGN(const std::vector<JsonObject> checkpoints, parse_json_objects(body, "checkpoints"));
  for (const JsonObject& checkpoint : checkpoints) {
    if (member_text(checkpoint, "state") != "complete") continue;
    print(fmt::format("  checkpoint {} of {}\n", member_number(checkpoint, "epoch"),
                      member_text(checkpoint, "started_at")));
    break;
  }
  RF_ASSIGN(const std::vector<JsonObject> attempts, parse_json_objects(body, "attempts"));
  for (const JsonObject& attempt : attempts) {
    const std::string error = member_text(attempt, "error");
    print(fmt::format("  attempt {} of {}{}\n", member_number(attempt, "attempt"),
                      member_text(attempt, "started_at"), error.empty() ? "" : ": " + error));
  }
  return {};
}

Status show_log(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  std::string from = "0";
  catch_stop_signals();
  while (!stop_signal_received()) {
    RF_ASSIGN(const HttpResponse answer,
              server.http().call("GET", JobServer::path(args.arguments[0]) + "/log?from=" + from));
    if (answer.status != 200) return status_of(answer);
    print(answer.body);
    if (!args.has("follow")) return {};
    for (const auto& [name, value] : answer.headers) {
      if (name == "X-Rideflow-Next") from = value;
    }
    sleep_ms(JobServer::kPollMs);
  }
  return {};
}

// Until the job does what was asked.
Status wait_for_state(JobServer& server, const std::string& job, const std::vector<std::string>& states) {
  catch_stop_signals();
  while (!stop_signal_received()) {
    RF_ASSIGN(const JsonObject document, server.document(job));
    const std::string state = member_text(document, "state");
    if (std::find(states.begin(), states.end(), state) != states.end()) {
      print(fmt::format("{}: {}\n", job, state));
      const std::string error = member_text(document, "error");
      return state == "failed" ? Status::external(Code::failed_precondition, error) : Status();
    }
    sleep_ms(JobServer::kPollMs);
  }
  return {};
}

Status stop_job(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  const std::string& job = args.arguments[0];
  RF_TRY(server.http().text("POST", JobServer::path(job) + "/stop", "{}").status());
  RF_TRY(wait_for_state(server, job, {"stopped", "finished", "failed"}));
  if (!args.has("savepoint")) return {};
  if (stop_signal_received())
    return Status::external(Code::aborted, "interrupted: no savepoint was asked for");
  RF_ASSIGN(const JsonObject document, server.document(job));
  const std::string error = member_text(document, "error");
  if (!error.empty()) return Status::external(Code::failed_precondition, "no savepoint was made: " + error);
  return server.savepoint(job, absolute_place(args));
}

Status start_job(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  const std::string& job = args.arguments[0];
  RF_TRY(server.http().text("POST", JobServer::path(job) + "/start", "{}").status());
  return wait_for_state(server, job, {"running", "finishing", "finished", "failed", "restarting"});
}

Status cancel_job(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  const std::string& job = args.arguments[0];
  RF_TRY(server.http().text("DELETE", JobServer::path(job)).status());
  catch_stop_signals();
  while (!stop_signal_received()) {
    const Result<std::string> answer = server.http().text("GET", JobServer::path(job));
    if (answer.status().code() == Code::not_found) {
      print(fmt::format("{}: cancelled\n", job));
      return {};
    }
    RF_TRY(answer.status());
    sleep_ms(JobServer::kPollMs);
  }
  return {};
}

Status list_versions(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  RF_ASSIGN(const std::string body,
            server.http().text("GET", JobServer::path(args.arguments[0]) + "/versions"));
  if (context.json(args)) {
    print(body + "\n");
    return {};
  }
  RF_ASSIGN(const std::vector<JsonObject> all, parse_json_objects(body));
  for (const JsonObject& version : all) {
    if (args.has("text")) {
      if (std::to_string(member_number(version, "version")) == args.get("text"))
        print(member_text(version, "text"));
      continue;
    }
    print(fmt::format("{} {:>4}  {}\n", is_true(version, "current") ? "*" : " ",
                      member_number(version, "version"), member_text(version, "submitted_at")));
  }
  return {};
}

Status roll_back(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(JobServer server, JobServer::find(context, args));
  const std::string& job = args.arguments[0];
  RF_ASSIGN(const int64_t version, args.integer("to", 0, 1, INT64_MAX));
  const std::string query = query_of(args, version > 0 ? fmt::format("version={}", version) : "");
  RF_ASSIGN(const std::string body,
            server.http().text("POST", JobServer::path(job) + "/rollback" + query, "{}"));
  RF_ASSIGN(const JsonObject said, parse_json_object(body));
  print(fmt::format("{}: version {} again\n", job, member_number(said, "version")));
  if (!args.has("wait")) return {};
  return wait_for_start(server, job, member_number(said, "version"));
}

using Run = Status (*)(CliContext&, const ParsedArgs&);

Command command(std::string name, std::string doc, Run run, std::vector<FlagSpec> flags, bool one_job) {
  CommandSpec spec;
  spec.name = std::move(name);
  spec.arguments = one_job ? "JOB" : "";
  spec.doc = std::move(doc);
  spec.min_arguments = spec.max_arguments = one_job ? 1 : 0;
  spec.flags = std::move(flags);
  spec.flags.push_back(
      {"server", "HOST:PORT", "the server (default: the one that has the data directory)", false});
  spec.flags.push_back(data_dir_flag());
  return Command(std::move(spec),
                 [run](CliContext& context, const ParsedArgs& args) { return finish(run(context, args)); });
}

}  // namespace

std::vector<Command> submitted_commands() {
  const FlagSpec drop = {"drop-state", "STEP",
                         "give up the state of a step that changed or is gone; may be repeated", true};
  const FlagSpec wait = {"wait", "", "until it runs, or can't", false};
  Command send =
      command("submit", "Hand a job to a server (`rideflow serve`), which keeps it running.", submit_job,
              {{"dry-run", "", "only check it, and say what would change", false},
               wait,
               {"parallelism", "N", "tasks a stage (default: as before, or the server's)", false},
               set_flag(),
               format_flag()},
              true);
  send.spec.arguments = "FILE";
  std::vector<Command> commands;
  commands.push_back(std::move(send));
  commands.push_back(command("list", "List the jobs of a server.", list_jobs, {format_flag()}, false));
  commands.push_back(
      command("status", "Say how a job of a server does.", show_status, {format_flag()}, true));
  commands.push_back(command("logs", "Print what a job logged since its server began.", show_log,
                             {{"follow", "", "and what it will log, until a signal comes", false}}, true));
  commands.push_back(command("stop", "Pause a job of a server behind a last checkpoint.", stop_job,
                             {{"savepoint", "", "and write a savepoint of it", false}, savepoint_to_flag()},
                             true));
  commands.push_back(
      command("start", "Let a job of a server run again, from its checkpoint.", start_job, {}, true));
  commands.push_back(
      command("cancel",
              "End a job of a server without a last checkpoint and forget its versions; what it "
              "wrote stays.",
              cancel_job, {}, true));
  commands.push_back(savepoint_command());
  commands.push_back(command("versions", "List what was submitted as a job, newest first.", list_versions,
                             {{"text", "N", "print the text of version N", false}, format_flag()}, true));
  commands.push_back(command("rollback", "Go back to an earlier version of a job.", roll_back,
                             {{"to", "N", "to version N (default: the one before)", false}, wait, drop},
                             true));
  return commands;
}

}  // namespace rideflow
