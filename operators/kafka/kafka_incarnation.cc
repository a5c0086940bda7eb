#include "operators/kafka/kafka_incarnation.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "engine/byte_codec.h"
#include "engine/hash.h"

namespace rideflow::kafka {
namespace {
constexpr size_t kMarks = 3;
constexpr uint8_t kVersion = 1;
}  // namespace

RecordMark mark_of(const rd_kafka_message_t& message) {
  const auto hash = [](const void* data, size_t size) {
    return hash_bytes(std::string_view(static_cast<const char*>(data), data == nullptr ? 0 : size),
                      data == nullptr ? 1 : 0);
  };
  rd_kafka_timestamp_type_t type{};
  const auto time = static_cast<uint64_t>(rd_kafka_message_timestamp(&message, &type));
  const uint64_t content =
      hash_combine(hash(message.key, message.key_len), hash(message.payload, message.len));
  return {message.offset, hash_combine(content, time)};
}

void Incarnation::learn(const RecordMark& newest) {
  if (!marks_.empty() && marks_.front().offset == newest.offset) {
    marks_.front() = newest;
    return;
  }
  if (learned_ && marks_.size() > 1) {
    marks_.front() = newest;
    return;
  }
  learned_ = true;
  marks_.insert(marks_.begin(), newest);
  if (marks_.size() > kMarks) marks_.erase(marks_.end() - 2);
}

std::vector<RecordMark> Incarnation::keep() {
  if (!std::exchange(learned_, false)) return {};
  return {marks_.begin() + (marks_.size() > 1 ? 1 : 0), marks_.end()};
}

std::string Incarnation::encode() const {
  if (marks_.empty() && cluster.empty()) return {};
  ByteWriter out;
  out.put(kVersion).put_string(cluster).put(static_cast<uint8_t>(marks_.size()));
  for (const RecordMark& mark : marks_) out.put(mark.offset).put(mark.hash);
  return out.take();
}

Result<Incarnation> Incarnation::decode(const std::string& detail) {
  Incarnation all;
  if (detail.empty()) return all;
  ByteReader in(detail);
  if (in.get<uint8_t>() != kVersion)
    return Status::user(Code::failed_precondition,
                        "the checkpoint's Kafka position was written by a newer Rideflow");
  all.cluster = in.get_string();
  const auto count = in.get<uint8_t>();
  for (uint8_t i = 0; i < count && in.ok(); ++i) {
    RecordMark mark;
    mark.offset = in.get<int64_t>();
    mark.hash = in.get<uint64_t>();
    all.marks_.push_back(mark);
  }
  RF_TRY(in.finish("a Kafka position"));
  return all;
}

Status another_topic(const std::string& which, const std::string& found, const std::string& source) {
  return Status::user(
      Code::data_loss,
      fmt::format("Kafka, {}: {}: the topic was deleted and made again, or kafka.brokers names another "
                  "cluster. What the job has read and computed belongs to the old one: 'rideflow run FILE "
                  "--drop-state {}' reads this topic as its 'start' says and keeps the rest of the job's "
                  "state; another --data-dir begins with nothing",
                  which, found, source));
}

std::string not_the_same_record(const RecordMark& mark) {
  return fmt::format("the record at offset {} is not the one that the job read there", mark.offset);
}

void warn_not_compared(Env& env, const std::string& topic, Partition partition) {
  env.warn("topic_not_compared", {{"topic", topic},
                                  {"partition", fmt::format("{}", partition.value)},
                                  {"why",
                                   "none of the records that were read before is there any more, so whether "
                                   "this is still the same topic is not known"}});
}

}  // namespace rideflow::kafka
