// Rides: what RideSchedule and RideBook say, as JSON.
#include <algorithm>
#include <array>

#include "operators/generator_drives.h"
#include "operators/generator_kinds.h"

namespace rideflow::generator {
namespace {

constexpr std::array<std::string_view, 5> kStatus = {"requested", "driver_assigned", "ride_started",
                                                     "ride_completed", "ride_cancelled"};

class Rides : public EventGenerator {
 public:
  explicit Rides(const GeneratorOptions& options) : EventGenerator(options), book_(options) {}

 protected:
  Clean write_clean(int64_t index, char*& out) const override {
    const auto [frame, slot] = book_.schedule().place_of(index);
    const Micros event_turn = turn(index);
    // Never so early that the ride's event before would come after it.
    const Micros max_shift =
        slot->stage == Stage::requested
            ? kEndOfTime
            : std::max<Micros>(0, event_turn - book_.schedule().time_of_frame(frame - slot->gap + 1) - 2000);
    const Micros time = shifted(index, event_turn, max_shift);
    return write_ride(*slot, frame - slot->lag, time, out);
  }

 private:
  Clean write_ride(const Slot& slot, int64_t group, Micros time, char*& out) const {
    Ride ride = book_.ride(group, slot.role);
    const int where = ride.seat.city;
    const City& place = city(where);
    const bool has_driver = slot.stage != Stage::requested &&
                            !(slot.stage == Stage::ride_cancelled && slot.role < kCancelledEarly);
    const Micros requested = book_.schedule().time_of_frame(group);
    const int64_t surge = 100 + std::max<int64_t>(0, demand(where, requested) - 180) * 2 / 3;
    const int64_t fare = 250 + (ride.metres * 135 / 1000 + ride.driven / 2'000'000) * surge / 100 *
                                   ride.others.between(96, 104) / 100;

    Writer w{out};
    w.text("{\"ride_id\":\"");
    const auto key_offset = static_cast<int32_t>(w.p - out);
    write_ride_id(w, group * kRoles + slot.role);
    w.text("\",\"driver_id\":");
    if (has_driver) {
      *w.p++ = '"';
      w.id('d', where, ride.vehicle);
      w.text("\",\"customer_id\":\"");
    } else {
      w.text("null,\"customer_id\":\"");
    }
    w.id('c', where, ride.others.below(400'000));
    w.text("\",\"vehicle_id\":");
    if (has_driver) {
      *w.p++ = '"';
      w.id('v', where, ride.vehicle);
      w.text("\",\"city\":\"");
    } else {
      w.text("null,\"city\":\"");
    }
    w.text(place.name);
    w.text("\",\"status\":\"");
    w.text(kStatus[static_cast<size_t>(slot.stage)]);
    w.text("\",\"pickup_location\":");
    write_place(w, place, ride.pickup);
    w.text(",\"dropoff_location\":");
    write_place(w, place, ride.dropoff);
    w.text(",\"fare\":");
    if (slot.stage == Stage::ride_cancelled) {
      w.text("null");
    } else {
      w.fixed(fare, 2);
    }
    w.text(",\"distance_km\":");
    w.fixed(ride.metres / 10, 2);
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

  const RideBook book_;
};

}  // namespace

std::unique_ptr<EventGenerator> make_rides(const GeneratorOptions& options) {
  return std::make_unique<Rides>(options);
}

}  // namespace rideflow::generator
