// The world of tests and simulations: time moves only when told, the disk is VirtualFs, randomness comes from
// a seed, background work runs when the test steps it, logs are kept to be looked at.
//
// The same code under the same seed and the same steps does the same. Thread-safety: as Env; step_offload()
// and run_offload() run work on the caller's thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "engine/env.h"
#include "engine/virtual_fs.h"

namespace rideflow {

struct LogLine {
  LogLevel level = LogLevel::info;
  std::string event;
  std::vector<std::pair<std::string, std::string>> fields;
  // The value of a field; "" when absent.
  std::string field(std::string_view key) const;
};
std::string to_string(const LogLine& line);  // "warn event key=value"

class VirtualEnv : public Env {
 public:
  // Starts at 2026-01-01T00:00:00Z.
  static constexpr Micros kStart = 1'767'225'600 * kMicrosPerSecond;
  explicit VirtualEnv(uint64_t seed = 1, Micros start = kStart);
  ~VirtualEnv() override;

  Micros now() override;
  Micros monotonic() override;
  int64_t cpu_nanos() override;
  uint64_t random() override;
  VirtualFs& fs() override { return fs_; }
  using Env::offload;
  std::shared_ptr<Completion> offload(std::function<Status()> work, Lane lane) override;
  void log(LogLevel level, std::string_view event, std::span<const LogField> fields) override;
  void kill_point(std::string_view name) override;

  // Both clocks move forward.
  void advance(int64_t micros);
  // The wall clock alone jumps, in any direction.
  void jump_wall_clock(int64_t micros);

  // Auto: offload() runs its work at once. Off (the default): work waits for step_offload().
  void set_auto_offload(bool on);
  // Runs the oldest waiting piece, or a random one; false when none waits.
  bool step_offload(bool random_order = false);
  // Runs all, also what is added meanwhile. Returns how many.
  int run_offload();
  size_t waiting_offload() const;
  // What a crash does to background work: it never ends.
  void drop_offload();

  std::vector<LogLine> logs() const;
  std::vector<LogLine> logs(std::string_view event) const;

  // The process dies (VirtualFs::die_now) at the n-th pass of the point, counted from now.
  void kill_at(const std::string& name, int64_t n);
  // How often each point was passed.
  std::map<std::string, int64_t> kill_points() const;

 private:
  class Work;
  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  Micros wall_;
  Micros monotonic_ = 0;
  VirtualFs fs_;
  bool auto_offload_ = false;
  std::deque<std::shared_ptr<Work>> waiting_;
  std::vector<LogLine> logs_;
  std::map<std::string, int64_t> passes_;
  std::map<std::string, int64_t> kill_at_;
};

}  // namespace rideflow
