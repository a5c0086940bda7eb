// The runtime's part for a rollup, as a script: an epoch is prepared, its checkpoint is complete once it is
// durable, then it is committed. After a death the job restarts from its last complete checkpoint with the
// handles that it lists.
#pragma once

#include "engine/virtual_env.h"
#include "rollup/rollup_queries.h"
#include "tests/support/rollup_rows.h"

namespace rideflow::test {

class RollupScript {
 public:
  static constexpr int64_t kMinute = 60 * kMicrosPerSecond;
  static constexpr int kEpochs = 7;

  static RollupSpec spec() {
    RollupSpec out;
    out.datasource = "rides";
    out.granularity = *parse_granularity("second");  // hourly chunks: the script seals several
    out.dimensions = {{"city"}};
    out.metrics = {{"n", MetricKind::count, "", ""},
                   {"sum", MetricKind::long_sum, "x", ""},
                   {"q", MetricKind::quantile_sketch, "x", ""}};
    return out;
  }

  // The rows of an epoch, the same in every attempt: half an hour further each time, and some late ones.
  static std::vector<RollupRow> rows_of(int epoch) {
    std::vector<RollupRow> rows;
    for (int i = 0; i < 5; ++i) {
      const Micros time =
          VirtualEnv::kStart + (epoch * 30 - (i == 4 ? 150 : 0)) * kMinute + i * kMicrosPerSecond;
      const int64_t value = epoch * 100 + i;
      rows.push_back({time,
                      {Value::string("c" + std::to_string(i % 3))},
                      {Value::null(), Value::int64(value), Value::int64(value)}});
    }
    return rows;
  }

  explicit RollupScript(uint64_t seed) : env_(seed) { options_.publish_interval_us = 0; }
  VirtualEnv& env() { return env_; }

  // Starts or restarts the job from its last complete checkpoint.
  bool start() {
    writer_.reset();
    if (!store_) {
      auto opened = RollupStore::open(&env_, "rollups", options_);
      if (!opened.ok()) return note(opened.status());
      store_ = *std::move(opened);
    }
    auto made = store_->writer(spec(), {"l1", "sink", 0, 1});
    if (!made.ok()) return note(made.status());
    writer_ = *std::move(made);
    return note(writer_->recover(Epoch(complete_), pending_));
  }
  void crash(VirtualFs::Crash how) {
    writer_.reset();
    store_.reset();
    env_.fs().crash(how);
  }

  // Runs to the end, or to the first error; or stops in the middle of epoch `until`, which is prepared and
  // not committed.
  bool run(int until = kEpochs + 1) {
    for (int epoch = complete_ + 1; epoch <= kEpochs; ++epoch) {
      std::vector<int32_t> expired;
      const RollupBatch batch(spec(), rows_of(epoch));
      if (!note(writer_->add(batch.rows(), expired))) return false;
      writer_->set_watermark(VirtualEnv::kStart + epoch * 30 * kMinute);
      auto prepared = writer_->prepare(Epoch(epoch));
      if (!note(prepared.status()) || !note(prepared->persist())) return false;
      complete_ = epoch;
      pending_.emplace_back(Epoch(epoch), prepared->handle);
      if (epoch == until) return true;
      if (epoch % 3 == 0) continue;  // this commit comes late: with the next one
      for (const auto& handle : pending_) {
        if (!note(writer_->commit(handle.second))) return false;
      }
      pending_.clear();
    }
    for (const auto& handle : pending_) {
      if (!note(writer_->commit(handle.second))) return false;
    }
    return true;
  }

  std::string answer() const {
    return RollupQueries(&env_, store_)
        .post(R"({"queryType":"groupBy","dataSource":"rides","granularity":"hour","dimensions":["city"],
          "intervals":"2000/2100","context":{"resultAsArray":true},"aggregations":[
          {"type":"longSum","name":"n","fieldName":"n"},{"type":"longSum","name":"s","fieldName":"sum"},
          {"type":"quantilesDoublesSketch","name":"q","fieldName":"q"}]})")
        .body;
  }
  const std::string& error() const { return error_; }
  // The job's checkpoint, as the process that comes next will find it.
  struct Checkpoint {
    int complete = 0;
    std::vector<std::pair<Epoch, std::string>> pending;
  };
  Checkpoint checkpoint() const { return {complete_, pending_}; }
  void resume_from(const Checkpoint& checkpoint) {
    complete_ = checkpoint.complete;
    pending_ = checkpoint.pending;
    error_.clear();
  }

 private:
  bool note(const Status& status) {
    if (!status.ok()) error_ = status.to_string();
    return status.ok();
  }

  mutable VirtualEnv env_;
  RollupStoreOptions options_;
  std::shared_ptr<RollupStore> store_;
  std::unique_ptr<RollupWriter> writer_;
  int complete_ = 0;
  std::vector<std::pair<Epoch, std::string>> pending_;
  std::string error_;
};

}  // namespace rideflow::test
