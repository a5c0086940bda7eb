#include "objects/object_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/utf8.h"

namespace rideflow {
namespace {

// What every store can keep: a part is a file's name in a directory, all of it with a store's own prefix an
// S3 key of at most 1,024 bytes.
constexpr size_t kLongestName = 700;
constexpr size_t kLongestPart = 200;

Status bad_name(std::string_view name, std::string_view why) {
  // What is not printable is not printed: it is what's wrong.
  std::string shown(name.substr(0, kLongestPart));
  const auto unprintable = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  std::replace_if(shown.begin(), shown.end(), unprintable, '?');
  if (!is_valid_utf8(shown)) shown = "…";
  return Status::user(Code::invalid_argument, fmt::format("'{}' is no name of an object: {}.", shown, why));
}

Status check_part(std::string_view name, std::string_view part) {
  if (part.empty()) return bad_name(name, "a part of it is empty");
  if (part.front() == '.') return bad_name(name, "a part of it begins with '.'");
  if (part.size() > kLongestPart) return bad_name(name, "a part of it is longer than 200 bytes");
  return {};
}

Status check_bytes(std::string_view name) {
  if (name.size() > kLongestName) return bad_name(name, "it is longer than 700 bytes");
  const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (std::any_of(name.begin(), name.end(), control)) return bad_name(name, "it has control characters");
  if (!is_valid_utf8(name)) return bad_name(name, "it is not UTF-8");
  return {};
}

}  // namespace

Status check_object_name(std::string_view name) {
  RF_TRY(check_bytes(name));
  for (size_t from = 0;;) {
    const size_t slash = std::min(name.find('/', from), name.size());
    RF_TRY(check_part(name, name.substr(from, slash - from)));
    if (slash == name.size()) return {};
    from = slash + 1;
  }
}

Status check_object_prefix(std::string_view prefix) {
  if (prefix.empty()) return {};
  // "files/" is whole parts, and "files/00" the start of a name that could be one.
  return prefix.ends_with('/') ? check_object_name(prefix.substr(0, prefix.size() - 1))
                               : check_object_name(prefix);
}

Result<ObjectSum> ObjectStore::put_file(const LocalFile& file) {
  RF_ASSIGN(const std::vector<ObjectSum> sums, put_files({&file, 1}));
  RF_CHECK(sums.size() == 1);
  return sums[0];
}

}  // namespace rideflow
