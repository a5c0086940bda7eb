// Compiled for x86-64-v3, as somebody who measures a loop of their own would compile it.
#include <simdjson.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>

#include "bench/rows/ride_loop.h"

namespace rideflow::bench {
namespace {

constexpr int64_t kWindow = 10'000'000;
constexpr int64_t kOutOfOrder = 5'000'000;

struct Cell {
  int64_t count = 0;
  double sum = 0;
};

struct KeyHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return boost::hash<std::string_view>()(s); }
};

using Cells = boost::unordered_flat_map<std::string, Cell, KeyHash, std::equal_to<>>;

int64_t two(const char* p) {
  return (p[0] - '0') * 10 + (p[1] - '0');
}

// "2026-01-01T00:00:00.000Z"; days are computed once a date.
class Clock {
 public:
  int64_t read(std::string_view s) {
    if (s.substr(0, 10) != date_) {
      date_ = s.substr(0, 10);
      day_ = days(two(s.data()) * 100 + two(s.data() + 2), two(s.data() + 5), two(s.data() + 8));
    }
    const char* const p = s.data();
    int64_t micros = 0;
    int64_t unit = 100'000;
    for (size_t i = 20; i < s.size() && s[i] != 'Z'; ++i, unit /= 10) micros += (s[i] - '0') * unit;
    return ((day_ * 24 + two(p + 11)) * 60 + two(p + 14)) * 60'000'000 + two(p + 17) * 1'000'000 + micros;
  }

 private:
  static int64_t days(int64_t y, int64_t m, int64_t d) {
    y -= m <= 2 ? 1 : 0;
    const int64_t era = y / 400;
    const int64_t yoe = y - era * 400;
    const int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146'097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719'468;
  }

  std::string date_;
  int64_t day_ = 0;
};

void close(std::map<int64_t, Cells>& windows, int64_t watermark, LoopResult& out) {
  while (!windows.empty() && windows.begin()->first + kWindow <= watermark) {
    for (const auto& [key, cell] : windows.begin()->second) {
      out.rows.push_back({windows.begin()->first, key, cell.count, cell.sum});
    }
    windows.erase(windows.begin());
  }
}

template <bool kCompletedOnly>
LoopResult loop_over(const RideData& data) {
  LoopResult out;
  simdjson::ondemand::parser parser;
  Clock clock;
  std::map<int64_t, Cells> windows;
  int64_t latest = INT64_MIN;
  int64_t start = INT64_MIN;
  Cells* cells = nullptr;
  for (int64_t i = 0; i < data.events(); ++i) {
    const std::string_view event = data.event(i);
    simdjson::ondemand::document doc;
    std::string_view driver;
    std::string_view status;
    std::string_view time;
    if (parser.iterate(event.data(), event.size(), event.size() + simdjson::SIMDJSON_PADDING).get(doc) ||
        doc["driver_id"].get(driver) || doc["status"].get(status)) {
      ++out.rejected;
      continue;
    }
    const bool counts = !kCompletedOnly || status == "ride_completed";
    simdjson::ondemand::value fare;
    double amount = 0;
    bool has_fare = false;
    if (counts) has_fare = !doc["fare"].get(fare) && !fare.is_null() && !fare.get(amount);
    if (doc["ride_timestamp"].get(time) || time.size() < 20) {
      ++out.rejected;
      continue;
    }
    const int64_t t = clock.read(time);
    if (counts) {
      if (t < start || t >= start + kWindow || cells == nullptr) {
        start = t - t % kWindow;
        cells = &windows[start];
      }
      auto found = cells->find(driver);
      if (found == cells->end()) found = cells->emplace(std::string(driver), Cell()).first;
      ++found->second.count;
      if (has_fare) found->second.sum += amount;
    }
    if (t > latest) {
      latest = t;
      if (!windows.empty() && windows.begin()->first + kWindow <= latest - kOutOfOrder) {
        close(windows, latest - kOutOfOrder, out);
        cells = nullptr;
      }
    }
  }
  close(windows, INT64_MAX, out);
  return out;
}

}  // namespace

LoopResult ride_loop(const RideData& data) {
  return loop_over<true>(data);
}

LoopResult ride_keys_loop(const RideData& data) {
  return loop_over<false>(data);
}

}  // namespace rideflow::bench
