#include "operators/generator_drives.h"

#include <algorithm>
#include <cmath>

namespace rideflow::generator {
namespace {

constexpr int64_t kGroupsPerBlock = kBlock / kRoles;
constexpr int64_t kMillisPerHour = 3'600'000;
constexpr Micros kLongestDrive = 5'400 * kMicrosPerSecond;  // twice what a trip takes at most

// Metres per hour.
constexpr int64_t kSlowestTrip = 26'000;
constexpr int64_t kFastestTrip = 42'000;
constexpr int64_t kSlowestPickup = 12'000;
constexpr int64_t kFastestPickup = 26'000;

// Back from further away faster, by large roads; `metres` as at pace 1.
int64_t return_metres_per_hour(int64_t metres) {
  return 35'000 + std::min<int64_t>(35'000, metres * 35 / 30);
}

// Metres from the centre, small ones more often. One call after the other: the order of operands is the
// compiler's choice, the bytes are not.
int64_t near_centre(Random& random) {
  const int64_t metres = random.between(-5000, 5000);
  return metres * random.between(100, 1000) / 1000;
}

// So many metres of streets, in any direction.
Point way(Random& random, int64_t metres) {
  const int64_t share = random.between(-1000, 1000);
  const int64_t north = metres * share / 1000;
  const int64_t east = metres - (north < 0 ? -north : north);
  return {north, (random.next() & 1) != 0 ? east : -east};
}

Micros whole_millis(Micros time) {
  return time - time % 1000;
}

// x with odd * x = 1 modulo 2^64: every step doubles the bits that are right.
uint64_t inverse(uint64_t odd) {
  uint64_t x = odd;
  for (int i = 0; i < 5; ++i) x *= 2 - odd * x;
  return x;
}

}  // namespace

RideBook::RideBook(const GeneratorOptions& rides)
    : seed_(kind_seed("rides", rides.seed)), pace_(rides.pace), schedule_(rides, seed_) {
  // Wherever in their blocks a ride and the vehicle's next one begin, it is back when the next is assigned.
  int64_t longest = 0;
  int64_t first = schedule_.role(0).assigned;
  for (int role = 0; role < kRoles; ++role) {
    longest = std::max(longest, frames_until_back(schedule_.role(role)));
    first = std::min(first, schedule_.role(role).assigned);
  }
  blocks_ = (longest - first + 2 * kGroupsPerBlock - 2) / kGroupsPerBlock + 1;
}

int64_t RideBook::frames_until_back(const Role& role) const {
  const double frames_per_hour = schedule_.frames_per_second() * 3'600;
  const auto pickup = static_cast<double>(role.begin - role.assigned);
  const auto trip = static_cast<double>(role.end - role.begin + 1);
  const double metres = (pickup * kFastestPickup + trip * kFastestTrip) / frames_per_hour;
  const double speed = static_cast<double>(return_metres_per_hour(static_cast<int64_t>(metres * pace_)));
  return role.end + 2 + static_cast<int64_t>(std::ceil(metres / speed * frames_per_hour));
}

uint64_t RideBook::order_of(int64_t block) const {
  return mix64(seed_ + static_cast<uint64_t>(block) * 0x9e3779b97f4a7c15ULL);
}

// Rides of a block are dealt to the cities in an order of its own.
Ride RideBook::ride(int64_t group, int role) const {
  Ride ride{.group = group, .role = role, .seat = {}, .pickup = {}, .dropoff = {}};
  const int64_t block = group / kGroupsPerBlock;
  const uint64_t order = order_of(block);
  const auto place = static_cast<uint64_t>(group % kGroupsPerBlock * kRoles + role);
  const uint64_t number = (place * (order >> 20 | 1) + order) % kBlock;
  ride.seat = seat_of(static_cast<int>(number), schedule_.time_of_frame(block * kGroupsPerBlock));
  ride.vehicle = vehicle_of(block % blocks_, ride.seat);
  const Role& life = schedule_.role(role);
  const Micros begin = schedule_.time_of_frame(group + life.begin);
  ride.trip = life.begin_slot < 0
                  ? schedule_.time_of_frame(group + life.end) - begin
                  : schedule_.turn_of(group, life.last_slot) - schedule_.turn_of(group, life.begin_slot);
  // As fast as a city allows, whatever the pace: a shorter trip leads less far.
  Random random(seed_ ^ mix64(static_cast<uint64_t>(group * kRoles + role)));
  const Micros pickup = std::min(begin - schedule_.time_of_frame(group + life.assigned), kLongestDrive);
  ride.driven = std::min(ride.trip, kLongestDrive);
  ride.pickup = stand(ride.vehicle) +
                way(random, pickup / 1000 * random.between(kSlowestPickup, kFastestPickup) / kMillisPerHour);
  ride.metres = ride.driven / 1000 * random.between(kSlowestTrip, kFastestTrip) / kMillisPerHour;
  ride.dropoff = ride.pickup + way(random, ride.metres);
  ride.others = random;
  return ride;
}

Point RideBook::stand(int64_t vehicle) const {
  Random random(seed_ ^ mix64(static_cast<uint64_t>(vehicle) + 0x57a4d));
  const int64_t north = near_centre(random);
  return {north, near_centre(random)};
}

int64_t RideBook::turn_at(int64_t vehicle, Micros time) const {
  const int64_t frame = schedule_.frame_at(time);
  const int64_t since = frame - block_of(vehicle, 0) * kGroupsPerBlock;
  return since < 0 ? -1 : since / (kGroupsPerBlock * blocks_);
}

Micros RideBook::turn_begin(int64_t vehicle, int64_t turn) const {
  return schedule_.time_of_frame(block_of(vehicle, turn) * kGroupsPerBlock);
}

std::optional<Drive> RideBook::drive(int64_t vehicle, int64_t turn) const {
  if (turn < 0) return std::nullopt;
  const int64_t block = block_of(vehicle, turn);
  const int64_t first = block * kGroupsPerBlock;
  const int number = ride_of(seat_of_vehicle(vehicle), schedule_.time_of_frame(first));
  if (number < 0) return std::nullopt;
  const uint64_t order = order_of(block);
  const uint64_t place = (static_cast<uint64_t>(number) - order) * inverse(order >> 20 | 1) % kBlock;
  const int role = static_cast<int>(place % kRoles);
  if (role < kCancelledEarly) return std::nullopt;
  const Ride ride = this->ride(first + static_cast<int64_t>(place) / kRoles, role);
  const Role& life = schedule_.role(role);
  const bool whole = life.begin_slot >= 0;
  Drive drive;
  drive.ended = whole_millis(schedule_.turn_of(ride.group, life.last_slot));
  const Micros started =
      whole ? drive.ended - whole_millis(ride.trip) : schedule_.time_of_frame(ride.group + life.begin);
  drive.approach = {stand(vehicle), ride.pickup,
                    whole_millis(schedule_.turn_of(ride.group, life.assigned_slot)), started};
  drive.trip = {ride.pickup, ride.dropoff, started, drive.ended};
  drive.back = {whole ? ride.dropoff : drive.approach.at(drive.ended), drive.approach.from, drive.ended, 0};
  const int64_t metres = street_metres(drive.back.to - drive.back.from);
  const int64_t speed = return_metres_per_hour(static_cast<int64_t>(static_cast<double>(metres) * pace_));
  drive.back.end = drive.ended + metres * kMillisPerHour / speed * 1000;
  return drive;
}

Point Leg::at(Micros time) const {
  const Point way = to - from;
  if (time >= end) return to;
  int64_t metres = street_metres(way) * (time - begin) / (end - begin);
  const auto along = [&metres](int64_t part) {
    const int64_t driven = std::min(metres, part < 0 ? -part : part);
    metres -= driven;
    return part < 0 ? -driven : driven;
  };
  const int64_t north = along(way.north);
  return from + Point{north, along(way.east)};
}

int64_t Leg::metres_per_hour() const {
  return end <= begin ? 0 : street_metres(to - from) * kMillisPerHour / ((end - begin) / 1000);
}

}  // namespace rideflow::generator
