#include "rollup/chunk.h"

#include <unordered_map>

namespace rideflow::rollup {
namespace {

// The rows of each span, in order of first appearance.
std::vector<std::pair<Micros, std::vector<uint32_t>>> split(const std::vector<Micros>& times,
                                                            const std::vector<uint32_t>* rows, int64_t span) {
  std::vector<std::pair<Micros, std::vector<uint32_t>>> parts;
  std::unordered_map<Micros, size_t> index;
  Micros last = kNoTime;
  size_t last_part = 0;
  const size_t n = rows == nullptr ? times.size() : rows->size();
  for (size_t i = 0; i < n; ++i) {
    const uint32_t row = rows == nullptr ? static_cast<uint32_t>(i) : (*rows)[i];
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

}  // namespace

Chunk::Chunk(std::shared_ptr<const RollupSpec> spec, Micros start)
    : spec_(std::move(spec)), start_(start), end_(start + spec_->chunk_micros()) {
  for (const RollupDimension& d : spec_->dimensions) dictionaries_.emplace_back(d.multi_value);
}

void Chunk::merge(const std::vector<DimensionDictionary>& dictionaries, CellTable& from,
                  const std::vector<uint32_t>& rows) {
  std::vector<CodeMap> maps;
  for (const auto& part : split(from.cells().times, &rows, spec_->block_micros())) {
    Block& block = blocks_.try_emplace(part.first, spec_).first->second;
    merge_cells(dictionaries, from, &part.second, maps, dictionaries_, block.cells);
    block.part.reset();
  }
}

void Chunk::append_parts(std::vector<std::shared_ptr<const Part>>& out) {
  if (segment_) out.push_back(segment_);
  std::vector<DimensionView> views;
  for (auto& entry : blocks_) {
    Block& block = entry.second;
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

void Chunks::merge(const std::vector<DimensionDictionary>& dictionaries, CellTable& from) {
  for (const auto& part : split(from.cells().times, nullptr, spec_->chunk_micros())) {
    at(part.first).merge(dictionaries, from, part.second);
  }
}

void Chunks::merge_into(Chunk& chunk, const std::vector<DimensionDictionary>& dictionaries, CellTable& from) {
  for (const auto& part : split(from.cells().times, nullptr, spec_->chunk_micros())) {
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
