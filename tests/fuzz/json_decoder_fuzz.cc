// The two ways of the JSON decoder on the same bytes, split into records at line breaks: same rows, same
// rejections. The columns are those of a ride and some of other types. The first record comes often enough
// for a template before the rest does.
#include <cstdlib>

#include "engine/json_writer.h"
#include "operators/json/json_decoder.h"

namespace rideflow {
namespace {

DecoderSpec fuzz_spec() {
  DecoderSpec spec;
  for (const auto& [name, type] : std::vector<std::pair<const char*, const char*>>{
           {"ride_id", "string"},
           {"fare", "double?"},
           {"n", "int64?"},
           {"m", "decimal(20,4)?"},
           {"pickup_location", "struct(lat double, lon double?)?"},
           {"tags", "list(struct(k string?, v int32?)?)?"},
           {"t", "timestamp?"},
           {"ms", "timestamp(ms)?"},
           {"b", "bytes?"},
           {"d", "date?"}}) {
    spec.columns.push_back(*parse_decode_field(name, type));
    spec.used.push_back(true);
  }
  return spec;
}

constexpr int kRecordsToLearn = 66;

std::shared_ptr<const Origin> split(std::string_view bytes) {
  auto origin = std::make_shared<Origin>();
  origin->arena = BufferRef::copy_of(bytes);
  std::string_view rest = origin->arena.view();
  while (!rest.empty()) {
    const size_t line = std::min(rest.find('\n'), rest.size());
    origin->records.push_back({rest.substr(0, line), 0, 0, {}});
    rest.remove_prefix(std::min(line + 1, rest.size()));
  }
  return origin;
}

std::string outcome(JsonDecoder& decoder, const std::shared_ptr<const Origin>& origin) {
  Decoded decoded;
  if (!decoder.decode(origin, decoded).ok()) return "error";
  std::string text;
  for (const RejectedRecord& r : decoded.rejected) {
    text += std::to_string(r.record) + " " + r.reason + " " + r.place + "\n";
  }
  for (int32_t row = 0; row < decoded.batch.rows; ++row) append_row_json(text, decoded.batch, row);
  return text;
}

}  // namespace
}  // namespace rideflow

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rideflow;
  static const DecoderSpec spec = fuzz_spec();
  JsonDecoder fast(spec, true);
  JsonDecoder full(spec, false);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string known;
  for (int i = 0; i < kRecordsToLearn; ++i) known.append(bytes.substr(0, bytes.find('\n'))) += '\n';
  const auto origin = split(bytes);
  for (const auto& records : {origin, split(known), origin}) {
    if (outcome(fast, records) != outcome(full, records)) std::abort();
  }
  return 0;
}
