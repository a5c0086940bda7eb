#include "rollup/chunk.h"

#include <algorithm>
#include <unordered_map>

namespace rideflow::rollup {
namespace {

constexpr size_t kBlockCells = kPageRows;
constexpr size_t kFewValues = 4096;

// The rows of each span, in order of first appearance.
std::vector<std::pair<Micros, std::vector<uint32_t>>> split(const std::vector<Micros>& times, int64_t span) {
  std::vector<std::pair<Micros, std::vector<uint32_t>>> parts;
  std::unordered_map<Micros, size_t> index;
  Micros last = kNoTime;
  size_t last_part = 0;
  for (uint32_t row = 0; row < times.size(); ++row) {
    const Micros start = floor_to(times[row], span);
    if (parts.empty() || start != last) {
      const auto [it, added] = index.try_emplace(start, parts.size());
      if (added) parts.emplace_back(start, std::vector<uint32_t>());
      last = start;
      last_part = it->second;
    }
    parts[last_part].second.push_back(row);
  }
  return parts;
}

// Rows of a table into an empty one with the same dictionaries.
void copy_rows(const CellTable& from, const std::vector<uint32_t>& rows, CellTable& to) {
  std::vector<std::vector<uint32_t>> codes;
  std::vector<const uint32_t*> pointers;
  for (const std::vector<uint32_t>& column : from.cells().dimensions) {
    std::vector<uint32_t>& taken = codes.emplace_back();
    taken.reserve(rows.size());
    for (const uint32_t row : rows) taken.push_back(column[row]);
  }
  for (const auto& column : codes) pointers.push_back(column.data());
  to.merge(from.cells(), rows, pointers);
}

}  // namespace

Chunk::Chunk(std::shared_ptr<const RollupSpec> spec, Micros start)
    : spec_(std::move(spec)), start_(start), end_(start + spec_->chunk_micros()) {
  for (const RollupDimension& d : spec_->dimensions) dictionaries_.emplace_back(d.multi_value);
}

Micros Chunk::end_of(Blocks::iterator block) const {
  const auto next = std::next(block);
  return next == blocks_.end() ? end_ : next->first;
}

Chunk::Blocks::iterator Chunk::block_of(Micros time) {
  const auto next = blocks_.upper_bound(time);
  return next == blocks_.begin() ? blocks_.try_emplace(start_, spec_).first : std::prev(next);
}

void Chunk::merge(const std::vector<DimensionDictionary>& dictionaries, CellTable& from,
                  const std::vector<uint32_t>& rows) {
  std::map<Micros, std::vector<uint32_t>> by_block;
  const std::vector<Micros>& times = from.cells().times;
  std::vector<uint32_t>* last = nullptr;
  Micros begin = 0;
  Micros end = 0;
  for (const uint32_t row : rows) {
    if (last == nullptr || times[row] < begin || times[row] >= end) {
      const auto block = block_of(times[row]);
      begin = block->first;
      end = end_of(block);
      last = &by_block[begin];
    }
    last->push_back(row);
  }
  std::vector<CodeMap> maps;
  for (const auto& part : by_block) {
    const auto block = blocks_.find(part.first);
    merge_cells(dictionaries, from, &part.second, maps, dictionaries_, block->second.cells);
    block->second.part.reset();
    cut(block);
  }
}

// Cuts a block of many cells in two, at the middle of its cells' times as far as blocks may be that short.
void Chunk::cut(Blocks::iterator block) {
  if (block->second.cells.rows() <= kBlockCells) return;
  const int64_t least = spec_->block_micros();
  if (end_of(block) - block->first <= least) return;
  std::vector<Micros> times = block->second.cells.cells().times;
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  Micros at = floor_to(*middle, least);
  if (at <= block->first) at += least;
  if (at >= end_of(block)) return;
  Block before(spec_);
  Block after(spec_);
  std::vector<uint32_t> early;
  std::vector<uint32_t> late;
  CellTable& cells = block->second.cells;
  for (uint32_t row = 0; row < cells.rows(); ++row) {
    (cells.cells().times[row] < at ? early : late).push_back(row);
  }
  if (late.empty()) {
    blocks_.try_emplace(at, spec_);
    return;
  }
  copy_rows(cells, early, before.cells);
  copy_rows(cells, late, after.cells);
  block->second = std::move(before);
  const auto next = blocks_.emplace(at, std::move(after)).first;
  cut(block);
  cut(next);
}

void Chunk::show_files(std::vector<std::shared_ptr<const Part>> files, bool sealed) {
  files_ = std::move(files);
  sealed_ = sealed;
  in_files_ = true;
  blocks_.clear();
  for (DimensionDictionary& dictionary : dictionaries_)
    dictionary = DimensionDictionary(dictionary.multi_value());
}

bool Chunk::drop_before(Micros horizon) {
  if (start_ >= horizon) return false;
  const int64_t longest = spec_->longest_cell();
  bool dropped =
      std::erase_if(files_, [&](const auto& file) { return file->max_time() <= horizon - longest; }) > 0;
  for (auto it = blocks_.begin(); it != blocks_.end() && it->first < horizon;) {
    CellTable& cells = it->second.cells;
    std::vector<uint32_t> kept;
    for (uint32_t row = 0; row < cells.rows(); ++row) {
      if (cells.cells().times[row] > horizon - longest) kept.push_back(row);
    }
    if (kept.size() == cells.rows()) {
      ++it;
      continue;
    }
    dropped = true;
    if (kept.empty()) {
      it = blocks_.erase(it);
      continue;
    }
    Block rest(spec_);
    copy_rows(cells, kept, rest.cells);
    it->second = std::move(rest);
    ++it;
  }
  if (dropped) forget_values();
  return dropped;
}

// Values that no cell has any more go when they are most of them.
void Chunk::forget_values() {
  size_t cells = 0;
  size_t values = 0;
  for (const auto& entry : blocks_) cells += entry.second.cells.rows();
  for (const DimensionDictionary& dictionary : dictionaries_)
    values = std::max<size_t>(values, dictionary.size());
  if (values <= 2 * cells + kFewValues) return;
  std::vector<DimensionDictionary> fresh;
  for (const RollupDimension& d : spec_->dimensions) fresh.emplace_back(d.multi_value);
  std::vector<CodeMap> maps;
  for (auto& entry : blocks_) {
    Block block(spec_);
    merge_cells(dictionaries_, entry.second.cells, nullptr, maps, fresh, block.cells);
    entry.second = std::move(block);
  }
  dictionaries_ = std::move(fresh);
}

size_t Chunk::memory_bytes() const {
  size_t bytes = bytes_of(dictionaries_);
  for (const auto& entry : blocks_) bytes += sizeof(entry) + entry.second.cells.bytes();
  return bytes;
}

size_t Chunk::file_heap_bytes() const {
  size_t bytes = 0;
  for (const auto& file : files_) bytes += static_cast<size_t>(file->heap_bytes());
  return bytes;
}

bool Chunk::holds(const Part* part) const {
  return std::any_of(blocks_.begin(), blocks_.end(),
                     [&](const auto& entry) { return entry.second.part.get() == part; });
}

void Chunk::append_parts(std::vector<std::shared_ptr<const Part>>& out) {
  out.insert(out.end(), files_.begin(), files_.end());
  std::vector<DimensionView> views;
  for (auto& entry : blocks_) {
    Block& block = entry.second;
    if (block.cells.empty()) continue;
    if (block.part == nullptr) {
      for (size_t d = views.size(); d < dictionaries_.size(); ++d) {
        views.push_back(
            {spec_->dimensions[d].type, dictionaries_[d].value_list(), dictionaries_[d].list_table()});
      }
      block.part = make_memory_part(spec_, block.cells.share(), views);
    }
    out.push_back(block.part);
  }
}

size_t Chunks::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& entry : chunks_) bytes += sizeof(entry) + entry.second.memory_bytes();
  return bytes;
}

void Chunks::merge(const std::vector<DimensionDictionary>& dictionaries, CellTable& from) {
  for (const auto& part : split(from.cells().times, spec_->chunk_micros())) {
    at(part.first).merge(dictionaries, from, part.second);
  }
}

void Chunks::merge_into(Chunk& chunk, const std::vector<DimensionDictionary>& dictionaries, CellTable& from) {
  for (const auto& part : split(from.cells().times, spec_->chunk_micros())) {
    if (part.first == chunk.start()) chunk.merge(dictionaries, from, part.second);
  }
}

Micros Chunks::start_of(Micros time) const {
  return floor_to(time, spec_->chunk_micros());
}

Chunk& Chunks::at(Micros start) {
  return chunks_.try_emplace(start, spec_, start).first->second;
}

}  // namespace rideflow::rollup
