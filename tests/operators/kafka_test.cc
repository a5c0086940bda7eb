// Kafka as source and sink, against librdkafka's own broker in this process.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <set>

#include "operators/kafka/kafka_incarnation.h"
#include "operators/kafka/kafka_topic.h"
#include "tests/operators/kafka_world.h"

namespace rideflow {
namespace kafka_test {

using test::options;
using Kafka = test::KafkaWorld;
using testing::HasSubstr;

TEST_F(Kafka, WhatTheSinkWritesTheSourceReads) {
  make_topic("rides", 1);
  produce("rides", {"Lyon:1", ":2"});
  const auto r = reader("rides");
  ASSERT_TRUE(r->assign(Partition(0), *r->resolve(Partition(0), StartAt::earliest, 0)).ok());
  const auto all = read(*r, Partition(0), 2);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].payload, "{\"city\":\"Lyon\",\"n\":1}");
  EXPECT_EQ(all[0].key, "Lyon");
  EXPECT_EQ(all[0].timestamp, VirtualEnv::kStart);
  EXPECT_EQ(all[0].topic, "rides");
  EXPECT_EQ(all[1].key, "");
  EXPECT_EQ(all[1].position, 1);
}

TEST_F(Kafka, PositionsRestoreExactly) {
  make_topic("rides", 3);
  produce("rides", rows(0, 30));
  std::vector<test::ReadRecord> reference[3];
  for (const int32_t budget : {1'024, 2, 1}) {
    const auto r = reader("rides");
    const auto partitions = r->partitions();
    ASSERT_TRUE(partitions.ok());
    ASSERT_EQ(partitions->size(), 3U);
    for (const Partition p : *partitions) {
      const auto i = static_cast<size_t>(p.value);
      const auto count = static_cast<size_t>(r->end(p)->offset);
      ASSERT_TRUE(r->assign(p, *r->resolve(p, StartAt::earliest, 0)).ok());
      const auto all = read(*r, p, count, budget);
      if (budget == 1'024) reference[i] = all;
      ASSERT_EQ(all, reference[i]) << budget;
      EXPECT_EQ(r->position(p).offset, static_cast<int64_t>(count));
      // Back to the middle, with a fresh reader.
      const size_t half = count / 2;
      const auto fresh = reader("rides");
      ASSERT_TRUE(fresh->assign(p, Position{static_cast<int64_t>(half), {}}).ok());
      EXPECT_EQ(read(*fresh, p, count - half, budget),
                std::vector<test::ReadRecord>(all.begin() + static_cast<std::ptrdiff_t>(half), all.end()));
    }
  }
  EXPECT_EQ(reference[0].size() + reference[1].size() + reference[2].size(), 30U);
}

TEST_F(Kafka, AnEndIsProvenByTheBrokerAndTakenBackByRows) {
  make_topic("rides", 1);
  produce("rides", rows(0, 3));
  const auto r = reader("rides");
  ASSERT_TRUE(r->assign(Partition(0), {0, ""}).ok());
  ASSERT_EQ(read(*r, Partition(0), 3).size(), 3U);
  bool proven = false;
  for (int i = 0; i < 1'000 && !proven; ++i) {
    const auto poll = r->poll(Partition(0), 10);
    ASSERT_TRUE(poll.ok()) << poll.status().to_string();
    proven = poll->state == Poll::State::proven_end;
    wait();
  }
  EXPECT_TRUE(proven);
  EXPECT_TRUE(r->reached(r->position(Partition(0)), *r->end(Partition(0))));
  produce("rides", rows(3, 1));
  // Once the row is here, a later answer may prove the new end.
  Result<Poll> row = r->poll(Partition(0), 10);
  for (int i = 0; i < 1'000 && row.ok() && row->chunk == nullptr; ++i) {
    wait();
    row = r->poll(Partition(0), 10);
  }
  ASSERT_TRUE(row.ok() && row->chunk != nullptr);
  EXPECT_EQ(row->chunk->records[0].position, 3);
  EXPECT_EQ(row->state, Poll::State::more);
}

// One question for all: asked one by one, the answers would be too old before the last came.
TEST_F(Kafka, TheEndsOfManyPartitionsAreProvenAtOnce) {
  constexpr int kPartitions = 300;
  make_topic("rides", kPartitions);
  const auto r = reader("rides");
  for (int p = 0; p < kPartitions; ++p) ASSERT_TRUE(r->assign(Partition(p), {0, ""}).ok());
  rd_kafka_mock_broker_set_rtt(cluster_, 1, 50);
  int proven = 0;
  for (int round = 0; round < 800 && proven < kPartitions; ++round) {
    proven = 0;
    for (int p = 0; p < kPartitions; ++p) {
      const auto poll = r->poll(Partition(p), 10);
      ASSERT_TRUE(poll.ok()) << poll.status().to_string();
      proven += poll->state == Poll::State::proven_end;
    }
    wait();
  }
  EXPECT_EQ(proven, kPartitions);
}

TEST_F(Kafka, APartitionWithoutALeaderIsAskedAgain) {
  make_topic("rides", 1);
  produce("rides", rows(0, 4));
  const auto r = reader("rides");
  constexpr int16_t kListOffsets = 2;
  // As in the first moments of a topic. Both ends are asked for, each a request.
  rd_kafka_mock_push_request_errors(cluster_, kListOffsets, 4, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                    RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                                    RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
  const auto latest = r->resolve(Partition(0), StartAt::latest, 0);
  ASSERT_TRUE(latest.ok()) << latest.status().to_string();
  EXPECT_EQ(latest->offset, 4);
}

// A broker that is killed while a job starts: the question that was under way waits for a connection that is
// no more.
TEST_F(Kafka, ALeaderThatCannotBeReachedIsAskedAgain) {
  kafka::Reports reports(&env_);
  int asked = 0;
  const auto unreachable = [&](int timeout_ms) {
    EXPECT_LT(timeout_ms, kafka::kPatienceMs);
    ++asked;
    return asked == 1   ? RD_KAFKA_RESP_ERR__TIMED_OUT
           : asked == 2 ? RD_KAFKA_RESP_ERR__TRANSPORT
                        : RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  EXPECT_EQ(kafka::ask_patiently(host_.get(), reports, kafka::Known::yes, unreachable),
            RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(asked, 3);

  asked = 0;
  reports.error(RD_KAFKA_RESP_ERR__AUTHENTICATION, "wrong password");
  EXPECT_EQ(kafka::ask_patiently(host_.get(), reports, kafka::Known::yes, unreachable),
            RD_KAFKA_RESP_ERR__TIMED_OUT);
  EXPECT_EQ(asked, 1);
}

// librdkafka says "no error" then; a job whose `until: latest` believed it would end without having read a
// row.
TEST_F(Kafka, AnOffsetThatNoBrokerToldIsNoOffset) {
  make_topic("rides", 1);
  produce("rides", rows(0, 4));
  kafka::Reports reports(&env_);
  auto conf = kafka::make_conf(cluster(), {}, &resources_, &reports);
  ASSERT_TRUE(conf.ok());
  const auto client = kafka::make_client(RD_KAFKA_CONSUMER, *std::move(conf));
  ASSERT_TRUE(client.ok());
  const kafka::Handle<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(1));
  const auto* const entry = rd_kafka_topic_partition_list_add(list.get(), "rides", 0);
  const auto ask = [&](int64_t time_ms, int timeout_ms) {
    const auto error = kafka::ask_offsets(client->get(), list.get(), time_ms, timeout_ms);
    return error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : entry->err;
  };
  ASSERT_EQ(ask(RD_KAFKA_OFFSET_END, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);  // the leader is known from now on
  EXPECT_EQ(entry->offset, 4);
  rd_kafka_mock_broker_set_rtt(cluster_, 1, 2'000);
  for (const int64_t time_ms :
       {int64_t{RD_KAFKA_OFFSET_BEGINNING}, int64_t{RD_KAFKA_OFFSET_END}, int64_t{1'000}})
    EXPECT_EQ(ask(time_ms, 200), RD_KAFKA_RESP_ERR__TIMED_OUT) << time_ms;
}

// Without a clock the number of questions ends it.
TEST_F(Kafka, ALeaderIsNotAskedForEver) {
  kafka::Reports reports(nullptr);
  const auto nobody = [](int) { return RD_KAFKA_RESP_ERR__TIMED_OUT; };
  EXPECT_EQ(kafka::ask_patiently(host_.get(), reports, kafka::Known::yes, nobody),
            RD_KAFKA_RESP_ERR__TIMED_OUT);
}

// A broker that dies while a topic is made is asked again; that the topic is there by then is no error.
TEST_F(Kafka, ATopicIsAskedForAgainWhenTheConnectionBreaks) {
  kafka::Reports reports(&env_);
  const auto asked = [&](std::vector<rd_kafka_resp_err_t> answers) {
    size_t next = 0;
    const auto error = kafka::ask_for_topic(
        host_.get(), reports, [&](int) { return answers[std::min(next++, answers.size() - 1)]; });
    return std::pair(error, next);
  };
  const auto broken = RD_KAFKA_RESP_ERR__TRANSPORT;
  const auto there = RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
  const auto made = RD_KAFKA_RESP_ERR_NO_ERROR;
  EXPECT_EQ(asked({broken, broken, made}), std::pair(made, size_t{3}));
  EXPECT_EQ(asked({broken, there}), std::pair(made, size_t{2}));
  EXPECT_EQ(asked({there}), std::pair(there, size_t{1}));
  const auto forbidden = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
  EXPECT_EQ(asked({broken, forbidden}), std::pair(forbidden, size_t{2}));
}

// The client tells an error once: behind the records that came before it.
TEST_F(Kafka, AnErrorBehindRecordsIsToldAfterThem) {
  make_topic("rides", 1);
  produce("rides", rows(0, 3));
  const auto r = reader("rides");
  ASSERT_TRUE(r->assign(Partition(0), {0, ""}).ok());
  for (int i = 0; i < 100; ++i) wait();  // fetched, and not yet polled
  constexpr int16_t kFetch = 1;
  const auto refused = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
  rd_kafka_mock_push_request_errors(cluster_, kFetch, 3, refused, refused, refused);
  for (int i = 0; i < 150; ++i) wait();
  const auto first = r->poll(Partition(0), 100);
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  ASSERT_NE(first->chunk, nullptr);
  EXPECT_EQ(first->chunk->records.size(), 3U);
  EXPECT_EQ(r->position(Partition(0)).offset, 3);
  const auto second = r->poll(Partition(0), 100);
  EXPECT_EQ(second.status().code(), Code::permission_denied) << second.status().to_string();
}

TEST_F(Kafka, HeadersComeWithTheirRecordsWhereTheyAreAskedFor) {
  make_topic("rides", 1);
  const auto config = sink_config("rides");
  config->headers = {{"trace", "abc"}, {"trace", ""}};
  auto sink = test::catalog().find_sink("topic")->make(config);
  ASSERT_TRUE(sink.ok() && (*sink)->open(context()).ok());
  test::write(**sink, {"a:1", "b:2"});
  ASSERT_TRUE(settle(**sink).ok());
  produce("rides", rows(0, 1));
  for (const bool asked : {true, false}) {
    SourceConfig source;
    source.source = "in";
    source.job = "job";
    source.options = options({{"name", "rides"}});
    source.cluster = cluster();
    source.headers = asked;
    auto r = test::catalog().find_source("topic")->make(source);
    ASSERT_TRUE(r.ok() && (*r)->open(context()).ok());
    ASSERT_TRUE((*r)->assign(Partition(0), {0, ""}).ok());
    std::vector<std::vector<std::pair<std::string, std::string>>> found;
    for (int i = 0; i < 2'000 && found.size() < 3; ++i) {
      const auto poll = (*r)->poll(Partition(0), 100);
      ASSERT_TRUE(poll.ok());
      wait();
      for (size_t k = 0; poll->chunk != nullptr && k < poll->chunk->records.size(); ++k) {
        auto& headers = found.emplace_back();
        for (const RecordHeader& h : poll->chunk->headers_of(k)) headers.emplace_back(h.name, h.value);
      }
    }
    const std::vector<std::pair<std::string, std::string>> wanted = {{"trace", "abc"}, {"trace", ""}};
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0], asked ? wanted : decltype(wanted)());
    EXPECT_EQ(found[1], asked ? wanted : decltype(wanted)());
    EXPECT_TRUE(found[2].empty());
  }
}

// A broker's metadata may name any address: here it names its own, which is not allowed.
TEST_F(Kafka, ConnectionsGoOnlyWhereTheProcessAllows) {
  make_topic("rides", 1);
  auto outgoing = std::make_shared<OutgoingAddresses>();
  std::mutex mutex;
  std::set<std::string> asked;
  outgoing->check = [](std::string_view to) {
    return Status::user(Code::permission_denied, "jobs may not connect to '" + std::string(to) + "' here");
  };
  outgoing->connect = [&](int, const void*, size_t, std::string_view to) {
    const std::lock_guard lock(mutex);
    asked.emplace(to);
    return EPERM;
  };
  resources_.add<OutgoingAddresses>("", outgoing);
  const auto made = open_reader(options({{"name", "rides"}}), cluster());
  EXPECT_EQ(made.status().code(), Code::permission_denied) << made.status().to_string();
  EXPECT_THAT(made.status().message(), HasSubstr("may not connect to"));
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(asked.contains(brokers_)) << brokers_;
}

TEST_F(Kafka, LatestStartsBehindWhatIsThere) {
  make_topic("rides", 1);
  produce("rides", rows(0, 5));
  const auto r = reader("rides");
  EXPECT_EQ(r->resolve(Partition(0), StartAt::latest, 0)->offset, 5);
  EXPECT_EQ(r->resolve(Partition(0), StartAt::earliest, 0)->offset, 0);
}

TEST_F(Kafka, APositionBehindTheEndIsAnotherTopic) {
  make_topic("rides", 1);
  produce("rides", rows(0, 2));
  const auto r = reader("rides");
  ASSERT_TRUE(r->assign(Partition(0), {50, ""}).ok());
  Status status;
  for (int i = 0; i < 2'000 && status.ok(); ++i) {
    const auto poll = r->poll(Partition(0), 10);
    if (!poll.ok()) status = poll.status();
    wait();
  }
  EXPECT_EQ(status.code(), Code::data_loss);
  EXPECT_THAT(status.message(), HasSubstr("deleted and made again"));
}

// What a broker says while it starts: for every kind of question, and every kind of answer that is not final.
TEST_F(Kafka, AnAnswerThatIsNotFinalIsAskedForAgain) {
  kafka::Reports reports(&env_);
  const auto final = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
  const auto asked = [&](kafka::Known known, rd_kafka_resp_err_t first) {
    int count = 0;
    const auto answer =
        kafka::ask_patiently(host_.get(), reports, known, [&](int) { return ++count == 1 ? first : final; });
    EXPECT_EQ(answer, count == 1 ? first : final);
    return count;
  };
  for (const auto code :
       {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TIMED_OUT}) {
    EXPECT_EQ(asked(kafka::Known::no, code), 2) << rd_kafka_err2name(code);
    EXPECT_EQ(asked(kafka::Known::yes, code), 2) << rd_kafka_err2name(code);
  }
  for (const auto code : {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                          RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION}) {
    EXPECT_EQ(asked(kafka::Known::no, code), 1) << rd_kafka_err2name(code);
    EXPECT_EQ(asked(kafka::Known::yes, code), 2) << rd_kafka_err2name(code);
  }
  EXPECT_EQ(asked(kafka::Known::yes, RD_KAFKA_RESP_ERR_NO_ERROR), 1);
}

// Not for ever: a topic that is gone is refused by name.
TEST_F(Kafka, PatienceEnds) {
  kafka::Reports reports(&env_);
  env_.fast = true;
  for (const auto code : {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                          RD_KAFKA_RESP_ERR__TRANSPORT}) {
    EXPECT_EQ(kafka::ask_patiently(host_.get(), reports, kafka::Known::yes, [&](int) { return code; }), code);
  }
}

TEST_F(Kafka, ATopicThatABrokerDoesNotKnowYetIsWaitedFor) {
  make_topic("rides", 1);
  produce("rides", rows(0, 4));
  rd_kafka_mock_topic_set_error(cluster_, "rides", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  restored_ = true;
  const auto back = env_.offload([&] {
    for (int i = 0; i < 40; ++i) rd_kafka_poll(host_.get(), 10);
    rd_kafka_mock_topic_set_error(cluster_, "rides", RD_KAFKA_RESP_ERR_NO_ERROR);
    return Status();
  });
  const auto made = open_reader(options({{"name", "rides"}}), cluster());
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_TRUE(back->done());
  ASSERT_TRUE((*made)->assign(Partition(0), {1, ""}).ok());
  EXPECT_EQ(read(**made, Partition(0), 3).size(), 3U);
}

TEST_F(Kafka, ATopicThatIsGoneIsRefusedByName) {
  make_topic("rides", 1);
  rd_kafka_mock_topic_set_error(cluster_, "rides", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  restored_ = true;
  env_.fast = true;
  const auto made = open_reader(options({{"name", "rides"}}), cluster());
  EXPECT_EQ(made.status().code(), Code::data_loss) << made.status().to_string();
  for (const char* part : {"'rides'", "deleted and made again", "--drop-state in"})
    EXPECT_THAT(made.status().message(), HasSubstr(part));
}

TEST_F(Kafka, FewerPartitionsAreAnotherTopic) {
  make_topic("rides", 1);
  const auto r = reader("rides");
  env_.fast = true;
  const Status status = r->assign(Partition(2), {7, ""});
  EXPECT_EQ(status.code(), Code::data_loss) << status.to_string();
  EXPECT_THAT(status.message(), HasSubstr("partition 2"));
  EXPECT_THAT(status.message(), HasSubstr("only 1"));
}

// A topic that was deleted and made again while the job was stopped: whatever its length is, the records that
// were read before are not there. Another topic stands for it; the checkpoint doesn't know its name.
TEST_F(Kafka, ATopicThatWasMadeAgainIsRefused) {
  constexpr int kRead = 20;
  make_topic("old", 1);
  produce("old", rows(0, kRead));
  const auto position_after = [&](size_t count) {
    const auto r = reader("old");
    EXPECT_TRUE(r->assign(Partition(0), {0, ""}).ok());
    EXPECT_EQ(read(*r, Partition(0), count, 4).size(), count);
    return r->position(Partition(0));
  };
  for (const size_t read_before : {size_t{4}, size_t{kRead}}) {
    const Position position = position_after(read_before);
    ASSERT_EQ(position.offset, static_cast<int64_t>(read_before));
    for (const int length : std::set{0, static_cast<int>(read_before), 3 * kRead}) {
      for (const int first_row : {0, 1'000}) {
        const std::string name = fmt::format("new_{}_{}_{}", read_before, length, first_row);
        make_topic(name, 1);
        if (length > 0) produce(name, rows(first_row, length));
        const bool same = first_row == 0 && length >= static_cast<int>(read_before);
        const auto r = reader(name);
        ASSERT_TRUE(r->assign(Partition(0), position).ok());
        Status status;
        size_t got = 0;
        const size_t left = same ? static_cast<size_t>(length) - read_before : 1;
        bool settled = false;
        for (int i = 0; i < 2'000 && status.ok() && !settled; ++i) {
          const auto poll = r->poll(Partition(0), 100);
          status = poll.status();
          if (!poll.ok()) break;
          if (poll->chunk != nullptr) got += poll->chunk->records.size();
          settled = got >= left && (left > 0 || poll->state == Poll::State::proven_end);
          wait();
        }
        if (same) {
          EXPECT_TRUE(status.ok()) << name << status.to_string();
          EXPECT_EQ(got, left) << name;
          continue;
        }
        EXPECT_EQ(status.code(), Code::data_loss) << name;
        EXPECT_THAT(status.message(), HasSubstr("deleted and made again")) << name;
        EXPECT_EQ(got, 0U) << name;
      }
    }
  }
}

// Nothing is remembered in checkpoints of earlier versions: they are accepted, and remember from then on.
TEST_F(Kafka, APositionWithoutMemoryIsAcceptedAndLearns) {
  make_topic("rides", 1);
  produce("rides", rows(0, 9));
  const auto r = reader("rides");
  for (const int64_t offset : {0, 5, 9}) {
    ASSERT_TRUE(r->assign(Partition(0), {offset, ""}).ok());
    const auto count = static_cast<size_t>(9 - offset);
    EXPECT_EQ(read(*r, Partition(0), count).size(), count);
    for (int i = 0; i < 1'000 && r->position(Partition(0)).detail.empty(); ++i) {
      ASSERT_TRUE(r->poll(Partition(0), 10).ok());
      wait();
    }
    const auto known = kafka::Incarnation::decode(r->position(Partition(0)).detail);
    ASSERT_TRUE(known.ok());
    ASSERT_FALSE(known->marks().empty()) << offset;
    EXPECT_EQ(known->marks().front().offset, 8);
  }
  EXPECT_FALSE(r->assign(Partition(0), {3, "\x7f"}).ok());
}

// What passes is told once: the next poll asks anew.
TEST_F(Kafka, AnErrorBehindRecordsThatPassesDoesNotStay) {
  make_topic("rides", 1);
  produce("rides", rows(0, 3));
  const auto r = reader("rides");
  ASSERT_TRUE(r->assign(Partition(0), {0, ""}).ok());
  for (int i = 0; i < 100; ++i) wait();  // fetched, and not yet polled
  constexpr int16_t kFetch = 1;
  rd_kafka_mock_push_request_errors(cluster_, kFetch, 1, RD_KAFKA_RESP_ERR_UNKNOWN);
  for (int i = 0; i < 150; ++i) wait();
  const auto first = r->poll(Partition(0), 100);
  ASSERT_TRUE(first.ok() && first->chunk != nullptr);
  produce("rides", rows(3, 2));
  size_t got = 0;
  int errors = 0;
  for (int i = 0; i < 2'000 && got < 2; ++i) {
    const auto poll = r->poll(Partition(0), 100);
    if (!poll.ok()) {
      ASSERT_EQ(poll.status().retry(), Retry::backoff) << poll.status().to_string();
      ++errors;
    } else if (poll->chunk != nullptr) {
      got += poll->chunk->records.size();
    }
    wait();
  }
  EXPECT_EQ(got, 2U);
  EXPECT_LE(errors, 1);
}

class CountedWakes : public Waker {
 public:
  void wake() override { ++wakes; }
  std::atomic<int> wakes{0};
};

// Nobody polls to find out that something came.
TEST_F(Kafka, RecordsAndAcknowledgementsWakeWhoWaitsForThem) {
  make_topic("rides", 1);
  const auto reading = std::make_shared<CountedWakes>();
  waker_ = reading;
  const auto r = reader("rides");
  ASSERT_TRUE(r->assign(Partition(0), {0, ""}).ok());
  for (int i = 0; i < 50; ++i) {  // up to its end, which is told too
    ASSERT_TRUE(r->poll(Partition(0), 100).ok());
    wait();
  }
  ASSERT_TRUE(env_.settle(20'000));
  const int before = reading->wakes;

  const auto writing = std::make_shared<CountedWakes>();
  waker_ = writing;
  auto made = test::catalog().find_sink("topic")->make(sink_config("rides"));
  ASSERT_TRUE(made.ok() && (*made)->open(context()).ok());
  test::write(**made, rows(0, 3));
  const int given = writing->wakes;
  for (int i = 0; i < 2'000 && (writing->wakes == given || reading->wakes == before); ++i) wait();
  EXPECT_GT(writing->wakes, given);
  EXPECT_GT(reading->wakes, before);
  EXPECT_TRUE(settle(**made).ok());
  EXPECT_EQ(read(*r, Partition(0), 3).size(), 3U);
}

// Brokers that went away are waited for, aloud, by no thread; and nothing is lost.
TEST_F(Kafka, ASinkWhoseBrokersAreAwayHoldsNobodyUp) {
  make_topic("rides", 1);
  const auto config = sink_config("rides");
  config->cluster = cluster({{"queue.buffering.max.messages", "50"}});
  auto made = test::catalog().find_sink("topic")->make(config);
  ASSERT_TRUE(made.ok() && (*made)->open(context()).ok());
  Sink& sink = **made;
  test::write(sink, rows(0, 5));
  ASSERT_TRUE(settle(sink).ok());
  rd_kafka_mock_broker_set_down(cluster_, 1);
  test::write(sink, rows(5, 200));  // returns, though the client has room for fifty
  EXPECT_FALSE(sink.ready());
  const auto prepared = sink.prepare(Epoch(2));
  ASSERT_TRUE(prepared.ok());
  test::NoOutput out;
  env_.fast = true;
  for (int i = 0; i < 1'000 && !metrics_.waits_for.waits(); ++i) {
    ASSERT_TRUE(sink.on_tick(env_.now(), out).ok());
    wait();
  }
  ASSERT_TRUE(metrics_.waits_for.get().has_value());
  EXPECT_THAT(metrics_.waits_for.get()->what, HasSubstr("200 rows"));
  EXPECT_TRUE(env_.settle(0)) << "a thread waits";
  for (int i = 0; i < 100; ++i) {  // four minutes and more, by this clock
    ASSERT_TRUE(sink.on_tick(env_.now(), out).ok());
    ASSERT_FALSE(prepared->durable->done());
    wait();
  }
  rd_kafka_mock_broker_set_up(cluster_, 1);
  while (!prepared->durable->done()) {
    (void)sink.ready();
    ASSERT_TRUE(sink.on_tick(env_.now(), out).ok());
    wait();
  }
  EXPECT_TRUE(prepared->durable->status().ok());
  ASSERT_TRUE(sink.on_tick(env_.now(), out).ok());
  EXPECT_FALSE(metrics_.waits_for.waits());
  env_.fast = false;
  const auto r = reader("rides");
  ASSERT_TRUE(r->assign(Partition(0), {0, ""}).ok());
  const auto all = read(*r, Partition(0), 205);
  ASSERT_EQ(all.size(), 205U);
  for (int i = 0; i < 205; ++i)
    EXPECT_THAT(all[static_cast<size_t>(i)].payload, HasSubstr(fmt::format("\"n\":{}}}", i)));
}

// Each has one question under way, in a thread of its own; work on the disk goes on.
TEST_F(Kafka, SourcesWhoseBrokersAreAwayHoldNobodyUp) {
  make_topic("rides", 1);
  std::vector<std::unique_ptr<RecordReader>> readers;
  for (int i = 0; i < 6; ++i) {
    readers.push_back(reader("rides"));
    ASSERT_TRUE(readers.back()->assign(Partition(0), {0, ""}).ok());
  }
  rd_kafka_mock_broker_set_down(cluster_, 1);
  for (int round = 0; round < 150; ++round) {
    for (const auto& r : readers) ASSERT_TRUE(r->poll(Partition(0), 10).ok());
    wait();
  }
  EXPECT_FALSE(env_.settle(0)) << "nobody asks";
  const auto disk = env_.offload([] { return Status(); });
  for (int i = 0; i < 500 && !disk->done(); ++i) wait();
  EXPECT_TRUE(disk->done());
  for (int i = 0; i < 3'000 && !metrics_.waits_for.waits(); ++i) {
    for (const auto& r : readers) ASSERT_TRUE(r->poll(Partition(0), 10).ok());
    wait();
  }
  EXPECT_TRUE(metrics_.waits_for.waits());
  rd_kafka_mock_broker_set_up(cluster_, 1);
  for (int i = 0; i < 3'000 && metrics_.waits_for.waits(); ++i) {
    for (const auto& r : readers) ASSERT_TRUE(r->poll(Partition(0), 10).ok());
    wait();
  }
  EXPECT_FALSE(metrics_.waits_for.waits());
}

TEST_F(Kafka, ProduceErrorsFailTheCheckpoint) {
  make_topic("rides", 1);
  auto made = test::catalog().find_sink("topic")->make(sink_config("rides"));
  ASSERT_TRUE(made.ok() && (*made)->open(context()).ok());
  constexpr int16_t kProduce = 0;
  rd_kafka_mock_push_request_errors(cluster_, kProduce, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  test::write(**made, {"a:1"});
  const Status status = settle(**made);
  EXPECT_EQ(status.code(), Code::invalid_argument) << status.to_string();
  EXPECT_FALSE((*made)->prepare(Epoch(2)).ok());
}

TEST_F(Kafka, ExactlyOnceIsRefusedByName) {
  const auto config = sink_config("rides");
  OptionValue delivery;
  delivery.text = "exactly_once";
  config->options.set("delivery", delivery);
  const auto made = test::catalog().find_sink("topic")->make(config);
  EXPECT_EQ(made.status().code(), Code::unimplemented);
  EXPECT_THAT(made.status().message(), HasSubstr("at_least_once"));
}

TEST_F(Kafka, PropertiesAreAnAllowList) {
  make_topic("rides", 1);
  for (const char* name : {"plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.key.location", "debug",
                           "enable.auto.commit", "bootstrap.servers", "no.such.name"}) {
    const auto made = open_reader(options({{"name", "rides"}}), cluster({{name, "x"}}));
    EXPECT_EQ(made.status().code(), Code::permission_denied) << name;
    EXPECT_THAT(made.status().message(), HasSubstr(name));
  }
  EXPECT_TRUE(open_reader(options({{"name", "rides"}}), cluster({{"fetch.wait.max.ms", "50"}})).ok());
  const auto bad = open_reader(options({{"name", "rides"}}), cluster({{"fetch.wait.max.ms", "soon"}}));
  EXPECT_THAT(bad.status().message(), HasSubstr("fetch.wait.max.ms"));
}

TEST_F(Kafka, SecretsAreResolvedAtOpenAndNeverShown) {
  Options o = cluster();
  OptionValue password;
  password.secret.env = "RIDEFLOW_TEST_NO_SUCH_VARIABLE";
  o.set("password", password);
  const auto made = open_reader(options({{"name", "rides"}}), o);
  EXPECT_EQ(made.status().code(), Code::not_found);
  EXPECT_THAT(made.status().message(), HasSubstr("RIDEFLOW_TEST_NO_SUCH_VARIABLE"));
}

TEST_F(Kafka, TopicsAreListedWithTheirRecords) {
  make_topic("rides", 2);
  produce("rides", rows(0, 7));
  auto admin = test::catalog().find_source("topic")->topic_admin(resources_, cluster());
  ASSERT_TRUE(admin.ok()) << admin.status().to_string();
  const auto all = (*admin)->list();
  ASSERT_TRUE(all.ok()) << all.status().to_string();
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ((*all)[0].name, "rides");
  EXPECT_EQ((*all)[0].partitions, 2);
  EXPECT_EQ((*all)[0].records, 7);
}

}  // namespace kafka_test
}  // namespace rideflow
