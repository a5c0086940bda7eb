// Chunk: the cells of one span of time of a datasource (a day or an hour): a sealed segment, if any, and
// blocks of cells in memory on top of it.
//
// Guarded by its datasource's mutex; the parts it hands out are immutable.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rollup/cell_set.h"
#include "rollup/part.h"

namespace rideflow::rollup {

class Chunk {
 public:
  Chunk(std::shared_ptr<const RollupSpec> spec, Micros start);

  Micros start() const { return start_; }
  Micros end() const { return end_; }
  void merge(const std::vector<DimensionDictionary>& dictionaries, CellTable& from,
             const std::vector<uint32_t>& rows);
  // The segment that holds what was sealed; null: nothing was.
  void set_segment(std::shared_ptr<const Part> segment) { segment_ = std::move(segment); }
  const std::shared_ptr<const Part>& segment() const { return segment_; }
  void append_parts(std::vector<std::shared_ptr<const Part>>& out);

 private:
  struct Block {
    explicit Block(std::shared_ptr<const RollupSpec> spec) : cells(std::move(spec)) {}
    CellTable cells;
    std::shared_ptr<const Part> part;  // null: changed since the last append_parts()
  };
  std::shared_ptr<const RollupSpec> spec_;
  Micros start_;
  Micros end_;
  std::vector<DimensionDictionary> dictionaries_;
  std::map<Micros, Block> blocks_;
  std::shared_ptr<const Part> segment_;
};

// All chunks of a datasource, by start.
class Chunks {
 public:
  explicit Chunks(std::shared_ptr<const RollupSpec> spec) : spec_(std::move(spec)) {}
  // Adds all cells of a table; its times decide where.
  void merge(const std::vector<DimensionDictionary>& dictionaries, CellTable& from);
  void merge(CellSet& set) { merge(set.dimensions, set.cells); }
  // Only those of one chunk.
  void merge_into(Chunk& chunk, const std::vector<DimensionDictionary>& dictionaries, CellTable& from);
  Micros start_of(Micros time) const;
  Chunk& at(Micros start);  // creates it
  std::map<Micros, Chunk>& all() { return chunks_; }
  void clear() { chunks_.clear(); }

 private:
  std::shared_ptr<const RollupSpec> spec_;
  std::map<Micros, Chunk> chunks_;
};

inline Micros floor_to(Micros time, int64_t span) {
  const int64_t rest = time % span;
  return time - (rest < 0 ? rest + span : rest);
}

}  // namespace rideflow::rollup
