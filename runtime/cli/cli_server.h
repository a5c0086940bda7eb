// What commands say to the process that has a data directory, or to a server elsewhere.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/cli/cli_command.h"
#include "runtime/http/http_client.h"
#include "runtime/http/http_json.h"

namespace rideflow {

// Members of an answer; "", 0 and false where they are missing.
std::string member_text(const JsonObject& object, std::string_view name);
int64_t member_number(const JsonObject& object, std::string_view name);
bool is_true(const JsonObject& object, std::string_view name);

class JobServer {
 public:
  static constexpr int kPollMs = 200;

  // The one that --server names, or that has the data directory. failed_precondition (user): there is none.
  static Result<JobServer> find(CliContext& context, const ParsedArgs& args);
  static std::string path(const std::string& job) { return "/api/v1/jobs/" + percent_encode(job); }

  HttpClient& http() { return *client_; }
  Result<JsonObject> document(const std::string& job);
  // Asks for a savepoint and waits until it is there; prints where. A signal ends the waiting.
  Status savepoint(const std::string& job, const std::string& to);

 private:
  explicit JobServer(std::unique_ptr<HttpClient> client) : client_(std::move(client)) {}
  std::unique_ptr<HttpClient> client_;
};

// --to of the commands that write savepoints: a name stays one, a path becomes absolute.
std::string absolute_place(const ParsedArgs& args);
FlagSpec savepoint_to_flag();
Command savepoint_command();

}  // namespace rideflow
