// ride_window from one partition of a real Kafka, beside a bare librdkafka consumer that touches every byte's
// cache line and does nothing else. Wall time of both: most of the work is done by threads of the client.
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "bench/rows/ride_rows.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

constexpr double kLeastKafkaShare = 0.75;  // of the bare consumer
constexpr const char* kTopic = "ride_events";
constexpr int kTimeoutMs = 60'000;
constexpr int kPollMs = 5;  // a batch that is not full is given after that
constexpr size_t kCacheLine = 64;
constexpr size_t kMessagesPerPoll = 4'096;

struct Destroy {
  void operator()(rd_kafka_t* p) const { rd_kafka_destroy(p); }
  void operator()(rd_kafka_topic_t* p) const { rd_kafka_topic_destroy(p); }
};
using Client = std::unique_ptr<rd_kafka_t, Destroy>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Destroy>;

Status kafka_error(const std::string& what) {
  return Status::external(Code::unavailable,
                          what + ": " + rd_kafka_err2str(rd_kafka_last_error()) + ". Does the broker run?");
}

Result<Client> connect(rd_kafka_type_t type, const std::string& brokers) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  char error[256];
  if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), error, sizeof error) !=
      RD_KAFKA_CONF_OK) {
    rd_kafka_conf_destroy(conf);
    return Status::user(Code::invalid_argument, error);
  }
  Client client(rd_kafka_new(type, conf, error, sizeof error));
  if (!client) return Status::external(Code::unavailable, error);
  return client;
}

Status produce(const std::string& brokers, const RideData& data) {
  RF_ASSIGN(const Client client, connect(RD_KAFKA_PRODUCER, brokers));
  const TopicHandle topic(rd_kafka_topic_new(client.get(), kTopic, nullptr));
  for (int64_t i = 0; i < data.events(); ++i) {
    const std::string_view event = data.event(i);
    while (rd_kafka_produce(topic.get(), 0, RD_KAFKA_MSG_F_COPY, const_cast<char*>(event.data()),
                            event.size(), nullptr, 0, nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) return kafka_error("cannot send");
      rd_kafka_poll(client.get(), 10);
    }
    rd_kafka_poll(client.get(), 0);
  }
  if (rd_kafka_flush(client.get(), kTimeoutMs) == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return kafka_error("cannot send all events");
}

struct Consumed {
  int64_t events = 0;
  int64_t bytes = 0;
  uint64_t touched = 0;  // so that the bytes are read
  int64_t nanos = 0;     // of wall time, from the start of reading on
};

Result<Consumed> consume(const std::string& brokers, int64_t events) {
  RF_ASSIGN(const Client client, connect(RD_KAFKA_CONSUMER, brokers));
  const TopicHandle topic(rd_kafka_topic_new(client.get(), kTopic, nullptr));
  // Connected, as a job is when its sources may begin.
  const struct rd_kafka_metadata* metadata = nullptr;
  if (rd_kafka_metadata(client.get(), 0, topic.get(), &metadata, kTimeoutMs) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return kafka_error("cannot reach the topic");
  }
  rd_kafka_metadata_destroy(metadata);
  const int64_t begin = wall_nanos();
  if (rd_kafka_consume_start(topic.get(), 0, RD_KAFKA_OFFSET_BEGINNING) != 0)
    return kafka_error("cannot read");
  Consumed all;
  std::vector<rd_kafka_message_t*> messages(kMessagesPerPoll);
  const int64_t deadline = begin + int64_t{kTimeoutMs} * 1'000'000;
  while (all.events < events) {
    const ssize_t n = rd_kafka_consume_batch(topic.get(), 0, kPollMs, messages.data(), messages.size());
    if (n < 0 || wall_nanos() > deadline) return kafka_error("cannot read all events");
    for (ssize_t i = 0; i < n; ++i) {
      rd_kafka_message_t* const message = messages[static_cast<size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++all.events;
        all.bytes += static_cast<int64_t>(message->len);
        const auto* const bytes = static_cast<const uint8_t*>(message->payload);
        for (size_t at = 0; at < message->len; at += kCacheLine) all.touched += bytes[at];
      }
      rd_kafka_message_destroy(message);
    }
  }
  all.nanos = wall_nanos() - begin;
  rd_kafka_consume_stop(topic.get(), 0);
  return all;
}

Result<BenchJob> kafka_job(const Catalog& catalog, const Report& report) {
  std::ifstream in(report.options().root + "/bench/jobs/ride_window.yaml");
  std::stringstream text;
  text << in.rdbuf() << "kafka:\n  brokers: \"" << report.options().kafka << "\"\n";
  return BenchJob::parse(catalog, "ride_window.yaml", text.str());
}

}  // namespace

Status ride_window_kafka(const Catalog& catalog, Report& report) {
  if (loop_skipped("ride_window_kafka", report)) return {};
  const std::string& brokers = report.options().kafka;
  if (brokers.empty()) {
    report.skip("ride_window_kafka", "no brokers: bench/report --kafka starts a broker of its own");
    return {};
  }
  RF_ASSIGN(const BenchJob job, kafka_job(catalog, report));
  RF_ASSIGN(const RideData data, RideData::make(ride_options(report, 1'000)));
  RF_TRY(produce(brokers, data));
  Row row = row_of("ride_window_kafka", "events/s", Aim::at_least, kLeastKafkaShare);
  std::vector<double> ours;
  std::vector<double> bare;
  for (int i = 0; i <= report.options().repeats; ++i) {
    RF_ASSIGN(const Consumed consumed, consume(brokers, data.events()));
    RunOptions options;
    options.threads = 1;
    RF_ASSIGN(const RunResult run, job.run(options));
    if (i == 0) {
      row.note = check_against_loop(run, ride_loop(data), report);
      const auto bytes = static_cast<int64_t>(data.bytes().size());
      if (consumed.bytes != bytes || consumed.touched == 0) {
        row.note = fmt::format("the bare consumer got {} bytes, expected {}", consumed.bytes, bytes);
      }
      row.checked = row.note.empty();
      continue;
    }
    bare.push_back(per_second(data.events(), consumed.nanos));
    ours.push_back(per_second(data.events(), run.wall_nanos));
  }
  row.value = median(ours);
  row.limit = median(bare);
  report.add(std::move(row));
  return {};
}

}  // namespace rideflow::bench
