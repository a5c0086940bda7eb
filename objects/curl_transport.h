// HttpTransport over libcurl, which signs as S3 wants it (AWS signature version 4).
//
// Connections are kept and used again. No redirect is followed, no proxy or credential file is taken from the
// environment, certificates are verified; time-outs as S3Settings has them. The clock in a signature is
// libcurl's own.
#pragma once

#include <memory>

#include "objects/http_exchange.h"
#include "objects/s3_settings.h"

namespace rideflow {

class CurlTransport : public HttpTransport {
 public:
  explicit CurlTransport(const S3Settings& settings);
  ~CurlTransport() override;
  Result<HttpAnswer> exchange(const HttpRequest& request) override;
  void pause(int64_t micros) override;

 private:
  class Handles;
  const S3Settings settings_;
  const std::unique_ptr<Handles> handles_;
};

}  // namespace rideflow
