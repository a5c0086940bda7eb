// EventGenerator: the events of a ride-hailing service as JSON, as pure functions of (seed, start, number).
//
// Rides follow each other in a true life cycle (requested, driver_assigned, ride_started, ride_completed, or
// ride_cancelled on the way), with consistent riders, drivers and vehicles, a fare that grows with the
// distance, and more rides in large cities and at busy local hours. A driver drives one ride at a time, in
// the city of the vehicle. Vehicles are where their rides take them (generator_drives.h); users sign up and
// rate.
//
// The same seed is the same city, drivers and vehicles; rides and users have ids of their own at every start.
//
// Event n is the same bytes for the same options, wherever and in whatever order it is asked for: any number
// of threads or partitions may each write their own share. Event n is due at start + n / rate, or at start +
// n * every; the time that stands in it is that instant too, less what `disorder` and `late` take away.
//
// Thread-safety: immutable after make(); share freely. Errors: make() refuses impossible options (user).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ids.h"
#include "engine/status.h"

namespace rideflow {

struct GeneratorOptions {
  std::string kind = "rides";  // rides | vehicles | users | users_schema
  uint64_t seed = 1;
  Micros start = 0;       // event time of event 0
  double rate = 0;        // events per second of event time; 0: 1,000 (whoever writes does not wait then)
  Micros every = 0;       // of event time between two events, exactly; 0: as `rate` says
  double rides_rate = 0;  // vehicles: they are the whole fleet of rides of this rate; 0: of rides of `rate`,
                          // as many of the fleet as report every 15 seconds
  double pace = 1;      // life goes this much faster: at 20, a 20-minute trip takes one minute, and leads as
                        // far as one does
  Micros disorder = 0;  // the time in an event is earlier than its turn by up to this much
  double late = 0;      // share of events that are one to three minutes later than `disorder` allows
  double duplicates = 0;  // share of events that repeat a recent one
  double broken = 0;      // share of records that are no valid event
};

// What stands in the bytes just written.
struct GeneratedEvent {
  Micros due = 0;         // when its turn is: start + number / rate
  Micros event_time = 0;  // what the event says (milliseconds are the finest); `due` of a broken record
  int32_t key_offset = 0;
  int32_t key_length = 0;  // the ride, vehicle or user id within the bytes; 0 for broken records
};

class EventGenerator {
 public:
  static constexpr size_t kMaxEventBytes = 2048;

  static Result<std::unique_ptr<EventGenerator>> make(const GeneratorOptions& options);
  virtual ~EventGenerator() = default;

  const GeneratorOptions& options() const { return options_; }
  // Writes event `number` (from 0) to `out`, which has room for kMaxEventBytes; returns the end. No newline.
  char* write(int64_t number, char* out, GeneratedEvent* event = nullptr) const;
  // The same, appended.
  GeneratedEvent append(int64_t number, std::string& out) const;

  Micros due_at(int64_t number) const;
  // How many events are due at `now`: the numbers below it.
  int64_t due_count(Micros now) const;

 protected:
  explicit EventGenerator(const GeneratorOptions& options);

  // Events without duplicates and broken records between them. Event `index` has its turn at `turn`.
  struct Clean {
    Micros event_time;
    int32_t key_offset;
    int32_t key_length;
  };
  virtual Clean write_clean(int64_t index, char*& out) const = 0;
  // The turn of clean event `index`.
  Micros turn(int64_t index) const;
  // `turn`, less disorder and lateness; never more than `max_shift` earlier.
  Micros shifted(int64_t index, Micros turn, Micros max_shift) const;

  const GeneratorOptions options_;
  const uint64_t seed_;     // mixed with the kind
  const uint64_t id_seed_;  // and with the start: rides and users of a later start are others

 private:
  char* write_broken(int64_t number, int64_t index, char* out) const;

  double events_per_second_;
  double clean_per_second_;
  double extra_share_;
};

// The kinds and what the columns of their events are, as a job's schema would spell them.
struct GeneratorColumn {
  std::string_view name;
  std::string_view type;
};
const std::vector<std::string>& generator_kinds();
const std::vector<GeneratorColumn>& generator_columns(std::string_view kind);
// The topic that a kind's events belong in: ride_events, vehicle_events, user_events, users_schema.
std::string_view generator_topic(std::string_view kind);

}  // namespace rideflow
