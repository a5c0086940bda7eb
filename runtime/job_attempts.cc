#include "runtime/job_attempts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rideflow {
namespace {

constexpr size_t kAttemptHistory = 20;
// A mistake of ours that shows itself so often in the same words does not depend on the moment.
constexpr int kAlike = 3;
// The process has died so often in this job, and no record is suspected: others shall live. Or so often
// whatever is suspected.
constexpr int kCrashes = 3;
constexpr int kMostCrashes = 8;

std::string seconds(int64_t micros) {
  return fmt::format("{:.1f} s", static_cast<double>(micros) / kMicrosPerSecond);
}

// Between three quarters of it and all, so that what failed together does not come back together.
int64_t shortened(int64_t pause, uint64_t random) {
  const double chance = static_cast<double>(random >> 11) / static_cast<double>(uint64_t{1} << 53);
  return pause - static_cast<int64_t>(static_cast<double>(pause) / 4 * chance);
}

class ApplyAttempt {
 public:
  explicit ApplyAttempt(AttemptsState state) { out_.state = std::move(state); }
  AttemptDecision take() { return std::move(out_); }

  void operator()(const FirstAttempt& e) { begin(e.now); }

  // There is no pause: whoever started the process again has made one.
  void operator()(const CrashFound& e) {
    AttemptsState& s = out_.state;
    const Status died = Status::internal("the process died while it ran this job");
    s.history.insert(s.history.begin(), {0, e.now, e.now, died});
    ++s.care.crashes;
    if (look_for_records(e.evidence, died)) return;
    if (s.care.crashes < (suspects_records() ? kMostCrashes : kCrashes)) return;
    s.failure = died;
    give_up(fmt::format("ended its process {} times in a row", std::exchange(s.care.crashes, 0)));
    s.phase = AttemptsPhase::over;
  }

  void operator()(const AttemptEnded& e) {
    AttemptsState& s = out_.state;
    s.care = after_reading(std::move(s.care));
    s.care.crashes = s.care.barren = 0;
    if (!s.history.empty()) s.history.front().ended_at = e.now;
    s.failure.reset();
    s.phase = AttemptsPhase::over;
  }

  void operator()(const AttemptFailed& e) {
    AttemptsState& s = out_.state;
    const Micros lasted = s.history.empty() ? 0 : e.now - s.history.front().started_at;
    if (!s.history.empty()) {
      s.history.front().ended_at = e.now;
      s.history.front().cause = e.status;
    }
    // An attempt that went well for so long has outlived what failed the ones before.
    if (lasted >= s.policy.longest_pause) s.pause = s.care.crashes = s.care.in_a_row = 0;
    const bool same = s.failure && s.failure->to_string() == e.status.to_string() && s.pause > 0;
    s.alike = e.status.blame() == Blame::internal ? (same ? s.alike + 1 : 1) : 0;
    s.failure = e.status;
    s.phase = AttemptsPhase::over;
    if (s.stop_requested || !may_pass(e.status) || s.policy.max_failures == 0) return;
    if (look_for_records(e.evidence, e.status)) return;
    if (s.alike >= kAlike && !suspects_records()) {
      return give_up(fmt::format("failed {} times in a row in the same way", s.alike));
    }
    std::erase_if(s.failures, [&](Micros at) { return at < e.now - s.policy.within; });
    s.failures.push_back(e.now);
    const auto failures = static_cast<int64_t>(s.failures.size());
    if (s.policy.max_failures != RestartPolicy::kUnlimited && failures > s.policy.max_failures) {
      return give_up(fmt::format("failed {} times within {}", failures, seconds(s.policy.within)));
    }
    s.pause = s.pause == 0 ? s.policy.first_pause : std::min(2 * s.pause, s.policy.longest_pause);
    s.next_at = e.now + shortened(s.pause, e.random);
    s.phase = AttemptsPhase::pausing;
  }

  void operator()(const PauseLooked& e) {
    if (out_.state.phase != AttemptsPhase::pausing || e.now < out_.state.next_at) return;
    begin(e.now);
  }

  void operator()(const JobStopAsked&) {
    AttemptsState& s = out_.state;
    if (s.stop_requested) return;
    s.stop_requested = true;
    if (s.phase == AttemptsPhase::running) out_.command = AttemptCommand::stop;
    // Between two attempts: what is behind the newest checkpoint is done by the next start.
    if (s.phase == AttemptsPhase::pausing) s.phase = AttemptsPhase::over;
  }

 private:
  void begin(Micros now) {
    AttemptsState& s = out_.state;
    s.phase = AttemptsPhase::running;
    s.history.insert(s.history.begin(), {++s.number, now, 0, {}});
    if (s.history.size() > kAttemptHistory) s.history.pop_back();
    out_.command = AttemptCommand::begin;
  }

  // Worth another attempt: it reads with care, and none before has done so for nothing.
  bool suspects_records() const { return out_.state.care.careful() && out_.state.care.barren == 0; }

  // How the next attempt reads. True: a record was found to blame, and the job is to stop there.
  bool look_for_records(const Evidence& evidence, const Status& failure) {
    AttemptsState& s = out_.state;
    CareAfter after = after_failure(std::move(s.care), evidence, failure);
    s.care = std::move(after.care);
    if (!after.found) return false;
    const std::string record =
        fmt::format("{}, read by '{}'", to_string(after.found->record), after.found->record.source);
    const bool too_many = s.care.in_a_row > kMostInARow;
    if (s.policy.poison == Poison::stop || too_many) {
      s.care.set_aside.pop_back();
      s.failure = failure;
      give_up(too_many ? fmt::format("failed at {} records in a row, the last of them {},", s.care.in_a_row,
                                     record)
                       : fmt::format("failed {} times at {},", kFailuresAtARecord, record));
      s.care.in_a_row = 0;
      s.phase = AttemptsPhase::over;
      return true;
    }
    s.alike = 0;
    s.pause = 0;
    const Status told(failure.code(), failure.blame(), failure.retry(),
                      fmt::format("{}; {} is set aside", failure.to_string(), record));
    s.failure = told;
    if (!s.history.empty()) s.history.front().cause = told;
    return false;
  }

  void give_up(const std::string& why) {
    AttemptsState& s = out_.state;
    const Status& last = *s.failure;
    s.failure = Status(last.code(), last.blame(), Retry::no,
                       fmt::format("the job {} and is not started again (`restart:` in the job says when); "
                                   "the last time: {}",
                                   why, last.to_string()));
  }

  AttemptDecision out_;
};

}  // namespace

RestartPolicy with_job(RestartPolicy policy, const RestartSpec& job) {
  policy.max_failures = job.max_failures.value_or(policy.max_failures);
  policy.within = job.within.value_or(policy.within);
  policy.first_pause = job.first_pause.value_or(policy.first_pause);
  policy.longest_pause = job.longest_pause.value_or(std::max(policy.longest_pause, policy.first_pause));
  policy.first_pause = std::min(policy.first_pause, policy.longest_pause);
  policy.poison = job.poison.value_or(policy.poison);
  return policy;
}

bool may_pass(const Status& failure) {
  if (failure.ok() || failure.blame() == Blame::user) return false;
  if (failure.retry() == Retry::backoff || failure.blame() == Blame::internal) return true;
  return failure.code() == Code::unavailable || failure.code() == Code::resource_exhausted;
}

AttemptDecision apply(AttemptsState state, const AttemptEvent& event) {
  if (state.phase == AttemptsPhase::over) return {std::move(state), AttemptCommand::none};
  ApplyAttempt apply(std::move(state));
  std::visit(apply, event);
  return apply.take();
}

std::string pause_text(const AttemptsState& state, Micros now) {
  return fmt::format("{}; it is started again from its newest checkpoint in {}", state.failure->to_string(),
                     seconds(std::max<int64_t>(0, state.next_at - now)));
}

}  // namespace rideflow
