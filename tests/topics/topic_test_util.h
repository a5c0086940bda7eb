// What the tests of topics share: short ways to write and to read everything back.
#pragma once

#include <gtest/gtest.h>

#include "engine/virtual_env.h"
#include "topics/topic_store.h"

namespace rideflow::test {

inline TopicRecord record(std::string_view payload, Micros timestamp = 1) {
  TopicRecord r;
  r.payload = payload;
  r.timestamp = timestamp;
  return r;
}

inline TopicRecord keyed(std::string_view key, std::string_view payload, Micros timestamp = 1) {
  TopicRecord r = record(payload, timestamp);
  r.key = key;
  return r;
}

// Payloads of a partition from its first offset on, and a check that offsets have no holes.
inline std::vector<std::string> read_all(Topic& topic, Partition partition, int32_t budget = 1000,
                                         size_t block = PartitionReader::kBlockBytes) {
  std::vector<std::string> payloads;
  auto reader = topic.reader(partition, topic.first_offset(partition));
  while (true) {
    auto poll = reader->poll(budget, block);
    EXPECT_TRUE(poll.ok()) << poll.status().to_string();
    if (!poll.ok()) return payloads;
    if (poll->chunk) {
      for (const RecordOrigin& r : poll->chunk->records) {
        EXPECT_EQ(r.position, topic.first_offset(partition) + static_cast<int64_t>(payloads.size()));
        payloads.emplace_back(r.payload);
      }
    }
    if (poll->at_end) return payloads;
  }
}

// Payloads of all partitions, sorted: what a test of "nothing lost, nothing doubled" compares.
inline std::vector<std::string> read_sorted(Topic& topic) {
  std::vector<std::string> all;
  for (int32_t p = 0; p < topic.partitions(); ++p) {
    for (std::string& payload : read_all(topic, Partition(p))) all.push_back(std::move(payload));
  }
  std::sort(all.begin(), all.end());
  return all;
}

inline EpochMarker marker(int64_t epoch, int32_t shard = 0, const std::string& sink = "out") {
  EpochMarker m;
  m.lineage = "L1";
  m.sink = sink;
  m.shard = Shard(shard);
  m.epoch = Epoch(epoch);
  return m;
}

// Rows e<epoch>r<i> over all partitions of a topic.
inline EpochRows epoch_rows(const Topic& topic, int64_t epoch, int rows) {
  EpochRows out(topic.partitions(), topic.config().compress_from_bytes);
  for (int i = 0; i < rows; ++i) {
    const std::string payload = "e" + std::to_string(epoch) + "r" + std::to_string(i);
    EXPECT_TRUE(out.add(Partition(i % topic.partitions()), record(payload, epoch)).ok());
  }
  return out;
}

}  // namespace rideflow::test
