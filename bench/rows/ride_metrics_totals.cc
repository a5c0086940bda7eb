#include "bench/rows/ride_metrics_totals.h"

#include <simdjson.h>

#include <set>
#include <string>
#include <unordered_set>
#include <utility>

namespace rideflow::bench {
namespace {

constexpr size_t kToTheMinute = 16;  // characters of "2026-01-01T00:00"

std::string text(simdjson::dom::element event, const char* field) {
  std::string_view value;
  return event[field].get(value) ? std::string() : std::string(value);
}

void add_ride(simdjson::dom::element event, RideMetricsTotals& totals,
              std::set<std::pair<std::string, std::string>>& minutes,
              std::unordered_set<std::string>& trips) {
  const std::string status = text(event, "status");
  double fare = 0;
  const bool has_fare = !event["fare"].get(fare);
  ++totals.rides;
  if (has_fare) totals.fares += fare;
  totals.requested += status == "requested" ? 1 : 0;
  totals.completed += status == "ride_completed" ? 1 : 0;
  totals.cancelled += status == "ride_cancelled" ? 1 : 0;
  if (status == "ride_completed" && has_fare) totals.revenue += fare;
  simdjson::dom::object place;
  if (status == "requested" && !event["pickup_location"].get(place)) ++totals.requests_with_place;
  minutes.emplace(text(event, "city"), text(event, "ride_timestamp").substr(0, kToTheMinute));
  trips.insert(text(event, "ride_id"));
}

}  // namespace

RideMetricsTotals ride_metrics_totals(const RideData& rides, const RideData& users) {
  RideMetricsTotals totals;
  simdjson::dom::parser parser;
  simdjson::dom::element event;
  std::set<std::pair<std::string, std::string>> minutes;
  std::unordered_set<std::string> trips;
  for (int64_t i = 0; i < rides.events(); ++i) {
    if (!parser.parse(rides.event(i).data(), rides.event(i).size()).get(event)) {
      add_ride(event, totals, minutes, trips);
    }
  }
  totals.city_minutes = static_cast<int64_t>(minutes.size());
  totals.trips = static_cast<int64_t>(trips.size());
  for (int64_t i = 0; i < users.events(); ++i) {
    double rating = 0;
    if (parser.parse(users.event(i).data(), users.event(i).size()).get(event)) continue;
    if (text(event, "gender").empty() || event["user_rating"].get(rating)) continue;
    ++totals.ratings;
    totals.rating_sum += rating;
  }
  return totals;
}

}  // namespace rideflow::bench
