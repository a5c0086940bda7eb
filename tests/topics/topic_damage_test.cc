// Every file of a topic damaged in turn, and every call to the disk failed once while it is opened again:
// whoever reads gets exactly what was acknowledged, or an error that names the place. Never silently less.
#include <gtest/gtest.h>

#include "engine/byte_codec.h"
#include "engine/hash.h"
#include "engine/presence.h"
#include "tests/support/damage.h"
#include "tests/topics/topic_test_util.h"

namespace rideflow {
namespace topic_damage_test {

using Crash = VirtualFs::Crash;

// A topic with appended records, three committed epochs and one that is staged, as a checkpoint lists it.
class TopicDamaged : public testing::Test {
 protected:
  TopicDamaged() {
    env_.set_auto_offload(true);
    config_.partitions = 2;
    config_.segment_bytes = 400;
    EXPECT_TRUE(open().ok());
    for (int64_t epoch = 1; epoch <= 4; ++epoch) {
      for (int i = 0; i < 3; ++i) append("a" + std::to_string(epoch) + std::to_string(i));
      handle_ = topic_->stage(test::marker(epoch), test::epoch_rows(*topic_, epoch, 5)).handle;
      for (int i = 0; i < 5; ++i) right_.push_back("e" + std::to_string(epoch) + "r" + std::to_string(i));
      if (epoch < 4) {
        EXPECT_TRUE(topic_->commit(handle_).ok());
      }
    }
    append("last");
    std::sort(right_.begin(), right_.end());
    crash(Crash::keep_all);
    files_ = test::read_files(env_.fs(), "topics");
  }

  void append(const std::string& payload) {
    EXPECT_TRUE(topic_->append_now({test::record(payload)}).ok());
    right_.push_back(payload);
  }

  void crash(Crash how) {
    topic_.reset();
    store_.reset();
    env_.fs().crash(how);
  }

  Status open() {
    topic_.reset();
    RF_ASSIGN(store_, TopicStore::open(env_, "topics"));
    RF_ASSIGN(topic_, store_->find_or_create("t", config_));
    return {};
  }

  // What a job does that starts again from its checkpoint.
  Status start() {
    RF_TRY(open());
    RF_TRY(topic_->check_confirmed(handle_));
    RF_TRY(topic_->commit(handle_));
    return topic_->drop_staged("L1", "out", {handle_}).status();
  }

  Result<std::vector<std::string>> read() {
    std::vector<std::string> payloads;
    for (int32_t p = 0; p < topic_->partitions(); ++p) {
      auto reader = topic_->reader(Partition(p), topic_->first_offset(Partition(p)));
      for (bool at_end = false; !at_end;) {
        RF_ASSIGN(const TopicPoll poll, reader->poll(1000));
        at_end = poll.at_end;
        if (!poll.chunk) continue;
        for (const RecordOrigin& r : poll.chunk->records) payloads.emplace_back(r.payload);
      }
    }
    std::sort(payloads.begin(), payloads.end());
    return payloads;
  }

  VirtualEnv env_;
  TopicConfig config_;
  std::shared_ptr<TopicStore> store_;
  std::shared_ptr<Topic> topic_;
  std::string handle_;
  std::vector<std::string> right_;
  test::Files files_;
};

TEST_F(TopicDamaged, GivesTheRightRecordsOrIsRefusedByName) {
  int refused = 0;
  test::for_each_damage(env_.fs(), "topics", files_, 16, [&](const test::Damage& damage) {
    SCOPED_TRACE(damage.file + " " + damage.what);
    Status status = start();
    if (status.ok()) {
      const auto got = read();
      status = got.status();
      if (got.ok()) {
        EXPECT_EQ(*got, right_);
      }
    }
    refused += status.ok() ? 0 : 1;
    const std::string place = parent_dir(damage.file);
    EXPECT_TRUE(status.ok() || status.to_string().find(place) != std::string::npos) << status.to_string();
    crash(Crash::keep_all);
  });
  EXPECT_GT(refused, 50);
}

TEST_F(TopicDamaged, AnyByteOfTheLastFrameIsFoundWithoutTheJobsHelp) {
  for (const auto& [path, content] : files_) {
    if (!path.ends_with(".log") || path.ends_with("commits.log")) continue;
    const auto next = files_.upper_bound(path);
    const bool last =
        next == files_.end() || parent_dir(next->first) != parent_dir(path) || !next->first.ends_with(".log");
    if (!last || content.empty()) continue;
    for (size_t at = content.size() - 1; at + 120 > content.size(); --at) {
      test::write_files(env_.fs(), "topics", files_);
      std::string changed = content;
      changed[at] = static_cast<char>(changed[at] ^ 0x10);
      env_.fs().set_content(path, changed);
      const Status status = open();
      ASSERT_EQ(status.code(), Code::data_loss) << path << " byte " << at;
      ASSERT_NE(status.to_string().find(path), std::string::npos) << status.to_string();
      env_.fs().set_content(path, content.substr(0, at));
      ASSERT_EQ(open().code(), Code::data_loss) << path << " cut to " << at;
    }
  }
}

TEST_F(TopicDamaged, AnOutputTopicThatIsGoneOrOldIsRefused) {
  ASSERT_TRUE(env_.fs().remove_tree("topics/t").ok());
  Status status = start();
  EXPECT_EQ(status.code(), Code::data_loss);
  EXPECT_NE(status.to_string().find("topics/t"), std::string::npos) << status.to_string();

  // Also when the epoch that the checkpoint lists had no rows.
  test::write_files(env_.fs(), "topics", files_);
  ASSERT_TRUE(start().ok());
  handle_ = topic_->stage(test::marker(5), test::epoch_rows(*topic_, 5, 0)).handle;
  ASSERT_TRUE(store_->remove("t").ok());
  status = start();
  EXPECT_EQ(status.code(), Code::data_loss) << status.to_string();
}

TEST_F(TopicDamaged, ARemovalIsNotTakenForDamageWhereverItDies) {
  for (int64_t n = 1; n < 40; ++n) {
    test::write_files(env_.fs(), "topics", files_);
    ASSERT_TRUE(open().ok());
    env_.fs().die(n);
    const bool removed = store_->remove("t").ok();
    crash(n % 2 == 0 ? Crash::lose_some : Crash::keep_all);
    store_ = *TopicStore::open(env_, "topics");
    const auto found = store_->find("t");
    ASSERT_TRUE(found.ok() || (found.status().code() == Code::not_found)) << found.status().to_string();
    ASSERT_FALSE(removed && found.ok());
    const auto names = store_->list();
    ASSERT_TRUE(names.ok());
    ASSERT_EQ(names->size(), found.ok() ? 1U : 0U);
  }
}

TEST_F(TopicDamaged, AFailureOfEveryCallWhileItStartsChangesNothing) {
  const Status failure = Status::external(Code::unavailable, "Input/output error.");
  for (int64_t n = 1;; ++n) {
    SCOPED_TRACE("failure at call " + std::to_string(n));
    test::write_files(env_.fs(), "topics", files_);
    const int64_t before = env_.fs().calls();
    env_.fs().fail(n, failure);
    (void)start();
    const bool reached = env_.fs().calls() - before >= n;
    crash(Crash::lose_unsynced);
    const Status status = start();
    ASSERT_TRUE(status.ok()) << status.to_string();
    ASSERT_EQ(*read(), right_);
    crash(Crash::keep_all);
    if (!reached) break;
  }
}

TEST_F(TopicDamaged, WhatRetentionRemovedIsNoGapAndWhatOthersRemovedIs) {
  config_.retention_bytes = 1200;
  config_.partitions = 1;
  RF_CHECK(env_.fs().remove_tree("topics/t").ok());
  ASSERT_TRUE(open().ok());
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(topic_->append_now({test::record("record")}).ok());
  const int64_t first = topic_->first_offset(Partition(0));
  ASSERT_GT(first, 0);
  crash(Crash::lose_unsynced);
  ASSERT_TRUE(open().ok());
  EXPECT_GE(topic_->first_offset(Partition(0)), first);
  EXPECT_TRUE(read().ok());
  crash(Crash::keep_all);
  const auto present = env_.fs().files("topics/t/0");
  ASSERT_TRUE(env_.fs().remove(present.front().ends_with(".log") ? present.front() : present.at(1)).ok());
  ASSERT_TRUE(open().ok()) << "others' data stays usable";
  EXPECT_EQ(read().status().code(), Code::data_loss);
}

// Topics of older versions have no notes, and handles no confirmed epoch.
TEST_F(TopicDamaged, WithoutNotesATopicStillOpens) {
  ASSERT_TRUE(env_.fs().remove("topics/t/ACKNOWLEDGED").ok());
  handle_.resize(handle_.size() - sizeof(int64_t));
  ASSERT_TRUE(start().ok());
  EXPECT_EQ(*read(), right_);
  // From then on it has.
  append("more");
  crash(Crash::lose_unsynced);
  EXPECT_TRUE(*exists(env_.fs(), "topics/t/ACKNOWLEDGED"));
}

}  // namespace topic_damage_test
}  // namespace rideflow
