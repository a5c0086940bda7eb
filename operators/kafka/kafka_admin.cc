#include <fmt/format.h>

#include <algorithm>

#include "operators/kafka/kafka_client.h"
#include "operators/kafka/kafka_topic.h"

namespace rideflow {
namespace {

using kafka::Handle;

class KafkaAdmin : public TopicAdmin {
 public:
  Status open(const Resources& resources, const Options& cluster) {
    RF_ASSIGN(Handle<rd_kafka_conf_t> conf, kafka::make_conf(cluster, {}, &resources, &client_.reports()));
    return client_.open(RD_KAFKA_PRODUCER, std::move(conf));
  }

  Result<std::vector<TopicInfo>> list() override {
    RF_ASSIGN(const Handle<const rd_kafka_metadata_t> metadata,
              kafka::ask_metadata(client_.get(), "list topics", client_.reports()));
    std::vector<TopicInfo> all;
    const Handle<rd_kafka_topic_partition_list_t> first(rd_kafka_topic_partition_list_new(16));
    for (int i = 0; i < metadata->topic_cnt; ++i) {
      const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
      if (std::string_view(topic.topic).starts_with("__")) continue;  // the brokers' own
      all.push_back({topic.topic, topic.partition_cnt, 0, 0});
      for (int p = 0; p < topic.partition_cnt; ++p) {
        rd_kafka_topic_partition_list_add(first.get(), topic.topic, topic.partitions[p].id);
      }
    }
    const Handle<rd_kafka_topic_partition_list_t> end(rd_kafka_topic_partition_list_copy(first.get()));
    RF_TRY(ask_offsets(first.get(), RD_KAFKA_OFFSET_BEGINNING));
    RF_TRY(ask_offsets(end.get(), RD_KAFKA_OFFSET_END));
    int next = 0;
    for (TopicInfo& info : all) {
      for (int p = 0; p < info.partitions; ++p, ++next) {
        info.records += end->elems[next].offset - first->elems[next].offset;
      }
    }
    std::sort(all.begin(), all.end(), [](const TopicInfo& a, const TopicInfo& b) { return a.name < b.name; });
    return all;
  }

  Status create(const std::string& name, int32_t partitions) override {
    return kafka::create_topic(client_.get(), name, partitions, client_.reports());
  }
  Status remove(const std::string& name) override {
    return kafka::delete_topic(client_.get(), name, client_.reports());
  }

 private:
  // Offsets of all partitions of the list, with one question per broker.
  Status ask_offsets(rd_kafka_topic_partition_list_t* list, int64_t time) {
    if (list->cnt == 0) return {};
    const auto error =
        kafka::ask_patiently(client_.get(), client_.reports(), kafka::Known::yes, [&](int timeout_ms) {
          auto asked = kafka::ask_offsets(client_.get(), list, time, timeout_ms);
          for (int i = 0; i < list->cnt && asked == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
            asked = list->elems[i].err;
          return asked;
        });
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return kafka::to_status(error, "list topics", &client_.reports());
    for (int i = 0; i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& one = list->elems[i];
      if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka::to_status(one.err, fmt::format("partition {} of topic '{}'", one.partition, one.topic),
                                &client_.reports());
      }
    }
    return {};
  }

  kafka::Client client_{nullptr};
};

}  // namespace

Result<std::unique_ptr<TopicAdmin>> make_kafka_admin(const Resources& resources, const Options& cluster) {
  auto admin = std::make_unique<KafkaAdmin>();
  RF_TRY(admin->open(resources, cluster));
  return std::unique_ptr<TopicAdmin>(std::move(admin));
}

std::vector<std::string> kafka_properties() {
  return kafka::allowed_properties();
}

}  // namespace rideflow
