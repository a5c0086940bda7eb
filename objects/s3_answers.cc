#include "objects/s3_answers.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "engine/hash.h"
#include "engine/time.h"
#include "objects/s3_xml.h"

namespace rideflow {
namespace {

Status bad_answer(std::string_view why) {
  return Status::external(Code::data_loss, fmt::format("The answer did not arrive whole: {}.", why),
                          Retry::backoff);
}

// The root named so, of a list that says whether it goes on.
Result<XmlNode> list_root(std::string_view xml, std::string_view name) {
  RF_ASSIGN(XmlNode root, parse_xml(xml));
  if (root.name != name) return bad_answer(fmt::format("it is a '{}' and no list", root.name.substr(0, 40)));
  return root;
}

Result<Micros> time_of(const XmlNode& node, std::string_view name) {
  const std::optional<Micros> time = parse_timestamp(node.value(name));
  if (!time) return bad_answer("a time in it can't be read");
  return *time;
}

}  // namespace

std::string checksum_note(std::string_view bytes) {
  return fmt::format("{:016x}", checksum64(bytes));
}

std::optional<uint64_t> parse_checksum_note(std::string_view note) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(note.data(), note.data() + note.size(), value, 16);
  if (note.size() != 16 || error != std::errc() || end != note.data() + note.size()) return std::nullopt;
  return value;
}

Status verify_bytes(const HttpAnswer& answer, std::string_view bytes) {
  const std::string_view length = answer.header("content-length");
  if (!length.empty() && parse_count(length) != static_cast<int64_t>(bytes.size()))
    return bad_answer(fmt::format("{} bytes instead of {}", bytes.size(), length.substr(0, 20)));
  const std::string_view noted = answer.header(kSumHeader);
  if (!noted.empty() && noted != checksum_note(bytes))
    return Status::external(Code::data_loss, "The object is damaged: its checksum differs.", Retry::backoff);
  return {};
}

Result<S3Page> read_object_page(std::string_view xml) {
  RF_ASSIGN(const XmlNode root, list_root(xml, "ListBucketResult"));
  S3Page page;
  page.more = root.value("IsTruncated") == "true";
  page.next = root.value("NextContinuationToken");
  for (const XmlNode& node : root.children) {
    if (node.name != "Contents") continue;
    S3Item item;
    item.key = node.value("Key");
    const std::optional<int64_t> bytes = parse_count(node.value("Size"));
    if (!bytes) return bad_answer("a size in it can't be read");
    item.bytes = *bytes;
    RF_ASSIGN(item.time, time_of(node, "LastModified"));
    page.items.push_back(std::move(item));
  }
  if (page.more && page.next.empty()) return bad_answer("the list goes on, and does not say where");
  return page;
}

Result<S3Page> read_upload_page(std::string_view xml) {
  RF_ASSIGN(const XmlNode root, list_root(xml, "ListMultipartUploadsResult"));
  S3Page page;
  page.more = root.value("IsTruncated") == "true";
  page.next = root.value("NextKeyMarker");
  page.next_upload = root.value("NextUploadIdMarker");
  for (const XmlNode& node : root.children) {
    if (node.name != "Upload") continue;
    S3Item item;
    item.key = node.value("Key");
    item.upload_id = node.value("UploadId");
    RF_ASSIGN(item.time, time_of(node, "Initiated"));
    page.items.push_back(std::move(item));
  }
  if (page.more && page.next.empty()) return bad_answer("the list goes on, and does not say where");
  return page;
}

std::optional<int64_t> parse_count(std::string_view digits) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<Micros> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  size_t month = 0;
  while (month < kMonths.size() && kMonths[month] != text.substr(8, 3)) ++month;
  return parse_timestamp(
      fmt::format("{}-{:02}-{}T{}Z", text.substr(12, 4), month + 1, text.substr(5, 2), text.substr(17, 8)));
}

}  // namespace rideflow
