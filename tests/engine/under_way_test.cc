// What sources note of what they give, and what can be read of it after a crash.
#include "engine/under_way.h"

#include <gtest/gtest.h>

#include "engine/source_care.h"

namespace rideflow {
namespace under_way_test {

std::shared_ptr<const Origin> chunk(int64_t first, int64_t last, const std::string& topic = "rides") {
  auto origin = std::make_shared<Origin>();
  origin->topic = std::make_shared<const std::string>(topic);
  origin->partition = Partition(3);
  for (int64_t at = first; at <= last; ++at) {
    RecordOrigin record;
    record.position = at;
    origin->records.push_back(record);
    origin->headers.push_back({"h", "v"});
    origin->header_ends.push_back(static_cast<int32_t>(origin->headers.size()));
  }
  return origin;
}

TEST(UnderWay, GivenIsWhatNoCompleteCheckpointCovers) {
  const auto note = JobNote::in_memory(2);
  SourceNote& source = note->source(1);
  source.begin("rides", 1);
  source.give(*chunk(0, 9));
  source.on_barrier(Epoch(1));
  source.give(*chunk(10, 14));
  source.on_barrier(Epoch(2));
  source.give(*chunk(15, 16));
  EXPECT_EQ(note->uncovered(1), 17);
  source.on_complete(Epoch(1));
  EXPECT_EQ(note->evidence().given, (std::vector<GivenCount>{{"rides", 1, 7}}));
  source.on_complete(Epoch(2));
  EXPECT_EQ(note->uncovered(1), 2);
  EXPECT_FALSE(note->evidence().in_hand.has_value()) << "not read with care";
  note->set_careful(true);
  note->set_turn(0);
  EXPECT_FALSE(note->evidence().in_hand.has_value()) << "it has given nothing";
  note->set_turn(1);
  ASSERT_TRUE(note->evidence().in_hand.has_value());
  EXPECT_EQ(to_string(*note->evidence().in_hand), "records 15 to 16 of partition 3 of 'rides'");
}

TEST(UnderWay, ACrashIsReadFromItsBytes) {
  const size_t bytes = JobNote::bytes_for(1);
  const std::shared_ptr<std::max_align_t[]> memory(
      new std::max_align_t[bytes / sizeof(std::max_align_t) + 1]);
  JobNote note(std::shared_ptr<void>(memory, memory.get()), 1);
  const std::string long_name = std::string(1'000, 'x') + "/end.json";
  note.source(0).begin("rides", 0);
  note.source(0).give(*chunk(5, 5, long_name));
  note.set_careful(true);
  note.set_turn(0);
  const std::string_view stored(reinterpret_cast<const char*>(memory.get()), bytes);
  EXPECT_FALSE(JobNote::of_crash(stored).has_value()) << "kill -9 is nobody's fault";
  note.set_crashed();
  const std::optional<Evidence> evidence = JobNote::of_crash(stored);
  ASSERT_TRUE(evidence && evidence->in_hand);
  EXPECT_TRUE(evidence->in_hand->single());
  EXPECT_TRUE(long_name.ends_with(evidence->in_hand->topic));
  for (size_t n = 0; n < bytes; ++n) EXPECT_FALSE(JobNote::of_crash(stored.substr(0, n)).has_value());
  // It is found under its long name, too.
  SourceCare care("rides", {{*evidence->in_hand, "because"}}, std::nullopt, 0);
  const SourceCare::Taken taken = care.take(chunk(4, 6, long_name));
  EXPECT_EQ(taken.aside.size(), 1U);
  EXPECT_EQ(taken.kept, (std::vector<int32_t>{0, 2}));
}

TEST(SourceCare, TakesOutWhatIsItsOwn) {
  GivenRecords bad;
  bad.source = "rides";
  bad.partition = Partition(3);
  bad.topic = "rides";
  bad.first = bad.last = 11;
  SourceCare other("users", {{bad, "because"}}, bad, 1);
  EXPECT_EQ(other.take(chunk(10, 12)).chunk->records.size(), 3U);
  EXPECT_EQ(other.budget(Partition(3), 64), 64);
  SourceCare care("rides", {{bad, "because"}}, bad, 1);
  EXPECT_EQ(care.budget(Partition(3), 64), 1);
  EXPECT_FALSE(care.waits(Partition(3)));
  EXPECT_TRUE(care.waits(Partition(2))) << "its rows would be in hand beside the suspect's";
  EXPECT_EQ(care.take(chunk(10, 12, "other")).chunk->records.size(), 3U);
  EXPECT_EQ(care.take(chunk(10, 12, "more_rides")).aside.size(), 0U) << "the end of another name";
  EXPECT_EQ(care.take(chunk(8, 10)).aside.size(), 0U);
  EXPECT_EQ(care.budget(Partition(3), 64), 1) << "the suspect is yet to come";
  const SourceCare::Taken taken = care.take(chunk(10, 12));
  ASSERT_EQ(taken.aside.size(), 1U);
  EXPECT_EQ(taken.aside[0].record, 1);
  EXPECT_EQ(taken.aside[0].reason, "because");
  ASSERT_EQ(taken.chunk->records.size(), 2U);
  EXPECT_EQ(taken.chunk->records[1].position, 12);
  EXPECT_EQ(taken.chunk->headers_of(1).size(), 1U);
  EXPECT_EQ(care.budget(Partition(3), 64), 64);
  EXPECT_FALSE(care.waits(Partition(2)));
}

}  // namespace under_way_test
}  // namespace rideflow
