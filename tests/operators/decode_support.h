// Records and decoders for the tests of formats.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/catalog.h"
#include "engine/format.h"

namespace rideflow::test {

// Column name and type as a job would write them.
struct ColumnText {
  std::string name;
  std::string type;
};

DecoderSpec decoder_spec(const std::vector<ColumnText>& columns, const std::vector<std::string>& unused = {});
std::shared_ptr<const Origin> records(const std::vector<std::string>& payloads);

// The catalog of the process.
const Catalog& catalog();
std::unique_ptr<Decoder> decoder(const std::string& format, const DecoderSpec& spec,
                                 const Options& options = {});
Decoded decode(const std::string& format, const DecoderSpec& spec, const std::vector<std::string>& payloads,
               const Options& options = {});
// The rows as JSON, one a line.
std::string rows_json(const Batch& batch);

// An option as a job would give it: text, integer and number set from it.
Options options(const std::vector<std::pair<std::string, std::string>>& values);

}  // namespace rideflow::test
