#include "tests/support/operator_contract.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "engine/json_writer.h"
#include "engine/key_encoder.h"
#include "engine/virtual_env.h"

namespace rideflow::test {

namespace {

class Collector : public Output {
 public:
  explicit Collector(bool slow) : slow_(slow) {}
  void emit(int port, Batch batch) override {
    ASSERT_GT(batch.rows, 0) << "an empty batch was emitted";
    ASSERT_EQ(batch.columns.size(), static_cast<size_t>(batch.schema->size()));
    for (const Column& column : batch.columns) ASSERT_EQ(column.length, batch.rows);
    full_ = slow_;
    emitted_.emplace_back(port, std::move(batch));
  }
  bool has_room() const override { return !full_; }
  void drain() { full_ = false; }
  const std::vector<std::pair<int, Batch>>& emitted() const { return emitted_; }

 private:
  bool slow_;
  bool full_ = false;
  std::vector<std::pair<int, Batch>> emitted_;
};

// One operator of several parallel ones, with the store that its state goes to.
class Instance {
 public:
  Instance(const OperatorCase& c, const OperatorKind& kind, const RunOptions& options, int shard)
      : case_(c), kind_(kind), options_(options), out_(options.slow_output) {
    context_.env = &env_;
    context_.metrics = &metrics_;
    context_.step = c.config->step;
    context_.shard = Shard(shard);
    context_.parallelism = options.parallelism;
    context_.range = key_group_range(context_.key_groups, options.parallelism, shard);
    context_.batch_rows = options.batch_rows;
    make();
  }

  void feed(int port, Batch batch, Micros watermark) {
    if (batch.rows > 0) {
      const Status status = op_->process(port, batch, out_).status();
      EXPECT_TRUE(status.ok()) << status.to_string();
      out_.drain();
    }
    if (watermark > watermark_) advance(watermark);
    if (options_.restart) restart();
    if (options_.lazy_snapshot) {
      write_pending();
      pending_ = op_->freeze(Epoch(++epoch_));
      small_ = op_->small_state();
    }
  }

  void end() {
    if (options_.lazy_snapshot) {
      write_pending();
      make();
      restore();
    }
    advance(kEndOfTime);
    for (int calls = 0; calls < 100'000; ++calls) {
      Result<Progress> progress = op_->on_end(out_);
      ASSERT_TRUE(progress.ok());
      out_.drain();
      if (*progress == Progress::done) break;
    }
  }

  void collect(const std::vector<std::string>& ports, PortRows& rows) const {
    for (const auto& [port, batch] : out_.emitted()) {
      for (int32_t row = 0; row < batch.rows; ++row) {
        std::string line;
        append_row_json(line, batch, row);
        if (batch.event_time) line += fmt::format(" @{}", batch.event_times()[row]);
        rows[ports[static_cast<size_t>(port)]].push_back(std::move(line));
      }
    }
  }

 private:
  void make() {
    writes_ = 0;  // a restored attempt writes its cells whole at its first barrier
    auto made = kind_.make(case_.config);
    ASSERT_TRUE(made.ok()) << made.status().to_string();
    op_ = *std::move(made);
    ASSERT_TRUE(op_->open(context_).ok());
  }

  void advance(Micros watermark) {
    watermark_ = watermark;
    for (int calls = 0; calls < 1'000'000; ++calls) {
      Result<Progress> progress = op_->on_watermark(watermark, out_);
      ASSERT_TRUE(progress.ok()) << progress.status().to_string();
      out_.drain();
      if (*progress == Progress::done) return;
    }
    FAIL() << "on_watermark never ends";
  }

  void write_pending() {
    if (!pending_) return;
    const Status status = pending_->write(store_, writes_++ == 0);
    EXPECT_TRUE(status.ok()) << status.to_string();
    pending_.reset();
  }

  void restart() {
    pending_ = op_->freeze(Epoch(++epoch_));
    small_ = op_->small_state();
    op_.reset();
    write_pending();
    make();
    restore();
  }

  void restore() {
    if (!small_.empty()) {
      const std::vector<std::string> blobs = {small_};
      ASSERT_TRUE(op_->restore_small_state(blobs).ok());
    }
    const Status status = op_->restore(store_);
    EXPECT_TRUE(status.ok()) << status.to_string();
  }

  const OperatorCase& case_;
  const OperatorKind& kind_;
  RunOptions options_;
  VirtualEnv env_;
  OperatorMetrics metrics_;
  OpenContext context_;
  Collector out_;
  std::unique_ptr<Operator> op_;
  MemoryStateTable store_;
  std::unique_ptr<FrozenState> pending_;
  std::string small_;
  int writes_ = 0;
  int64_t epoch_ = 0;
  Micros watermark_ = kNoTime;
};

std::vector<std::string> port_names(const OperatorCase& c, const OperatorKind& kind) {
  std::vector<std::string> names;
  for (const NamedExpr& branch : c.config->branches) names.push_back(branch.name);
  if (names.empty()) names.push_back("rows");
  for (const PortSpec& port : kind.outputs) names.push_back(port.name);
  return names;
}

}  // namespace

const Catalog& full_catalog() {
  static const Catalog* catalog = [] {
    auto* made = new Catalog();
    register_all(*made);
    return made;
  }();
  return *catalog;
}

std::string to_string(const RunOptions& o) {
  return fmt::format("batches of {}, parallelism {}{}{}{}", o.batch_rows, o.parallelism,
                     o.restart ? ", restarts" : "", o.lazy_snapshot ? ", lazy snapshots" : "",
                     o.slow_output ? ", slow output" : "");
}

Batch cut(const Batch& batch, int32_t begin, int32_t end) {
  std::vector<int32_t> rows(static_cast<size_t>(end - begin));
  std::iota(rows.begin(), rows.end(), begin);
  return take(batch, rows.data(), end - begin);
}

PortRows run_operator(const OperatorCase& c, const RunOptions& options) {
  const OperatorKind* kind = full_catalog().find_operator(c.kind);
  if (!kind) {
    ADD_FAILURE() << "no operator " << c.kind;
    return {};
  }
  std::vector<std::unique_ptr<Instance>> instances;
  for (int i = 0; i < options.parallelism; ++i) {
    instances.push_back(std::make_unique<Instance>(c, *kind, options, i));
  }
  int32_t turn = 0;
  for (const Feed& feed : c.feed) {
    const int32_t step =
        feed.row_watermarks.empty() && !c.config->inputs.empty() ? feed.rows.rows : options.batch_rows;
    for (int32_t begin = 0; begin < std::max(feed.rows.rows, 1); begin += std::max(step, 1)) {
      const int32_t end = std::min(feed.rows.rows, begin + std::max(step, 1));
      Micros watermark = end == feed.rows.rows ? feed.watermark_after : kNoTime;
      if (!feed.row_watermarks.empty() && end > 0) {
        watermark = std::max(watermark, feed.row_watermarks[static_cast<size_t>(end - 1)]);
      }
      Batch part = cut(feed.rows, begin, end);
      std::vector<std::vector<int32_t>> shards(instances.size());
      const BufferRef hashes = kind->keyed ? hash_keys(part, c.config->keys) : BufferRef();
      for (int32_t row = 0; row < part.rows; ++row) {
        const int32_t shard = kind->keyed
                                  ? task_of(key_group_of(hashes.as<uint64_t>()[row], kDefaultKeyGroups),
                                            kDefaultKeyGroups, options.parallelism)
                                  : turn % options.parallelism;
        shards[static_cast<size_t>(shard)].push_back(row);
      }
      ++turn;
      for (size_t i = 0; i < instances.size(); ++i) {
        Batch rows;
        if (!shards[i].empty()) rows = take(part, shards[i].data(), static_cast<int32_t>(shards[i].size()));
        instances[i]->feed(feed.port, std::move(rows), watermark);
      }
    }
  }
  PortRows rows;
  for (auto& instance : instances) {
    if (c.end) instance->end();
    instance->collect(port_names(c, *kind), rows);
  }
  for (auto& [port, lines] : rows) std::sort(lines.begin(), lines.end());
  return rows;
}

void expect_contract(const OperatorCase& c) {
  const PortRows expected = run_operator(c, {});
  for (const int32_t batch_rows : {1, 2, 1024}) {
    for (const int32_t parallelism : {1, 2}) {
      for (const int way : {0, 1, 2, 3}) {
        RunOptions options;
        options.batch_rows = batch_rows;
        options.parallelism = parallelism;
        options.slow_output = way == 1;
        options.restart = way == 2;
        options.lazy_snapshot = way == 3;
        SCOPED_TRACE(to_string(options));
        EXPECT_EQ(run_operator(c, options), expected);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

}  // namespace rideflow::test
