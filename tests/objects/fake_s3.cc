#include "tests/objects/fake_s3.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>

#include "engine/hash.h"
#include "objects/digest.h"
#include "objects/s3_xml.h"

namespace rideflow::test {
namespace {

std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return out;
}

// As AWS would write it again: what differs was encoded in another way, and its signature would not fit.
bool is_encoded(std::string_view text, bool slash) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_' ||
                       c == '~' || (c == '/' && slash);
    if (plain) continue;
    if (c != '%' || i + 2 >= text.size()) return false;
    const auto hex = [](char d) { return (d >= '0' && d <= '9') || (d >= 'A' && d <= 'F'); };
    if (!hex(text[i + 1]) || !hex(text[i + 2])) return false;
    i += 2;
  }
  return true;
}

HttpAnswer answer_of(int status, std::string body = "", HttpHeaders headers = {}) {
  HttpAnswer answer;
  answer.status = status;
  answer.headers = std::move(headers);
  answer.headers.emplace_back("content-length", std::to_string(body.size()));
  answer.body = std::move(body);
  return answer;
}

HttpAnswer error_of(int status, const std::string& code, const std::string& message = "As the model has it") {
  return answer_of(status, fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                       "<Error><Code>{}</Code><Message>{}</Message></Error>",
                                       code, xml_escaped(message)));
}

std::tm parts_of(Micros time) {
  const time_t seconds = time / kMicrosPerSecond;
  std::tm parts = {};
  gmtime_r(&seconds, &parts);
  return parts;
}

std::string http_time(Micros time) {
  const std::tm parts = parts_of(time);
  std::array<char, 64> text = {};
  return {text.data(), strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::string xml_time(Micros time) {
  const std::tm parts = parts_of(time);
  std::array<char, 64> text = {};
  return {text.data(), strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.000Z", &parts)};
}

std::string value_of(const HttpHeaders& headers, const std::string& name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

HttpHeaders notes_of(const HttpRequest& request) {
  HttpHeaders notes;
  for (const auto& header : request.headers) {
    if (header.first.starts_with("x-amz-meta-")) notes.push_back(header);
  }
  return notes;
}

Status broken_connection() {
  return Status::external(Code::unavailable, "The connection broke.", Retry::backoff);
}

}  // namespace

S3Settings FakeS3::settings() {
  S3Settings settings;
  settings.bucket = kBucket;
  settings.prefix = "jobs/main";
  settings.scheme = "http";
  settings.host = "s3.test:9000";
  settings.bucket_in_path = true;
  settings.part_bytes = 1000;
  settings.list_page = 10;
  return settings;
}

S3CredentialSource FakeS3::credentials() {
  return [] { return S3Credentials{kKeyId, kSecret, kToken}; };
}

// ---- Faults

void FakeS3::fail_next(std::vector<S3Fault> faults) {
  const std::lock_guard lock(mutex_);
  faults_.assign(faults.begin(), faults.end());
}

void FakeS3::fail_by(std::function<S3Fault(const HttpRequest&)> decide) {
  const std::lock_guard lock(mutex_);
  decide_ = std::move(decide);
}

void FakeS3::at_pause(std::function<void()> run) {
  const std::lock_guard lock(mutex_);
  at_pause_ = std::move(run);
}

void FakeS3::always_answer(HttpAnswer answer) {
  const std::lock_guard lock(mutex_);
  always_ = {std::move(answer)};
}

void FakeS3::ignore_header(const std::string& name) {
  const std::lock_guard lock(mutex_);
  ignored_.push_back(name);
}

void FakeS3::put_foreign(const std::string& key, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  keep(key, bytes, {});
}

void FakeS3::damage(const std::string& key) {
  const std::lock_guard lock(mutex_);
  std::string& bytes = objects_.at(key).bytes;
  bytes[bytes.size() / 2] ^= 1;
}

std::vector<std::string> FakeS3::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<int64_t> FakeS3::pauses() const {
  const std::lock_guard lock(mutex_);
  return pauses_;
}

int64_t FakeS3::paused_micros() const {
  int64_t sum = 0;
  for (const int64_t pause : pauses()) sum += pause;
  return sum;
}

std::map<std::string, std::string> FakeS3::objects() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> found;
  for (const auto& [key, kept] : objects_) found[key] = kept.bytes;
  return found;
}

size_t FakeS3::uploads() const {
  const std::lock_guard lock(mutex_);
  return uploads_.size();
}

void FakeS3::pause(int64_t micros) {
  std::function<void()> run;
  {
    const std::lock_guard lock(mutex_);
    pauses_.push_back(micros);
    run = at_pause_;
  }
  env_.advance(micros);
  if (run) run();
}

S3Fault FakeS3::next_fault(const HttpRequest& request) {
  const S3Fault decided = decide_ ? decide_(request) : S3Fault::none;
  if (decided != S3Fault::none || faults_.empty()) return decided;
  const S3Fault next = faults_.front();
  faults_.pop_front();
  return next;
}

Result<HttpAnswer> FakeS3::exchange(const HttpRequest& request) {
  HttpAnswer answer;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(fmt::format("{} {}{}{}", request.method, request.path,
                                    request.query.empty() ? "" : "?", request.query));
    const S3Fault fault = next_fault(request);
    std::string body(request.body);
    if (fault == S3Fault::refused) return broken_connection();
    if (fault == S3Fault::broken_request && !body.empty()) body[body.size() / 2] ^= 1;
    if (fault == S3Fault::slow_down) {
      answer = error_of(503, "SlowDown", "Please reduce your request rate.");
    } else if (fault == S3Fault::internal_error) {
      answer = answer_of(500);
    } else if (fault == S3Fault::late_error) {
      answer = error_of(200, "InternalError");
    } else {
      answer = always_.empty() ? serve(request, body) : always_[0];
    }
    if (fault == S3Fault::lost_answer) return broken_connection();
    if (fault == S3Fault::internal_error_done) answer = answer_of(500);
    if (fault == S3Fault::cut_answer && !answer.body.empty()) answer.body.pop_back();
    if (fault == S3Fault::broken_answer && !answer.body.empty()) answer.body[answer.body.size() / 2] ^= 1;
  }
  if (request.method == "HEAD") answer.body.clear();
  if (!answer.success()) return answer;
  if (request.sink) {
    const size_t half = answer.body.size() / 2;  // in two pieces, the sink outside of our lock
    if (half > 0) RF_TRY(request.sink(std::string_view(answer.body).substr(0, half)));
    RF_TRY(request.sink(std::string_view(answer.body).substr(half)));
    answer.body.clear();
  } else if (static_cast<int64_t>(answer.body.size()) > request.max_answer) {
    return Status::external(Code::out_of_range, "The answer is longer than it may be.");
  }
  return answer;
}

// ---- The server

HttpAnswer FakeS3::serve(const HttpRequest& request, std::string_view body) {
  if (request.credentials.access_key_id != kKeyId) return error_of(403, "InvalidAccessKeyId");
  if (request.credentials.secret_access_key != kSecret ||
      value_of(request.headers, "x-amz-security-token") != request.credentials.session_token)
    return error_of(403, "SignatureDoesNotMatch");
  Query query;
  std::string last;
  for (std::string_view rest = request.query; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    const size_t equals = one.find('=');
    if (equals == std::string_view::npos || !is_encoded(one.substr(0, equals), false) ||
        !is_encoded(one.substr(equals + 1), false) || one.substr(0, equals) < last)
      return error_of(403, "SignatureDoesNotMatch", "the query is not canonical");
    last = one.substr(0, equals);
    query[decoded(last)] = decoded(one.substr(equals + 1));
  }
  if (!is_encoded(request.path, true)) return error_of(403, "SignatureDoesNotMatch", "the path");
  if (value_of(request.headers, "x-amz-content-sha256") != sha256_hex(body))
    return error_of(400, "XAmzContentSHA256Mismatch");
  const std::string bucket = std::string("/") + kBucket;
  if (request.path == bucket) return serve_bucket(request, query);
  if (!request.path.starts_with(bucket + "/")) return error_of(404, "NoSuchBucket");
  const std::string key = decoded(request.path.substr(bucket.size() + 1));
  return serve_object(request, key, query, body);
}

HttpAnswer FakeS3::serve_bucket(const HttpRequest& request, const Query& query) {
  if (request.method != "GET") return error_of(501, "NotImplemented");
  return query.contains("uploads") ? list_uploads(query) : list_objects(query);
}

HttpAnswer FakeS3::serve_object(const HttpRequest& request, const std::string& key, const Query& query,
                                std::string_view body) {
  if (query.contains("uploads") || query.contains("uploadId")) return upload_verb(request, key, query, body);
  if (request.method == "PUT") return put(request, key, body);
  if (request.method == "GET" || request.method == "HEAD") return read(request, key);
  objects_.erase(key);
  return answer_of(204);
}

std::string FakeS3::condition(const HttpRequest& request, const std::string& name) const {
  const bool ignored = std::find(ignored_.begin(), ignored_.end(), name) != ignored_.end();
  return ignored ? "" : value_of(request.headers, name);
}

HttpAnswer FakeS3::put(const HttpRequest& request, const std::string& key, std::string_view body) {
  const auto there = objects_.find(key);
  const std::string match = condition(request, "if-match");
  if (condition(request, "if-none-match") == "*" && there != objects_.end())
    return error_of(412, "PreconditionFailed");
  if (!match.empty() && there == objects_.end()) return error_of(404, "NoSuchKey");
  if (!match.empty() && there->second.etag != match) return error_of(412, "PreconditionFailed");
  keep(key, std::string(body), notes_of(request));
  return answer_of(200, "", {{"etag", objects_[key].etag}});
}

HttpAnswer FakeS3::read(const HttpRequest& request, const std::string& key) {
  const auto there = objects_.find(key);
  if (there == objects_.end()) return request.method == "HEAD" ? answer_of(404) : error_of(404, "NoSuchKey");
  HttpHeaders headers = there->second.notes;
  headers.emplace_back("etag", there->second.etag);
  headers.emplace_back("last-modified", http_time(there->second.modified));
  return answer_of(200, there->second.bytes, headers);
}

void FakeS3::keep(const std::string& key, std::string bytes, HttpHeaders notes) {
  Kept kept;
  kept.etag = fmt::format("\"{:016x}{:016x}\"", checksum64(bytes), hash_bytes(bytes, 1));
  kept.bytes = std::move(bytes);
  kept.notes = std::move(notes);
  kept.modified = env_.now();
  objects_[key] = std::move(kept);
}

HttpAnswer FakeS3::upload_verb(const HttpRequest& request, const std::string& key, const Query& query,
                               std::string_view body) {
  if (query.contains("uploads")) {
    const std::string id = fmt::format("upload/{}+", ++last_upload_);
    uploads_[id] = {key, notes_of(request), {}, env_.now()};
    return answer_of(200, fmt::format("<InitiateMultipartUploadResult><UploadId>{}</UploadId>"
                                      "</InitiateMultipartUploadResult>",
                                      id));
  }
  const std::string id = query.at("uploadId");
  const auto upload = uploads_.find(id);
  if (upload == uploads_.end() || upload->second.key != key) return error_of(404, "NoSuchUpload");
  if (request.method == "POST") return complete(id, body);
  if (request.method == "DELETE") {
    uploads_.erase(upload);
    return answer_of(204);
  }
  upload->second.parts[std::stoi(query.at("partNumber"))] = body;
  return answer_of(200, "", {{"etag", fmt::format("\"&{:016x}\"", checksum64(body))}});
}

HttpAnswer FakeS3::complete(const std::string& id, std::string_view body) {
  const auto list = parse_xml(body);
  if (!list.ok()) return error_of(400, "MalformedXML");
  Upload& upload = uploads_.at(id);
  std::string bytes;
  for (const XmlNode& part : list->children) {
    const auto sent = upload.parts.find(std::stoi(std::string(part.value("PartNumber"))));
    if (sent == upload.parts.end()) return error_of(400, "InvalidPart");
    if (part.value("ETag") != fmt::format("\"&{:016x}\"", checksum64(sent->second)))
      return error_of(400, "InvalidPart");
    bytes += sent->second;
  }
  keep(upload.key, bytes, upload.notes);
  uploads_.erase(id);
  return answer_of(200, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
}

HttpAnswer FakeS3::list_objects(const Query& query) {
  const auto value = [&](const char* name) { return query.contains(name) ? query.at(name) : std::string(); };
  const std::string prefix = value("prefix");
  const size_t most = std::stoul(value("max-keys"));
  std::string items;
  std::string last;
  size_t count = 0;
  bool more = false;
  for (const auto& [key, kept] : objects_) {
    if (!key.starts_with(prefix) || key <= value("continuation-token")) continue;
    if (count == most) {
      more = true;
      break;
    }
    ++count;
    last = key;
    items += fmt::format("<Contents><Key>{}</Key><LastModified>{}</LastModified><Size>{}</Size></Contents>\n",
                         xml_escaped(key), xml_time(kept.modified), kept.bytes.size());
  }
  const std::string next =
      more ? fmt::format("<NextContinuationToken>{}</NextContinuationToken>", xml_escaped(last)) : "";
  return answer_of(200, fmt::format("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3/\">"
                                    "<Name>city</Name><IsTruncated>{}</IsTruncated>{}{}</ListBucketResult>",
                                    more, next, items));
}

HttpAnswer FakeS3::list_uploads(const Query& query) {
  std::string items;
  size_t count = 0;
  bool more = false;
  std::string last;
  const std::string after = query.contains("upload-id-marker") ? query.at("upload-id-marker") : "";
  for (const auto& [id, upload] : uploads_) {
    if (!upload.key.starts_with(query.at("prefix")) || id <= after) continue;
    if (count == 2) {
      more = true;
      break;
    }
    ++count;
    last = id;
    items += fmt::format("<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>{}</Initiated></Upload>",
                         xml_escaped(upload.key), id, xml_time(upload.begun));
  }
  const std::string next =
      more ? fmt::format("<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>{}</NextUploadIdMarker>", last)
           : "";
  return answer_of(200, fmt::format("<ListMultipartUploadsResult><IsTruncated>{}</IsTruncated>{}{}"
                                    "</ListMultipartUploadsResult>",
                                    more, next, items));
}

}  // namespace rideflow::test
