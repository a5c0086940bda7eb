// CellSet: cells with the dictionaries of their codes, and its bytes: what an epoch of one writer is, in
// memory and in the commit log.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rollup/cell_table.h"

namespace rideflow::rollup {

struct CellSet {
  explicit CellSet(std::shared_ptr<const RollupSpec> s);
  std::shared_ptr<const RollupSpec> spec;
  std::vector<DimensionDictionary> dimensions;
  CellTable cells;
  size_t bytes() const;  // what it has allocated
};
size_t bytes_of(const std::vector<DimensionDictionary>& dictionaries);

// Adds the cells `rows` (all when null) of `from`, a table whose codes are those of `dictionaries`, to `to`.
void merge_cells(const std::vector<DimensionDictionary>& dictionaries, CellTable& from,
                 const std::vector<uint32_t>* rows, std::vector<CodeMap>& maps,
                 std::vector<DimensionDictionary>& to_dictionaries, CellTable& to);

class Part;
// All cells of a part, with dictionaries of their own.
Result<CellSet> read_cells(std::shared_ptr<const RollupSpec> spec, const Part& part);
// The same cells under another spec: columns are found by name and kind, missing ones are null, cells that
// become equal are merged.
CellSet convert_cells(CellSet& set, std::shared_ptr<const RollupSpec> spec);

// Compressed, self-contained; only values that cells use are in it.
std::string encode_cells(const CellSet& set);
// data_loss when the bytes are not an encoding for this spec.
Result<CellSet> decode_cells(std::shared_ptr<const RollupSpec> spec, std::string_view bytes);

}  // namespace rideflow::rollup
