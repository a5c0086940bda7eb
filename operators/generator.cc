#include "operators/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/catalog.h"
#include "engine/hash.h"
#include "operators/generator_kinds.h"
#include "operators/generator_schedule.h"
#include "operators/generator_text.h"

namespace rideflow {
namespace {

struct KindInfo {
  std::string_view name;
  std::string_view topic;
  std::unique_ptr<EventGenerator> (*make)(const GeneratorOptions&);
  std::vector<GeneratorColumn> columns;
};

const std::vector<GeneratorColumn>& user_columns() {
  static const std::vector<GeneratorColumn> columns = {
      {"_id", "string"},
      {"user_id", "string"},
      {"first_name", "string"},
      {"last_name", "string"},
      {"user_name", "string"},
      {"phone_number", "string"},
      {"date_of_birth", "date"},
      {"gender", "string"},
      {"address", "string"},
      {"user_rating", "double"},
      {"created_at", "timestamp"},
      {"is_active", "bool"},
      {"user_type", "string"},
      {"user_schema_version", "string"},
      {"email", "string"},
      {"driver_license_number", "string?"},
      {"driver_rating_count", "int64?"},
      {"years_of_experience", "int64?"},
      {"driver_vehicle_schema",
       "struct(vehicle_id string, vehicle_identification_number string, vehicle_license_plate string, "
       "vehicle_make string, vehicle_model string, vehicle_category string, vehicle_model_year int64)?"},
      {"payment_details",
       "struct(bank_name string, account_holder_name string, account_number string, routing_number string)?"},
      {"customer_loyalty_status", "string?"},
      {"total_rides", "int64?"},
      {"average_fare_amount", "double?"},
      {"credit_card",
       "struct(card_number string, card_provider string, expiration_date string, security_code string)?"},
  };
  return columns;
}

std::string_view user_type() {
  static const std::string text = [] {
    std::string t = "struct(";
    for (const GeneratorColumn& c : user_columns()) {
      // Bare names of fields are words; `_id` is one too.
      t += fmt::format("{}{} {}", t.size() > 7 ? ", " : "", c.name, c.type);
    }
    return t + ")";
  }();
  return text;
}

const std::vector<KindInfo>& kinds() {
  static const std::vector<KindInfo> table = {
      {"rides",
       "ride_events",
       generator::make_rides,
       {{"ride_id", "string"},
        {"driver_id", "string?"},
        {"customer_id", "string"},
        {"vehicle_id", "string?"},
        {"city", "string"},
        {"status", "string"},
        {"pickup_location", "struct(lat double, lon double)"},
        {"dropoff_location", "struct(lat double, lon double)"},
        {"fare", "double?"},
        {"distance_km", "double"},
        {"ride_timestamp", "timestamp"}}},
      {"vehicles",
       "vehicle_events",
       generator::make_vehicles,
       {{"vehicle_id", "string"},
        {"driver_id", "string"},
        {"city", "string"},
        {"status", "string"},
        {"location", "struct(lat double, lon double)"},
        {"speed_kmh", "double"},
        {"event_timestamp", "timestamp"}}},
      {"users",
       "user_events",
       generator::make_users,
       {{"user_id", "string"},
        {"event_type", "string"},
        {"rating", "int64?"},
        {"user", user_type()},
        {"event_timestamp", "timestamp"}}},
      {"users_schema", "users_schema", generator::make_users_schema, user_columns()},
  };
  return table;
}

const KindInfo* find_kind(std::string_view name) {
  for (const KindInfo& kind : kinds()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

constexpr Micros kLargestSpacing = int64_t{366} * 86'400 * kMicrosPerSecond;

Status check_share(std::string_view name, double share, double limit) {
  if (share >= 0 && share <= limit) return {};
  return Status::user(Code::invalid_argument,
                      fmt::format("'{}' is a share of events: write a number from 0 to {}", name, limit));
}

}  // namespace

const std::vector<std::string>& generator_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> n;
    for (const KindInfo& kind : kinds()) n.emplace_back(kind.name);
    return n;
  }();
  return names;
}

const std::vector<GeneratorColumn>& generator_columns(std::string_view kind) {
  static const std::vector<GeneratorColumn> none;
  const KindInfo* info = find_kind(kind);
  return info == nullptr ? none : info->columns;
}

std::string_view generator_topic(std::string_view kind) {
  const KindInfo* info = find_kind(kind);
  return info == nullptr ? std::string_view() : info->topic;
}

EventGenerator::EventGenerator(const GeneratorOptions& options)
    : options_(options),
      seed_(generator::kind_seed(options.kind, options.seed)),
      id_seed_(mix64(seed_ ^ mix64(static_cast<uint64_t>(options.start)))),
      events_per_second_(generator::events_per_second(options)),
      clean_per_second_(generator::clean_per_second(options)),
      extra_share_(options.duplicates + options.broken) {}

Result<std::unique_ptr<EventGenerator>> EventGenerator::make(const GeneratorOptions& options) {
  const KindInfo* kind = find_kind(options.kind);
  if (kind == nullptr) {
    return Status::user(Code::invalid_argument,
                        fmt::format("'{}' is no kind of generated events: choose rides, vehicles, users or "
                                    "users_schema {}",
                                    options.kind, did_you_mean(options.kind, generator_kinds())));
  }
  if (!(options.rides_rate >= 0) || options.rides_rate > 1e8) {
    return Status::user(Code::invalid_argument, "'rides_rate' must be from 0 to 100,000,000 per second");
  }
  if (!(options.rate >= 0) || options.rate > 1e8) {
    return Status::user(Code::invalid_argument,
                        "'rate' must be from 0 (full speed) to 100,000,000 per second");
  }
  if (options.every < 0 || options.every > kLargestSpacing) {
    return Status::user(Code::invalid_argument, "'every' must be from 1 ms to 366 days");
  }
  if (!(options.pace >= 0.01 && options.pace <= 1000)) {
    return Status::user(Code::invalid_argument, "'pace' must be from 0.01 to 1000");
  }
  constexpr Micros kHour = 3'600 * kMicrosPerSecond;
  if (options.disorder < 0 || options.disorder > kHour) {
    return Status::user(Code::invalid_argument, "'disorder' must be from 0 to one hour");
  }
  RF_TRY(check_share("late", options.late, 1));
  RF_TRY(check_share("duplicates", options.duplicates, 0.5));
  RF_TRY(check_share("broken", options.broken, 0.5));
  if (options.duplicates + options.broken > 0.9) {
    return Status::user(Code::invalid_argument, "'duplicates' and 'broken' together must leave real events");
  }
  return kind->make(options);
}

Micros EventGenerator::due_at(int64_t number) const {
  if (options_.every > 0) return options_.start + number * options_.every;
  return options_.start + static_cast<Micros>(static_cast<double>(number) * 1e6 / events_per_second_);
}

int64_t EventGenerator::due_count(Micros now) const {
  if (now < options_.start) return 0;
  const double elapsed = static_cast<double>(now - options_.start) / 1e6;
  auto count = static_cast<int64_t>(elapsed * events_per_second_);
  while (count > 0 && due_at(count - 1) > now) --count;  // rounding of doubles: one step at most
  while (due_at(count) <= now) ++count;
  return count;
}

Micros EventGenerator::turn(int64_t index) const {
  return generator::turn_at(options_, clean_per_second_, index);
}

Micros EventGenerator::shifted(int64_t index, Micros turn, Micros max_shift) const {
  if (options_.disorder > 0 || options_.late > 0) {
    generator::Random random(seed_ ^ mix64(static_cast<uint64_t>(index) + 0x5151));
    Micros shift = 0;
    if (options_.disorder > 0) {
      shift = random.below(options_.disorder);
    }
    if (generator::chosen(random.next(), options_.late)) {
      shift = options_.disorder + random.between(60, 180) * kMicrosPerSecond;
    }
    turn -= std::min(shift, max_shift);
  }
  const Micros rest = turn % 1000;
  return turn - (rest < 0 ? rest + 1000 : rest);
}

char* EventGenerator::write(int64_t number, char* out, GeneratedEvent* event) const {
  int64_t index = number;
  bool broken = false;
  if (extra_share_ > 0) {
    // Duplicates and broken records take evenly spaced turns of their own, so no life cycle has a hole.
    const auto before = static_cast<int64_t>(static_cast<double>(number) * extra_share_);
    const auto after = static_cast<int64_t>(static_cast<double>(number + 1) * extra_share_);
    index -= before;
    if (after > before) {
      generator::Random random(seed_ ^ mix64(static_cast<uint64_t>(before) + 0xd0b1));
      broken = generator::chosen(random.next(), options_.broken / extra_share_);
      index = std::max<int64_t>(0, index - 1 - random.below(64));
    }
  }
  if (event != nullptr) *event = GeneratedEvent{due_at(number), due_at(number), 0, 0};
  if (broken) return write_broken(number, index, out);
  const Clean clean = write_clean(index, out);
  if (event != nullptr) {
    event->event_time = clean.event_time;
    event->key_offset = clean.key_offset;
    event->key_length = clean.key_length;
  }
  return out;
}

GeneratedEvent EventGenerator::append(int64_t number, std::string& out) const {
  const size_t before = out.size();
  out.resize(before + kMaxEventBytes);
  GeneratedEvent event;
  const char* end = write(number, out.data() + before, &event);
  out.resize(static_cast<size_t>(end - out.data()));
  return event;
}

char* EventGenerator::write_broken(int64_t number, int64_t index, char* out) const {
  const uint64_t hash = mix64(seed_ ^ mix64(static_cast<uint64_t>(number) + 0xbad));
  char* end = out;
  write_clean(index, end);
  const auto size = end - out;
  switch (hash % 4) {
    case 0:  // cut off
      return out + size / 2;
    case 1: {  // not JSON at all
      generator::Writer w{out};
      w.text("ERROR upstream connect error, request ");
      w.hex(hash, 16);
      return w.p;
    }
    case 2:  // not UTF-8: the first letter of the key
      std::find(out, end, ':')[2] = static_cast<char>(0xff);
      return end;
    default: {  // a time that is none
      generator::Writer w{end - 27};
      w.text("\"yesterday\"}");
      return w.p;
    }
  }
}

}  // namespace rideflow
