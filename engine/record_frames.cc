#include "engine/record_frames.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "engine/byte_codec.h"
#include "engine/hash.h"

namespace rideflow {
namespace {

constexpr size_t kRecordHead = 16;

// The body of the whole record that begins here.
std::optional<std::string_view> record_at(std::string_view bytes, uint32_t magic) {
  if (bytes.size() < kRecordHead) return std::nullopt;
  ByteReader head(bytes.substr(0, kRecordHead));
  if (head.get<uint32_t>() != magic) return std::nullopt;
  const auto size = head.get<uint32_t>();
  if (bytes.size() - kRecordHead < size) return std::nullopt;
  const std::string_view body = bytes.substr(kRecordHead, size);
  if (head.get<uint64_t>() != checksum64(body)) return std::nullopt;
  return body;
}

}  // namespace

std::string frame_record(uint32_t magic, std::string_view body) {
  ByteWriter head;
  head.put(magic).put(static_cast<uint32_t>(body.size())).put(checksum64(body));
  return head.take().append(body);
}

Result<size_t> visit_records(std::string_view bytes, uint32_t magic,
                             const std::function<Status(std::string_view)>& visit) {
  size_t at = 0;
  while (const auto body = record_at(bytes.substr(at), magic)) {
    RF_TRY(visit(*body));
    at += kRecordHead + body->size();
  }
  return at;
}

Status check_tail(std::string_view bytes, uint32_t magic, size_t whole, int64_t acknowledged,
                  const std::string& path, std::string_view remedy) {
  std::string why;
  if (static_cast<int64_t>(whole) < acknowledged) {
    why = fmt::format("{} bytes of it were acknowledged, and it {}", acknowledged,
                      whole == bytes.size() ? "ends there" : "is damaged there");
  } else if (whole < bytes.size()) {
    const std::string mark(reinterpret_cast<const char*>(&magic), sizeof magic);
    for (size_t at = bytes.find(mark, whole + 1); at != std::string_view::npos;
         at = bytes.find(mark, at + 1)) {
      if (!record_at(bytes.substr(at), magic)) continue;
      why = fmt::format("records that are whole stand behind the damage, at byte {}", at);
      break;
    }
  }
  if (why.empty()) return {};
  return Status::external(
      Code::data_loss, fmt::format("'{}' has lost data at byte {}: {}. Restore the file from a copy, or {}.",
                                   path, whole, why, remedy));
}

}  // namespace rideflow
