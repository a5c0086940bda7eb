// Vehicles: the fleet that drives the rides, or a part of it; they report in turn where their rides have led
// them.
#include <algorithm>
#include <numeric>

#include "operators/generator_drives.h"
#include "operators/generator_kinds.h"

namespace rideflow::generator {
namespace {

constexpr int64_t kReportSeconds = 15;
// Nobody goes off the road for less, at pace 1.
constexpr double kShortestPause = 1'200 * 1e6;

GeneratorOptions rides_of(const GeneratorOptions& vehicles) {
  GeneratorOptions rides = vehicles;
  rides.kind = "rides";
  if (vehicles.rides_rate > 0) {
    rides.rate = vehicles.rides_rate;
    rides.every = 0;
  }
  return rides;
}

struct State {
  std::string_view status;
  Point at;
  int64_t metres_per_hour = 0;  // 0: it stands
};

State driving(std::string_view status, const Leg& leg, Micros time) {
  return {status, leg.at(time), leg.metres_per_hour()};
}

class Vehicles : public EventGenerator {
 public:
  explicit Vehicles(const GeneratorOptions& options)
      : EventGenerator(options), book_(rides_of(options)), reporting_(book_.fleet()) {
    if (options.rides_rate > 0) return;
    const double rate = events_per_second(options);
    const auto few = std::clamp<int64_t>(static_cast<int64_t>(rate * kReportSeconds), 100, 100'000);
    reporting_ = std::min(few, book_.fleet());
    // From the whole fleet evenly: neighbours have their rides at about the same time.
    stride_ = book_.fleet() / reporting_;
    while (std::gcd(stride_, book_.fleet()) != 1) ++stride_;
  }

 protected:
  Clean write_clean(int64_t index, char*& out) const override {
    const int64_t number = index % reporting_ * stride_ % book_.fleet();
    const Micros event_turn = turn(index);
    // A vehicle's reports keep their order.
    const Micros between = event_turn - turn(std::max<int64_t>(0, index - reporting_));
    const Micros time = shifted(index, event_turn, std::max<Micros>(0, between - 2000));
    const int where = seat_of_vehicle(number).city;
    const City& home = city(where);
    const State state = state_at(number, where, time);

    Writer w{out};
    w.text("{\"vehicle_id\":\"");
    const auto key_offset = static_cast<int32_t>(w.p - out);
    w.id('v', where, number);
    const auto key_length = static_cast<int32_t>(w.p - out) - key_offset;
    w.text("\",\"driver_id\":\"");
    w.id('d', where, number);
    w.text("\",\"city\":\"");
    w.text(home.name);
    w.text("\",\"status\":\"");
    w.text(state.status);
    w.text("\",\"location\":");
    write_place(w, home, state.at);
    w.text(",\"speed_kmh\":");
    w.fixed(state.metres_per_hour / 100, 1);
    w.text(",\"event_timestamp\":\"");
    w.timestamp(time);
    w.text("\"}");
    out = w.p;
    return {time, key_offset, key_length};
  }

 private:
  // A vehicle is on_trip from the moment its ride is assigned: nobody else can have it then.
  State state_at(int64_t vehicle, int where, Micros time) const {
    int64_t next_turn = book_.turn_at(vehicle, time);
    std::optional<Drive> next = book_.drive(vehicle, next_turn);
    std::optional<Drive> newest;
    if (next_turn < 0 || (next && next->approach.begin <= time)) {
      newest = next;
      next = book_.drive(vehicle, ++next_turn);
    } else {
      newest = book_.drive(vehicle, next_turn - 1);
    }
    if (newest && time < newest->back.end) {
      if (time >= newest->ended) return driving("available", newest->back, time);
      return driving("on_trip", time < newest->trip.begin ? newest->approach : newest->trip, time);
    }
    const Point stand = book_.stand(vehicle);
    if (!next) return {"offline", stand};
    const Micros since = newest           ? newest->back.end
                         : next_turn == 0 ? options_.start
                                          : book_.turn_begin(vehicle, next_turn);
    const bool paused = pauses(vehicle, where, next_turn, since, next->approach.begin, time);
    return {paused ? "offline" : "available", stand};
  }

  // Whoever waits long may leave the road for most of it, the sooner the fewer people ride.
  bool pauses(int64_t vehicle, int where, int64_t turn, Micros since, Micros until, Micros time) const {
    const Micros wait = until - since;
    if (static_cast<double>(wait) * options_.pace < kShortestPause) return false;
    if (time < since + wait / 8 || time >= until - wait / 4) return false;
    Random chance(seed_ ^ mix64(static_cast<uint64_t>(vehicle) ^ (static_cast<uint64_t>(turn) << 32)));
    return chance.below(320) >= demand(where, until);
  }

  const RideBook book_;
  int64_t reporting_;
  int64_t stride_ = 1;
};

}  // namespace

std::unique_ptr<EventGenerator> make_vehicles(const GeneratorOptions& options) {
  return std::make_unique<Vehicles>(options);
}

}  // namespace rideflow::generator
