#include "tests/operators/decode_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "engine/json_writer.h"

namespace rideflow::test {

DecoderSpec decoder_spec(const std::vector<ColumnText>& columns, const std::vector<std::string>& unused) {
  DecoderSpec spec;
  for (const ColumnText& column : columns) {
    auto field = parse_decode_field(column.name, column.type);
    EXPECT_TRUE(field.ok()) << field.status().to_string();
    spec.columns.push_back(*std::move(field));
    spec.used.push_back(std::find(unused.begin(), unused.end(), column.name) == unused.end());
  }
  return spec;
}

std::shared_ptr<const Origin> records(const std::vector<std::string>& payloads) {
  auto origin = std::make_shared<Origin>();
  origin->topic = std::make_shared<const std::string>("test");
  std::string bytes;
  for (const std::string& p : payloads) bytes += p + "\n";
  origin->arena = BufferRef::copy_of(bytes);
  size_t at = 0;
  for (const std::string& p : payloads) {
    origin->records.push_back(
        {origin->arena.view().substr(at, p.size()), static_cast<int64_t>(origin->records.size()), 0, {}});
    at += p.size() + 1;
  }
  return origin;
}

const Catalog& catalog() {
  static const Catalog all = [] {
    Catalog c;
    register_all(c);
    return c;
  }();
  return all;
}

std::unique_ptr<Decoder> decoder(const std::string& format, const DecoderSpec& spec, const Options& options) {
  auto made = catalog().find_format(format)->make_decoder(spec, options);
  EXPECT_TRUE(made.ok()) << made.status().to_string();
  return *std::move(made);
}

Decoded decode(const std::string& format, const DecoderSpec& spec, const std::vector<std::string>& payloads,
               const Options& options) {
  Decoded out;
  const Status status = decoder(format, spec, options)->decode(records(payloads), out);
  EXPECT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(out.batch.rows + static_cast<int32_t>(out.rejected.size()),
            static_cast<int32_t>(payloads.size()));
  return out;
}

std::string rows_json(const Batch& batch) {
  std::string out;
  for (int32_t row = 0; row < batch.rows; ++row) {
    append_row_json(out, batch, row);
    out += '\n';
  }
  return out;
}

Options options(const std::vector<std::pair<std::string, std::string>>& values) {
  Options out;
  for (const auto& [name, text] : values) {
    OptionValue value;
    value.text = text;
    value.number = std::strtod(text.c_str(), nullptr);
    value.integer = text == "true" ? 1 : std::strtoll(text.c_str(), nullptr, 10);
    if (auto duration = parse_duration(text); duration.ok()) value.duration = *duration;
    out.set(name, std::move(value));
  }
  return out;
}

}  // namespace rideflow::test
