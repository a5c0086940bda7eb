#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>

#include "engine/civil.h"
#include "engine/time.h"

namespace rideflow {

namespace {

// kEndOfTime and friends stay in place instead of wrapping round.
int64_t add_clamped(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

class FixedZone final : public TimeZone {
 public:
  FixedZone(std::string name, int64_t offset) : name_(std::move(name)), offset_(offset) {}
  const std::string& name() const override { return name_; }
  bool is_utc() const override { return offset_ == 0; }
  int64_t offset_at(Micros) const override { return offset_; }
  Micros to_utc(int64_t local) const override { return add_clamped(local, -offset_); }

 private:
  std::string name_;
  int64_t offset_;
};

// All offsets of a zone from year 1 to 2200, so that a look-up is one binary search without locks.
class RegionZone final : public TimeZone {
 public:
  RegionZone(std::string name, const date::time_zone& zone) : name_(std::move(name)) {
    const date::sys_seconds last = date::sys_days(date::year{2200} / 1 / 1);
    date::sys_seconds at = date::sys_days(date::year{1} / 1 / 1);
    while (at < last) {
      const date::sys_info info = zone.get_info(at);
      const int64_t offset = info.offset.count() * kMicrosPerSecond;
      if (spans_.empty() || spans_.back().offset != offset) {
        const int64_t begin = at.time_since_epoch().count() * kMicrosPerSecond;
        spans_.push_back({spans_.empty() ? kNoTime : begin, kEndOfTime, offset});
      }
      if (info.end <= at) break;
      at = info.end;
    }
    for (size_t i = 0; i + 1 < spans_.size(); ++i) {
      // A local time that the change skips or repeats belongs to the span before it.
      spans_[i].local_end = spans_[i + 1].begin + std::max(spans_[i].offset, spans_[i + 1].offset);
    }
  }

  const std::string& name() const override { return name_; }
  bool is_utc() const override { return false; }
  int64_t offset_at(Micros utc) const override {
    const auto after = std::upper_bound(spans_.begin(), spans_.end(), utc,
                                        [](Micros t, const Span& span) { return t < span.begin; });
    return std::prev(after)->offset;
  }
  Micros to_utc(int64_t local) const override {
    const auto span = std::upper_bound(spans_.begin(), std::prev(spans_.end()), local,
                                       [](int64_t t, const Span& s) { return t < s.local_end; });
    return add_clamped(local, -span->offset);
  }

 private:
  struct Span {
    Micros begin;
    int64_t local_end;
    int64_t offset;
  };
  std::string name_;
  std::vector<Span> spans_;
};

std::optional<int64_t> parse_fixed_offset(std::string_view name) {
  if (name.size() < 3 || (name[0] != '+' && name[0] != '-')) return std::nullopt;
  // The offset of a timestamp's text, read by the same rule.
  const auto t = parse_timestamp(std::string("1970-01-02T00:00") + std::string(name));
  if (!t) return std::nullopt;
  return kMicrosPerDay - *t;
}

Status unknown_zone(std::string_view name) {
  return Status::user(Code::not_found,
                      fmt::format("'{}' is not a time zone of the system's database: write a name as in "
                                  "Europe/Paris, or a fixed offset as in +02:00",
                                  name));
}

}  // namespace

const TimeZone* TimeZone::utc() {
  static const FixedZone zone("UTC", 0);
  return &zone;
}

Result<const TimeZone*> TimeZone::find(std::string_view name) {
  if (name == "UTC" || name == "Z" || name == "Etc/UTC" || name == "GMT") return utc();
  static std::mutex mutex;
  static auto& zones = *new std::map<std::string, std::unique_ptr<const TimeZone>, std::less<>>();
  const std::scoped_lock lock(mutex);
  if (const auto it = zones.find(name); it != zones.end()) return it->second.get();
  std::unique_ptr<const TimeZone> zone;
  if (const auto offset = parse_fixed_offset(name)) {
    zone = std::make_unique<FixedZone>(std::string(name), *offset);
  } else {
    try {
      zone = std::make_unique<RegionZone>(std::string(name), *date::locate_zone(std::string(name)));
    } catch (const std::exception&) {
      return unknown_zone(name);
    }
  }
  return zones.emplace(std::string(name), std::move(zone)).first->second.get();
}

}  // namespace rideflow
