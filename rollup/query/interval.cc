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
  // Digits of a fraction as microseconds.
  int64_t fraction() {
    int64_t v = 0;
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
  if (!hour || *hour > 24) return std::nullopt;
  int64_t t = *hour * kHour;
  if (!in.take(':')) return t;
  const auto minute = in.number(2);
  if (!minute || *minute > 59) return std::nullopt;
  t += *minute * kMinute;
  if (!in.take(':')) return t;
  const auto second = in.number(2);
  if (!second || *second > 59) return std::nullopt;
  t += *second * kMicrosPerSecond;
  if (in.take('.') || in.take(',')) t += in.fraction();
  return t;
}

std::optional<int64_t> read_offset(MomentReader& in) {
  if (in.take('Z') || in.at_end()) return 0;
  const bool minus = in.take('-');
  if (!minus && !in.take('+')) return std::nullopt;
  const auto hours = in.number(2);
  if (!hours) return std::nullopt;
  in.take(':');
  const int64_t minutes = in.number(2).value_or(0);
  const int64_t offset = *hours * kHour + minutes * kMinute;
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
      if (!d || *d < 1 || *d > 31) return std::nullopt;
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
  for (const Json* item : items(json)) {
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
        g.origin_ = parse_moment(rollup::text(origin).value_or(""));
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
    g.origin_ = parse_moment(rollup::text(origin).value_or(""));
    if (!g.origin_) return bad_query(kType, "bad origin");
  }
  return g;
}

Micros Granularity::start_of(Micros t) const {
  const bool clock = period_.months == 0 && period_.days == 0;
  if (clock) {
    const Micros origin = origin_.value_or(zone_->to_utc(0));
    return floor_to(t - origin, period_.micros) + origin;
  }
  if (!origin_) return truncate(t, period_, zone_);
  if (period_.months == 0) {
    const Micros local_origin = *origin_ + zone_->offset_at(*origin_);
    const Micros local = t + zone_->offset_at(t);
    return zone_->to_utc(floor_to(local - local_origin, period_.total_micros()) + local_origin);
  }
  // Months from an origin: step from an estimate.
  int64_t n = (t - *origin_) / (period_.months * 31 * kDay) - 1;
  Micros start = add(*origin_, period_, n, zone_);
  while (start > t) start = add(*origin_, period_, --n, zone_);
  for (Micros after = add(*origin_, period_, n + 1, zone_); after <= t;
       after = add(*origin_, period_, n + 1, zone_)) {
    start = after;
    ++n;
  }
  return start;
}

Micros Granularity::next(Micros start) const {
  if (period_.months == 0 && period_.days == 0) return start + period_.micros;
  return add(start, period_, 1, zone_);
}

}  // namespace rideflow::rollup
