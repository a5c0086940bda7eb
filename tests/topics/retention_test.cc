// Retention: what goes, what never does, and what a clock that jumps can do to it (nothing).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/topics/topic_test_util.h"
#include "topics/retention.h"

namespace rideflow {
namespace retention_test {

using test::read_all;
using test::record;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Micros kHour = 3'600 * kMicrosPerSecond;
constexpr Micros kDay = 24 * kHour;
constexpr Micros kYear = 365 * kDay;
constexpr int64_t kSegment = 1'000;
constexpr int kPerSegment = 5;  // records of 200 bytes and their frames

struct World {
  World() { config.partitions = 1, config.segment_bytes = kSegment; }

  // As a process that starts; `use` look: a command that only reads.
  Topic& open(TopicStoreUse use = TopicStoreUse::write) {
    store = *TopicStore::open(env, "topics", use);
    topic = *store->find_or_create("t", config);
    return *topic;
  }
  // Each record has what the clock says as its own time, and is a write of its own.
  void write(int records) {
    for (int i = 0; i < records; ++i) {
      const std::string payload = fmt::format("{:0>190}", written++);
      ASSERT_TRUE(topic->append_now({record(payload, kNoTime)}).ok());
    }
  }
  void read_up_to(int64_t offset, const std::string& job = "job") {
    store->set_read_positions(job, {{topic->identity(), Partition(0), offset}});
  }
  int64_t first() const { return topic->first_offset(Partition(0)); }
  size_t deletions() const {
    return env.logs("topic_records_deleted").size() + env.logs("topic_unread_records_deleted").size();
  }

  VirtualEnv env;
  TopicConfig config;
  std::shared_ptr<TopicStore> store;
  std::shared_ptr<Topic> topic;
  int written = 0;
};

TEST(Retention, ReadRecordsGoWhenClockRecordsAndReadersAgree) {
  World w;
  w.open();
  w.write(20);
  w.read_up_to(20);
  w.env.advance(8 * kDay);
  ASSERT_TRUE(w.topic->enforce_retention().ok());
  EXPECT_EQ(w.first(), 0) << "nothing newer came";
  w.write(1);
  EXPECT_GT(w.first(), 0);
  EXPECT_LE(w.first(), 20) << "the newest segment stays";
  EXPECT_EQ(w.topic->end_offset(Partition(0)), 21);
  const auto said = w.env.logs("topic_records_deleted");
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said[0].field("topic"), "t");
  EXPECT_EQ(said[0].field("partition"), "0");
  EXPECT_EQ(said[0].field("from"), "0");
  EXPECT_EQ(std::stoll(said[0].field("to")) + 1, std::stoll(said[0].field("records")));
  EXPECT_THAT(said[0].field("reason"), HasSubstr("older"));
  EXPECT_GT(std::stoll(said[0].field("bytes")), 0);
}

TEST(Retention, WhatAJobHasNotReadStays) {
  World w;
  w.open();
  w.write(40);
  w.read_up_to(12);
  w.read_up_to(30, "another");
  w.env.advance(8 * kDay);
  w.write(1);
  EXPECT_GT(w.first(), 0);
  EXPECT_LE(w.first(), 12);
  w.read_up_to(40);
  w.write(1);
  EXPECT_GT(w.first(), 12);
  EXPECT_LE(w.first(), 30);
  w.read_up_to(40, "another");
  w.write(1);
  EXPECT_GT(w.first(), 30);
}

TEST(Retention, APositionInATopicOfTheSameNameThatIsGoneHoldsNothing) {
  World w;
  w.open();
  w.write(40);
  w.store->set_read_positions("job", {{{"t", "0123456789abcdef"}, Partition(0), 3}});
  w.store->set_read_positions("other", {{{"u", ""}, Partition(0), 3}});
  w.env.advance(8 * kDay);
  w.write(1);
  EXPECT_GT(w.first(), 3);
}

// An earlier process wrote it: only the wall clock can tell, and it must have proved itself.
TEST(Retention, AfterAStartTheClockMustHaveGoneOnForAnHour) {
  World w;
  w.open();
  w.write(20);
  w.env.advance(8 * kDay);
  w.open();
  w.write(1);
  EXPECT_EQ(w.first(), 0);
  w.env.advance(kHour / 2);
  w.write(1);
  EXPECT_EQ(w.first(), 0);
  w.env.advance(kHour);
  w.write(1);
  EXPECT_GT(w.first(), 0);
}

TEST(Retention, BySizeWhatIsReadGoesAtTheLimitAndWhatIsNotAtTwice) {
  World w;
  w.config.retention_bytes = 10 * kSegment;
  w.open();
  w.write(10);
  w.read_up_to(10);
  while (w.topic->bytes() < 19 * kSegment) w.write(1);
  EXPECT_GT(w.first(), 0);
  EXPECT_LE(w.first(), 10);
  EXPECT_THAT(w.env.logs("topic_unread_records_deleted"), IsEmpty());
  const int64_t before = w.first();
  for (int i = 0; i < 60; ++i) {
    w.write(1);
    EXPECT_LE(w.topic->bytes(), 2 * 10 * kSegment + 2 * kSegment);
  }
  EXPECT_GT(w.first(), before);
  const auto said = w.env.logs("topic_unread_records_deleted");
  ASSERT_FALSE(said.empty());
  EXPECT_EQ(said[0].level, LogLevel::warn);
  EXPECT_EQ(said[0].field("unread_by"), "job");
  EXPECT_EQ(w.topic->reader(Partition(0), 10)->poll(1).status().code(), Code::out_of_range);
}

TEST(Retention, TheNewestSegmentNeverGoes) {
  for (const bool by_size : {false, true}) {
    World w;
    if (by_size) w.config.retention_bytes = 1;
    w.open();
    w.write(1);
    w.env.advance(kYear);
    ASSERT_TRUE(w.topic->enforce_retention().ok());
    EXPECT_EQ(read_all(*w.topic, Partition(0)).size(), 1U) << by_size;
    w.write(1);
    ASSERT_TRUE(w.topic->enforce_retention().ok());
    EXPECT_FALSE(read_all(*w.topic, Partition(0)).empty()) << by_size;
  }
}

TEST(Retention, ALookDeletesNothing) {
  World w;
  w.open();
  w.write(30);
  w.env.advance(30 * kDay);
  w.write(0);
  for (int i = 0; i < 3; ++i) {
    Topic& topic = w.open(TopicStoreUse::look);
    ASSERT_TRUE(topic.enforce_retention().ok());
    EXPECT_EQ(read_all(topic, Partition(0)).size(), 30U);
    w.env.advance(2 * kDay);
  }
  EXPECT_EQ(w.deletions(), 0U);
}

TEST(Retention, TopicsOfKeptRowsHaveNone) {
  World w;
  w.config.retention_bytes = 1;  // as versions before wrote it into their settings
  for (const std::string name : {"_rejected.job", "_late.job"}) {
    w.store = *TopicStore::open(w.env, "topics");
    w.topic = *w.store->find_or_create(name, w.config);
    w.write(30);
    w.env.advance(8 * kDay);
    w.write(1);
    EXPECT_EQ(w.first(), 0) << name;
  }
}

// ---- A clock that jumps

struct Jump {
  const char* name;
  int64_t there;
  int64_t back;
};

const std::vector<Jump>& jumps() {
  static const std::vector<Jump> all = {
      {"+8d", 8 * kDay, 0},
      {"-8d", -8 * kDay, 0},
      {"+1y", kYear, 0},
      {"-1y", -kYear, 0},
      {"+8d and back", 8 * kDay, -8 * kDay},
      {"-8d and back", -8 * kDay, 8 * kDay},
      {"+1y and back", kYear, -kYear},
      {"-1y and back", -kYear, kYear},
      {"+1y, then 8d less", kYear, -8 * kDay},
  };
  return all;
}

enum class Readers { none, behind, done };
struct During {
  bool restart;  // a process starts while the clock is wrong
  bool write;
  bool late_start;  // all that there is was written while the clock was wrong
};

// An hour goes by in all: nothing is seven days old, whatever the clock says.
void expect_nothing_lost(const Jump& jump, Readers readers, const During& during) {
  World w;
  if (during.late_start) w.env.jump_wall_clock(jump.there);
  w.open();
  const auto tell = [&] {
    if (readers != Readers::none) w.read_up_to(readers == Readers::behind ? 3 : w.written);
  };
  w.write(30);
  tell();
  w.env.advance(kHour / 4);
  if (!during.late_start) w.env.jump_wall_clock(jump.there);
  if (during.restart) w.open();
  tell();
  if (during.write) w.write(2 * kPerSegment);
  ASSERT_TRUE(w.topic->enforce_retention().ok());
  w.env.advance(kHour / 4);
  if (during.write) w.write(2 * kPerSegment);
  (void)w.open(TopicStoreUse::look);
  ASSERT_TRUE(w.topic->enforce_retention().ok());
  w.env.jump_wall_clock(jump.back);
  w.open();
  tell();
  w.write(2 * kPerSegment);
  w.env.advance(kHour / 4);
  w.write(2 * kPerSegment);
  ASSERT_TRUE(w.topic->enforce_retention().ok());
  EXPECT_EQ(read_all(*w.topic, Partition(0)).size(), static_cast<size_t>(w.written));
  EXPECT_EQ(w.deletions(), 0U);
}

TEST(Retention, NoJumpOfTheClockDeletesAnything) {
  for (const Jump& jump : jumps()) {
    for (const Readers readers : {Readers::none, Readers::behind, Readers::done}) {
      for (int bits = 0; bits < 8; ++bits) {
        const During during{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
        SCOPED_TRACE(fmt::format("{}, readers {}, restart {}, write {}, late start {}", jump.name,
                                 static_cast<int>(readers), during.restart, during.write, during.late_start));
        expect_nothing_lost(jump, readers, during);
      }
    }
  }
}

// However long the clock stays wrong: what a job has not read, and the newest, are never taken for old.
TEST(Retention, AClockThatStaysWrongDeletesNothingUnread) {
  for (const Jump& jump : jumps()) {
    SCOPED_TRACE(jump.name);
    World w;
    w.open();
    w.write(30);
    w.read_up_to(12);
    w.env.jump_wall_clock(jump.there);
    for (int i = 0; i < 10; ++i) {
      w.write(kPerSegment);
      w.env.advance(kHour);
      w.open();
      w.read_up_to(12);
      w.write(kPerSegment);
      w.env.advance(2 * kHour);
      w.write(kPerSegment);
    }
    EXPECT_LE(w.first(), 12);
    EXPECT_EQ(w.topic->end_offset(Partition(0)), w.written);
  }
}

// Within one process nothing is measured by the wall clock at all.
TEST(Retention, AProcessMeasuresWhatItWroteByTheMonotonicClock) {
  for (const Jump& jump : jumps()) {
    SCOPED_TRACE(jump.name);
    World w;
    w.open();
    w.write(30);
    w.env.jump_wall_clock(jump.there);
    w.env.advance(6 * kDay);
    w.write(1);
    w.env.jump_wall_clock(jump.back);
    EXPECT_EQ(w.first(), 0);
    w.env.advance(2 * kDay);
    w.write(1);
    // The records of a clock that stays behind say otherwise, and that is enough.
    EXPECT_EQ(w.first() > 0, jump.there + jump.back >= 0);
  }
}

// ---- The judgement alone

TEST(Retention, RecordsFromTheFutureHoldNothingBack) {
  ClockReading clock;
  clock.wall = 1'000 * kDay;
  clock.monotonic = 20 * kDay;
  clock.steady_for = kDay;
  const WrittenAt written{900 * kDay, std::nullopt};
  EXPECT_EQ(record_time(2'000 * kDay, written, clock), 900 * kDay);
  EXPECT_EQ(record_time(950 * kDay, written, clock), 950 * kDay);
  TopicFacts facts;
  facts.newest_record = 999 * kDay;
  OldestSegment segment;
  segment.end_offset = 5;
  segment.newest_record = kEndOfTime;
  segment.written = written;
  facts.oldest = {segment};
  const auto nobody = [](Partition) { return std::optional<ReadPositions::Unread>(); };
  EXPECT_TRUE(next_deletion(facts, {}, clock, nobody));
  facts.oldest[0].newest_record = kNoTime + 1;  // the difference does not fit 64 bits
  EXPECT_TRUE(next_deletion(facts, {}, clock, nobody));
  facts.newest_record = kNoTime + 1;
  EXPECT_FALSE(next_deletion(facts, {}, clock, nobody));
}

TEST(Retention, AClockThatIsSlewedHasNotJumped) {
  VirtualEnv env;
  RetentionClock clock;
  EXPECT_EQ(clock.read(env).steady_for, 0);
  for (int i = 0; i < 60; ++i) {
    env.advance(60 * kMicrosPerSecond);
    env.jump_wall_clock(i % 2 == 0 ? 900'000 : 1'000'000);
    EXPECT_EQ(clock.read(env).steady_for, (i + 1) * 60 * kMicrosPerSecond);
  }
  env.jump_wall_clock(-2 * RetentionClock::kJump);
  EXPECT_EQ(clock.read(env).steady_for, 0);
  EXPECT_EQ(env.logs("clock_jumped").size(), 1U);
}

}  // namespace retention_test
}  // namespace rideflow
