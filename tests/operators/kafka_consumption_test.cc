// Where a reader consumes from, changed by nobody who must not wait.
#include "operators/kafka/kafka_consumption.h"

#include "tests/operators/kafka_world.h"

namespace rideflow {
namespace kafka_consumption_test {

using kafka::Client;
using kafka::Consumption;

class KafkaConsumption : public test::KafkaWorld {
 protected:
  std::shared_ptr<Client> client(const std::string& topic) {
    auto client = std::make_shared<Client>(&env_);
    auto conf = kafka::make_conf(cluster(), {}, &resources_, &client->reports());
    EXPECT_TRUE(conf.ok() && client->open(RD_KAFKA_CONSUMER, *std::move(conf)).ok());
    EXPECT_TRUE(client->open_topic(topic).ok());
    return client;
  }
  // Of the next message; -1: none came.
  int64_t next_offset(const Client& client) {
    for (int i = 0; i < 2'000; ++i) {
      rd_kafka_message_t* const message = rd_kafka_consume(client.topic(), 0, 0);
      if (message == nullptr) {
        wait();
        continue;
      }
      const int64_t offset = message->offset;
      rd_kafka_message_destroy(message);
      return offset;
    }
    return -1;
  }
  bool settled(Consumption& consumption) {
    const Result<bool> settled = consumption.settled(Partition(0));
    EXPECT_TRUE(settled.ok()) << settled.status().to_string();
    return settled.ok() && *settled;
  }

  // Background work of which nothing is done before a test says so.
  VirtualEnv later_;
};

TEST_F(KafkaConsumption, WhoBeginsElsewhereDoesNotWaitForTheStop) {
  make_topic("rides", 1);
  produce("rides", rows(0, 10));
  const auto consumer = client("rides");
  Consumption consumption(&later_, consumer, nullptr);
  ASSERT_TRUE(consumption.begin(Partition(0), 0, "it").ok());
  EXPECT_TRUE(settled(consumption)) << "nothing was to be stopped";
  EXPECT_EQ(next_offset(*consumer), 0);

  ASSERT_TRUE(consumption.begin(Partition(0), 5, "it").ok());
  ASSERT_TRUE(consumption.begin(Partition(0), 7, "it").ok());
  EXPECT_FALSE(settled(consumption));
  EXPECT_EQ(later_.waiting_offload(), 1U) << "one thread at a time";
  ASSERT_TRUE(later_.step_offload());
  EXPECT_FALSE(settled(consumption)) << "it is where it was asked to be before";
  ASSERT_TRUE(later_.step_offload());
  EXPECT_TRUE(settled(consumption));
  EXPECT_EQ(next_offset(*consumer), 7);

  consumption.stop(Partition(0));
  consumption.stop(Partition(0));
  EXPECT_FALSE(settled(consumption));
  ASSERT_TRUE(consumption.begin(Partition(0), 2, "it").ok());
  EXPECT_GE(later_.run_offload(), 1);
  EXPECT_FALSE(settled(consumption));
  later_.run_offload();
  EXPECT_TRUE(settled(consumption));
  EXPECT_EQ(next_offset(*consumer), 2);
}

TEST_F(KafkaConsumption, WhatCouldNotBeBegunIsToldOnce) {
  make_topic("rides", 1);
  const auto consumer = client("rides");
  Consumption consumption(&later_, consumer, nullptr);
  const Partition none(-1);
  EXPECT_FALSE(consumption.begin(none, 0, "no partition").ok());
  EXPECT_TRUE(consumption.begin(none, 0, "no partition").ok());
  later_.run_offload();
  EXPECT_FALSE(consumption.settled(none).ok());
  EXPECT_TRUE(consumption.settled(none).ok());
}

}  // namespace kafka_consumption_test
}  // namespace rideflow
