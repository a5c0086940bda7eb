#include "runtime/job_attempts.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {
namespace {

constexpr size_t kAttemptHistory = 20;
// A mistake of ours that shows itself so often in the same words does not depend on the moment.
constexpr int kAlike = 3;

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

  void operator()(const AttemptEnded& e) {
    AttemptsState& s = out_.state;
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
    if (lasted >= s.policy.longest_pause) s.pause = 0;
    const bool same = s.failure && s.failure->to_string() == e.status.to_string() && s.pause > 0;
    s.alike = e.status.blame() == Blame::internal ? (same ? s.alike + 1 : 1) : 0;
    s.failure = e.status;
    s.phase = AttemptsPhase::over;
    if (s.stop_requested || !may_pass(e.status) || s.policy.max_failures == 0) return;
    if (s.alike >= kAlike) {
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
