#include "engine/virtual_env.h"

#include <atomic>

namespace rideflow {

class VirtualEnv::Work : public Completion {
 public:
  explicit Work(std::function<Status()> work) : work_(std::move(work)) {}
  bool done() const override { return done_.load(std::memory_order_acquire); }
  Status status() const override { return status_; }
  void run() {
    status_ = work_();
    work_ = nullptr;
    done_.store(true, std::memory_order_release);
    notify();
  }

 private:
  std::function<Status()> work_;
  Status status_;
  std::atomic<bool> done_{false};
};

std::string LogLine::field(std::string_view key) const {
  for (const auto& [name, value] : fields) {
    if (name == key) return value;
  }
  return {};
}

std::string to_string(const LogLine& line) {
  static constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  std::string text(kNames[static_cast<size_t>(line.level)]);
  text += " " + line.event;
  for (const auto& [key, value] : line.fields) {
    text += " ";
    text += key;
    text += "=";
    text += value;
  }
  return text;
}

VirtualEnv::VirtualEnv(uint64_t seed, Micros start)
    : random_(seed), wall_(start), fs_(seed ^ 0x9e3779b97f4a7c15ULL, [this] { return now(); }) {}

VirtualEnv::~VirtualEnv() = default;

Micros VirtualEnv::now() {
  const std::lock_guard lock(mutex_);
  return wall_;
}

Micros VirtualEnv::monotonic() {
  const std::lock_guard lock(mutex_);
  return monotonic_;
}

int64_t VirtualEnv::cpu_nanos() {
  const std::lock_guard lock(mutex_);
  return monotonic_ * 1000;
}

uint64_t VirtualEnv::random() {
  const std::lock_guard lock(mutex_);
  return random_();
}

std::shared_ptr<Completion> VirtualEnv::offload(std::function<Status()> work, Lane) {
  auto item = std::make_shared<Work>(std::move(work));
  {
    const std::lock_guard lock(mutex_);
    if (!auto_offload_) {
      waiting_.push_back(item);
      return item;
    }
  }
  item->run();
  return item;
}

void VirtualEnv::log(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  LogLine line;
  line.level = level;
  line.event = event;
  for (const LogField& field : fields) line.fields.emplace_back(std::string(field.key), field.value);
  const std::lock_guard lock(mutex_);
  logs_.push_back(std::move(line));
}

void VirtualEnv::kill_point(std::string_view name) {
  bool die = false;
  {
    const std::lock_guard lock(mutex_);
    const int64_t pass = ++passes_[std::string(name)];
    const auto it = kill_at_.find(std::string(name));
    die = it != kill_at_.end() && it->second == pass;
  }
  if (die) fs_.die_now();
}

void VirtualEnv::advance(int64_t micros) {
  const std::lock_guard lock(mutex_);
  RF_CHECK(micros >= 0);
  wall_ += micros;
  monotonic_ += micros;
}

void VirtualEnv::jump_wall_clock(int64_t micros) {
  const std::lock_guard lock(mutex_);
  wall_ += micros;
}

void VirtualEnv::set_auto_offload(bool on) {
  const std::lock_guard lock(mutex_);
  auto_offload_ = on;
}

bool VirtualEnv::step_offload(bool random_order) {
  std::shared_ptr<Work> item;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return false;
    const size_t index = random_order ? random_() % waiting_.size() : 0;
    item = std::move(waiting_[index]);
    waiting_.erase(waiting_.begin() + static_cast<int64_t>(index));
  }
  item->run();
  return true;
}

int VirtualEnv::run_offload() {
  int count = 0;
  while (step_offload()) ++count;
  return count;
}

size_t VirtualEnv::waiting_offload() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void VirtualEnv::drop_offload() {
  std::deque<std::shared_ptr<Work>> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(waiting_);
}

std::vector<LogLine> VirtualEnv::logs() const {
  const std::lock_guard lock(mutex_);
  return logs_;
}

std::vector<LogLine> VirtualEnv::logs(std::string_view event) const {
  const std::lock_guard lock(mutex_);
  std::vector<LogLine> found;
  for (const LogLine& line : logs_) {
    if (line.event == event) found.push_back(line);
  }
  return found;
}

void VirtualEnv::kill_at(const std::string& name, int64_t n) {
  const std::lock_guard lock(mutex_);
  kill_at_[name] = passes_[name] + n;
}

std::map<std::string, int64_t> VirtualEnv::kill_points() const {
  const std::lock_guard lock(mutex_);
  return passes_;
}

}  // namespace rideflow
