// The lanes: heavy requests never block light ones, every one gets its turn, and all end when they are told
// to. Everything waits for conditions; nothing is timed.
#include "runtime/http/http_lanes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <random>
#include <thread>

#include "engine/virtual_env.h"
#include "rollup/rollup_queries.h"
#include "runtime/posix_env.h"
#include "tests/support/fuzz_rollup.h"

namespace rideflow {
namespace http_lanes_test {

constexpr Micros kNever = INT64_MAX;

class Lanes : public testing::Test {
 protected:
  Lanes() {
    PosixEnvOptions quiet;
    quiet.log_level = LogLevel::error;
    env_ = std::make_unique<PosixEnv>(quiet);
    options_.quantum_us = 1000;
  }
  ~Lanes() override {
    release_ = true;
    if (lanes_) lanes_->stop();
  }
  void start() { lanes_ = std::make_unique<HttpLanes>(env_.get(), options_, meter_); }

  // A request and its answer.
  struct Sent {
    std::shared_ptr<HttpJob> job;
    std::shared_ptr<std::promise<void>> done = std::make_shared<std::promise<void>>();
    bool taken = false;
    int status() {
      EXPECT_EQ(done->get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
      return job->response.status;
    }
  };
  Sent send(HttpJob::Handler handler) {
    Sent sent;
    sent.job = std::make_shared<HttpJob>(
        std::move(handler), [done = sent.done] { done->set_value(); }, env_->monotonic());
    sent.taken = lanes_->submit(sent.job);
    return sent;
  }
  // Runs, asking as a query does, until it is released or told to end.
  Sent send_heavy() {
    return send([this](HttpJob& job) {
      ++begun_;
      while (!release_) {
        Status status = job.check();
        if (status.ok()) status = job.pause(cancelled_, kNever);
        if (status.ok()) status = job.check();
        if (!status.ok()) return text_response("", 503);
        ++rounds_;
      }
      return text_response("");
    });
  }
  Sent send_light() {
    return send([](HttpJob&) { return text_response(""); });
  }

  std::unique_ptr<PosixEnv> env_;
  HttpLanesOptions options_;
  std::shared_ptr<HttpMeter> meter_ = std::make_shared<HttpMeter>();
  std::atomic<bool> release_{false};
  std::atomic<bool> cancelled_{false};
  std::atomic<int> begun_{0};
  std::atomic<int64_t> rounds_{0};
  std::unique_ptr<HttpLanes> lanes_;
};

TEST_F(Lanes, HeavyOnesNeverBlockLightOnes) {
  start();
  std::vector<Sent> heavy;
  for (int i = 0; i < 12; ++i) heavy.push_back(send_heavy());
  for (int i = 0; i < 40; ++i) EXPECT_EQ(send_light().status(), 200);
  while (begun_ < 12) std::this_thread::yield();  // those behind the first ones begin too
  for (int i = 0; i < 40; ++i) EXPECT_EQ(send_light().status(), 200);
  EXPECT_GT(rounds_, 0);
  release_ = true;
  for (Sent& sent : heavy) EXPECT_EQ(sent.status(), 200) << "each gets its turn in the end";
  lanes_->stop();
  EXPECT_EQ(meter_->running, 0);
  EXPECT_EQ(meter_->waiting, 0);
  EXPECT_EQ(meter_->paused, 0);
}

TEST_F(Lanes, AMiddlingOneDoesNotWaitForTheEndOfHeavyOnes) {
  start();
  std::vector<Sent> heavy;
  for (int i = 0; i < 6; ++i) heavy.push_back(send_heavy());
  while (begun_ < 6) std::this_thread::yield();
  // Uses up some quanta, and is done: the heavy ones, which never are, let it pass.
  Sent middling = send([&](HttpJob& job) {
    const Micros begin = env_->monotonic();
    while (env_->monotonic() - begin < 5 * options_.quantum_us)
      EXPECT_TRUE(job.pause(cancelled_, kNever).ok());
    return text_response("");
  });
  EXPECT_EQ(middling.status(), 200);
  EXPECT_FALSE(release_);
}

TEST_F(Lanes, TooManyAreRefused) {
  options_.most = 3;
  start();
  std::vector<Sent> sent;
  for (int i = 0; i < 3; ++i) sent.push_back(send_heavy());
  for (const Sent& each : sent) EXPECT_TRUE(each.taken);
  EXPECT_FALSE(send_light().taken);
  release_ = true;
  for (Sent& each : sent) EXPECT_EQ(each.status(), 200);
}

TEST_F(Lanes, WhatWaitsTooLongIsAnsweredAndWhoLeftIsDropped) {
  options_.light = 1;
  start();
  std::promise<void> gate;
  std::promise<void> entered;
  Sent first = send([&](HttpJob&) {
    entered.set_value();
    gate.get_future().wait();  // a handler that never asks
    return text_response("");
  });
  entered.get_future().wait();
  Sent late = send_light();
  Sent gone = send_light();
  Sent kept = send_light();
  gone.job->abandon();
  lanes_->expire(0, text_response("", 504));
  EXPECT_EQ(gone.status(), 504);
  lanes_->expire(late.job->arrived() + 1, text_response("", 504));
  EXPECT_EQ(late.status(), 504);
  gate.set_value();
  EXPECT_EQ(first.status(), 200);
  (void)kept.done->get_future().wait_for(std::chrono::seconds(60));
}

TEST_F(Lanes, AbandonedAndCancelledOnesEnd) {
  start();
  std::vector<Sent> heavy;
  for (int i = 0; i < 10; ++i) heavy.push_back(send_heavy());
  while (begun_ < 10) std::this_thread::yield();
  heavy[0].job->abandon();
  heavy[9].job->abandon();
  EXPECT_EQ(heavy[0].status(), 503);
  EXPECT_EQ(heavy[9].status(), 503) << "also one that waits for its turn";
  lanes_->cancel_all();
  for (size_t i = 1; i < 9; ++i) EXPECT_EQ(heavy[i].status(), 503);
  EXPECT_FALSE(send_light().taken);
  EXPECT_EQ(lanes_->cancelled(), true);
}

TEST_F(Lanes, WaitingOnesAreAnsweredAtTheEnd) {
  options_.light = 1;
  start();
  std::promise<void> gate;
  std::promise<void> entered;
  Sent first = send([&](HttpJob&) {
    entered.set_value();
    gate.get_future().wait();
    return text_response("");
  });
  entered.get_future().wait();
  Sent second = send_light();
  lanes_->cancel_all();
  EXPECT_EQ(second.status(), 503);
  gate.set_value();
  EXPECT_EQ(first.status(), 200);
}

// Queries of all sizes on all lanes, some cancelled by their id, some left by their clients: each gets one
// answer, and no memory stays.
TEST_F(Lanes, QueriesUnderWay) {
  VirtualEnv disk(1);
  const auto store = test::fuzz_rollup(disk, true);
  QueryLimits limits;
  limits.timeout_us = 20 * kMicrosPerSecond;
  limits.max_memory_bytes = size_t{4} << 20;
  limits.all_memory_bytes = size_t{6} << 20;
  const RollupQueries queries(env_.get(), store, limits);
  start();
  const uint64_t seed = 3;
  std::mt19937_64 random(seed);
  std::vector<Sent> sent;
  for (int i = 0; i < 60; ++i) {
    std::string terms;
    for (uint64_t n = random() % 400; n > 0; --n) terms += "seats*price+";
    std::string aggregators;
    for (uint64_t n = random() % 20; n > 0; --n) {
      aggregators +=
          R"({"type":"doubleSum","name":"s)" + std::to_string(n) + R"(","expression":")" + terms + R"(1"},)";
    }
    const std::string body =
        R"({"queryType":"groupBy","dataSource":"rides","granularity":"minute","intervals":"2000/2100",)"
        R"("dimensions":["city","tags"],"context":{"queryId":"q)" +
        std::to_string(i % 7) + R"("},"aggregations":[)" + aggregators + R"({"type":"count","name":"n"}]})";
    sent.push_back(send([&queries, body](HttpJob& job) {
      QueryAnswer answer = queries.post(body, &job);
      HttpResponse response = json_response(std::move(answer.body), answer.status);
      response.memory = std::move(answer.memory);
      return response;
    }));
    if (random() % 3 == 0) queries.cancel("q" + std::to_string(random() % 7));
    if (random() % 5 == 0) sent.back().job->abandon();
    if (random() % 9 == 0) lanes_->expire(0, text_response("", 504));
  }
  int answered = 0;
  for (Sent& each : sent) {
    ASSERT_TRUE(each.taken);
    const int status = each.status();
    EXPECT_TRUE(status == 200 || status == 400 || status == 500 || status == 504)
        << status << ", seed " << seed;
    answered += status == 200 ? 1 : 0;
    each.job->response = HttpResponse();
  }
  EXPECT_GT(answered, 0);
  EXPECT_EQ(queries.memory().used(), 0U);
}

}  // namespace http_lanes_test
}  // namespace rideflow
