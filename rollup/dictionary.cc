#include "rollup/dictionary.h"

#include <algorithm>
#include <cstring>

namespace rideflow::rollup {
namespace {
constexpr size_t kLeastPlaces = 16;
constexpr size_t kLeastBlock = 256;
constexpr size_t kMostBlock = 16 * 1024;  // a larger value has one of its own
}  // namespace

class Dictionary::View : public ValueList {
 public:
  View(std::vector<std::shared_ptr<const Page>> pages, uint32_t size)
      : pages_(std::move(pages)), size_(size) {}
  uint32_t size() const override { return size_; }
  std::string_view at(uint32_t code) const override { return entry(pages_, code); }

 private:
  std::vector<std::shared_ptr<const Page>> pages_;
  uint32_t size_;
};

uint32_t Dictionary::find_or_add(std::string_view value) {
  if (slots_.empty()) grow();
  const uint64_t hash = hash_bytes(value);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.code == 0) return add(value, hash, i);
    if (slot.hash == tag && at(slot.code) == value) return slot.code;
  }
}

uint32_t Dictionary::add(std::string_view value, uint64_t hash, size_t slot) {
  const uint32_t code = size_;
  const uint32_t number = page_of(code);
  if (number >= pages_.size()) {
    pages_.push_back(std::make_shared<Page>(page_size(number)));
    page_bytes_ += sizeof(Page) + page_size(number) * sizeof(std::string_view);
    room_ = 0;  // values live as long as their own page
  }
  Page& page = *pages_.back();
  char* to = room_for(page, value.size());
  if (!value.empty()) std::memcpy(to, value.data(), value.size());
  page.entries[code - page_begin(number)] = {to, value.size()};
  slots_[slot] = {static_cast<uint32_t>(hash >> 32), code};
  ++size_;
  if (size_ * 2 > slots_.size()) grow();
  return code;
}

char* Dictionary::room_for(Page& page, size_t bytes) {
  if (room_ < bytes || free_ == nullptr) {
    block_ = std::clamp(block_ * 2, kLeastBlock, kMostBlock);
    room_ = std::max(bytes, block_);
    page.blocks.push_back(std::make_unique<char[]>(room_));
    page_bytes_ += room_;
    free_ = page.blocks.back().get();
  }
  char* at = free_;
  free_ += bytes;
  room_ -= bytes;
  return at;
}

void Dictionary::grow() {
  std::vector<Slot> bigger(std::max(slots_.size() * 2, kLeastPlaces));
  const size_t mask = bigger.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.code == 0) continue;
    size_t i = hash_bytes(at(slot.code)) & mask;
    while (bigger[i].code != 0) i = (i + 1) & mask;
    bigger[i] = slot;
  }
  slots_ = std::move(bigger);
}

std::shared_ptr<const ValueList> Dictionary::values() const {
  return std::make_shared<View>(std::vector<std::shared_ptr<const Page>>(pages_.begin(), pages_.end()),
                                size_);
}

uint32_t DimensionDictionary::list(const uint32_t* codes, size_t n) {
  if (n == 0 || (n == 1 && codes[0] == 0)) return 0;
  return lists_.find_or_add({reinterpret_cast<const char*>(codes), n * sizeof(uint32_t)});
}

uint32_t CodeMap::map(const DimensionDictionary& from, uint32_t code, DimensionDictionary& to) {
  if (code == 0) return 0;
  if (code >= to_.size()) to_.resize(from.size(), 0);
  uint32_t& mapped = to_[code];
  if (mapped != 0) return mapped;
  if (!from.multi_value()) return mapped = to.values().find_or_add(from.values().at(code));
  const std::string_view bytes = from.cells().at(code);
  std::vector<uint32_t> codes(bytes.size() / sizeof(uint32_t));
  std::memcpy(codes.data(), bytes.data(), bytes.size());
  for (uint32_t& c : codes) c = c == 0 ? 0 : to.values().find_or_add(from.values().at(c));
  return mapped = to.list(codes.data(), codes.size());
}

}  // namespace rideflow::rollup
