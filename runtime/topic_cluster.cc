#include "runtime/topic_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/builder.h"
#include "runtime/posix_process.h"

namespace rideflow {
namespace {

constexpr int kAnswerTimeoutMs = 30'000;
constexpr int kStepMs = 5;

SchemaRef line_schema() {
  return make_schema({{"line", Kind::string, false}});
}

// A line as it is.
class LineEncoder : public Encoder {
 public:
  void encode(const Batch& batch, int32_t row, bool, std::string& out) override {
    out += batch.column(0).string(row);
  }
};

Batch line_batch(const std::vector<std::string>& lines) {
  ColumnBuilder column(Kind::string, static_cast<int32_t>(lines.size()));
  for (const std::string& line : lines) column.append_string(line);
  Batch batch;
  batch.schema = line_schema();
  batch.rows = static_cast<int32_t>(lines.size());
  batch.columns.push_back(column.finish());
  return batch;
}

// A sink without side outputs.
class NoOutput : public Output {
 public:
  void emit(int, Batch) override {}
  bool has_room() const override { return true; }
};

OptionValue text_value(const std::string& text) {
  OptionValue value;
  value.text = text;
  return value;
}

class ClusterTopics : public TopicAccess {
 public:
  ClusterTopics(Env& env, const SourceKind& source, const SinkKind& sink, Options cluster,
                const JobAccess& access)
      : env_(env), source_(source), sink_kind_(sink), cluster_(std::move(cluster)) {
    access.add_to(resources_);
  }

  Status open() {
    RF_ASSIGN(admin_, source_.topic_admin(resources_, cluster_));
    return {};
  }

  Result<std::vector<TopicInfo>> list() override { return admin_->list(); }
  Status create(const std::string& topic, int32_t partitions) override {
    return admin_->create(topic, partitions);
  }
  // Kafka's topics may be of jobs that nobody here knows: it deletes what it is told to.
  Status remove(const std::string& topic, bool) override { return admin_->remove(topic); }

  // Through the connector's sink: an epoch for every call, which is durable when it is committed.
  Status produce(const std::string& topic, const std::vector<std::string>& records,
                 const RecordHeaders& headers) override {
    if (sink_ == nullptr || sink_topic_ != topic) RF_TRY(open_sink(topic, headers));
    NoOutput none;
    Batch batch = line_batch(records);
    for (Progress progress = Progress::again; progress == Progress::again;) {
      RF_ASSIGN(progress, sink_->process(0, batch, none));
      if (progress == Progress::again) sleep_ms(1);
    }
    epoch_ = Epoch(epoch_.value + 1);
    RF_ASSIGN(const Prepared prepared, sink_->prepare(epoch_));
    while (prepared.durable != nullptr && !prepared.durable->done()) sleep_ms(1);
    if (prepared.durable != nullptr) RF_TRY(prepared.durable->status());
    return sink_->commit(epoch_, prepared.handle);
  }

  Result<std::vector<TopicLine>> read(const std::string& topic, int32_t partition, int64_t offset,
                                      int32_t limit) override {
    RF_ASSIGN(RecordReader* const reader, reader_of(topic));
    int64_t& next = next_.try_emplace({topic, partition}, -1).first->second;
    if (next != offset) RF_TRY(reader->assign(Partition(partition), {offset, {}}));
    std::vector<TopicLine> lines;
    for (int waited = 0; lines.empty(); waited += kStepMs) {
      RF_ASSIGN(const Poll poll, reader->poll(Partition(partition), limit));
      if (poll.chunk != nullptr) {
        for (size_t i = 0; i < poll.chunk->records.size(); ++i) {
          lines.push_back(line_of(partition, poll.chunk->records[i]));
          add_headers(lines.back(), *poll.chunk, i);
        }
      } else if (poll.state != Poll::State::more || stop_signal_received()) {
        break;
      } else if (waited > kAnswerTimeoutMs) {
        return Status::external(
            Code::unavailable,
            fmt::format("partition {} of topic '{}': the brokers do not answer", partition, topic));
      } else {
        sleep_ms(kStepMs);
      }
    }
    next = lines.empty() ? offset : lines.back().offset + 1;
    return lines;
  }

  Result<int32_t> partitions(const std::string& topic) override {
    RF_ASSIGN(RecordReader* const reader, reader_of(topic));
    RF_ASSIGN(const std::vector<Partition> all, reader->partitions());
    return static_cast<int32_t>(all.size());
  }

  Result<int64_t> first_offset(const std::string& topic, int32_t partition) override {
    return offset_at(topic, partition, StartAt::earliest);
  }
  Result<int64_t> end_offset(const std::string& topic, int32_t partition) override {
    return offset_at(topic, partition, StartAt::latest);
  }

 private:
  static TopicLine line_of(int32_t partition, const RecordOrigin& record) {
    TopicLine line;
    line.partition = partition;
    line.offset = record.position;
    line.timestamp = record.timestamp;
    line.has_key = record.key.data() != nullptr;
    line.key = std::string(record.key);
    line.has_value = record.payload.data() != nullptr;
    line.value = std::string(record.payload);
    return line;
  }

  OpenContext context() {
    OpenContext context;
    context.env = &env_;
    context.resources = &resources_;
    context.job = "rideflow";
    context.step = "command";
    return context;
  }

  Result<int64_t> offset_at(const std::string& topic, int32_t partition, StartAt at) {
    RF_ASSIGN(RecordReader* const reader, reader_of(topic));
    RF_ASSIGN(const Position position, reader->resolve(Partition(partition), at, 0));
    return position.offset;
  }

  // A job's source makes a topic that is missing; a command that reads must not.
  Status must_exist(const std::string& topic) {
    RF_ASSIGN(const std::vector<TopicInfo> all, admin_->list());
    std::vector<std::string> names;
    for (const TopicInfo& info : all) {
      if (info.name == topic) return {};
      names.push_back(info.name);
    }
    return Status::user(Code::not_found,
                        fmt::format("no topic '{}' on {}{}: `rideflow topics list` shows those there are",
                                    topic, cluster_.text("brokers"), did_you_mean(topic, names)));
  }

  Result<RecordReader*> reader_of(const std::string& topic) {
    std::unique_ptr<RecordReader>& reader = readers_[topic];
    if (reader != nullptr) return reader.get();
    RF_TRY(must_exist(topic));
    SourceConfig config;
    config.source = "command";
    config.job = "rideflow";
    config.options.set("name", text_value(topic));
    config.cluster = cluster_;
    config.headers = true;
    RF_ASSIGN(std::unique_ptr<RecordReader> made, source_.make(config));
    RF_TRY(made->open(context()));
    reader = std::move(made);
    return reader.get();
  }

  Status open_sink(const std::string& topic, const RecordHeaders& headers) {
    auto config = std::make_shared<SinkConfig>();
    config->sink = "produce";
    config->job = "rideflow";
    config->input = line_schema();
    config->headers = headers;
    config->options.set("name", text_value(topic));
    config->cluster = cluster_;
    config->make_encoder = [] { return Result<std::unique_ptr<Encoder>>(std::make_unique<LineEncoder>()); };
    RF_ASSIGN(sink_, sink_kind_.make(config));
    sink_topic_ = topic;
    return sink_->open(context());
  }

  Env& env_;
  const SourceKind& source_;
  const SinkKind& sink_kind_;
  Options cluster_;
  Resources resources_;
  std::unique_ptr<TopicAdmin> admin_;
  std::map<std::string, std::unique_ptr<RecordReader>> readers_;
  std::map<std::pair<std::string, int32_t>, int64_t> next_;
  std::unique_ptr<Sink> sink_;
  std::string sink_topic_;
  Epoch epoch_;
};

}  // namespace

Result<std::unique_ptr<TopicAccess>> open_cluster_topics(Env& env, const Catalog& catalog, Options cluster,
                                                         const JobAccess& access) {
  for (const auto& [name, source] : catalog.sources()) {
    const SinkKind* const sink = catalog.find_sink(name);
    if (!source.topic_admin || sink == nullptr) continue;
    auto topics = std::make_unique<ClusterTopics>(env, source, *sink, std::move(cluster), access);
    RF_TRY(topics->open());
    return std::unique_ptr<TopicAccess>(std::move(topics));
  }
  return Status::internal("no connector of this build has topics");
}

}  // namespace rideflow
