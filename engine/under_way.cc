#include "engine/under_way.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace rideflow {
namespace {

constexpr uint64_t kMagic = 0x31796177726e7569;
constexpr size_t kMostSources = 1 << 16;

template <size_t N>
void copy_text(char (&to)[N], std::string_view text) {
  if (text.size() >= N) text.remove_prefix(text.size() - N + 1);
  std::memcpy(to, text.data(), text.size());
  to[text.size()] = '\0';
}

template <size_t N>
std::string text_of(const char (&from)[N]) {
  return {from, std::find(from, from + N, '\0')};
}

}  // namespace

std::string to_string(const GivenRecords& given) {
  const std::string which = given.single() ? fmt::format("record {}", given.first)
                                           : fmt::format("records {} to {}", given.first, given.last);
  return fmt::format("{} of partition {} of '{}'", which, given.partition.value, given.topic);
}

// ---- SourceNote

void SourceNote::begin(std::string_view step, int32_t shard) {
  if (stored_ == nullptr) return;
  copy_text(stored_->step, step);
  stored_->shard = shard;
}

void SourceNote::give(const Origin& chunk) {
  given_ += static_cast<int64_t>(chunk.records.size());
  if (stored_ == nullptr) return;
  if (topic_ != chunk.topic) {
    topic_ = chunk.topic;
    copy_text(stored_->topic, topic_ ? std::string_view(*topic_) : std::string_view());
  }
  stored_->partition.store(chunk.partition.value, std::memory_order_relaxed);
  stored_->first.store(chunk.records.front().position, std::memory_order_relaxed);
  stored_->last.store(chunk.records.back().position, std::memory_order_relaxed);
  stored_->records.store(given_ - complete_, std::memory_order_relaxed);
}

void SourceNote::on_complete(Epoch epoch) {
  size_t done = 0;
  for (; done < barriers_.size() && barriers_[done].epoch <= epoch; ++done) complete_ = barriers_[done].given;
  barriers_.erase(barriers_.begin(), barriers_.begin() + static_cast<std::ptrdiff_t>(done));
  if (stored_ != nullptr) stored_->records.store(given_ - complete_, std::memory_order_relaxed);
}

bool SourceNote::is_of(const GivenCount& count) const {
  return stored_ != nullptr && text_of(stored_->step) == count.source && stored_->shard == count.shard;
}

// ---- JobNote

size_t JobNote::bytes_for(size_t sources) {
  return sizeof(Header) + sources * sizeof(SourceNote::Stored);
}

JobNote::JobNote(std::shared_ptr<void> memory, size_t sources) : memory_(std::move(memory)), notes_(sources) {
  std::memset(memory_.get(), 0, bytes_for(sources));
  header_ = new (memory_.get()) Header{};
  stored_ = reinterpret_cast<SourceNote::Stored*>(static_cast<char*>(memory_.get()) + sizeof(Header));
  for (size_t i = 0; i < sources; ++i) notes_[i].store_in(new (stored_ + i) SourceNote::Stored{});
  header_->sources = sources;
  header_->magic = kMagic;
}

std::shared_ptr<JobNote> JobNote::in_memory(size_t sources) {
  const size_t words = bytes_for(sources) / sizeof(std::max_align_t) + 1;
  std::shared_ptr<std::max_align_t[]> memory(new std::max_align_t[words]);
  return std::make_shared<JobNote>(std::shared_ptr<void>(memory, memory.get()), sources);
}

void JobNote::set_careful(bool careful) {
  header_->careful.store(careful ? 1 : 0);
}

void JobNote::set_turn(std::optional<size_t> i) {
  header_->turn.store(i ? static_cast<int64_t>(*i) + 1 : 0);
}

void JobNote::set_crashed() {
  header_->crashed.store(1);
}

Evidence JobNote::evidence() const {
  return evidence_of(*header_, stored_);
}

int64_t JobNote::uncovered(size_t i) const {
  return stored_[i].records.load();
}

Evidence JobNote::evidence_of(const Header& header, const SourceNote::Stored* sources) {
  Evidence evidence;
  for (uint64_t i = 0; i < header.sources; ++i) {
    const int64_t records = sources[i].records.load();
    if (records > 0) evidence.given.push_back({text_of(sources[i].step), sources[i].shard, records});
  }
  evidence.careful = header.careful.load() != 0;
  const int64_t turn = header.turn.load();
  if (!evidence.careful || turn < 1 || static_cast<uint64_t>(turn) > header.sources) return evidence;
  const SourceNote::Stored& stored = sources[turn - 1];
  if (stored.records.load() == 0) return evidence;  // nothing was given yet
  GivenRecords given;
  given.source = text_of(stored.step);
  given.shard = stored.shard;
  given.partition = Partition(stored.partition.load());
  given.topic = text_of(stored.topic);
  given.first = stored.first.load();
  given.last = stored.last.load();
  evidence.in_hand = std::move(given);
  return evidence;
}

std::optional<Evidence> JobNote::of_crash(std::string_view bytes) {
  if (bytes.size() < sizeof(Header)) return std::nullopt;
  const std::shared_ptr<std::max_align_t[]> memory(
      new std::max_align_t[bytes.size() / sizeof(std::max_align_t) + 1]);
  std::memcpy(memory.get(), bytes.data(), bytes.size());
  const auto* const header = reinterpret_cast<const Header*>(memory.get());
  if (header->magic != kMagic || header->sources > kMostSources) return std::nullopt;
  if (bytes.size() < bytes_for(header->sources) || header->crashed.load() == 0) return std::nullopt;
  return evidence_of(*header, reinterpret_cast<const SourceNote::Stored*>(
                                  reinterpret_cast<const char*>(memory.get()) + sizeof(Header)));
}

}  // namespace rideflow
