// The topics in which rejected and late rows are kept without retention: somebody must hear when they grow.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/env.h"
#include "topics/topic_store.h"

namespace rideflow {

class KeptRowsAlarm {
 public:
  static constexpr int64_t kFirstBytes = int64_t{1} << 30;

  explicit KeptRowsAlarm(int64_t first_bytes = kFirstBytes) : first_bytes_(first_bytes) {}
  // The topic is one that the planner fills by itself: _rejected.<job>, _late.<job>.
  static bool watches(const std::string& topic);
  // True when the topic has reached the first size, or twice the size of its last alarm.
  bool is_due(const std::string& topic, int64_t bytes);
  // Looks at all topics of the store, and warns.
  void look(Env& env, TopicStore& topics);

 private:
  int64_t first_bytes_;
  std::map<std::string, int64_t> next_bytes_;
};

}  // namespace rideflow
