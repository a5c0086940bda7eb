#include "operators/generator_schedule.h"

#include <algorithm>
#include <cmath>

#include "engine/hash.h"

namespace rideflow::generator {
namespace {

constexpr int64_t kEventsPerFrame =
    kCancelledEarly * 2 + kCancelledWaiting * 3 + (kRoles - kCancelledEarly - kCancelledWaiting) * 4;
// Larger than any frame, so each reaches every slot of it once.
constexpr std::array<int64_t, 8> kPrimes = {251, 257, 263, 269, 271, 277, 281, 283};
static_assert(kPrimes[0] > kEventsPerFrame);

// low to high, small values more often; u in 0..63, each value once per role when `step` is odd.
int64_t spread(int role, int step, int64_t low, int64_t high) {
  const int64_t u = (role * step + step / 2) % kRoles;
  return low + (high - low) * u * u / (63 * 63);
}

// x with a * x % n = 1. REQUIRES: a and n have no common factor.
int64_t inverse(int64_t a, int64_t n) {
  int64_t r = n, next_r = a % n, x = 0, next_x = 1;
  while (next_r != 0) {
    const int64_t q = r / next_r;
    r = std::exchange(next_r, r - q * next_r);
    x = std::exchange(next_x, x - q * next_x);
  }
  return x < 0 ? x + n : x % n;
}

}  // namespace

double events_per_second(const GeneratorOptions& options) {
  if (options.every > 0) return 1e6 / static_cast<double>(options.every);
  return options.rate > 0 ? options.rate : kFullSpeedRate;
}

double clean_per_second(const GeneratorOptions& options) {
  return events_per_second(options) * (1 - options.duplicates - options.broken);
}

Micros turn_at(const GeneratorOptions& options, double clean_per_second, int64_t index) {
  if (options.every > 0 && options.duplicates + options.broken == 0)
    return options.start + index * options.every;
  return options.start + static_cast<Micros>(static_cast<double>(index) * 1e6 / clean_per_second);
}

uint64_t kind_seed(const std::string& kind, uint64_t seed) {
  return hash_bytes(kind, mix64(seed + 1));
}

RideSchedule::RideSchedule(const GeneratorOptions& options, uint64_t seed)
    : seed_(seed),
      options_(options),
      clean_per_second_(generator::clean_per_second(options)),
      frames_per_second_(clean_per_second_ / static_cast<double>(kEventsPerFrame)) {
  for (int role = 0; role < kRoles; ++role) add_role(role);
  std::stable_sort(slots_.begin(), slots_.end(), [](const Slot& a, const Slot& b) { return a.lag < b.lag; });
  for (size_t i = 0; i < slots_.size(); ++i) {
    Role& role = roles_[slots_[i].role];
    const int slot = static_cast<int>(i);
    if (slots_[i].stage == Stage::driver_assigned) role.assigned_slot = slot;
    if (slots_[i].stage == Stage::ride_started) role.begin_slot = slot;
    if (slots_[i].stage >= Stage::ride_completed) role.last_slot = slot;
  }
  add_segments();
}

void RideSchedule::add_role(int role) {
  const int64_t trip = 180 + spread(role, 1, 0, 2'520);
  const int64_t assign = spread(role, 37, 4, 90);
  const int64_t pickup = spread(role, 23, 60, 600);
  Role& life = roles_[static_cast<size_t>(role)];
  life.assigned = frames(assign);
  life.begin = life.assigned + frames(pickup);
  life.end = life.begin + frames(trip);
  const auto add = [&](Stage stage, int64_t lag, int64_t before) {
    slots_.push_back({lag, lag - before, static_cast<uint8_t>(role), stage});
  };
  add(Stage::requested, 0, 0);
  if (role < kCancelledEarly) {
    life.cancelled = frames(30 + assign * 2);
    return add(Stage::ride_cancelled, life.cancelled, 0);
  }
  add(Stage::driver_assigned, life.assigned, 0);
  if (role < kCancelledEarly + kCancelledWaiting) {
    life.cancelled = life.assigned + frames(20 + pickup / 2);
    // The driver had not come yet.
    const int64_t trip_frames = life.end - life.begin;
    life.begin = std::max(life.begin, life.cancelled + 1);
    life.end = life.begin + trip_frames;
    return add(Stage::ride_cancelled, life.cancelled, life.assigned);
  }
  add(Stage::ride_started, life.begin, life.assigned);
  add(Stage::ride_completed, life.end, life.begin);
}

void RideSchedule::add_segments() {
  int64_t before = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (i + 1 < slots_.size() && slots_[i + 1].lag == slots_[i].lag) continue;
    if (!segments_.empty()) before += (slots_[i].lag - segments_.back().first) * segments_.back().events;
    Segment segment{slots_[i].lag, static_cast<int64_t>(i) + 1, before, {}};
    for (size_t p = 0; p < kPrimes.size(); ++p) segment.inverses[p] = inverse(kPrimes[p], segment.events);
    segments_.push_back(segment);
  }
}

// At least two frames and more than the disorder, so that a ride's events keep their order in time.
int64_t RideSchedule::frames(int64_t seconds) const {
  const double disorder = static_cast<double>(options_.disorder) / 1e6;
  const double least = std::ceil(disorder * frames_per_second_) + 2;
  return static_cast<int64_t>(
      std::max(least, std::round(static_cast<double>(seconds) / options_.pace * frames_per_second_)));
}

Micros RideSchedule::turn(int64_t index) const {
  return turn_at(options_, clean_per_second_, index);
}

const RideSchedule::Segment& RideSchedule::segment_of_event(int64_t index) const {
  if (index >= segments_.back().before) return segments_.back();
  const auto it = std::upper_bound(segments_.begin(), segments_.end(), index,
                                   [](int64_t i, const Segment& s) { return i < s.before; });
  return *(it - 1);
}

const RideSchedule::Segment& RideSchedule::segment_of_frame(int64_t frame) const {
  if (frame >= segments_.back().first) return segments_.back();
  const auto it = std::upper_bound(segments_.begin(), segments_.end(), frame,
                                   [](int64_t f, const Segment& s) { return f < s.first; });
  return *(it - 1);
}

RideSchedule::Order RideSchedule::order_of(int64_t frame, const Segment& segment) const {
  const uint64_t order = mix64(seed_ + static_cast<uint64_t>(frame) * 0x9e3779b97f4a7c15ULL);
  return {order & 7, static_cast<int64_t>((order >> 8) % static_cast<uint64_t>(segment.events))};
}

RideSchedule::Place RideSchedule::place_of(int64_t index) const {
  const Segment& segment = segment_of_event(index);
  const int64_t frame = segment.first + (index - segment.before) / segment.events;
  const int64_t place = (index - segment.before) % segment.events;
  const Order order = order_of(frame, segment);
  const int64_t slot = (kPrimes[order.prime] * place + order.offset) % segment.events;
  return {frame, &slots_[static_cast<size_t>(slot)]};
}

Micros RideSchedule::turn_of(int64_t group, int slot) const {
  const int64_t frame = group + slots_[static_cast<size_t>(slot)].lag;
  const Segment& segment = segment_of_frame(frame);
  const Order order = order_of(frame, segment);
  const int64_t moved = slot - order.offset + segment.events;
  const int64_t place = moved * segment.inverses[order.prime] % segment.events;
  return turn(segment.before + (frame - segment.first) * segment.events + place);
}

Micros RideSchedule::time_of_frame(int64_t frame) const {
  const Segment& segment = segment_of_frame(frame);
  return turn(segment.before + (frame - segment.first) * segment.events);
}

int64_t RideSchedule::frame_at(Micros time) const {
  if (time < options_.start) return -1;
  const double elapsed = static_cast<double>(time - options_.start) / 1e6;
  auto index = static_cast<int64_t>(elapsed * clean_per_second_);
  if (options_.every > 0) {  // whose turns are exact: rounding must not put one before itself
    while (index > 0 && turn(index) > time) --index;
    while (turn(index + 1) <= time) ++index;
  }
  const Segment& segment = segment_of_event(index);
  return segment.first + (index - segment.before) / segment.events;
}

}  // namespace rideflow::generator
