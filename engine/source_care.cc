#include "engine/source_care.h"

#include <algorithm>

namespace rideflow {
namespace {

constexpr size_t kWholeName = 255;  // of a longer one the end is what is known (engine/under_way.h)

bool is_topic(const Origin& chunk, const std::string& topic) {
  if (!chunk.topic) return topic.empty();
  return topic.size() < kWholeName ? *chunk.topic == topic : chunk.topic->ends_with(topic);
}

}  // namespace

SourceCare::SourceCare(const std::string& source, const std::vector<SetAside>& set_aside,
                       const std::optional<GivenRecords>& suspects, int32_t at_once)
    : at_once_(at_once) {
  for (const SetAside& one : set_aside) {
    if (one.record.source == source) set_aside_.push_back(one);
  }
  if (suspects && suspects->source == source) suspects_ = suspects;
}

int32_t SourceCare::budget(Partition partition, int32_t budget) const {
  return suspects_ && suspects_->partition == partition ? std::min(at_once_, budget) : budget;
}

const SetAside* SourceCare::find(const Origin& chunk, const RecordOrigin& record) const {
  const auto found = std::find_if(set_aside_.begin(), set_aside_.end(), [&](const SetAside& one) {
    return one.record.partition == chunk.partition && one.record.first == record.position &&
           is_topic(chunk, one.record.topic);
  });
  return found == set_aside_.end() ? nullptr : &*found;
}

SourceCare::Taken SourceCare::take(std::shared_ptr<const Origin> chunk) {
  if (suspects_ && suspects_->partition == chunk->partition && is_topic(*chunk, suspects_->topic) &&
      chunk->records.back().position >= suspects_->last) {
    suspects_.reset();
  }
  Taken taken;
  const bool holds_one = std::any_of(set_aside_.begin(), set_aside_.end(), [&](const SetAside& one) {
    return one.record.partition == chunk->partition && one.record.first >= chunk->records.front().position &&
           one.record.first <= chunk->records.back().position;
  });
  if (!holds_one) {
    taken.chunk = std::move(chunk);
    return taken;
  }
  const auto count = static_cast<int32_t>(chunk->records.size());
  for (int32_t i = 0; i < count; ++i) {
    if (const SetAside* const one = find(*chunk, chunk->records[static_cast<size_t>(i)])) {
      taken.aside.push_back({i, one->reason, "the whole record"});
    } else {
      taken.kept.push_back(i);
    }
  }
  taken.chunk = taken.aside.empty() ? std::move(chunk) : with_records(*chunk, taken.kept);
  if (taken.aside.empty()) taken.kept.clear();
  return taken;
}

std::shared_ptr<const Origin> with_records(const Origin& chunk, const std::vector<int32_t>& kept) {
  auto left = std::make_shared<Origin>();
  left->topic = chunk.topic;
  left->partition = chunk.partition;
  left->arena = chunk.arena;
  left->first_line = chunk.first_line;
  for (const int32_t i : kept) {
    const auto at = static_cast<size_t>(i);
    left->records.push_back(chunk.records[at]);
    if (chunk.header_ends.empty()) continue;
    const auto headers = chunk.headers_of(at);
    left->headers.insert(left->headers.end(), headers.begin(), headers.end());
    left->header_ends.push_back(static_cast<int32_t>(left->headers.size()));
  }
  return left;
}

}  // namespace rideflow
