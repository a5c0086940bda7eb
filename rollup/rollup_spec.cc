#include "rollup/rollup_spec.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <set>

namespace rideflow {
namespace {

constexpr int64_t kSecond = kMicrosPerSecond;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

constexpr std::array<std::string_view, 15> kMetricNames = {
    "count",       "long_sum",     "double_sum",  "long_min",        "long_max",
    "double_min",  "double_max",   "long_first",  "long_last",       "double_first",
    "double_last", "string_first", "string_last", "quantile_sketch", "distinct_sketch"};

struct NamedGranularity {
  std::string_view name;
  Duration period;
};
constexpr int64_t kMilli = 1000;
const std::array<NamedGranularity, 15>& named_granularities() {
  static const std::array<NamedGranularity, 15> table = {{{"none", {0, 0, kMilli}},
                                                          {"second", {0, 0, kSecond}},
                                                          {"minute", {0, 0, kMinute}},
                                                          {"five_minute", {0, 0, 5 * kMinute}},
                                                          {"ten_minute", {0, 0, 10 * kMinute}},
                                                          {"fifteen_minute", {0, 0, 15 * kMinute}},
                                                          {"thirty_minute", {0, 0, 30 * kMinute}},
                                                          {"hour", {0, 0, kHour}},
                                                          {"six_hour", {0, 0, 6 * kHour}},
                                                          {"eight_hour", {0, 0, 8 * kHour}},
                                                          {"day", {0, 1, 0}},
                                                          {"week", {0, 7, 0}},
                                                          {"month", {1, 0, 0}},
                                                          {"quarter", {3, 0, 0}},
                                                          {"year", {12, 0, 0}}}};
  return table;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

constexpr std::array<std::string_view, 3> kDimensionTypes = {"string", "long", "double"};

// Names may hold anything: they are written with their length in front.
void append_text(std::string& out, std::string_view text) {
  fmt::format_to(std::back_inserter(out), " {}:{}", text.size(), text);
}

class SpecReader {
 public:
  explicit SpecReader(std::string_view text) : text_(text) {}
  bool ok() const { return ok_; }
  bool at_end() const { return text_.empty(); }
  std::string word() {
    const size_t end = text_.find_first_of(" \n");
    if (end == std::string_view::npos) return fail();
    std::string out(text_.substr(0, end));
    text_.remove_prefix(end);
    return out;
  }
  std::string text() {
    const int64_t size = number(':');
    if (!ok_ || size < 0 || static_cast<size_t>(size) > text_.size()) return fail();
    std::string out(text_.substr(0, static_cast<size_t>(size)));
    text_.remove_prefix(static_cast<size_t>(size));
    return out;
  }
  int64_t number(char end = 0) {
    if (text_.empty() || text_.front() != ' ') {
      fail();
      return 0;
    }
    text_.remove_prefix(1);
    int64_t v = 0;
    const auto [p, error] = std::from_chars(text_.data(), text_.data() + text_.size(), v);
    if (error != std::errc()) {
      fail();
      return 0;
    }
    text_.remove_prefix(static_cast<size_t>(p - text_.data()));
    if (end != 0) expect(end);
    return v;
  }
  void expect(char c) {
    if (text_.empty() || text_.front() != c) {
      fail();
    } else {
      text_.remove_prefix(1);
    }
  }

 private:
  std::string fail() {
    ok_ = false;
    text_ = {};
    return {};
  }
  std::string_view text_;
  bool ok_ = true;
};

}  // namespace

std::string_view to_string(MetricKind kind) {
  return kMetricNames[static_cast<size_t>(kind)];
}

std::optional<MetricKind> parse_metric_kind(std::string_view text) {
  for (size_t i = 0; i < kMetricNames.size(); ++i) {
    if (kMetricNames[i] == text) return static_cast<MetricKind>(i);
  }
  return std::nullopt;
}

int64_t RollupSpec::chunk_micros() const {
  return granularity.is_fixed() && granularity.total_micros() < kMinute ? kHour : kDay;
}

int64_t RollupSpec::block_micros() const {
  if (!granularity.is_fixed() || granularity.total_micros() >= kHour) return chunk_micros();
  if (granularity.total_micros() < kMinute) return kMinute;
  return granularity.total_micros() < 10 * kMinute ? 10 * kMinute : kHour;
}

int64_t RollupSpec::longest_cell() const {
  return (granularity.months * int64_t{31} + granularity.days) * kDay + granularity.micros;
}

std::optional<int> RollupSpec::find_dimension(std::string_view name) const {
  for (size_t i = 0; i < dimensions.size(); ++i) {
    if (dimensions[i].name == name) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::optional<int> RollupSpec::find_metric(std::string_view name) const {
  for (size_t i = 0; i < metrics.size(); ++i) {
    if (metrics[i].name == name) return static_cast<int>(i);
  }
  return std::nullopt;
}

Result<Duration> parse_granularity(std::string_view text) {
  const std::string word = lower(text);
  for (const NamedGranularity& g : named_granularities()) {
    if (g.name == word) return g.period;
  }
  Result<Duration> period = parse_duration(text);
  const bool positive = period.ok() && period->months >= 0 && period->days >= 0 && period->micros >= 0 &&
                        (period->months > 0 || period->total_micros() >= kMilli);
  if (!positive) {
    return Status::user(
        Code::invalid_argument,
        fmt::format("'{}' is not a granularity. Use second, minute, five_minute, fifteen_minute, "
                    "thirty_minute, hour, day, week, month, or a period such as PT5M.",
                    text));
  }
  return period;
}

Status validate(const RollupSpec& spec) {
  if (spec.datasource.empty() || spec.datasource.front() == '.' ||
      spec.datasource.find_first_of("/\\") != std::string::npos) {
    return Status::user(
        Code::invalid_argument,
        fmt::format("'{}' can't be a datasource's name: it may not be empty, start with a dot or "
                    "hold a slash.",
                    spec.datasource));
  }
  std::set<std::string> names = {"__time"};
  const auto take = [&](const std::string& name) {
    return !name.empty() && names.insert(name).second
               ? Status()
               : Status::user(
                     Code::invalid_argument,
                     fmt::format("The rollup '{}' has two columns named '{}' (the time column is named "
                                 "__time). Rename one.",
                                 spec.datasource, name));
  };
  for (const RollupDimension& d : spec.dimensions) RF_TRY(take(d.name));
  for (const RollupMetric& m : spec.metrics) RF_TRY(take(m.name));
  return {};
}

std::string encode_spec(const RollupSpec& spec) {
  std::string out = "rollup 1\ndatasource";
  append_text(out, spec.datasource);
  fmt::format_to(std::back_inserter(out), "\ngranularity {} {} {}\nretain {}\n", spec.granularity.months,
                 spec.granularity.days, spec.granularity.micros, spec.retain);
  for (const RollupDimension& d : spec.dimensions) {
    fmt::format_to(std::back_inserter(out), "dimension {} {}", static_cast<int>(d.type),
                   d.multi_value ? 1 : 0);
    append_text(out, d.name);
    out += '\n';
  }
  for (const RollupMetric& m : spec.metrics) {
    fmt::format_to(std::back_inserter(out), "metric {}", static_cast<int>(m.kind));
    append_text(out, m.name);
    append_text(out, m.field);
    append_text(out, m.druid_type);
    out += '\n';
  }
  return out;
}

Result<RollupSpec> decode_spec(std::string_view text) {
  RollupSpec spec;
  SpecReader in(text);
  const bool known = in.word() == "rollup" && in.number('\n') == 1;
  while (known && in.ok() && !in.at_end()) {
    const std::string word = in.word();
    if (word == "datasource") {
      spec.datasource = in.text();
    } else if (word == "granularity") {
      spec.granularity.months = static_cast<int32_t>(in.number());
      spec.granularity.days = static_cast<int32_t>(in.number());
      spec.granularity.micros = in.number();
    } else if (word == "retain") {
      spec.retain = in.number();
    } else if (word == "dimension") {
      const auto type = static_cast<DimensionType>(in.number());
      const bool multi = in.number() != 0;
      spec.dimensions.push_back({in.text(), type, multi});
    } else if (word == "metric") {
      const auto kind = static_cast<MetricKind>(in.number());
      RollupMetric metric{in.text(), kind, {}, {}};
      metric.field = in.text();
      metric.druid_type = in.text();
      spec.metrics.push_back(std::move(metric));
    } else {
      break;
    }
    in.expect('\n');
  }
  const bool sane =
      std::all_of(spec.dimensions.begin(), spec.dimensions.end(),
                  [](const auto& d) { return static_cast<size_t>(d.type) < kDimensionTypes.size(); }) &&
      std::all_of(spec.metrics.begin(), spec.metrics.end(),
                  [](const auto& m) { return static_cast<size_t>(m.kind) < kMetricNames.size(); });
  const bool period = spec.granularity.months > 0 || spec.granularity.total_micros() > 0;
  if (!known || !in.ok() || !in.at_end() || !sane || !period) {
    return Status::external(Code::data_loss, "A rollup's SPEC file is damaged or of a newer format.");
  }
  return spec;
}

}  // namespace rideflow
