#include "runtime/posix_exit.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <utility>

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

ExitWatch::ExitWatch(int ms, int progress_ms)
    : doing_("ending"),
      ms_(ms),
      code_(kStoppedBySignal),
      left_ms_(ms),
      progress_left_ms_(progress_ms),
      thread_([this] { run(); }) {}

ExitWatch::~ExitWatch() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void ExitWatch::expect(std::string doing, int code, std::function<int64_t()> progress) {
  const std::lock_guard lock(mutex_);
  begun_ = true;
  doing_ = std::move(doing);
  code_ = code;
  progress_ = std::move(progress);
}

int ExitWatch::left_ms() {
  const std::lock_guard lock(mutex_);
  return left_ms_;
}

// Counts steps instead of reading a clock: a process that was suspended has not used up its time.
void ExitWatch::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::milliseconds(kStepMs), [this] { return over_; })) {
    if (!begun_ && !stop_signal_received()) continue;
    const int64_t now = progress_ ? progress_() : seen_;
    const bool goes_on = now != std::exchange(seen_, now) && progress_left_ms_ > 0;
    (goes_on ? progress_left_ms_ : left_ms_) -= kStepMs;
    if (left_ms_ > 0) continue;
    say(fmt::format(
        "error: {} takes longer than a stop may ({} s in all): the process ends as it is. What was "
        "acknowledged is on disk, and the next start goes on from the newest checkpoint\n",
        doing_, ms_ / 1000.0));
    ::_exit(code_);
  }
}

}  // namespace rideflow
