// Where a store of S3 is and how it is spoken to. Plain data; s3_settings() reads it from a URL and
// variables.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/secret.h"
#include "objects/http_exchange.h"

namespace rideflow {

// How often something is tried, and how long is waited in between: twice as long each time, up to a bound,
// less a random part of up to a half, so that many that failed together do not come back together.
struct S3Retries {
  int tries = 7;
  int64_t first_wait_micros = 200'000;
  int64_t longest_wait_micros = 10'000'000;
};

struct S3Settings {
  std::string bucket;
  std::string prefix;  // "backups/city", or "": names are keys
  std::string scheme = "https";
  std::string host;  // of the endpoint, "host" or "host:port"
  std::string region = "us-east-1";
  // The bucket in the path and not in the host's name: for servers of one name and buckets with dots.
  bool bucket_in_path = false;
  std::string ca_file;  // PEM of whom to trust; "": the system's

  S3Retries retries;
  int64_t part_bytes =
      int64_t{16} << 20;  // a larger file is sent in parts of this size, each retried by itself
  int list_page = 1000;
  int64_t connect_timeout_ms = 10'000;
  int64_t stall_timeout_s = 30;  // without a byte in either direction

  // "s3://bucket/prefix".
  std::string url() const;
  // "https://host:port": what messages call the server.
  std::string endpoint() const { return scheme + "://" + host; }
  // Of the requests: the bucket's own host where it has one.
  std::string request_host() const { return bucket_in_path ? host : bucket + "." + host; }
};

// Reads "s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME&addressing=path|host&ca_file=PATH]". What the URL
// leaves out is asked of the variables AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION
// and AWS_CA_BUNDLE; without an endpoint it is Amazon's of the region. user errors, also for credentials in
// the URL, which has none.
Result<S3Settings> s3_settings(std::string_view url,
                               const std::function<std::optional<std::string>(const std::string&)>& variable);

// Where the credentials are: of the process's environment unless a job or a command says otherwise.
struct S3CredentialRefs {
  SecretRef access_key_id{.env = "AWS_ACCESS_KEY_ID", .file = ""};
  SecretRef secret_access_key{.env = "AWS_SECRET_ACCESS_KEY", .file = ""};
  SecretRef session_token{.env = "AWS_SESSION_TOKEN", .file = ""};  // optional: none where it is not set
};

// Asked before every request, so that keys which are replaced in their file are used at once.
using S3CredentialSource = std::function<Result<S3Credentials>()>;
S3CredentialSource s3_credentials(std::shared_ptr<const SecretResolver> resolver, S3CredentialRefs refs);

}  // namespace rideflow
