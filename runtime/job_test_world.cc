#include "runtime/job_test_world.h"

#include "engine/builder.h"

namespace rideflow {
namespace {

constexpr int32_t kChunkRows = 4096;

// Records carry no bytes: position i of partition p is row i of the feed's partition.
class FeedReader : public RecordReader {
 public:
  FeedReader(std::shared_ptr<TestWorld> world, std::string source)
      : world_(std::move(world)), source_(std::move(source)) {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    topic_ = std::make_shared<const std::string>(source_);
    return {};
  }
  Result<std::vector<Partition>> partitions() override {
    std::vector<Partition> all;
    for (int32_t p = 0; p < feed().partitions; ++p) all.push_back(Partition(p));
    return all;
  }
  bool may_grow() const override { return false; }
  Result<Position> resolve(Partition, StartAt, Micros) override { return Position{}; }
  Result<Position> end(Partition p) override { return Position{static_cast<int64_t>(rows(p).size()), {}}; }
  Status assign(Partition p, const Position& position) override {
    next_[p.value] = position.offset;
    return {};
  }
  Result<Poll> poll(Partition p, int32_t budget) override {
    Poll poll;
    int64_t& next = next_[p.value];
    const auto& all = rows(p);
    const int64_t n =
        std::min<int64_t>(std::min(budget, kChunkRows), static_cast<int64_t>(all.size()) - next);
    if (n == 0) {
      poll.state = feed().ended ? Poll::State::ended : Poll::State::proven_end;
      return poll;
    }
    auto chunk = std::make_shared<Origin>();
    chunk->topic = topic_;
    chunk->partition = p;
    // A chunk holds either rows or raw records.
    const bool raw = all[static_cast<size_t>(next)].raw.has_value();
    int64_t taken = 0;
    for (; taken < n; ++taken) {
      const TestRow& row = all[static_cast<size_t>(next + taken)];
      if (row.raw.has_value() != raw || (raw && taken == 1)) break;
      RecordOrigin record;
      record.position = next + taken;
      record.timestamp = row.timestamp == kNoTime ? env_->now() : row.timestamp;
      if (row.key) record.key = *row.key;
      if (raw) {
        chunk->arena = BufferRef::copy_of(*row.raw);
        record.payload = chunk->arena.view();
      }
      chunk->records.push_back(record);
    }
    next += taken;
    poll.chunk = std::move(chunk);
    return poll;
  }
  Position position(Partition p) const override { return {next_.at(p.value), {}}; }

 private:
  TestFeed& feed() { return world_->feeds[source_]; }
  std::vector<TestRow>& rows(Partition p) {
    auto& all = feed().rows;
    if (all.size() <= static_cast<size_t>(p.value)) all.resize(static_cast<size_t>(p.value) + 1);
    return all[static_cast<size_t>(p.value)];
  }

  std::shared_ptr<TestWorld> world_;
  std::string source_;
  Env* env_ = nullptr;
  std::shared_ptr<const std::string> topic_;
  std::map<int32_t, int64_t> next_;
};

// Turns the rows that the records stand for into columns: the used ones, with the checks of every format.
class FeedDecoder : public Decoder {
 public:
  FeedDecoder(std::shared_ptr<TestWorld> world, std::string source, const DecoderSpec& spec,
              std::unique_ptr<Decoder> real)
      : world_(std::move(world)), source_(std::move(source)), real_(std::move(real)) {
    std::vector<Field> fields;
    for (size_t i = 0; i < spec.columns.size(); ++i) {
      if (!spec.used[i]) continue;
      columns_.push_back(i);
      fields.push_back(spec.columns[i].field);
    }
    schema_ = make_schema(std::move(fields));
  }
  SchemaRef schema() const override { return schema_; }

  Status decode(std::shared_ptr<const Origin> chunk, Decoded& out) override {
    if (chunk->arena) return real_->decode(std::move(chunk), out);
    std::vector<ColumnBuilder> builders;
    for (const Field& field : schema_->fields()) builders.emplace_back(field.type);
    const auto& rows = world_->feeds[source_].rows[static_cast<size_t>(chunk->partition.value)];
    std::vector<int32_t> kept;
    for (size_t r = 0; r < chunk->records.size(); ++r) {
      const TestRow& row = rows[static_cast<size_t>(chunk->records[r].position)];
      if (const int missing = null_where_none_may_be(row); missing >= 0) {
        const std::string& name = schema_->field(missing).name;
        out.rejected.push_back(
            {static_cast<int32_t>(r), "field '" + name + "' is null but not nullable", "column " + name});
        continue;
      }
      kept.push_back(static_cast<int32_t>(r));
      for (size_t c = 0; c < columns_.size(); ++c) builders[c].append_value(row.columns[columns_[c]]);
    }
    Batch& batch = out.batch;
    batch.schema = schema_;
    batch.rows = static_cast<int32_t>(kept.size());
    for (ColumnBuilder& builder : builders) batch.columns.push_back(builder.finish());
    batch.origin_row =
        BufferRef::copy_of({reinterpret_cast<const char*>(kept.data()), kept.size() * sizeof(int32_t)});
    batch.origin = std::move(chunk);
    return {};
  }

 private:
  int null_where_none_may_be(const TestRow& row) const {
    for (size_t c = 0; c < columns_.size(); ++c) {
      const auto i = static_cast<int>(c);
      if (!schema_->field(i).nullable && row.columns[columns_[c]].is_null()) return i;
    }
    return -1;
  }

  std::shared_ptr<TestWorld> world_;
  std::string source_;
  std::unique_ptr<Decoder> real_;
  std::vector<size_t> columns_;
  SchemaRef schema_;
};

class CollectSink : public Sink {
 public:
  CollectSink(std::shared_ptr<TestWorld> world, std::string sink)
      : world_(std::move(world)), sink_(std::move(sink)) {}
  Result<Progress> process(int, Batch& batch, Output&) override {
    world_->collections[sink_].batches.push_back(std::move(batch));
    return Progress::done;
  }
  Result<Prepared> prepare(Epoch) override { return Prepared{}; }
  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  std::shared_ptr<TestWorld> world_;
  std::string sink_;
};

// Kinds must outlive the plan: one set for each world and node, kept by the plan's closures.
std::shared_ptr<const SourceKind> feed_kind(const std::shared_ptr<TestWorld>& world, const SourceKind& real) {
  auto kind = std::make_shared<SourceKind>();
  kind->name = "test";
  kind->has_timestamp = real.has_timestamp;
  kind->make = [world](const SourceConfig& config) -> Result<std::unique_ptr<RecordReader>> {
    return std::unique_ptr<RecordReader>(std::make_unique<FeedReader>(world, config.source));
  };
  return kind;
}

std::shared_ptr<const FormatKind> feed_format(const std::shared_ptr<TestWorld>& world,
                                              const SourceNode& node) {
  auto kind = std::make_shared<FormatKind>();
  kind->name = "test";
  kind->make_decoder = [world, source = node.config.source, real = node.format](
                           const DecoderSpec& spec,
                           const Options& options) -> Result<std::unique_ptr<Decoder>> {
    std::unique_ptr<Decoder> decoder;
    if (real) {
      RF_ASSIGN(decoder, real->make_decoder(spec, options));
    }
    return std::unique_ptr<Decoder>(std::make_unique<FeedDecoder>(world, source, spec, std::move(decoder)));
  };
  return kind;
}

std::shared_ptr<const SinkKind> collect_kind(const std::shared_ptr<TestWorld>& world) {
  auto kind = std::make_shared<SinkKind>();
  kind->name = "test";
  kind->make = [world](std::shared_ptr<const SinkConfig> config) -> Result<std::unique_ptr<Sink>> {
    return std::unique_ptr<Sink>(std::make_unique<CollectSink>(world, config->sink));
  };
  return kind;
}

}  // namespace

LogicalPlan with_test_world(const LogicalPlan& plan, std::shared_ptr<TestWorld> world) {
  LogicalPlan copy = plan;
  for (LogicalNode& node : copy.nodes) {
    if (auto* source = std::get_if<SourceNode>(&node.body)) {
      const auto kind = feed_kind(world, *source->kind);
      const auto format = feed_format(world, *source);
      source->kind = kind.get();
      source->format = format.get();
      copy.owned.push_back(kind);
      copy.owned.push_back(format);
      source->until = {};
      world->feeds[source->config.source];
    } else if (auto* sink = std::get_if<SinkNode>(&node.body)) {
      const auto kind = collect_kind(world);
      sink->kind = kind.get();
      copy.owned.push_back(kind);
      world->collections[sink->config->sink];
    }
  }
  return copy;
}

}  // namespace rideflow
