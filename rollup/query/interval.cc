#include "rollup/query/interval.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "rollup/chunk.h"
#include "rollup/rollup_spec.h"

namespace rideflow::rollup {
namespace {

constexpr int64_t kMinute = 60 * kMicrosPerSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

// Days since 1970 of a proleptic Gregorian date.
int64_t days_of(int64_t year, int64_t month, int64_t day) {
  const int64_t y = year - (month <= 2 ? 1 : 0);
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

int64_t days_in_month(int64_t year, int64_t month) {
  return month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

class MomentReader {
 public:
  explicit MomentReader(std::string_view text) : text_(text) {}
  bool at_end() const { return text_.empty(); }
  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<int64_t> number(size_t most_digits) {
    size_t n = 0;
    while (n < text_.size() && n < most_digits && text_[n] >= '0' && text_[n] <= '9') ++n;
    int64_t v = 0;
    if (n == 0) return std::nullopt;
    std::from_chars(text_.data(), text_.data() + n, v);
    text_.remove_prefix(n);
    return v;
  }
  // Digits of a fraction as microseconds; nothing when there are none.
  std::optional<int64_t> fraction() {
    int64_t v = 0;
    if (text_.empty() || text_.front() < '0' || text_.front() > '9') return std::nullopt;
    for (int digit = 0; !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; ++digit) {
      if (digit < 6) v = v * 10 + (text_.front() - '0');
      text_.remove_prefix(1);
      scale_ = digit + 1;
    }
    for (int i = scale_; i < 6; ++i) v *= 10;
    return v;
  }

 private:
  std::string_view text_;
  int scale_ = 0;
};

std::optional<int64_t> read_clock(MomentReader& in) {
  const auto hour = in.number(2);
  if (!hour || *hour > 23) return std::nullopt;
  int64_t t = *hour * kHour;
  if (!in.take(':')) return t;
  const auto minute = in.number(2);
  if (!minute || *minute > 59) return std::nullopt;
  t += *minute * kMinute;
  if (!in.take(':')) return t;
  const auto second = in.number(2);
  if (!second || *second > 59) return std::nullopt;
  t += *second * kMicrosPerSecond;
  if (in.take('.') || in.take(',')) {
    const auto fraction = in.fraction();
    if (!fraction) return std::nullopt;
    t += *fraction;
  }
  return t;
}

std::optional<int64_t> read_offset(MomentReader& in) {
  if (in.take('Z') || in.at_end()) return 0;
  const bool minus = in.take('-');
  if (!minus && !in.take('+')) return std::nullopt;
  const auto hours = in.number(2);
  if (!hours || *hours > 23) return std::nullopt;
  const bool colon = in.take(':');
  const auto minutes = in.number(2);
  if ((colon && !minutes) || minutes.value_or(0) > 59) return std::nullopt;
  const int64_t offset = *hours * kHour + minutes.value_or(0) * kMinute;
  return minus ? -offset : offset;
}

}  // namespace

std::optional<Micros> parse_moment(std::string_view text) {
  MomentReader in(text);
  const bool negative = in.take('-');
  auto year = in.number(10);
  if (!year) return std::nullopt;
  if (negative) year = -*year;
  int64_t month = 1;
  int64_t day = 1;
  if (in.take('-')) {
    const auto m = in.number(2);
    if (!m || *m < 1 || *m > 12) return std::nullopt;
    month = *m;
    if (in.take('-')) {
      const auto d = in.number(2);
      if (!d || *d < 1 || *d > days_in_month(*year, month)) return std::nullopt;
      day = *d;
    }
  }
  int64_t clock = 0;
  if (in.take('T') || in.take(' ')) {
    const auto c = read_clock(in);
    if (!c) return std::nullopt;
    clock = *c;
  }
  const auto offset = read_offset(in);
  if (!offset || !in.at_end()) return std::nullopt;
  if (*year < -70'000) return kEternity.start;
  if (*year > 70'000) return kEternity.end;
  return days_of(*year, month, day) * kDay + clock - *offset;
}

Result<Interval> parse_interval(std::string_view text) {
  const auto bad = [&] {
    return bad_query("java.util.common.Intervals",
                     fmt::format("Invalid interval [{}]: give start/end", text));
  };
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return bad();
  const std::string_view first = text.substr(0, slash);
  const std::string_view second = text.substr(slash + 1);
  const auto is_period = [](std::string_view s) { return !s.empty() && s.front() == 'P'; };
  Interval interval;
  if (is_period(second)) {
    const auto start = parse_moment(first);
    const auto period = parse_duration(second);
    if (!start || !period.ok()) return bad();
    interval = {*start, add(*start, *period, 1, TimeZone::utc())};
  } else if (is_period(first)) {
    const auto end = parse_moment(second);
    const auto period = parse_duration(first);
    if (!end || !period.ok()) return bad();
    interval = {add(*end, *period, -1, TimeZone::utc()), *end};
  } else {
    const auto start = parse_moment(first);
    const auto end = parse_moment(second);
    if (!start || !end) return bad();
    interval = {*start, *end};
  }
  if (interval.end < interval.start) {
    return bad_query("java.util.common.Intervals",
                     fmt::format("The end instant must be greater than the start instant: [{}]", text));
  }
  return interval;
}

Result<std::vector<Interval>> parse_intervals(const Json* json) {
  if (json != nullptr && json->is_object()) json = find(json->get_object(), "intervals");
  std::vector<Interval> all;
  const auto list = items(json);
  constexpr size_t kMost = 10'000;
  if (list.size() > kMost) {
    return Status::user(Code::resource_exhausted, fmt::format("More than {} intervals are given.", kMost));
  }
  for (const Json* item : list) {
    RF_ASSIGN(const Interval interval, parse_interval(text(item).value_or("")));
    if (interval.start < interval.end) all.push_back(interval);
  }
  std::sort(all.begin(), all.end(), [](const Interval& a, const Interval& b) { return a.start < b.start; });
  std::vector<Interval> merged;
  for (const Interval& i : all) {
    if (!merged.empty() && i.start <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, i.end);
    } else {
      merged.push_back(i);
    }
  }
  return merged;
}

namespace {

// Within the calendar that periods are counted in.
std::optional<Micros> parse_origin(const Json& json) {
  const auto origin = parse_moment(rollup::text(&json).value_or(""));
  const bool known = origin && *origin >= days_of(1, 1, 1) * kDay && *origin < days_of(10'000, 1, 1) * kDay;
  return known ? origin : std::nullopt;
}

}  // namespace

Result<Granularity> Granularity::parse(const Json& json) {
  Granularity g;
  if (const JsonObject* object = json.if_object()) {
    const std::string type = rollup::text(*object, "type");
    if (type == "period") return parse_period(*object);
    if (type == "duration") {
      const auto millis = integer(find(*object, "duration"));
      if (!millis || *millis <= 0 || *millis > INT64_MAX / 1000) {
        return bad_query("java.util.common.granularity.DurationGranularity", "duration must be positive");
      }
      g.period_.micros = *millis * 1000;
      g.origin_ = 0;
      if (const Json* origin = find(*object, "origin")) {
        g.origin_ = parse_origin(*origin);
        if (!g.origin_) return bad_query("java.util.common.granularity.DurationGranularity", "bad origin");
      }
      return g;
    }
    g.all_ = type == "all";
    g.none_ = type == "none";
    g.period_.micros = 1000;
    if (!g.all_ && !g.none_) {
      return unknown_type(type, "java.util.common.granularity.Granularity", "all, duration, none, period");
    }
    return g;
  }
  std::string word = rollup::text(&json).value_or("");
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (word == "all") {
    g.all_ = true;
    return g;
  }
  const Result<Duration> period = word.empty() || word.front() == 'p' ? Duration() : parse_granularity(word);
  if (!period.ok() || *period == Duration()) {
    for (char& c : word) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return bad_query(
        "java.util.common.granularity.Granularity",
        "No enum constant org.apache.druid.java.util.common.granularity.GranularityType." + word);
  }
  g.none_ = word == "none";
  g.period_ = *period;
  return g;
}

Result<Granularity> Granularity::parse_period(const JsonObject& json) {
  constexpr std::string_view kType = "java.util.common.granularity.PeriodGranularity";
  Granularity g;
  const Result<Duration> period = parse_duration(rollup::text(json, "period"));
  const bool positive = period.ok() && period->months >= 0 && period->days >= 0 && period->micros >= 0 &&
                        !(*period == Duration());
  if (!positive) return bad_query(kType, "period must be positive");
  g.period_ = *period;
  if (const Json* zone = find(json, "timeZone")) {
    const Result<const TimeZone*> found = TimeZone::find(rollup::text(zone).value_or(""));
    if (!found.ok()) return bad_query(kType, "The datetime zone id is not recognised");
    g.zone_ = *found;
  }
  if (const Json* origin = find(json, "origin")) {
    g.origin_ = parse_origin(*origin);
    if (!g.origin_) return bad_query(kType, "bad origin");
  }
  return g;
}

namespace {

// The zone's offset without daylight saving, as far as offsets show it: an offset that begins and ends with
// one and the same smaller offset, all within some 13 months, is daylight saving.
int64_t standard_offset(const TimeZone& zone, Micros t) {
  constexpr int64_t kWeek = 7 * kDay;
  constexpr int64_t kWeeks = 57;
  const int64_t now = zone.offset_at(t);
  const auto first_other = [&](int64_t step) -> std::optional<int64_t> {
    for (int64_t week = 1; week <= kWeeks; ++week) {
      const int64_t other = zone.offset_at(t + week * step);
      if (other != now) return other;
    }
    return std::nullopt;
  };
  const auto before = first_other(-kWeek);
  if (!before || *before > now) return now;
  return first_other(kWeek) == before ? *before : now;
}

// The first moment in (low, high] for which `reached` holds. REQUIRES: it holds for high, and from then on.
template <class F>
Micros first_moment(Micros low, Micros high, F reached) {
  while (high - low > 1) {
    const Micros middle = low + (high - low) / 2;
    (reached(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace

// Whole fractions of an hour are those of the wall clock. Longer periods, and those that do not divide an
// hour, are counted from 1970-01-01T00:00 in the zone's standard time, so that each but those beside a change
// of that is as long as it says (as in Druid, which counts by the standard time of 1970).
int64_t Granularity::grid_offset(Micros t) const {
  return kHour % period_.micros == 0 ? zone_->offset_at(t) : standard_offset(*zone_, t);
}

Micros Granularity::clock_start(Micros t) const {
  if (origin_) return floor_to(t - *origin_, period_.micros) + *origin_;
  if (zone_->is_utc()) return floor_to(t, period_.micros);
  const int64_t offset = grid_offset(t);
  const int64_t local = floor_to(t + offset, period_.micros);
  const Micros start = local - offset;
  if (grid_offset(start) == offset) return start;
  // The clock was changed within the period, which begins by the clock before the change, if that showed its
  // start, or else with the change.
  const Micros earlier = zone_->to_utc(local);
  if (kHour % period_.micros == 0 && earlier <= t && earlier + zone_->offset_at(earlier) == local)
    return earlier;
  return first_moment(start, t, [&](Micros m) { return grid_offset(m) == offset; });
}

// The last n for which the n-th period from the origin begins at or before t.
int64_t Granularity::periods_from_origin(Micros t) const {
  constexpr int64_t kMeanMonth = 2'629'746 * kMicrosPerSecond;
  const int64_t length = period_.months * kMeanMonth + period_.days * kDay + period_.micros;
  int64_t n = floor_to(t - *origin_, length) / length;
  const auto start = [&](int64_t i) { return add(*origin_, period_, i, zone_); };
  // The estimate is off by a day or two at most; the bounds are for moments that no calendar has.
  for (int i = 0; i < 8 && start(n) > t; ++i) --n;
  for (int i = 0; i < 8 && start(n + 1) <= t; ++i) ++n;
  return n;
}

Micros Granularity::start_of(Micros t) const {
  if (period_.months == 0 && period_.days == 0) return clock_start(t);
  return origin_ ? add(*origin_, period_, periods_from_origin(t), zone_) : truncate(t, period_, zone_);
}

Micros Granularity::next(Micros start) const {
  constexpr int64_t kLongestJump = 26 * kHour;  // of a clock: zones have crossed the date line
  if (period_.months == 0 && period_.days == 0) {
    const Micros end = start + period_.micros;
    if (origin_ || zone_->is_utc() || grid_offset(start) == grid_offset(end)) return end;
    const Micros beyond = end + kLongestJump;
    if (clock_start(beyond) <= start) return end;
    return first_moment(start, beyond, [&](Micros m) { return clock_start(m) > start; });
  }
  if (origin_) return add(*origin_, period_, periods_from_origin(start) + 1, zone_);
  // Where a day begins at 01:00, because its midnight was skipped, the next does not.
  const Micros about = add(start, period_, 1, zone_);
  for (const Micros m : {about, about + kLongestJump}) {
    if (const Micros next = start_of(m); next > start) return next;
  }
  return about;
}

}  // namespace rideflow::rollup
