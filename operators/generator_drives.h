// RideBook: who drives which ride, from where to where; the facts that ride events and vehicle events share.
//
// A vehicle has a stand of its own, where it waits. It drives from there to the rider, along the streets to
// the drop-off, and back; its next ride is assigned when it is back, whatever the ride, so every place that a
// vehicle has been follows from one ride alone.
#pragma once

#include <optional>

#include "operators/generator_cities.h"
#include "operators/generator_schedule.h"
#include "operators/generator_text.h"

namespace rideflow::generator {

// Metres from the city's centre, or from another point.
struct Point {
  int64_t north = 0;
  int64_t east = 0;
};
inline Point operator+(Point a, Point b) {
  return {a.north + b.north, a.east + b.east};
}
inline Point operator-(Point a, Point b) {
  return {a.north - b.north, a.east - b.east};
}
// Streets go north and east.
inline int64_t street_metres(Point way) {
  return (way.north < 0 ? -way.north : way.north) + (way.east < 0 ? -way.east : way.east);
}

inline void write_place(Writer& w, const City& city, Point at) {
  w.place(city.lat + at.north * kLatPerKm / 1000, city.lon + at.east * city.lon_per_km / 1000);
}

struct Ride {
  int64_t group = 0;
  int role = 0;
  Seat seat;
  int64_t vehicle = 0;
  Micros trip = 0;     // how long it takes, or would have taken
  Micros driven = 0;   // of that; where events are sparse, rides wait for their turns, and lead no further
  int64_t metres = 0;  // of the trip
  Point pickup;
  Point dropoff;
  Random others{0};  // what else is drawn of the ride
};

// A way along the streets, first north or south, at one speed.
struct Leg {
  Point from;
  Point to;
  Micros begin = 0;
  Micros end = 0;

  Point at(Micros time) const;
  int64_t metres_per_hour() const;
};

// What a vehicle does for one of its rides.
struct Drive {
  Leg approach;      // from its stand to the pickup; begins when the ride is assigned
  Leg trip;          // from the pickup to the drop-off
  Leg back;          // to its stand, from wherever the ride ended
  Micros ended = 0;  // completed, or cancelled on the approach
};

class RideBook {
 public:
  explicit RideBook(const GeneratorOptions& rides);

  const RideSchedule& schedule() const { return schedule_; }
  Ride ride(int64_t group, int role) const;

  // Vehicles of all cities. Nobody drives two rides at a time.
  int64_t fleet() const { return blocks_ * vehicles_per_block(); }
  Point stand(int64_t vehicle) const;
  // A vehicle has a turn in every fleet() / vehicles_per_block() blocks; turns are numbered from 0. The
  // newest that has begun at `time`; below 0 when none has.
  int64_t turn_at(int64_t vehicle, Micros time) const;
  Micros turn_begin(int64_t vehicle, int64_t turn) const;
  // Its ride of that turn: none at quiet hours, or when it is cancelled before a driver is found.
  std::optional<Drive> drive(int64_t vehicle, int64_t turn) const;

 private:
  uint64_t order_of(int64_t block) const;
  int64_t block_of(int64_t vehicle, int64_t turn) const {
    return turn * blocks_ + vehicle / vehicles_per_block();
  }
  int64_t frames_until_back(const Role& role) const;

  const uint64_t seed_;
  const double pace_;
  RideSchedule schedule_;
  int64_t blocks_ = 1;  // of vehicles
};

}  // namespace rideflow::generator
