#include "runtime/posix_exit.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>

#include "runtime/posix_process.h"

namespace rideflow {
namespace {

constexpr int kStepMs = 50;
constexpr int kStoppedBySignal = 130;

// Standard error may be what holds the process.
void say(const std::string& text) {
  pollfd fd = {STDERR_FILENO, POLLOUT, 0};
  if (::poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0) {
    [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
  }
}

}  // namespace

ExitWatch::ExitWatch(int ms)
    : doing_("ending"), ms_(ms), code_(kStoppedBySignal), left_ms_(ms), thread_([this] { run(); }) {}

ExitWatch::~ExitWatch() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void ExitWatch::expect(std::string doing, int ms, int code, std::function<int64_t()> progress) {
  const std::lock_guard lock(mutex_);
  at_signal_ = false;
  doing_ = std::move(doing);
  ms_ = ms;
  code_ = code;
  left_ms_ = ms;
  progress_ = std::move(progress);
}

// Counts steps instead of reading a clock: a process that was suspended has not used up its time.
void ExitWatch::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::milliseconds(kStepMs), [this] { return over_; })) {
    if (at_signal_ && !stop_signal_received()) continue;
    if (progress_) {
      const int64_t now = progress_();
      if (now != seen_) left_ms_ = ms_ + kStepMs;
      seen_ = now;
    }
    left_ms_ -= kStepMs;
    if (left_ms_ > 0) continue;
    say(
        fmt::format("error: {} took longer than {} s: the process ends as it is. What was acknowledged is on "
                    "disk, and the next start goes on from the newest checkpoint\n",
                    doing_, ms_ / 1000.0));
    ::_exit(code_);
  }
}

}  // namespace rideflow
