// The format kind `json`: one object per record, in and out.
#include <fmt/format.h>

#include "engine/catalog.h"
#include "engine/json_writer.h"
#include "operators/json/json_decoder.h"

namespace rideflow {
namespace {

class JsonEncoder : public Encoder {
 public:
  void encode(const Batch& batch, int32_t row, bool framed, std::string& out) override {
    append_row_json(out, batch, row);
    if (framed) out.push_back('\n');
  }
};

}  // namespace
}  // namespace rideflow

RIDEFLOW_REGISTER(json_format) {
  using namespace rideflow;
  FormatKind kind;
  kind.name = "json";
  kind.doc =
      "One JSON object per record; in files one per line, where empty lines are none. A record of 0 bytes in "
      "a "
      "topic is rejected, and kept, like any other that is no object. Of a key that an object has more than "
      "once "
      "the last counts. Whole numbers may be spelled in any way (7.0, 7e0). Doubles are written with the "
      "shortest digits that read back equal, always with a point or an exponent: 300000.0, 1e21.";
  kind.make_decoder = [](const DecoderSpec& spec, const Options&) -> Result<std::unique_ptr<Decoder>> {
    return std::unique_ptr<Decoder>(std::make_unique<JsonDecoder>(spec));
  };
  kind.make_encoder = [](SchemaRef, const Options&) -> Result<std::unique_ptr<Encoder>> {
    return std::unique_ptr<Encoder>(std::make_unique<JsonEncoder>());
  };
  catalog.add(std::move(kind));
}
