// How a job goes on after it failed at what it had read: which records are to blame, found by reading with
// more and more care, and what is done about them. Pure decisions over what is known of a failure.
//
// At first nobody knows more than what was read since the newest checkpoint. The next attempt reads that with
// care: a chunk at a time, each covered by a checkpoint before the next one is read (careful_reading.h), so
// that the chunk in hand is to blame, wherever in the job it fails. The attempts after it read that chunk in
// smaller and smaller parts, down to one record. A record at which the job failed three times is set aside.
//
// What fails without anything in hand (a window that fires, a disk) is nobody's fault here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/source_care.h"
#include "engine/status.h"

namespace rideflow {

struct Care {
  // The next attempt reads these with care before it goes on as usual. Empty: it need not.
  std::vector<GivenCount> given;
  std::optional<GivenRecords> suspects;  // of them, if it is known better
  int32_t at_once = 0;                   // so many of the suspects at a time
  int32_t times = 0;                     // failures in a row at what is suspected
  int32_t barren = 0;                    // attempts in a row that read with care and did not fail at a record
  int32_t crashes = 0;                   // times in a row that the process died in this job
  int32_t in_a_row = 0;                  // records set aside since the job last went well for a while
  std::vector<SetAside> set_aside;       // oldest first; the newest ones only
  std::string lineage;                   // whose positions these are
  bool careful() const { return !given.empty(); }
  bool knows_nothing() const { return given.empty() && set_aside.empty() && barren == 0 && crashes == 0; }
  friend bool operator==(const Care&, const Care&) = default;
};

constexpr int32_t kFailuresAtARecord = 3;
// What fails at so many records one after the other is not their fault.
constexpr int32_t kMostInARow = 10;

// Whether what was read may be to blame for it: our own mistakes only. A broker, a disk and somebody else's
// data have names of their own.
bool may_be_a_records_fault(const Status& failure);

struct CareAfter {
  Care care;
  std::optional<SetAside> found;  // the newest of care.set_aside, found just now
};
// Everything was read again with care, and nothing failed.
Care after_reading(Care care);
CareAfter after_failure(Care care, const Evidence& evidence, const Status& failure);

std::string encode_care(const Care& care);
Result<Care> decode_care(std::string_view bytes);

}  // namespace rideflow
