#include "runtime/worker_feed.h"

#include <fmt/format.h>

#include <chrono>

namespace rideflow {
namespace {

constexpr int32_t kBatch = 1024;

struct FeedKind {
  const char* events;
  double share;  // of the rate
};
constexpr FeedKind kKinds[] = {{"rides", 1}, {"vehicles", 0.5}, {"users", 0.02}, {"users_schema", 0.05}};

OptionValue text_option(std::string text) {
  OptionValue value;
  value.text = std::move(text);
  return value;
}

OptionValue number_option(double number) {
  OptionValue value;
  value.text = fmt::format("{}", number);
  value.number = number;
  value.integer = static_cast<int64_t>(number);
  return value;
}

}  // namespace

Options generator_options(const std::string& kind, const FeedOptions& feed, double rate) {
  Options options;
  options.set("kind", text_option(kind));
  OptionValue seed_value = text_option(fmt::format("{}", feed.seed));
  seed_value.integer = static_cast<int64_t>(feed.seed);
  options.set("seed", std::move(seed_value));
  if (rate > 0) options.set("rate", number_option(rate));
  if (feed.every > 0) {
    OptionValue every = text_option(fmt::format("{}us", feed.every));
    every.duration.micros = feed.every;
    options.set("every", std::move(every));
  }
  if (feed.days >= 0) options.set("days", number_option(feed.days));
  options.set("pace", number_option(feed.pace));
  options.set("late", number_option(feed.late));
  options.set("duplicates", number_option(feed.duplicates));
  options.set("broken", number_option(feed.broken));
  if (feed.start != 0) {
    OptionValue start = text_option(fmt::format("{}", feed.start));
    start.integer = feed.start;
    options.set("start", std::move(start));
  }
  OptionValue disorder = text_option(fmt::format("{}us", feed.disorder));
  disorder.duration.micros = feed.disorder;
  options.set("disorder", std::move(disorder));
  return options;
}

Result<std::unique_ptr<EventFeed>> EventFeed::start(Env& env, const Catalog& catalog,
                                                    std::shared_ptr<TopicStore> topics,
                                                    const FeedOptions& options) {
  const SourceKind* generator = catalog.find_source("generator");
  if (!generator) return Status::internal("the catalog has no generator");
  auto feed = std::unique_ptr<EventFeed>(new EventFeed(env, options));
  // One moment for all: vehicles drive the rides of their own start.
  if (options.start == 0) feed->options_.start = env.now() / kMicrosPerSecond * kMicrosPerSecond;
  for (const FeedKind& kind : kKinds) {
    RF_TRY(feed->add(*generator, *topics, kind.events, options.rate * kind.share));
  }
  feed->thread_ = std::thread([raw = feed.get()] { raw->run(); });
  return feed;
}

Status EventFeed::add(const SourceKind& kind, TopicStore& topics, const std::string& events, double rate) {
  SourceConfig config;
  config.source = events;
  config.options = generator_options(events, options_, rate);
  // The vehicles that report are those that drive.
  if (events == "vehicles") config.options.set("rides_rate", number_option(options_.rate * kKinds[0].share));
  Stream stream;
  RF_ASSIGN(stream.reader, kind.make(config));
  OpenContext context;
  context.env = &env_;
  RF_TRY(stream.reader->open(context));
  RF_ASSIGN(const Position begin, stream.reader->resolve(Partition(0), StartAt::earliest, 0));
  RF_TRY(stream.reader->assign(Partition(0), begin));
  const std::string topic = events == "rides"      ? "ride_events"
                            : events == "vehicles" ? "vehicle_events"
                            : events == "users"    ? "user_events"
                                                   : events;
  RF_ASSIGN(stream.topic, topics.find_or_create(topic));
  streams_.push_back(std::move(stream));
  return {};
}

EventFeed::~EventFeed() {
  stop();
}

void EventFeed::stop() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
}

Status EventFeed::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void EventFeed::run() {
  while (!stop_.load(std::memory_order_relaxed)) {
    bool worked = false;
    for (Stream& stream : streams_) {
      const Result<bool> fed = feed(stream);
      if (!fed.ok()) {
        const std::lock_guard lock(mutex_);
        status_ = fed.status();
        env_.warn("event_feed_stopped", {{"why", fed.status().to_string()}});
        return;
      }
      worked = worked || *fed;
    }
    if (!worked) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// One batch of due events; waits for the previous one to be durable first, so that nothing piles up.
Result<bool> EventFeed::feed(Stream& stream) {
  if (stream.last) {
    if (!stream.last->done()) return false;
    RF_TRY(stream.last->status());
    stream.last.reset();
  }
  RF_ASSIGN(const Poll poll, stream.reader->poll(Partition(0), kBatch));
  if (!poll.chunk || poll.chunk->records.empty()) return false;
  std::vector<TopicRecord> records;
  records.reserve(poll.chunk->records.size());
  for (const RecordOrigin& record : poll.chunk->records) {
    TopicRecord out;
    if (record.key.data() != nullptr) out.key = record.key;
    out.payload = record.payload;
    out.timestamp = record.timestamp;
    records.push_back(out);
  }
  RF_ASSIGN(stream.last, stream.topic->append(records));
  events_.fetch_add(static_cast<int64_t>(records.size()), std::memory_order_relaxed);
  return true;
}

}  // namespace rideflow
