// Topics as their users see them: appending, reading, epochs, retention, names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "engine/hash.h"
#include "tests/topics/topic_test_util.h"
#include "topics/frame.h"

namespace rideflow {
namespace topic_test {

using test::epoch_rows;
using test::keyed;
using test::marker;
using test::read_all;
using test::read_sorted;
using test::record;
using testing::ElementsAre;

class TopicTest : public testing::Test {
 protected:
  TopicTest() { reopen(); }

  void reopen() {
    topic_.reset();
    store_.reset();
    auto store = TopicStore::open(env_, "topics");
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    store_ = *store;
  }
  Topic& topic(const TopicConfig& config = {}) {
    auto found = store_->find_or_create("rides", config);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    topic_ = *found;
    return *topic_;
  }
  static TopicConfig one_partition() {
    TopicConfig config;
    config.partitions = 1;
    return config;
  }
  // Stages and waits until it is durable.
  std::string stage(Topic& t, const EpochMarker& m, EpochRows rows) {
    StagedEpoch staged = t.stage(m, std::move(rows));
    env_.run_offload();
    EXPECT_TRUE(staged.durable->done());
    EXPECT_TRUE(staged.durable->status().ok()) << staged.durable->status().to_string();
    return staged.handle;
  }

  VirtualEnv env_;
  std::shared_ptr<TopicStore> store_;
  std::shared_ptr<Topic> topic_;
};

TEST_F(TopicTest, RecordsComeBackWithEverythingTheyHad) {
  Topic& t = topic(one_partition());
  TopicRecord full = keyed("driver-1", "{\"fare\":3}", 42);
  const std::string headers = encode_headers({{"trace", "abc"}, {"", ""}});
  full.headers = headers;
  TopicRecord empty_key = keyed("", "", 7);
  TopicRecord unstamped = record("x", kNoTime);
  ASSERT_TRUE(t.append_now({full, empty_key, unstamped}).ok());

  auto reader = t.reader(Partition(0), 0);
  auto poll = reader->poll(10);
  ASSERT_TRUE(poll.ok());
  ASSERT_TRUE(poll->chunk);
  EXPECT_TRUE(poll->at_end);
  const auto& records = poll->chunk->records;
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(*poll->chunk->topic, "rides");
  EXPECT_EQ(records[0].payload, "{\"fare\":3}");
  EXPECT_EQ(records[0].key, "driver-1");
  EXPECT_EQ(records[0].timestamp, 42);
  EXPECT_EQ(records[0].position, 0);
  const auto given = poll->chunk->headers_of(0);
  ASSERT_EQ(given.size(), 2U);
  EXPECT_EQ(given[0].name, "trace");
  EXPECT_EQ(given[0].value, "abc");
  EXPECT_EQ(given[1].value, "");
  EXPECT_NE(given[1].value.data(), nullptr) << "an empty value is a value";
  EXPECT_TRUE(poll->chunk->headers_of(1).empty());
  EXPECT_TRUE(poll->chunk->headers_of(2).empty());
  EXPECT_NE(records[1].key.data(), nullptr) << "an empty key is a key";
  EXPECT_EQ(records[2].key.data(), nullptr) << "no key";
  EXPECT_EQ(records[2].timestamp, VirtualEnv::kStart);
  const auto* arena = reinterpret_cast<const char*>(poll->chunk->arena.data());
  EXPECT_GE(records[0].payload.data(), arena);
  EXPECT_LE(records[2].payload.data() + records[2].payload.size(), arena + poll->chunk->arena.size());
}

TEST_F(TopicTest, AppendsAreGatheredAndSeenWhenDurable) {
  Topic& t = topic(one_partition());
  ASSERT_TRUE(t.append_now({record("0")}).ok());
  auto first = t.append({record("a"), record("b")});
  auto second = t.append({record("c")});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_FALSE((*first)->done());
  EXPECT_EQ(t.end_offset(Partition(0)), 1) << "not durable: not seen";
  const int64_t calls = env_.fs().calls();
  EXPECT_EQ(env_.run_offload(), 1) << "one write for both";
  EXPECT_LE(env_.fs().calls() - calls, 3) << "append, sync, a note without a sync of its own";
  EXPECT_TRUE((*first)->done() && (*second)->done());
  EXPECT_TRUE((*first)->status().ok());
  EXPECT_THAT(read_all(t, Partition(0)), ElementsAre("0", "a", "b", "c"));
  EXPECT_EQ((*first)->places()[1].offset, 2);
  EXPECT_EQ((*second)->places()[0].offset, 3);
  ASSERT_TRUE(t.append({record("d")}).ok());
  env_.run_offload();
  EXPECT_EQ(t.end_offset(Partition(0)), 5) << "a flush is scheduled again";
}

TEST_F(TopicTest, KeysGoWhereKafkaPutsThem) {
  // Partitions of Kafka's Java client for 4 partitions (Utils.murmur2).
  EXPECT_EQ(murmur2("21"), -973932308);
  EXPECT_EQ(murmur2("foobar"), -790332482);
  EXPECT_EQ(murmur2("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(murmur2("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(murmur2(std::string_view("abc")), 479470107);
  Partitioner partitioner(4);
  EXPECT_EQ(partitioner.pick("foobar"), Partition((-790332482 & 0x7fffffff) % 4));
  EXPECT_EQ(partitioner.pick(std::nullopt), Partition(0));
  EXPECT_EQ(partitioner.pick(std::nullopt), Partition(1));

  Topic& t = topic();
  ASSERT_TRUE(t.append_now({keyed("foobar", "x"), keyed("foobar", "y")}).ok());
  EXPECT_THAT(read_all(t, partitioner.pick("foobar")), ElementsAre("x", "y"));
}

TEST_F(TopicTest, ReadsWithAnyBudgetFromAnyOffset) {
  TopicConfig config = one_partition();
  config.segment_bytes = 4096;
  Topic& t = topic(config);
  std::vector<std::string> all;
  for (int i = 0; i < 300; ++i) {
    const std::string payload = std::to_string(i) + std::string(static_cast<size_t>(i % 97), 'x');
    ASSERT_TRUE(t.append_now({record(payload)}).ok());
    all.push_back(payload);
  }
  for (const int32_t budget : {1, 7, 1000}) {
    for (const size_t block : {size_t{1}, size_t{500}, size_t{1} << 20})
      EXPECT_EQ(read_all(t, Partition(0), budget, block), all) << budget << " " << block;
  }
  for (int64_t from = 0; from < 300; from += 13) {
    auto poll = t.reader(Partition(0), from)->poll(1);
    ASSERT_TRUE(poll.ok());
    EXPECT_EQ(poll->chunk->records[0].payload, all[static_cast<size_t>(from)]);
  }
  reopen();
  EXPECT_EQ(read_all(topic(), Partition(0)), all) << "after recovery";
  EXPECT_EQ(topic().config().segment_bytes, 4096) << "a topic keeps its own settings";
}

// Frames of many records and of one, that fit into a block well or badly: the disk is read once, but for
// headers and what the first block cuts.
TEST_F(TopicTest, ReadsEveryByteAboutOnce) {
  for (const size_t payload_bytes : {size_t{300}, size_t{100'000}, size_t{260'000}, size_t{400'000}}) {
    auto topic = *store_->create("t" + std::to_string(payload_bytes), one_partition());
    const size_t records = 6'000'000 / payload_bytes;
    const std::string payload(payload_bytes, 'x');
    ASSERT_TRUE(topic->append_now(std::vector<TopicRecord>(records, record(payload)), Partition(0)).ok());
    const size_t stored = records * (kFrameHeaderBytes + kRecordHeaderBytes + payload_bytes);
    const int64_t before = env_.fs().bytes_read();
    EXPECT_EQ(read_all(*topic, Partition(0)).size(), records);
    const auto read = static_cast<size_t>(env_.fs().bytes_read() - before);
    const size_t first = std::max(payload_bytes, PartitionReader::kBlockBytes);
    EXPECT_LT(read, stored + stored / 20 + 2 * first) << payload_bytes;
  }
}

TEST_F(TopicTest, AReaderAtTheEndSeesWhatComes) {
  Topic& t = topic(one_partition());
  auto reader = t.reader(Partition(0), 0);
  auto poll = reader->poll(10);
  ASSERT_TRUE(poll.ok());
  EXPECT_FALSE(poll->chunk);
  EXPECT_TRUE(poll->at_end);
  ASSERT_TRUE(t.append_now({record("a"), record("b")}).ok());
  poll = reader->poll(1);
  EXPECT_EQ(poll->chunk->records[0].payload, "a");
  EXPECT_FALSE(poll->at_end);
  poll = reader->poll(1);
  EXPECT_EQ(poll->chunk->records[0].payload, "b");
  EXPECT_TRUE(poll->at_end);
  EXPECT_EQ(reader->offset(), 2);
}

TEST_F(TopicTest, OffsetsThatAreNotThereAreErrorsThatSaySo) {
  Topic& t = topic(one_partition());
  ASSERT_TRUE(t.append_now({record("a")}).ok());
  auto poll = t.reader(Partition(0), 5)->poll(1);
  EXPECT_EQ(poll.status().code(), Code::out_of_range);
  EXPECT_NE(poll.status().message().find("Offset 5"), std::string::npos) << poll.status().message();
  EXPECT_EQ(t.append_now({record("x")}, Partition(1)).code(), Code::invalid_argument);
  EXPECT_EQ(t.append({record("x")}, Partition(-1)).status().code(), Code::invalid_argument);
}

TEST_F(TopicTest, LargeRecordsHaveFramesOfTheirOwnAndALimit) {
  Topic& t = topic(one_partition());
  const std::string large(3 << 20, 'y');
  ASSERT_TRUE(t.append_now({record("a"), record(large), record("b")}).ok());
  EXPECT_THAT(read_all(t, Partition(0)), ElementsAre("a", large, "b"));
  const std::string_view too_large(large.data(), kMaxRecordBytes + 1);  // never looked into
  EXPECT_EQ(t.append_now({record(too_large)}).code(), Code::invalid_argument);
}

TEST_F(TopicTest, CompressedFramesReadTheSame) {
  TopicConfig config = one_partition();
  config.compress_from_bytes = 1000;
  Topic& t = topic(config);
  std::vector<TopicRecord> records;
  std::vector<std::string> payloads;
  for (int i = 0; i < 20000; ++i) payloads.push_back("{\"city\":\"Lyon\",\"n\":" + std::to_string(i) + "}");
  for (const std::string& payload : payloads) records.push_back(record(payload));
  ASSERT_TRUE(t.append_now(records).ok());
  ASSERT_TRUE(t.append_now({record("small")}).ok());
  EXPECT_LT(t.bytes(), 400'000) << "smaller than the plain bytes";
  payloads.emplace_back("small");
  EXPECT_EQ(read_all(t, Partition(0)), payloads);
}

TEST_F(TopicTest, FindsOffsetsByTime) {
  TopicConfig config = one_partition();
  config.segment_bytes = 2000;
  Topic& t = topic(config);
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(t.append_now({record("a", i * 10), record("b", i * 10 - 25)}).ok());
  EXPECT_EQ(*t.offset_for_time(Partition(0), -100), 0);
  EXPECT_EQ(*t.offset_for_time(Partition(0), 500), 100);
  EXPECT_EQ(*t.offset_for_time(Partition(0), 501), 102);
  EXPECT_EQ(*t.offset_for_time(Partition(0), 1990), 398);
  EXPECT_EQ(*t.offset_for_time(Partition(0), 1991), 400) << "none: the end";
  reopen();
  EXPECT_EQ(*topic().offset_for_time(Partition(0), 501), 102);
}

TEST_F(TopicTest, AnEpochIsSeenWhenItIsCommitted) {
  Topic& t = topic();
  const std::string handle = stage(t, marker(1), epoch_rows(t, 1, 10));
  EXPECT_EQ(t.records(), 0);
  EXPECT_EQ(t.marker("L1", "out", Shard(0)), std::nullopt);
  ASSERT_TRUE(t.append_now({record("plain")}, Partition(0)).ok());
  EXPECT_EQ(t.records(), 1) << "a staged epoch holds nobody up";
  ASSERT_TRUE(t.commit(handle).ok());
  EXPECT_EQ(t.records(), 11);
  EXPECT_EQ(t.marker("L1", "out", Shard(0)), Epoch(1));
  ASSERT_TRUE(t.commit(handle).ok()) << "again";
  EXPECT_EQ(t.records(), 11);
  EXPECT_EQ(*t.marker_of(handle)->lineage.c_str(), 'L');
  EXPECT_TRUE(env_.fs().files("topics/rides/staged").empty());
  EXPECT_THAT(read_all(t, Partition(0)), ElementsAre("plain", "e1r0", "e1r4", "e1r8"));
}

TEST_F(TopicTest, SeveralPreparedEpochsAreCommittedByAFreshProcess) {
  Topic* t = &topic();
  const std::string one = stage(*t, marker(1), epoch_rows(*t, 1, 5));
  const std::string two = stage(*t, marker(2), epoch_rows(*t, 2, 5));
  const std::string other = stage(*t, marker(2, 1), epoch_rows(*t, 2, 1));
  env_.fs().crash(VirtualFs::Crash::lose_unsynced);
  reopen();
  t = &topic();
  EXPECT_EQ(t->records(), 0);
  ASSERT_TRUE(t->commit(one).ok());
  ASSERT_TRUE(t->commit(two).ok());
  EXPECT_EQ(*t->drop_staged("L1", "out", {other}), 0);
  ASSERT_TRUE(t->commit(other).ok());
  EXPECT_EQ(t->records(), 11);
  EXPECT_EQ(t->markers("L1", "out"), (std::map<Shard, Epoch>{{Shard(0), Epoch(2)}, {Shard(1), Epoch(2)}}));
  ASSERT_TRUE(t->commit(one).ok()) << "older than its marker: published already";
  EXPECT_EQ(t->records(), 11);
  reopen();
  EXPECT_EQ(topic().records(), 11);
  EXPECT_EQ(topic().marker("L1", "out", Shard(0)), Epoch(2)) << "markers survive";
}

TEST_F(TopicTest, WhatACheckpointDoesNotListIsDropped) {
  Topic& t = topic();
  const std::string kept = stage(t, marker(1), epoch_rows(t, 1, 5));
  const std::string lost = stage(t, marker(2), epoch_rows(t, 2, 5));
  const std::string foreign = stage(t, marker(2, 0, "else"), epoch_rows(t, 2, 5));
  EXPECT_EQ(*t.drop_staged("L1", "out", {kept}), 1);
  EXPECT_TRUE(t.commit(kept).ok());
  EXPECT_TRUE(t.commit(foreign).ok());
  EXPECT_EQ(t.commit(lost).code(), Code::data_loss);
  const std::string aborted = stage(t, marker(3), epoch_rows(t, 3, 5));
  EXPECT_TRUE(t.abort(aborted).ok());
  EXPECT_TRUE(t.abort(aborted).ok());
  EXPECT_FALSE(t.commit(aborted).ok());
  EXPECT_EQ(t.records(), 10);
}

TEST_F(TopicTest, AnEpochWithoutRowsHasNothingToCommit) {
  Topic& t = topic();
  StagedEpoch staged = t.stage(marker(1), EpochRows(4, 0));
  EXPECT_EQ(staged.handle, "");
  EXPECT_TRUE(staged.durable->done());
  EXPECT_TRUE(t.commit("").ok());
  EXPECT_FALSE(t.commit("no handle").ok());
}

TEST_F(TopicTest, RetentionByAgeAndBytesMovesTheFirstOffset) {
  TopicConfig config;
  config.partitions = 2;
  config.segment_bytes = 1000;
  config.retention_bytes = 10'000;
  config.retention_micros = 1000;
  Topic& t = topic(config);
  const std::string payload(200, 'x');
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(t.append_now({record(payload), record(payload)}).ok());
  EXPECT_LE(t.bytes(), 10'000 + 2 * 300);
  EXPECT_GT(t.first_offset(Partition(0)), 0);
  EXPECT_EQ(t.end_offset(Partition(0)), 100);
  EXPECT_EQ(t.reader(Partition(0), 0)->poll(1).status().code(), Code::out_of_range);
  auto slow = t.reader(Partition(0), t.first_offset(Partition(0)));
  ASSERT_TRUE(slow->poll(1).ok());
  env_.advance(2000);
  ASSERT_TRUE(t.append_now({record("new", 2'000'000), record("new", 2'000'000)}).ok());
  reopen();
  EXPECT_EQ(read_sorted(topic()), (std::vector<std::string>{"new", "new"})) << "all else is too old";
}

TEST_F(TopicTest, TheStoreCreatesFindsListsAndRemoves) {
  EXPECT_EQ(store_->find("rides").status().code(), Code::not_found);
  ASSERT_TRUE(store_->create("rides").ok());
  EXPECT_EQ(store_->create("rides").status().code(), Code::already_exists);
  ASSERT_TRUE(store_->create("_rejected.city-minute").ok());
  EXPECT_THAT(*store_->list(), ElementsAre("_rejected.city-minute", "rides"));
  for (const std::string name : {"", ".", "..", "a/b", "a b", "ü"})
    EXPECT_EQ(store_->create(name).status().code(), Code::invalid_argument) << name;
  TopicConfig config;
  config.partitions = 0;
  EXPECT_EQ(store_->create("bad", config).status().code(), Code::invalid_argument);
  auto held = *store_->find("rides");
  ASSERT_TRUE(held->append_now({record("old")}).ok());
  ASSERT_TRUE(store_->remove("rides").ok());
  EXPECT_EQ(store_->remove("rides").code(), Code::not_found);
  EXPECT_EQ(held->append_now({record("x")}).code(), Code::not_found) << "who still holds it is told";
  EXPECT_THAT(*store_->list(), ElementsAre("_rejected.city-minute"));
  EXPECT_EQ(topic().records(), 0) << "a new topic of the name begins empty";
}

TEST_F(TopicTest, EveryIncarnationHasAnIdThatStays) {
  const TopicIdentity first = topic().identity();
  EXPECT_EQ(first.id.size(), 16U);
  reopen();
  EXPECT_EQ(topic().identity(), first);
  topic_.reset();
  ASSERT_TRUE(store_->remove("rides").ok());
  const TopicIdentity second = topic().identity();
  EXPECT_EQ(second.name, first.name);
  EXPECT_NE(second.id, first.id);
  EXPECT_EQ(decode_identity(encode_identity(second)), second);
  EXPECT_EQ(decode_identity(encode_identity({"rides", ""})), (TopicIdentity{"rides", ""}));
  for (const std::string_view other : {"", "topic", "topic x", "kafka 1 2"})
    EXPECT_FALSE(decode_identity(other));
}

// As versions before ids wrote it.
TEST_F(TopicTest, AnOldTopicGetsItsIdWhenItIsOpenedToBeWritten) {
  topic();
  const std::string path = "topics/rides/TOPIC";
  std::string text = *read_file(env_.fs(), path);
  const size_t at = text.find("id ");
  text = text.substr(0, at);
  ASSERT_TRUE(
      write_file_atomic(env_.fs(), path, text + fmt::format("checksum {:016x}\n", checksum64(text))).ok());
  store_ = *TopicStore::open(env_, "topics", TopicStoreUse::look);
  EXPECT_EQ((*store_->find("rides"))->identity().id, "");
  reopen();
  const std::string id = topic().identity().id;
  EXPECT_EQ(id.size(), 16U);
  env_.fs().crash(VirtualFs::Crash::lose_unsynced);
  reopen();
  EXPECT_EQ(topic().identity().id, id);
}

TEST_F(TopicTest, ATopicThatIsDeletedFailsItsUsersByName) {
  Topic& t = topic(one_partition());
  ASSERT_TRUE(t.append_now({record("a")}).ok());
  auto at_end = t.reader(Partition(0), 1);
  ASSERT_TRUE(at_end->poll(10)->at_end);
  auto behind = t.reader(Partition(0), 0);
  const std::string handle = stage(t, marker(1), epoch_rows(t, 1, 3));
  StagedEpoch waiting = t.stage(marker(2), epoch_rows(t, 2, 3));
  ASSERT_TRUE(store_->remove("rides").ok());
  env_.run_offload();
  const std::vector<Status> all = {at_end->poll(10).status(), behind->poll(10).status(), t.commit(handle),
                                   waiting.durable->status(), t.append_now({record("b")})};
  for (const Status& status : all) {
    EXPECT_EQ(status.code(), Code::not_found) << status.to_string();
    EXPECT_THAT(status.to_string(), testing::HasSubstr("'rides' was deleted"));
  }
  EXPECT_FALSE(env_.fs().stat("topics/rides").ok()) << "nothing came back";
}

TEST_F(TopicTest, ANewerFormatIsRefusedByName) {
  topic();
  env_.fs().set_content("topics/rides/TOPIC", "rideflow-topic 2\nwhatever\n");
  reopen();
  const Status status = store_->find("rides").status();
  EXPECT_EQ(status.code(), Code::failed_precondition);
  EXPECT_NE(status.message().find("newer Rideflow (rideflow-topic 2)"), std::string::npos)
      << status.message();
}

TEST_F(TopicTest, TooMuchWaitingForTheDiskIsRefused) {
  Topic& t = topic(one_partition());
  const std::string large(33 << 20, 'x');
  ASSERT_TRUE(t.append({record(large)}).ok());
  ASSERT_TRUE(t.append({record(large)}).ok());
  const Status status = t.append({record("x")}).status();
  EXPECT_EQ(status.code(), Code::resource_exhausted);
  EXPECT_EQ(status.retry(), Retry::backoff);
  env_.run_offload();
  EXPECT_TRUE(t.append({record("x")}).ok());
}

}  // namespace topic_test
}  // namespace rideflow
