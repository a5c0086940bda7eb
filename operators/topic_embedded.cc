#include "operators/topic_embedded.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "operators/topic_options.h"
#include "topics/topic_store.h"

namespace rideflow {
namespace {

Result<std::shared_ptr<TopicStore>> store_of(const Resources* resources) {
  std::shared_ptr<TopicStore> store = resources == nullptr ? nullptr : resources->find<TopicStore>("");
  if (store != nullptr) return store;
  return Status::user(Code::failed_precondition,
                      "topics in the data directory need a data directory: give --data-dir, or name Kafka "
                      "brokers under kafka.brokers");
}

Result<std::shared_ptr<Topic>> make_topic(TopicStore& store, const Options& options) {
  const int64_t partitions = options.integer("partitions", 4);
  if (partitions < 1 || partitions > 1024) {
    return Status::user(Code::invalid_argument, "'partitions' must be from 1 to 1024");
  }
  TopicConfig config;
  config.partitions = static_cast<int32_t>(partitions);
  return store.find_or_create(options.text("name"), config);
}

class TopicReader : public RecordReader {
 public:
  explicit TopicReader(const SourceConfig& config)
      : options_(config.options), skip_gaps_(config.options.text("on_gap") == "skip") {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    step_ = context.step;
    waker_ = context.waker;
    RF_ASSIGN(store_, store_of(context.resources));
    return TopicStore::check_name(options_.text("name"));
  }

  Result<std::vector<Partition>> partitions() override {
    RF_TRY(make());
    std::vector<Partition> all;
    for (int32_t p = 0; p < topic_->partitions(); ++p) all.emplace_back(p);
    return all;
  }

  Result<Position> resolve(Partition partition, StartAt at, Micros time) override {
    RF_TRY(make());
    switch (at) {
      case StartAt::earliest:
        return at_offset(topic_->first_offset(partition));
      case StartAt::latest:
        return at_offset(topic_->end_offset(partition));
      case StartAt::time: {
        RF_ASSIGN(const int64_t offset, topic_->offset_for_time(partition, time));
        return at_offset(offset);
      }
    }
    return Status::internal("topic: an unknown place to start at");
  }

  Result<Position> end(Partition partition) override {
    RF_TRY(make());
    return at_offset(topic_->end_offset(partition));
  }

  Status assign(Partition partition, const Position& position) override {
    RF_TRY(find_again(partition, position));
    readers_[partition] = topic_->reader(partition, position.offset);
    readers_[partition]->set_waker(waker_);
    return {};
  }

  Result<Poll> poll(Partition partition, int32_t budget) override {
    PartitionReader& reader = *readers_.at(partition);
    Result<TopicPoll> polled = reader.poll(budget);
    if (!polled.ok() && polled.status().code() == Code::out_of_range && may_skip(partition, reader)) {
      polled = reader.poll(budget);
    }
    if (!polled.ok()) return explained(std::move(polled).status(), partition, reader);
    Poll poll;
    poll.chunk = std::move(polled->chunk);
    poll.again_in = waker_ ? kUntilWoken : poll.again_in;
    if (polled->at_end) poll.state = Poll::State::proven_end;
    return poll;
  }

  Position position(Partition partition) const override {
    return at_offset(readers_.at(partition)->offset());
  }

 private:
  // Which topic an offset belongs to goes with it.
  Position at_offset(int64_t offset) const { return Position{offset, identity_}; }

  // A topic that is missing is made, but not for a position that was in it once.
  Status make() {
    if (topic_ == nullptr) {
      RF_ASSIGN(topic_, make_topic(*store_, options_));
      identity_ = encode_identity(topic_->identity());
    }
    return {};
  }

  Status gone(const std::string& what) const {
    return Status::user(
        Code::failed_precondition,
        fmt::format("{}. Its records can't be gone on with: --drop-state {} gives up the position, and the "
                    "source reads from its `start` again",
                    what, step_));
  }

  // The topic in which the position was taken, or why it is no more.
  Status find_again(Partition partition, const Position& position) {
    const std::string& name = options_.text("name");
    const std::optional<TopicIdentity> was = decode_identity(position.detail);
    if (was && was->name != name) {
      return gone(fmt::format("the job's state speaks of topic '{}', but the source reads '{}' now",
                              was->name, name));
    }
    Result<std::shared_ptr<Topic>> found = store_->find(name);
    if (!found.ok() && found.status().code() != Code::not_found) return std::move(found).status();
    if (!found.ok() && (was || position.offset > 0))
      return gone(fmt::format("topic '{}', which the job has read, was deleted", name));
    RF_TRY(make());
    const TopicIdentity now = topic_->identity();
    if (was && !was->id.empty() && was->id != now.id) {
      return gone(
          fmt::format("topic '{}' was deleted and made again since the job's checkpoint (it was {}, it "
                      "is {})",
                      name, was->id, now.id));
    }
    if (partition.value < 0 || partition.value >= topic_->partitions()) {
      return gone(
          fmt::format("topic '{}' has {} partitions, but the job's state speaks of partition {}: it "
                      "was deleted and made again",
                      name, topic_->partitions(), partition.value));
    }
    const int64_t end = topic_->end_offset(partition);
    if (position.offset > end) {
      return gone(
          fmt::format("partition {} of topic '{}' ends at offset {}, but the job has read up to {}: "
                      "the topic was made again, or the data directory is an older copy",
                      partition.value, name, end, position.offset));
    }
    return {};
  }

  Status explained(Status status, Partition partition, const PartitionReader& reader) const {
    const int64_t first = topic_->first_offset(partition);
    if (status.code() != Code::out_of_range || reader.offset() >= first) return status;
    return Status::external(
        Code::out_of_range,
        fmt::format("records {} to {} of partition {} of topic '{}' are gone: retention deleted them before "
                    "the job read them. `on_gap: skip` goes on at the first one left, and counts them",
                    reader.offset(), first - 1, partition.value, topic_->name()));
  }

  // Goes to the first offset that retention left, and says exactly what was lost.
  bool may_skip(Partition partition, PartitionReader& reader) {
    const int64_t first = topic_->first_offset(partition);
    if (!skip_gaps_ || reader.offset() >= first) return false;
    env_->warn("topic_gap_skipped", {{"topic", topic_->name()},
                                     {"partition", fmt::format("{}", partition.value)},
                                     {"from", fmt::format("{}", reader.offset())},
                                     {"lost", fmt::format("{}", first - reader.offset())}});
    reader.seek(first);
    return true;
  }

  Options options_;
  bool skip_gaps_;
  std::string step_;
  WakerRef waker_;
  Env* env_ = nullptr;
  std::shared_ptr<TopicStore> store_;
  std::shared_ptr<Topic> topic_;  // null: not looked for yet
  std::string identity_;          // of it, as positions carry it
  std::map<Partition, std::unique_ptr<PartitionReader>> readers_;
};

// Rows wait in memory for the end of their epoch, are staged in prepare() and shown by commit().
class TopicSink : public Sink {
 public:
  TopicSink(std::shared_ptr<const SinkConfig> config, std::unique_ptr<Encoder> encoder)
      : config_(std::move(config)),
        encoder_(std::move(encoder)),
        key_(key_columns(*config_)),
        headers_(encode_headers(config_->headers)) {}

  Status open(const OpenContext& context) override {
    env_ = context.env;
    lineage_ = context.lineage;
    shard_ = context.shard;
    parallelism_ = std::max(1, context.parallelism);
    metrics_ = context.metrics;
    RF_ASSIGN(const std::shared_ptr<TopicStore> store, store_of(context.resources));
    RF_ASSIGN(topic_, make_topic(*store, config_->options));
    partitioner_.emplace(topic_->partitions());
    rows_.emplace(new_rows());
    return {};
  }

  Result<Progress> process(int, Batch& batch, Output&) override {
    const Micros now = batch.event_time ? 0 : env_->now();
    for (int32_t row = 0; row < batch.rows; ++row) {
      payload_.clear();
      encoder_->encode(batch, row, /*framed=*/false, payload_);
      TopicRecord record;
      record.key = key_.of(batch, row);
      record.payload = payload_;
      record.timestamp = batch.event_time ? batch.event_times()[row] : now;
      record.headers = headers_;
      RF_TRY(rows_->add(partitioner_->pick(record.key), record));
    }
    if (metrics_ != nullptr) metrics_->rows_absorbed.add(batch.rows);
    return Progress::done;
  }

  Result<Prepared> prepare(Epoch epoch) override {
    if (rows_->rows() == 0) return Prepared{};
    StagedEpoch staged = topic_->stage({lineage_, config_->sink, shard_, epoch}, std::move(*rows_));
    rows_.emplace(new_rows());
    return Prepared{std::move(staged.handle), std::move(staged.durable)};
  }

  Status commit(Epoch, const std::string& handle) override {
    return handle.empty() ? Status() : topic_->commit(handle);
  }

  Status recover(Epoch restored, const std::vector<std::pair<Epoch, std::string>>& pending) override {
    for (const auto& [shard, epoch] : topic_->markers(lineage_, config_->sink)) {
      if (epoch <= restored) continue;
      return Status::user(
          Code::aborted,
          fmt::format(
              "sink '{}' has already published epoch {} into topic '{}', but the checkpoint is of epoch "
              "{}: going on from it would publish rows twice. Restore a newer checkpoint, or write to "
              "another topic",
              config_->sink, epoch.value, topic_->name(), restored.value));
    }
    for (const auto& [epoch, handle] : pending) RF_TRY(topic_->check_confirmed(handle));
    std::vector<std::string> handles;
    for (const auto& [epoch, handle] : pending) {
      if (handle.empty()) continue;
      RF_TRY(topic_->commit(handle));
      handles.push_back(handle);
    }
    // Other shards settle their own; what a shard of a higher number left falls to one of those that exist.
    const auto mine = [this](Shard s) { return s.value % parallelism_ == shard_.value; };
    return topic_->drop_staged(lineage_, config_->sink, handles, mine).status();
  }

 private:
  static std::vector<int> key_columns(const SinkConfig& config) {
    const OptionValue* key = config.options.find("key");
    return key == nullptr ? std::vector<int>() : key->columns;
  }
  EpochRows new_rows() const { return EpochRows(topic_->partitions(), topic_->config().compress_from_bytes); }

  std::shared_ptr<const SinkConfig> config_;
  std::unique_ptr<Encoder> encoder_;
  RecordKey key_;
  std::string headers_;  // of every record
  Env* env_ = nullptr;
  std::string lineage_;
  Shard shard_;
  int32_t parallelism_ = 1;
  OperatorMetrics* metrics_ = nullptr;
  std::shared_ptr<Topic> topic_;
  std::optional<Partitioner> partitioner_;
  std::optional<EpochRows> rows_;
  std::string payload_;
};

class EmbeddedTopicAdmin : public TopicAdmin {
 public:
  explicit EmbeddedTopicAdmin(std::shared_ptr<TopicStore> store) : store_(std::move(store)) {}

  Result<std::vector<TopicInfo>> list() override {
    RF_ASSIGN(const std::vector<std::string> names, store_->list());
    std::vector<TopicInfo> all;
    for (const std::string& name : names) {
      RF_ASSIGN(const std::shared_ptr<Topic> topic, store_->find(name));
      all.push_back({name, topic->partitions(), topic->records(), topic->bytes()});
    }
    return all;
  }
  Status create(const std::string& name, int32_t partitions) override {
    TopicConfig config;
    config.partitions = partitions;
    return store_->create(name, config).status();
  }
  Status remove(const std::string& name) override { return store_->remove(name); }

 private:
  std::shared_ptr<TopicStore> store_;
};

}  // namespace

std::unique_ptr<RecordReader> make_embedded_topic_reader(const SourceConfig& config) {
  return std::make_unique<TopicReader>(config);
}

Result<std::unique_ptr<Sink>> make_embedded_topic_sink(std::shared_ptr<const SinkConfig> config) {
  RF_ASSIGN(std::unique_ptr<Encoder> encoder, config->make_encoder());
  return std::unique_ptr<Sink>(std::make_unique<TopicSink>(std::move(config), std::move(encoder)));
}

Result<std::unique_ptr<TopicAdmin>> make_embedded_topic_admin(const Resources& resources) {
  RF_ASSIGN(std::shared_ptr<TopicStore> store, store_of(&resources));
  return std::unique_ptr<TopicAdmin>(std::make_unique<EmbeddedTopicAdmin>(std::move(store)));
}

}  // namespace rideflow
