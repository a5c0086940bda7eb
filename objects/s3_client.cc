#include "objects/s3_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "objects/digest.h"
#include "objects/s3_errors.h"

namespace rideflow {
namespace {

// A header's value ends at a line's end: one within would begin another header.
bool fits_a_header(std::string_view value) {
  return std::none_of(value.begin(), value.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

std::string encoded_query(const std::map<std::string, std::string>& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    if (!text.empty()) text += '&';
    text += s3_encoded(name, false) + "=" + s3_encoded(value, false);
  }
  return text;
}

}  // namespace

std::string s3_encoded(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

S3Client::S3Client(Env& env, S3Settings settings, S3CredentialSource credentials,
                   std::shared_ptr<HttpTransport> transport)
    : env_(env),
      settings_(std::move(settings)),
      credentials_(std::move(credentials)),
      transport_(std::move(transport)) {}

std::string S3Client::key_of(const std::string& name) const {
  return settings_.prefix.empty() ? name : settings_.prefix + "/" + name;
}

Result<S3Credentials> S3Client::credentials() {
  Result<S3Credentials> found = credentials_();
  if (!found.ok()) {
    return Status::user(
        Code::failed_precondition,
        fmt::format("{}: {}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN where "
                    "they are a session's) in the environment.",
                    settings_.url(), found.status().to_string()));
  }
  if (!fits_a_header(found->access_key_id) || !fits_a_header(found->secret_access_key) ||
      !fits_a_header(found->session_token))
    return Status::user(Code::invalid_argument,
                        fmt::format("{}: the credentials have control characters in them.", settings_.url()));
  return found;
}

HttpRequest S3Client::request_of(const S3Call& call, const S3Credentials& credentials) const {
  HttpRequest request;
  request.method = call.method;
  request.path = settings_.bucket_in_path ? "/" + settings_.bucket : "";
  if (!call.name.empty() || request.path.empty())
    request.path += "/" + (call.name.empty() ? "" : s3_encoded(key_of(call.name), true));
  request.query = encoded_query(call.query);
  request.headers = call.headers;
  request.headers.emplace_back("x-amz-content-sha256", sha256_hex(call.body));
  if (!credentials.session_token.empty())
    request.headers.emplace_back("x-amz-security-token", credentials.session_token);
  request.body = call.body;
  request.credentials = credentials;
  request.max_answer = call.max_answer;
  return request;
}

// `local`: it failed here and not over there.
Result<HttpAnswer> S3Client::try_once(const S3Call& call, const S3Credentials& credentials, bool& local) {
  const std::string subject = s3_subject(settings_, call.method, call.name);
  local = true;
  if (call.restart) RF_TRY(call.restart());
  Status sunk;
  HttpRequest request = request_of(call, credentials);
  if (call.sink) {
    request.sink = [&](std::string_view bytes) {
      sunk = call.sink(bytes);
      return sunk;
    };
  }
  Result<HttpAnswer> answer = transport_->exchange(request);
  RF_TRY(std::move(sunk));
  local = false;
  if (!answer.ok()) {
    const Status& why = answer.status();
    return Status::external(
        why.code(), fmt::format("{}: {}", subject, s3_shown(why.to_string(), credentials)), why.retry());
  }
  if (!answer->success()) {
    const Status refused = s3_refusal(*answer, settings_, subject);
    return Status(refused.code(), refused.blame(), refused.retry(), s3_shown(refused.message(), credentials));
  }
  if (call.verify) {
    if (Status wrong = call.verify(*answer); !wrong.ok())
      return Status(wrong.code(), wrong.blame(), wrong.retry(),
                    s3_shown(fmt::format("{}: {}", subject, wrong.to_string()), credentials));
  }
  return answer;
}

int64_t S3Client::wait_after(int tries) {
  int64_t wait = settings_.retries.first_wait_micros;
  for (int i = 1; i < tries && wait < settings_.retries.longest_wait_micros; ++i) wait *= 2;
  wait = std::min(wait, settings_.retries.longest_wait_micros);
  return wait - static_cast<int64_t>(env_.random() % static_cast<uint64_t>(wait / 2 + 1));
}

Result<HttpAnswer> S3Client::call(const S3Call& call) {
  for (int tries = 1;; ++tries) {
    RF_ASSIGN(const S3Credentials keys, credentials());
    bool local = false;
    Result<HttpAnswer> answer = try_once(call, keys, local);
    if (answer.ok() || local || answer.status().retry() == Retry::no) return answer;
    // It may have been done before whatever happened to the answer.
    if (call.uncertain) *call.uncertain = true;
    if (tries >= settings_.retries.tries) {
      const Status& last = answer.status();
      const bool lost = last.code() == Code::data_loss;
      return Status::external(last.code(), fmt::format("{} (tried {} times)", last.to_string(), tries),
                              lost ? Retry::no : Retry::backoff);
    }
    const int64_t wait = wait_after(tries);
    env_.warn("s3_retry", {{"tries", std::to_string(tries)},
                           {"wait_ms", std::to_string(wait / 1000)},
                           {"error", answer.status().to_string()}});
    transport_->pause(wait);
  }
}

}  // namespace rideflow
