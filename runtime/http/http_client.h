// HttpClient: a small blocking client for commands that talk to the Rideflow process of this machine, because
// it owns the data directory. Clear text, one connection, one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/http/http_message.h"

namespace rideflow {

class HttpClient {
 public:
  // `address`: "127.0.0.1:8082", also with "http://" before it. `token` may be empty. Does not connect yet.
  static Result<std::unique_ptr<HttpClient>> make(std::string_view address, std::string token = "");
  ~HttpClient();

  // Any answer of the server is ok, whatever its status. unavailable (external) when nobody answers.
  Result<HttpResponse> call(std::string_view method, std::string_view target, std::string_view body = "");
  // The body of a 2xx answer; otherwise its message as a Status.
  Result<std::string> text(std::string_view method, std::string_view target, std::string_view body = "");

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What an answer that is not 2xx says, as a Status of the user or of the server.
Status status_of(const HttpResponse& response);

}  // namespace rideflow
