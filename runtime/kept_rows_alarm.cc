#include "runtime/kept_rows_alarm.h"

#include <fmt/format.h>

namespace rideflow {

bool KeptRowsAlarm::watches(const std::string& topic) {
  return TopicStore::keeps_rows(topic);
}

bool KeptRowsAlarm::is_due(const std::string& topic, int64_t bytes) {
  int64_t& next = next_bytes_.try_emplace(topic, first_bytes_).first->second;
  if (bytes < next) return false;
  while (next <= bytes) next *= 2;
  return true;
}

void KeptRowsAlarm::look(Env& env, TopicStore& topics) {
  const Result<std::vector<std::string>> names = topics.list();
  if (!names.ok()) return;  // whoever uses the topics meets the error where it can be told better
  for (const std::string& name : *names) {
    if (!watches(name)) continue;
    const Result<std::shared_ptr<Topic>> topic = topics.find(name);
    if (!topic.ok() || !is_due(name, (*topic)->bytes())) continue;
    env.warn("kept_rows_grow",
             {{"topic", name},
              {"bytes", fmt::format("{}", (*topic)->bytes())},
              {"way_out",
               fmt::format("nothing deletes them: read them with `rideflow consume {}`, then "
                           "`rideflow topics delete {} --force` while the job is stopped, or give them a "
                           "sink of their own",
                           name, name)}});
  }
}

}  // namespace rideflow
