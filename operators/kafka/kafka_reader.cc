#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "operators/kafka/kafka_client.h"
#include "operators/kafka/kafka_topic.h"

namespace rideflow {
namespace {

using kafka::Handle;
using kafka::kTimeoutMs;
using kafka::Reports;

constexpr Micros kProofEvery = kMicrosPerSecond;      // how often the brokers are asked for the ends
constexpr Micros kProofHolds = 3 * kMicrosPerSecond;  // how long an answer counts

// The result of a background question for how many partitions there are; shared with the work that fills it.
struct CountQuestion {
  std::mutex mutex;
  int32_t count = 0;
};

// One question for the ends of all partitions that this reader reads. The work fills in `end` and `error`,
// and is not looked at before it is done.
struct EndsQuestion {
  struct One {
    int64_t position = 0;  // of the reader when it asked
    int64_t end = -1;      // -1: not known, ask again
    Status error;
  };
  Micros asked_at = kNoTime;
  std::map<Partition, One> partitions;
};

// Calls use(name, value) for each header; a null value has no data.
template <class Use>
void for_each_header(const rd_kafka_message_t& message, Use use) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    use(std::string_view(name),
        std::string_view(static_cast<const char*>(value), value == nullptr ? 0 : size));
  }
}

class KafkaReader : public RecordReader {
 public:
  explicit KafkaReader(const SourceConfig& config)
      : config_(config),
        name_(config.options.text("name")),
        topic_name_(std::make_shared<const std::string>(name_)),
        skip_gaps_(config.options.text("on_gap") == "skip") {}

  ~KafkaReader() override {
    for (auto& [partition, part] : parts_) rd_kafka_consume_stop(topic_.get(), partition.value);
    for (const auto& work : running_) wait(*work);
  }
  KafkaReader(const KafkaReader&) = delete;
  KafkaReader& operator=(const KafkaReader&) = delete;

  Status open(const OpenContext& context) override {
    env_ = context.env;
    reports_ = std::make_unique<Reports>(env_);
    RF_ASSIGN(Handle<rd_kafka_conf_t> conf,
              kafka::make_conf(config_.cluster, config_.options, context.resources, reports_.get()));
    char group[512] = {};
    size_t group_size = sizeof(group);
    if (rd_kafka_conf_get(conf.get(), "group.id", group, &group_size) != RD_KAFKA_CONF_OK ||
        group[0] == '\0') {
      RF_TRY(kafka::set(conf.get(), "group.id", fmt::format("rideflow.{}.{}", config_.job, config_.source)));
    }
    // Offsets are the checkpoint's; a gap must be seen, not jumped.
    for (const auto& [property, value] :
         {std::pair{"enable.auto.commit", "false"}, std::pair{"enable.auto.offset.store", "false"},
          std::pair{"enable.partition.eof", "true"}, std::pair{"auto.offset.reset", "error"}}) {
      RF_TRY(kafka::set(conf.get(), property, value));
    }
    RF_ASSIGN(client_, kafka::make_client(RD_KAFKA_CONSUMER, std::move(conf)));
    const int64_t partitions = config_.options.integer("partitions", 4);
    RF_ASSIGN(count_,
              kafka::ensure_topic(client_.get(), name_, static_cast<int32_t>(partitions), reports_.get()));
    topic_.reset(rd_kafka_topic_new(client_.get(), name_.c_str(), nullptr));
    if (topic_ == nullptr) return kafka::to_status(rd_kafka_last_error(), what(), reports_.get());
    return {};
  }

  // What is known; asks again in the background.
  Result<std::vector<Partition>> partitions() override {
    if (discovery_ != nullptr && discovery_->done()) {
      if (discovery_->status().ok()) {
        const std::lock_guard lock(discovered_->mutex);
        count_ = std::max(count_, discovered_->count);
      } else if (discovery_->status().code() == Code::not_found) {
        return deleted();
      }
      discovery_ = nullptr;
    } else if (discovery_ == nullptr && listed_) {
      auto answer = discovered_ = std::make_shared<CountQuestion>();
      discovery_ = background([this, answer]() -> Status {
        RF_ASSIGN(const int32_t count, kafka::partition_count(client_.get(), name_, reports_.get()));
        const std::lock_guard lock(answer->mutex);
        answer->count = count;
        return {};
      });
    }
    listed_ = true;
    std::vector<Partition> all;
    for (int32_t p = 0; p < count_; ++p) all.emplace_back(p);
    return all;
  }

  Result<Position> resolve(Partition partition, StartAt at, Micros time) override {
    RF_ASSIGN(const auto ends, ask_ends(partition));
    if (at == StartAt::earliest) return Position{ends.first, {}};
    if (at == StartAt::latest) return Position{ends.second, {}};
    const int64_t time_ms = time / 1000 + (time % 1000 > 0 ? 1 : 0);
    RF_ASSIGN(const int64_t offset, ask_offset(partition, time_ms));
    return Position{offset >= 0 ? offset : ends.second, {}};
  }

  Result<Position> end(Partition partition) override {
    if (parts_.count(partition) == 0) {
      RF_ASSIGN(const auto ends, ask_ends(partition));
      return Position{ends.second, {}};
    }
    int64_t low = 0;
    int64_t high = 0;
    const auto error =
        rd_kafka_get_watermark_offsets(client_.get(), name_.c_str(), partition.value, &low, &high);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka::to_status(error, what(partition), nullptr);
    return Position{std::max(high, parts_.at(partition).offset), {}};
  }

  Status assign(Partition partition, const Position& position) override {
    if (parts_.count(partition) != 0) rd_kafka_consume_stop(topic_.get(), partition.value);
    Part& part = parts_[partition];
    part = Part();
    part.offset = position.offset;
    return start(partition, position.offset);
  }

  Result<Poll> poll(Partition partition, int32_t budget) override {
    rd_kafka_poll(client_.get(), 0);
    Part& part = parts_.at(partition);
    RF_TRY(part.failed);
    messages_.resize(static_cast<size_t>(budget));
    const ssize_t got =
        rd_kafka_consume_batch(topic_.get(), partition.value, 0, messages_.data(), messages_.size());
    if (got < 0) return kafka::to_status(rd_kafka_last_error(), what(partition), reports_.get());
    Poll poll;
    Status failed;
    poll.chunk = take(partition, part, static_cast<size_t>(got), failed);
    if (!failed.ok()) return failed;
    if (poll.chunk != nullptr) return poll;
    RF_ASSIGN(const bool proven, prove_end(part));
    if (proven) poll.state = Poll::State::proven_end;
    return poll;
  }

  Position position(Partition partition) const override { return Position{parts_.at(partition).offset, {}}; }

  void on_checkpoint_complete(Epoch) override {
    const Handle<rd_kafka_topic_partition_list_t> list(
        rd_kafka_topic_partition_list_new(static_cast<int>(parts_.size())));
    for (const auto& [partition, part] : parts_) {
      rd_kafka_topic_partition_list_add(list.get(), name_.c_str(), partition.value)->offset = part.offset;
    }
    // For displays only: nobody starts from these offsets, so a failure is no matter.
    if (!parts_.empty()) rd_kafka_commit(client_.get(), list.get(), 1);
  }

 private:
  struct Part {
    int64_t offset = 0;         // of the next record
    Status failed;              // to be told by the next poll
    int64_t end = -1;           // by the last answer
    Micros ended_at = kNoTime;  // when that was asked for
  };

  std::string what() const { return fmt::format("topic '{}'", name_); }
  std::string what(Partition p) const { return fmt::format("partition {} of topic '{}'", p.value, name_); }
  Status deleted() const {
    return Status::user(Code::data_loss,
                        fmt::format("Kafka, {}: the topic was deleted while the job reads it", what()));
  }

  Status start(Partition partition, int64_t offset) {
    if (rd_kafka_consume_start(topic_.get(), partition.value, offset) == 0) return {};
    return kafka::to_status(rd_kafka_last_error(), what(partition), reports_.get());
  }

  // First and end offset, by the broker, now.
  Result<std::pair<int64_t, int64_t>> ask_ends(Partition partition) {
    RF_ASSIGN(const int64_t first, ask_offset(partition, RD_KAFKA_OFFSET_BEGINNING));
    RF_ASSIGN(const int64_t end, ask_offset(partition, RD_KAFKA_OFFSET_END));
    return std::pair(first, end);
  }

  // The offset at a time, or at one of librdkafka's two special ones. The question for both ends at once
  // would not keep to its time-out while the leader can't be reached.
  Result<int64_t> ask_offset(Partition partition, int64_t time_ms) {
    const Handle<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(1));
    const auto* const entry = rd_kafka_topic_partition_list_add(list.get(), name_.c_str(), partition.value);
    const auto error = kafka::ask_leader(client_.get(), *reports_, [&](int timeout_ms) {
      const auto asked = kafka::ask_offsets(client_.get(), list.get(), time_ms, timeout_ms);
      return asked != RD_KAFKA_RESP_ERR_NO_ERROR ? asked : entry->err;
    });
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka::to_status(error, what(partition), reports_.get());
    return entry->offset;
  }

  // The records of messages_[0, count), copied into one arena; frees the messages.
  std::shared_ptr<const Origin> take(Partition partition, Part& part, size_t count, Status& failed) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      bytes += messages_[i]->len + messages_[i]->key_len + 1;
      if (!config_.headers) continue;
      for_each_header(*messages_[i], [&](std::string_view name, std::string_view value) {
        bytes += name.size() + value.size();
      });
    }
    auto origin = std::make_shared<Origin>();
    origin->topic = topic_name_;
    origin->partition = partition;
    origin->arena = BufferRef::allocate(bytes);
    origin->records.reserve(count);
    char* to = origin->arena.as_mutable<char>();
    for (size_t i = 0; i < count; ++i) {
      const rd_kafka_message_t& message = *messages_[i];
      if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR && message.offset >= part.offset && failed.ok()) {
        to = add(message, to, *origin);
        if (config_.headers) to = add_headers(message, to, *origin);
        part.offset = message.offset + 1;
      } else if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && failed.ok()) {
        failed = on_message_error(partition, part, message);
      }
      rd_kafka_message_destroy(messages_[i]);
    }
    if (origin->records.empty()) return nullptr;
    // Records before an error are handed out first; the client tells an error only once.
    part.failed = std::exchange(failed, Status());
    return origin;
  }

  static char* add(const rd_kafka_message_t& message, char* to, Origin& origin) {
    if (message.len > 0) std::memcpy(to, message.payload, message.len);
    const std::string_view payload(to, message.len);
    to += message.len;
    *to++ = '\n';
    if (message.key_len > 0) std::memcpy(to, message.key, message.key_len);
    // No key is not an empty key.
    const std::string_view key =
        message.key == nullptr ? std::string_view() : std::string_view(to, message.key_len);
    to += message.key_len;
    rd_kafka_timestamp_type_t type{};
    const int64_t ms = rd_kafka_message_timestamp(&message, &type);
    const bool has_time = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms >= 0;
    origin.records.push_back({payload, message.offset, has_time ? ms * 1000 : kNoTime, key});
    return to;
  }

  static char* add_headers(const rd_kafka_message_t& message, char* to, Origin& origin) {
    const auto copied = [&to](std::string_view text) {
      const std::string_view copy(to, text.size());
      to = std::copy(text.begin(), text.end(), to);
      return text.data() == nullptr ? std::string_view() : copy;
    };
    for_each_header(message, [&](std::string_view name, std::string_view value) {
      const std::string_view own_name = copied(name);
      origin.headers.push_back({own_name, copied(value)});
    });
    origin.header_ends.push_back(static_cast<int32_t>(origin.headers.size()));
    return to;
  }

  Status on_message_error(Partition partition, Part& part, const rd_kafka_message_t& message) {
    switch (message.err) {
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        // The place behind what is only for transactions, too.
        part.offset = std::max(part.offset, message.offset);
        return {};
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return on_gap(partition, part);
      case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return deleted();
      default:
        return kafka::to_status(message.err, what(partition), reports_.get());
    }
  }

  // The offset is not in the log: retention took it, or the topic is another than it was.
  Status on_gap(Partition partition, Part& part) {
    RF_ASSIGN(const auto ends, ask_ends(partition));
    const auto& [first, end] = ends;
    if (part.offset > end) return recreated(partition, part.offset, end);
    if (!skip_gaps_) {
      return Status::external(
          Code::out_of_range,
          fmt::format("Kafka, {}: offset {} is gone, the first is {}: rows were lost before they were read. "
                      "'on_gap: skip' would go on from there and count them",
                      what(partition), part.offset, first));
    }
    env_->warn("topic_gap_skipped", {{"topic", name_},
                                     {"partition", fmt::format("{}", partition.value)},
                                     {"from", fmt::format("{}", part.offset)},
                                     {"lost", fmt::format("{}", first - part.offset)}});
    rd_kafka_consume_stop(topic_.get(), partition.value);
    part.offset = first;
    return start(partition, first);
  }

  Status recreated(Partition partition, int64_t offset, int64_t end) const {
    return Status::user(
        Code::data_loss,
        fmt::format("Kafka, {}: the job was at offset {}, but the partition ends at {}: the topic "
                    "was deleted and made again",
                    what(partition), offset, end));
  }

  // Nothing came: whether the broker said within the last seconds that nothing is there.
  Result<bool> prove_end(const Part& part) {
    const Micros now = env_->monotonic();
    if (asking_ != nullptr && asking_->done()) {
      asking_ = nullptr;
      RF_TRY(take_ends());
    }
    if (asking_ == nullptr && (asked_at_ == kNoTime || now - asked_at_ >= kProofEvery)) ask_for_ends(now);
    return part.end == part.offset && now - part.ended_at <= kProofHolds;
  }

  // One question to each broker, whatever the number of its partitions.
  void ask_for_ends(Micros now) {
    asked_at_ = now;
    auto question = question_ = std::make_shared<EndsQuestion>();
    question->asked_at = now;
    for (const auto& [partition, part] : parts_) question->partitions[partition].position = part.offset;
    asking_ = background([this, question]() -> Status {
      const Handle<rd_kafka_topic_partition_list_t> list(
          rd_kafka_topic_partition_list_new(static_cast<int>(question->partitions.size())));
      for (const auto& [partition, one] : question->partitions) {
        rd_kafka_topic_partition_list_add(list.get(), name_.c_str(), partition.value);
      }
      const auto error = kafka::ask_offsets(client_.get(), list.get(), RD_KAFKA_OFFSET_END, kTimeoutMs);
      for (int i = 0; i < list->cnt; ++i) {
        const rd_kafka_topic_partition_t& answer = list->elems[i];
        EndsQuestion::One& one = question->partitions[Partition(answer.partition)];
        const auto why = error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : answer.err;
        if (why == RD_KAFKA_RESP_ERR_NO_ERROR) {
          one.end = answer.offset;
        } else {
          one.error = kafka::to_status(why, what(Partition(answer.partition)), reports_.get());
        }
      }
      return {};
    });
  }

  // A partition without an answer (its broker is away, its leader changes) is asked for again.
  Status take_ends() {
    for (const auto& [partition, one] : question_->partitions) {
      const auto found = parts_.find(partition);
      if (found == parts_.end()) continue;
      if (!one.error.ok() && one.error.retry() == Retry::no) return one.error;
      if (one.end < 0) continue;
      // The position as it was: records that came meanwhile lie behind the answer.
      if (one.end < one.position) return recreated(partition, one.position, one.end);
      found->second.end = one.end;
      found->second.ended_at = question_->asked_at;
    }
    return {};
  }

  // Runs beside this task; the destructor waits for it, since it uses the client.
  std::shared_ptr<Completion> background(std::function<Status()> work) {
    std::erase_if(running_, [](const auto& c) { return c->done(); });
    running_.push_back(env_->offload(std::move(work)));
    return running_.back();
  }
  // At most the time-out of a question. Serving the client's events is a way to wait.
  void wait(const Completion& work) const {
    for (int i = 0; i < 2 * kTimeoutMs / 10 && !work.done(); ++i) rd_kafka_poll(client_.get(), 10);
  }

  SourceConfig config_;
  std::string name_;
  std::shared_ptr<const std::string> topic_name_;
  bool skip_gaps_;
  Env* env_ = nullptr;
  std::unique_ptr<Reports> reports_;  // outlives the client
  Handle<rd_kafka_t> client_;
  Handle<rd_kafka_topic_t> topic_;
  int32_t count_ = 0;
  bool listed_ = false;
  std::shared_ptr<CountQuestion> discovered_;
  std::shared_ptr<Completion> discovery_;
  std::map<Partition, Part> parts_;
  std::shared_ptr<EndsQuestion> question_;
  std::shared_ptr<Completion> asking_;  // null: no question is under way
  Micros asked_at_ = kNoTime;
  std::vector<rd_kafka_message_t*> messages_;
  std::vector<std::shared_ptr<Completion>> running_;
};

}  // namespace

std::unique_ptr<RecordReader> make_kafka_reader(const SourceConfig& config) {
  return std::make_unique<KafkaReader>(config);
}

}  // namespace rideflow
