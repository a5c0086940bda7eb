// The events of `dev --generate`: of several kinds, but of one city.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/virtual_env.h"
#include "runtime/worker_feed.h"
#include "tests/support/operator_contract.h"
#include "topics/topic_store.h"

namespace rideflow {
namespace event_feed_test {

// Time goes on while the feed starts.
class BusyEnv : public VirtualEnv {
 public:
  Micros now() override {
    advance(kMicrosPerSecond);
    return VirtualEnv::now();
  }
};

Micros first_time(TopicStore& topics, const std::string& name) {
  const auto topic = topics.find(name);
  if (!topic.ok()) return kEndOfTime;
  Micros first = kEndOfTime;
  for (int32_t p = 0; p < (*topic)->partitions(); ++p) {
    const auto poll = (*topic)->reader(Partition(p), 0)->poll(100'000);
    if (!poll.ok() || !poll->chunk) continue;
    for (const RecordOrigin& record : poll->chunk->records) first = std::min(first, record.timestamp);
  }
  return first;
}

// Vehicles follow the rides of their own start only.
TEST(EventFeed, AllKindsStartAtTheSameMoment) {
  BusyEnv env;
  env.set_auto_offload(true);
  std::shared_ptr<TopicStore> topics = *TopicStore::open(env, "topics");
  FeedOptions options;
  options.rate = 10;
  auto feed = EventFeed::start(env, test::full_catalog(), topics, options);
  ASSERT_TRUE(feed.ok()) << feed.status().to_string();
  while ((*feed)->events() < 5'000 && (*feed)->status().ok()) std::this_thread::yield();
  (*feed)->stop();
  ASSERT_TRUE((*feed)->status().ok()) << (*feed)->status().to_string();
  const Micros first = first_time(*topics, "ride_events");
  ASSERT_NE(first, kEndOfTime);
  EXPECT_EQ(first_time(*topics, "vehicle_events"), first);
  EXPECT_EQ(first_time(*topics, "user_events"), first);
}

}  // namespace event_feed_test
}  // namespace rideflow
