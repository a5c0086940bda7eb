// Whether a topic is still the one that a checkpoint speaks of. Kafka gives a topic an id when it is made,
// but librdkafka 2.0.2 doesn't tell it; what a log holds at an offset never changes, though, so records that
// were read are remembered in the checkpoint, and looked at again before the job goes on from there.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/status.h"

namespace rideflow::kafka {

// A record that was read: where, and a hash of its key, value and timestamp.
struct RecordMark {
  int64_t offset = -1;
  uint64_t hash = 0;
  friend bool operator==(const RecordMark&, const RecordMark&) = default;
};
RecordMark mark_of(const rd_kafka_message_t& message);

// What is remembered of one partition: the newest record, one before it and the first that was read. Several,
// since retention and compaction take some away.
class Incarnation {
 public:
  void learn(const RecordMark& newest);
  const std::vector<RecordMark>& marks() const { return marks_; }  // newest first
  // The cluster's id as it was when the marks were made; "": not known.
  std::string cluster;

  // For Position::detail. "" is what older checkpoints hold: nothing is known.
  std::string encode() const;
  static Result<Incarnation> decode(const std::string& detail);

 private:
  std::vector<RecordMark> marks_;
};

}  // namespace rideflow::kafka
