#include "topics/retention.h"

#include <algorithm>
#include <functional>

namespace rideflow {
namespace {

// Records may carry any time: the difference may not fit.
bool is_later_by(Micros a, Micros b, int64_t by) {
  Micros difference = 0;
  return a > b && (__builtin_sub_overflow(a, b, &difference) || difference > by);
}

}  // namespace

ClockReading RetentionClock::read(Env& env) {
  const std::lock_guard lock(mutex_);
  ClockReading now;
  now.wall = env.now();
  now.monotonic = env.monotonic();
  const Micros offset = now.wall - now.monotonic;
  const bool jumped = offset > offset_ + kJump || offset < offset_ - kJump;
  if (!started_ || jumped) {
    if (started_) {
      env.warn("clock_jumped", {{"by_seconds", std::to_string((offset - offset_) / kMicrosPerSecond)},
                                {"effect", "topics delete nothing by age for an hour"}});
    }
    steady_since_ = now.monotonic;
    started_ = true;
  }
  offset_ = offset;
  now.steady_for = now.monotonic - steady_since_;
  return now;
}

int64_t age_of(const WrittenAt& written, const ClockReading& clock, int64_t retention_micros) {
  if (written.monotonic) return clock.monotonic - *written.monotonic;
  if (clock.steady_for < std::min(kSettle, retention_micros)) return 0;
  return std::max<int64_t>(0, clock.wall - written.wall);
}

Micros record_time(Micros newest_record, const WrittenAt& written, const ClockReading& clock) {
  return newest_record <= clock.wall ? newest_record : std::min(clock.wall, written.wall);
}

void ReadPositions::set(const std::string& reader, std::vector<ReadPosition> positions) {
  const std::lock_guard lock(mutex_);
  readers_[reader] = std::move(positions);
}

std::optional<ReadPositions::Unread> ReadPositions::least(const TopicIdentity& topic,
                                                          Partition partition) const {
  const std::lock_guard lock(mutex_);
  std::optional<Unread> found;
  for (const auto& [reader, positions] : readers_) {
    for (const ReadPosition& at : positions) {
      if (at.partition != partition || !is_same_topic(at.topic, topic)) continue;
      if (found && found->from <= at.offset) continue;
      found = Unread{at.offset, reader};
    }
  }
  return found;
}

std::optional<Deletion> next_deletion(
    const TopicFacts& facts, const TopicConfig& limits, const ClockReading& clock,
    const std::function<std::optional<ReadPositions::Unread>(Partition)>& unread) {
  std::vector<size_t> order(facts.oldest.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return facts.oldest[a].written.wall < facts.oldest[b].written.wall;
  });
  const bool too_large = limits.retention_bytes > 0 && facts.bytes > limits.retention_bytes;
  std::optional<Deletion> held;
  for (const size_t i : order) {
    const OldestSegment& segment = facts.oldest[i];
    const int64_t retention = limits.retention_micros;
    const bool too_old = retention > 0 && age_of(segment.written, clock, retention) > retention &&
                         is_later_by(facts.newest_record,
                                     record_time(segment.newest_record, segment.written, clock), retention);
    if (!too_old && !too_large) continue;
    const auto reader = unread(segment.partition);
    if (!reader || reader->from >= segment.end_offset)
      return Deletion{i, too_old ? "older than the retention" : "the topic is larger than its limit", {}};
    if (!held) held = Deletion{i, "the topic is larger than twice its limit", reader->by};
  }
  const bool far_too_large = too_large && facts.bytes / kUnreadFactor > limits.retention_bytes;
  return far_too_large ? held : std::nullopt;
}

}  // namespace rideflow
