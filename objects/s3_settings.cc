#include "objects/s3_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "objects/object_store.h"

namespace rideflow {
namespace {

constexpr std::string_view kScheme = "s3://";

Status bad_url(std::string_view why) {
  return Status::user(Code::invalid_argument,
                      fmt::format("An S3 URL is s3://BUCKET/PREFIX?endpoint=URL&region=NAME: {}.", why));
}

bool is_bucket_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return name.size() >= 3 && name.size() <= 63 && std::all_of(name.begin(), name.end(), allowed) &&
         name.front() != '-' && name.front() != '.' && name.back() != '-' && name.back() != '.' &&
         name.find("..") == std::string_view::npos;
}

bool is_host(std::string_view host) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == ':' || c == '[' || c == ']';
  };
  return !host.empty() && std::all_of(host.begin(), host.end(), allowed);
}

bool is_region(std::string_view region) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !region.empty() && std::all_of(region.begin(), region.end(), allowed);
}

Status take_endpoint(std::string_view endpoint, S3Settings& settings) {
  const size_t colon = endpoint.find("://");
  if (colon == std::string_view::npos) return bad_url("an endpoint begins with https:// or http://");
  settings.scheme = endpoint.substr(0, colon);
  if (settings.scheme != "https" && settings.scheme != "http")
    return bad_url("an endpoint begins with https:// or http://");
  std::string_view host = endpoint.substr(colon + 3);
  if (host.ends_with('/')) host.remove_suffix(1);
  if (host.find('@') != std::string_view::npos) return bad_url("an endpoint has no credentials in it");
  if (!is_host(host)) return bad_url("an endpoint is a host and perhaps a port, without a path");
  settings.host = host;
  return {};
}

struct Parameters {
  std::string endpoint, region, addressing, ca_file;
};

Status take_parameters(std::string_view query, Parameters& parameters) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    const size_t equals = std::min(one.find('='), one.size());
    const std::string_view name = one.substr(0, equals);
    const std::string value(one.substr(std::min(equals + 1, one.size())));
    if (name == "endpoint") {
      parameters.endpoint = value;
    } else if (name == "region") {
      parameters.region = value;
    } else if (name == "addressing") {
      parameters.addressing = value;
    } else if (name == "ca_file") {
      parameters.ca_file = value;
    } else {
      // The value may be a secret in the wrong place.
      return bad_url(
          "it takes endpoint, region, addressing and ca_file; credentials come from the environment");
    }
  }
  return {};
}

std::string first_of(std::string given, std::initializer_list<const char*> names,
                     const std::function<std::optional<std::string>(const std::string&)>& variable) {
  for (const char* name : names) {
    if (!given.empty()) break;
    given = variable(name).value_or("");
  }
  return given;
}

Status take_place(std::string_view place, S3Settings& settings) {
  const size_t slash = std::min(place.find('/'), place.size());
  settings.bucket = place.substr(0, slash);
  std::string_view prefix = place.substr(std::min(slash + 1, place.size()));
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (place.find('@') != std::string_view::npos || settings.bucket.find(':') != std::string::npos)
    return bad_url("credentials do not stand in it, they come from the environment");
  if (!is_bucket_name(settings.bucket))
    return bad_url("a bucket's name has 3 to 63 of the characters a-z 0-9 - .");
  if (!prefix.empty()) {
    const Status status = check_object_name(prefix);
    if (!status.ok()) return bad_url("its prefix is no name: " + status.message());
    if (prefix.size() > 300) return bad_url("its prefix is longer than 300 bytes");
  }
  settings.prefix = prefix;
  return {};
}

}  // namespace

std::string S3Settings::url() const {
  return prefix.empty() ? fmt::format("s3://{}", bucket) : fmt::format("s3://{}/{}", bucket, prefix);
}

Result<S3Settings> s3_settings(
    std::string_view url, const std::function<std::optional<std::string>(const std::string&)>& variable) {
  if (!url.starts_with(kScheme)) return bad_url("it begins with s3://");
  url.remove_prefix(kScheme.size());
  const size_t mark = std::min(url.find('?'), url.size());
  S3Settings settings;
  RF_TRY(take_place(url.substr(0, mark), settings));
  Parameters given;
  RF_TRY(take_parameters(url.substr(std::min(mark + 1, url.size())), given));

  const std::string region = first_of(given.region, {"AWS_REGION", "AWS_DEFAULT_REGION"}, variable);
  if (!region.empty()) settings.region = region;
  if (!is_region(settings.region)) return bad_url("a region is a name such as eu-central-1");
  settings.ca_file = first_of(given.ca_file, {"AWS_CA_BUNDLE"}, variable);
  const std::string endpoint =
      first_of(given.endpoint, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, variable);
  if (endpoint.empty()) {
    settings.host = fmt::format("s3.{}.amazonaws.com", settings.region);
  } else {
    RF_TRY(take_endpoint(endpoint, settings));
  }
  if (!given.addressing.empty() && given.addressing != "path" && given.addressing != "host")
    return bad_url("addressing is path or host");
  // Other servers seldom have a host of its own for each bucket, and a certificate fits no bucket with dots.
  settings.bucket_in_path = given.addressing.empty()
                                ? !endpoint.empty() || settings.bucket.find('.') != std::string::npos
                                : given.addressing == "path";
  return settings;
}

S3CredentialSource s3_credentials(std::shared_ptr<const SecretResolver> resolver, S3CredentialRefs refs) {
  return [resolver = std::move(resolver), refs = std::move(refs)]() -> Result<S3Credentials> {
    S3Credentials credentials;
    RF_ASSIGN(credentials.access_key_id, resolver->resolve(refs.access_key_id));
    RF_ASSIGN(credentials.secret_access_key, resolver->resolve(refs.secret_access_key));
    Result<std::string> token = resolver->resolve(refs.session_token);
    if (!token.ok() && token.status().code() != Code::not_found) return std::move(token).status();
    if (token.ok()) credentials.session_token = *std::move(token);
    return credentials;
  };
}

}  // namespace rideflow
