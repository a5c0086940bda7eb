// The event generator: pure, splittable, true to life.
#include "operators/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <numbers>
#include <set>

#include "engine/hash.h"
#include "engine/time.h"
#include "operators/generator_cities.h"

namespace rideflow {
namespace generator_test {

namespace json = boost::json;
using generator::kLatPerKm;

constexpr Micros kStart = 1'767'268'800'000'000;  // 2026-01-01T12:00:00Z

GeneratorOptions options(std::string kind) {
  GeneratorOptions o;
  o.kind = std::move(kind);
  o.seed = 7;
  o.start = kStart;
  o.rate = 100;
  return o;
}

std::unique_ptr<EventGenerator> generator(const GeneratorOptions& o) {
  auto made = EventGenerator::make(o);
  EXPECT_TRUE(made.ok()) << made.status().to_string();
  return *std::move(made);
}

std::string event(const EventGenerator& g, int64_t number, GeneratedEvent* info = nullptr) {
  std::string text;
  const GeneratedEvent e = g.append(number, text);
  if (info != nullptr) *info = e;
  return text;
}

std::string field(const json::object& o, std::string_view name) {
  const json::value* v = o.if_contains(name);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

class EveryKind : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Generator, EveryKind, testing::Values("rides", "vehicles", "users", "users_schema"));

TEST_P(EveryKind, EventsAreAFunctionOfTheirNumber) {
  GeneratorOptions o = options(GetParam());
  o.disorder = 3 * kMicrosPerSecond;
  o.late = 0.01;
  o.duplicates = 0.05;
  o.broken = 0.02;
  const auto forward = generator(o);
  const auto backward = generator(o);
  std::vector<std::string> events;
  for (int64_t i = 0; i < 3'000; ++i) events.push_back(event(*forward, i));
  for (int64_t i = 2'999; i >= 0; --i) ASSERT_EQ(event(*backward, i), events[static_cast<size_t>(i)]) << i;
  o.seed = 8;
  EXPECT_NE(event(*generator(o), 0), events[0]);
}

// `dev --generate --seed` started again: new rides and users, or their keys would go on in old sessions.
TEST_P(EveryKind, ALaterStartHasRidesAndUsersOfItsOwn) {
  if (GetParam() == "vehicles") return;  // the fleet is the seed's
  const auto keys_of = [](const GeneratorOptions& o) {
    const auto g = generator(o);
    std::set<std::string> keys;
    for (int64_t i = 0; i < 5'000; ++i) {
      GeneratedEvent info;
      const std::string text = event(*g, i, &info);
      keys.insert(text.substr(static_cast<size_t>(info.key_offset), static_cast<size_t>(info.key_length)));
    }
    return keys;
  };
  GeneratorOptions o = options(GetParam());
  const std::set<std::string> first = keys_of(o);
  EXPECT_GT(first.size(), 500U);
  EXPECT_EQ(keys_of(o), first);
  o.start += 1'000;
  for (const std::string& key : keys_of(o)) ASSERT_FALSE(first.contains(key)) << key;
}

TEST_P(EveryKind, EventsHaveExactlyTheColumnsOfTheirSchema) {
  const auto g = generator(options(GetParam()));
  std::set<std::string> known;
  for (const GeneratorColumn& c : generator_columns(GetParam())) known.emplace(c.name);
  std::set<std::string> seen;
  for (int64_t i = 0; i < 500; ++i) {
    GeneratedEvent info;
    const std::string text = event(*g, i, &info);
    ASSERT_LT(text.size(), EventGenerator::kMaxEventBytes);
    json::error_code error;
    const json::value parsed = json::parse(text, error);
    ASSERT_FALSE(error) << text;
    for (const auto& [key, value] : parsed.as_object()) seen.emplace(key);
    const std::string key =
        text.substr(static_cast<size_t>(info.key_offset), static_cast<size_t>(info.key_length));
    const std::string name = GetParam() == "rides"      ? "ride_id"
                             : GetParam() == "vehicles" ? "vehicle_id"
                                                        : "user_id";
    EXPECT_EQ(key, field(parsed.as_object(), name));
  }
  EXPECT_EQ(seen, known);
}

TEST_P(EveryKind, TimesFollowTheSchedule) {
  const auto g = generator(options(GetParam()));
  for (int64_t i = 0; i < 1'000; ++i) {
    GeneratedEvent info;
    event(*g, i, &info);
    EXPECT_EQ(info.due, kStart + i * 10'000);
    EXPECT_EQ(info.event_time, info.due);
    EXPECT_EQ(g->due_count(info.due), i + 1);
    EXPECT_EQ(g->due_count(info.due - 1), i);
  }
}

TEST_P(EveryKind, DisorderAndLatenessAreBounded) {
  GeneratorOptions o = options(GetParam());
  o.disorder = 5 * kMicrosPerSecond;
  o.late = 0.02;
  const auto g = generator(o);
  int64_t late = 0;
  int64_t disordered = 0;
  for (int64_t i = 50'000; i < 60'000; ++i) {
    GeneratedEvent info;
    event(*g, i, &info);
    const Micros shift = info.due - info.event_time;
    ASSERT_GE(shift, 0);
    ASSERT_LE(shift, 186 * kMicrosPerSecond);
    late += shift > 6 * kMicrosPerSecond ? 1 : 0;
    disordered += shift > 2 * kMicrosPerSecond ? 1 : 0;
  }
  if (GetParam() == "rides" || GetParam() == "users_schema") {
    EXPECT_GT(late, 100);
  }
  EXPECT_LE(late, 300);
  EXPECT_GT(disordered, 2'000);
}

// Spacing is exact, whatever it is; the events are those of a city all the same.
TEST_P(EveryKind, SparseEventsAreExactlySpaced) {
  for (const Micros every : {Micros{1'000}, Micros{30'000'000}, Micros{61'001'000}, Micros{86'400'000'000}}) {
    GeneratorOptions o = options(GetParam());
    o.every = every;
    o.rate = 5;  // says nothing of the times
    const auto g = generator(o);
    const auto again = generator(o);
    for (int64_t i = 0; i < 2'000; i += 1 + i / 7) {
      GeneratedEvent info;
      const std::string text = event(*g, i, &info);
      ASSERT_EQ(info.due, kStart + i * every);
      ASSERT_EQ(info.event_time, info.due) << i;
      ASSERT_EQ(text, event(*again, i));
      ASSERT_EQ(g->due_count(info.due), i + 1);
      const json::object o2 = json::parse(text).as_object();
      for (const char* const place : {"pickup_location", "dropoff_location", "location"}) {
        if (const json::value* at = o2.if_contains(place)) {
          ASSERT_LE(std::abs(at->as_object().at("lat").to_number<double>()), 65) << text;
        }
      }
      if (const json::value* fare = o2.if_contains("fare"); fare != nullptr && fare->is_number()) {
        ASSERT_LT(fare->to_number<double>(), 400) << text;
      }
    }
  }
}

TEST(Generator, SparseRidesLiveATrueLife) {
  GeneratorOptions o = options("rides");
  o.every = 30'000'000;
  const auto g = generator(o);
  const std::map<std::string, int> order = {{"requested", 0},
                                            {"driver_assigned", 1},
                                            {"ride_started", 2},
                                            {"ride_completed", 3},
                                            {"ride_cancelled", 3}};
  std::map<std::string, int> stage;
  int ended = 0;
  for (int64_t i = 0; i < 20'000; ++i) {
    const json::object ride = json::parse(event(*g, i)).as_object();
    const int now = order.at(field(ride, "status"));
    const auto [it, is_new] = stage.try_emplace(field(ride, "ride_id"), now);
    ASSERT_EQ(is_new, now == 0);
    ASSERT_TRUE(is_new || it->second < now);
    it->second = now;
    ended += now == 3 ? 1 : 0;
  }
  EXPECT_GT(ended, 4'000);
}

TEST(Generator, DuplicatesAndBrokenRecordsComeInTheSharesAskedFor) {
  GeneratorOptions o = options("rides");
  o.duplicates = 0.05;
  o.broken = 0.02;
  const auto g = generator(o);
  std::map<std::string, int> seen;
  int broken = 0;
  for (int64_t i = 0; i < 20'000; ++i) {
    GeneratedEvent info;
    const std::string text = event(*g, i, &info);
    if (info.key_length == 0) {
      ++broken;
    } else {
      ++seen[text];
    }
  }
  int repeats = 0;
  for (const auto& [text, times] : seen) repeats += times - 1;
  EXPECT_NEAR(broken, 400, 60);
  EXPECT_NEAR(repeats, 1'000, 80);
}

struct Ride {
  std::vector<std::string> statuses;
  std::set<std::string> cities, drivers, customers;
  std::string last_time;
};

std::map<std::string, Ride> rides_of(const GeneratorOptions& o, int64_t count) {
  const auto g = generator(o);
  std::map<std::string, Ride> rides;
  for (int64_t i = 0; i < count; ++i) {
    const json::value parsed = json::parse(event(*g, i));
    const json::object& e = parsed.as_object();
    Ride& ride = rides[field(e, "ride_id")];
    ride.statuses.push_back(field(e, "status"));
    ride.cities.insert(field(e, "city"));
    ride.customers.insert(field(e, "customer_id"));
    if (!field(e, "driver_id").empty()) ride.drivers.insert(field(e, "driver_id"));
    EXPECT_LE(ride.last_time, field(e, "ride_timestamp"));
    ride.last_time = field(e, "ride_timestamp");
  }
  return rides;
}

TEST(Generator, RidesLiveATrueLife) {
  GeneratorOptions o = options("rides");
  o.disorder = 4 * kMicrosPerSecond;
  o.late = 0.05;
  o.rate = 20;
  const std::vector<std::string> whole = {"requested", "driver_assigned", "ride_started", "ride_completed"};
  const std::vector<std::string> early = {"requested", "ride_cancelled"};
  const std::vector<std::string> waiting = {"requested", "driver_assigned", "ride_cancelled"};
  int completed = 0;
  int cancelled = 0;
  for (const auto& [id, ride] : rides_of(o, 100'000)) {
    const auto is_start_of = [&statuses = ride.statuses](const std::vector<std::string>& life) {
      return statuses.size() <= life.size() && std::equal(statuses.begin(), statuses.end(), life.begin());
    };
    EXPECT_TRUE(is_start_of(whole) || is_start_of(early) || is_start_of(waiting)) << id;
    EXPECT_EQ(ride.cities.size(), 1U);
    EXPECT_EQ(ride.customers.size(), 1U);
    EXPECT_LE(ride.drivers.size(), 1U);
    completed += ride.statuses == whole ? 1 : 0;
    cancelled += ride.statuses.back() == "ride_cancelled" ? 1 : 0;
  }
  EXPECT_GT(completed, 10'000);
  EXPECT_GT(cancelled, completed / 20);
}

TEST(Generator, PaceMakesTripsShorter) {
  GeneratorOptions o = options("rides");
  o.pace = 60;  // the longest ride of 57 minutes takes one
  int completed = 0;
  for (const auto& [id, ride] : rides_of(o, 12'000)) completed += ride.statuses.back() == "ride_completed";
  EXPECT_GT(completed, 1'000);
}

// A driver has one vehicle in one city and drives one ride at a time, all day.
TEST(Generator, ADriverDrivesOneRideAtATime) {
  GeneratorOptions o = options("rides");
  o.rate = 200;
  o.pace = 60;
  struct Drive {
    std::string ride;
    std::string vehicle;
    std::string city;
  };
  std::map<std::string, Drive> busy;
  std::map<std::string, std::pair<std::string, std::string>> known;
  const auto g = generator(o);
  for (int64_t i = 0; i < 60'000; ++i) {
    const json::value parsed = json::parse(event(*g, i));
    const json::object& e = parsed.as_object();
    const std::string driver = field(e, "driver_id");
    if (driver.empty()) continue;
    const std::pair own(field(e, "vehicle_id"), field(e, "city"));
    EXPECT_EQ(known.try_emplace(driver, own).first->second, own);
    const std::string status = field(e, "status");
    Drive& drive = busy[driver];
    if (status == "driver_assigned") {
      EXPECT_EQ(drive.ride, "") << "assigned while on another ride";
      drive.ride = field(e, "ride_id");
    } else {
      EXPECT_EQ(drive.ride, field(e, "ride_id"));
      if (status == "ride_completed" || status == "ride_cancelled") drive.ride.clear();
    }
  }
}

TEST(Generator, VehiclesAreThoseOfTheRides) {
  GeneratorOptions o = options("rides");
  o.rate = 200;
  o.pace = 60;
  std::map<std::string, std::string> drivers;  // by vehicle, with its city
  const auto rides = generator(o);
  for (int64_t i = 0; i < 40'000; ++i) {
    const json::value parsed = json::parse(event(*rides, i));
    const json::object& e = parsed.as_object();
    const std::string vehicle = field(e, "vehicle_id");
    if (!vehicle.empty()) drivers.emplace(vehicle, field(e, "driver_id") + field(e, "city"));
  }
  o.kind = "vehicles";
  o.rides_rate = o.rate;
  std::map<std::string, std::string> fleet;
  const auto vehicles = generator(o);
  for (int64_t i = 0; i < 40'000; ++i) {
    const json::value parsed = json::parse(event(*vehicles, i));
    const json::object& e = parsed.as_object();
    fleet.emplace(field(e, "vehicle_id"), field(e, "driver_id") + field(e, "city"));
  }
  EXPECT_GT(drivers.size(), 1'000U);
  for (const auto& [vehicle, driver] : drivers) {
    const auto found = fleet.find(vehicle);
    ASSERT_NE(found, fleet.end()) << vehicle << " drives and never reports";
    EXPECT_EQ(found->second, driver);
  }
  EXPECT_LT(fleet.size(), 4 * drivers.size());
}

TEST(Generator, FaresGrowWithDistanceAndCitiesAreSkewed) {
  const auto g = generator(options("rides"));
  std::map<std::string, int> cities;
  double short_fares = 0, long_fares = 0;
  int shorts = 0, longs = 0;
  for (int64_t i = 0; i < 20'000; ++i) {
    const json::value parsed = json::parse(event(*g, i));
    const json::object& e = parsed.as_object();
    ++cities[field(e, "city")];
    const json::value& fare = e.at("fare");
    if (fare.is_null()) {
      EXPECT_EQ(field(e, "status"), "ride_cancelled");
      continue;
    }
    const double km = e.at("distance_km").to_number<double>();
    if (km < 3) {
      ++shorts;
      short_fares += fare.to_number<double>();
    } else if (km > 12) {
      ++longs;
      long_fares += fare.to_number<double>();
    }
  }
  EXPECT_GT(long_fares / longs, 3 * short_fares / shorts);
  EXPECT_GE(cities.size(), 18U);
  EXPECT_GT(cities["New York"], 4 * cities["Lyon"]);
}

TEST(Generator, VehiclesMoveAndReportInTurn) {
  GeneratorOptions o = options("vehicles");
  o.pace = 20;
  const auto g = generator(o);
  std::map<std::string, std::string> last;
  std::map<std::string, int> statuses;
  int moved = 0;
  for (int64_t i = 0; i < 30'000; ++i) {
    const json::value parsed = json::parse(event(*g, i));
    const json::object& e = parsed.as_object();
    ++statuses[field(e, "status")];
    EXPECT_LT(e.at("speed_kmh").to_number<double>(), 90);
    const std::string place = json::serialize(e.at("location"));
    std::string& before = last[field(e, "vehicle_id")];
    moved += !before.empty() && before != place ? 1 : 0;
    before = place;
  }
  EXPECT_EQ(last.size(), 1'500U);  // one report per vehicle in 15 s
  EXPECT_GT(moved, 3'000);
  for (const char* status : {"available", "on_trip", "offline"}) EXPECT_GT(statuses[status], 100) << status;
}

// Milliseconds of "2026-01-01T12:00:00.123Z".
int64_t millis(const json::object& event, std::string_view name) {
  const auto time = parse_timestamp(field(event, name));
  EXPECT_TRUE(time.has_value());
  return *time / 1000;
}

double kilometres(const json::object& from, const json::object& to) {
  const auto number = [](const json::object& o, std::string_view name) {
    return o.at(name).to_number<double>();
  };
  const double north = (number(to, "lat") - number(from, "lat")) / kLatPerKm * 1e5;
  const double circle = std::cos(number(from, "lat") * std::numbers::pi / 180);
  const double east = (number(to, "lon") - number(from, "lon")) * circle / kLatPerKm * 1e5;
  return std::sqrt(north * north + east * east);
}

TEST(Generator, TripsAreAsFastAsCitiesAllow) {
  for (const double pace : {1.0, 20.0}) {
    GeneratorOptions o = options("rides");
    o.pace = pace;
    const auto g = generator(o);
    std::map<std::string, int64_t> started;
    int trips = 0;
    for (int64_t i = 0; i < static_cast<int64_t>(300'000 / pace); ++i) {
      const json::value parsed = json::parse(event(*g, i));
      const json::object& e = parsed.as_object();
      if (field(e, "status") == "ride_started") started[field(e, "ride_id")] = millis(e, "ride_timestamp");
      if (field(e, "status") != "ride_completed") continue;
      const double hours =
          static_cast<double>(millis(e, "ride_timestamp") - started.at(field(e, "ride_id"))) / 3.6e6;
      const double km = e.at("distance_km").to_number<double>();  // of which the rest was cut off
      ASSERT_GT((km + 0.011) / hours, 26) << event(*g, i);
      ASSERT_LT(km / hours, 42) << event(*g, i);
      const double straight =
          kilometres(e.at("pickup_location").as_object(), e.at("dropoff_location").as_object());
      ASSERT_LT(straight, e.at("distance_km").to_number<double>() + 0.02);
      ++trips;
    }
    EXPECT_GT(trips, 1'000) << pace;
  }
}

// Along the streets, which go north and east.
double street_kilometres(const json::object& from, const json::object& to) {
  json::object corner = to;
  corner["lat"] = from.at("lat");
  return kilometres(from, corner) + kilometres(corner, to);
}

TEST(Generator, VehiclesMoveAsFastAsTheySay) {
  for (const double pace : {1.0, 20.0}) {
    GeneratorOptions o = options("vehicles");
    o.pace = pace;
    o.disorder = 2 * kMicrosPerSecond;
    o.late = 0.01;
    const auto g = generator(o);
    struct Report {
      json::value event;
      int64_t millis;
    };
    std::map<std::string, Report> last;
    int checked = 0;
    for (int64_t i = 0; i < (pace > 1 ? 30'000 : 150'000); ++i) {
      json::value parsed = json::parse(event(*g, i));
      const json::object& e = parsed.as_object();
      const int64_t now = millis(e, "event_timestamp");
      if (const auto before = last.find(field(e, "vehicle_id")); before != last.end()) {
        const json::object& then = before->second.event.as_object();
        const double hours = static_cast<double>(now - before->second.millis) / 3.6e6;
        const double km = street_kilometres(then.at("location").as_object(), e.at("location").as_object());
        // Places are whole metres.
        ASSERT_LT(km, hours * 75 + 0.006) << field(e, "vehicle_id");
        const double said = e.at("speed_kmh").to_number<double>();
        const bool same = field(e, "status") == field(then, "status");
        if (same && said > 0 && said == then.at("speed_kmh").to_number<double>()) {
          ASSERT_NEAR(km, said * hours, 0.008 + 0.02 * km) << event(*g, i);
          ++checked;
        }
      }
      last[field(e, "vehicle_id")] = {std::move(parsed), now};
    }
    EXPECT_GT(checked, 500) << pace;
  }
}

struct Life {
  std::map<std::string, int64_t> millis;  // by status
  json::object pickup, dropoff;
  double km = 0;
};

// Every vehicle's rides in order of time.
std::map<std::string, std::vector<Life>> lives_by_vehicle(const GeneratorOptions& o, int64_t count) {
  std::map<std::string, Life> rides;
  std::map<std::string, std::vector<std::string>> by_vehicle;
  const auto g = generator(o);
  for (int64_t i = 0; i < count; ++i) {
    const json::value parsed = json::parse(event(*g, i));
    const json::object& e = parsed.as_object();
    Life& life = rides[field(e, "ride_id")];
    const std::string status = field(e, "status");
    life.millis[status.ends_with("ed") && status.starts_with("ride_c") ? "ended" : status] =
        millis(e, "ride_timestamp");
    life.pickup = e.at("pickup_location").as_object();
    life.dropoff = e.at("dropoff_location").as_object();
    life.km = e.at("distance_km").to_number<double>();
    if (status == "driver_assigned") by_vehicle[field(e, "vehicle_id")].push_back(field(e, "ride_id"));
  }
  std::map<std::string, std::vector<Life>> lives;
  for (const auto& [vehicle, ids] : by_vehicle) {
    for (const std::string& id : ids) lives[vehicle].push_back(rides.at(id));
  }
  return lives;
}

// The ride that a vehicle is assigned to at `now`, or null.
const Life* ride_at(const std::vector<Life>& lives, int64_t now) {
  for (const Life& life : lives) {
    const auto ended = life.millis.find("ended");
    if (life.millis.at("driver_assigned") <= now && (ended == life.millis.end() || now < ended->second)) {
      return &life;
    }
  }
  return nullptr;
}

// A join of both topics by vehicle: status and place follow from the vehicle's ride, whatever the pace.
TEST(Generator, VehiclesFollowTheirRides) {
  for (const double pace : {10.0, 60.0}) {
    GeneratorOptions o = options("rides");
    o.pace = pace;
    const int64_t count = pace > 10 ? 25'000 : 40'000;
    const auto lives = lives_by_vehicle(o, count);
    o.kind = "vehicles";
    o.rides_rate = o.rate;
    const auto g = generator(o);
    int free = 0, coming = 0, driving = 0;
    for (int64_t i = 0; i < count; ++i) {
      const json::value parsed = json::parse(event(*g, i));
      const json::object& e = parsed.as_object();
      const int64_t now = millis(e, "event_timestamp");
      const auto known = lives.find(field(e, "vehicle_id"));
      const Life* ride = known == lives.end() ? nullptr : ride_at(known->second, now);
      ASSERT_EQ(field(e, "status") == "on_trip", ride != nullptr) << event(*g, i);
      if (ride == nullptr) {
        ++free;
        continue;
      }
      const json::object& place = e.at("location").as_object();
      const auto started = ride->millis.find("ride_started");
      if (started == ride->millis.end() || now < started->second) {
        ++coming;
        continue;
      }
      const auto ended = ride->millis.find("ended");
      if (ended == ride->millis.end()) continue;  // beyond what was made
      ++driving;
      const double hours = static_cast<double>(ended->second - started->second) / 3.6e6;
      const double share = static_cast<double>(now - started->second) / 3.6e6 / hours;
      ASSERT_NEAR(street_kilometres(ride->pickup, place), share * ride->km, 0.012 + 0.02 * ride->km);
      ASSERT_NEAR(street_kilometres(place, ride->dropoff), (1 - share) * ride->km, 0.012 + 0.02 * ride->km);
      ASSERT_NEAR(e.at("speed_kmh").to_number<double>(), ride->km / hours, 0.5 + 0.02 / hours);
    }
    EXPECT_GT(free, 1'000) << pace;
    EXPECT_GT(coming, 100) << pace;
    EXPECT_GT(driving, 300) << pace;
  }
}

// Before its next ride is assigned, a vehicle is back where it waits, and it starts from there.
TEST(Generator, AVehicleIsFreeAndAtItsStandBeforeEachRide) {
  GeneratorOptions o = options("vehicles");
  o.pace = 60;
  o.rate = 2'000;
  o.rides_rate = 100;
  const auto g = generator(o);
  struct Last {
    std::string status;
    double speed = 0;
    json::object place;
  };
  std::map<std::string, Last> last;
  std::map<std::string, json::object> stands;
  int starts = 0;
  for (int64_t i = 0; i < 250'000; ++i) {
    const json::value parsed = json::parse(event(*g, i));
    const json::object& e = parsed.as_object();
    const std::string vehicle = field(e, "vehicle_id");
    const double speed = e.at("speed_kmh").to_number<double>();
    const Last before =
        std::exchange(last[vehicle], {field(e, "status"), speed, e.at("location").as_object()});
    if (field(e, "status") != "on_trip" || before.status.empty() || before.status == "on_trip") continue;
    ++starts;
    ASSERT_EQ(before.status, "available") << event(*g, i);
    if (before.speed > 0) continue;  // nearly back at its report before
    ASSERT_EQ(stands.try_emplace(vehicle, before.place).first->second, before.place);
  }
  EXPECT_GT(starts, 500);
}

TEST(Generator, RatingsComeFromUsersWhoSignedUp) {
  const auto g = generator(options("users"));
  std::map<std::string, std::string> documents;
  for (int64_t i = 0; i < 2'000; ++i) {
    const json::value parsed = json::parse(event(*g, i));
    const json::object& e = parsed.as_object();
    const std::string document = json::serialize(e.at("user"));
    if (field(e, "event_type").starts_with("new_")) {
      EXPECT_TRUE(documents.emplace(field(e, "user_id"), document).second);
    } else {
      EXPECT_EQ(documents.at(field(e, "user_id")), document);
    }
  }
}

// The bytes are a promise: benchmarks and tests elsewhere are compared by them.
TEST(Generator, BytesStayTheSame) {
  for (const auto& [kind, expected] :
       std::map<std::string, uint64_t>{{"rides", 4383521042446542664ULL},
                                       {"vehicles", 8343841527912502080ULL},
                                       {"users", 13979500142310191888ULL},
                                       {"users_schema", 7154415362123678727ULL}}) {
    const auto g = generator(options(kind));
    std::string text;
    for (int64_t i = 0; i < 1'000; ++i) g->append(i * 997, text);
    EXPECT_EQ(hash_bytes(text), expected) << kind;
  }
}

TEST(Generator, ImpossibleOptionsAreRefusedByName) {
  const auto refused = [](auto change) {
    GeneratorOptions o = options("rides");
    change(o);
    const auto made = EventGenerator::make(o);
    return made.ok() ? std::string() : made.status().message();
  };
  EXPECT_NE(refused([](GeneratorOptions& o) { o.kind = "ride"; }).find("rides"), std::string::npos);
  EXPECT_NE(refused([](GeneratorOptions& o) { o.rate = -1; }).find("rate"), std::string::npos);
  EXPECT_NE(refused([](GeneratorOptions& o) { o.every = -1; }).find("every"), std::string::npos);
  EXPECT_NE(refused([](GeneratorOptions& o) { o.pace = 0; }).find("pace"), std::string::npos);
  EXPECT_NE(refused([](GeneratorOptions& o) { o.disorder = -1; }).find("disorder"), std::string::npos);
  EXPECT_NE(refused([](GeneratorOptions& o) { o.late = 1.5; }).find("late"), std::string::npos);
  EXPECT_NE(refused([](GeneratorOptions& o) { o.broken = 0.6; }).find("broken"), std::string::npos);
}

}  // namespace generator_test
}  // namespace rideflow
