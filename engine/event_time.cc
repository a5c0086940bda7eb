#include "engine/event_time.h"

#include <algorithm>

#include "engine/byte_codec.h"

namespace rideflow {
namespace {
constexpr Micros kIdleAdvanceStep = kMicrosPerSecond / 100;
}  // namespace

Micros SourceClock::own_watermark(const PartitionState& s) const {
  return s.max_event_time == kNoTime ? kNoTime : s.max_event_time - spec_.out_of_order;
}

void SourceClock::add_partition(Partition p, bool late_comer) {
  if (has_partition(p)) return;
  PartitionState state;
  if (late_comer && watermark_ != kNoTime) {
    state.floor = watermark_;
    state.floor_reason = BehindReason::new_partition;
  }
  partitions_[p.value] = state;
}

void SourceClock::wake(PartitionState& s) {
  if (!s.idle) return;
  s.idle = false;
  if (watermark_ > std::max(own_watermark(s), s.floor)) {
    s.floor = watermark_;
    s.floor_reason = BehindReason::idle;
  }
}

void SourceClock::on_rows(Partition p, const Micros* times, int32_t n, std::vector<BehindRow>& behind) {
  if (n == 0) return;
  PartitionState& s = partitions_[p.value];
  s.proven_since = kNoTime;
  wake(s);
  s.had_rows = true;
  Micros max = s.max_event_time;
  const Micros out_of_order = spec_.out_of_order;
  for (int32_t i = 0; i < n; ++i) {
    const Micros own = max == kNoTime ? kNoTime : max - out_of_order;
    const Micros before = std::max(own, s.floor);
    if (times[i] < before) [[unlikely]] {
      behind.push_back({i, before, own >= s.floor ? BehindReason::late : s.floor_reason});
    }
    max = std::max(max, times[i]);
  }
  s.max_event_time = max;
  recompute();
}

void SourceClock::on_activity(Partition p) {
  PartitionState& s = partitions_[p.value];
  s.proven_since = kNoTime;
  wake(s);
}

void SourceClock::on_proven_end(Partition p, Micros monotonic) {
  PartitionState& s = partitions_[p.value];
  if (s.proven_since == kNoTime) s.proven_since = monotonic;
  if (s.ended) return;
  if (s.idle) {
    s.allows = wanted();
    recompute();
  } else if (monotonic - s.proven_since >= spec_.idle_after) {
    s.idle = true;
    s.allows = wanted();
    recompute();
    if (all_idle()) {
      all_idle_since_ = monotonic;
      idle_base_ = watermark_;
    }
  }
}

void SourceClock::on_end(Partition p) {
  partitions_[p.value].ended = true;
  recompute();
}

void SourceClock::advance(Partition p, Micros time) {
  PartitionState& s = partitions_[p.value];
  s.max_event_time = std::max(s.max_event_time, time + spec_.out_of_order);
  s.had_rows = true;
  recompute();
}

Micros SourceClock::least_counted() const {
  Micros least = kEndOfTime;
  for (const auto& [id, s] : partitions_) {
    if (!s.idle && !s.ended) least = std::min(least, std::max(own_watermark(s), s.floor));
  }
  return least;
}

Micros SourceClock::wanted() const {
  const Micros least = least_counted();
  return least == kEndOfTime ? watermark_ : least;
}

void SourceClock::set_limit(Micros limit) {
  limit_ = limit;
  recompute();
}

void SourceClock::recompute() {
  Micros least = least_counted();
  if (least != kEndOfTime) {
    for (const auto& [id, s] : partitions_) {
      if (s.idle && !s.ended) least = std::min(least, std::max({own_watermark(s), s.floor, s.allows}));
    }
    watermark_ = std::max(watermark_, std::min(least, limit_));
  } else if (all_ended() && !partitions_.empty()) {
    watermark_ = kEndOfTime;
  }
}

bool SourceClock::all_idle() const {
  bool any = false;
  for (const auto& [id, s] : partitions_) {
    if (s.ended) continue;
    if (!s.idle) return false;
    any = true;
  }
  return any;
}

bool SourceClock::all_ended() const {
  return std::all_of(partitions_.begin(), partitions_.end(), [](const auto& p) { return p.second.ended; });
}

void SourceClock::tick(Micros monotonic) {
  if (spec_.idle_advance <= 0 || idle_base_ == kNoTime || !all_idle()) return;
  const Micros idle_for = monotonic - all_idle_since_;
  if (idle_for >= spec_.idle_advance) watermark_ = std::max(watermark_, idle_base_ + idle_for);
}

Micros SourceClock::next_change(Micros monotonic) const {
  Micros next = kEndOfTime;
  const auto at = [&](Micros since, Micros after) {
    if (after < kEndOfTime - since && since + after > monotonic) next = std::min(next, since + after);
  };
  for (const auto& [id, s] : partitions_) {
    if (s.idle || s.ended || s.proven_since == kNoTime) continue;
    at(s.proven_since, spec_.idle_after);
    if (spec_.max_skew > 0) at(s.proven_since, kLongestWait);
  }
  if (spec_.idle_advance > 0 && idle_base_ != kNoTime && all_idle()) {
    at(monotonic, std::max(kIdleAdvanceStep, all_idle_since_ + spec_.idle_advance - monotonic));
  }
  return next;
}

std::optional<Partition> SourceClock::waits_for(Partition p, Micros monotonic) const {
  if (spec_.max_skew <= 0) return std::nullopt;
  std::optional<Partition> slowest;
  Micros least = kEndOfTime;
  for (const auto& [id, s] : partitions_) {
    if (s.idle || s.ended || !s.had_rows) continue;
    if (s.proven_since != kNoTime && monotonic - s.proven_since >= kLongestWait) continue;
    const Micros own = std::max(own_watermark(s), s.floor);
    if (own >= least) continue;
    least = own;
    slowest = Partition(id);
  }
  return slowest && partition_watermark(p) > least + spec_.max_skew ? slowest : std::nullopt;
}

Micros SourceClock::partition_watermark(Partition p) const {
  const auto it = partitions_.find(p.value);
  if (it == partitions_.end()) return kNoTime;
  return it->second.ended ? kEndOfTime : std::max(own_watermark(it->second), it->second.floor);
}

bool SourceClock::is_idle(Partition p) const {
  const auto it = partitions_.find(p.value);
  return it != partitions_.end() && it->second.idle;
}

std::optional<Partition> SourceClock::holder() const {
  std::optional<Partition> holder;
  Micros least = kEndOfTime;
  for (const auto& [id, s] : partitions_) {
    if (s.idle || s.ended) continue;
    const Micros own = std::max(own_watermark(s), s.floor);
    if (!holder || own < least) {
      holder = Partition(id);
      least = own;
    }
  }
  return holder;
}

std::string SourceClock::encode() const {
  ByteWriter out;
  out.put(watermark_).put(static_cast<uint32_t>(partitions_.size()));
  for (const auto& [id, s] : partitions_) {
    out.put(id).put(s.max_event_time).put(s.floor).put(s.floor_reason);
    out.put(s.idle).put(s.ended).put(s.had_rows);
  }
  return out.take();
}

Status SourceClock::restore(const std::vector<std::string>& shards,
                            const std::function<bool(Partition)>& owns) {
  Micros least = kEndOfTime;
  bool any = false;
  for (const std::string& bytes : shards) {
    ByteReader in(bytes);
    const auto watermark = in.get<Micros>();
    const auto n = in.get<uint32_t>();
    if (n > 0) least = std::min(least, watermark);  // a task without partitions holds nobody back
    any = any || n > 0;
    for (uint32_t i = 0; i < n && in.ok(); ++i) {
      const Partition p(in.get<int32_t>());
      PartitionState s;
      s.max_event_time = in.get<Micros>();
      s.floor = in.get<Micros>();
      s.floor_reason = in.get<BehindReason>();
      s.idle = in.get<bool>();
      s.ended = in.get<bool>();
      s.had_rows = in.get<bool>();
      if (owns(p)) partitions_[p.value] = s;
    }
    RF_TRY(in.finish("the event-time state of a source"));
  }
  if (!any) return {};
  watermark_ = least;
  for (auto& [id, s] : partitions_) wake(s);
  return {};
}

}  // namespace rideflow
