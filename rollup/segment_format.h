// The bytes of a segment file, format 2:
//
//   "RFSEG002"  pieces …  footer  tail
//
// A piece is a run of bytes somewhere before the footer, plain or compressed with LZ4, with the checksum of
// its stored form. The footer (engine/byte_codec.h) holds the spec and says which piece is what. The tail is
// the footer's size (4 bytes), its checksum (8) and "RFSEGEND". All numbers are little-endian.
//
// Format 1, which is still read, differs in its head and in that a page of numbers had no step, no power, no
// exceptions, and entries of 0, 1, 2, 4 or 8 bytes; a dimension had no counts, and one piece of bitmaps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/byte_codec.h"
#include "engine/ids.h"
#include "rollup/packed_page.h"

namespace rideflow::rollup {

inline constexpr std::string_view kSegmentHead = "RFSEG002";
inline constexpr std::string_view kSegmentHead1 = "RFSEG001";  // of format 1
inline constexpr std::string_view kSegmentEnd = "RFSEGEND";
inline constexpr size_t kSegmentTail = sizeof(uint32_t) + sizeof(uint64_t) + 8;
// Rows of a column's piece; a reader hands them out in pages of kPageRows.
inline constexpr size_t kPieceRows = 65536;
// So that a query for one value of many reads few of them.
inline constexpr uint32_t kBitmapsPerPiece = 64;

struct Piece {
  uint64_t offset = 0;
  uint32_t stored = 0;  // bytes in the file
  uint32_t plain = 0;   // bytes when decoded; compressed when it differs from stored
  uint64_t checksum = 0;
  PageForm form;  // of a number column
};

// One piece per kPieceRows rows; no pieces: the column is left out (see SegmentMetric).
using PieceColumn = std::vector<Piece>;

struct SegmentDimension {
  uint32_t values = 0;  // codes of values, null included
  uint32_t lists = 0;   // codes of lists, null included; 0: single-value
  Piece dictionary;     // uint32 offsets [values], then the bytes of values 1 …
  Piece list_table;     // the same for lists; bytes are uint32 codes
  Piece counts;         // rows of each of the cells' codes, as numbers; not in format 1
  PieceColumn bitmaps;  // their roaring bitmaps, kBitmapsPerPiece a piece: offsets, then bytes
  PieceColumn codes;
};

struct SegmentMetric {
  PieceColumn ints, doubles, low, times, has;
  PieceColumn blobs;  // texts or encoded sketches: uint32 offsets [rows + 1], then bytes
};

struct SegmentFooter {
  int format = 2;
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
Result<SegmentFooter> decode_footer(std::string_view bytes, int format = 2);

}  // namespace rideflow::rollup
