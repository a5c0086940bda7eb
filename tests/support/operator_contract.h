// The contract that every operator kind keeps, for free: the same rows come out whatever the batch size, the
// parallelism, restarts after every batch, and an output that is full after every push.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/catalog.h"
#include "engine/memory_state_table.h"

namespace rideflow::test {

// What an operator is fed: rows of a port with the watermark that holds after them. Row numbers in
// Batch::behind refer to the batch. `kNoTime` leaves the watermark as it is.
struct Feed {
  int port = 0;
  Batch rows;
  Micros watermark_after = kNoTime;
  // Per row the watermark after it; empty: only the one after the batch. Lets the contract cut the batch.
  std::vector<Micros> row_watermarks;
};

struct OperatorCase {
  std::string kind;
  std::shared_ptr<const StepConfig> config;
  std::vector<Feed> feed;
  bool end = true;  // the stream ends after the feed
};

struct RunOptions {
  int32_t batch_rows = 1024;
  int32_t parallelism = 1;
  bool restart = false;        // freeze, drop the operator, restore into a new one after every batch
  bool lazy_snapshot = false;  // freeze after every batch, write the copy only after the next batch
  bool slow_output = false;    // full after every push
};
std::string to_string(const RunOptions& options);

// Rows as JSON with their event time, sorted, by name of the output port.
using PortRows = std::map<std::string, std::vector<std::string>>;
PortRows run_operator(const OperatorCase& c, const RunOptions& options);

// Runs the case in all ways that the contract names; expects equal rows on all ports, or on all rows that
// `keep` accepts.
void expect_contract(const OperatorCase& c);

// Cuts [begin, end) out of a batch, with everything it carries.
Batch cut(const Batch& batch, int32_t begin, int32_t end);

const Catalog& full_catalog();

}  // namespace rideflow::test
