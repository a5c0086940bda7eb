// One request to an S3 server and its answer: the seam between what a store decides (objects/s3_client.h) and
// what carries it (objects/curl_transport.h in production, a model of S3 in tests).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/status.h"

namespace rideflow {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct S3Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty: none
};

struct HttpRequest {
  std::string method;  // GET, HEAD, PUT, POST, DELETE
  std::string path;    // percent-encoded as AWS does it, from '/'
  std::string query;   // the same, "name=value&…" sorted by name: it is signed as it stands
  HttpHeaders headers;
  std::string_view body;  // valid until exchange() returns
  S3Credentials credentials;
  int64_t max_answer = 1 << 20;  // bytes of the answer's body; a longer one of success is out_of_range
  // Gets the body of an answer of success in pieces, instead of HttpAnswer::body. Its error ends the
  // exchange.
  std::function<Status(std::string_view)> sink;
};

struct HttpAnswer {
  int status = 0;
  HttpHeaders headers;  // names in small letters
  std::string body;

  bool success() const { return status >= 200 && status < 300; }
  // "" when there is none.
  std::string_view header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }
};

// Thread-safety: any thread, several exchanges at a time. Both verbs block.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // Signs, sends, and reads the whole answer, whatever its status. An error: there is no whole answer, and
  // whether the server did what was asked is not known; its retry() says whether asking again can help.
  virtual Result<HttpAnswer> exchange(const HttpRequest& request) = 0;
  // Lets time pass between two tries. Env has no such verb, since nothing else of ours may wait.
  virtual void pause(int64_t micros) = 0;
};

}  // namespace rideflow
