// libcurl as it is used: what it sends over a socket, its signature recomputed, and what it makes of servers
// that misbehave.
#include "objects/curl_transport.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "objects/digest.h"

namespace rideflow {
namespace curl_transport_test {

// A server on loopback that reads requests and answers each with the next of its texts; where there is none
// left it says nothing more. "" closes the connection.
class Loopback {
 public:
  explicit Loopback(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Loopback() {
    ::shutdown(listener_, SHUT_RDWR);
    {
      const std::lock_guard lock(mutex_);
      if (connection_ >= 0) ::shutdown(connection_, SHUT_RDWR);
    }
    thread_.join();
    ::close(listener_);
  }
  S3Settings settings() const {
    S3Settings settings;
    settings.bucket = "city";
    settings.scheme = "http";
    settings.host = fmt::format("127.0.0.1:{}", port_);
    settings.bucket_in_path = true;
    settings.stall_timeout_s = 1;
    return settings;
  }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  int connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
  }

 private:
  void run() {
    while (true) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      meet(connection);
      while (serve(connection)) {
      }
      meet(-1);
      ::close(connection);
    }
  }

  void meet(int connection) {
    const std::lock_guard lock(mutex_);
    connection_ = connection;
    if (connection >= 0) ++connections_;
  }

  bool serve(int connection) {
    std::string text;
    std::array<char, 4096> block = {};
    size_t wanted = std::string::npos;
    while (text.size() < wanted) {
      const ssize_t got = ::recv(connection, block.data(), block.size(), 0);
      if (got <= 0) return false;
      text.append(block.data(), static_cast<size_t>(got));
      const size_t end = text.find("\r\n\r\n");
      if (end == std::string::npos || wanted != std::string::npos) continue;
      wanted = end + 4;
      const size_t length = text.find("Content-Length: ");
      if (length < end) wanted += std::stoul(text.substr(length + 16));
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(text);
    }
    if (answers_.empty()) return true;
    const std::string answer = answers_.front();
    answers_.erase(answers_.begin());
    return !answer.empty() && ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) > 0 &&
           !answer.ends_with("(closes)");
  }

  std::vector<std::string> answers_;
  std::vector<std::string> requests_;
  int listener_ = -1;
  mutable std::mutex mutex_;
  int connection_ = -1;
  int connections_ = 0;
  int port_ = 0;
  std::thread thread_;
};

HttpRequest request_of(const std::string& method, const std::string& path, const std::string& query,
                       std::string_view body, HttpHeaders headers = {}) {
  HttpRequest request;
  request.method = method;
  request.path = path;
  request.query = query;
  request.headers = std::move(headers);
  request.headers.emplace_back("x-amz-content-sha256", sha256_hex(body));
  request.body = body;
  request.credentials = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
  return request;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, 32> digest = {};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const size_t begin = text.find(from);
  if (begin == std::string::npos) return "";
  const size_t start = begin + from.size();
  return text.substr(start, text.find(to, start) - start);
}

// The signature as AWS describes it, of the request as it came over the wire; the one that came is `claimed`.
std::string signature_of(const std::string& raw, std::string* claimed) {
  const std::string head = raw.substr(0, raw.find("\r\n\r\n") + 2);
  std::map<std::string, std::string> headers;
  std::istringstream lines(head.substr(head.find("\r\n") + 2));
  for (std::string line; std::getline(lines, line);) {
    std::string name = line.substr(0, line.find(':'));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    headers[name] = line.substr(line.find(": ") + 2, line.size() - line.find(": ") - 3);
  }
  const std::string authorization = headers["authorization"] + ",";
  *claimed = between(authorization, "Signature=", ",");
  const std::string scope = between(authorization, "Credential=AKIDEXAMPLE/", ",");
  const std::string signed_names = between(authorization, "SignedHeaders=", ",");
  const std::string target = between(head, " ", " HTTP/1.1");
  const size_t mark = std::min(target.find('?'), target.size());
  std::string canonical = head.substr(0, head.find(' ')) + "\n" + target.substr(0, mark) + "\n" +
                          target.substr(std::min(mark + 1, target.size())) + "\n";
  std::istringstream names(signed_names);
  for (std::string name; std::getline(names, name, ';');) canonical += name + ":" + headers[name] + "\n";
  canonical += "\n" + signed_names + "\n" + headers["x-amz-content-sha256"];
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + headers["x-amz-date"] + "\n" + scope + "\n" + sha256_hex(canonical);
  std::string key = "AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  std::istringstream parts(scope);
  for (std::string part; std::getline(parts, part, '/');) key = hmac(key, part);
  std::string hex;
  for (const char c : hmac(key, to_sign)) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

const char* const kOk = "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 5\r\n\r\nhello";

TEST(CurlTransport, WhatIsSentIsSignedAsAWSWantsIt) {
  Loopback server({kOk, kOk, kOk, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"});
  CurlTransport transport(server.settings());
  const HttpHeaders notes = {{"content-type", "application/octet-stream"},
                             {"x-amz-meta-rideflow-checksum", "0123456789abcdef"},
                             {"x-amz-meta-rideflow-mark", "0123456789abcdef"},
                             {"if-none-match", "*"},
                             {"x-amz-security-token", "token+/=="}};
  const std::vector<HttpRequest> requests = {
      request_of("PUT", "/city/a%20b/%E6%97%A5%2B%3D", "", "the body", notes),
      request_of("GET", "/city", "list-type=2&max-keys=10&prefix=a%2Fb%20c", ""),
      request_of("POST", "/city/a", "uploads=", "", notes), request_of("HEAD", "/city/a", "", "")};
  for (const HttpRequest& request : requests) {
    const auto answer = transport.exchange(request);
    ASSERT_TRUE(answer.ok()) << answer.status().to_string();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, request.method == "HEAD" ? "" : "hello");
    EXPECT_EQ(answer->header("content-length"), "5");
  }
  ASSERT_EQ(server.requests().size(), requests.size());
  for (const std::string& raw : server.requests()) {
    std::string claimed;
    EXPECT_EQ(signature_of(raw, &claimed), claimed) << raw;
    EXPECT_EQ(claimed.size(), 64U);
    EXPECT_EQ(raw.find("wJalrXUtn"), std::string::npos) << "the secret stays here";
    const std::string names = between(raw, "SignedHeaders=", ",");
    for (const std::string name : {"host", "x-amz-content-sha256", "x-amz-date"})
      EXPECT_NE(names.find(name), std::string::npos) << names;
  }
  EXPECT_NE(server.requests()[0].find("PUT /city/a%20b/%E6%97%A5%2B%3D HTTP/1.1\r\n"), std::string::npos);
  EXPECT_TRUE(server.requests()[0].ends_with("\r\n\r\nthe body"));
  EXPECT_EQ(server.connections(), 1) << "a connection is used again";
}

TEST(CurlTransport, ABodyGoesToItsSinkInPieces) {
  const std::string body(300'000, 'x');
  Loopback server({fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body),
                   "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone!",
                   fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body)});
  CurlTransport transport(server.settings());
  std::string got;
  HttpRequest request = request_of("GET", "/city/a", "", "");
  request.max_answer = 10;
  request.sink = [&](std::string_view bytes) {
    got += bytes;
    return Status();
  };
  EXPECT_TRUE(transport.exchange(request).ok());
  EXPECT_TRUE(got == body);
  got.clear();
  EXPECT_EQ(transport.exchange(request)->body, "none!") << "an error's text is no object";
  EXPECT_EQ(got, "");
  request.sink = [&](std::string_view) { return Status::external(Code::resource_exhausted, "disk full"); };
  EXPECT_EQ(transport.exchange(request).status().message(), "disk full");
}

TEST(CurlTransport, WhatIsTooLongIsNotRead) {
  Loopback server({kOk, "HTTP/1.1 200 OK\r\nX: " + std::string(90'000, 'x') + "\r\n\r\n"});
  CurlTransport transport(server.settings());
  HttpRequest request = request_of("GET", "/city/a", "", "");
  request.max_answer = 4;
  EXPECT_EQ(transport.exchange(request).status().code(), Code::out_of_range);
  const auto long_header = transport.exchange(request);
  EXPECT_FALSE(long_header.ok());
}

// Each is an error that says nothing about what the server did.
TEST(CurlTransport, AnswersThatDoNotComeWholeAreNoAnswers) {
  for (const std::string& text :
       {std::string(""), std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf(closes)"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel(closes)"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")}) {
    Loopback server({text, text, text});
    CurlTransport transport(server.settings());
    const auto answer = transport.exchange(request_of("GET", "/city/a", "", ""));
    ASSERT_FALSE(answer.ok()) << text;
    EXPECT_EQ(answer.status().code(), Code::unavailable) << answer.status().to_string();
    EXPECT_EQ(answer.status().retry(), Retry::backoff);
  }
}

TEST(CurlTransport, ARedirectIsAnAnswerAndNotFollowed) {
  Loopback elsewhere({kOk});
  Loopback server(
      {fmt::format("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n",
                   elsewhere.settings().host)});
  CurlTransport transport(server.settings());
  const auto answer = transport.exchange(request_of("GET", "/city/a", "", ""));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 307);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(CurlTransport, WhatSpeaksNoHTTPIsNotAskedAgain) {
  Loopback server({"220 mail here\r\n(closes)"});
  CurlTransport transport(server.settings());
  const auto answer = transport.exchange(request_of("GET", "/city/a", "", ""));
  EXPECT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().retry(), Retry::no) << answer.status().to_string();
}

TEST(CurlTransport, NobodyThere) {
  S3Settings settings;
  {
    Loopback gone({});
    settings = gone.settings();
  }
  CurlTransport transport(settings);
  const auto answer = transport.exchange(request_of("GET", "/city/a", "", ""));
  EXPECT_EQ(answer.status().code(), Code::unavailable) << answer.status().to_string();
  EXPECT_EQ(answer.status().retry(), Retry::backoff);
  settings.scheme = "ftp";
  CurlTransport wrong(settings);
  EXPECT_EQ(wrong.exchange(request_of("GET", "/city/a", "", "")).status().retry(), Retry::no);
  transport.pause(1000);
}

}  // namespace curl_transport_test
}  // namespace rideflow
