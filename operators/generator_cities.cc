#include "operators/generator_cities.h"

#include <algorithm>
#include <array>

#include "engine/hash.h"

namespace rideflow::generator {
namespace {

constexpr std::array<City, kCities> kTable = {{
    {"New York", 4075800, -7398550, 1187, -5, 233},
    {"S\u00e3o Paulo", -2355050, -4663330, 981, -3, 129},
    {"London", 5150720, -12760, 1444, 0, 92},
    {"Paris", 4885660, 235220, 1366, 1, 72},
    {"Los Angeles", 3405220, -11824370, 1085, -8, 59},
    {"Mumbai", 1907600, 7287770, 951, 5, 51},
    {"Mexico City", 1943260, -9913320, 953, -6, 45},
    {"Istanbul", 4100820, 2897840, 1191, 3, 40},
    {"Jakarta", -620880, 10684560, 904, 7, 36},
    {"Lagos", 652440, 337920, 905, 1, 33},
    {"Cairo", 3004440, 3123570, 1039, 2, 30},
    {"Berlin", 5252000, 1340500, 1477, 1, 28},
    {"Madrid", 4041680, -370380, 1181, 1, 26},
    {"Toronto", 4365320, -7938320, 1243, -5, 25},
    {"Chicago", 4187810, -8762980, 1207, -6, 23},
    {"Singapore", 135210, 10381980, 899, 8, 22},
    {"Sydney", -3386880, 15120930, 1083, 10, 21},
    {"Nairobi", -129210, 3682190, 899, 3, 20},
    {"Lyon", 4576400, 483570, 1289, 1, 19},
    {"Warsaw", 5222970, 2101220, 1468, 1, 20},
}};

// Busy in the morning and in the evening, quiet at night.
constexpr std::array<uint8_t, 24> kDemand = {90,  60,  45,  38,  40,  60,  110, 180, 230, 190, 150, 145,
                                             160, 155, 150, 160, 190, 235, 255, 240, 200, 180, 160, 130};

constexpr std::array<uint8_t, 1024> kByShare = [] {
  std::array<uint8_t, 1024> table{};
  size_t next = 0;
  for (size_t c = 0; c < kTable.size(); ++c) {
    for (int32_t i = 0; i < kTable[c].share; ++i) table[next++] = static_cast<uint8_t>(c);
  }
  return table;
}();

constexpr int demand_at(size_t city_index, size_t utc_hour) {
  const int hour = (static_cast<int>(utc_hour) + kTable[city_index].utc_offset_hours + 24) % 24;
  return kDemand[static_cast<size_t>(hour)];
}

size_t hour_of(Micros t) {
  constexpr int64_t kHour = 3'600 * kMicrosPerSecond;
  const int64_t hour = t / kHour % 24;
  return static_cast<size_t>(hour < 0 ? hour + 24 : hour);
}

struct Seats {
  // By hour (UTC): the rides of city c are those from ends[c] to ends[c + 1].
  std::array<std::array<int, kCities + 1>, 24> ends{};
  std::array<int64_t, kCities + 1> firsts{};  // vehicles of city c: from firsts[c] to firsts[c + 1]
};

constexpr Seats kSeats = [] {
  Seats seats;
  std::array<int, kCities> most{};
  for (size_t hour = 0; hour < seats.ends.size(); ++hour) {
    int64_t total = 0;
    for (size_t c = 0; c < kTable.size(); ++c) total += kTable[c].share * demand_at(c, hour);
    int64_t sum = 0;
    auto& ends = seats.ends[hour];
    for (size_t c = 0; c < kTable.size(); ++c) {
      sum += kTable[c].share * demand_at(c, hour);
      ends[c + 1] = static_cast<int>((sum * kBlock + total / 2) / total);
      most[c] = std::max(most[c], ends[c + 1] - ends[c]);
    }
  }
  for (size_t c = 0; c < kTable.size(); ++c) seats.firsts[c + 1] = seats.firsts[c] + most[c];
  return seats;
}();

// Multiplied by it, neighbours of one city lie far apart; and the number that takes it back.
constexpr int64_t kStride = 617;
constexpr int64_t kStrideBack = [] {
  int64_t back = 1;
  while (back < kSeats.firsts.back() && back * kStride % kSeats.firsts.back() != 1) ++back;
  return back;
}();
static_assert(kStrideBack < kSeats.firsts.back());

}  // namespace

const City& city(int index) {
  return kTable[static_cast<size_t>(index)];
}

int city_by_share(uint64_t hash) {
  return kByShare[hash & 1023];
}

int demand(int city_index, Micros t) {
  return demand_at(static_cast<size_t>(city_index), hour_of(t));
}

Seat seat_of(int ride, Micros t) {
  const auto& ends = kSeats.ends[hour_of(t)];
  const auto found = std::upper_bound(ends.begin() + 1, ends.end(), ride);
  const auto index = static_cast<int>(found - ends.begin()) - 1;
  return {index, ride - ends[static_cast<size_t>(index)]};
}

int ride_of(const Seat& seat, Micros t) {
  const auto& ends = kSeats.ends[hour_of(t)];
  const int ride = ends[static_cast<size_t>(seat.city)] + seat.number;
  return ride < ends[static_cast<size_t>(seat.city) + 1] ? ride : -1;
}

int64_t vehicles_per_block() {
  return kSeats.firsts.back();
}

int64_t vehicle_of(int64_t block, const Seat& seat) {
  const int64_t place = kSeats.firsts[static_cast<size_t>(seat.city)] + seat.number;
  return block * vehicles_per_block() + place * kStride % vehicles_per_block();
}

Seat seat_of_vehicle(int64_t vehicle) {
  const int64_t place = vehicle % vehicles_per_block() * kStrideBack % vehicles_per_block();
  const auto& firsts = kSeats.firsts;
  const auto city = std::upper_bound(firsts.begin(), firsts.end(), place) - firsts.begin() - 1;
  return {static_cast<int>(city), static_cast<int>(place - firsts[static_cast<size_t>(city)])};
}

}  // namespace rideflow::generator
