#include "engine/event_time.h"

#include <gtest/gtest.h>

namespace rideflow {
namespace event_time_test {

constexpr Micros kSecond = kMicrosPerSecond;

EventTimeSpec spec(int64_t out_of_order) {
  EventTimeSpec s;
  s.out_of_order = out_of_order;
  s.idle_after = 30 * kSecond;
  s.max_skew = 60 * kSecond;
  return s;
}

std::vector<BehindRow> rows(SourceClock& clock, int p, std::vector<Micros> times) {
  std::vector<BehindRow> behind;
  clock.on_rows(Partition(p), times.data(), static_cast<int32_t>(times.size()), behind);
  return behind;
}

SourceClock two_partitions(const EventTimeSpec& s) {
  SourceClock clock(s);
  clock.add_partition(Partition(0), false);
  clock.add_partition(Partition(1), false);
  return clock;
}

TEST(SourceClock, WatermarkIsTheLeastOverPartitionsAndWaitsForAll) {
  SourceClock clock = two_partitions(spec(10));
  rows(clock, 0, {100});
  EXPECT_EQ(clock.watermark(), kNoTime);
  rows(clock, 1, {50});
  EXPECT_EQ(clock.watermark(), 40);
  rows(clock, 1, {500});
  EXPECT_EQ(clock.watermark(), 90);
  EXPECT_EQ(clock.holder(), Partition(0));
}

TEST(SourceClock, ARowExactlyAtTheWatermarkIsExpected) {
  SourceClock clock(spec(10));
  clock.add_partition(Partition(0), false);
  EXPECT_TRUE(rows(clock, 0, {100, 90}).empty());
  const auto behind = rows(clock, 0, {89, 200, 189});
  ASSERT_EQ(behind.size(), 2u);
  EXPECT_EQ(behind[0].row, 0);
  EXPECT_EQ(behind[0].partition_watermark, 90);
  EXPECT_EQ(behind[1].row, 2);
  EXPECT_EQ(behind[1].partition_watermark, 190);
  EXPECT_EQ(behind[1].reason, BehindReason::late);
}

TEST(SourceClock, WhichRowsAreBehindDoesNotDependOnBatches) {
  const std::vector<Micros> times{100, 50, 300, 10, 290, 301, 289};
  SourceClock whole(spec(10));
  whole.add_partition(Partition(0), false);
  const auto at_once = rows(whole, 0, times);
  SourceClock single(spec(10));
  single.add_partition(Partition(0), false);
  std::vector<BehindRow> one_by_one;
  for (size_t i = 0; i < times.size(); ++i) {
    for (BehindRow row : rows(single, 0, {times[i]})) {
      row.row = static_cast<int32_t>(i);
      one_by_one.push_back(row);
    }
  }
  ASSERT_EQ(at_once.size(), one_by_one.size());
  for (size_t i = 0; i < at_once.size(); ++i) {
    EXPECT_EQ(at_once[i].row, one_by_one[i].row);
    EXPECT_EQ(at_once[i].partition_watermark, one_by_one[i].partition_watermark);
  }
}

TEST(SourceClock, IdleNeedsAnUnbrokenRowOfProofs) {
  SourceClock clock = two_partitions(spec(0));
  rows(clock, 0, {100});
  clock.on_proven_end(Partition(1), 0);
  clock.on_activity(Partition(1));  // an answer without proof
  clock.on_proven_end(Partition(1), 20 * kSecond);
  clock.on_proven_end(Partition(1), 31 * kSecond);
  EXPECT_FALSE(clock.is_idle(Partition(1)));
  clock.on_proven_end(Partition(1), 50 * kSecond);
  EXPECT_TRUE(clock.is_idle(Partition(1)));
  EXPECT_EQ(clock.watermark(), 100);
}

TEST(SourceClock, AWakingPartitionTakesTheSourcesWatermarkAsFloor) {
  SourceClock clock = two_partitions(spec(0));
  rows(clock, 0, {100});
  clock.on_proven_end(Partition(1), 0);
  clock.on_proven_end(Partition(1), 30 * kSecond);
  ASSERT_EQ(clock.watermark(), 100);
  const auto behind = rows(clock, 1, {60});
  ASSERT_EQ(behind.size(), 1u);
  EXPECT_EQ(behind[0].reason, BehindReason::idle);
  EXPECT_EQ(behind[0].partition_watermark, 100);
  EXPECT_EQ(clock.watermark(), 100);  // never back
}

TEST(SourceClock, ANewPartitionTakesTheFloorToo) {
  SourceClock clock(spec(0));
  clock.add_partition(Partition(0), false);
  rows(clock, 0, {100});
  clock.add_partition(Partition(1), true);
  const auto behind = rows(clock, 1, {60, 120});
  ASSERT_EQ(behind.size(), 1u);
  EXPECT_EQ(behind[0].reason, BehindReason::new_partition);
}

TEST(SourceClock, AllIdleKeepsTheWatermarkUnlessAskedToFollowTheClock) {
  EventTimeSpec s = spec(0);
  for (const int64_t advance : {int64_t{0}, 60 * kSecond}) {
    s.idle_advance = advance;
    SourceClock clock(s);
    clock.add_partition(Partition(0), false);
    rows(clock, 0, {100});
    clock.on_proven_end(Partition(0), 0);
    clock.on_proven_end(Partition(0), 30 * kSecond);
    ASSERT_TRUE(clock.all_idle());
    clock.tick(89 * kSecond);
    EXPECT_EQ(clock.watermark(), 100);
    clock.tick(90 * kSecond);
    EXPECT_EQ(clock.watermark(), advance == 0 ? 100 : 100 + 60 * kSecond);
  }
}

TEST(SourceClock, SkewPausesThePartitionThatIsAhead) {
  SourceClock clock = two_partitions(spec(0));
  rows(clock, 0, {1000 * kSecond});
  EXPECT_FALSE(clock.waits_for(Partition(0), 0));  // the other has no rows yet
  rows(clock, 1, {939 * kSecond});
  EXPECT_EQ(clock.waits_for(Partition(0), 0), Partition(1));
  EXPECT_FALSE(clock.waits_for(Partition(1), 0));
  rows(clock, 1, {940 * kSecond});
  EXPECT_FALSE(clock.waits_for(Partition(0), 0));
}

TEST(SourceClock, AWokenPartitionIsNotAheadOfItself) {
  SourceClock clock = two_partitions(spec(0));
  rows(clock, 0, {10'000 * kSecond});
  rows(clock, 1, {9'990 * kSecond});
  clock.on_proven_end(Partition(1), 0);
  clock.on_proven_end(Partition(1), 30 * kSecond);
  rows(clock, 0, {14'000 * kSecond});
  clock.on_proven_end(Partition(1), 31 * kSecond);
  ASSERT_EQ(clock.watermark(), 14'000 * kSecond);
  // Far behind the floor that it has as a woken partition: its rows are late, and read all the same.
  EXPECT_EQ(rows(clock, 1, {9'991 * kSecond}).size(), 1U);
  EXPECT_FALSE(clock.waits_for(Partition(0), 32 * kSecond));
  EXPECT_FALSE(clock.waits_for(Partition(1), 32 * kSecond));
}

TEST(SourceClock, NobodyWaitsForLongForAPartitionAtItsEnd) {
  EventTimeSpec s = spec(0);
  s.idle_after = 86'400 * kSecond;
  SourceClock clock = two_partitions(s);
  rows(clock, 0, {10'000 * kSecond});
  rows(clock, 1, {0});
  clock.on_proven_end(Partition(1), 5 * kSecond);
  EXPECT_EQ(clock.waits_for(Partition(0), 5 * kSecond + SourceClock::kLongestWait - 1), Partition(1));
  EXPECT_FALSE(clock.waits_for(Partition(0), 5 * kSecond + SourceClock::kLongestWait));
  EXPECT_EQ(clock.watermark(), 0);  // it still holds the watermark
  rows(clock, 1, {1});
  EXPECT_EQ(clock.waits_for(Partition(0), 60 * kSecond), Partition(1));
}

TEST(SourceClock, ATaskWithoutPartitionsDoesNotTakeTheWatermarkBackAtARestore) {
  SourceClock a(spec(0)), none(spec(0));
  a.add_partition(Partition(0), false);
  rows(a, 0, {100});
  SourceClock merged(spec(0));
  ASSERT_TRUE(merged.restore({none.encode(), a.encode()}, [](Partition) { return true; }).ok());
  EXPECT_EQ(merged.watermark(), 100);
  SourceClock fresh(spec(0));
  ASSERT_TRUE(fresh.restore({none.encode()}, [](Partition) { return true; }).ok());
  EXPECT_EQ(fresh.watermark(), kNoTime);
}

TEST(SourceClock, TheEndOfAllPartitionsIsTheEndOfTime) {
  SourceClock clock = two_partitions(spec(0));
  rows(clock, 0, {5});
  clock.on_end(Partition(1));
  EXPECT_EQ(clock.watermark(), 5);
  clock.on_end(Partition(0));
  EXPECT_EQ(clock.watermark(), kEndOfTime);
  EXPECT_TRUE(clock.all_ended());
}

TEST(SourceClock, RestoresByPartitionOverAnotherNumberOfShards) {
  SourceClock a(spec(0)), b(spec(0));
  a.add_partition(Partition(0), false);
  b.add_partition(Partition(1), false);
  rows(a, 0, {100});
  rows(b, 1, {70});
  SourceClock merged(spec(0));
  ASSERT_TRUE(merged.restore({a.encode(), b.encode()}, [](Partition) { return true; }).ok());
  EXPECT_EQ(merged.watermark(), 70);
  EXPECT_EQ(merged.partition_watermark(Partition(0)), 100);
  SourceClock one(spec(0));
  ASSERT_TRUE(one.restore({a.encode(), b.encode()}, [](Partition p) { return p.value == 0; }).ok());
  EXPECT_FALSE(one.has_partition(Partition(1)));
  EXPECT_EQ(one.watermark(), 70);
}

TEST(SourceClock, DamagedStateIsRefused) {
  SourceClock a(spec(0));
  a.add_partition(Partition(0), false);
  const std::string bytes = a.encode();
  for (size_t n = 0; n < bytes.size(); ++n) {
    SourceClock b(spec(0));
    EXPECT_EQ(b.restore({bytes.substr(0, n)}, [](Partition) { return true; }).code(), Code::data_loss) << n;
  }
}

}  // namespace event_time_test
}  // namespace rideflow
