// The source and sink kinds `topic`: one word for topics in the data directory and in Kafka.
#include "engine/catalog.h"
#include "operators/kafka/kafka_topic.h"
#include "operators/topic_embedded.h"
#include "operators/topic_options.h"

namespace rideflow {
namespace {

Result<std::unique_ptr<RecordReader>> make_reader(const SourceConfig& config) {
  if (uses_kafka(config.cluster)) return make_kafka_reader(config);
  return make_embedded_topic_reader(config);
}

Result<std::unique_ptr<Sink>> make_sink(std::shared_ptr<const SinkConfig> config) {
  if (uses_kafka(config->cluster)) return make_kafka_sink(std::move(config));
  return make_embedded_topic_sink(std::move(config));
}

Result<std::unique_ptr<TopicAdmin>> make_admin(const Resources& resources, const Options& cluster) {
  if (uses_kafka(cluster)) return make_kafka_admin(resources, cluster);
  return make_embedded_topic_admin(resources);
}

}  // namespace
}  // namespace rideflow

RIDEFLOW_REGISTER(topic_connector) {
  rideflow::SourceKind source;
  source.name = "topic";
  source.doc = "Records of a topic: in the data directory, or in Kafka when the job names brokers.";
  source.options = rideflow::topic_source_options();
  source.topics = true;
  source.make = rideflow::make_reader;
  source.topic_admin = rideflow::make_admin;
  catalog.add(std::move(source));

  rideflow::SinkKind sink;
  sink.name = "topic";
  sink.doc =
      "One record per row into a topic: in the data directory, or in Kafka when the job names brokers.";
  sink.options = rideflow::topic_sink_options();
  sink.topics = true;
  sink.uses_format = true;
  sink.make = rideflow::make_sink;
  catalog.add(std::move(sink));
}
