// Bearer tokens: who may ask for what. The file holds hashes, never tokens:
//
//   # role  sha256 of the token                                               name
//   admin   sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  ops laptop
//   read    sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11e752  grafana
//
// `printf %s "$TOKEN" | sha256sum` makes the second column. Immutable once made; any thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/status.h"
#include "runtime/http/http_router.h"

namespace rideflow {

class HttpTokens {
 public:
  static constexpr size_t kShortest = 16;  // of a token: shorter ones are never accepted

  // user error that names the line.
  static Result<HttpTokens> parse(std::string_view text);

  bool empty() const { return entries_.empty(); }
  // The role of the token in an Authorization header ("Bearer …"); nothing when it is not known. Takes the
  // same time whichever entry it is, or none.
  std::optional<HttpRole> role_of(std::string_view authorization) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Entry {
    HttpRole role = HttpRole::read;
    Digest digest{};
  };
  static Result<Entry> parse_line(std::string_view line);
  static std::optional<Digest> sha256(std::string_view text);
  std::vector<Entry> entries_;
};

}  // namespace rideflow
