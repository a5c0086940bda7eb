#include "operators/kafka/kafka_survey.h"

#include <algorithm>

namespace rideflow::kafka {
namespace {

// One question to each broker, whatever the number of its partitions.
template <class Wanted, class Take>
void ask_all(Client& client, const std::string& topic, Survey& survey, int64_t time, Wanted wanted,
             Take take) {
  const Handle<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(survey.partitions.size())));
  for (const auto& [partition, one] : survey.partitions) {
    if (wanted(one)) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition.value);
  }
  if (list->cnt == 0) return;
  const auto error = ask_offsets(client.get(), list.get(), time, kQuestionMs);
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& answer = list->elems[i];
    Survey::One& one = survey.partitions[Partition(answer.partition)];
    const auto why = error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : answer.err;
    if (why == RD_KAFKA_RESP_ERR_NO_ERROR) {
      take(one, answer.offset);
    } else {
      one.error = why;
    }
  }
}

}  // namespace

bool Survey::unheard() const {
  const bool asked = ask_count || !partitions.empty();
  const bool heard_count = ask_count && !is_unheard(error);
  return asked && !heard_count && std::all_of(partitions.begin(), partitions.end(), [](const auto& p) {
           return is_unheard(p.second.error);
         });
}

void take_survey(Client& client, const std::string& topic, Survey& survey) {
  if (survey.ask_count) {
    survey.error = ask_count_once(client.get(), topic, kQuestionMs, survey.count);
    for (int32_t p = survey.known; p < survey.count; ++p) survey.partitions[Partition(p)].ask_first = true;
  }
  ask_all(
      client, topic, survey, RD_KAFKA_OFFSET_END, [](const Survey::One&) { return true; },
      [](Survey::One& one, int64_t offset) { one.end = offset; });
  ask_all(
      client, topic, survey, RD_KAFKA_OFFSET_BEGINNING, [](const Survey::One& one) { return one.ask_first; },
      [](Survey::One& one, int64_t offset) { one.first = offset; });
  // Those that are new count only when both their ends are known.
  const bool all = std::all_of(survey.partitions.begin(), survey.partitions.end(), [&](const auto& p) {
    return p.first.value < survey.known || (p.second.first >= 0 && p.second.end >= 0);
  });
  if (!all) survey.count = survey.known;
}

}  // namespace rideflow::kafka
