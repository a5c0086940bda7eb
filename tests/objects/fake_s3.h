// A model of an S3 server behind the transport's seam: buckets' semantics in memory, suspicious of what it is
// sent, with faults at chosen requests. Time passes when a client pauses.
//
// Thread-safety: any thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/virtual_env.h"
#include "objects/http_exchange.h"
#include "objects/s3_settings.h"

namespace rideflow::test {

enum class S3Fault : uint8_t {
  none,
  refused,         // no connection: nothing is done
  lost_answer,     // done, and the connection breaks before the answer
  slow_down,       // 503 SlowDown
  internal_error,  // 500 without a body, and not done
  internal_error_done,
  cut_answer,      // the last byte of the body is missing
  broken_answer,   // one bit of the body differs
  broken_request,  // one bit of what was sent differs when it arrives
  late_error,      // 200, and an error in the body
};

class FakeS3 : public HttpTransport {
 public:
  explicit FakeS3(VirtualEnv& env) : env_(env) {}

  Result<HttpAnswer> exchange(const HttpRequest& request) override;
  void pause(int64_t micros) override;

  // For the next requests, one after the other.
  void fail_next(std::vector<S3Fault> faults);
  // For every request, asked before those of fail_next().
  void fail_by(std::function<S3Fault(const HttpRequest&)> decide);
  // Runs at every pause: what others do meanwhile.
  void at_pause(std::function<void()> run);
  // The answer to every request, in place of what the model would say.
  void always_answer(HttpAnswer answer);
  // A server that accepts conditions and takes no notice of them.
  void ignore_header(const std::string& name);
  // What somebody else puts there, without any notes of ours; "" for `bytes` is an object too.
  void put_foreign(const std::string& key, const std::string& bytes);
  // Flips a bit of a kept object.
  void damage(const std::string& key);

  std::vector<std::string> requests() const;  // "PUT /bucket/key?query", so far
  int64_t paused_micros() const;
  std::vector<int64_t> pauses() const;
  std::map<std::string, std::string> objects() const;  // bytes by key
  size_t uploads() const;                              // in parts, not yet complete

  static constexpr const char* kBucket = "city";
  static constexpr const char* kKeyId = "AKIDEXAMPLE";
  static constexpr const char* kSecret = "canary-secret-key";
  static constexpr const char* kToken = "canary-session-token";
  static S3Settings settings();
  static S3CredentialSource credentials();

 private:
  struct Kept {
    std::string bytes, etag;
    HttpHeaders notes;
    Micros modified = 0;
  };
  struct Upload {
    std::string key;
    HttpHeaders notes;
    std::map<int, std::string> parts;
    Micros begun = 0;
  };
  using Query = std::map<std::string, std::string>;
  S3Fault next_fault(const HttpRequest& request);
  HttpAnswer serve(const HttpRequest& request, std::string_view body);
  HttpAnswer serve_bucket(const HttpRequest& request, const Query& query);
  HttpAnswer serve_object(const HttpRequest& request, const std::string& key, const Query& query,
                          std::string_view body);
  HttpAnswer put(const HttpRequest& request, const std::string& key, std::string_view body);
  HttpAnswer read(const HttpRequest& request, const std::string& key);
  HttpAnswer upload_verb(const HttpRequest& request, const std::string& key, const Query& query,
                         std::string_view body);
  HttpAnswer complete(const std::string& id, std::string_view body);
  HttpAnswer list_objects(const Query& query);
  HttpAnswer list_uploads(const Query& query);
  std::string condition(const HttpRequest& request, const std::string& name) const;
  void keep(const std::string& key, std::string bytes, HttpHeaders notes);

  VirtualEnv& env_;
  mutable std::mutex mutex_;
  std::map<std::string, Kept> objects_;
  std::map<std::string, Upload> uploads_;
  int last_upload_ = 0;
  std::deque<S3Fault> faults_;
  std::function<S3Fault(const HttpRequest&)> decide_;
  std::function<void()> at_pause_;
  std::vector<HttpAnswer> always_;
  std::vector<std::string> ignored_;
  std::vector<std::string> requests_;
  std::vector<int64_t> pauses_;
};

}  // namespace rideflow::test
