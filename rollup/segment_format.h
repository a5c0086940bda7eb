// The bytes of a segment file, format 1:
//
//   "RFSEG001"  pieces …  footer  tail
//
// A piece is a run of bytes somewhere before the footer, plain or compressed with LZ4, with the checksum of
// its stored form. The footer (engine/byte_codec.h) holds the spec and says which piece is what. The tail is
// the footer's size (4 bytes), its checksum (8) and "RFSEGEND". All numbers are little-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/byte_codec.h"
#include "engine/ids.h"

namespace rideflow::rollup {

inline constexpr std::string_view kSegmentHead = "RFSEG001";
inline constexpr std::string_view kSegmentEnd = "RFSEGEND";
inline constexpr size_t kSegmentTail = sizeof(uint32_t) + sizeof(uint64_t) + 8;

struct Piece {
  uint64_t offset = 0;
  uint32_t stored = 0;  // bytes in the file
  uint32_t plain = 0;   // bytes when decoded; compressed when it differs from stored
  uint64_t checksum = 0;
  // Number columns: values are base + entry, each entry `width` bytes (0: all are base). 8 with base 0: as
  // is.
  uint8_t width = 0;
  int64_t base = 0;
};

// One piece per page; no pages: the column is left out (see SegmentMetric).
using PieceColumn = std::vector<Piece>;

struct SegmentDimension {
  uint32_t values = 0;  // codes of values, null included
  uint32_t lists = 0;   // codes of lists, null included; 0: single-value
  Piece dictionary;     // uint32 offsets [values], then the bytes of values 1 …
  Piece list_table;     // the same for lists; bytes are uint32 codes
  Piece bitmaps;        // the same for cells' codes: offsets [codes + 1], then a roaring bitmap each
  PieceColumn codes;
};

struct SegmentMetric {
  PieceColumn ints, doubles, low, times, has;
  PieceColumn blobs;  // texts or encoded sketches: uint32 offsets [rows + 1], then bytes
};

struct SegmentFooter {
  std::string spec;
  uint64_t rows = 0;
  Micros min_time = 0;
  Micros max_time = 0;
  PieceColumn times;
  std::vector<SegmentDimension> dimensions;
  std::vector<SegmentMetric> metrics;
};

std::string encode_footer(const SegmentFooter& footer);
// data_loss when the bytes do not decode. Offsets and sizes are not checked against the file yet.
Result<SegmentFooter> decode_footer(std::string_view bytes);

}  // namespace rideflow::rollup
