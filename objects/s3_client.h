// S3Client: requests to one bucket, tried again while that can help.
//
// Tried again: what the server answers with 5xx, 429 (SlowDown), 408 or 409, broken connections, time-outs,
// answers that are cut off or fail their verification. Not: refusals (403, 404, 412, …), what the local disk
// fails with. Thread-safety: any thread, several calls at a time. Every call blocks, for as long as all its
// tries and waits take.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/env.h"
#include "objects/http_exchange.h"
#include "objects/s3_settings.h"

namespace rideflow {

struct S3Call {
  std::string method;
  std::string name;                          // of the object; "": the bucket itself
  std::map<std::string, std::string> query;  // not yet encoded
  HttpHeaders headers;
  std::string_view body;
  int64_t max_answer = int64_t{1} << 20;
  // Before each try: begins the sink anew.
  std::function<Status()> restart;
  std::function<Status(std::string_view)> sink;
  // Of a success: its error counts as an answer that did not arrive whole.
  std::function<Status(const HttpAnswer&)> verify;
  // Set where a try may have done what was asked though its answer did not come.
  bool* uncertain = nullptr;
};

class S3Client {
 public:
  S3Client(Env& env, S3Settings settings, S3CredentialSource credentials,
           std::shared_ptr<HttpTransport> transport);

  // An answer of success, or what s3_refusal() makes of the last one, or why there is none.
  Result<HttpAnswer> call(const S3Call& call);

  const S3Settings& settings() const { return settings_; }
  Env& env() { return env_; }
  // Of an object: the prefix and its name.
  std::string key_of(const std::string& name) const;

 private:
  Result<HttpAnswer> try_once(const S3Call& call, const S3Credentials& credentials, bool& local);
  HttpRequest request_of(const S3Call& call, const S3Credentials& credentials) const;
  Result<S3Credentials> credentials();
  int64_t wait_after(int tries);

  Env& env_;
  const S3Settings settings_;
  const S3CredentialSource credentials_;
  const std::shared_ptr<HttpTransport> transport_;
};

// As AWS encodes: every byte but letters, digits and "-._~"; with keep_slash not '/'.
std::string s3_encoded(std::string_view text, bool keep_slash);

}  // namespace rideflow
