// Any bytes as a rollup segment, and as edits of a whole one. A segment's checksums are made to fit, so that
// what lies behind them is reached: a hostile file has good checksums.
//
// Input: a byte 'r' and the file itself, or any other byte and edits of 4 bytes each: where (3, from the
// file's end when the highest bit is set), what (1).
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <roaring/roaring.hh>
#include <string>
#include <string_view>

#include "engine/hash.h"
#include "engine/virtual_env.h"
#include "rollup/segment.h"
#include "rollup/segment_format.h"
#include "tests/support/fuzz_rollup.h"

namespace rideflow {
namespace {

using namespace rollup;

std::string edited(std::string bytes, std::string_view edits) {
  for (; edits.size() >= 4; edits.remove_prefix(4)) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(edits[i]); };
    const size_t at = (byte(0) & 0x7fU) << 16 | static_cast<size_t>(byte(1)) << 8 | byte(2);
    const bool from_end = (byte(0) & 0x80U) != 0;
    bytes[from_end ? bytes.size() - 1 - at % bytes.size() : at % bytes.size()] = edits[3];
  }
  return bytes;
}

void refresh(const std::string& file, Piece& piece) {
  if (piece.offset <= file.size() && piece.stored <= file.size() - piece.offset)
    piece.checksum = checksum64(std::string_view(file).substr(piece.offset, piece.stored));
}
void refresh(const std::string& file, PieceColumn& column) {
  for (Piece& piece : column) refresh(file, piece);
}

// The same file with checksums that fit, where it has a footer that can be read.
std::string with_checksums(std::string file) {
  if (file.size() < kSegmentHead.size() + kSegmentTail) return file;
  uint32_t size = 0;
  std::memcpy(&size, file.data() + file.size() - kSegmentTail, sizeof size);
  if (size > file.size() - kSegmentTail - kSegmentHead.size()) return file;
  const size_t begin = file.size() - kSegmentTail - size;
  if (file.starts_with(kSegmentHead1)) return file;
  auto footer = decode_footer(std::string_view(file).substr(begin, size));
  if (!footer.ok()) return file;
  refresh(file, footer->times);
  for (SegmentDimension& d : footer->dimensions) {
    for (Piece* piece : {&d.dictionary, &d.list_table, &d.counts}) refresh(file, *piece);
    for (PieceColumn* column : {&d.bitmaps, &d.codes}) refresh(file, *column);
  }
  for (SegmentMetric& m : footer->metrics) {
    for (PieceColumn* c : {&m.ints, &m.doubles, &m.low, &m.times, &m.has, &m.blobs}) refresh(file, *c);
  }
  file.resize(begin);
  const std::string encoded = encode_footer(*footer);
  ByteWriter tail;
  tail.put(static_cast<uint32_t>(encoded.size())).put(checksum64(encoded));
  return file + encoded + tail.take() + std::string(kSegmentEnd);
}

// Touches every byte that a query may, and checks what a query relies on.
void read_all(const Part& part, const RollupSpec& spec) {
  const auto reader = part.read();
  for (size_t page = 0; page < reader->pages(); ++page) {
    const auto rows = reader->open(page);
    if (!rows.ok()) return;
    RF_CHECK(*rows > 0 && *rows <= kPageRows);
    uint64_t sum = 0;
    if (const auto times = reader->times(); times.ok()) sum += static_cast<uint64_t>((*times)[*rows - 1]);
    for (int d = 0; d < static_cast<int>(spec.dimensions.size()); ++d) {
      const DimensionView view = part.dimension(d);
      const auto codes = reader->codes(d);
      for (size_t i = 0; codes.ok() && i < *rows; ++i) {
        const uint32_t code = (*codes)[i];
        RF_CHECK(code < view.codes());
        if (code > 0) sum += (view.lists ? view.lists : view.values)->at(code).size();
      }
    }
    for (int m = 0; m < static_cast<int>(spec.metrics.size()); ++m) {
      if (!reader->metric(m).ok()) continue;
      for (size_t i = 0; i < *rows; ++i) {
        const MetricKind kind = spec.metrics[static_cast<size_t>(m)].kind;
        if (kind == MetricKind::string_first || kind == MetricKind::string_last)
          sum += reader->text(m, i).size();
        if (kind == MetricKind::quantile_sketch) sum += reader->quantiles(m, i) != nullptr ? 1 : 0;
        if (kind == MetricKind::distinct_sketch) sum += reader->distinct(m, i) != nullptr ? 1 : 0;
      }
    }
    RF_CHECK(sum != 0 || *rows > 0);  // so that the reads are not left out
  }
  for (int d = 0; d < static_cast<int>(spec.dimensions.size()); ++d) {
    for (uint32_t code = 0; code < std::min<uint32_t>(part.dimension(d).codes(), 50); ++code) {
      ::Roaring rows;
      if (part.rows_with(d, {&code, 1}, rows)) RF_CHECK(rows.isEmpty() || rows.maximum() < part.rows());
    }
  }
}

void check(const std::string& file) {
  static VirtualEnv env(1);
  static const auto spec = std::make_shared<const RollupSpec>(test::fuzz_rollup_spec());
  const auto out = env.fs().create("segment");
  RF_CHECK(out.ok() && (*out)->append(file).ok() && (*out)->close().ok());
  const auto part = open_segment(&env, "segment", spec);
  if (!part.ok()) return;
  read_all(**part, *spec);
  (void)read_cells(spec, **part);
}

}  // namespace
}  // namespace rideflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string whole = rideflow::test::fuzz_segment_bytes();
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool raw = data[0] == 'r';
  const std::string file = raw ? std::string(rest) : rideflow::edited(whole, rest);
  rideflow::check(file);
  rideflow::check(rideflow::with_checksums(file));
  return 0;
}
