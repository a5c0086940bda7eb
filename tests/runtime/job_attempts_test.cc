// What a failure is followed by, with values alone.
#include "runtime/job_attempts.h"

#include <gtest/gtest.h>

namespace rideflow {
namespace job_attempts_test {

constexpr Micros kSecond = kMicrosPerSecond;

Status full_disk() {
  return Status::external(Code::resource_exhausted, "no room");
}

AttemptsState begun(RestartPolicy policy = {}) {
  AttemptsState state;
  state.policy = policy;
  AttemptDecision d = apply(state, FirstAttempt{100});
  EXPECT_EQ(d.command, AttemptCommand::begin);
  EXPECT_EQ(d.state.number, 1);
  return d.state;
}

AttemptDecision fail(const AttemptsState& state, Micros now, const Status& status = full_disk(),
                     uint64_t random = 0) {
  return apply(state, AttemptFailed{now, status, random});
}

// From the pause to the next attempt.
AttemptsState again(const AttemptsState& state) {
  EXPECT_EQ(state.phase, AttemptsPhase::pausing);
  EXPECT_EQ(apply(state, PauseLooked{state.next_at - 1}).command, AttemptCommand::none);
  AttemptDecision d = apply(state, PauseLooked{state.next_at});
  EXPECT_EQ(d.command, AttemptCommand::begin);
  EXPECT_EQ(d.state.number, state.number + 1);
  return d.state;
}

// A full disk, brokers that are away: it passes. Somebody's mistake, or damage: it does not.
TEST(JobAttempts, OnlyWhatMayPassIsTriedAgain) {
  EXPECT_FALSE(may_pass(Status()));
  for (const Code code : {Code::unavailable, Code::resource_exhausted}) {
    EXPECT_TRUE(may_pass(Status::external(code, "x")));
    EXPECT_FALSE(may_pass(Status::user(code, "x")));
  }
  for (const Code code : {Code::data_loss, Code::not_found, Code::permission_denied, Code::out_of_range,
                          Code::failed_precondition, Code::invalid_argument}) {
    EXPECT_FALSE(may_pass(Status::external(code, "x")));
    EXPECT_TRUE(may_pass(Status::external(code, "x", Retry::backoff)));
    EXPECT_FALSE(may_pass(Status::user(code, "x")));
    EXPECT_FALSE(may_pass(Status(code, Blame::user, Retry::backoff, "x")));
  }
  EXPECT_TRUE(may_pass(Status::internal("x")));
}

TEST(JobAttempts, AMistakeEndsTheJobAtOnceInItsOwnWords) {
  const AttemptDecision d = fail(begun(), 200, Status::user(Code::invalid_argument, "bad"));
  EXPECT_EQ(d.state.phase, AttemptsPhase::over);
  EXPECT_EQ(d.state.failure->message(), "bad");
  EXPECT_EQ(d.state.history.front().cause.message(), "bad");
}

TEST(JobAttempts, PausesGrowUpToTheLongest) {
  RestartPolicy policy;
  policy.max_failures = RestartPolicy::kUnlimited;
  AttemptsState state = begun(policy);
  std::vector<int64_t> pauses;
  Micros now = 200;
  for (int i = 0; i < 8; ++i) {
    state = fail(state, now).state;
    pauses.push_back((state.next_at - now) / kSecond);
    now = state.next_at;
    state = again(state);
  }
  EXPECT_EQ(pauses, (std::vector<int64_t>{1, 2, 4, 8, 16, 32, 60, 60}));
}

TEST(JobAttempts, ChanceShortensAPauseByAQuarterAtMost) {
  const auto pause = [](uint64_t random) {
    return fail(begun(), 200, full_disk(), random).state.next_at - 200;
  };
  EXPECT_EQ(pause(0), kSecond);
  EXPECT_NEAR(static_cast<double>(pause(UINT64_MAX)), 0.75 * kSecond, 2);
  EXPECT_NEAR(static_cast<double>(pause(uint64_t{1} << 63)), 0.875 * kSecond, 2);
}

TEST(JobAttempts, AJobThatWasWellBeginsWithTheFirstPause) {
  AttemptsState state = begun();
  for (int i = 0; i < 3; ++i) state = again(fail(state, state.next_at + 10).state);
  EXPECT_EQ(state.pause, 4 * kSecond);
  const Micros began = state.history.front().started_at;
  EXPECT_EQ(fail(state, began + 59 * kSecond).state.pause, 8 * kSecond);
  EXPECT_EQ(fail(state, began + 60 * kSecond).state.pause, kSecond);
}

TEST(JobAttempts, FailuresWithinATimeAreCapped) {
  RestartPolicy policy;
  policy.max_failures = 3;
  policy.within = 100 * kSecond;
  AttemptsState state = begun(policy);
  for (int i = 0; i < 3; ++i) state = again(fail(state, state.next_at + 10).state);
  // Long enough after the others it is the first one of its time.
  EXPECT_EQ(fail(state, state.next_at + 1'000 * kSecond).state.phase, AttemptsPhase::pausing);
  const AttemptDecision d = fail(state, state.next_at + 10);
  EXPECT_EQ(d.state.phase, AttemptsPhase::over);
  EXPECT_EQ(d.state.failure->to_string(),
            "the job failed 4 times within 100.0 s and is not started again (`restart:` in the job says "
            "when); the last time: no room");
  EXPECT_EQ(d.state.failure->code(), Code::resource_exhausted);
  EXPECT_EQ(d.state.history.size(), 4u);
}

TEST(JobAttempts, NeverIsNever) {
  RestartSpec never;
  never.max_failures = 0;
  const AttemptDecision d = fail(begun(with_job({}, never)), 200);
  EXPECT_EQ(d.state.phase, AttemptsPhase::over);
  EXPECT_EQ(d.state.failure->message(), "no room");
}

TEST(JobAttempts, TheJobsWordsComeBeforeTheProcess) {
  RestartSpec job;
  job.first_pause = 120 * kSecond;
  job.within = 5 * kSecond;
  RestartPolicy process;
  process.max_failures = 7;
  const RestartPolicy policy = with_job(process, job);
  EXPECT_EQ(policy.max_failures, 7);
  EXPECT_EQ(policy.within, 5 * kSecond);
  EXPECT_EQ(policy.first_pause, 120 * kSecond);
  EXPECT_EQ(policy.longest_pause, 120 * kSecond);
}

// A mistake of ours may depend on the moment; in the same words three times in a row it does not.
TEST(JobAttempts, AMistakeOfOursThatComesAgainAndAgainEndsTheJob) {
  RestartPolicy policy;
  policy.max_failures = RestartPolicy::kUnlimited;
  AttemptsState state = begun(policy);
  for (int i = 0; i < 2; ++i) state = again(fail(state, state.next_at + 10, Status::internal("x")).state);
  AttemptsState other = again(fail(state, state.next_at + 10, Status::internal("y")).state);
  EXPECT_EQ(fail(other, other.next_at + 10, Status::internal("x")).state.phase, AttemptsPhase::pausing);
  const AttemptDecision d = fail(state, state.next_at + 10, Status::internal("x"));
  EXPECT_EQ(d.state.phase, AttemptsPhase::over);
  EXPECT_EQ(d.state.failure->message().find("the job failed 3 times in a row in the same way"), 0u);
}

TEST(JobAttempts, AStopIsNotFollowedByAnAttempt) {
  // While it runs: the attempt is asked, and what it says then is the end.
  AttemptDecision d = apply(begun(), JobStopAsked{150});
  EXPECT_EQ(d.command, AttemptCommand::stop);
  EXPECT_EQ(apply(d.state, JobStopAsked{151}).command, AttemptCommand::none);
  EXPECT_EQ(fail(d.state, 200).state.phase, AttemptsPhase::over);
  d = apply(d.state, AttemptEnded{200});
  EXPECT_EQ(d.state.phase, AttemptsPhase::over);
  EXPECT_FALSE(d.state.failure);
  // Between two attempts: at once, and the failure is what is left to say.
  d = apply(fail(begun(), 200).state, JobStopAsked{300});
  EXPECT_EQ(d.state.phase, AttemptsPhase::over);
  EXPECT_TRUE(d.state.failure);
  EXPECT_EQ(apply(d.state, PauseLooked{kEndOfTime}).command, AttemptCommand::none);
}

TEST(JobAttempts, TheHistoryTellsTheNewestTwenty) {
  RestartPolicy policy;
  policy.max_failures = RestartPolicy::kUnlimited;
  AttemptsState state = begun(policy);
  for (int i = 0; i < 30; ++i) state = again(fail(state, state.next_at + 10).state);
  ASSERT_EQ(state.history.size(), 20u);
  EXPECT_EQ(state.history.front().number, 31);
  EXPECT_EQ(state.history.front().ended_at, 0);
  EXPECT_EQ(state.history[1].cause.message(), "no room");
}

}  // namespace job_attempts_test
}  // namespace rideflow
