// Open chunks: what is in memory and what in files, that answers don't tell, retention, starts, and that the
// memory which is told is the memory that is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <random>

#include "engine/virtual_env.h"
#include "rollup/rollup_queries.h"
#include "tests/support/rollup_rows.h"

namespace rideflow {
namespace open_chunks_test {

using rollup::Dictionary;
using test::RollupBatch;
using test::RollupRow;

constexpr Micros kStart =
    VirtualEnv::kStart / (24 * 3600 * kMicrosPerSecond) * (24 * 3600 * kMicrosPerSecond);
constexpr int64_t kSecond = kMicrosPerSecond;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;

RollupSpec spec_of(const std::string& granularity, int64_t retain = 0) {
  RollupSpec spec;
  spec.datasource = "rides";
  spec.granularity = *parse_granularity(granularity);
  spec.dimensions = {{"city"}, {"rider"}};
  spec.metrics = {{"count", MetricKind::count, "", ""}, {"fare", MetricKind::long_sum, "fare", ""}};
  spec.retain = retain;
  return spec;
}

RollupRow ride(Micros time, const std::string& city, const std::string& rider, int64_t fare) {
  return {time, {Value::string(city), Value::string(rider)}, {Value::null(), Value::int64(fare)}};
}

class OpenChunks : public testing::Test {
 protected:
  OpenChunks() {
    options_.publish_interval_us = 0;
    options_.memory_bytes = 256 << 10;
  }
  void open() {
    writer_.reset();
    store_.reset();
    auto opened = RollupStore::open(&env_, "rollups", options_);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    store_ = *std::move(opened);
    auto made = store_->writer(spec_, {"l1", "sink", 0, 1});
    ASSERT_TRUE(made.ok()) << made.status().to_string();
    writer_ = *std::move(made);
    const Status recovered = writer_->recover(Epoch(epoch_), {});
    ASSERT_TRUE(recovered.ok()) << recovered.to_string();
  }
  void crash() {
    writer_.reset();
    store_.reset();
    env_.fs().crash(VirtualFs::Crash::lose_unsynced);
    open();
  }
  void add(const std::vector<RollupRow>& rows) {
    std::vector<int32_t> expired;
    const RollupBatch batch(spec_, rows);
    const Status status = writer_->add(batch.rows(), expired);
    ASSERT_TRUE(status.ok()) << status.to_string();
    ASSERT_TRUE(expired.empty());
  }
  void commit(Micros watermark) {
    const Status status = test::commit_epoch(*writer_, ++epoch_, watermark);
    ASSERT_TRUE(status.ok()) << status.to_string();
  }
  std::string query(const std::string& dimensions) const {
    return RollupQueries(&env_, store_)
        .post(R"({"queryType":"groupBy","dataSource":"rides","granularity":"hour","dimensions":[)" +
              dimensions +
              R"(],"intervals":"2000/2100","context":{"resultAsArray":true},"aggregations":[
        {"type":"longSum","name":"n","fieldName":"count"},{"type":"longSum","name":"f","fieldName":"fare"}]})")
        .body;
  }
  std::shared_ptr<const RollupSnapshot> snapshot() const { return store_->snapshot("rides"); }
  int64_t memory() const { return store_->memory_bytes("rides"); }
  int64_t file_bytes(const std::string& name) const {
    int64_t bytes = 0;
    for (const std::string& file : env_.fs().files("rollups/rides")) {
      if (file.find(name) != std::string::npos) bytes += static_cast<int64_t>(env_.fs().content(file).size());
    }
    return bytes;
  }

  mutable VirtualEnv env_;
  RollupSpec spec_ = spec_of("minute");
  RollupStoreOptions options_;
  std::shared_ptr<RollupStore> store_;
  std::unique_ptr<RollupWriter> writer_;
  int64_t epoch_ = 0;
};

// `n` rows of riders that nobody saw before.
std::vector<RollupRow> new_riders(Micros time, int n, int64_t& next) {
  std::vector<RollupRow> rows;
  for (int i = 0; i < n; ++i, ++next)
    rows.push_back(ride(time + i % 60 * kSecond, "Lyon", "rider number " + std::to_string(next), next % 7));
  return rows;
}

TEST_F(OpenChunks, EverNewValuesGoToFiles) {
  open();
  int64_t next = 0;
  int64_t fares = 0;
  for (int minute = 0; minute < 60; ++minute) {
    const std::vector<RollupRow> rows = new_riders(kStart + minute * kMinute, 500, next);
    for (const RollupRow& row : rows) fares += row.metrics[1].integer;
    add(rows);
    commit(kStart + minute * kMinute);
    ASSERT_LT(memory(), 3 * options_.memory_bytes) << "minute " << minute;
  }
  const std::string whole = R"("Lyon",30000,)" + std::to_string(fares) + "]";
  EXPECT_THAT(query("\"city\""), testing::HasSubstr(whole));
  EXPECT_EQ(snapshot()->rows(), 30'000) << "no cell stands in two parts";
  EXPECT_LE(snapshot()->parts.size(), 40U);
  EXPECT_GT(snapshot()->segment_bytes(), 0);
  for (int start = 0; start < 3; ++start) {
    crash();
    EXPECT_THAT(query("\"city\""), testing::HasSubstr(whole));
    EXPECT_LT(memory(), 2 * options_.memory_bytes) << "a start needs no more than the run";
  }
}

// Everything in the log, as a process leaves it that had more memory, or that died.
TEST_F(OpenChunks, AStartMovesALongLogIntoFiles) {
  options_.memory_bytes = int64_t{1} << 40;
  open();
  int64_t next = 0;
  for (int minute = 0; minute < 40; ++minute) {
    add(new_riders(kStart + minute * kMinute, 500, next));
    commit(kStart + minute * kMinute);
  }
  add(new_riders(kStart + kHour, 100, next));
  RollupPrepared prepared = *writer_->prepare(Epoch(++epoch_));
  ASSERT_TRUE(prepared.persist().ok());
  const std::string before = query("\"city\"");
  const int64_t log = file_bytes("log-");
  EXPECT_EQ(file_bytes("segment-"), 0);
  options_.memory_bytes = 256 << 10;
  ASSERT_GT(log, options_.memory_bytes / 16);
  writer_.reset();
  store_.reset();
  env_.fs().crash(VirtualFs::Crash::lose_unsynced);
  store_ = *RollupStore::open(&env_, "rollups", options_);
  EXPECT_LT(file_bytes("log-"), log / 10) << "only what is prepared";
  EXPECT_GT(file_bytes("segment-"), 0);
  EXPECT_LT(memory(), 2 * options_.memory_bytes);
  writer_ = *store_->writer(spec_, {"l1", "sink", 0, 1});
  ASSERT_TRUE(writer_->recover(Epoch(epoch_), {{Epoch(epoch_), prepared.handle}}).ok());
  EXPECT_EQ(query("\"city\""), before);
  EXPECT_EQ(snapshot()->rows(), 20'100);
}

TEST_F(OpenChunks, RetentionReachesThem) {
  spec_ = spec_of("second", 60 * kSecond);
  options_.memory_bytes = 8 << 20;
  open();
  int64_t next = 0;
  for (int second = 0; second < 600; second += 10) {
    std::vector<RollupRow> rows;
    for (int i = 0; i < 300; ++i, ++next)
      rows.push_back(
          ride(kStart + (second + i % 10) * kSecond, "Lyon", "rider number " + std::to_string(next), 1));
    add(rows);
    commit(kStart + second * kSecond);
    ASSERT_LE(snapshot()->rows(), 30 * 80 + 300) << "second " << second;
    ASSERT_LT(memory(), 3'000'000) << "second " << second;
    ASSERT_EQ(snapshot()->segment_bytes(), 0) << "a chunk of an hour that never needs a file";
  }
  EXPECT_GE(snapshot()->min_time(), kStart + 530 * kSecond);
  EXPECT_GE(snapshot()->rows(), 30 * 60) << "what is within it stays";
  const std::string before = query("\"city\"");
  crash();
  EXPECT_EQ(query("\"city\""), before);
  EXPECT_GE(snapshot()->min_time(), kStart + 530 * kSecond);
}

TEST_F(OpenChunks, RetentionReachesTheirFiles) {
  spec_ = spec_of("minute", 10 * kMinute);
  open();
  int64_t next = 0;
  int64_t most = 0;
  for (int minute = 0; minute < 120; ++minute) {
    add(new_riders(kStart + minute * kMinute, 500, next));
    commit(kStart + minute * kMinute);
    ASSERT_LT(memory(), 4 * options_.memory_bytes) << "minute " << minute;
    most = std::max(most, snapshot()->rows());
  }
  EXPECT_GE(snapshot()->rows(), 500 * 10);
  EXPECT_LE(most, 500 * 40) << "files go when all of them is expired, minutes later";
  EXPECT_LT(file_bytes(""), 2'000'000);
  crash();
  EXPECT_GE(snapshot()->rows(), 500 * 10);
  EXPECT_LE(snapshot()->rows(), 500 * 40);
}

// Rows of all ages, restarts at any moment, files and merges as small as can be: answers are those of a map.
TEST_F(OpenChunks, AnswersAreThoseOfAMap) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto draw = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  spec_ = spec_of(draw(2) == 0 ? "second" : "minute");
  options_.memory_bytes = draw(2) == 0 ? 1 : 64 << 10;
  options_.merge_cells = draw(2) == 0 ? 100 : 1'000'000;
  options_.compact_log_bytes = draw(2) == 0 ? 2'000 : 1 << 20;
  open();
  struct Sums {
    int64_t count = 0;
    int64_t fares = 0;
  };
  using Key = std::pair<int64_t, std::string>;
  std::map<Key, Sums> committed;
  std::map<Key, Sums> all;
  Micros now = kStart;
  int64_t next = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<RollupRow> rows;
    for (int64_t i = draw(120); i > 0; --i) {
      const Micros time = draw(10) == 0 ? kStart + draw(now - kStart + kHour) : now + draw(5 * kMinute);
      const std::string rider = "r" + std::to_string(draw(2) == 0 ? draw(4) : ++next);
      rows.push_back(ride(time, "c" + std::to_string(draw(3)), rider, draw(100)));
      Sums& sums = all[{time / kHour, rows.back().dimensions[0].text}];
      ++sums.count;
      sums.fares += rows.back().metrics[1].integer;
    }
    if (!rows.empty()) add(rows);
    now += draw(4) == 0 ? draw(3 * kHour) : draw(5 * kMinute);
    if (draw(3) > 0) {
      commit(now - 2 * kMinute);
      committed = all;
    } else if (draw(4) == 0) {
      crash();
      all = committed;
    }
    std::string expected = "[";
    for (const auto& [key, sums] : all) {
      if (expected.size() > 1) expected += ",";
      expected += "[" + std::to_string(key.first * 3'600'000) + "," + "\"" + key.second + "\"," +
                  std::to_string(sums.count) + "," + std::to_string(sums.fares) + "]";
    }
    ASSERT_EQ(query("\"city\""), expected + "]") << "round " << round;
    ASSERT_GE(snapshot()->rows(), 0);
  }
}

TEST_F(OpenChunks, SparseRowsMakeFewParts) {
  options_.memory_bytes = int64_t{1} << 40;
  spec_ = spec_of("second");
  open();
  std::vector<RollupRow> rows;
  for (int i = 0; i < 10'000; ++i) {
    rows.push_back(ride(kStart + i * 25 * kSecond, "Lyon", "r" + std::to_string(i % 100), 1));
    if (rows.size() == 1'000) {
      add(rows);
      rows.clear();
    }
  }
  EXPECT_EQ(snapshot()->rows(), 10'000);
  EXPECT_LE(snapshot()->parts.size(), 71U) << "a part an hour";
  EXPECT_LT(memory() / 10'000, 300) << "bytes a cell";
}

TEST_F(OpenChunks, DenseRowsAreCutSoThatASnapshotCopiesLittle) {
  options_.memory_bytes = int64_t{1} << 40;
  open();
  int64_t next = 0;
  for (int minute = 0; minute < 60; ++minute) add(new_riders(kStart + minute * kMinute, 600, next));
  const auto before = snapshot();
  add(new_riders(kStart + 59 * kMinute, 1, next));
  const auto after = snapshot();
  size_t same = 0;
  for (const auto& part : after->parts)
    same += static_cast<size_t>(std::count(before->parts.begin(), before->parts.end(), part));
  EXPECT_GE(before->parts.size(), 4U);
  EXPECT_EQ(same, after->parts.size() - 1) << "only the last block changed";
  EXPECT_EQ(before->rows() + 1, after->rows());
}

// Bytes of the heap, where the allocator tells.
int64_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

bool allocator_tells() {
  const int64_t before = heap_bytes();
  const auto probe = std::make_unique<char[]>(100'000);
  probe[0] = 1;
  return heap_bytes() - before >= 100'000;
}

// Bytes of the process that are not in use.
int64_t idle_bytes() {
  int64_t all = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE) - heap_bytes();
}

// What making the files needed, too.
TEST_F(OpenChunks, WhatWentToFilesIsGivenBackToTheSystem) {
  options_.memory_bytes = int64_t{1} << 40;
  open();
  for (int batch = 0; batch < 40; ++batch) {
    std::vector<RollupRow> rows;
    for (int i = 0; i < 1'000; ++i)
      rows.push_back(ride(kStart, "Lyon", std::to_string(batch * 1'000 + i) + std::string(800, 'x'), i));
    add(rows);
  }
  const int64_t told = memory();
  ASSERT_GE(told, int64_t{30} << 20);
  const int64_t before = idle_bytes();
  commit(kStart + 48 * kHour);
  ASSERT_LT(memory(), told / 10) << "the chunk is not in files";
  const int64_t after = idle_bytes();
  EXPECT_TRUE(!allocator_tells() || after < before + told / 4)
      << told << " told; idle " << before << ", now " << after;
}

class ToldMemory : public OpenChunks, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(, ToldMemory, testing::Values("dense", "sparse", "new_values", "sketches", "lists"));

// Within a quarter, the allocator's own share included.
TEST_P(ToldMemory, IsWhatTheProcessHolds) {
  options_.memory_bytes = int64_t{1} << 40;
  const std::string kind = GetParam();
  spec_ = spec_of(kind == "sparse" ? "second" : "minute");
  if (kind == "sketches") {
    spec_.metrics.push_back({"riders", MetricKind::distinct_sketch, "rider", ""});
    spec_.metrics.push_back({"fares", MetricKind::quantile_sketch, "fare", ""});
    spec_.metrics.push_back({"last", MetricKind::string_last, "rider", ""});
  }
  if (kind == "lists") spec_.dimensions.push_back({"tags", DimensionType::string, true});
  open();
  const auto rows_of = [&](int batch) {
    std::vector<RollupRow> rows;
    for (int i = 0; i < 1'000; ++i) {
      const int n = batch * 1'000 + i;
      const Micros time = kind == "sparse" ? kStart + n * 200 * kSecond : kStart + n % 60 * kMinute;
      const std::string rider =
          kind == "new_values" ? "a rider that is new: " + std::to_string(n) : "r" + std::to_string(n % 37);
      RollupRow row = ride(time, "c" + std::to_string(n % 50), rider, n % 1000);
      if (kind == "sketches") {
        row.metrics.push_back(Value::string(std::to_string(n)));
        row.metrics.push_back(Value::float64(n % 977));
        row.metrics.push_back(
            Value::string("a text that is longer than a string's inside " + std::to_string(n)));
      }
      if (kind == "lists") {
        Value tags;
        tags.kind = Kind::list;
        tags.items = {Value::string("t" + std::to_string(n % 11)),
                      Value::string("t" + std::to_string(n % 211))};
        row.dimensions.push_back(std::move(tags));
      }
      rows.push_back(std::move(row));
    }
    return rows;
  };
  const int64_t told_before = memory();
  const int64_t before = heap_bytes();
  for (int batch = 0; batch < 20; ++batch) {
    add(rows_of(batch));
    if (batch % 7 == 3) snapshot();
  }
  snapshot();
  if (!allocator_tells()) return;  // a sanitizer's allocator counts nothing: there only what ran is judged
  const int64_t held = heap_bytes() - before;
  const int64_t told = memory() - told_before;
  EXPECT_GT(told, held * 3 / 4) << "held: " << held;
  EXPECT_LT(told, held * 5 / 4) << "held: " << held;
}

TEST(Dictionaries, KeepEveryValueAtItsCode) {
  Dictionary dictionary;
  EXPECT_EQ(dictionary.bytes(), 0U) << "nothing while it is empty";
  EXPECT_EQ(dictionary.size(), 1U);
  std::vector<std::pair<std::shared_ptr<const rollup::ValueList>, uint32_t>> lists;
  for (uint32_t i = 1; i <= 5'000; ++i) {
    const std::string value(i % 97 == 0 ? 20'000 : i % 13, static_cast<char>('a' + i % 26));
    ASSERT_EQ(dictionary.find_or_add(value + std::to_string(i)), i);
    if ((i & (i - 1)) == 0 || (i & (i + 1)) == 0) lists.emplace_back(dictionary.values(), i);
  }
  for (const auto& [list, last] : lists) {
    ASSERT_EQ(list->size(), last + 1);
    for (const uint32_t code : {uint32_t{1}, last / 2 + 1, last}) {
      if (code > last) continue;
      EXPECT_TRUE(list->at(code).ends_with(std::to_string(code))) << code;
      EXPECT_EQ(list->at(code), dictionary.at(code));
    }
  }
  EXPECT_EQ(dictionary.find_or_add(std::string(dictionary.at(4'999))), 4'999U);
  EXPECT_GT(dictionary.bytes(), 5'000U * 16);
}

}  // namespace open_chunks_test
}  // namespace rideflow
