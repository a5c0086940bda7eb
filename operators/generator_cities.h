// The cities of the event generators: where they are, how many rides they have at which local hour.
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
// By share and by how busy the city is at its local hour of `t`. A function of its arguments.
int pick_city(uint64_t hash, Micros t);
// How busy a city is at its local hour, 0 to 255.
int demand(int city_index, Micros t);

}  // namespace rideflow::generator
