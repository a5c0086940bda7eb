#include <lz4.h>

#include <algorithm>
#include <cstring>
#include <roaring/roaring.hh>

#include "engine/hash.h"
#include "rollup/segment.h"
#include "rollup/segment_format.h"

namespace rideflow::rollup {
namespace {

Status damaged(const std::string& what) {
  return Status::external(Code::data_loss, "A rollup segment is damaged: " + what +
                                               ". Restore it from a copy, or "
                                               "remove the datasource and replay it.");
}

// The file's bytes, and pieces of it by checked access.
class SegmentFile {
 public:
  SegmentFile(std::shared_ptr<const std::string_view> map, std::string copy)
      : map_(std::move(map)), copy_(std::move(copy)) {}
  std::string_view bytes() const { return map_ ? *map_ : std::string_view(copy_); }

  // `out` becomes the plain bytes.
  Status read(const Piece& p, std::string& out) const {
    const std::string_view all = bytes();
    if (p.offset > all.size() || p.stored > all.size() - p.offset)
      return damaged("a column lies outside of the file");
    const std::string_view stored = all.substr(p.offset, p.stored);
    if (checksum64(stored) != p.checksum) return damaged("a checksum differs");
    if (p.stored == p.plain) {
      out.assign(stored);
      return {};
    }
    if (p.plain > kMaxPiece || p.plain / 300 > p.stored) return damaged("a column is larger than it can be");
    out.resize(p.plain);
    const int n =
        LZ4_decompress_safe(stored.data(), out.data(), static_cast<int>(p.stored), static_cast<int>(p.plain));
    return n == static_cast<int>(p.plain) ? Status() : damaged("a column does not decompress");
  }

 private:
  static constexpr uint32_t kMaxPiece = uint32_t{1} << 31;
  std::shared_ptr<const std::string_view> map_;
  std::string copy_;
};

// n items with their offsets in front, as blob_piece() wrote them.
class Blobs {
 public:
  Status set(std::string bytes, size_t n) {
    bytes_ = std::move(bytes);
    n_ = n;
    const size_t head = (n + 1) * sizeof(uint32_t);
    if (bytes_.size() < head) return damaged("a list of values is cut off");
    uint32_t last = 0;
    for (size_t i = 0; i <= n; ++i) {
      const uint32_t at = offset(i);
      if (at < last || at > bytes_.size() - head) return damaged("a list of values has wrong offsets");
      last = at;
    }
    return {};
  }
  std::string_view at(size_t i) const {
    const size_t head = (n_ + 1) * sizeof(uint32_t);
    return std::string_view(bytes_).substr(head + offset(i), offset(i + 1) - offset(i));
  }
  size_t size() const { return n_; }

 private:
  uint32_t offset(size_t i) const {
    uint32_t v = 0;
    std::memcpy(&v, bytes_.data() + i * sizeof v, sizeof v);
    return v;
  }
  std::string bytes_;
  size_t n_ = 0;
};

class BlobValues : public ValueList {
 public:
  uint32_t size() const override { return static_cast<uint32_t>(blobs_.size() + 1); }
  std::string_view at(uint32_t code) const override { return blobs_.at(code - 1); }
  Blobs& blobs() { return blobs_; }

 private:
  Blobs blobs_;
};

struct Dimension {
  DimensionView view;
  uint32_t codes = 0;
};

class Segment : public Part, public std::enable_shared_from_this<Segment> {
 public:
  Segment(SegmentFile file, SegmentFooter footer, std::shared_ptr<const RollupSpec> spec)
      : file_(std::move(file)), footer_(std::move(footer)), spec_(std::move(spec)) {
    rows_ = footer_.rows;
    min_time_ = footer_.min_time;
    max_time_ = footer_.max_time;
  }

  Status load();
  int64_t file_bytes() const override { return static_cast<int64_t>(file_.bytes().size()); }
  DimensionView dimension(int d) const override { return dimensions_[static_cast<size_t>(d)].view; }
  std::unique_ptr<PartReader> read() const override;
  bool rows_with(int dimension, std::span<const uint32_t> codes, ::Roaring& out) const override;

  const SegmentFile& file() const { return file_; }
  const SegmentFooter& footer() const { return footer_; }
  uint32_t codes(int d) const { return dimensions_[static_cast<size_t>(d)].codes; }

 private:
  Status load_dimension(size_t d);
  Status check_pages(const PieceColumn& column, bool required) const {
    const size_t pages = (rows_ + kPageRows - 1) / kPageRows;
    if (column.size() == pages || (!required && column.empty())) return {};
    return damaged("a column has a wrong number of pages");
  }
  Status check_metric(const SegmentMetric& m, MetricKind kind) const;

  SegmentFile file_;
  SegmentFooter footer_;
  std::shared_ptr<const RollupSpec> spec_;
  std::vector<Dimension> dimensions_;
};

Status Segment::load_dimension(size_t d) {
  const SegmentDimension& in = footer_.dimensions[d];
  Dimension& out = dimensions_.emplace_back();
  const RollupDimension& spec_dimension = spec_->dimensions[d];
  if (in.values == 0 || (in.lists != 0) != spec_dimension.multi_value)
    return damaged("a dictionary is missing");
  auto values = std::make_shared<BlobValues>();
  std::string bytes;
  RF_TRY(file_.read(in.dictionary, bytes));
  RF_TRY(values->blobs().set(std::move(bytes), in.values - 1));
  for (uint32_t c = 1; c < in.values && spec_dimension.type != DimensionType::string; ++c) {
    if (values->at(c).size() != sizeof(int64_t)) return damaged("a number in a dictionary has a wrong size");
  }
  out.view = {spec_dimension.type, values, nullptr};
  out.codes = in.values;
  if (in.lists != 0) {
    auto lists = std::make_shared<BlobValues>();
    RF_TRY(file_.read(in.list_table, bytes));
    RF_TRY(lists->blobs().set(std::move(bytes), in.lists - 1));
    for (uint32_t c = 1; c < in.lists; ++c) {
      const std::string_view list = lists->at(c);
      if (list.empty() || list.size() % sizeof(uint32_t) != 0) return damaged("a list has a wrong size");
      for (size_t at = 0; at < list.size(); at += sizeof(uint32_t)) {
        uint32_t code = 0;
        std::memcpy(&code, list.data() + at, sizeof code);
        if (code >= in.values) return damaged("a list names a value that is not there");
      }
    }
    out.view.lists = lists;
    out.codes = in.lists;
  }
  return check_pages(in.codes, true);
}

Status Segment::check_metric(const SegmentMetric& m, MetricKind kind) const {
  MetricColumn wanted;
  resize(wanted, kind, 1);
  RF_TRY(check_pages(m.ints, !wanted.ints.empty()));
  RF_TRY(check_pages(m.doubles, !wanted.doubles.empty()));
  RF_TRY(check_pages(m.low, false));
  RF_TRY(check_pages(m.times, !wanted.times.empty()));
  RF_TRY(check_pages(m.has, false));
  return check_pages(m.blobs,
                     !wanted.texts.empty() || !wanted.quantiles.empty() || !wanted.distincts.empty());
}

Status Segment::load() {
  if (footer_.rows > UINT32_MAX) return damaged("it has too many rows");
  if (footer_.dimensions.size() != spec_->dimensions.size() ||
      footer_.metrics.size() != spec_->metrics.size()) {
    return damaged("its columns are not those of its spec");
  }
  RF_TRY(check_pages(footer_.times, true));
  for (size_t d = 0; d < footer_.dimensions.size(); ++d) RF_TRY(load_dimension(d));
  for (size_t m = 0; m < footer_.metrics.size(); ++m)
    RF_TRY(check_metric(footer_.metrics[m], spec_->metrics[m].kind));
  return {};
}

// The library reads any bytes without leaving them, but what it makes of them may be no set of this segment's
// rows: then the rows are looked at one by one.
bool names_rows_in_order(const roaring_bitmap_t& bitmap, uint64_t rows) {
  struct Check {
    uint64_t next = 0;
    uint64_t rows = 0;
  } check{0, rows};
  return roaring_iterate(
      &bitmap,
      [](uint32_t row, void* state) {
        auto& c = *static_cast<Check*>(state);
        const bool fits = row >= c.next && row < c.rows;
        c.next = uint64_t{row} + 1;
        return fits;
      },
      &check);
}

bool Segment::rows_with(int d, std::span<const uint32_t> codes, ::Roaring& out) const {
  const SegmentDimension& in = footer_.dimensions[static_cast<size_t>(d)];
  std::string bytes;
  Blobs blobs;
  if (!file_.read(in.bitmaps, bytes).ok() || !blobs.set(std::move(bytes), this->codes(d)).ok()) return false;
  for (const uint32_t code : codes) {
    const std::string_view one = blobs.at(code);
    const roaring_bitmap_t* bitmap = roaring_bitmap_portable_deserialize_safe(one.data(), one.size());
    if (bitmap == nullptr) return false;
    const bool fits = names_rows_in_order(*bitmap, rows());
    if (fits) roaring_bitmap_or_inplace(&out.roaring, bitmap);
    roaring_bitmap_free(bitmap);
    if (!fits) return false;
  }
  return true;
}

class SegmentReader : public PartReader {
 public:
  explicit SegmentReader(std::shared_ptr<const Segment> segment)
      : segment_(std::move(segment)),
        codes_(segment_->footer().dimensions.size()),
        metrics_(segment_->footer().metrics.size()) {}

  size_t pages() const override { return segment_->footer().times.size(); }
  Result<size_t> open(size_t page) override {
    page_ = page;
    rows_ = std::min(kPageRows, segment_->rows() - page * kPageRows);
    times_read_ = false;
    for (Codes& c : codes_) c.read = false;
    for (Metric& m : metrics_) {
      m.read = false;
      m.blobs_read = false;
    }
    return rows_;
  }
  Result<const Micros*> times() override {
    if (!times_read_) RF_TRY(numbers(segment_->footer().times, times_));
    times_read_ = true;
    return static_cast<const Micros*>(times_.data());
  }
  Result<const uint32_t*> codes(int d) override {
    Codes& c = codes_[static_cast<size_t>(d)];
    if (!c.read) {
      RF_TRY(numbers(segment_->footer().dimensions[static_cast<size_t>(d)].codes, c.values));
      const uint32_t most = *std::max_element(c.values.begin(), c.values.end());
      if (most >= segment_->codes(d)) return damaged("a row names a value that is not there");
      c.read = true;
    }
    return static_cast<const uint32_t*>(c.values.data());
  }
  Result<MetricView> metric(int m) override {
    Metric& out = metrics_[static_cast<size_t>(m)];
    if (!out.read) RF_TRY(read_metric(segment_->footer().metrics[static_cast<size_t>(m)], out));
    return out.view;
  }
  std::string_view text(int m, size_t row) override {
    const Blobs* blobs = read_blobs(m);
    return blobs ? blobs->at(row) : std::string_view();
  }
  const Quantiles* quantiles(int m, size_t row) override {
    const Blobs* blobs = read_blobs(m);
    return blobs && quantiles_.decode(blobs->at(row)).ok() ? &quantiles_ : nullptr;
  }
  const Distinct* distinct(int m, size_t row) override {
    const Blobs* blobs = read_blobs(m);
    return blobs && distinct_.decode(blobs->at(row)).ok() ? &distinct_ : nullptr;
  }

 private:
  struct Codes {
    bool read = false;
    std::vector<uint32_t> values;
  };
  struct Metric {
    bool read = false;
    bool blobs_read = false;
    MetricView view;
    std::vector<int64_t> ints;
    std::vector<double> doubles;
    std::vector<double> low;
    std::vector<Micros> times;
    std::vector<uint8_t> has;
    Blobs blobs;
  };

  template <class Entry, class T>
  void widen(int64_t base, std::vector<T>& out) const {
    const char* from = plain_.data();
    for (size_t i = 0; i < rows_; ++i) {
      Entry entry;
      std::memcpy(&entry, from + i * sizeof(Entry), sizeof(Entry));
      out[i] = static_cast<T>(static_cast<uint64_t>(base) + static_cast<uint64_t>(entry));
    }
  }

  template <class T>
  Status numbers(const PieceColumn& column, std::vector<T>& out) {
    const Piece& piece = column[page_];
    RF_TRY(segment_->file().read(piece, plain_));
    if (plain_.size() != rows_ * piece.width) return damaged("a page has a wrong size");
    out.resize(rows_);
    switch (piece.width) {
      case 0:
        std::fill(out.begin(), out.end(), static_cast<T>(piece.base));
        return {};
      case 1:
        widen<uint8_t>(piece.base, out);
        return {};
      case 2:
        widen<uint16_t>(piece.base, out);
        return {};
      case 4:
        widen<uint32_t>(piece.base, out);
        return {};
      case 8:
        widen<uint64_t>(piece.base, out);
        return {};
      default:
        return damaged("a page has a wrong width");
    }
  }

  Status doubles(const PieceColumn& column, std::vector<double>& out) {
    RF_TRY(segment_->file().read(column[page_], plain_));
    if (plain_.size() != rows_ * sizeof(double)) return damaged("a page has a wrong size");
    out.resize(rows_);
    std::memcpy(out.data(), plain_.data(), plain_.size());
    return {};
  }

  Status read_metric(const SegmentMetric& in, Metric& out) {
    out.view = {};
    if (!in.ints.empty()) {
      RF_TRY(numbers(in.ints, out.ints));
      out.view.ints = out.ints.data();
    }
    if (!in.doubles.empty()) {
      RF_TRY(doubles(in.doubles, out.doubles));
      out.view.doubles = out.doubles.data();
    }
    if (!in.low.empty()) {
      RF_TRY(doubles(in.low, out.low));
      out.view.low = out.low.data();
    }
    if (!in.times.empty()) {
      RF_TRY(numbers(in.times, out.times));
      out.view.times = out.times.data();
    }
    if (!in.has.empty()) {
      RF_TRY(numbers(in.has, out.has));
      out.view.has = out.has.data();
    }
    // Sketches and texts are read here too, so that damage is an error and not a missing value.
    if (!in.blobs.empty()) RF_TRY(read_blob_page(in, out));
    out.read = true;
    return {};
  }

  Status read_blob_page(const SegmentMetric& in, Metric& out) {
    std::string bytes;
    RF_TRY(segment_->file().read(in.blobs[page_], bytes));
    RF_TRY(out.blobs.set(std::move(bytes), rows_));
    out.blobs_read = true;
    return {};
  }

  const Blobs* read_blobs(int m) {
    Metric& out = metrics_[static_cast<size_t>(m)];
    const SegmentMetric& in = segment_->footer().metrics[static_cast<size_t>(m)];
    if (!out.blobs_read && !read_blob_page(in, out).ok()) return nullptr;
    return &out.blobs;
  }

  std::shared_ptr<const Segment> segment_;
  size_t page_ = 0;
  size_t rows_ = 0;
  std::string plain_;
  bool times_read_ = false;
  std::vector<Micros> times_;
  std::vector<Codes> codes_;
  std::vector<Metric> metrics_;
  Quantiles quantiles_;
  Distinct distinct_;
};

std::unique_ptr<PartReader> Segment::read() const {
  return std::make_unique<SegmentReader>(shared_from_this());
}

Result<SegmentFooter> read_footer(std::string_view bytes) {
  if (bytes.size() < kSegmentHead.size() + kSegmentTail || !bytes.ends_with(kSegmentEnd)) {
    return damaged("it is cut off");
  }
  if (!bytes.starts_with(kSegmentHead)) {
    return Status::user(Code::failed_precondition,
                        "A rollup segment was written by a newer version of Rideflow. Use that version.");
  }
  ByteReader tail(bytes.substr(bytes.size() - kSegmentTail));
  const auto size = tail.get<uint32_t>();
  const auto checksum = tail.get<uint64_t>();
  if (size > bytes.size() - kSegmentTail - kSegmentHead.size()) return damaged("its footer is cut off");
  const std::string_view footer = bytes.substr(bytes.size() - kSegmentTail - size, size);
  if (checksum64(footer) != checksum) return damaged("its footer's checksum differs");
  return decode_footer(footer);
}

}  // namespace

Result<std::shared_ptr<const Part>> open_segment(Env* env, const std::string& path,
                                                 std::shared_ptr<const RollupSpec> spec) {
  RF_ASSIGN(const auto file, env->fs().open(path));
  auto map = file->map();
  std::string copy;
  if (!map.ok()) {
    RF_ASSIGN(copy, read_file(env->fs(), path));
  }
  SegmentFile bytes(map.ok() ? *map : nullptr, std::move(copy));
  auto footer = read_footer(bytes.bytes());
  if (!footer.ok()) return std::move(footer).status().with(path);
  if (footer->spec != encode_spec(*spec)) {
    RF_ASSIGN(const RollupSpec own, decode_spec(footer->spec));
    const bool same = own.dimensions == spec->dimensions && own.metrics == spec->metrics;
    if (!same) {
      return Status::external(Code::failed_precondition,
                              "The rollup segment '" + path + "' has other columns.");
    }
  }
  auto segment = std::make_shared<Segment>(std::move(bytes), *std::move(footer), std::move(spec));
  if (Status status = segment->load(); !status.ok()) return std::move(status).with(path);
  return std::shared_ptr<const Part>(std::move(segment));
}

}  // namespace rideflow::rollup
