#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <iterator>
#include <mutex>

#include "operators/kafka/kafka_client.h"
#include "operators/kafka/kafka_topic.h"
#include "operators/topic_options.h"

namespace rideflow {
namespace {

using kafka::Client;
using kafka::Handle;
using kafka::Patience;

constexpr int kSlowMs = 3'000;  // without an acknowledgement, then the job says that it waits
constexpr Micros kLookEvery = kMicrosPerSecond;

// A record that the client has no room for, or that it gave back.
struct HeldRecord {
  std::string payload;
  std::optional<std::string> key;
  int64_t timestamp_ms = 0;
};

// The account of what the client was given; for its callbacks, which come from rd_kafka_poll().
struct Account {
  std::atomic<int64_t> settled{0};  // acknowledged or failed
  std::mutex mutex;
  Status failed;                    // the first record that could not be delivered
  std::deque<HeldRecord> returned;  // the brokers did not know the topic

  Status first_failure() {
    const std::lock_guard lock(mutex);
    return failed;
  }
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* const account = static_cast<Account*>(message->_private);
  if (kafka::is_missing(message->err)) {
    HeldRecord record;
    record.payload.assign(static_cast<const char*>(message->payload), message->len);
    if (message->key != nullptr) record.key.emplace(static_cast<const char*>(message->key), message->key_len);
    rd_kafka_timestamp_type_t type{};
    record.timestamp_ms = rd_kafka_message_timestamp(message, &type);
    const std::lock_guard lock(account->mutex);
    account->returned.push_back(std::move(record));
    return;
  }
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const std::lock_guard lock(account->mutex);
    if (account->failed.ok()) account->failed = kafka::to_status(message->err, "a record was not delivered");
  }
  account->settled.fetch_add(1, std::memory_order_release);
}

// Done when every record up to a number was acknowledged. Nobody waits: whoever asks serves the client.
class Acknowledged : public Completion {
 public:
  Acknowledged(std::shared_ptr<Client> client, std::shared_ptr<Account> account, int64_t records)
      : client_(std::move(client)), account_(std::move(account)), records_(records) {}
  bool done() const override {
    rd_kafka_poll(client_->get(), 0);
    return account_->settled.load(std::memory_order_acquire) >= records_ || !account_->first_failure().ok();
  }
  Status status() const override { return account_->first_failure(); }

 private:
  std::shared_ptr<Client> client_;
  std::shared_ptr<Account> account_;
  int64_t records_;
};

class KafkaSink : public Sink {
 public:
  KafkaSink(std::shared_ptr<const SinkConfig> config, std::unique_ptr<Encoder> encoder)
      : config_(std::move(config)), encoder_(std::move(encoder)), key_(key_columns(*config_)) {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    metrics_ = context.metrics;
    client_ = std::make_shared<Client>(env_);
    client_->keep(account_);
    const Options& options = config_->options;
    RF_ASSIGN(Handle<rd_kafka_conf_t> conf,
              kafka::make_conf(config_->cluster, options, context.resources, &client_->reports()));
    for (const auto& [property, value] : {std::pair{"enable.idempotence", "true"},
                                          std::pair{"partitioner", "murmur2_random"}}) {  // as Java's
      RF_TRY(kafka::set(conf.get(), property, value));
    }
    RF_TRY(set_default(conf.get(), {"linger.ms", "queue.buffering.max.ms"}, "20"));
    RF_TRY(set_default(conf.get(), {"compression.codec", "compression.type"}, "lz4"));
    // Brokers that went away are waited for as long as it takes.
    RF_TRY(set_default(conf.get(), {"message.timeout.ms", "delivery.timeout.ms"}, "0"));
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    RF_TRY(client_->open(RD_KAFKA_PRODUCER, std::move(conf)));
    waker_ = context.waker;
    client_->set_waker(waker_);
    RF_ASSIGN(
        [[maybe_unused]] const int32_t partitions,
        kafka::ensure_topic(client_->get(), topic_name(),
                            static_cast<int32_t>(options.integer("partitions", 4)), client_->reports()));
    RF_TRY(client_->open_topic(topic_name()));
    if (config_->headers.empty()) return {};
    headers_.reset(rd_kafka_headers_new(config_->headers.size()));
    for (const auto& [header, value] : config_->headers) {
      rd_kafka_header_add(headers_.get(), header.data(), static_cast<ssize_t>(header.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    }
    return {};
  }

  Result<Progress> process(int, Batch& batch, Output&) override {
    RF_TRY(serve());
    for (int32_t row = 0; row < batch.rows; ++row) {
      payload_.clear();
      encoder_->encode(batch, row, /*framed=*/false, payload_);
      const int64_t timestamp_ms =
          batch.event_time ? std::max<int64_t>(0, batch.event_times()[row] / 1000) : 0;
      const std::optional<std::string_view> key = key_.of(batch, row);
      ++accepted_;
      if (held_.empty()) {
        RF_ASSIGN(const bool taken, produce(payload_, key, timestamp_ms));
        if (taken) continue;
      }
      HeldRecord record{payload_, std::nullopt, timestamp_ms};
      if (key) record.key.emplace(*key);
      held_.push_back(std::move(record));
    }
    if (metrics_ != nullptr) metrics_->rows_absorbed.add(batch.rows);
    return Progress::done;
  }

  // The client's buffer is full: the task gets no more rows, which is back-pressure.
  bool ready() override {
    if (!held_.empty()) failed_ = serve();  // told by the next call that can
    return held_.empty();
  }

  Status on_tick(Micros now, Output&) override {
    RF_TRY(std::exchange(failed_, Status()));
    RF_TRY(serve());
    note_silence(now);
    return {};
  }

  // At least once: the checkpoint is complete when every row before it was acknowledged.
  Result<Prepared> prepare(Epoch) override {
    RF_TRY(serve());
    Prepared prepared;
    prepared.durable = std::make_shared<Acknowledged>(client_, account_, accepted_);
    return prepared;
  }

  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  static std::vector<int> key_columns(const SinkConfig& config) {
    const OptionValue* key = config.options.find("key");
    return key == nullptr ? std::vector<int>() : key->columns;
  }
  const std::string& topic_name() const { return config_->options.find("name")->text; }
  std::string what() const { return fmt::format("topic '{}'", topic_name()); }

  bool has_property(std::string_view name) const {
    for (const Options* options : {&config_->options, &config_->cluster}) {
      const OptionValue* properties = options->find("properties");
      if (properties == nullptr) continue;
      for (const auto& [property, value] : properties->map) {
        if (property == name) return true;
      }
    }
    return false;
  }
  // Unless the job says otherwise, by any of the property's names.
  Status set_default(rd_kafka_conf_t* conf, std::initializer_list<const char*> names,
                     const char* value) const {
    for (const char* name : names) {
      if (has_property(name)) return {};
    }
    return kafka::set(conf, *names.begin(), value);
  }

  // What the client has to say, and what it has room for now.
  Status serve() {
    rd_kafka_poll(client_->get(), 0);
    {
      const std::lock_guard lock(account_->mutex);
      RF_TRY(account_->failed);
      if (!account_->returned.empty()) {
        // Older than what was held back meanwhile.
        std::move(account_->returned.rbegin(), account_->returned.rend(), std::front_inserter(held_));
        account_->returned.clear();
        missing_.begin(env_->monotonic());
      }
    }
    if (missing_.since() != kNoTime) RF_TRY(look_for_topic());
    while (!held_.empty()) {
      const HeldRecord& record = held_.front();
      std::optional<std::string_view> key;
      if (record.key) key = *record.key;
      RF_ASSIGN(const bool taken, produce(record.payload, key, record.timestamp_ms));
      if (!taken) break;
      held_.pop_front();
    }
    return {};
  }

  // False: not now.
  Result<bool> produce(std::string_view payload, std::optional<std::string_view> key, int64_t timestamp_ms) {
    const char* const key_data = key ? key->data() : nullptr;
    const size_t key_size = key ? key->size() : 0;
    // The record's own copy of the headers; the client's once it has taken the record.
    Handle<rd_kafka_headers_t> headers(headers_ == nullptr ? nullptr : rd_kafka_headers_copy(headers_.get()));
    const auto error = rd_kafka_producev(
        client_->get(), RD_KAFKA_V_RKT(client_->topic()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE(const_cast<char*>(payload.data()), payload.size()),
        RD_KAFKA_V_KEY(key_data, key_size), RD_KAFKA_V_TIMESTAMP(timestamp_ms),
        RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(account_.get()), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      (void)headers.release();
      return true;
    }
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) return false;
    if (!kafka::is_missing(error)) return kafka::to_status(error, what(), &client_->reports());
    missing_.begin(env_->monotonic());
    return false;
  }

  // The brokers say that there is no such topic, as they may while they start. It was there at open().
  Status look_for_topic() {
    const Micros now = env_->monotonic();
    if (looking_ != nullptr && looking_->done()) {
      looking_ = nullptr;
      if (*found_ == RD_KAFKA_RESP_ERR_NO_ERROR) {
        missing_.end();
        return {};
      }
      if (kafka::is_missing(*found_) && missing_.over(now)) {
        return Status::user(
            Code::not_found,
            fmt::format("Kafka, {}: the brokers have not known it for {} s: it was deleted. Start the job "
                        "again to have it made anew, without the rows that it held",
                        what(), kafka::kPatienceMs / 1000));
      }
    }
    if (looking_ != nullptr || now - looked_at_ < kLookEvery) return {};
    looked_at_ = now;
    found_ = std::make_shared<rd_kafka_resp_err_t>(RD_KAFKA_RESP_ERR__TIMED_OUT);
    looking_ = env_->offload(
        [client = client_, name = topic_name(), found = found_] {
          int32_t count = 0;
          *found = kafka::ask_count_once(client->get(), name, kafka::kQuestionMs, count);
          return Status();
        },
        Lane::others);
    looking_->wake_when_done(waker_);
    return {};
  }

  // The job waits for brokers as long as it takes, and says so.
  void note_silence(Micros now) {
    const int64_t settled = account_->settled.load(std::memory_order_acquire);
    const bool silent = settled < accepted_ && settled == settled_before_;
    settled_before_ = settled;
    if (metrics_ == nullptr) return;
    if (!silent) {
      silence_.end();
      if (!metrics_->waits_for.waits()) return;
      metrics_->waits_for.clear();
      env_->info("kafka_back", {{"topic", topic_name()}});
      return;
    }
    const Micros clock = env_->monotonic();
    if (!silence_.over(clock, kSlowMs)) return;
    const std::string brokers = config_->cluster.text("brokers");
    if (!metrics_->waits_for.waits())
      env_->warn("kafka_waits", {{"topic", topic_name()}, {"brokers", brokers}});
    metrics_->waits_for.set(fmt::format("the brokers of topic '{}' ({}) to take {} rows", topic_name(),
                                        brokers, accepted_ - settled),
                            now - (clock - silence_.since()));
  }

  std::shared_ptr<const SinkConfig> config_;
  std::unique_ptr<Encoder> encoder_;
  RecordKey key_;
  Env* env_ = nullptr;
  OperatorMetrics* metrics_ = nullptr;
  WakerRef waker_;
  std::shared_ptr<Account> account_ = std::make_shared<Account>();
  std::shared_ptr<Client> client_;
  Handle<rd_kafka_headers_t> headers_;  // of every record; null: none
  int64_t accepted_ = 0;                // rows that were given to this sink
  int64_t settled_before_ = 0;          // as of the last tick
  std::deque<HeldRecord> held_;         // the oldest first; not more than a few batches
  Status failed_;
  Patience silence_;
  Patience missing_;
  std::shared_ptr<rd_kafka_resp_err_t> found_;
  std::shared_ptr<Completion> looking_;  // null: nobody asks for the topic
  Micros looked_at_ = 0;
  std::string payload_;
};

}  // namespace

Result<std::unique_ptr<Sink>> make_kafka_sink(std::shared_ptr<const SinkConfig> config) {
  if (config->options.text("delivery") == "exactly_once") {
    return Status::user(Code::unimplemented,
                        fmt::format("sink '{}': exactly_once to Kafka does not exist yet: say "
                                    "'delivery: at_least_once'",
                                    config->sink));
  }
  RF_ASSIGN(std::unique_ptr<Encoder> encoder, config->make_encoder());
  return std::unique_ptr<Sink>(std::make_unique<KafkaSink>(std::move(config), std::move(encoder)));
}

}  // namespace rideflow
