// Kafka behind the word `topic`: used when the job's `kafka:` section names brokers.
//
// The source assigns every partition itself, at the offsets of the checkpoint; the consumer group is only
// told where the job is, for displays of lag. The sink is an idempotent producer, at least once: a checkpoint
// waits until all rows before it were acknowledged; a restart may write rows since then again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/catalog.h"

namespace rideflow {

std::unique_ptr<RecordReader> make_kafka_reader(const SourceConfig& config);
Result<std::unique_ptr<Sink>> make_kafka_sink(std::shared_ptr<const SinkConfig> config);
Result<std::unique_ptr<TopicAdmin>> make_kafka_admin(const Resources& resources, const Options& cluster);

// The client's properties that a job may set. All others are refused: some of them run programs or load code.
std::vector<std::string> kafka_properties();

}  // namespace rideflow
