// Whether a topic is still the one that a checkpoint speaks of. Kafka gives a topic an id when it is made,
// but librdkafka 2.0.2 doesn't tell it; what a log holds at an offset never changes, though, so records that
// were read are remembered in the checkpoint, and looked at again before the job goes on from there.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/env.h"
#include "engine/ids.h"
#include "engine/status.h"

namespace rideflow::kafka {

// A record that was read: where, and a hash of its key, value and timestamp.
struct RecordMark {
  int64_t offset = -1;
  uint64_t hash = 0;
  friend bool operator==(const RecordMark&, const RecordMark&) = default;
};
RecordMark mark_of(const rd_kafka_message_t& message);

// What is remembered of one partition: the newest record, the newest of the checkpoint before and the first
// that was read. Several, since retention and compaction take some away.
class Incarnation {
 public:
  void learn(const RecordMark& newest);
  // A checkpoint takes what is here. Returns the records that tell whether what was learned since the last
  // one is of the same topic: those that are older than that, newest first. Empty: nothing was learned.
  std::vector<RecordMark> keep();
  const std::vector<RecordMark>& marks() const { return marks_; }  // newest first
  // The cluster's id as it was when the marks were made; "": not known.
  std::string cluster;

  // For Position::detail. "" is what older checkpoints hold: nothing is known.
  std::string encode() const;
  static Result<Incarnation> decode(const std::string& detail);

 private:
  std::vector<RecordMark> marks_;
  bool learned_ = false;  // since the last checkpoint
};

// The refusal, with the way out. `which`: "topic 'rides'"; `found`: how it shows; `source`: its name in the
// job.
Status another_topic(const std::string& which, const std::string& found, const std::string& source);
std::string not_the_same_record(const RecordMark& mark);
// Retention or compaction took every record that is remembered.
void warn_not_compared(Env& env, const std::string& topic, Partition partition);

}  // namespace rideflow::kafka
