// What the word `topic` may be given in a job, the same for topics in the data directory and in Kafka.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/catalog.h"

namespace rideflow {

// True when the job's `kafka:` section names brokers: its topics live there.
bool uses_kafka(const Options& cluster);

std::vector<OptionSpec> topic_source_options();
std::vector<OptionSpec> topic_sink_options();

// A row's key as a record has it: the value of one string column as it is, other columns as a JSON object by
// name; nothing without key columns or when all of them are null.
class RecordKey {
 public:
  explicit RecordKey(std::vector<int> columns) : columns_(std::move(columns)) {}
  // Valid until the next call.
  std::optional<std::string_view> of(const Batch& batch, int32_t row);

 private:
  std::vector<int> columns_;
  std::string text_;
};

}  // namespace rideflow
