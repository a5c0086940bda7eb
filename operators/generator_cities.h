// The cities of the event generators: where they are, how many rides they have at which local hour, and the
// vehicles that drive there.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/ids.h"

namespace rideflow::generator {

struct City {
  std::string_view name;
  int32_t lat;  // centre, 10^-5 degrees
  int32_t lon;
  int32_t lon_per_km;  // 10^-5 degrees; of latitude it is kLatPerKm everywhere
  int32_t utc_offset_hours;
  int32_t share;  // of 1,024 rides
};

inline constexpr int kCities = 20;
inline constexpr int32_t kLatPerKm = 899;

const City& city(int index);
int city_by_share(uint64_t hash);
// How busy a city is at its local hour, 0 to 255.
int demand(int city_index, Micros t);

// Rides come in blocks of kBlock, which cities share by size and by how busy they are at their local hour. In
// every block a city's rides are numbered from 0, and each number has a vehicle of its own, so that one
// vehicle drives one ride per block at most. A fleet is as many blocks as the longest ride needs; vehicles
// are numbered through the fleet, and neighbours are of different cities.
inline constexpr int kBlock = 1024;
struct Seat {
  int city = 0;
  int number = 0;  // among the city's rides of the block
};
// `ride` from 0 to kBlock - 1, of a block that begins at `t`.
Seat seat_of(int ride, Micros t);
// The other way; -1 when the city has fewer rides in that block.
int ride_of(const Seat& seat, Micros t);
// Vehicles in one block: the seats that some hour needs.
int64_t vehicles_per_block();
int64_t vehicle_of(int64_t block, const Seat& seat);
Seat seat_of_vehicle(int64_t vehicle);

}  // namespace rideflow::generator
