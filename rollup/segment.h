// Segments: the sealed cells of a chunk as one immutable file, column by column.
//
// Rows are sorted by time and then by dimension codes; dictionaries by value. Every column is cut into pieces
// of kPieceRows rows. Numbers are packed into as few bits as hold them (packed_page.h), prices and sums of
// them too, and compressed with LZ4 only where that saves more than an eighth: a query unpacks bits far
// faster. Each piece carries a checksum that every read verifies. Per dimension value a roaring bitmap tells
// its rows. The file is memory-mapped; opening it reads the footer and the dictionaries only. The bytes:
// segment_format.h.
#pragma once

#include <memory>
#include <string>

#include "engine/env.h"
#include "rollup/cell_set.h"
#include "rollup/part.h"

namespace rideflow::rollup {

// The file is durable when this returns ok; its name is, after sync_dir() of the folder.
Status write_segment(Env* env, const std::string& path, const CellSet& cells);
// data_loss when damaged, failed_precondition when its columns are not those of the spec.
Result<std::shared_ptr<const Part>> open_segment(Env* env, const std::string& path,
                                                 std::shared_ptr<const RollupSpec> spec);

}  // namespace rideflow::rollup
