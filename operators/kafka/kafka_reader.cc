#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/time.h"
#include "operators/kafka/kafka_consumption.h"
#include "operators/kafka/kafka_incarnation.h"
#include "operators/kafka/kafka_survey.h"
#include "operators/kafka/kafka_topic.h"
#include "operators/kafka/kafka_witness.h"

namespace rideflow {
namespace {

using kafka::Client;
using kafka::Handle;
using kafka::Incarnation;
using kafka::Known;
using kafka::Patience;
using kafka::RecordMark;
using kafka::Survey;

constexpr Micros kSurveyEvery = kMicrosPerSecond;     // how often the brokers are asked for the ends
constexpr Micros kAskAgain = kMicrosPerSecond / 10;   // the client's errors and doubts wake nobody
constexpr Micros kProofHolds = 3 * kMicrosPerSecond;  // how long an answer counts
constexpr int kSilenceMs = 3'000;                     // then the job says that it waits for the brokers

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
    if (witness_ != nullptr) witness_->stop();
  }

  Status open(const OpenContext& context) override {
    env_ = context.env;
    metrics_ = context.metrics;
    client_ = std::make_shared<Client>(env_);
    RF_ASSIGN(Handle<rd_kafka_conf_t> conf, consumer_conf(context, *client_));
    RF_TRY(client_->open(RD_KAFKA_CONSUMER, std::move(conf)));
    RF_TRY(make_witness(context));
    RF_TRY(find_topic(context.restored));
    char* const cluster = rd_kafka_clusterid(client_->get(), 0);
    if (cluster != nullptr) {
      cluster_ = cluster;
      rd_kafka_mem_free(client_->get(), cluster);
    }
    doubts_ = client_->reports().doubts();
    waker_ = context.waker;
    client_->set_waker(waker_);
    consumption_ = std::make_unique<kafka::Consumption>(env_, client_, waker_);
    return client_->open_topic(name_);
  }

  // What is known; asks again in the background.
  Result<std::vector<Partition>> partitions() override {
    RF_TRY(take_survey());
    ask_again();
    std::vector<Partition> all;
    for (int32_t p = 0; p < count_; ++p) all.emplace_back(p);
    return all;
  }

  Result<Position> resolve(Partition partition, StartAt at, Micros time) override {
    // One that was found while the job runs is asked for beside it.
    const auto found = found_.find(partition);
    if (found != found_.end() && at == StartAt::earliest) return Position{found->second, {}};
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
        rd_kafka_get_watermark_offsets(client_->get(), name_.c_str(), partition.value, &low, &high);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka::to_status(error, what(partition), nullptr);
    return Position{std::max(high, parts_.at(partition).offset), {}};
  }

  Status assign(Partition partition, const Position& position) override {
    Part part;
    part.offset = position.offset;
    RF_ASSIGN(part.incarnation, Incarnation::decode(position.detail));
    if (partition.value >= count_) RF_TRY(find_partition(partition));
    return begin(partition, parts_[partition] = std::move(part));
  }

  Result<Poll> poll(Partition partition, int32_t budget) override {
    rd_kafka_poll(client_->get(), 0);
    RF_TRY(take_survey());
    ask_again();
    RF_TRY(look_for_doubts());
    Part& part = parts_.at(partition);
    RF_TRY(std::exchange(part.failed, Status()));  // told once: what passes must not stay
    Poll poll;
    if (waker_ != nullptr) poll.again_in = kAskAgain;
    if (part.state == State::doubtful) {
      RF_TRY(settle_doubt(partition, part));
      return poll;
    }
    RF_ASSIGN(const bool settled, consumption_->settled(partition));
    if (!settled) return poll;
    messages_.resize(static_cast<size_t>(budget));
    const ssize_t got =
        rd_kafka_consume_batch(client_->topic(), partition.value, 0, messages_.data(), messages_.size());
    if (got < 0) return kafka::to_status(rd_kafka_last_error(), what(partition), &client_->reports());
    const Messages messages(messages_.data(), static_cast<size_t>(got));
    size_t from = 0;
    if (part.state == State::comparing && got > 0) {
      RF_ASSIGN(from, compare(partition, part, messages));
      if (part.state != State::reading) return poll;
    }
    poll.chunk = take(partition, part, messages, from);
    if (poll.chunk != nullptr) return poll;
    RF_TRY(std::exchange(part.failed, Status()));
    if (part.state == State::reading && proven_end(part)) poll.state = Poll::State::proven_end;
    return poll;
  }

  Position position(Partition partition) const override {
    const Part& part = parts_.at(partition);
    return Position{part.offset, part.detail};
  }

  Confirmation confirm() override {
    kafka::Witness::Wanted wanted;
    for (auto& [partition, part] : parts_) {
      std::vector<RecordMark> marks = part.incarnation.keep();
      if (!marks.empty()) wanted[partition] = std::move(marks);
    }
    if (wanted.empty()) return {};
    return {env_->offload([witness = witness_, wanted] { return witness->look(wanted); }, Lane::others),
            fmt::format("the brokers of topic '{}' ({}), to see that it is still the one that was read",
                        name_, config_.cluster.text("brokers"))};
  }

  void on_checkpoint_complete(Epoch) override {
    // Brokers that don't answer would collect these.
    if (silence_.since() != kNoTime || parts_.empty()) return;
    const Handle<rd_kafka_topic_partition_list_t> list(
        rd_kafka_topic_partition_list_new(static_cast<int>(parts_.size())));
    for (const auto& [partition, part] : parts_) {
      rd_kafka_topic_partition_list_add(list.get(), name_.c_str(), partition.value)->offset = part.offset;
    }
    // For displays only: nobody starts from these offsets, so a failure is no matter.
    rd_kafka_commit(client_->get(), list.get(), 1);
  }

 private:
  enum class State : uint8_t {
    comparing,  // consumes from a record that was read before, to see that it is still the same
    reading,
    doubtful,  // consumes nothing until a survey has said what there is
  };
  struct Part {
    State state = State::reading;
    int64_t offset = 0;       // of the next record
    Incarnation incarnation;  // and its encoding:
    std::string detail;
    size_t marks_left = 0;      // comparing: how many of the incarnation's
    bool compared = false;      // one of them was there, and the same
    Status failed;              // to be told by the next poll
    Micros doubt_at = 0;        // doubtful: a survey from then on counts
    int64_t first = -1;         // by the last answer, when it was asked for
    int64_t end = -1;           // by the last answer
    Micros ended_at = kNoTime;  // when that was asked for
    Patience missing;
  };
  // The messages of a batch, freed at its end.
  class Messages {
   public:
    Messages(rd_kafka_message_t** all, size_t count) : all_(all), count_(count) {}
    ~Messages() {
      for (size_t i = 0; i < count_; ++i) rd_kafka_message_destroy(all_[i]);
    }
    Messages(const Messages&) = delete;
    Messages& operator=(const Messages&) = delete;
    size_t size() const { return count_; }
    const rd_kafka_message_t& operator[](size_t i) const { return *all_[i]; }

   private:
    rd_kafka_message_t** all_;
    size_t count_;
  };

  Result<Handle<rd_kafka_conf_t>> consumer_conf(const OpenContext& context, Client& client) const {
    RF_ASSIGN(Handle<rd_kafka_conf_t> conf,
              kafka::make_conf(config_.cluster, config_.options, context.resources, &client.reports()));
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
    return conf;
  }

  // It connects when there is something to confirm. What its connections meet, the other client tells.
  Status make_witness(const OpenContext& context) {
    auto client = std::make_shared<Client>(env_, Client::Voice::quiet);
    RF_ASSIGN(Handle<rd_kafka_conf_t> conf, consumer_conf(context, *client));
    RF_TRY(kafka::make_sparing(conf.get()));
    witness_ =
        std::make_shared<kafka::Witness>(env_, std::move(client), std::move(conf), name_, config_.source);
    return {};
  }

  std::string what() const { return fmt::format("topic '{}'", name_); }
  std::string what(Partition p) const { return fmt::format("partition {} of topic '{}'", p.value, name_); }

  // ---- Another topic than it was

  Status refuse(const std::string& which, const std::string& found) const {
    return kafka::another_topic(which, found, config_.source);
  }
  Status gone() const {
    return refuse(what(), fmt::format("the brokers have not known it for {} s", kafka::kPatienceMs / 1000));
  }

  // A topic of which a checkpoint has positions is never made here.
  Status find_topic(bool restored) {
    if (!restored) {
      const auto partitions = static_cast<int32_t>(config_.options.integer("partitions", 4));
      RF_ASSIGN(count_, kafka::ensure_topic(client_->get(), name_, partitions, client_->reports()));
      return {};
    }
    Result<int32_t> count = kafka::partition_count(client_->get(), name_, client_->reports(), Known::yes);
    if (!count.ok() && count.status().code() == Code::not_found) return gone();
    RF_ASSIGN(count_, std::move(count));
    return {};
  }

  Status find_partition(Partition partition) {
    RF_ASSIGN(count_, kafka::partition_count(client_->get(), name_, client_->reports(), Known::yes,
                                             partition.value + 1));
    if (partition.value < count_) return {};
    return refuse(what(), fmt::format("the job has read partition {}, but there are only {} partitions",
                                      partition.value, count_));
  }

  // Begins with the records that were read before, the oldest first, as far as the log has them: `first` is
  // where it begins, when that is known. All of them: the newest alone may be of the new topic already.
  Status begin(Partition partition, Part& part, int64_t first = 0) {
    part.compared = false;
    part.marks_left = part.incarnation.marks().size();
    return compare_next(partition, part, first);
  }

  Status compare_next(Partition partition, Part& part, int64_t first) {
    const auto& marks = part.incarnation.marks();
    remember(part);
    while (part.marks_left > 0 && marks[part.marks_left - 1].offset < first) --part.marks_left;
    if (part.marks_left > 0) {
      part.state = State::comparing;
      return consumption_->begin(partition, marks[part.marks_left - 1].offset, what(partition));
    }
    if (!marks.empty() && !part.compared) RF_TRY(not_compared(partition, part));
    part.state = State::reading;
    // The record before the position is what to remember until one has been read.
    return consumption_->begin(partition, marks.empty() ? std::max(first, part.offset - 1) : part.offset,
                               what(partition));
  }

  // Retention or compaction took every record that is remembered.
  Status not_compared(Partition partition, const Part& part) {
    const std::string& was = part.incarnation.cluster;
    if (!was.empty() && !cluster_.empty() && was != cluster_) {
      return refuse(what(partition), fmt::format("the cluster is '{}' now and was '{}'", cluster_, was));
    }
    kafka::warn_not_compared(*env_, name_, partition);
    return {};
  }

  // The first message decides. Returns where the records that have not been read begin.
  Result<size_t> compare(Partition partition, Part& part, const Messages& messages) {
    const rd_kafka_message_t& message = messages[0];
    const RecordMark mark = part.incarnation.marks()[part.marks_left - 1];
    const bool found = message.err == RD_KAFKA_RESP_ERR_NO_ERROR && message.offset == mark.offset;
    if (found && kafka::mark_of(message) != mark) {
      return refuse(what(partition), kafka::not_the_same_record(mark));
    }
    const bool end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    // Compacted away, or what is there now is not a record.
    const bool taken = (message.err == RD_KAFKA_RESP_ERR_NO_ERROR || end) && message.offset > mark.offset;
    if (found || taken) {
      part.compared = part.compared || found;
      --part.marks_left;
      if (found && part.marks_left == 0) {
        part.state = State::reading;  // what follows has not been read
        return size_t{1};
      }
      RF_TRY(compare_next(partition, part, 0));
      return messages.size();
    }
    if (end) {
      doubt(partition, part);  // the log ends before it
    } else {
      RF_TRY(on_message_error(partition, part, message));
    }
    return messages.size();
  }

  // ---- Doubts

  // What is there is asked for before anything more is read.
  void doubt(Partition partition, Part& part) {
    consumption_->stop(partition);
    part.state = State::doubtful;
    part.doubt_at = env_->monotonic();
    part.first = -1;
  }

  // Connections broke, or a broker did not know something: the topic may be another one from here on.
  Status look_for_doubts() {
    const int64_t doubts = client_->reports().doubts();
    if (doubts == doubts_) return {};
    doubts_ = doubts;
    for (auto& [partition, part] : parts_) {
      if (part.state == State::reading && part.offset > 0) RF_TRY(begin(partition, part));
    }
    return {};
  }

  Status settle_doubt(Partition partition, Part& part) {
    if (part.first < 0 || part.ended_at == kNoTime || part.ended_at < part.doubt_at) return {};
    if (part.end < part.offset) return ends_before(partition, part.offset, part.end);
    if (part.offset < part.first) RF_TRY(on_gap(partition, part));
    return begin(partition, part, part.first);
  }

  Status ends_before(Partition partition, int64_t offset, int64_t end) const {
    return refuse(what(partition),
                  fmt::format("the job was at offset {}, but the partition ends at {}", offset, end));
  }

  // The offset is not in the log: retention took it.
  Status on_gap(Partition partition, Part& part) {
    if (!skip_gaps_) {
      return Status::external(
          Code::out_of_range,
          fmt::format("Kafka, {}: offset {} is gone, the first is {}: rows were lost before they were read. "
                      "'on_gap: skip' would go on from there and count them",
                      what(partition), part.offset, part.first));
    }
    env_->warn("topic_gap_skipped", {{"topic", name_},
                                     {"partition", fmt::format("{}", partition.value)},
                                     {"from", fmt::format("{}", part.offset)},
                                     {"lost", fmt::format("{}", part.first - part.offset)}});
    part.offset = part.first;
    return {};
  }

  Status on_message_error(Partition partition, Part& part, const rd_kafka_message_t& message) {
    switch (message.err) {
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        // The place behind what is only for transactions, too.
        if (message.offset < part.offset) {
          doubt(partition, part);
        } else {
          part.offset = message.offset;
        }
        return {};
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        doubt(partition, part);
        return {};
      default:
        if (!kafka::is_missing(message.err))
          return kafka::to_status(message.err, what(partition), &client_->reports());
        doubt(partition, part);
        return {};
    }
  }

  // ---- Records

  // The records of the messages from `from` on, copied into one arena.
  std::shared_ptr<const Origin> take(Partition partition, Part& part, const Messages& messages, size_t from) {
    size_t bytes = 0;
    for (size_t i = from; i < messages.size(); ++i) {
      bytes += messages[i].len + messages[i].key_len + 1;
      if (!config_.headers) continue;
      for_each_header(messages[i], [&](std::string_view name, std::string_view value) {
        bytes += name.size() + value.size();
      });
    }
    auto origin = std::make_shared<Origin>();
    origin->topic = topic_name_;
    origin->partition = partition;
    origin->arena = BufferRef::allocate(bytes);
    origin->records.reserve(messages.size());
    char* to = origin->arena.as_mutable<char>();
    const rd_kafka_message_t* oldest = nullptr;
    const rd_kafka_message_t* newest = nullptr;
    for (size_t i = from; i < messages.size(); ++i) {
      const rd_kafka_message_t& message = messages[i];
      if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        part.failed = on_message_error(partition, part, message);
        if (!part.failed.ok() || part.state != State::reading) break;
        continue;
      }
      if (oldest == nullptr) oldest = &message;
      newest = &message;
      if (message.offset < part.offset) continue;
      to = add(message, to, *origin);
      if (config_.headers) to = add_headers(message, to, *origin);
      part.offset = message.offset + 1;
    }
    if (newest != nullptr) learn(part, *oldest, *newest);
    // Records before an error are handed out first; the client tells an error only once.
    return origin->records.empty() ? nullptr : origin;
  }

  void learn(Part& part, const rd_kafka_message_t& oldest, const rd_kafka_message_t& newest) const {
    if (part.incarnation.marks().empty()) part.incarnation.learn(kafka::mark_of(oldest));
    part.incarnation.learn(kafka::mark_of(newest));
    part.incarnation.cluster = cluster_;
    remember(part);
  }
  static void remember(Part& part) { part.detail = part.incarnation.encode(); }

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

  // ---- Surveys

  // First and end offset, by the broker, now. Waits.
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
    const auto error =
        kafka::ask_patiently(client_->get(), client_->reports(), Known::yes, [&](int timeout_ms) {
          const auto asked = kafka::ask_offsets(client_->get(), list.get(), time_ms, timeout_ms);
          return asked != RD_KAFKA_RESP_ERR_NO_ERROR ? asked : entry->err;
        });
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return kafka::to_status(error, what(partition), &client_->reports());
    return entry->offset;
  }

  // Nothing came: whether the broker said within the last seconds that nothing is there.
  bool proven_end(const Part& part) const {
    return part.end == part.offset && part.ended_at != kNoTime &&
           env_->monotonic() - part.ended_at <= kProofHolds;
  }

  // One survey at a time, of all partitions of this reader.
  void ask_again() {
    const Micros now = env_->monotonic();
    if (asking_ != nullptr || (asked_at_ != kNoTime && now - asked_at_ < kSurveyEvery)) return;
    asked_at_ = now;
    survey_ = std::make_shared<Survey>();
    survey_->asked_at = now;
    survey_->ask_count = true;  // a topic that is made again is missing for a moment
    survey_->known = count_;
    for (const auto& [partition, part] : parts_) {
      Survey::One& one = survey_->partitions[partition];
      one.position = part.offset;
      one.ask_first = part.state == State::doubtful;
    }
    asking_ = env_->offload(
        [client = client_, survey = survey_, topic = name_] {
          kafka::take_survey(*client, topic, *survey);
          return Status();
        },
        Lane::others);
    asking_->wake_when_done(waker_);
  }

  // A partition without an answer (its broker is away, its leader changes) is asked for again.
  Status take_survey() {
    if (asking_ == nullptr || !asking_->done()) return {};
    RF_TRY(asking_->status());
    asking_ = nullptr;
    const Survey& survey = *survey_;
    note_silence(survey);
    if (survey.ask_count) RF_TRY(take_count(survey));
    for (const auto& [partition, one] : survey.partitions) {
      const auto found = parts_.find(partition);
      if (found == parts_.end()) continue;
      Part& part = found->second;
      RF_TRY(take_answer(partition, part, one));
      if (one.end < 0) continue;
      // The position as it was: records that came meanwhile lie behind the answer.
      if (one.end < one.position) return ends_before(partition, one.position, one.end);
      part.end = one.end;
      if (one.first >= 0) part.first = one.first;
      part.ended_at = survey.asked_at;
    }
    return {};
  }

  Status take_count(const Survey& survey) {
    if (kafka::is_missing(survey.error)) {
      for (auto& [partition, part] : parts_) doubt(partition, part);
      if (missing_.over(env_->monotonic())) return gone();
      return {};
    }
    if (survey.error != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    missing_.end();
    for (int32_t p = survey.known; p < survey.count; ++p) {
      found_[Partition(p)] = survey.partitions.at(Partition(p)).first;
    }
    count_ = std::max(count_, survey.count);
    return {};
  }

  Status take_answer(Partition partition, Part& part, const Survey::One& one) {
    if (kafka::is_missing(one.error)) {
      doubt(partition, part);
      if (part.missing.over(env_->monotonic())) return gone();
      return {};
    }
    part.missing.end();
    if (one.error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    Status why = kafka::to_status(one.error, what(partition), &client_->reports());
    return why.retry() == Retry::no ? why : Status();
  }

  // The job waits for brokers as long as it takes, and says so.
  void note_silence(const Survey& survey) {
    const bool told = metrics_ != nullptr && metrics_->waits_for.waits();
    if (!survey.unheard()) {
      silence_.end();
      if (!told) return;
      metrics_->waits_for.clear();
      env_->info("kafka_back", {{"topic", name_}});
      return;
    }
    silence_.begin(survey.asked_at);
    if (!silence_.over(env_->monotonic(), kSilenceMs) || told || metrics_ == nullptr) return;
    const std::string brokers = config_.cluster.text("brokers");
    metrics_->waits_for.set(fmt::format("the brokers of topic '{}' ({})", name_, brokers),
                            env_->now() - (env_->monotonic() - silence_.since()));
    env_->warn("kafka_waits", {{"topic", name_}, {"brokers", brokers}});
  }

  SourceConfig config_;
  std::string name_;
  std::shared_ptr<const std::string> topic_name_;
  bool skip_gaps_;
  Env* env_ = nullptr;
  OperatorMetrics* metrics_ = nullptr;
  WakerRef waker_;
  std::shared_ptr<Client> client_;
  std::unique_ptr<kafka::Consumption> consumption_;
  std::shared_ptr<kafka::Witness> witness_;
  std::string cluster_;  // its id; "": not known
  int32_t count_ = 0;
  std::map<Partition, int64_t> found_;  // partitions found while running: where they begin
  std::map<Partition, Part> parts_;
  int64_t doubts_ = 0;  // of the client, as of the last look
  Patience missing_;    // the topic
  Patience silence_;
  std::shared_ptr<Survey> survey_;
  std::shared_ptr<Completion> asking_;  // null: no survey is under way
  Micros asked_at_ = kNoTime;
  std::vector<rd_kafka_message_t*> messages_;
};

}  // namespace

std::unique_ptr<RecordReader> make_kafka_reader(const SourceConfig& config) {
  return std::make_unique<KafkaReader>(config);
}

}  // namespace rideflow
