#include <fmt/format.h>

#include <atomic>

#include "operators/kafka/kafka_client.h"
#include "operators/kafka/kafka_topic.h"
#include "operators/topic_options.h"

namespace rideflow {
namespace {

using kafka::Handle;
using kafka::Reports;

constexpr int kDeliveryTimeoutMs = 120'000;

// The client and the account of what it was given; shared with the work that waits for acknowledgements.
struct Producer {
  explicit Producer(Env* env) : reports(env) {}

  Reports reports;
  std::atomic<int64_t> settled{0};  // acknowledged or failed
  std::mutex mutex;
  Status failed;              // the first record that could not be delivered
  Handle<rd_kafka_t> client;  // goes first: its callbacks use the rest
  Handle<rd_kafka_topic_t> topic;

  Status first_failure() {
    const std::lock_guard lock(mutex);
    return failed;
  }
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* const producer = static_cast<Producer*>(message->_private);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const std::lock_guard lock(producer->mutex);
    if (producer->failed.ok()) {
      producer->failed = kafka::to_status(message->err, "a record was not delivered", nullptr);
    }
  }
  producer->settled.fetch_add(1, std::memory_order_release);
}

class KafkaSink : public Sink {
 public:
  KafkaSink(std::shared_ptr<const SinkConfig> config, std::unique_ptr<Encoder> encoder)
      : config_(std::move(config)), encoder_(std::move(encoder)), key_(key_columns(*config_)) {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    metrics_ = context.metrics;
    producer_ = std::make_shared<Producer>(env_);
    const Options& options = config_->options;
    RF_ASSIGN(Handle<rd_kafka_conf_t> conf,
              kafka::make_conf(config_->cluster, options, context.resources, &producer_->reports));
    for (const auto& [property, value] : {std::pair{"enable.idempotence", "true"},
                                          std::pair{"partitioner", "murmur2_random"}}) {  // as Java's
      RF_TRY(kafka::set(conf.get(), property, value));
    }
    if (!has_property("linger.ms") && !has_property("queue.buffering.max.ms")) {
      RF_TRY(kafka::set(conf.get(), "linger.ms", "20"));
    }
    if (!has_property("compression.codec") && !has_property("compression.type")) {
      RF_TRY(kafka::set(conf.get(), "compression.codec", "lz4"));
    }
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    RF_ASSIGN(producer_->client, kafka::make_client(RD_KAFKA_PRODUCER, std::move(conf)));
    const std::string& name = topic_name();
    RF_ASSIGN(
        [[maybe_unused]] const int32_t partitions,
        kafka::ensure_topic(producer_->client.get(), name,
                            static_cast<int32_t>(options.integer("partitions", 4)), &producer_->reports));
    producer_->topic.reset(rd_kafka_topic_new(producer_->client.get(), name.c_str(), nullptr));
    if (producer_->topic == nullptr)
      return kafka::to_status(rd_kafka_last_error(), name, &producer_->reports);
    if (config_->headers.empty()) return {};
    headers_.reset(rd_kafka_headers_new(config_->headers.size()));
    for (const auto& [header, value] : config_->headers) {
      rd_kafka_header_add(headers_.get(), header.data(), static_cast<ssize_t>(header.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    }
    return {};
  }

  Status process(int, Batch batch, Output&) override {
    RF_TRY(producer_->first_failure());
    for (int32_t row = 0; row < batch.rows; ++row) {
      payload_.clear();
      encoder_->encode(batch, row, /*framed=*/false, payload_);
      const int64_t timestamp_ms =
          batch.event_time ? std::max<int64_t>(0, batch.event_times()[row] / 1000) : 0;
      RF_TRY(produce(key_.of(batch, row), timestamp_ms));
    }
    rd_kafka_poll(producer_->client.get(), 0);
    if (metrics_ != nullptr) metrics_->rows_absorbed.add(batch.rows);
    return {};
  }

  Status on_tick(Micros, Output&) override {
    rd_kafka_poll(producer_->client.get(), 0);
    return producer_->first_failure();
  }

  // At least once: the checkpoint is complete when every row before it was acknowledged.
  Result<Prepared> prepare(Epoch) override {
    RF_TRY(producer_->first_failure());
    Prepared prepared;
    prepared.durable = env_->offload([producer = producer_, sent = sent_]() -> Status {
      for (int waited = 0; producer->settled.load(std::memory_order_acquire) < sent; waited += 50) {
        if (waited > 2 * kDeliveryTimeoutMs) {
          return Status::external(Code::unavailable, "Kafka did not acknowledge rows in time",
                                  Retry::backoff);
        }
        rd_kafka_poll(producer->client.get(), 50);
      }
      return producer->first_failure();
    });
    return prepared;
  }

  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  static std::vector<int> key_columns(const SinkConfig& config) {
    const OptionValue* key = config.options.find("key");
    return key == nullptr ? std::vector<int>() : key->columns;
  }
  const std::string& topic_name() const { return config_->options.find("name")->text; }

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

  Status produce(std::optional<std::string_view> key, int64_t timestamp_ms) {
    rd_kafka_t* const client = producer_->client.get();
    const char* const key_data = key ? key->data() : nullptr;
    const size_t key_size = key ? key->size() : 0;
    for (int waited = 0;; waited += 20) {
      // The record's own copy of the headers; the client's once it has taken the record.
      Handle<rd_kafka_headers_t> headers(headers_ == nullptr ? nullptr
                                                             : rd_kafka_headers_copy(headers_.get()));
      const auto error = rd_kafka_producev(
          client, RD_KAFKA_V_RKT(producer_->topic.get()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
          RD_KAFKA_V_VALUE(payload_.data(), payload_.size()), RD_KAFKA_V_KEY(key_data, key_size),
          RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_HEADERS(headers.get()),
          RD_KAFKA_V_OPAQUE(producer_.get()), RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)headers.release();
        ++sent_;
        return {};
      }
      // The client's buffer is full: this task waits for the brokers, which is back-pressure.
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || waited > kDeliveryTimeoutMs) {
        return kafka::to_status(error, fmt::format("topic '{}'", topic_name()), &producer_->reports);
      }
      rd_kafka_poll(client, 20);
      RF_TRY(producer_->first_failure());
    }
  }

  std::shared_ptr<const SinkConfig> config_;
  std::unique_ptr<Encoder> encoder_;
  RecordKey key_;
  Env* env_ = nullptr;
  OperatorMetrics* metrics_ = nullptr;
  std::shared_ptr<Producer> producer_;
  Handle<rd_kafka_headers_t> headers_;  // of every record; null: none
  int64_t sent_ = 0;
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
