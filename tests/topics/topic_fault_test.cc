// Whatever call of the disk fails, and wherever the machine dies: what was promised stays, what was not
// committed is not seen, nothing is there twice.
//
// One script of appends, staged and committed epochs is run with a fault at every call in turn. An oracle
// outside the store notes what the store promised, as a runtime's checkpoint would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/topics/topic_test_util.h"

namespace rideflow {
namespace topic_fault_test {

using Crash = VirtualFs::Crash;

// What the store has said so far.
struct Oracle {
  std::set<std::string> acknowledged;         // appends answered with ok
  std::set<std::string> refused;              // appends answered with an error
  std::map<int64_t, std::string> checkpoint;  // handles of epochs whose staging is durable
  std::set<int64_t> committed;                // epochs whose commit was answered with ok
  bool died = false;
};

constexpr int kRows = 5;

class Script {
 public:
  explicit Script(uint64_t seed) : env_(seed) { env_.set_auto_offload(true); }

  VirtualEnv& env() { return env_; }
  Oracle& oracle() { return oracle_; }

  // Opens the store; false when the disk does not let it.
  bool open() {
    topic_.reset();
    store_.reset();
    auto store = TopicStore::open(env_, "topics");
    if (!store.ok()) return note(store.status());
    store_ = *store;
    TopicConfig config;
    config.partitions = 2;
    config.segment_bytes = 400;
    auto topic = store_->find_or_create("t", config);
    if (!topic.ok()) return note(topic.status());
    topic_ = *topic;
    return true;
  }

  // Each step is tried; what fails is retried once, as a caller would.
  void run() {
    if (!open() && !open()) return;
    append("a1");
    stage(1);
    append("a2");
    commit(1);
    stage(2);
    stage(3);
    commit(2);
    append("a3");
    commit(3);
    stage(4);
    append("a4");
    commit(1);  // again, late
    stage(5);
    commit(4);
  }

  // A fresh process: finishes what the checkpoint lists, drops the rest.
  bool recover() {
    if (!open()) return false;
    std::vector<std::string> keep;
    for (const auto& [epoch, handle] : oracle_.checkpoint) keep.push_back(handle);
    if (!topic_->drop_staged("L1", "out", keep).ok()) return false;
    for (const auto& [epoch, handle] : oracle_.checkpoint) {
      if (!topic_->commit(handle).ok()) return false;
      oracle_.committed.insert(epoch);
    }
    return true;
  }

  // Compares what is readable with what was promised. "" when all is well.
  std::string verify() {
    std::map<std::string, int> seen;
    for (const std::string& payload : test::read_sorted(*topic_)) ++seen[payload];
    for (const auto& [payload, count] : seen) {
      if (count > 1) return payload + " stands there " + std::to_string(count) + " times";
    }
    for (const std::string& payload : oracle_.acknowledged) {
      if (!seen.contains(payload)) return payload + " was acknowledged and is gone";
    }
    for (const std::string& payload : oracle_.refused) {
      if (seen.contains(payload) && !oracle_.died) return payload + " was refused and is there";
    }
    for (int64_t epoch = 1; epoch <= 5; ++epoch) {
      int rows = 0;
      for (int i = 0; i < kRows; ++i)
        rows += seen.contains("e" + std::to_string(epoch) + "r" + std::to_string(i)) ? 1 : 0;
      const std::string name = "epoch " + std::to_string(epoch);
      if (rows != 0 && rows != kRows) return name + " is there in part";
      if (rows == 0 && oracle_.committed.contains(epoch)) return name + " was committed and is gone";
      if (rows != 0 && !oracle_.checkpoint.contains(epoch)) return name + " was never prepared and is seen";
      if (rows != 0 && epoch == 5 && !oracle_.committed.contains(5)) return name + " was not committed";
    }
    return "";
  }

 private:
  bool note(const Status& status) {
    oracle_.died = oracle_.died || env_.fs().dead();
    last_ = status;
    return status.ok();
  }
  void append(const std::string& name) {
    for (const std::string attempt : {"x", "y"}) {
      const std::string payload = name + attempt;
      if (note(topic_->append_now({test::record(payload)}))) {
        oracle_.acknowledged.insert(payload);
        return;
      }
      oracle_.refused.insert(payload);
    }
  }
  void stage(int64_t epoch) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      StagedEpoch staged = topic_->stage(test::marker(epoch), test::epoch_rows(*topic_, epoch, kRows));
      if (!note(staged.durable->status())) continue;
      oracle_.checkpoint[epoch] = staged.handle;
      return;
    }
  }
  void commit(int64_t epoch) {
    const auto it = oracle_.checkpoint.find(epoch);
    if (it == oracle_.checkpoint.end()) return;
    if (note(topic_->commit(it->second)) || note(topic_->commit(it->second))) oracle_.committed.insert(epoch);
  }

  VirtualEnv env_;
  std::shared_ptr<TopicStore> store_;
  std::shared_ptr<Topic> topic_;
  Oracle oracle_;
  Status last_;
};

int64_t calls_of_script() {
  Script script(1);
  script.run();
  const int64_t calls = script.env().fs().calls();
  EXPECT_EQ(script.verify(), "");
  EXPECT_EQ(script.oracle().acknowledged.size(), 4U);
  EXPECT_EQ(script.oracle().committed.size(), 4U);
  return calls;
}

TEST(TopicFaults, EveryCallThatFailsOnce) {
  const int64_t calls = calls_of_script();
  EXPECT_GT(calls, 100);
  for (int64_t n = 1; n <= calls + 5; ++n) {
    for (const Crash crash : {Crash::keep_all, Crash::lose_unsynced, Crash::lose_some}) {
      Script script(static_cast<uint64_t>(n));
      script.env().fs().fail(n, Status::external(Code::unavailable, "EIO"));
      script.run();
      script.env().fs().fail(0, {});
      if (!script.open()) FAIL() << "n " << n << ": does not open after an error that passed";
      EXPECT_EQ(script.verify(), "") << "n " << n << ", the process went on";
      script.env().fs().crash(crash);
      ASSERT_TRUE(script.open()) << "n " << n;
      EXPECT_EQ(script.verify(), "") << "n " << n << ", power lost at the end";
      ASSERT_TRUE(script.recover()) << "n " << n;
      EXPECT_EQ(script.verify(), "") << "n " << n << ", recovered";
    }
  }
}

TEST(TopicFaults, AProcessThatGoesOnAfterAnErrorNeedsNoRestart) {
  const int64_t calls = calls_of_script();
  for (int64_t n = 30; n <= calls; ++n) {
    Script script(static_cast<uint64_t>(n));
    script.env().fs().fail(n, Status::external(Code::resource_exhausted, "ENOSPC"));
    script.run();
    if (script.oracle().acknowledged.size() < 4) continue;  // died before the script could begin
    EXPECT_EQ(script.oracle().acknowledged.size(), 4U) << n;
    EXPECT_EQ(script.oracle().committed.size(), 4U) << n;
    EXPECT_EQ(script.verify(), "") << "n " << n;
  }
}

TEST(TopicFaults, DeathAtEveryCall) {
  const int64_t calls = calls_of_script();
  for (int64_t n = 1; n <= calls; ++n) {
    for (const Crash crash : {Crash::keep_all, Crash::lose_unsynced, Crash::lose_some, Crash::lose_some}) {
      Script script(static_cast<uint64_t>(n) * 31 + static_cast<uint64_t>(crash));
      script.env().fs().die(n);
      script.run();
      script.oracle().died = true;
      script.env().fs().crash(crash);
      ASSERT_TRUE(script.open()) << "n " << n << " crash " << static_cast<int>(crash);
      EXPECT_EQ(script.verify(), "") << "n " << n << " crash " << static_cast<int>(crash);
      ASSERT_TRUE(script.recover()) << "n " << n;
      EXPECT_EQ(script.verify(), "") << "n " << n << ", recovered";
    }
  }
}

TEST(TopicFaults, DeathAgainWhileRecovering) {
  const int64_t calls = calls_of_script();
  const uint64_t seed = 20260101;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 1500; ++i) {
    const auto n = static_cast<int64_t>(random() % static_cast<uint64_t>(calls)) + 1;
    const auto m = static_cast<int64_t>(random() % 60) + 1;
    const auto crash = static_cast<Crash>(random() % 3);
    Script script(random());
    script.env().fs().die(n);
    script.run();
    script.oracle().died = true;
    script.env().fs().crash(crash);
    script.env().fs().die(m);
    (void)script.recover();
    script.env().fs().crash(static_cast<Crash>(random() % 3));
    ASSERT_TRUE(script.recover()) << "n " << n << " m " << m;
    ASSERT_EQ(script.verify(), "") << "n " << n << " m " << m;
  }
}

TEST(TopicFaults, DeathAtEveryKillPoint) {
  Script probe(1);
  probe.run();
  const auto points = probe.env().kill_points();
  EXPECT_THAT(points, testing::Contains(testing::Key("topic_commit_after_record")));
  for (const auto& [point, passes] : points) {
    for (int64_t pass = 1; pass <= passes; ++pass) {
      for (const Crash crash : {Crash::keep_all, Crash::lose_unsynced, Crash::lose_some}) {
        Script script(static_cast<uint64_t>(pass));
        script.env().kill_at(point, pass);
        script.run();
        script.oracle().died = true;
        script.env().fs().crash(crash);
        ASSERT_TRUE(script.recover()) << point << " " << pass;
        EXPECT_EQ(script.verify(), "") << point << " " << pass;
      }
    }
  }
}

// The rig must see the classic hole, or it proves nothing.
TEST(TopicFaults, AMachineThatDoesNotSyncDirectoriesIsCaught) {
  Script script(1);
  script.env().fs().ignore_dir_syncs(true);
  script.run();
  EXPECT_EQ(script.verify(), "");
  script.env().fs().crash(Crash::lose_unsynced);
  EXPECT_FALSE(script.recover() && script.verify().empty());
}

// An epoch of several frames, of which a crash leaves the first few in the partition.
TEST(TopicFaults, ACommitThatWasCopiedInPartIsContinued) {
  int continued = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    VirtualEnv env(seed);
    env.set_auto_offload(true);
    TopicConfig config;
    config.partitions = 1;
    auto topic = *(*TopicStore::open(env, "topics"))->create("t", config);
    ASSERT_TRUE(topic->append_now({test::record("first")}).ok());
    EpochRows rows(1, 0);
    std::vector<std::string> expected = {"first"};
    for (char c = 'a'; c < 'g'; ++c) {
      expected.emplace_back(200'000, c);
      ASSERT_TRUE(rows.add(Partition(0), test::record(expected.back())).ok());
    }
    const std::string handle = topic->stage(test::marker(1), std::move(rows)).handle;
    env.kill_at("topic_commit_before_sync", 1);
    ASSERT_FALSE(topic->commit(handle).ok());
    env.fs().crash(Crash::lose_some);
    const std::string log = env.fs().content("topics/t/0/00000000000000000000.log");
    continued += log.size() > 500'000 && log.size() < 1'200'000 ? 1 : 0;
    topic = *(*TopicStore::open(env, "topics"))->find("t");
    EXPECT_EQ(test::read_all(*topic, Partition(0)), expected) << "seed " << seed;
  }
  EXPECT_GT(continued, 5) << "the test must reach what it is for";
}

// ---- Damage

class TopicDamage : public testing::Test {
 protected:
  TopicDamage() {
    config_.partitions = 1;
    config_.segment_bytes = 600;
    open();
    for (int i = 0; i < 31; ++i)
      EXPECT_TRUE(topic_->append_now({test::record("record " + std::to_string(i))}).ok());
  }
  void open() {
    topic_.reset();
    store_ = *TopicStore::open(env_, "topics");
    auto topic = store_->find_or_create("t", config_);
    status_ = topic.ok() ? Status() : topic.status();
    if (topic.ok()) topic_ = *topic;
  }
  std::vector<std::string> segments() {
    std::vector<std::string> found;
    for (const std::string& file : env_.fs().files("topics/t/0")) {
      if (file.ends_with(".log")) found.push_back(file);
    }
    return found;
  }
  Status read_everything() {
    auto reader = topic_->reader(Partition(0), 0);
    while (true) {
      auto poll = reader->poll(10);
      if (!poll.ok()) return poll.status();
      if (poll->at_end) return {};
    }
  }
  void flip(const std::string& file, size_t at) {
    std::string content = env_.fs().content(file);
    content[at] = static_cast<char>(content[at] ^ 0x20);
    env_.fs().set_content(file, content);
  }

  VirtualEnv env_;
  TopicConfig config_;
  std::shared_ptr<TopicStore> store_;
  std::shared_ptr<Topic> topic_;
  Status status_;
};

TEST_F(TopicDamage, AnyFlippedByteOfAFullSegmentIsFoundWhenItIsRead) {
  const std::string file = segments()[1];
  const std::string good = env_.fs().content(file);
  for (size_t at = 0; at < good.size(); ++at) {
    flip(file, at);
    open();
    ASSERT_TRUE(status_.ok()) << "others' data stays usable: " << status_.to_string();
    const Status status = read_everything();
    ASSERT_EQ(status.code(), Code::data_loss) << "byte " << at;
    ASSERT_NE(status.message().find(file), std::string::npos) << status.message();
    env_.fs().set_content(file, good);
  }
}

TEST_F(TopicDamage, WithoutItsIndexAFullSegmentIsReadAgain) {
  for (const std::string& file : env_.fs().files("topics/t/0")) {
    const bool index = file.ends_with(".idx");
    ASSERT_TRUE(!index || env_.fs().remove(file).ok());
  }
  open();
  EXPECT_TRUE(read_everything().ok());
  EXPECT_EQ(topic_->end_offset(Partition(0)), 31);
  flip(segments()[1], 70);
  open();
  ASSERT_TRUE(status_.ok());
  EXPECT_EQ(read_everything().code(), Code::data_loss) << "not skipped";
  EXPECT_EQ(topic_->end_offset(Partition(0)), 31);
}

TEST_F(TopicDamage, ADurableRecordOfTheLastSegmentIsNeverCutOff) {
  const std::string file = segments().back();
  ASSERT_GT(env_.fs().content(file).size(), 150U) << "at least two frames";
  flip(file, 70);
  open();
  EXPECT_EQ(status_.code(), Code::data_loss) << "later frames say that it was durable";
  EXPECT_NE(status_.message().find(file), std::string::npos) << status_.message();
}

TEST_F(TopicDamage, ATornTailIsCutOff) {
  const std::string file = segments().back();
  const std::string good = env_.fs().content(file);
  for (size_t cut = 1; cut < 60; ++cut) {
    env_.fs().set_content(file, good + good.substr(0, cut));
    open();
    ASSERT_TRUE(status_.ok()) << status_.to_string();
    EXPECT_EQ(topic_->end_offset(Partition(0)), 31);
    EXPECT_EQ(env_.fs().content(file), good);
  }
  EXPECT_FALSE(env_.logs("topic_tail_cut").empty());
}

TEST_F(TopicDamage, AMissingSegmentIsAGapThatReadersAreToldOf) {
  const std::string gone = segments()[1];
  ASSERT_TRUE(env_.fs().remove(gone).ok());
  open();
  ASSERT_TRUE(status_.ok()) << "others' data stays usable";
  EXPECT_FALSE(env_.logs("topic_segment_missing").empty());
  const Status status = read_everything();
  EXPECT_EQ(status.code(), Code::data_loss);
  EXPECT_NE(status.message().find(gone), std::string::npos) << status.message();
}

TEST_F(TopicDamage, DamagedSettingsCommitsAndStagedEpochsAreNamed) {
  env_.set_auto_offload(true);
  const std::string one = topic_->stage(test::marker(1), test::epoch_rows(*topic_, 1, 3)).handle;
  ASSERT_TRUE(topic_->commit(one).ok());
  const std::string two = topic_->stage(test::marker(2), test::epoch_rows(*topic_, 2, 3)).handle;
  ASSERT_TRUE(topic_->commit(two).ok());
  const std::string three = topic_->stage(test::marker(3), test::epoch_rows(*topic_, 3, 3)).handle;
  const std::string staged = env_.fs().files("topics/t/staged").at(0);
  const std::string staged_good = env_.fs().content(staged);
  for (size_t at = 0; at < staged_good.size(); at += 3) {
    flip(staged, at);
    ASSERT_EQ(topic_->commit(three).code(), Code::data_loss) << "byte " << at;
    env_.fs().set_content(staged, staged_good);
  }
  EXPECT_EQ(topic_->marker("L1", "out", Shard(0)), Epoch(2)) << "nothing was committed";

  const std::string commits_good = env_.fs().content("topics/t/commits.log");
  flip("topics/t/commits.log", 20);
  open();
  EXPECT_EQ(status_.code(), Code::data_loss);
  EXPECT_NE(status_.message().find("commits.log"), std::string::npos);
  env_.fs().set_content("topics/t/commits.log", commits_good);

  const std::string last = segments().back();
  env_.fs().set_content(last, "");
  open();
  EXPECT_EQ(status_.code(), Code::data_loss) << "a committed epoch is not where it was committed";

  flip("topics/t/TOPIC", 30);
  open();
  EXPECT_EQ(status_.code(), Code::data_loss);
  EXPECT_NE(status_.message().find("TOPIC"), std::string::npos);
}

}  // namespace topic_fault_test
}  // namespace rideflow
