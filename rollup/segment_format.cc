#include "rollup/segment_format.h"

namespace rideflow::rollup {
namespace {

constexpr uint32_t kMaxItems = 1'000'000;

void put(ByteWriter& out, const Piece& p) {
  out.put(p.offset).put(p.stored).put(p.plain).put(p.checksum);
  out.put(p.form.bits).put(p.form.power).put(p.form.exceptions).put(p.form.base).put(p.form.step);
}

void put(ByteWriter& out, const PieceColumn& column) {
  out.put(static_cast<uint32_t>(column.size()));
  for (const Piece& p : column) put(out, p);
}

class FooterReader {
 public:
  FooterReader(std::string_view bytes, int format) : in_(bytes), format_(format) {}
  ByteReader& bytes() { return in_; }

  void get(Piece& p) {
    p.offset = in_.get<uint64_t>();
    p.stored = in_.get<uint32_t>();
    p.plain = in_.get<uint32_t>();
    p.checksum = in_.get<uint64_t>();
    if (format_ == 1) {
      const auto width = in_.get<uint8_t>();
      p.form.bits = width <= sizeof(uint64_t) ? static_cast<uint8_t>(width * 8) : UINT8_MAX;
      p.form.base = in_.get<int64_t>();
      return;
    }
    p.form.bits = in_.get<uint8_t>();
    p.form.power = in_.get<int16_t>();
    p.form.exceptions = in_.get<uint32_t>();
    p.form.base = in_.get<int64_t>();
    p.form.step = in_.get<uint64_t>();
  }

  void get(PieceColumn& column) {
    const auto n = in_.get<uint32_t>();
    for (uint32_t i = 0; i < n && i < kMaxItems && in_.ok(); ++i) get(column.emplace_back());
  }

 private:
  ByteReader in_;
  int format_;
};

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
    put(out, d.counts);
    put(out, d.bitmaps);
    put(out, d.codes);
  }
  for (const SegmentMetric& m : footer.metrics) {
    for (const PieceColumn* column : {&m.ints, &m.doubles, &m.low, &m.times, &m.has, &m.blobs})
      put(out, *column);
  }
  return out.take();
}

Result<SegmentFooter> decode_footer(std::string_view bytes, int format) {
  FooterReader reader(bytes, format);
  ByteReader& in = reader.bytes();
  const auto dimensions = in.get<uint32_t>();
  const auto metrics = in.get<uint32_t>();
  // Each takes more than one of the bytes.
  if (uint64_t{dimensions} + metrics > bytes.size()) {
    return Status::external(Code::data_loss, "A rollup segment's footer is damaged.");
  }
  SegmentFooter footer;
  footer.format = format;
  footer.dimensions.resize(dimensions);
  footer.metrics.resize(metrics);
  footer.spec = in.get_string();
  footer.rows = in.get<uint64_t>();
  footer.min_time = in.get<Micros>();
  footer.max_time = in.get<Micros>();
  reader.get(footer.times);
  for (SegmentDimension& d : footer.dimensions) {
    d.values = in.get<uint32_t>();
    d.lists = in.get<uint32_t>();
    reader.get(d.dictionary);
    reader.get(d.list_table);
    if (format == 1) {
      reader.get(d.bitmaps.emplace_back());
    } else {
      reader.get(d.counts);
      reader.get(d.bitmaps);
    }
    reader.get(d.codes);
  }
  for (SegmentMetric& m : footer.metrics) {
    for (PieceColumn* column : {&m.ints, &m.doubles, &m.low, &m.times, &m.has, &m.blobs}) reader.get(*column);
  }
  RF_TRY(in.finish("A rollup segment's footer"));
  return footer;
}

}  // namespace rideflow::rollup
