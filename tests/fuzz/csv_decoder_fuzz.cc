// CSV rows never crash the decoder, and what it accepts comes back the same after encoding.
#include <cstdlib>

#include "engine/catalog.h"
#include "engine/json_writer.h"

namespace rideflow {
namespace {

const FormatKind& csv() {
  static const Catalog catalog = [] {
    Catalog c;
    register_all(c);
    return c;
  }();
  return *catalog.find_format("csv");
}

std::shared_ptr<const Origin> records(const std::vector<std::string>& lines) {
  auto origin = std::make_shared<Origin>();
  for (const std::string& line : lines) origin->records.push_back({line, 1, 0, {}});
  return origin;
}

std::string decode(const DecoderSpec& spec, const std::vector<std::string>& lines, Decoded& out) {
  auto decoder = csv().make_decoder(spec, {});
  if (!decoder.ok() || !(*decoder)->decode(records(lines), out).ok()) std::abort();
  std::string text;
  for (int32_t row = 0; row < out.batch.rows; ++row) append_row_json(text, out.batch, row);
  return text;
}

}  // namespace
}  // namespace rideflow

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rideflow;
  DecoderSpec spec;
  for (const auto& [name, type] : std::vector<std::pair<const char*, const char*>>{
           {"s", "string?"}, {"n", "int64?"}, {"d", "double?"}, {"t", "timestamp?"}, {"b", "bool?"}}) {
    spec.columns.push_back(*parse_decode_field(name, type));
    spec.used.push_back(true);
  }
  std::vector<std::string> lines(1);
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == '\n') {
      lines.emplace_back();
    } else {
      lines.back().push_back(static_cast<char>(data[i]));
    }
  }
  Decoded first;
  const std::string text = decode(spec, lines, first);
  auto encoder = csv().make_encoder(first.batch.schema, {});
  if (!encoder.ok()) std::abort();
  std::vector<std::string> again(static_cast<size_t>(first.batch.rows));
  for (int32_t row = 0; row < first.batch.rows; ++row) {
    (*encoder)->encode(first.batch, row, false, again[static_cast<size_t>(row)]);
  }
  Decoded second;
  if (decode(spec, again, second) != text) std::abort();
  return 0;
}
