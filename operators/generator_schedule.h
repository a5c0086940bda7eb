// RideSchedule: when each status of each ride has its turn, as pure functions both ways: from an event's
// number to the ride and status, and from a ride and status to the turn.
//
// Time is cut into frames. In frame f, the 64 rides of group f are requested; the 64 roles of a group have
// each their own delays, in frames, from the request to every later status. So frame f also holds the later
// statuses of the groups f - delay, and every frame has the same number of events, in an order of its own,
// except at the beginning, when a status whose group would be below 0 does not exist yet.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "operators/generator.h"

namespace rideflow::generator {

inline constexpr int kRoles = 64;
inline constexpr int kCancelledEarly = 4;    // roles 0-3: before a driver was found
inline constexpr int kCancelledWaiting = 4;  // roles 4-7: before the driver came

enum class Stage : uint8_t { requested, driver_assigned, ride_started, ride_completed, ride_cancelled };

// One status of a role: its place in a full frame.
struct Slot {
  int64_t lag = 0;  // frames since the request
  int64_t gap = 0;  // frames since the ride's event before; of the request: without limit
  uint8_t role = 0;
  Stage stage = Stage::requested;
};

// A role's life, in frames from the request; of one that is cancelled, what it would have been.
struct Role {
  int64_t assigned = 0;
  int64_t begin = 0;      // of the trip
  int64_t end = 0;        // of the trip
  int64_t cancelled = 0;  // 0: it is not
  // The slots of these moments; -1: no event tells of it. `last` is the completion or the cancellation.
  int assigned_slot = -1;
  int begin_slot = -1;
  int last_slot = -1;
};

// Per second of event time, where no rate is asked for.
inline constexpr double kFullSpeedRate = 1000;
// Events per second of event time.
double events_per_second(const GeneratorOptions& options);
// The same, without duplicates and broken records.
double clean_per_second(const GeneratorOptions& options);
// When event `index` of those has its turn: exact where `every` says it and none stand between them.
Micros turn_at(const GeneratorOptions& options, double clean_per_second, int64_t index);
// What an event of this kind is drawn from.
uint64_t kind_seed(const std::string& kind, uint64_t seed);

class RideSchedule {
 public:
  // `seed`: that of the kind rides.
  RideSchedule(const GeneratorOptions& options, uint64_t seed);

  struct Place {
    int64_t frame = 0;
    const Slot* slot = nullptr;
  };
  Place place_of(int64_t index) const;
  const Role& role(int role) const { return roles_[static_cast<size_t>(role)]; }
  // The longest that a ride lives.
  int64_t longest_frames() const { return slots_.back().lag; }
  double frames_per_second() const { return frames_per_second_; }

  Micros time_of_frame(int64_t frame) const;
  // The frame that `time` is in; below 0 before the first one.
  int64_t frame_at(Micros time) const;
  // The turn of a group's slot, exactly.
  Micros turn_of(int64_t group, int slot) const;

 private:
  // From frame `first` on, frames have `events` events; `before` events came before that frame.
  struct Segment {
    int64_t first = 0;
    int64_t events = 0;
    int64_t before = 0;
    std::array<int64_t, 8> inverses{};  // of the primes, modulo `events`
  };
  // A frame's order: slot = (prime * place + offset) % events.
  struct Order {
    size_t prime = 0;
    int64_t offset = 0;
  };

  void add_role(int role);
  void add_segments();
  int64_t frames(int64_t seconds) const;
  Micros turn(int64_t index) const;
  Order order_of(int64_t frame, const Segment& segment) const;
  const Segment& segment_of_event(int64_t index) const;
  const Segment& segment_of_frame(int64_t frame) const;

  const uint64_t seed_;
  const GeneratorOptions options_;
  const double clean_per_second_;
  const double frames_per_second_;
  std::array<Role, kRoles> roles_;
  std::vector<Slot> slots_;        // of a full frame, by lag
  std::vector<Segment> segments_;  // by first
};

}  // namespace rideflow::generator
