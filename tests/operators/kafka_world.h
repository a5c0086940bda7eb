// librdkafka's own broker in this process, and readers and sinks of the kind `topic` over it. What that
// broker can't do (making topics by request, users, TLS) is tested on a real Kafka elsewhere.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "operators/kafka/kafka_client.h"
// rdkafka_mock.h needs rdkafka.h before it.
#include <librdkafka/rdkafka_mock.h>

#include "engine/job_access.h"
#include "runtime/posix_env.h"
#include "runtime/posix_secret.h"
#include "tests/operators/decode_support.h"
#include "tests/operators/sink_support.h"
#include "tests/operators/source_contract.h"

namespace rideflow::test {

// A clock that runs a hundred times as fast once it is told to: patience is long.
class FastEnv : public PosixEnv {
 public:
  using PosixEnv::PosixEnv;
  Micros monotonic() override { return PosixEnv::monotonic() * (fast ? 100 : 1); }
  std::atomic<bool> fast{false};
};

// The broker, and a world around it whose clock is the real one: librdkafka's is.
class KafkaWorld : public testing::Test {
 protected:
  KafkaWorld() {
    resources_.add<SecretResolver>("", posix_secrets(env_.fs()));
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_conf_set(conf, "log_level", "3", why, sizeof(why));
    host_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why)));
    cluster_ = rd_kafka_mock_cluster_new(host_.get(), 1);
    brokers_ = rd_kafka_mock_cluster_bootstraps(cluster_);
  }
  ~KafkaWorld() override {
    env_.settle(20'000);  // clients are taken down beside; without their broker they would wait for answers
    rd_kafka_mock_cluster_destroy(cluster_);
    host_.reset();
  }

  void make_topic(const std::string& name, int partitions) {
    ASSERT_EQ(rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  Options cluster(const std::vector<std::pair<std::string, std::string>>& properties = {}) const {
    Options o = options({{"brokers", brokers_}});
    OptionValue map;
    map.map = properties;
    map.map.emplace(map.map.begin(), "fetch.wait.max.ms", "20");  // an answer about one partition is for all
    o.set("properties", map);
    return o;
  }

  OpenContext context() {
    OpenContext c;
    c.env = &env_;
    c.resources = &resources_;
    c.metrics = &metrics_;
    c.waker = waker_;
    c.job = "job";
    c.lineage = "l1";
    c.step = "step";
    c.restored = restored_;
    return c;
  }

  Result<std::unique_ptr<RecordReader>> open_reader(const Options& o, const Options& cluster_options) {
    SourceConfig config;
    config.source = "in";
    config.job = "job";
    config.options = o;
    config.cluster = cluster_options;
    RF_ASSIGN(std::unique_ptr<RecordReader> reader, catalog().find_source("topic")->make(config));
    RF_TRY(reader->open(context()));
    return reader;
  }
  std::unique_ptr<RecordReader> reader(const std::string& topic) {
    auto made = open_reader(options({{"name", topic}}), cluster());
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return *std::move(made);
  }

  std::shared_ptr<SinkConfig> sink_config(const std::string& topic) {
    auto config = std::make_shared<SinkConfig>();
    config->sink = "out";
    config->job = "job";
    config->input = city_schema();
    config->options = options({{"name", topic}});
    OptionValue key;
    key.columns = {0};
    config->options.set("key", key);
    config->cluster = cluster();
    config->make_encoder = [] { return catalog().find_format("json")->make_encoder(city_schema(), {}); };
    return config;
  }
  // "key:number", for produce().
  static std::vector<std::string> rows(int from, int count) {
    std::vector<std::string> all;
    for (int i = from; i < from + count; ++i)
      all.push_back("k" + std::to_string(i % 5) + ":" + std::to_string(i));
    return all;
  }
  // Writes rows and waits until they are acknowledged.
  void produce(const std::string& topic, const std::vector<std::string>& lines) {
    auto made = catalog().find_sink("topic")->make(sink_config(topic));
    ASSERT_TRUE(made.ok()) << made.status().to_string();
    const Status opened = (*made)->open(context());
    ASSERT_TRUE(opened.ok()) << opened.to_string();
    write(**made, lines);
    ASSERT_TRUE(settle(**made).ok());
  }
  Status settle(Sink& sink) {
    auto prepared = sink.prepare(Epoch(1));
    if (!prepared.ok()) return prepared.status();
    EXPECT_EQ(prepared->handle, "");
    while (!prepared->durable->done()) wait();
    return prepared->durable->status();
  }

  // Polls until `count` records came, one partition after the other.
  std::vector<ReadRecord> read(RecordReader& reader, Partition partition, size_t count,
                               int32_t budget = 100) {
    std::vector<ReadRecord> all;
    for (int i = 0; i < 2'000 && all.size() < count; ++i) {
      auto poll = reader.poll(partition, budget);
      EXPECT_TRUE(poll.ok()) << poll.status().to_string();
      if (!poll.ok()) break;
      if (poll->chunk == nullptr) {
        wait();
        continue;
      }
      for (const RecordOrigin& r : poll->chunk->records) {
        all.push_back(
            {std::string(r.payload), r.position, r.timestamp, std::string(r.key), *poll->chunk->topic});
      }
    }
    return all;
  }

  // A hundredth of a second, spent in the broker's own client.
  void wait() { rd_kafka_poll(host_.get(), 10); }

  FastEnv env_;
  bool restored_ = false;  // what is opened is: positions of a checkpoint follow
  WakerRef waker_;         // of what is opened
  Resources resources_;
  OperatorMetrics metrics_;
  kafka::Handle<rd_kafka_t> host_;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  std::string brokers_;
};

}  // namespace rideflow::test
