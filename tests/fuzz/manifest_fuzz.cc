// Any bytes as a checkpoint's manifest, as they are and as the body behind a head that fits them.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/hash.h"
#include "state/manifest.h"
#include "state/state_key.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rideflow;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto check = [](std::string_view text) {
    const auto manifest = decode_manifest(text);
    if (!manifest.ok()) return;
    const auto again = decode_manifest(encode_manifest(*manifest));
    RF_CHECK(again.ok() && *again == *manifest);
  };
  check(bytes);
  const std::string_view body = bytes.substr(std::min(bytes.size(), bytes.find('\n') + 1));
  check(fmt::format("rideflow-checkpoint 1 1 {} {:016x}\n{}", body.size(), checksum64(body), body));
  if (const auto row = parse_state_key(bytes)) RF_CHECK(state_key(row->step, row->cell) == bytes);
  return 0;
}
