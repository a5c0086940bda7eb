#include "bench/rows/ride_data.h"

#include <fmt/format.h>

#include <cstring>

#include "engine/hash.h"
#include "engine/time.h"

namespace rideflow::bench {
namespace {

constexpr size_t kMaxEvent = EventGenerator::kMaxEventBytes;

constexpr int64_t kMostWholeEvents = 6'000'000;

bool chosen(uint64_t hash, double share) {
  return static_cast<double>(hash >> 11) < share * static_cast<double>(uint64_t{1} << 53);
}

void replace_value(std::string& event, std::string_view key, std::string_view value) {
  const size_t begin = event.find(key) + key.size();
  const size_t end = event[begin] == '"' ? event.find('"', begin + 1) + 1 : event.find_first_of(",}", begin);
  event.replace(begin, end - begin, value);
}

// The last two fields change places.
void reorder(std::string& event) {
  const size_t distance = event.find(",\"distance_km\":");
  const size_t time = event.find(",\"ride_timestamp\":");
  const std::string moved = event.substr(distance, time - distance);
  event.insert(event.size() - 1, moved);
  event.erase(distance, moved.size());
}

void drop_distance(std::string& event) {
  const size_t begin = event.find(",\"distance_km\":");
  const size_t end = event.find(',', begin + 1);
  event.erase(begin, (end == std::string::npos ? event.size() - 1 : end) - begin);
}

// Everything from the one key to the other.
void cut(std::string& event, std::string_view from, std::string_view to) {
  const size_t begin = event.find(from);
  event.erase(begin, event.find(to, begin) - begin);
}

void escape(std::string& event) {
  constexpr std::string_view kCity = "\"city\":\"";
  event.insert(event.find(kCity) + kCity.size(), "\\u00e9");
}

}  // namespace

Result<RideData> RideData::make(const RideOptions& options) {
  GeneratorOptions g;
  g.kind = "rides";
  g.seed = 7;
  g.start = 1'767'225'600 * kMicrosPerSecond;  // 2026-01-01
  g.rate = options.rate;
  g.pace = 20;
  g.disorder = 2 * kMicrosPerSecond;
  RF_ASSIGN(const std::unique_ptr<EventGenerator> generator, EventGenerator::make(g));
  // Beyond the first rides' lives, when every status is there in its share.
  const int64_t first = static_cast<int64_t>(g.rate * 600);
  std::string event;
  return gather(options.events, [&](int64_t i, std::string& text) -> Status {
    event.clear();
    generator->append(first + i, event);
    const uint64_t draw = mix64(static_cast<uint64_t>(i) + 99);
    const uint64_t turn = options.in_turn ? static_cast<uint64_t>(i) : draw >> 20;
    const auto driver = static_cast<int64_t>(turn % static_cast<uint64_t>(options.drivers));
    replace_value(event, "\"driver_id\":", fmt::format("\"d-{:07}\"", driver));
    if (options.events > kMostWholeEvents) {
      cut(event, ",\"vehicle_id\":", ",\"city\":");
      cut(event, ",\"pickup_location\":", ",\"fare\":");
    }
    if (chosen(mix64(draw + 1), options.reordered)) reorder(event);
    if (chosen(mix64(draw + 2), options.optional)) drop_distance(event);
    if (chosen(mix64(draw + 3), options.escaped)) escape(event);
    if (event.size() > kMaxEvent) return Status::internal("an event larger than the generator's limit");
    text += event;
    return {};
  });
}

Result<RideData> RideData::generate(const GeneratorOptions& options, int64_t first, int64_t events) {
  RF_ASSIGN(const std::unique_ptr<EventGenerator> generator, EventGenerator::make(options));
  return gather(events, [&](int64_t i, std::string& text) -> Status {
    generator->append(first + i, text);
    return {};
  });
}

Result<RideData> RideData::gather(int64_t events, const Append& append) {
  RideData data;
  data.ends_.push_back(0);
  std::string all;
  for (int64_t i = 0; i < events; ++i) {
    RF_TRY(append(i, all));
    data.ends_.push_back(all.size());
  }
  data.bytes_ = BufferRef::copy_of(all);
  return data;
}

}  // namespace rideflow::bench
