// Who is woken by what: background work, channels, the clock of a source.
#include "engine/waker.h"

#include <gtest/gtest.h>

#include "engine/channel.h"
#include "engine/event_time.h"
#include "engine/source_peers.h"
#include "engine/virtual_env.h"

namespace rideflow {
namespace waker_test {

class Counting : public Waker {
 public:
  void wake() override { ++wakes; }
  int wakes = 0;
};

TEST(Waker, WorkThatEndsWakesWhoAskedForIt) {
  VirtualEnv env;
  const auto work = env.offload([] { return Status(); });
  const auto waker = std::make_shared<Counting>();
  work->wake_when_done(waker);
  work->wake_when_done(nullptr);
  EXPECT_EQ(waker->wakes, 0);
  env.run_offload();
  EXPECT_EQ(waker->wakes, 1);
  work->wake_when_done(waker);  // it is done already
  EXPECT_EQ(waker->wakes, 2);
}

TEST(Waker, AChannelWakesItsConsumerAtOnceAndItsProducerWhenItIsHalfEmpty) {
  const auto producer = std::make_shared<Counting>();
  const auto consumer = std::make_shared<Counting>();
  Channel channel(64);  // of four signals
  channel.set_producer(producer);
  channel.set_consumer(consumer);
  for (int i = 0; i < 4; ++i) channel.push(Watermark{i});
  EXPECT_EQ(consumer->wakes, 4);
  EXPECT_FALSE(channel.has_room());
  channel.pop();
  channel.pop();
  EXPECT_TRUE(channel.has_room());
  EXPECT_EQ(producer->wakes, 0);
  channel.pop();
  EXPECT_EQ(producer->wakes, 1);
  channel.pop();
  EXPECT_EQ(producer->wakes, 1);
  EXPECT_FALSE(channel.pop().has_value());
}

TEST(Waker, AChannelOfOneByteWakesItsProducerToo) {
  const auto producer = std::make_shared<Counting>();
  Channel channel(1);
  channel.set_producer(producer);
  channel.push(Idle{});
  EXPECT_FALSE(channel.has_room());
  channel.pop();
  EXPECT_EQ(producer->wakes, 1);
}

TEST(Waker, PeersAreWokenForProofsAndByThem) {
  SourcePeers peers(2);
  const auto first = std::make_shared<Counting>();
  const auto second = std::make_shared<Counting>();
  peers.set_waker(0, first);
  peers.set_waker(1, second);
  peers.set_counts(0);  // as it was
  EXPECT_EQ(second->wakes, 0);
  const int64_t round = peers.begin_round(0);
  EXPECT_EQ(second->wakes, 1);
  peers.set_idle(1, round);
  EXPECT_EQ(first->wakes, 1);
  peers.set_idle(1, round);  // nothing new
  EXPECT_EQ(first->wakes, 1);
}

TEST(Waker, ASourcesClockSaysWhenTimeAloneChangesSomething) {
  EventTimeSpec spec;
  spec.idle_after = 30 * kMicrosPerSecond;
  spec.max_skew = 0;
  spec.idle_advance = 5 * kMicrosPerSecond;
  SourceClock clock(spec);
  clock.add_partition(Partition(0), false);
  EXPECT_EQ(clock.next_change(0), kEndOfTime);
  std::vector<BehindRow> behind;
  const Micros time = 100;
  clock.on_rows(Partition(0), &time, 1, behind);
  EXPECT_EQ(clock.next_change(0), kEndOfTime);
  clock.on_proven_end(Partition(0), 7);
  EXPECT_EQ(clock.next_change(8), 7 + spec.idle_after);
  clock.on_proven_end(Partition(0), 7 + spec.idle_after);
  ASSERT_TRUE(clock.all_idle());
  EXPECT_EQ(clock.next_change(7 + spec.idle_after), 7 + spec.idle_after + spec.idle_advance);
  const Micros later = 7 + spec.idle_after + 2 * spec.idle_advance;
  EXPECT_GT(clock.next_change(later), later);  // in small steps
  EXPECT_LT(clock.next_change(later), later + kMicrosPerSecond);
}

// "Never idle" is a very long time; it is not added to.
TEST(Waker, NeverIsNoMoment) {
  EventTimeSpec spec;
  spec.idle_after = kEndOfTime;
  spec.max_skew = kMicrosPerSecond;
  SourceClock clock(spec);
  clock.add_partition(Partition(0), false);
  clock.on_proven_end(Partition(0), 7);
  EXPECT_EQ(clock.next_change(8), 7 + SourceClock::kLongestWait);
}

}  // namespace waker_test
}  // namespace rideflow
