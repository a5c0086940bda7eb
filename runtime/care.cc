#include "runtime/care.h"

#include <algorithm>
#include <cmath>

#include "engine/byte_codec.h"

namespace rideflow {
namespace {

constexpr size_t kMostSetAside = 1'000;
constexpr int64_t kFew = 16;  // are read one by one
constexpr uint32_t kCareFormat = 1;

// The square root of them: two rounds find one among many with the fewest checkpoints.
int32_t part_of(int64_t records) {
  if (records <= kFew) return 1;
  return static_cast<int32_t>(std::ceil(std::sqrt(static_cast<double>(records))));
}

Care trusting(Care care) {
  care.given.clear();
  care.suspects.reset();
  care.at_once = care.times = 0;
  return care;
}

int64_t records_of(const Evidence& evidence, const GivenRecords& given) {
  int64_t records = 0;
  for (const GivenCount& count : evidence.given) {
    if (count.source == given.source && count.shard == given.shard) records += count.records;
  }
  return records;
}

}  // namespace

bool may_be_a_records_fault(const Status& failure) {
  return !failure.ok() && failure.blame() == Blame::internal;
}

Care after_reading(Care care) {
  if (care.careful()) ++care.barren;
  care.in_a_row = 0;
  return trusting(std::move(care));
}

CareAfter after_failure(Care care, const Evidence& evidence, const Status& failure) {
  CareAfter after;
  if (!may_be_a_records_fault(failure)) {
    after.care = trusting(std::move(care));
    after.care.barren = 0;
    return after;
  }
  if (care.careful() && !evidence.in_hand) ++care.barren;
  if (!evidence.careful) {
    after.care = trusting(std::move(care));
    after.care.given = evidence.given;
    after.care.times = evidence.given.empty() ? 0 : 1;
    return after;
  }
  if (!evidence.in_hand) {
    after.care = trusting(std::move(care));
    return after;
  }
  const GivenRecords& in_hand = *evidence.in_hand;
  const bool as_before = !care.suspects || care.suspects->holds(in_hand);
  after.care = std::move(care);
  after.care.barren = 0;
  after.care.times = as_before ? after.care.times + 1 : 1;
  after.care.suspects = in_hand;
  after.care.given = evidence.given;
  after.care.at_once = part_of(records_of(evidence, in_hand));
  if (!in_hand.single() || after.care.times < kFailuresAtARecord) return after;
  after.found = SetAside{in_hand, "the job failed at it again and again: " + failure.to_string()};
  after.care = trusting(std::move(after.care));
  after.care.crashes = 0;
  ++after.care.in_a_row;
  after.care.set_aside.push_back(*after.found);
  if (after.care.set_aside.size() > kMostSetAside) after.care.set_aside.erase(after.care.set_aside.begin());
  return after;
}

// ---- As bytes
// ---------------------------------------------------------------------------------------------------

namespace {

void put(ByteWriter& out, const GivenRecords& given) {
  out.put_string(given.source).put(given.shard).put(given.partition.value).put_string(given.topic);
  out.put(given.first).put(given.last);
}

GivenRecords get_given(ByteReader& in) {
  GivenRecords given;
  given.source = in.get_string();
  given.shard = in.get<int32_t>();
  given.partition = Partition(in.get<int32_t>());
  given.topic = in.get_string();
  given.first = in.get<int64_t>();
  given.last = in.get<int64_t>();
  return given;
}

// More than any job has; a damaged number must not allocate.
constexpr uint32_t kMostItems = 1 << 20;

}  // namespace

std::string encode_care(const Care& care) {
  ByteWriter out;
  out.put(kCareFormat).put_string(care.lineage);
  out.put(static_cast<uint32_t>(care.given.size()));
  for (const GivenCount& count : care.given) {
    out.put_string(count.source).put(count.shard).put(count.records);
  }
  out.put(care.suspects.has_value());
  if (care.suspects) put(out, *care.suspects);
  out.put(care.at_once).put(care.times).put(care.barren).put(care.crashes).put(care.in_a_row);
  out.put(static_cast<uint32_t>(care.set_aside.size()));
  for (const SetAside& one : care.set_aside) {
    put(out, one.record);
    out.put_string(one.reason);
  }
  return out.take();
}

Result<Care> decode_care(std::string_view bytes) {
  ByteReader in(bytes);
  if (const auto format = in.get<uint32_t>(); in.ok() && format > kCareFormat) {
    return Status::user(Code::unimplemented,
                        "what is known of the job's failures was written by a later version of rideflow");
  }
  Care care;
  care.lineage = in.get_string();
  const auto counts = in.get<uint32_t>();
  for (uint32_t i = 0; i < std::min(counts, kMostItems) && in.ok(); ++i) {
    GivenCount count;
    count.source = in.get_string();
    count.shard = in.get<int32_t>();
    count.records = in.get<int64_t>();
    care.given.push_back(std::move(count));
  }
  if (in.get<bool>()) care.suspects = get_given(in);
  care.at_once = in.get<int32_t>();
  care.times = in.get<int32_t>();
  care.barren = in.get<int32_t>();
  care.crashes = in.get<int32_t>();
  care.in_a_row = in.get<int32_t>();
  const auto aside = in.get<uint32_t>();
  for (uint32_t i = 0; i < std::min(aside, kMostItems) && in.ok(); ++i) {
    SetAside one;
    one.record = get_given(in);
    one.reason = in.get_string();
    care.set_aside.push_back(std::move(one));
  }
  RF_TRY(in.finish("what is known of the job's failures"));
  return care;
}

}  // namespace rideflow
