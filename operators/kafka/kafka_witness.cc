#include "operators/kafka/kafka_witness.h"

#include <fmt/format.h>

#include "engine/time.h"

namespace rideflow::kafka {
namespace {

constexpr int kPauseMs = 100;
constexpr int kSliceMs = 20;

struct DestroyMessage {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};

}  // namespace

Status make_sparing(rd_kafka_conf_t* conf) {
  // The broker answers with one batch of records where that alone is larger.
  for (const auto& [property, value] :
       {std::pair{"isolation.level", "read_uncommitted"}, std::pair{"fetch.message.max.bytes", "65536"},
        std::pair{"queued.min.messages", "1"}}) {
    RF_TRY(set(conf, property, value));
  }
  return {};
}

Witness::Witness(Env* env, std::shared_ptr<Client> client, Handle<rd_kafka_conf_t> conf, std::string topic,
                 std::string source)
    : env_(env),
      client_(std::move(client)),
      conf_(std::move(conf)),
      topic_(std::move(topic)),
      source_(std::move(source)) {}

Status Witness::open() {
  if (conf_ == nullptr) return {};
  RF_TRY(client_->open(RD_KAFKA_CONSUMER, std::move(conf_)));
  return client_->open_topic(topic_);
}

Status Witness::look(Wanted wanted) {
  RF_TRY(open());
  open_.clear();
  for (auto& [partition, marks] : wanted) open_[partition] = Open{std::move(marks), {}};
  for (;;) {
    RF_TRY(read_round());
    if (open_.empty() || stopped_) return {};
    RF_TRY(ask_round());
    if (open_.empty() || stopped_) return {};
    rd_kafka_poll(client_->get(), kPauseMs);
  }
}

// Reads the record of every partition that has no answer yet; those that give none are asked about next.
Status Witness::read_round() {
  const Handle<rd_kafka_queue_t> queue(rd_kafka_queue_new(client_->get()));
  Status status;
  for (const auto& [partition, one] : open_) {
    status = begin(partition, queue.get());
    if (!status.ok()) break;
  }
  const Micros until = env_->monotonic() + kQuestionMs * Micros{1000};
  if (status.ok()) nudge();
  while (status.ok() && !consumed_.empty() && !stopped_ && env_->monotonic() < until) {
    rd_kafka_poll(client_->get(), 0);
    const std::unique_ptr<rd_kafka_message_t, DestroyMessage> message(
        rd_kafka_consume_queue(queue.get(), kSliceMs));
    if (message != nullptr) {
      status = take(*message, queue.get());
    } else {
      nudge();
    }
  }
  while (!consumed_.empty()) end(*consumed_.begin());
  return status;
}

// librdkafka's thread for a broker looks once a second for partitions to begin with, unless it has something
// else to do. This gives it something: a checkpoint is not to wait a second.
void Witness::nudge() {
  const Handle<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(consumed_.size())));
  for (const Partition p : consumed_) rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), p.value);
  if (list->cnt > 0) (void)ask_offsets(client_->get(), list.get(), RD_KAFKA_OFFSET_END, kQuestionMs);
}

Status Witness::take(const rd_kafka_message_t& message, rd_kafka_queue_t* queue) {
  const Partition partition(message.partition);
  const auto found = open_.find(partition);
  if (found == open_.end() || consumed_.count(partition) == 0) return {};
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Status why = to_status(message.err, what(partition), &client_->reports());
    // What passes is not waited for here: where the log begins and ends tells more.
    if (!is_missing(message.err) && message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF &&
        why.retry() == Retry::no)
      return why;
    end(partition);
    return {};
  }
  const RecordMark& mark = found->second.marks.front();
  if (message.offset < mark.offset) return {};
  end(partition);
  if (message.offset > mark.offset) {  // compacted away, or what is there now is not a record
    next_mark(partition);
    return open_.count(partition) > 0 ? begin(partition, queue) : Status();
  }
  if (mark_of(message) != mark) return refuse(partition, not_the_same_record(mark));
  told_.erase(partition);
  open_.erase(found);
  return {};
}

Status Witness::ask_round() {
  Survey survey;
  for (const auto& [partition, one] : open_) survey.partitions[partition].ask_first = true;
  take_survey(*client_, topic_, survey);
  for (const auto& [partition, one] : survey.partitions) {
    if (open_.count(partition) > 0) RF_TRY(take_answer(partition, one));
  }
  return {};
}

Status Witness::take_answer(Partition partition, const Survey::One& one) {
  Open& open = open_.at(partition);
  if (is_missing(one.error)) {
    return open.missing.over(env_->monotonic())
               ? refuse(partition, "the brokers have not known it for a while")
               : Status();
  }
  open.missing.end();
  if (one.error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Status why = to_status(one.error, what(partition), &client_->reports());
    return why.retry() == Retry::no ? why : Status();
  }
  const int64_t offset = open.marks.front().offset;
  if (one.end >= 0 && one.end <= offset) {
    return refuse(partition,
                  fmt::format("the job has read offset {}, but the partition ends at {}", offset, one.end));
  }
  while (open_.count(partition) > 0 && open.marks.front().offset < one.first) next_mark(partition);
  return {};
}

void Witness::next_mark(Partition partition) {
  std::vector<RecordMark>& marks = open_.at(partition).marks;
  marks.erase(marks.begin());
  if (!marks.empty()) return;
  open_.erase(partition);
  if (told_.insert(partition).second) warn_not_compared(*env_, topic_, partition);
}

Status Witness::begin(Partition partition, rd_kafka_queue_t* queue) {
  const int64_t offset = open_.at(partition).marks.front().offset;
  if (rd_kafka_consume_start_queue(client_->topic(), partition.value, offset, queue) != 0)
    return to_status(rd_kafka_last_error(), what(partition), &client_->reports());
  consumed_.insert(partition);
  return {};
}

void Witness::end(Partition partition) {
  if (consumed_.erase(partition) > 0) rd_kafka_consume_stop(client_->topic(), partition.value);
}

std::string Witness::what(Partition partition) const {
  return fmt::format("partition {} of topic '{}'", partition.value, topic_);
}

Status Witness::refuse(Partition partition, const std::string& found) const {
  return another_topic(what(partition), found, source_);
}

}  // namespace rideflow::kafka
