#include "objects/s3_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/presence.h"
#include "objects/curl_transport.h"
#include "objects/s3_answers.h"
#include "objects/s3_parts.h"
#include "objects/whole_file.h"

namespace rideflow {
namespace {

// A list may have that many pages of whatever size; a server that never comes to an end is not followed for
// ever.
constexpr int kMostPages = 100'000;
// Of a page of a thousand keys of a kibibyte each, in XML.
constexpr int64_t kLongestPage = int64_t{8} << 20;

S3Call call_of(const std::string& method, const std::string& name) {
  S3Call call;
  call.method = method;
  call.name = name;
  return call;
}

S3Call put_of(const std::string& name, std::string_view bytes) {
  S3Call call = call_of("PUT", name);
  call.headers = {{"content-type", "application/octet-stream"},
                  {std::string(kSumHeader), checksum_note(bytes)}};
  call.body = bytes;
  return call;
}

Status no_more_pages(const S3Settings& settings) {
  return Status::external(Code::data_loss,
                          fmt::format("{}: the list of {} never ends.", settings.endpoint(), settings.url()));
}

// A version is sent in a header.
Status check_version(const std::string& version) {
  const bool plain = std::all_of(version.begin(), version.end(),
                                 [](char c) { return c > ' ' && static_cast<unsigned char>(c) < 0x7f; });
  if (plain && !version.empty()) return {};
  return Status::user(Code::invalid_argument, "That is no version of an object.");
}

}  // namespace

S3Store::S3Store(Env& env, S3Settings settings, S3CredentialSource credentials,
                 std::shared_ptr<HttpTransport> transport)
    : client_(env, std::move(settings), std::move(credentials), std::move(transport)) {}

std::shared_ptr<ObjectStore> open_s3_store(Env& env, S3Settings settings, S3CredentialSource credentials) {
  auto transport = std::make_shared<CurlTransport>(settings);
  return std::make_shared<S3Store>(env, std::move(settings), std::move(credentials), std::move(transport));
}

// ---- Writing

Status S3Store::put(const std::string& name, std::string_view bytes) {
  RF_TRY(check_object_name(name));
  return client_.call(put_of(name, bytes)).status();
}

Result<std::vector<ObjectSum>> S3Store::put_files(std::span<const LocalFile> files) {
  for (const LocalFile& file : files) RF_TRY(check_object_name(file.name));
  std::vector<ObjectSum> sums;
  for (const LocalFile& file : files) {
    RF_ASSIGN(const ObjectSum sum, put_file_of(file));
    sums.push_back(sum);
  }
  return sums;
}

Result<ObjectSum> S3Store::put_file_of(const LocalFile& file) {
  const auto in = client_.env().fs().open(file.path);
  if (!in.ok()) return about_local_file(in.status());
  const auto content = whole_file(**in, file.path);
  if (!content.ok()) return about_local_file(content.status());
  RF_ASSIGN(const std::string_view bytes, wanted_bytes(file, **content));
  if (static_cast<int64_t>(bytes.size()) > client_.settings().part_bytes) {
    RF_TRY(s3_put_in_parts(client_, file.name, bytes));
  } else {
    RF_TRY(client_.call(put_of(file.name, bytes)).status());
  }
  return sum_of(bytes);
}

Status S3Store::remove_all(std::span<const std::string> names) {
  for (const std::string& name : names) RF_TRY(check_object_name(name));
  for (const std::string& name : names) {
    const Status removed = client_.call(call_of("DELETE", name)).status();
    if (!removed.ok() && removed.code() != Code::not_found) return removed;
  }
  return {};
}

// ---- Conditional writes

// An answer may be lost after the server has done what was asked; the same request again is then refused, by
// the object that we wrote. The mark beside it tells whose it is. The last try's answer may be lost as well.
Result<std::string> S3Store::put_if(const std::string& name, std::string_view bytes, std::string_view header,
                                    const std::string& value) {
  const std::string mark = fmt::format("{:016x}", client_.env().random());
  bool uncertain = false;
  S3Call call = put_of(name, bytes);
  call.headers.emplace_back(kMarkHeader, mark);
  call.headers.emplace_back(header, value);
  call.uncertain = &uncertain;
  const Result<HttpAnswer> answer = client_.call(call);
  if (answer.ok() && !answer->header("etag").empty()) return std::string(answer->header("etag"));
  if (!answer.ok() && !uncertain) return Status(answer.status());
  const Result<Head> there = head(name);
  if (there.ok() && there->mark == mark) return there->version;
  if (!answer.ok()) return Status(answer.status());
  // A success without a version, and somebody else's object since then: it was there.
  RF_TRY(there.status());
  return Status::external(Code::aborted, fmt::format("'{}' of {} was written by somebody else at once.", name,
                                                     client_.settings().url()));
}

Result<std::string> S3Store::create_if_absent(const std::string& name, std::string_view bytes) {
  RF_TRY(check_object_name(name));
  Result<std::string> version = put_if(name, bytes, "if-none-match", "*");
  if (version.ok() || version.status().code() != Code::aborted) return version;
  return Status::external(Code::already_exists,
                          fmt::format("'{}/{}' is there already.", client_.settings().url(), name));
}

Result<std::string> S3Store::compare_and_set(const std::string& name, const std::string& expected,
                                             std::string_view bytes) {
  RF_TRY(check_object_name(name));
  RF_TRY(check_version(expected));
  Result<std::string> version = put_if(name, bytes, "if-match", expected);
  if (version.ok() || version.status().code() != Code::aborted) return version;
  // Servers differ in what they answer where there is nothing.
  if (const Result<Head> there = head(name); !there.ok() && there.status().code() == Code::not_found)
    return Status(there.status());
  return Status::external(Code::aborted, fmt::format("'{}/{}' was set by somebody else in the meantime.",
                                                     client_.settings().url(), name));
}

// ---- Reading

Result<Object> S3Store::get(const std::string& name, int64_t max_bytes) {
  RF_TRY(check_object_name(name));
  S3Call call = call_of("GET", name);
  call.max_answer = max_bytes;
  call.verify = [](const HttpAnswer& answer) { return verify_bytes(answer, answer.body); };
  Result<HttpAnswer> answer = client_.call(call);
  if (!answer.ok() && answer.status().code() == Code::out_of_range)
    return Status::external(Code::failed_precondition,
                            fmt::format("'{}/{}' is longer than the {} bytes that are read here.",
                                        client_.settings().url(), name, max_bytes));
  if (!answer.ok()) return std::move(answer).status();
  Object object;
  object.version = answer->header("etag");
  object.bytes = std::move(answer->body);
  return object;
}

Status S3Store::get_file(const std::string& name, const std::string& path) {
  RF_TRY(check_object_name(name));
  FileSystem& fs = client_.env().fs();
  RF_ASSIGN(const bool there, exists(fs, path));
  if (there) return Status::external(Code::already_exists, fmt::format("'{}' exists already.", path));
  const std::string part = path + ".part";
  Status status = fetch(name, path, part);
  return status.ok() ? Status() : drop_file(fs, part, std::move(status));
}

// What is verified is what the disk gives back.
Status S3Store::fetch(const std::string& name, const std::string& path, const std::string& part) {
  FileSystem& fs = client_.env().fs();
  std::unique_ptr<WritableFile> out;
  S3Call call = call_of("GET", name);
  call.restart = [&]() -> Status {
    out = nullptr;
    Result<std::unique_ptr<WritableFile>> made = fs.create(part);
    if (!made.ok()) return about_local_file(std::move(made).status());
    out = *std::move(made);
    return {};
  };
  call.sink = [&](std::string_view bytes) { return out->append(bytes); };
  Status local;  // of our disk: not to be tried again
  call.verify = [&](const HttpAnswer& answer) -> Status {
    const auto read_back = [&]() -> Result<std::shared_ptr<const std::string_view>> {
      RF_TRY(out->sync());
      RF_TRY(out->close());
      RF_ASSIGN(const auto in, fs.open(part));
      return whole_file(*in, part);
    };
    const auto content = read_back();
    if (content.ok()) return verify_bytes(answer, **content);
    local = about_local_file(content.status());
    return {};
  };
  RF_TRY(client_.call(call).status());
  RF_TRY(std::move(local));
  return fs.rename(part, path);
}

// The answer to a HEAD has no body: its 404 may be of the bucket, or of the credentials on some servers.
Result<S3Store::Head> S3Store::head(const std::string& name) {
  Result<Head> found = head_once(name);
  if (found.ok() || found.status().code() != Code::not_found) return found;
  RF_ASSIGN(const bool missing, is_missing(name));
  return missing ? std::move(found) : head_once(name);
}

Result<bool> S3Store::is_missing(const std::string& name) {
  S3Call call = call_of("GET", name);
  call.max_answer = 0;
  const Status status = client_.call(call).status();
  if (status.ok() || status.code() == Code::out_of_range) return false;
  return status.code() == Code::not_found ? Result<bool>(true) : Result<bool>(status);
}

Result<S3Store::Head> S3Store::head_once(const std::string& name) {
  Head head;
  S3Call call = call_of("HEAD", name);
  call.verify = [&](const HttpAnswer& answer) -> Status {
    const std::optional<int64_t> bytes = parse_count(answer.header("content-length"));
    const std::optional<Micros> modified = parse_http_date(answer.header("last-modified"));
    if (!bytes || !modified)
      return Status::external(Code::data_loss, "The answer has no length or no time.", Retry::backoff);
    head.bytes = *bytes;
    head.modified = *modified;
    head.version = answer.header("etag");
    head.checksum = answer.header(kSumHeader);
    head.mark = answer.header(kMarkHeader);
    return {};
  };
  RF_TRY(client_.call(call).status());
  return head;
}

Result<ObjectInfo> S3Store::stat(const std::string& name) {
  RF_TRY(check_object_name(name));
  RF_ASSIGN(const Head found, head(name));
  return ObjectInfo{name, found.bytes, found.modified};
}

Result<ObjectSum> S3Store::sum(const std::string& name) {
  RF_TRY(check_object_name(name));
  RF_ASSIGN(const Head found, head(name));
  const std::optional<uint64_t> checksum = parse_checksum_note(found.checksum);
  if (checksum) return ObjectSum{found.bytes, *checksum};
  return Status::external(
      Code::failed_precondition,
      fmt::format("'{}/{}' has no checksum beside it: something else than Rideflow put it there.",
                  client_.settings().url(), name));
}

Result<std::vector<ObjectInfo>> S3Store::list(const std::string& prefix) {
  RF_TRY(check_object_prefix(prefix));
  const std::string top = client_.settings().prefix.empty() ? "" : client_.settings().prefix + "/";
  std::vector<ObjectInfo> found;
  std::string from;
  for (int pages = 0; pages < kMostPages; ++pages) {
    S3Page page;
    S3Call call = call_of("GET", "");
    call.query = {{"list-type", "2"},
                  {"max-keys", std::to_string(client_.settings().list_page)},
                  {"prefix", top + prefix}};
    if (!from.empty()) call.query["continuation-token"] = from;
    call.max_answer = kLongestPage;
    call.verify = [&](const HttpAnswer& answer) -> Status {
      RF_ASSIGN(page, read_object_page(answer.body));
      return {};
    };
    RF_TRY(client_.call(call).status());
    for (S3Item& item : page.items) {
      if (!item.key.starts_with(top + prefix)) continue;
      item.key.erase(0, top.size());
      if (check_object_name(item.key).ok()) found.push_back({item.key, item.bytes, item.time});
    }
    if (!page.more) {
      std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
      return found;
    }
    if (page.next == from) break;
    from = page.next;
  }
  return no_more_pages(client_.settings());
}

// ---- Housekeeping

Status S3Store::check() {
  const std::string name = fmt::format("rideflow-check-{:016x}", client_.env().random());
  Status status = check_conditions(name);
  const Status removed = remove(name);
  return status.ok() ? removed : status;
}

Status S3Store::check_conditions(const std::string& name) {
  const auto ignored = [&](std::string_view header) {
    return Status::user(
        Code::failed_precondition,
        fmt::format("The server at {} takes no notice of {} in a PUT: two processes that write to {} at once "
                    "would not see each other. Use a server that keeps conditional writes.",
                    client_.settings().endpoint(), header, client_.settings().url()));
  };
  RF_ASSIGN(const std::string first, create_if_absent(name, "1"));
  const auto again = create_if_absent(name, "2");
  if (again.ok()) return ignored("If-None-Match");
  if (again.status().code() != Code::already_exists) return Status(again.status());
  RF_ASSIGN(const std::string second, compare_and_set(name, first, "3"));
  const auto stale = compare_and_set(name, first, "4");
  if (stale.ok()) return ignored("If-Match");
  if (stale.status().code() != Code::aborted) return Status(stale.status());
  RF_ASSIGN(const Object object, get(name, 100));
  RF_ASSIGN(const auto listed, list(name));
  if (object.bytes != "3" || object.version != second || listed.size() != 1)
    return Status::external(Code::failed_precondition,
                            fmt::format("The server at {} does not show at once what was written.",
                                        client_.settings().endpoint()));
  RF_TRY(remove(name));
  const auto gone = compare_and_set(name, second, "5");
  if (gone.ok()) return ignored("If-Match where there is no object");
  return gone.status().code() == Code::not_found ? Status() : gone.status();
}

Result<int> S3Store::sweep_leftovers(int64_t older_than_micros) {
  const std::string top = client_.settings().prefix.empty() ? "" : client_.settings().prefix + "/";
  int given_up = 0;
  std::string from, from_upload;
  for (int pages = 0; pages < kMostPages; ++pages) {
    S3Page page;
    S3Call call = call_of("GET", "");
    call.query = {{"uploads", ""}, {"prefix", top}};
    if (!from.empty()) call.query["key-marker"] = from;
    if (!from_upload.empty()) call.query["upload-id-marker"] = from_upload;
    call.max_answer = kLongestPage;
    call.verify = [&](const HttpAnswer& answer) -> Status {
      RF_ASSIGN(page, read_upload_page(answer.body));
      return {};
    };
    RF_TRY(client_.call(call).status());
    for (const S3Item& item : page.items) {
      const bool young = older_than_micros > 0 && client_.env().now() - item.time < older_than_micros;
      const std::string name = item.key.substr(std::min(top.size(), item.key.size()));
      if (young || !item.key.starts_with(top) || !check_object_name(name).ok()) continue;
      RF_TRY(s3_give_up_parts(client_, name, item.upload_id));
      ++given_up;
    }
    if (!page.more) return given_up;
    if (page.next == from && page.next_upload == from_upload) break;
    from = page.next;
    from_upload = page.next_upload;
  }
  return no_more_pages(client_.settings());
}

}  // namespace rideflow
