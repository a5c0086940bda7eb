// Rides: 64 at a time walk through their life in step, so that any event can be found by its number alone.
//
// Time is cut into frames. In frame f, the 64 rides of group f are requested; the 64 roles of a group have
// each their own delays, in frames, from the request to every later status. So frame f also holds the later
// statuses of the groups f - delay, and every frame has the same number of events, in an order of its own,
// except at the beginning, when a status whose group would be below 0 does not exist yet.
#include <algorithm>
#include <array>
#include <cmath>

#include "operators/generator_cities.h"
#include "operators/generator_kinds.h"
#include "operators/generator_text.h"

namespace rideflow::generator {
namespace {

constexpr int kRoles = 64;
constexpr int64_t kGroupsPerBlock = kBlock / kRoles;
constexpr int kCancelledEarly = 4;    // roles 0-3: before a driver was found
constexpr int kCancelledWaiting = 4;  // roles 4-7: before the driver came
constexpr int64_t kEventsPerFrame =
    kCancelledEarly * 2 + kCancelledWaiting * 3 + (kRoles - kCancelledEarly - kCancelledWaiting) * 4;

enum class Stage : uint8_t { requested, driver_assigned, ride_started, ride_completed, ride_cancelled };
constexpr std::array<std::string_view, 5> kStatus = {"requested", "driver_assigned", "ride_started",
                                                     "ride_completed", "ride_cancelled"};

struct Slot {
  int64_t lag = 0;  // frames since the request
  int64_t gap = 0;  // frames since the ride's event before; of the request: without limit
  uint8_t role = 0;
  Stage stage = Stage::requested;
};

// A role's trip, in frames from the request; what it would have been of one that is cancelled.
struct Trip {
  int64_t begin = 0;
  int64_t frames = 0;
};

// From frame `first` on, frames have `events` events; `before` events came before that frame.
struct Segment {
  int64_t first = 0;
  int64_t events = 0;
  int64_t before = 0;
};

// low to high, small values more often; u in 0..63, each value once per role when `step` is odd.
int64_t spread(int role, int step, int64_t low, int64_t high) {
  const int64_t u = (role * step + step / 2) % kRoles;
  return low + (high - low) * u * u / (63 * 63);
}

// Metres from the centre, small ones more often. One call after the other: the order of operands is the
// compiler's choice, the bytes are not.
int64_t near_centre(Random& random) {
  const int64_t metres = random.between(-5000, 5000);
  return metres * random.between(100, 1000) / 1000;
}

class Rides : public EventGenerator {
 public:
  explicit Rides(const GeneratorOptions& options) : EventGenerator(options) {
    const double clean = (options.rate > 0 ? options.rate : 1000) * (1 - options.duplicates - options.broken);
    frames_per_second_ = clean / static_cast<double>(kEventsPerFrame);
    for (int role = 0; role < kRoles; ++role) add_role(role);
    std::stable_sort(slots_.begin(), slots_.end(),
                     [](const Slot& a, const Slot& b) { return a.lag < b.lag; });
    int64_t before = 0;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (i + 1 < slots_.size() && slots_[i + 1].lag == slots_[i].lag) continue;
      if (!segments_.empty()) before += (slots_[i].lag - segments_.back().first) * segments_.back().events;
      segments_.push_back({slots_[i].lag, static_cast<int64_t>(i) + 1, before});
    }
    // A vehicle is free again when the longest ride is over, wherever in their blocks this one and the next
    // begin.
    blocks_ = (slots_.back().lag + kGroupsPerBlock - 1) / kGroupsPerBlock + 1;
  }

  int64_t fleet() const { return blocks_ * vehicles_per_block(); }

 protected:
  Clean write_clean(int64_t index, char*& out) const override {
    const Segment& segment = segment_of_event(index);
    const int64_t frame = segment.first + (index - segment.before) / segment.events;
    const int64_t place = (index - segment.before) % segment.events;
    // An order of the frame's own: the primes are larger than any frame, so they reach every slot once.
    static constexpr std::array<int64_t, 8> kPrimes = {251, 257, 263, 269, 271, 277, 281, 283};
    const uint64_t order = mix64(seed_ + static_cast<uint64_t>(frame) * 0x9e3779b97f4a7c15ULL);
    const auto offset = static_cast<int64_t>((order >> 8) % static_cast<uint64_t>(segment.events));
    const Slot& slot = slots_[static_cast<size_t>((kPrimes[order & 7] * place + offset) % segment.events)];
    const Micros event_turn = turn(index);
    // Never so early that the ride's event before would come after it.
    const Micros max_shift =
        slot.stage == Stage::requested
            ? kEndOfTime
            : std::max<Micros>(0, event_turn - time_of_frame(frame - slot.gap + 1) - 2000);
    const Micros time = shifted(index, event_turn, max_shift);
    return write_ride(slot, frame - slot.lag, time, out);
  }

 private:
  void add_role(int role) {
    const int64_t trip = 180 + spread(role, 1, 0, 2'520);
    const int64_t assign = spread(role, 37, 4, 90);
    const int64_t pickup = spread(role, 23, 60, 600);
    int64_t lag = 0;
    const auto add = [&](Stage stage, int64_t seconds_later) {
      const int64_t before = lag;
      if (stage != Stage::requested) lag += frames(seconds_later);
      slots_.push_back({lag, lag - before, static_cast<uint8_t>(role), stage});
    };
    Trip& role_trip = trips_[static_cast<size_t>(role)];
    role_trip.frames = frames(trip);
    add(Stage::requested, 0);
    if (role < kCancelledEarly) return add(Stage::ride_cancelled, 30 + assign * 2);
    add(Stage::driver_assigned, assign);
    if (role < kCancelledEarly + kCancelledWaiting) return add(Stage::ride_cancelled, 20 + pickup / 2);
    add(Stage::ride_started, pickup);
    role_trip.begin = lag;
    add(Stage::ride_completed, trip);
  }

  // At least two frames and more than the disorder, so that a ride's events keep their order in time.
  int64_t frames(int64_t seconds) const {
    const double disorder = static_cast<double>(options_.disorder) / 1e6;
    const double least = std::ceil(disorder * frames_per_second_) + 2;
    return static_cast<int64_t>(
        std::max(least, std::round(static_cast<double>(seconds) / options_.pace * frames_per_second_)));
  }

  const Segment& segment_of_event(int64_t index) const {
    if (index >= segments_.back().before) return segments_.back();
    const auto it = std::upper_bound(segments_.begin(), segments_.end(), index,
                                     [](int64_t i, const Segment& s) { return i < s.before; });
    return *(it - 1);
  }

  Micros time_of_frame(int64_t frame) const {
    const Segment* segment = &segments_.back();
    if (frame < segment->first) {
      const auto it = std::upper_bound(segments_.begin(), segments_.end(), frame,
                                       [](int64_t f, const Segment& s) { return f < s.first; });
      segment = &*(it - 1);
    }
    return turn(segment->before + (frame - segment->first) * segment->events);
  }

  // Where a ride is, and whose: rides of a block are dealt to the cities in an order of its own.
  Seat seat_of_ride(int64_t group, int role) const {
    const int64_t block = group / kGroupsPerBlock;
    const uint64_t order = mix64(seed_ + static_cast<uint64_t>(block) * 0x9e3779b97f4a7c15ULL);
    const auto place = static_cast<uint64_t>(group % kGroupsPerBlock * kRoles + role);
    const uint64_t ride = (place * (order >> 20 | 1) + order) % kBlock;
    return seat_of(static_cast<int>(ride), time_of_frame(block * kGroupsPerBlock));
  }

  Clean write_ride(const Slot& slot, int64_t group, Micros time, char*& out) const {
    const int64_t number = group * kRoles + slot.role;
    Random random(seed_ ^ mix64(static_cast<uint64_t>(number)));
    const Micros requested = time_of_frame(group);
    const Seat seat = seat_of_ride(group, slot.role);
    const int where = seat.city;
    const City& place = city(where);
    const int64_t vehicle = vehicle_of(group / kGroupsPerBlock % blocks_, seat);
    const bool has_driver = slot.stage != Stage::requested &&
                            !(slot.stage == Stage::ride_cancelled && slot.role < kCancelledEarly);
    const int64_t north = near_centre(random);
    const int64_t east = near_centre(random);
    // 26 to 42 km/h, whatever the pace: a shorter trip leads less far. The road is longer than the crow
    // flies.
    const Trip& trip = trips_[slot.role];
    const int64_t trip_ms =
        (time_of_frame(group + trip.begin + trip.frames) - time_of_frame(group + trip.begin)) / 1000;
    const int64_t metres = trip_ms * random.between(26'000, 42'000) / 3'600'000;
    const int64_t straight = metres * 10 / 13;
    const int64_t bearing = random.between(-1000, 1000);
    const int64_t other = 1000 - (bearing < 0 ? -bearing : bearing);
    const int64_t away_north = straight * bearing / 1000;
    const int64_t away_east = (random.next() & 1) != 0 ? straight * other / 1000 : -straight * other / 1000;
    const int64_t surge = 100 + std::max<int64_t>(0, demand(where, requested) - 180) * 2 / 3;
    const int64_t fare =
        250 + (metres * 135 / 1000 + trip_ms / 2000) * surge / 100 * random.between(96, 104) / 100;

    Writer w{out};
    w.text("{\"ride_id\":\"");
    const auto key_offset = static_cast<int32_t>(w.p - out);
    write_ride_id(w, number);
    w.text("\",\"driver_id\":");
    if (has_driver) {
      *w.p++ = '"';
      w.id('d', where, vehicle);
      w.text("\",\"customer_id\":\"");
    } else {
      w.text("null,\"customer_id\":\"");
    }
    w.id('c', where, random.below(400'000));
    w.text("\",\"vehicle_id\":");
    if (has_driver) {
      *w.p++ = '"';
      w.id('v', where, vehicle);
      w.text("\",\"city\":\"");
    } else {
      w.text("null,\"city\":\"");
    }
    w.text(place.name);
    w.text("\",\"status\":\"");
    w.text(kStatus[static_cast<size_t>(slot.stage)]);
    w.text("\",\"pickup_location\":");
    const int64_t lat = place.lat + north * kLatPerKm / 1000;
    const int64_t lon = place.lon + east * place.lon_per_km / 1000;
    w.place(lat, lon);
    w.text(",\"dropoff_location\":");
    w.place(lat + away_north * kLatPerKm / 1000, lon + away_east * place.lon_per_km / 1000);
    w.text(",\"fare\":");
    if (slot.stage == Stage::ride_cancelled) {
      w.text("null");
    } else {
      w.fixed(fare, 2);
    }
    w.text(",\"distance_km\":");
    w.fixed(metres / 10, 2);
    w.text(",\"ride_timestamp\":\"");
    w.timestamp(time);
    w.text("\"}");
    out = w.p;
    return {time, key_offset, kRideIdLength};
  }

  static constexpr int kRideIdLength = 12;

  // Every number its own id, in no visible order. Two starts begin at random places among 2^44.
  void write_ride_id(Writer& w, int64_t number) const {
    constexpr uint64_t kMask = (uint64_t{1} << 44) - 1;
    uint64_t x = (static_cast<uint64_t>(number) + (id_seed_ >> 20)) & kMask;
    x ^= x >> 22;
    x = x * 0x9e3779b97f5ULL & kMask;
    x ^= x >> 22;
    x = x * 0xc2b2ae3d27dULL & kMask;
    x ^= x >> 22;
    *w.p++ = 'r';
    w.hex(x, kRideIdLength - 1);
  }

  double frames_per_second_ = 0;
  int64_t blocks_ = 1;  // of vehicles
  std::array<Trip, kRoles> trips_;
  std::vector<Slot> slots_;        // of a full frame, by lag
  std::vector<Segment> segments_;  // by first
};

}  // namespace

int64_t fleet_of_rides(const GeneratorOptions& options) {
  return Rides(options).fleet();
}

std::unique_ptr<EventGenerator> make_rides(const GeneratorOptions& options) {
  return std::make_unique<Rides>(options);
}

}  // namespace rideflow::generator
