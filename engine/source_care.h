// What a source does about records at which its job failed before: those that were found to blame are set
// aside unread, those that are suspected are given a few at a time.
//
// A value that a source task is told before it opens, and keeps. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/format.h"
#include "engine/under_way.h"

namespace rideflow {

// A record at which the job failed so often that it is not given to it again.
struct SetAside {
  GivenRecords record;  // one
  std::string reason;
  friend bool operator==(const SetAside&, const SetAside&) = default;
};

class SourceCare {
 public:
  SourceCare() = default;
  // Of all sources; only what is `source`'s counts.
  SourceCare(const std::string& source, const std::vector<SetAside>& set_aside,
             const std::optional<GivenRecords>& suspects, int32_t at_once);

  // How many records of the partition to poll for, at most `budget`.
  int32_t budget(Partition partition, int32_t budget) const;

  // Others wait until the suspects have been read, or nobody takes care any more: else it would not be known
  // which of them fails.
  bool waits(Partition partition) const { return suspects_ && suspects_->partition != partition; }
  void forget_suspects() { suspects_.reset(); }

  // What is left of a chunk, and what was taken out of it: `aside` tells records of `chunk` as it was, `kept`
  // where in it the records stand that are left; both stay empty where nothing was taken out.
  struct Taken {
    std::shared_ptr<const Origin> chunk;
    std::vector<RejectedRecord> aside;
    std::vector<int32_t> kept;
  };
  Taken take(std::shared_ptr<const Origin> chunk);

 private:
  const SetAside* find(const Origin& chunk, const RecordOrigin& record) const;

  std::vector<SetAside> set_aside_;
  std::optional<GivenRecords> suspects_;  // until the last of them has been polled
  int32_t at_once_ = 1;                   // so many of them
};

// The chunk with these of its records alone, in the same arena.
std::shared_ptr<const Origin> with_records(const Origin& chunk, const std::vector<int32_t>& kept);

}  // namespace rideflow
