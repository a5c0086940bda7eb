// What a reader of Kafka confirms before a checkpoint holds its positions.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>

#include "operators/kafka/kafka_incarnation.h"
#include "tests/operators/kafka_world.h"

namespace rideflow {
namespace kafka_witness_test {

using kafka::Incarnation;
using kafka::RecordMark;
using test::options;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(KafkaIncarnation, RemembersTheNewestTheLastCheckpointAndTheFirst) {
  const auto mark = [](int64_t offset) { return RecordMark{offset, static_cast<uint64_t>(offset) * 7}; };
  Incarnation known;
  EXPECT_THAT(known.keep(), ElementsAre());
  known.learn(mark(2));
  EXPECT_THAT(known.keep(), ElementsAre(mark(2))) << "nothing older is known";
  EXPECT_THAT(known.keep(), ElementsAre()) << "nothing was read since";
  known.learn(mark(5));
  known.learn(mark(8));
  EXPECT_THAT(known.marks(), ElementsAre(mark(8), mark(2)));
  EXPECT_THAT(known.keep(), ElementsAre(mark(2)));
  known.learn(mark(11));
  known.learn(mark(12));
  EXPECT_THAT(known.marks(), ElementsAre(mark(12), mark(8), mark(2)));
  EXPECT_THAT(known.keep(), ElementsAre(mark(8), mark(2))) << "read since then, read before then";
  known.learn(mark(20));
  EXPECT_THAT(known.marks(), ElementsAre(mark(20), mark(12), mark(2)));
  // What comes from a checkpoint was confirmed by it.
  auto restored = Incarnation::decode(known.encode());
  ASSERT_TRUE(restored.ok());
  EXPECT_THAT(restored->keep(), ElementsAre());
  restored->learn(mark(30));
  EXPECT_THAT(restored->keep(), ElementsAre(mark(20), mark(2)));
}

class KafkaWitness : public test::KafkaWorld {
 protected:
  ~KafkaWitness() override {
    env_.settle(20'000);
    if (other_ != nullptr) rd_kafka_mock_cluster_destroy(other_);
  }

  // From now on whoever connects meets other brokers.
  void swap_brokers() { port_ = htons(static_cast<uint16_t>(std::stoi(other_brokers().substr(10)))); }
  const std::string& other_brokers() {
    if (other_ == nullptr) {
      other_ = rd_kafka_mock_cluster_new(host_.get(), 1);
      other_brokers_ = rd_kafka_mock_cluster_bootstraps(other_);
      EXPECT_EQ(other_brokers_.substr(0, 10), "127.0.0.1:");
    }
    return other_brokers_;
  }
  // Calls `make` with the other brokers in the place of the first.
  template <class Make>
  void among_others(const Make& make) {
    const std::string brokers = std::exchange(brokers_, other_brokers());
    std::swap(cluster_, other_);
    make();
    std::swap(cluster_, other_);
    brokers_ = brokers;
  }
  // Connections go to `port_` once it is set.
  void redirect_connections() {
    auto outgoing = std::make_shared<OutgoingAddresses>();
    outgoing->check = [](std::string_view) { return Status(); };
    outgoing->connect = [this](int socket, const void* address, size_t size, std::string_view) {
      sockaddr_in to{};
      std::memcpy(&to, address, std::min(size, sizeof(to)));
      if (port_ != 0) to.sin_port = port_;
      const int result = ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
      return result == 0 || errno == EINPROGRESS ? 0 : errno;
    };
    resources_.add<OutgoingAddresses>("", outgoing);
  }

  // What the confirmation comes to; for as long as it takes.
  Status confirmed(RecordReader& reader) {
    const Confirmation confirmation = reader.confirm();
    if (confirmation.done == nullptr) return Status::internal("nothing to confirm");
    EXPECT_THAT(confirmation.waits_for, HasSubstr("the brokers of topic"));
    while (!confirmation.done->done()) wait();
    return confirmation.done->status();
  }
  // The reader of a topic in both places: what was read is in the first.
  std::unique_ptr<RecordReader> reader_of(const std::string& topic, int partitions, int count) {
    make_topic(topic, partitions);
    produce(topic, rows(0, count));
    auto r = reader(topic);
    for (int p = 0; p < partitions; ++p) {
      EXPECT_TRUE(r->assign(Partition(p), {0, ""}).ok());
      const auto end = static_cast<size_t>(r->resolve(Partition(p), StartAt::latest, 0)->offset);
      EXPECT_EQ(read(*r, Partition(p), end).size(), end);
    }
    return r;
  }

  std::atomic<uint16_t> port_{0};
  rd_kafka_mock_cluster_t* other_ = nullptr;
  std::string other_brokers_;
};

TEST_F(KafkaWitness, WhatIsStillThereIsConfirmedOnce) {
  const auto r = reader_of("rides", 3, 40);
  EXPECT_TRUE(confirmed(*r).ok());
  EXPECT_EQ(r->confirm().done, nullptr) << "nothing was read since";
  produce("rides", rows(40, 40));
  for (int p = 0; p < 3; ++p) read(*r, Partition(p), 1);
  EXPECT_TRUE(confirmed(*r).ok());
}

TEST_F(KafkaWitness, NothingIsConfirmedBeforeTheFirstRecord) {
  make_topic("rides", 1);
  const auto r = reader("rides");
  ASSERT_TRUE(r->assign(Partition(0), {0, ""}).ok());
  EXPECT_EQ(r->confirm().done, nullptr);
}

// Longer, shorter, as long, empty: of the new topic nothing is confirmed, wherever the change shows first.
TEST_F(KafkaWitness, AnotherTopicUnderTheNameIsRefused) {
  redirect_connections();
  for (const int partitions : {1, 2}) {
    for (const int length : {0, 10, 50, 300}) {
      SCOPED_TRACE(fmt::format("{} partitions, {} records", partitions, length));
      const std::string topic = fmt::format("rides_{}_{}", partitions, length);
      port_ = 0;
      const auto r = reader_of(topic, partitions, 50);
      among_others([&] {
        make_topic(topic, partitions);
        if (length > 0) produce(topic, rows(1'000, length));
      });
      swap_brokers();
      const Status status = confirmed(*r);
      EXPECT_EQ(status.code(), Code::data_loss) << status.to_string();
      for (const char* part : {topic.c_str(), "deleted and made again", "--drop-state in"})
        EXPECT_THAT(status.message(), HasSubstr(part));
    }
  }
}

// Other brokers alone are no other topic: a copy of its records is as good.
TEST_F(KafkaWitness, TheSameRecordsAreTheSameTopic) {
  redirect_connections();
  const auto r = reader_of("rides", 1, 50);
  among_others([&] {
    make_topic("rides", 1);
    produce("rides", rows(0, 50));
  });
  swap_brokers();
  EXPECT_TRUE(confirmed(*r).ok());
}

// librdkafka's broker keeps five megabytes of a partition.
TEST_F(KafkaWitness, WhatRetentionTookIsNotAnotherTopic) {
  const auto r = reader_of("rides", 1, 5);
  EXPECT_TRUE(confirmed(*r).ok());
  std::mt19937_64 random(17);
  std::string city(100'000, ' ');  // that no codec makes small
  for (char& c : city) c = static_cast<char>('a' + random() % 26);
  for (int i = 0; i < 120; ++i) produce("rides", {city + ":" + std::to_string(i)});
  ASSERT_GT(r->resolve(Partition(0), StartAt::earliest, 0)->offset, 5) << "nothing was taken";
  // A reader that remembers what was taken.
  const auto late = reader("rides");
  Incarnation known;
  known.learn({3, 77});
  const int64_t first = r->resolve(Partition(0), StartAt::earliest, 0)->offset;
  ASSERT_TRUE(late->assign(Partition(0), {first, known.encode()}).ok());
  EXPECT_GT(read(*late, Partition(0), 1).size(), 0U);
  EXPECT_TRUE(confirmed(*late).ok());
}

TEST_F(KafkaWitness, BrokersThatAreAwayAreWaitedFor) {
  const auto r = reader_of("rides", 1, 20);
  rd_kafka_mock_broker_set_down(cluster_, 1);
  const Confirmation confirmation = r->confirm();
  ASSERT_NE(confirmation.done, nullptr);
  for (int i = 0; i < 50; ++i) wait();
  EXPECT_FALSE(confirmation.done->done());
  rd_kafka_mock_broker_set_up(cluster_, 1);
  while (!confirmation.done->done()) wait();
  EXPECT_TRUE(confirmation.done->status().ok()) << confirmation.done->status().to_string();
}

// A reader that is given up leaves nobody behind who asks for ever.
TEST_F(KafkaWitness, NobodyAsksForAReaderThatIsGone) {
  auto r = reader_of("rides", 1, 20);
  rd_kafka_mock_broker_set_down(cluster_, 1);
  const Confirmation confirmation = r->confirm();
  ASSERT_NE(confirmation.done, nullptr);
  r.reset();
  while (!confirmation.done->done()) wait();
  rd_kafka_mock_broker_set_up(cluster_, 1);
}

}  // namespace kafka_witness_test
}  // namespace rideflow
