// A source over logs of event times in memory, in several tasks, under a virtual clock: for tests of what
// SourceDriver decides.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/catalog.h"
#include "engine/source_driver.h"
#include "engine/virtual_env.h"

namespace rideflow::test {

constexpr Micros kSecond = kMicrosPerSecond;

struct Log {
  std::vector<std::vector<Micros>> times;  // of the records, by partition
  std::set<int32_t> ended;                 // nothing will come behind what they have
  std::set<int32_t> silent;                // polls give nothing and prove nothing
};

// Position i of partition p is time i of the log; what is not there yet is proved not to be.
class LogReader : public RecordReader {
 public:
  explicit LogReader(const Log* log) : log_(log) {}
  Status open(const OpenContext&) override { return {}; }
  Result<std::vector<Partition>> partitions() override {
    std::vector<Partition> all;
    for (size_t p = 0; p < log_->times.size(); ++p) all.push_back(Partition(static_cast<int32_t>(p)));
    return all;
  }
  Result<Position> resolve(Partition, StartAt, Micros) override { return Position{}; }
  Result<Position> end(Partition p) override { return Position{static_cast<int64_t>(times(p).size()), {}}; }
  Status assign(Partition p, const Position& position) override {
    next_[p.value] = position.offset;
    return {};
  }
  Result<Poll> poll(Partition p, int32_t budget) override {
    Poll poll;
    int64_t& next = next_[p.value];
    if (log_->silent.count(p.value) > 0) return poll;
    const auto n = std::min<int64_t>(budget, static_cast<int64_t>(times(p).size()) - next);
    if (n == 0) {
      poll.state = log_->ended.count(p.value) > 0 ? Poll::State::ended : Poll::State::proven_end;
      return poll;
    }
    auto chunk = std::make_shared<Origin>();
    chunk->topic = std::make_shared<const std::string>("log");
    chunk->partition = p;
    for (int64_t i = 0; i < n; ++i, ++next) {
      RecordOrigin record;
      record.position = next;
      record.timestamp = times(p)[static_cast<size_t>(next)];
      chunk->records.push_back(record);
    }
    poll.chunk = std::move(chunk);
    return poll;
  }
  Position position(Partition p) const override { return {next_.at(p.value), {}}; }

 private:
  const std::vector<Micros>& times(Partition p) const { return log_->times[static_cast<size_t>(p.value)]; }

  const Log* log_;
  std::map<int32_t, int64_t> next_;
};

// Rows without columns: only their times matter here.
class NoColumns : public Decoder {
 public:
  SchemaRef schema() const override { return schema_; }
  Status decode(std::shared_ptr<const Origin> chunk, Decoded& out) override {
    out.batch.schema = schema_;
    out.batch.rows = static_cast<int32_t>(chunk->records.size());
    out.batch.origin = std::move(chunk);
    return {};
  }

 private:
  SchemaRef schema_ = make_schema({});
};

// The catalog's part of a source node that reads a Log.
class LogSource {
 public:
  explicit LogSource(const Log* log) {
    source_.make = [log](const SourceConfig&) -> Result<std::unique_ptr<RecordReader>> {
      return std::unique_ptr<RecordReader>(std::make_unique<LogReader>(log));
    };
    format_.make_decoder = [](const DecoderSpec&, const Options&) -> Result<std::unique_ptr<Decoder>> {
      return std::unique_ptr<Decoder>(std::make_unique<NoColumns>());
    };
    node.kind = &source_;
    node.format = &format_;
    node.event_time.idle_after = 2 * kSecond;
    node.event_time.out_of_order = 5 * kSecond;
    node.event_time.max_ahead = 0;
  }
  LogSource(const LogSource&) = delete;
  LogSource& operator=(const LogSource&) = delete;

  SourceNode node;

 private:
  SourceKind source_;
  FormatKind format_;
};

}  // namespace rideflow::test
