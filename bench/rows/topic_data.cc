#include "bench/rows/topic_data.h"

#include "topics/topic_store.h"

namespace rideflow::bench {
namespace {

constexpr int64_t kRecordsPerAppend = 8'192;

}  // namespace

Status write_topic(Env& env, const std::string& dir, const RideData& data) {
  RF_ASSIGN(const std::shared_ptr<TopicStore> store, TopicStore::open(env, dir));
  TopicConfig config;
  config.partitions = 1;
  RF_ASSIGN(const std::shared_ptr<Topic> topic, store->create("ride_events", config));
  std::vector<TopicRecord> records;
  for (int64_t i = 0; i < data.events(); ++i) {
    TopicRecord& record = records.emplace_back();
    record.payload = data.event(i);
    if (static_cast<int64_t>(records.size()) < kRecordsPerAppend && i + 1 < data.events()) continue;
    RF_TRY(topic->append_now(records, Partition(0)));
    records.clear();
  }
  return {};
}

}  // namespace rideflow::bench
