// Topics in the data directory (topics/topic_store.h) as a source and an exactly-once sink.
#pragma once

#include <memory>

#include "engine/catalog.h"

namespace rideflow {

std::unique_ptr<RecordReader> make_embedded_topic_reader(const SourceConfig& config);
Result<std::unique_ptr<Sink>> make_embedded_topic_sink(std::shared_ptr<const SinkConfig> config);
// Lists, makes and removes the topics of the context's store.
Result<std::unique_ptr<TopicAdmin>> make_embedded_topic_admin(const Resources& resources);

}  // namespace rideflow
