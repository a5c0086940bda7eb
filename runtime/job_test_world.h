// The world of a job test: sources that give the rows of a test and sinks that collect what arrives.
//
// with_test_world() replaces the connectors of a plan by these; everything else of the plan runs as it is.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/plan.h"

namespace rideflow {

struct TestRow {
  Partition partition;
  std::vector<Value> columns;  // one per column of the source's schema
  Micros timestamp = kNoTime;  // the record's own; the clock of the test when absent
  std::optional<std::string> key;
  std::optional<std::string> raw;  // bytes for the real decoder, instead of columns
};

// Rows fed so far to one source. One thread.
struct TestFeed {
  int32_t partitions = 1;
  std::vector<std::vector<TestRow>> rows;  // by partition
  bool ended = false;
};

// Rows that reached one sink, in order of arrival. One thread.
struct TestCollection {
  std::vector<Batch> batches;
};

struct TestWorld {
  std::map<std::string, TestFeed> feeds;              // by source
  std::map<std::string, TestCollection> collections;  // by sink
};

// A copy of the plan whose sources read from, and whose sinks write to, `world`, which must outlive all runs
// of it.
LogicalPlan with_test_world(const LogicalPlan& plan, std::shared_ptr<TestWorld> world);

}  // namespace rideflow
