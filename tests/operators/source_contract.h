// What every source must keep, whatever it reads: positions restore exactly, budgets change nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/record_reader.h"

namespace rideflow::test {

struct ReadRecord {
  std::string payload;
  int64_t position = 0;
  Micros timestamp = kNoTime;
  std::string key;
  std::string topic;
  friend bool operator==(const ReadRecord&, const ReadRecord&) = default;
};

// Opened readers of the same source, fresh each time.
using MakeReader = std::function<std::unique_ptr<RecordReader>()>;

// Polls one partition until it ends or proves its end, at most `budget` records at a time. `positions`, when
// given, gets the position before every record: record i was read after positions[i]; with budget 1 all of
// them differ.
std::vector<ReadRecord> read_all(RecordReader& reader, Partition partition, int32_t budget,
                                 std::vector<std::pair<size_t, Position>>* positions = nullptr);

// Reads every partition from its beginning with budgets 1, 2 and 1,024; after every poll a fresh reader that
// is given the position must read exactly the rest. Returns the records of all partitions.
std::vector<std::vector<ReadRecord>> check_source_contract(const MakeReader& make);

}  // namespace rideflow::test
