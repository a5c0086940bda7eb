// What stands in S3's answers and beside its objects: lists, times, notes of ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "objects/http_exchange.h"
#include "objects/object_store.h"

namespace rideflow {

// Notes of ours beside an object. Neither name is the beginning of the other: libcurl sorts headers for the
// signature with their values.
inline constexpr std::string_view kSumHeader = "x-amz-meta-rideflow-checksum";
inline constexpr std::string_view kMarkHeader = "x-amz-meta-rideflow-mark";

std::string checksum_note(std::string_view bytes);
std::optional<uint64_t> parse_checksum_note(std::string_view note);

// data_loss with retry unless `bytes` are what the answer says of them: its length, and our checksum where
// noted.
Status verify_bytes(const HttpAnswer& answer, std::string_view bytes);

// A page of a list: of objects (keys) or of uploads in parts.
struct S3Item {
  std::string key;
  std::string upload_id;
  int64_t bytes = 0;
  Micros time = 0;  // modified, or begun
};
struct S3Page {
  std::vector<S3Item> items;
  bool more = false;
  // Where the next page begins: a token for objects, a key and an upload for uploads.
  std::string next, next_upload;
};
Result<S3Page> read_object_page(std::string_view xml);
Result<S3Page> read_upload_page(std::string_view xml);

// "Mon, 30 Nov 2026 15:00:00 GMT".
std::optional<Micros> parse_http_date(std::string_view text);
std::optional<int64_t> parse_count(std::string_view digits);

}  // namespace rideflow
