#include <fmt/format.h>

#include <algorithm>

#include "operators/kafka/kafka_client.h"
#include "operators/kafka/kafka_topic.h"

namespace rideflow {
namespace {

using kafka::Handle;
using kafka::kTimeoutMs;
using kafka::Reports;

class KafkaAdmin : public TopicAdmin {
 public:
  Status open(const Resources& resources, const Options& cluster) {
    RF_ASSIGN(Handle<rd_kafka_conf_t> conf, kafka::make_conf(cluster, {}, &resources, &reports_));
    RF_ASSIGN(client_, kafka::make_client(RD_KAFKA_PRODUCER, std::move(conf)));
    return {};
  }

  Result<std::vector<TopicInfo>> list() override {
    const rd_kafka_metadata_t* raw = nullptr;
    const auto error = rd_kafka_metadata(client_.get(), 1, nullptr, &raw, kTimeoutMs);
    const Handle<const rd_kafka_metadata_t> metadata(raw);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka::to_status(error, "list topics", &reports_);
    std::vector<TopicInfo> all;
    for (int i = 0; i < metadata->topic_cnt; ++i) {
      const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
      if (std::string_view(topic.topic).starts_with("__")) continue;  // the brokers' own
      TopicInfo info;
      info.name = topic.topic;
      info.partitions = topic.partition_cnt;
      for (int p = 0; p < topic.partition_cnt; ++p) {
        int64_t low = 0;
        int64_t high = 0;
        const auto asked = rd_kafka_query_watermark_offsets(client_.get(), topic.topic,
                                                            topic.partitions[p].id, &low, &high, kTimeoutMs);
        if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) {
          return kafka::to_status(asked, fmt::format("topic '{}'", topic.topic), &reports_);
        }
        info.records += high - low;
      }
      all.push_back(std::move(info));
    }
    std::sort(all.begin(), all.end(), [](const TopicInfo& a, const TopicInfo& b) { return a.name < b.name; });
    return all;
  }

  Status create(const std::string& name, int32_t partitions) override {
    return kafka::create_topic(client_.get(), name, partitions, &reports_);
  }
  Status remove(const std::string& name) override {
    return kafka::delete_topic(client_.get(), name, &reports_);
  }

 private:
  Reports reports_{nullptr};
  Handle<rd_kafka_t> client_;
};

}  // namespace

Result<std::unique_ptr<TopicAdmin>> make_kafka_admin(const Resources& resources, const Options& cluster) {
  auto admin = std::make_unique<KafkaAdmin>();
  RF_TRY(admin->open(resources, cluster));
  return std::unique_ptr<TopicAdmin>(std::move(admin));
}

}  // namespace rideflow
