#include "engine/cell_sorter.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace rideflow {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;

uint64_t prefix_of(std::string_view key) {
  char bytes[8] = {};
  std::memcpy(bytes, key.data(), std::min<size_t>(key.size(), 8));
  uint64_t word;
  std::memcpy(&word, bytes, 8);
  return __builtin_bswap64(word);
}
static_assert(std::endian::native == std::endian::little);

}  // namespace

std::string& CellSorter::put(KeyGroup group, int64_t slice, std::string_view head, std::string_view key) {
  const Entry& entry = add(group, slice, head, key);
  open_ = true;
  return chunks_[entry.chunk];
}

void CellSorter::erase(KeyGroup group, int64_t slice, std::string_view head, std::string_view key) {
  add(group, slice, head, key).value_bytes = kErased;
}

CellSorter::Entry& CellSorter::add(KeyGroup group, int64_t slice, std::string_view head,
                                   std::string_view key) {
  end_value();
  if (used_ == 0 || chunks_[used_ - 1].size() >= kChunkBytes) {
    if (used_ == chunks_.size()) chunks_.emplace_back();
    ++used_;
  }
  std::string& chunk = chunks_[used_ - 1];
  Entry entry{};
  entry.slice = slice;
  entry.group = group.value;
  entry.chunk = static_cast<uint32_t>(used_ - 1);
  entry.at = static_cast<uint32_t>(chunk.size());
  entry.key_bytes = static_cast<uint32_t>(head.size() + key.size());
  chunk.append(head).append(key);
  entry.prefix = prefix_of(std::string_view(chunk).substr(entry.at));
  return entries_.emplace_back(entry);
}

void CellSorter::end_value() {
  if (!open_) return;
  open_ = false;
  Entry& last = entries_.back();
  last.value_bytes = chunks_[last.chunk].size() - last.at - last.key_bytes;
}

std::string_view CellSorter::key_of(const Entry& entry) const {
  return std::string_view(chunks_[entry.chunk]).substr(entry.at, entry.key_bytes);
}

bool CellSorter::less(const Entry& a, const Entry& b) const {
  if (a.group != b.group) return a.group < b.group;
  if (a.slice != b.slice) return a.slice < b.slice;
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  return key_of(a) < key_of(b);
}

Status CellSorter::drain(const TakeChange& take) {
  end_value();
  std::stable_sort(entries_.begin(), entries_.end(),
                   [this](const Entry& a, const Entry& b) { return less(a, b); });
  Status status;
  const Entry* before = nullptr;
  for (const Entry& entry : entries_) {
    const std::string_view key = key_of(entry);
    const bool again = before && before->group == entry.group && before->slice == entry.slice &&
                       before->prefix == entry.prefix && key_of(*before) == key;
    before = &entry;
    if (again) continue;
    CellChange change;
    change.cell = {KeyGroup(entry.group), entry.slice, key};
    if (entry.value_bytes != kErased)
      change.value = std::string_view(key.data() + key.size(), entry.value_bytes);
    status = take(change);
    if (!status.ok()) break;
  }
  entries_.clear();
  for (size_t i = 0; i < used_; ++i) chunks_[i].clear();
  used_ = 0;
  return status;
}

}  // namespace rideflow
