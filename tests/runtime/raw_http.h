// A bare TCP client for tests of the HTTP server: sends bytes as they are, however wrong, and reads answers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace rideflow::test {

struct RawAnswer {
  int status = 0;                              // 0: the connection ended without an answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class RawHttp {
 public:
  explicit RawHttp(uint16_t port);
  ~RawHttp();
  RawHttp(const RawHttp&) = delete;
  RawHttp& operator=(const RawHttp&) = delete;

  // False when the peer does not take it any more.
  bool send(std::string_view bytes);
  // The next answer; waits at most ten seconds. `head_only`: no body follows (HEAD, 304).
  RawAnswer read(bool head_only = false);
  // True when the peer closed without sending anything more, within ten seconds.
  bool closed();
  // send() and read() of a request with "Host: localhost" and what is given.
  RawAnswer call(std::string_view method, std::string_view target, std::string_view headers = "",
                 std::string_view body = "");

 private:
  bool more();
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace rideflow::test
