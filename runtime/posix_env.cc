#include "runtime/posix_env.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/posix_fs.h"

namespace rideflow {
namespace {

int64_t read_clock(clockid_t clock) {
  timespec t = {};
  ::clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

class Work : public Completion {
 public:
  explicit Work(std::function<Status()> work) : work_(std::move(work)) {}
  bool done() const override { return done_.load(std::memory_order_acquire); }
  Status status() const override { return status_; }
  void run() {
    try {
      status_ = work_();
    } catch (const std::exception& e) {
      status_ = Status::internal(fmt::format("Background work threw: {}", e.what()));
    }
    end();
  }
  // Instead of run().
  void refuse(Status why) {
    status_ = std::move(why);
    end();
  }

 private:
  void end() {
    work_ = nullptr;
    done_.store(true, std::memory_order_release);
    notify();
  }

  std::function<Status()> work_;
  Status status_;
  std::atomic<bool> done_{false};
};

bool names_a_secret(std::string_view key) {
  static constexpr std::array<std::string_view, 6> kWords = {"password", "passwd",     "secret",
                                                             "token",    "credential", "authorization"};
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

void append_value(std::string& line, std::string_view value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '=' && c != '\\' && c != 0x7f;
  });
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      line += c;
    }
  }
  line += '"';
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n <= 0) return;  // nobody is left to be told
    text.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

std::string format_log_line(Micros time, LogLevel level, std::string_view event,
                            std::span<const LogField> fields) {
  static constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn", "error"};
  const time_t seconds = time / kMicrosPerSecond;
  tm parts = {};
  ::gmtime_r(&seconds, &parts);
  std::string line = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z {} {}", parts.tm_year + 1900,
                                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                                 time / 1000 % 1000, kNames[static_cast<size_t>(level)], event);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, names_a_secret(field.key) ? "***" : field.value);
  }
  return line;
}

class PosixEnv::Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this] { run(); });
  }

  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void add(std::shared_ptr<Work> work) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(work));
    }
    wake_.notify_one();
  }

  bool runs() const { return running_.load() > 0; }
  int64_t ended() const { return ended_.load(); }

 private:
  void run() {
    while (true) {
      std::shared_ptr<Work> work;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      running_.fetch_add(1);
      work->run();
      running_.fetch_sub(1);
      ended_.fetch_add(1);
    }
  }

  std::atomic<int64_t> running_{0};
  std::atomic<int64_t> ended_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Work>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// A thread for each piece of work, so that one that waits for ever is in nobody's way.
class PosixEnv::Waiters : public std::enable_shared_from_this<Waiters> {
 public:
  void add(std::shared_ptr<Work> work) {
    {
      const std::lock_guard lock(mutex_);
      ++running_;
    }
    try {
      std::thread([self = shared_from_this(), work]() mutable {
        work->run();
        work = nullptr;  // what it held is gone before it counts as ended
        self->end_one();
      }).detach();
    } catch (const std::system_error& e) {
      work->refuse(Status::external(Code::resource_exhausted,
                                    fmt::format("no thread for background work: {}", e.what()),
                                    Retry::backoff));
      end_one();
    }
  }

  bool wait(int timeout_ms) {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return running_ == 0; });
  }
  void wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  void end_one() {
    const std::lock_guard lock(mutex_);
    --running_;
    ended_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  int64_t running_ = 0;
};

PosixEnv::PosixEnv(PosixEnvOptions options)
    : options_(std::move(options)),
      fs_(make_posix_fs()),
      pool_(std::make_unique<Pool>(options_.offload_threads)),
      waiters_(std::make_shared<Waiters>()) {
  const char* kill_at = std::getenv("RIDEFLOW_KILL_AT");
  if (!kill_at || !*kill_at) return;
  const std::string_view text = kill_at;
  const size_t colon = text.rfind(':');
  const std::string_view count = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  int64_t n = 0;
  const auto parsed = std::from_chars(count.data(), count.data() + count.size(), n);
  if (count.empty() || parsed.ec != std::errc() || parsed.ptr != count.data() + count.size() || n < 1) {
    write_all(2, fmt::format("RIDEFLOW_KILL_AT is '{}': it must be <point>:<n>, n from 1.\n", text));
    ::_exit(2);
  }
  kill_name_ = text.substr(0, colon);
  kill_passes_left_ = n;
}

PosixEnv::~PosixEnv() {
  pool_.reset();  // its last pieces may hand over more
  waiters_->wait();
}

Micros PosixEnv::now() {
  return read_clock(CLOCK_REALTIME) / 1000;
}

Micros PosixEnv::monotonic() {
  return read_clock(CLOCK_MONOTONIC) / 1000;
}

int64_t PosixEnv::cpu_nanos() {
  return cycles_.nanos();
}

uint64_t PosixEnv::random() {
  uint64_t value = 0;
  size_t have = 0;
  while (have < sizeof(value)) {
    const ssize_t n = ::getrandom(reinterpret_cast<char*>(&value) + have, sizeof(value) - have, 0);
    if (n > 0) have += static_cast<size_t>(n);
  }
  return value;
}

std::shared_ptr<Completion> PosixEnv::offload(std::function<Status()> work, Lane lane) {
  auto item = std::make_shared<Work>(std::move(work));
  if (lane == Lane::others) {
    waiters_->add(item);
  } else {
    pool_->add(item);
  }
  return item;
}

bool PosixEnv::settle(int timeout_ms) {
  return waiters_->wait(timeout_ms);
}

int64_t PosixEnv::disk_progress() {
  return pool_->runs() ? monotonic() : pool_->ended();
}

void PosixEnv::log(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  if (level < options_.log_level) return;
  std::string line = format_log_line(now(), level, event, fields);
  line += '\n';
  if (options_.log_sink) {
    options_.log_sink(line);
  } else {
    write_all(2, line);
  }
}

void PosixEnv::kill_point(std::string_view name) {
  if (kill_name_.empty() || name != kill_name_) return;
  if (kill_passes_left_.fetch_sub(1) == 1) ::_exit(137);
}

}  // namespace rideflow
