#include "tests/operators/source_contract.h"

#include <gtest/gtest.h>

namespace rideflow::test {

std::vector<ReadRecord> read_all(RecordReader& reader, Partition partition, int32_t budget,
                                 std::vector<std::pair<size_t, Position>>* positions) {
  std::vector<ReadRecord> all;
  if (positions != nullptr) positions->emplace_back(0, reader.position(partition));
  for (int empty = 0; empty < 100;) {
    Result<Poll> poll = reader.poll(partition, budget);
    if (!poll.ok()) {
      ADD_FAILURE() << poll.status().to_string();
      break;
    }
    if (poll->chunk != nullptr) {
      EXPECT_LE(poll->chunk->records.size(), static_cast<size_t>(budget));
      EXPECT_EQ(poll->chunk->partition, partition);
      for (const RecordOrigin& r : poll->chunk->records) {
        all.push_back(
            {std::string(r.payload), r.position, r.timestamp, std::string(r.key), *poll->chunk->topic});
      }
      if (positions != nullptr) positions->emplace_back(all.size(), reader.position(partition));
    } else {
      ++empty;
    }
    if (poll->state != Poll::State::more) break;
  }
  return all;
}

std::vector<std::vector<ReadRecord>> check_source_contract(const MakeReader& make) {
  std::vector<std::vector<ReadRecord>> reference;
  for (const int32_t budget : {1'024, 2, 1}) {
    const std::unique_ptr<RecordReader> reader = make();
    const auto partitions = reader->partitions();
    EXPECT_TRUE(partitions.ok()) << partitions.status().to_string();
    if (!partitions.ok()) return reference;
    for (size_t p = 0; p < partitions->size(); ++p) {
      const Partition partition = (*partitions)[p];
      const Result<Position> start = reader->resolve(partition, StartAt::earliest, 0);
      EXPECT_TRUE(start.ok()) << start.status().to_string();
      EXPECT_TRUE(reader->assign(partition, *start).ok());
      EXPECT_EQ(reader->position(partition).offset, start->offset);
      std::vector<std::pair<size_t, Position>> positions;
      const std::vector<ReadRecord> records = read_all(*reader, partition, budget, &positions);
      if (budget == 1'024) reference.push_back(records);
      EXPECT_EQ(records, reference[p]) << "budget " << budget;
      for (const auto& [count, position] : positions) {
        const std::unique_ptr<RecordReader> fresh = make();
        EXPECT_TRUE(fresh->partitions().ok());
        const Status assigned = fresh->assign(partition, position);
        EXPECT_TRUE(assigned.ok()) << assigned.to_string();
        EXPECT_EQ(fresh->position(partition), position);
        const std::vector<ReadRecord> rest(reference[p].begin() + static_cast<std::ptrdiff_t>(count),
                                           reference[p].end());
        EXPECT_EQ(read_all(*fresh, partition, 7), rest) << "budget " << budget << ", after " << count;
      }
    }
  }
  return reference;
}

}  // namespace rideflow::test
