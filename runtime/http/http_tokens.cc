#include "runtime/http/http_tokens.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <charconv>

namespace rideflow {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

std::optional<HttpRole> parse_role(std::string_view word) {
  if (word == "read") return HttpRole::read;
  if (word == "operate") return HttpRole::operate;
  if (word == "admin") return HttpRole::admin;
  return std::nullopt;
}

}  // namespace

std::optional<HttpTokens::Digest> HttpTokens::sha256(std::string_view text) {
  Digest digest{};
  unsigned int length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1 ||
      length != digest.size()) {
    return std::nullopt;
  }
  return digest;
}

Result<HttpTokens::Entry> HttpTokens::parse_line(std::string_view line) {
  Entry entry;
  const auto role = parse_role(next_word(line));
  if (!role) return Status::user(Code::invalid_argument, "begin the line with read, operate or admin");
  entry.role = *role;
  std::string_view hash = next_word(line);
  if (hash.starts_with("sha256:")) hash.remove_prefix(7);
  bool valid = hash.size() == 2 * entry.digest.size();
  for (size_t i = 0; valid && i < entry.digest.size(); ++i) {
    const char* first = hash.data() + 2 * i;
    valid = std::from_chars(first, first + 2, entry.digest[i], 16).ptr == first + 2;
  }
  if (!valid) {
    return Status::user(Code::invalid_argument,
                        "the second word is the token's SHA-256 in 64 hexadecimal digits, as "
                        "`printf %s \"$TOKEN\" | sha256sum` prints it; never the token itself");
  }
  return entry;
}

Result<HttpTokens> HttpTokens::parse(std::string_view text) {
  HttpTokens tokens;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(whole.size() + 1, text.size()));
    std::string_view rest = whole;
    const std::string_view first = next_word(rest);
    if (first.empty() || first.starts_with('#')) continue;
    Result<Entry> entry = parse_line(whole);
    if (!entry.ok()) {
      return Status::user(Code::invalid_argument,
                          fmt::format("Line {} of the token file: {}.", number, entry.status().message()));
    }
    tokens.entries_.push_back(*entry);
  }
  if (tokens.empty()) return Status::user(Code::invalid_argument, "The token file holds no token.");
  return tokens;
}

std::optional<HttpRole> HttpTokens::role_of(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return std::nullopt;
  for (size_t i = 0; i < kScheme.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(authorization[i])) != kScheme[i]) return std::nullopt;
  }
  const std::string_view token = authorization.substr(kScheme.size());
  if (token.size() < kShortest) return std::nullopt;
  const std::optional<Digest> digest = sha256(token);
  if (!digest) return std::nullopt;
  std::optional<HttpRole> role;
  for (const Entry& entry : entries_) {
    const bool same = CRYPTO_memcmp(entry.digest.data(), digest->data(), digest->size()) == 0;
    if (same) role = role ? std::max(*role, entry.role) : entry.role;
  }
  return role;
}

}  // namespace rideflow
