// Vehicles: the fleet that drives the rides, or its first members; they report in turn, each on a smooth loop
// of its own through its city, as fast as its speed says, whatever the pace.
#include <algorithm>
#include <cmath>

#include "operators/generator_cities.h"
#include "operators/generator_kinds.h"
#include "operators/generator_text.h"

namespace rideflow::generator {
namespace {

constexpr int64_t kReportSeconds = 15;
constexpr int64_t kPhase = 1 << 16;  // one turn of a wave

// Like a sine of amplitude 2^16, of parabolas: integers, so that every machine agrees. `slope` is its
// derivative by turns, in 2^16.
int64_t wave(int64_t phase, int64_t* slope) {
  const int64_t x = (phase & (kPhase - 1)) - kPhase / 2;  // -32768..32767
  const int64_t size = x < 0 ? -x : x;
  *slope = (kPhase / 2 - 2 * size) * 16;
  return x * (kPhase / 2 - size) / 4096;
}

// Whole, and the same on every machine however its doubles are rounded.
int64_t square_root(int64_t value) {
  auto root = static_cast<int64_t>(std::sqrt(static_cast<double>(value)));
  while (root * root > value) --root;
  while ((root + 1) * (root + 1) <= value) ++root;
  return root;
}

class Vehicles : public EventGenerator {
 public:
  explicit Vehicles(const GeneratorOptions& options) : EventGenerator(options) {
    const double rate = options.rate > 0 ? options.rate : 1000;
    fleet_ = std::clamp<int64_t>(static_cast<int64_t>(rate * kReportSeconds), 100, 100'000);
    if (options.rides_rate > 0) {
      GeneratorOptions rides = options;
      rides.rate = options.rides_rate;
      fleet_ = fleet_of_rides(rides);
    }
  }

 protected:
  Clean write_clean(int64_t index, char*& out) const override {
    const int64_t number = index % fleet_;
    const Micros event_turn = turn(index);
    // A vehicle's reports keep their order.
    const Micros between = turn(index) - turn(std::max<int64_t>(0, index - fleet_));
    const Micros time = shifted(index, event_turn, std::max<Micros>(0, between - 2000));
    Random random(seed_ ^ mix64(static_cast<uint64_t>(number)));
    const int where = city_of_vehicle(number);
    const City& home = city(where);
    const int64_t north_home = random.between(-4000, 4000);
    const int64_t east_home = random.between(-4000, 4000);
    const int64_t radius = random.between(600, 2500);
    const int64_t period_ms = random.between(1200, 2400) * 1000;
    const int64_t north_phase = random.below(kPhase);
    const int64_t east_phase = random.below(kPhase);
    const std::string_view status = status_at(number, where, event_turn, random);
    const int64_t ms = event_turn / 1000;
    const int64_t phase = ms % period_ms * kPhase / period_ms;
    int64_t north_slope = 0;
    int64_t east_slope = 0;
    const int64_t north = north_home + radius * wave(phase + north_phase, &north_slope) / kPhase;
    const int64_t east = east_home + radius * wave(phase + east_phase, &east_slope) / kPhase;
    // Tenths of km/h: metres per period to the hour.
    const int64_t slope = square_root(north_slope * north_slope + east_slope * east_slope);
    const int64_t metres_per_period = radius * slope / kPhase;
    const int64_t speed = metres_per_period * 36'000 / period_ms;

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
    w.text(status);
    w.text("\",\"location\":");
    w.place(home.lat + north * kLatPerKm / 1000, home.lon + east * home.lon_per_km / 1000);
    w.text(",\"speed_kmh\":");
    w.fixed(speed, 1);
    w.text(",\"event_timestamp\":\"");
    w.timestamp(time);
    w.text("\"}");
    out = w.p;
    return {time, key_offset, key_length};
  }

 private:
  // Changes every ten minutes, each vehicle at its own moment; busier where and when people ride.
  std::string_view status_at(int64_t number, int where, Micros time, Random& random) const {
    const int64_t spell = 600 * kMicrosPerSecond;
    const Micros own = time + random.below(spell / 1000) * 1000;
    Random chance(seed_ ^ mix64(static_cast<uint64_t>(number) ^ (static_cast<uint64_t>(own / spell) << 24)));
    const int64_t busy = demand(where, time);
    const int64_t draw = chance.below(512);
    if (draw < 140 - busy / 3) return "offline";
    return chance.below(512) < 96 + busy ? "on_trip" : "available";
  }

  int64_t fleet_ = 1;
};

}  // namespace

std::unique_ptr<EventGenerator> make_vehicles(const GeneratorOptions& options) {
  return std::make_unique<Vehicles>(options);
}

}  // namespace rideflow::generator
