// Chunk: the cells of one span of time of a datasource (a day or an hour): what stands in files, and blocks
// of cells in memory on top of it.
//
// A chunk that is sealed, or whose memory went to files because there was too much of it, shows its files and
// keeps only what came since; any other holds all its cells in memory. A block covers a run of time and is
// cut in two when it has many cells: few parts where rows are sparse, and where they are dense a snapshot
// copies only what changed since the last one. A cell may stand in several parts once some of it went to a
// file, until files are merged: queries add up, and count what they find.
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
  // Files in place of all that is in memory. REQUIRES: they hold what was committed.
  void show_files(std::vector<std::shared_ptr<const Part>> files, bool sealed);
  bool sealed() const { return sealed_; }
  // Its committed cells are read from files.
  bool in_files() const { return in_files_; }
  void append_parts(std::vector<std::shared_ptr<const Part>>& out);
  // Drops cells that ended at `horizon` or before, and files of nothing else. True when there were any.
  bool drop_before(Micros horizon);
  // What its blocks have allocated.
  size_t memory_bytes() const;
  // What its files keep in memory, beside the pages that the system maps.
  size_t file_heap_bytes() const;
  // Whether a block holds this part now.
  bool holds(const Part* part) const;

 private:
  struct Block {
    explicit Block(std::shared_ptr<const RollupSpec> spec) : cells(std::move(spec)) {}
    CellTable cells;
    std::shared_ptr<const Part> part;  // null: changed since the last append_parts()
  };
  using Blocks = std::map<Micros, Block>;  // by start; each reaches to the next one, or to the end
  Micros end_of(Blocks::iterator block) const;
  Blocks::iterator block_of(Micros time);
  void cut(Blocks::iterator block);
  void forget_values();

  std::shared_ptr<const RollupSpec> spec_;
  Micros start_;
  Micros end_;
  std::vector<DimensionDictionary> dictionaries_;
  Blocks blocks_;
  std::vector<std::shared_ptr<const Part>> files_;
  bool sealed_ = false;
  bool in_files_ = false;
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
  const std::map<Micros, Chunk>& all() const { return chunks_; }
  void clear() { chunks_.clear(); }
  size_t memory_bytes() const;

 private:
  std::shared_ptr<const RollupSpec> spec_;
  std::map<Micros, Chunk> chunks_;
};

inline Micros floor_to(Micros time, int64_t span) {
  const int64_t rest = time % span;
  return time - (rest < 0 ? rest + span : rest);
}

}  // namespace rideflow::rollup
