// Which record is to blame, with values alone.
#include "runtime/care.h"

#include <gtest/gtest.h>

#include "runtime/job_attempts.h"

namespace rideflow {
namespace care_test {

const Status kBroken = Status::internal("broken");

GivenRecords records(int64_t first, int64_t last, int32_t partition = 0) {
  GivenRecords given;
  given.source = "rides";
  given.partition = Partition(partition);
  given.topic = "rides";
  given.first = first;
  given.last = last;
  return given;
}

Evidence fast(int64_t read) {
  Evidence evidence;
  if (read > 0) evidence.given.push_back({"rides", 0, read});
  return evidence;
}

Evidence careful(const GivenRecords& in_hand) {
  Evidence evidence = fast(in_hand.last - in_hand.first + 1);
  evidence.careful = true;
  evidence.in_hand = in_hand;
  return evidence;
}

TEST(Care, ARecordIsFoundByReadingWithMoreAndMoreCare) {
  CareAfter after = after_failure({}, fast(5'000), kBroken);
  EXPECT_EQ(after.care.given, (std::vector<GivenCount>{{"rides", 0, 5'000}}));
  EXPECT_FALSE(after.care.suspects.has_value());
  after = after_failure(after.care, careful(records(2'048, 4'095)), kBroken);
  EXPECT_EQ(after.care.suspects, records(2'048, 4'095));
  EXPECT_EQ(after.care.at_once, 46);
  after = after_failure(after.care, careful(records(3'000, 3'045)), kBroken);
  EXPECT_EQ(after.care.at_once, 7);
  after = after_failure(after.care, careful(records(3'007, 3'013)), kBroken);
  EXPECT_EQ(after.care.at_once, 1);
  EXPECT_FALSE(after.found.has_value());
  after = after_failure(after.care, careful(records(3'010, 3'010)), kBroken);
  ASSERT_TRUE(after.found.has_value());
  EXPECT_EQ(after.found->record, records(3'010, 3'010));
  EXPECT_EQ(after.care.set_aside.size(), 1U);
  EXPECT_FALSE(after.care.careful()) << "the next attempt reads as fast as it can";
}

TEST(Care, ARecordByItselfFailsThreeTimesBeforeItIsSetAside) {
  CareAfter after = after_failure({}, fast(1), kBroken);
  after = after_failure(after.care, careful(records(7, 7)), kBroken);
  EXPECT_FALSE(after.found.has_value());
  after = after_failure(after.care, careful(records(7, 7)), kBroken);
  EXPECT_TRUE(after.found.has_value());
}

TEST(Care, WhatFailsElsewhereIsCountedAnew) {
  CareAfter after = after_failure({}, fast(100), kBroken);
  after = after_failure(after.care, careful(records(7, 7)), kBroken);
  after = after_failure(after.care, careful(records(7, 7, 1)), kBroken);
  EXPECT_FALSE(after.found.has_value());
  EXPECT_EQ(after.care.times, 1);
}

TEST(Care, NobodyIsSuspectedOfWhatOthersDo) {
  const Status disk = Status::external(Code::resource_exhausted, "no room");
  EXPECT_FALSE(after_failure({}, fast(100), disk).care.careful());
  EXPECT_FALSE(after_failure({}, careful(records(7, 7)), disk).care.careful());
  EXPECT_FALSE(after_failure({}, fast(0), kBroken).care.careful());
  Evidence nothing_in_hand = fast(100);
  nothing_in_hand.careful = true;
  CareAfter after = after_failure({}, fast(100), kBroken);
  EXPECT_FALSE(after_failure(after.care, nothing_in_hand, kBroken).care.careful());
}

TEST(Care, ItSurvivesItsEncoding) {
  Care care = after_failure({}, fast(100), kBroken).care;
  care = after_failure(care, careful(records(1, 90)), kBroken).care;
  care.set_aside.push_back({records(3, 3, 5), "because"});
  care.lineage = "l1";
  care.crashes = 2;
  care.in_a_row = 4;
  const Result<Care> again = decode_care(encode_care(care));
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(*again, care);
  EXPECT_EQ(*decode_care(encode_care({})), Care());
  const std::string bytes = encode_care(care);
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_care(bytes.substr(0, n)).ok()) << n;
}

// ---- What attempts make of it

AttemptsState begun(Poison poison = Poison::set_aside) {
  AttemptsState state;
  state.policy.poison = poison;
  return apply(state, FirstAttempt{100}).state;
}

AttemptsState fail_with(const AttemptsState& state, const Evidence& evidence) {
  AttemptsState now = state;
  if (now.phase == AttemptsPhase::pausing) now = apply(now, PauseLooked{now.next_at}).state;
  return apply(now, AttemptFailed{now.next_at + 10, kBroken, 0, evidence}).state;
}

TEST(Care, TheJobGoesOnWithoutTheRecord) {
  AttemptsState state = fail_with(begun(), fast(10));
  state = fail_with(state, careful(records(0, 9)));
  state = fail_with(state, careful(records(4, 4)));
  EXPECT_EQ(state.phase, AttemptsPhase::pausing);
  EXPECT_EQ(state.care.set_aside.size(), 1U);
  EXPECT_EQ(state.history.front().cause.message(),
            "broken; record 4 of partition 0 of 'rides', read by 'rides' is set aside");
  EXPECT_EQ(state.alike, 0) << "it has not failed three times for nothing";
}

TEST(Care, OrItStopsThere) {
  AttemptsState state = fail_with(begun(Poison::stop), fast(10));
  state = fail_with(state, careful(records(0, 9)));
  state = fail_with(state, careful(records(4, 4)));
  EXPECT_EQ(state.phase, AttemptsPhase::over);
  EXPECT_TRUE(state.care.set_aside.empty());
  EXPECT_NE(state.failure->message().find("record 4 of partition 0 of 'rides'"), std::string::npos);
}

// A step that always fails, a full memory: no record's fault, however often it comes.
TEST(Care, WhatFailsAtEveryRecordIsNobodysFault) {
  AttemptsState state = begun();
  int64_t record = 0;
  for (; state.phase == AttemptsPhase::pausing || record == 0; ++record) {
    state.policy.max_failures = RestartPolicy::kUnlimited;
    state = fail_with(state, fast(1));
    for (int i = 0; i < kFailuresAtARecord - 1; ++i)
      state = fail_with(state, careful(records(record, record)));
    ASSERT_LT(record, 100);
  }
  EXPECT_EQ(state.phase, AttemptsPhase::over);
  EXPECT_EQ(record, kMostInARow + 1);
  EXPECT_EQ(state.care.set_aside.size(), static_cast<size_t>(kMostInARow));
  EXPECT_NE(state.failure->message().find("records in a row"), std::string::npos);
}

TEST(Care, ReadingWithCareForNothingDoesNotGoOnForEver) {
  AttemptsState state = fail_with(begun(), fast(10));
  state = fail_with(state, fast(3));  // all that was suspected went well this time
  EXPECT_EQ(state.phase, AttemptsPhase::pausing);
  state = fail_with(state, fast(3));
  EXPECT_EQ(state.phase, AttemptsPhase::over);
}

TEST(Care, AProcessThatDiesAgainAndAgainIsNotRiskedForEver) {
  Care care;
  int starts = 0;
  for (; starts < 20; ++starts) {
    AttemptsState state;
    state.care = care;
    state = apply(state, CrashFound{1, fast(0)}).state;
    care = state.care;
    if (state.phase == AttemptsPhase::over) break;
    EXPECT_EQ(apply(state, FirstAttempt{2}).command, AttemptCommand::begin);
  }
  EXPECT_EQ(starts, 2) << "the third crash";
  EXPECT_EQ(care.crashes, 0) << "somebody who starts it again may try";
}

}  // namespace care_test
}  // namespace rideflow
