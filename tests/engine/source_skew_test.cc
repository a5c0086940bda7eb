// Pausing by max_skew: a model of a few partitions through every order of rows, pauses, restarts, ends and
// new partitions. Whatever happened, nobody waits for one that waits itself, and in the end all rows are read
// or what holds them is named.
#include <fmt/format.h>

#include <random>

#include "tests/engine/log_source.h"
#include "tests/support/long_run.h"

namespace rideflow {
namespace source_skew_test {

using test::kSecond;
constexpr Micros kHour = 3600 * kSecond;

enum class Act : uint8_t { rows, wait, restart, end, silence, new_partition };
struct Action {
  Act act = Act::wait;
  int32_t partition = 0;
  Micros time = 0;
};

std::string to_string(const std::vector<Action>& actions) {
  static constexpr std::string_view kNames[] = {"rows", "wait", "restart", "end", "silence", "new_partition"};
  std::string text;
  for (const Action& a : actions) {
    text += fmt::format("{}({}, {} s) ", kNames[static_cast<size_t>(a.act)], a.partition, a.time / kSecond);
  }
  return text;
}

class Model {
 public:
  Model(size_t partitions, int32_t parallelism, Micros out_of_order, Micros idle_after)
      : parallelism_(parallelism) {
    log_.times.resize(partitions);
    read_.resize(partitions);
    source_.node.event_time.out_of_order = out_of_order;
    source_.node.event_time.idle_after = idle_after;
    start({});
  }

  void run(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      carry_out(action);
      for (size_t i = 0; i < shards_.size(); ++i) step(i, 1);
    }
  }

  // Time goes on until everything is read; false when something never is.
  bool drain() {
    for (int tick = 0; tick < 60; ++tick) {
      for (size_t i = 0; i < shards_.size(); ++i) {
        for (int k = 0; k < 20 && step(i, 100); ++k) {
        }
      }
      if (unread().empty()) return true;
      env_.advance(11 * kSecond);
    }
    return false;
  }

  // Partitions with rows that nobody has read.
  std::vector<int32_t> unread() const {
    std::vector<int32_t> all;
    for (size_t p = 0; p < log_.times.size(); ++p) {
      if (read_[p].rows < log_.times[p].size()) all.push_back(static_cast<int32_t>(p));
    }
    return all;
  }
  bool silent(int32_t p) const { return log_.silent.count(p) > 0; }
  // Of the views that the console shows.
  std::optional<Partition> named_for(int32_t p) const {
    for (const auto& shard : shards_) {
      for (const auto& view : shard->driver->partition_views()) {
        if (view.partition.value == p) return view.waits_for;
      }
    }
    return std::nullopt;
  }
  size_t warnings() const { return env_.logs("source_paused").size(); }
  const std::string& broken() const { return broken_; }

 private:
  struct Shard1 {
    SourceMetrics metrics;
    std::unique_ptr<SourceDriver> driver;
    bool ended = false;
  };
  struct Read {
    size_t rows = 0;
    Micros max = kNoTime;
  };

  void start(const std::vector<std::string>& snapshots) {
    shards_.clear();
    const auto peers = std::make_shared<SourcePeers>(static_cast<size_t>(parallelism_));
    for (int32_t i = 0; i < parallelism_; ++i) {
      auto shard = std::make_unique<Shard1>();
      shard->driver = std::make_unique<SourceDriver>(source_.node, "log", make_schema({}), &shard->metrics);
      if (parallelism_ > 1) shard->driver->set_peers(peers, static_cast<size_t>(i));
      OpenContext context;
      context.env = &env_;
      context.shard = Shard(i);
      context.parallelism = parallelism_;
      const Status opened = shard->driver->open(context, snapshots);
      if (!opened.ok()) broken_ = opened.to_string();
      shards_.push_back(std::move(shard));
    }
  }

  void carry_out(const Action& action) {
    const auto p = static_cast<size_t>(action.partition) % log_.times.size();
    const auto id = static_cast<int32_t>(p);
    switch (action.act) {
      case Act::rows:
        if (log_.ended.count(id) == 0) {
          for (int i = 0; i < 3; ++i) log_.times[p].push_back(VirtualEnv::kStart + action.time + i * kSecond);
        }
        break;
      case Act::wait:
        env_.advance(3 * kSecond);
        for (size_t i = 0; i < shards_.size(); ++i) step(i, 1);
        env_.advance(3 * kSecond);
        break;
      case Act::restart: {
        std::vector<std::string> snapshots;
        for (const auto& shard : shards_) snapshots.push_back(shard->driver->snapshot());
        parallelism_ = parallelism_ % 3 + 1;
        start(snapshots);
        break;
      }
      case Act::end:
        log_.ended.insert(id);
        break;
      case Act::silence:
        if (!log_.silent.erase(id)) log_.silent.insert(id);
        break;
      case Act::new_partition:
        log_.times.emplace_back();
        read_.emplace_back();
        break;
    }
  }

  // One step of one task, as Task does it. True when it worked.
  bool step(size_t i, int32_t budget) {
    Shard1& shard = *shards_[i];
    if (shard.ended) return false;
    SourceBatch batch;
    const auto state = shard.driver->step(budget, batch);
    if (!state.ok()) {
      broken_ = state.status().to_string();
      return false;
    }
    check_lateness(batch.rows);
    check_waits(shard);
    shard.ended = *state == SourceDriver::State::ended;
    shard.driver->tell_peers(shard.ended || !shard.driver->all_idle());
    return *state == SourceDriver::State::worked;
  }

  // Late is a function of what is in the partition; a floor only adds the reasons idle and new_partition.
  void check_lateness(const Batch& rows) {
    auto behind = rows.behind.begin();
    for (int32_t r = 0; r < rows.rows; ++r) {
      const auto p = static_cast<size_t>(rows.origin->partition.value);
      const Micros time = rows.event_times()[r];
      if (time != log_.times[p][read_[p].rows]) broken_ = fmt::format("partition {} skipped rows", p);
      ++read_[p].rows;
      const bool late = read_[p].max != kNoTime && time < read_[p].max - source_.node.event_time.out_of_order;
      read_[p].max = std::max(read_[p].max, time);
      const bool told = behind != rows.behind.end() && behind->row == r;
      if (late && !told) broken_ = fmt::format("a late row of partition {} was not told", p);
      if (told && !late && behind->reason == BehindReason::late) {
        broken_ = fmt::format("a row of partition {} is late and was not", p);
      }
      if (told) ++behind;
    }
  }

  void check_waits(Shard1& shard) {
    const SourceClock& clock = shard.driver->clock();
    for (size_t p = 0; p < log_.times.size(); ++p) {
      const auto slow = clock.waits_for(Partition(static_cast<int32_t>(p)), env_.monotonic());
      if (!slow) continue;
      if (clock.waits_for(*slow, env_.monotonic()))
        broken_ = fmt::format("{} waits and is waited for", slow->value);
      if (clock.is_idle(*slow)) broken_ = fmt::format("{} is idle and is waited for", slow->value);
    }
  }

  VirtualEnv env_;
  test::Log log_;
  test::LogSource source_{&log_};
  int32_t parallelism_;
  std::vector<Read> read_;  // by partition
  std::vector<std::unique_ptr<Shard1>> shards_;
  std::string broken_;
};

// Every row is read, or its partition is silent, or waits for one that is, and the view and a warning say so.
std::string verdict(Model& model) {
  const bool drained = model.drain();
  if (!model.broken().empty()) return model.broken();
  if (drained) return {};
  for (const int32_t p : model.unread()) {
    if (model.silent(p)) continue;
    const std::optional<Partition> slow = model.named_for(p);
    if (!slow) return fmt::format("partition {} is not read, and nothing says why", p);
    if (!model.silent(slow->value)) return fmt::format("partition {} waits for {}", p, slow->value);
    if (model.warnings() == 0) return "no warning";
  }
  return {};
}

TEST(SourceSkew, EveryOrderOfAFewEventsReadsAllRows) {
  const std::vector<Action> alphabet{{Act::rows, 0, 0}, {Act::rows, 0, 4 * kHour},
                                     {Act::rows, 1, 0}, {Act::rows, 1, 4 * kHour},
                                     {Act::wait, 0, 0}, {Act::restart, 0, 0}};
  const size_t length = test::long_or(size_t{4}, size_t{6});
  size_t orders = 1;
  for (size_t i = 0; i < length; ++i) orders *= alphabet.size();
  for (size_t order = 0; order < orders; ++order) {
    std::vector<Action> actions;
    for (size_t i = 0, rest = order; i < length; ++i, rest /= alphabet.size()) {
      actions.push_back(alphabet[rest % alphabet.size()]);
    }
    for (const int32_t parallelism : {1, 2}) {
      Model model(2, parallelism, order % 2 == 0 ? 0 : kHour, 2 * kSecond);
      model.run(actions);
      ASSERT_EQ(verdict(model), "") << to_string(actions) << ", parallelism " << parallelism;
    }
  }
}

TEST(SourceSkew, LongOrdersOfAllEventsReadAllRowsOrNameWhoHoldsThem) {
  for (uint64_t seed = 1; seed <= test::long_or(500U, 50'000U); ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Action> actions;
    for (int i = 0; i < 14; ++i) {
      const uint64_t draw = random() % 20;
      const auto partition = static_cast<int32_t>(random() % 4);
      // What ends doesn't grow.
      const Act act = draw < 11   ? Act::rows
                      : draw < 14 ? Act::wait
                      : draw < 16 ? Act::restart
                      : draw < 18 ? Act::silence
                      : seed % 2  ? Act::end
                                  : Act::new_partition;
      actions.push_back({act, partition, static_cast<Micros>(random() % 5) * kHour});
    }
    // Idling may be as good as off: what waits for a partition at its end still goes on.
    const Micros idle_after = seed % 3 == 0 ? 1000 * kHour : 2 * kSecond;
    Model model(1 + seed % 3, 1 + static_cast<int32_t>(random() % 3), seed % 5 == 0 ? 0 : kHour, idle_after);
    model.run(actions);
    ASSERT_EQ(verdict(model), "") << "seed " << seed << ": " << to_string(actions);
  }
}

}  // namespace source_skew_test
}  // namespace rideflow
