#include "runtime/cli/cli_server.h"

#include <fmt/format.h>

#include "runtime/posix_process.h"
#include "runtime/topic_open.h"

namespace rideflow {

std::string member_text(const JsonObject& object, std::string_view name) {
  const auto* value = json_member<std::string>(object, name);
  return value == nullptr ? std::string() : *value;
}
int64_t member_number(const JsonObject& object, std::string_view name) {
  const auto* value = json_member<int64_t>(object, name);
  return value == nullptr ? 0 : *value;
}
bool is_true(const JsonObject& object, std::string_view name) {
  const auto* value = json_member<bool>(object, name);
  return value != nullptr && *value;
}

Result<JobServer> JobServer::find(CliContext& context, const ParsedArgs& args) {
  std::string address = args.get("server");
  if (address.empty()) {
    const std::string data_dir = args.get("data-dir", ".rideflow");
    RF_ASSIGN(address, owner_address(context, data_dir));
    if (address.empty()) {
      return Status::user(Code::failed_precondition,
                          fmt::format("Nothing runs on '{}': start `rideflow serve` there, or name its "
                                      "--data-dir or --server.",
                                      data_dir));
    }
  }
  RF_ASSIGN(auto client, HttpClient::make(address, access_token(context)));
  return JobServer(std::move(client));
}

Result<JsonObject> JobServer::document(const std::string& job) {
  RF_ASSIGN(const std::string body, client_->text("GET", path(job)));
  return parse_json_object(body);
}

Status JobServer::savepoint(const std::string& job, const std::string& to) {
  std::string request;
  JsonWriter(request).begin_object().field("to", to).end_object();
  RF_ASSIGN(const std::string asked, client_->text("POST", path(job) + "/savepoints", request));
  RF_ASSIGN(const JsonObject said, parse_json_object(asked));
  const int64_t id = member_number(said, "id");
  catch_stop_signals();
  while (!stop_signal_received()) {
    RF_ASSIGN(const std::string body, client_->text("GET", path(job) + "/savepoints"));
    RF_ASSIGN(const std::vector<JsonObject> all, parse_json_objects(body));
    bool known = false;
    for (const JsonObject& one : all) {
      if (member_number(one, "id") != id) continue;
      known = true;
      const std::string state = member_text(one, "state");
      if (state == "failed") return Status::external(Code::unavailable, member_text(one, "error"));
      if (state != "complete") continue;
      print(fmt::format("{}: savepoint of checkpoint {} in {}, {} bytes\n", job,
                        member_number(one, "checkpoint"), member_text(one, "to"),
                        member_number(one, "bytes")));
      return {};
    }
    if (!known)
      return Status::external(Code::aborted, "the server was started again: ask for the savepoint once more");
    sleep_ms(kPollMs);
  }
  return Status::external(Code::aborted, "interrupted: whether the savepoint is made is not known");
}

}  // namespace rideflow
