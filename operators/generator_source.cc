// The source kind `generator`: events made here, due by the wall clock when there is a rate.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "engine/catalog.h"
#include "operators/generator.h"
#include "operators/option_spec.h"

namespace rideflow {
namespace {

// What of the schedule is read.
struct ScheduleSpan {
  bool has_start = false;
  int64_t before_now = 0;
  int64_t count = -1;  // of all partitions; -1: without end
};

// Partition p of P has the events p, p + P, p + 2 P, ...; a position is how many of them were read, and in
// `detail` the start of the schedule, so that a restored job goes on with the same events.
class GeneratorReader : public RecordReader {
 public:
  GeneratorReader(GeneratorOptions options, const ScheduleSpan& span, int32_t partitions)
      : options_(std::move(options)),
        has_start_(span.has_start),
        before_now_(span.before_now),
        paced_(options_.rate > 0),
        count_(span.count),
        parts_(static_cast<size_t>(partitions)),
        topic_(std::make_shared<const std::string>(generator_topic(options_.kind))) {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    return {};
  }

  Result<std::vector<Partition>> partitions() override {
    std::vector<Partition> all;
    for (size_t p = 0; p < parts_.size(); ++p) all.emplace_back(static_cast<int32_t>(p));
    return all;
  }

  bool may_grow() const override { return false; }
  bool ends() const override { return count_ >= 0; }

  Result<Position> resolve(Partition, StartAt, Micros) override {
    if (!has_start_ && options_.start == 0) {
      // Whole seconds, so that readers of several tasks that start together agree.
      options_.start = (env_->now() - before_now_) / kMicrosPerSecond * kMicrosPerSecond;
    }
    if (!has_own_clock()) return Position{0, fmt::format("{}", options_.start)};
    return Position{0,
                    fmt::format("{} {}", options_.start, env_->now() / kMicrosPerSecond * kMicrosPerSecond)};
  }

  Result<Position> end(Partition partition) override {
    const Part& part = at(partition);
    if (count_ >= 0) return Position{share(partition, count_), part.position.detail};
    if (!paced_) return Position{INT64_MAX, part.position.detail};
    return Position{share(partition, part.generator ? due(part) : 0), part.position.detail};
  }

  Status assign(Partition partition, const Position& position) override {
    Part& part = at(partition);
    GeneratorOptions options = options_;
    const char* const text_end = position.detail.data() + position.detail.size();
    auto [end, error] = std::from_chars(position.detail.data(), text_end, options.start);
    part.begun = options.start;
    if (error == std::errc() && end != text_end && *end == ' ')
      std::tie(end, error) = parsed(std::from_chars(end + 1, text_end, part.begun));
    if (error != std::errc() || end != text_end) {
      return Status::external(
          Code::data_loss,
          fmt::format("generator: the stored position '{}' is no start of a schedule", position.detail));
    }
    RF_ASSIGN(part.generator, EventGenerator::make(options));
    part.position = position;
    return {};
  }

  Result<Poll> poll(Partition partition, int32_t budget) override {
    Part& part = at(partition);
    Poll poll;
    int64_t limit = count_ >= 0 ? share(partition, count_) : INT64_MAX;
    if (part.position.offset >= limit) {
      poll.state = Poll::State::ended;
      return poll;
    }
    if (paced_) limit = std::min(limit, share(partition, due(part)));
    const int64_t n = std::min<int64_t>(budget, limit - part.position.offset);
    if (n <= 0) {
      poll.state = Poll::State::proven_end;
      poll.again_in = std::max(poll.again_in, due_in(partition, part));
      return poll;
    }
    poll.chunk = read(part, partition, static_cast<size_t>(n));
    return poll;
  }

  Position position(Partition partition) const override {
    return parts_[static_cast<size_t>(partition.value)].position;
  }

 private:
  struct Part {
    Position position;
    std::unique_ptr<EventGenerator> generator;
    Micros begun = 0;  // by the wall clock: event 0 is due
    size_t typical_bytes = 512;
  };
  struct Span {
    size_t begin = 0;
    size_t end = 0;
    GeneratedEvent event;
  };

  Part& at(Partition partition) { return parts_[static_cast<size_t>(partition.value)]; }

  // With `every`, `rate` does not say what times are in the events: when they come is counted from the moment
  // of the first start, which the position holds too.
  bool has_own_clock() const { return paced_ && options_.every > 0; }
  static std::pair<const char*, std::errc> parsed(const std::from_chars_result& result) {
    return {result.ptr, result.ec};
  }
  int64_t due(const Part& part) const {
    const Micros now = env_->now();
    if (!has_own_clock()) return part.generator->due_count(now);
    if (now < part.begun) return 0;
    return static_cast<int64_t>(static_cast<double>(now - part.begun) / 1e6 * options_.rate) + 1;
  }

  // How long it is until the partition's next event is due.
  Micros due_in(Partition partition, const Part& part) const {
    const int64_t next = part.position.offset * static_cast<int64_t>(parts_.size()) + partition.value;
    const Micros at = has_own_clock()
                          ? part.begun + static_cast<Micros>(static_cast<double>(next) / options_.rate * 1e6)
                          : part.generator->due_at(next);
    return at - env_->now();
  }

  // How many of the first `events` events belong to the partition.
  int64_t share(Partition partition, int64_t events) const {
    const auto p = static_cast<int64_t>(parts_.size());
    return (events - partition.value + p - 1) / p;
  }

  std::shared_ptr<const Origin> read(Part& part, Partition partition, size_t n) {
    spans_.resize(n);
    BufferRef arena = BufferRef::allocate(n * part.typical_bytes + EventGenerator::kMaxEventBytes);
    size_t used = 0;
    const auto step = static_cast<int64_t>(parts_.size());
    for (Span& span : spans_) {
      if (used + EventGenerator::kMaxEventBytes > arena.size()) arena = larger(arena, used);
      char* const begin = reinterpret_cast<char*>(arena.mutable_data()) + used;
      const int64_t number = part.position.offset++ * step + partition.value;
      char* const end = part.generator->write(number, begin, &span.event);
      span.begin = used;
      span.end = used + static_cast<size_t>(end - begin);
      *end = '\n';
      used = span.end + 1;
    }
    part.typical_bytes = used / n + 64;
    arena.set_size(used);
    auto origin = std::make_shared<Origin>();
    origin->topic = topic_;
    origin->partition = partition;
    origin->records.reserve(n);
    const std::string_view bytes = arena.view();
    int64_t offset = part.position.offset - static_cast<int64_t>(n);
    for (const Span& span : spans_) {
      const std::string_view payload = bytes.substr(span.begin, span.end - span.begin);
      origin->records.push_back({payload, offset++, span.event.event_time,
                                 payload.substr(static_cast<size_t>(span.event.key_offset),
                                                static_cast<size_t>(span.event.key_length))});
    }
    origin->arena = std::move(arena);
    return origin;
  }

  static BufferRef larger(const BufferRef& arena, size_t used) {
    BufferRef copy = BufferRef::allocate(arena.size() * 2 + EventGenerator::kMaxEventBytes);
    std::memcpy(copy.mutable_data(), arena.data(), used);
    return copy;
  }

  GeneratorOptions options_;
  bool has_start_;
  int64_t before_now_;  // where nothing says it, the start
  bool paced_;          // a rate: events come when they are due
  int64_t count_;       // of all partitions; -1: without end
  std::vector<Part> parts_;
  std::shared_ptr<const std::string> topic_;
  std::vector<Span> spans_;
  Env* env_ = nullptr;
};

double number_option(const Options& options, const std::string& name, double fallback) {
  const OptionValue* value = options.find(name);
  return value == nullptr ? fallback : value->number;
}

// Without anything else that says how far apart the events of a number of days are.
constexpr Micros kUsualSpacing = 30 * kMicrosPerSecond;

int64_t micros_of_days(const Options& o) {
  return static_cast<int64_t>(number_option(o, "days", 0) * 86'400e6);
}

Micros spacing(const Options& o) {
  if (o.has("every")) return o.micros("every", 0);
  if (!o.has("days") || number_option(o, "rate", 0) > 0) return 0;
  const int64_t count = o.integer("count", -1);
  // No finer than the times in events are, and no wider than makes sense.
  return count < 0
             ? kUsualSpacing
             : std::clamp<int64_t>(micros_of_days(o) / std::max<int64_t>(count, 1), 1'000, 86'400'000'000);
}

// From when on, and how many.
ScheduleSpan span_of(const Options& o, const GeneratorOptions& options) {
  ScheduleSpan span;
  span.has_start = o.has("start");
  span.count = o.integer("count", -1);
  if (!o.has("days")) return span;
  span.before_now = micros_of_days(o);
  const double between = options.every > 0 ? static_cast<double>(options.every) : 1e6 / options.rate;
  const auto fit = static_cast<int64_t>(std::ceil(static_cast<double>(span.before_now) / between));
  span.count = span.count < 0 ? fit : std::min(span.count, fit);
  return span;
}

GeneratorOptions generator_options(const Options& o) {
  GeneratorOptions options;
  options.kind = o.text("kind", "rides");
  options.seed = static_cast<uint64_t>(o.integer("seed", 1));
  options.rate = number_option(o, "rate", 0);
  options.every = spacing(o);
  options.rides_rate = number_option(o, "rides_rate", 0);
  options.pace = number_option(o, "pace", 1);
  options.start = o.integer("start", 0);
  options.disorder = o.micros("disorder", 0);
  options.late = number_option(o, "late", 0);
  options.duplicates = number_option(o, "duplicates", 0);
  options.broken = number_option(o, "broken", 0);
  return options;
}

// What no single option's limits say: 'duplicates' and 'broken' together.
OptionErrors check_generator(const SourceConfig& config) {
  const auto made = EventGenerator::make(generator_options(config.options));
  if (made.ok()) return {};
  return {{"broken", made.status().message(), {}, {}}};
}

Result<std::unique_ptr<RecordReader>> make_reader(const SourceConfig& config) {
  const Options& o = config.options;
  const GeneratorOptions options = generator_options(o);
  RF_ASSIGN(const auto checked, EventGenerator::make(options));
  return std::unique_ptr<RecordReader>(std::make_unique<GeneratorReader>(
      options, span_of(o, options), static_cast<int32_t>(o.integer("partitions", 1))));
}

Result<std::vector<DecodeField>> schema_of(const SourceConfig& config) {
  std::vector<DecodeField> fields;
  for (const GeneratorColumn& column : generator_columns(config.options.text("kind", "rides"))) {
    RF_ASSIGN(DecodeField field, parse_decode_field(column.name, column.type));
    fields.push_back(std::move(field));
  }
  return fields;
}

std::vector<OptionSpec> option_specs() {
  std::vector<OptionSpec> specs = {
      option_spec("kind", OptionType::choice,
                  "Which events: rides, vehicles, users, or users_schema (documents alone).", "rides"),
      with_range(option_spec("rate", OptionType::rate,
                             "Events per second by the wall clock; 0, max or absent: as fast as they are "
                             "read."),
                 0, 1e8),
      with_range(option_spec("every", OptionType::duration,
                             "From the time in one event to the time in the next, however fast they come; "
                             "absent: what `rate` makes of it, or one millisecond. Where events are sparse, "
                             "rides take as long as their events need to have their turns."),
                 0.001, 366 * 86'400),
      with_range(
          option_spec("days", OptionType::number,
                      "Ends after so many days of event time, and begins, without `start`, so many days "
                      "before the moment of the first start. Without `every` and `rate`: one event every "
                      "30 s, or `count` events spread over the days."),
          0, 36'525),
      with_range(option_spec("count", OptionType::integer, "Ends after this many events; absent: never."), 0),
      option_spec("seed", OptionType::integer, "Another seed, another city life.", "1"),
      option_spec("start", OptionType::timestamp,
                  "Event time of the first event; absent: the moment of the first start."),
      with_range(option_spec("partitions", OptionType::integer,
                             "Partitions among which the events are dealt in turn.", "1"),
                 1, kMostPartitions),
      with_range(
          option_spec(
              "rides_rate", OptionType::rate,
              "Vehicles: the rate of the rides that they drive, whose whole fleet they then are; absent "
              "or 0: rides of the vehicles' own rate, and as many of the fleet as report every 15 seconds. "
              "Status and place follow the rides of the same seed, start, pace, disorder, duplicates "
              "and broken: on_trip from driver_assigned to the end."),
          0, 1e8),
      with_range(
          option_spec(
              "pace", OptionType::number,
              "Rides live this many times faster. Speeds stay those of a city, so that trips lead as much "
              "less far, and their fares are little more than the base fare.",
              "1"),
          0.01, 1000),
      with_range(option_spec("disorder", OptionType::duration,
                             "Times in events are up to this much out of order.", "0s"),
                 0, 3600),
      with_range(option_spec("late", OptionType::number,
                             "Share of events one to three minutes later than disorder allows.", "0"),
                 0, 1),
      with_range(
          option_spec("duplicates", OptionType::number, "Share of events that repeat a recent one.", "0"), 0,
          0.5),
      with_range(option_spec("broken", OptionType::number, "Share of records that are no valid event.", "0"),
                 0, 0.5),
  };
  specs[0].choices = generator_kinds();
  return specs;
}

}  // namespace
}  // namespace rideflow

RIDEFLOW_REGISTER(generator_source) {
  rideflow::SourceKind kind;
  kind.name = "generator";
  kind.doc = "Makes the events of a ride-hailing service: rides, vehicles, users.";
  kind.options = rideflow::option_specs();
  kind.has_schema = true;
  kind.schema = rideflow::schema_of;
  kind.check = rideflow::check_generator;
  kind.make = rideflow::make_reader;
  catalog.add(std::move(kind));
}
