// Any bytes as a topic's frame, as the records of a frame, as a staged epoch, a commit record, headers.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/hash.h"
#include "topics/commit_log.h"
#include "topics/frame.h"
#include "topics/staged_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rideflow;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view rest = bytes;
  while (const auto frame = next_frame(rest)) {
    RF_CHECK(frame->bytes.size() == static_cast<size_t>(frame->header.total_bytes()));
  }
  RecordWalker walker(bytes, 0);
  RecordOrigin record;
  std::string_view headers;
  while (!walker.at_end() && walker.next(record, headers)) {
    RF_CHECK(record.payload.data() + record.payload.size() <= bytes.data() + bytes.size());
    const auto decoded = decode_headers(headers);
    RF_CHECK(!decoded.ok() || encode_headers(*decoded) == headers);
  }
  FrameHeader packed;
  packed.plain_bytes = 4096;
  packed.flags = kFrameLz4;
  char out[4096];
  (void)decompress_body(packed, bytes, out);
  const auto staged = decode_staged(bytes);
  RF_CHECK(!staged.ok() ||
           encode_staged_head(*staged) == bytes.substr(0, encode_staged_head(*staged).size()));
  const auto commit = decode_commit(bytes);
  // Older versions end before the confirmed epoch.
  const std::string again = commit.ok() ? encode_commit(*commit) : std::string();
  RF_CHECK(!commit.ok() || again == bytes || again.substr(0, again.size() - sizeof(int64_t)) == bytes);
  return 0;
}
