#include "rollup/segment_format.h"

namespace rideflow::rollup {
namespace {

constexpr uint32_t kMaxItems = 1'000'000;

void put(ByteWriter& out, const Piece& p) {
  out.put(p.offset).put(p.stored).put(p.plain).put(p.checksum).put(p.width).put(p.base);
}

void put(ByteWriter& out, const PieceColumn& column) {
  out.put(static_cast<uint32_t>(column.size()));
  for (const Piece& p : column) put(out, p);
}

void get(ByteReader& in, Piece& p) {
  p.offset = in.get<uint64_t>();
  p.stored = in.get<uint32_t>();
  p.plain = in.get<uint32_t>();
  p.checksum = in.get<uint64_t>();
  p.width = in.get<uint8_t>();
  p.base = in.get<int64_t>();
}

void get(ByteReader& in, PieceColumn& column) {
  const auto n = in.get<uint32_t>();
  for (uint32_t i = 0; i < n && i < kMaxItems && in.ok(); ++i) get(in, column.emplace_back());
}

}  // namespace

std::string encode_footer(const SegmentFooter& footer) {
  ByteWriter out;
  out.put(static_cast<uint32_t>(footer.dimensions.size())).put(static_cast<uint32_t>(footer.metrics.size()));
  out.put_string(footer.spec).put(footer.rows).put(footer.min_time).put(footer.max_time);
  put(out, footer.times);
  for (const SegmentDimension& d : footer.dimensions) {
    out.put(d.values).put(d.lists);
    put(out, d.dictionary);
    put(out, d.list_table);
    put(out, d.bitmaps);
    put(out, d.codes);
  }
  for (const SegmentMetric& m : footer.metrics) {
    for (const PieceColumn* column : {&m.ints, &m.doubles, &m.low, &m.times, &m.has, &m.blobs})
      put(out, *column);
  }
  return out.take();
}

Result<SegmentFooter> decode_footer(std::string_view bytes) {
  ByteReader in(bytes);
  const auto dimensions = in.get<uint32_t>();
  const auto metrics = in.get<uint32_t>();
  // Each takes more than one of the bytes.
  if (uint64_t{dimensions} + metrics > bytes.size()) {
    return Status::external(Code::data_loss, "A rollup segment's footer is damaged.");
  }
  SegmentFooter footer;
  footer.dimensions.resize(dimensions);
  footer.metrics.resize(metrics);
  footer.spec = in.get_string();
  footer.rows = in.get<uint64_t>();
  footer.min_time = in.get<Micros>();
  footer.max_time = in.get<Micros>();
  get(in, footer.times);
  for (SegmentDimension& d : footer.dimensions) {
    d.values = in.get<uint32_t>();
    d.lists = in.get<uint32_t>();
    get(in, d.dictionary);
    get(in, d.list_table);
    get(in, d.bitmaps);
    get(in, d.codes);
  }
  for (SegmentMetric& m : footer.metrics) {
    for (PieceColumn* column : {&m.ints, &m.doubles, &m.low, &m.times, &m.has, &m.blobs}) get(in, *column);
  }
  RF_TRY(in.finish("A rollup segment's footer"));
  return footer;
}

}  // namespace rideflow::rollup
