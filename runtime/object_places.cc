#include "runtime/object_places.h"

#include <fmt/format.h>

#include "objects/directory_store.h"
#include "objects/s3_store.h"
#include "runtime/posix_process.h"
#include "runtime/posix_secret.h"

namespace rideflow {

bool is_bucket(std::string_view place) {
  return place.starts_with("s3://");
}

bool has_scheme(std::string_view place) {
  const size_t colon = place.find(":/");
  return colon != std::string_view::npos && place.find('/') > colon;
}

Result<std::string> bucket_address(const std::string& place) {
  RF_ASSIGN(const S3Settings settings, s3_settings(place, posix_variable));
  const std::string host = settings.request_host();
  if (host.find(':') != std::string::npos) return host;
  return host + (settings.scheme == "https" ? ":443" : ":80");
}

Result<std::shared_ptr<ObjectStore>> open_place(Env& env, const std::string& place) {
  if (!is_bucket(place) && has_scheme(place)) {
    return Status::user(Code::invalid_argument,
                        fmt::format("'{}' is neither a directory nor s3://BUCKET/PREFIX", place));
  }
  if (!is_bucket(place)) {
    RF_ASSIGN(auto store, DirectoryStore::open(env, place));
    return std::shared_ptr<ObjectStore>(std::move(store));
  }
  RF_ASSIGN(const S3Settings settings, s3_settings(place, posix_variable));
  auto credentials = s3_credentials(posix_secrets(env.fs()), S3CredentialRefs());
  return open_s3_store(env, settings, std::move(credentials));
}

Result<std::shared_ptr<ObjectStore>> open_existing_place(Env& env, const std::string& place) {
  if (is_bucket(place)) return open_place(env, place);
  const Result<DirEntry> there = env.fs().stat(place);
  if (there.status().code() == Code::not_found)
    return Status::user(Code::not_found, fmt::format("'{}' does not exist", place));
  if (!there.ok()) return there.status();
  return open_place(env, place);
}

Result<std::shared_ptr<ObjectStore>> open_savepoint(Env& env, const std::string& place,
                                                    const std::string& data_dir) {
  const std::string named = join_path(join_path(data_dir, "savepoints"), place);
  const bool is_name = place.find('/') == std::string::npos && !env.fs().stat(place).ok();
  return open_existing_place(env, is_name && env.fs().stat(named).ok() ? named : place);
}

}  // namespace rideflow
