#include <algorithm>
#include <cstring>
#include <roaring/roaring.hh>

#include "rollup/segment.h"
#include "rollup/segment_file.h"

namespace rideflow::rollup {
namespace {

class BlobValues : public ValueList {
 public:
  uint32_t size() const override { return static_cast<uint32_t>(blobs_.size() + 1); }
  std::string_view at(uint32_t code) const override { return blobs_.at(code - 1); }
  Blobs& blobs() { return blobs_; }
  const Blobs& blobs() const { return blobs_; }

 private:
  Blobs blobs_;
};

struct Dimension {
  DimensionView view;
  uint32_t codes = 0;
  std::vector<uint32_t> counts;  // rows of each code; empty where the file does not say
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
  int64_t heap_bytes() const override;
  DimensionView dimension(int d) const override { return dimensions_[static_cast<size_t>(d)].view; }
  std::unique_ptr<PartReader> read() const override;
  bool rows_with(int dimension, std::span<const uint32_t> codes, ::Roaring& out) const override;

  const SegmentFile& file() const { return file_; }
  const SegmentFooter& footer() const { return footer_; }
  uint32_t codes(int d) const { return dimensions_[static_cast<size_t>(d)].codes; }

 private:
  Status load_dimension(size_t d);
  Status load_counts(const SegmentDimension& in, Dimension& out);
  bool worth_an_index(int dimension, std::span<const uint32_t> codes) const;
  Status check_pages(const PieceColumn& column, bool required) const {
    const size_t pieces = (rows_ + kPieceRows - 1) / kPieceRows;
    if (column.size() == pieces || (!required && column.empty())) return {};
    return damaged_segment("a column has a wrong number of pages");
  }
  Status check_metric(const SegmentMetric& m, MetricKind kind) const;

  SegmentFile file_;
  SegmentFooter footer_;
  std::shared_ptr<const RollupSpec> spec_;
  std::vector<Dimension> dimensions_;
};

int64_t Segment::heap_bytes() const {
  const auto pieces = [](const PieceColumn& column) { return column.capacity() * sizeof(Piece); };
  size_t bytes = sizeof(*this) + file_.heap_bytes() + pieces(footer_.times);
  for (const SegmentDimension& d : footer_.dimensions)
    bytes += sizeof(d) + pieces(d.codes) + pieces(d.bitmaps);
  for (const SegmentMetric& m : footer_.metrics) {
    bytes += sizeof(m) + pieces(m.ints) + pieces(m.doubles) + pieces(m.low) + pieces(m.times) +
             pieces(m.has) + pieces(m.blobs);
  }
  for (const Dimension& dimension : dimensions_) {
    bytes += sizeof(dimension) + dimension.counts.capacity() * sizeof(uint32_t);
    for (const ValueList* list : {dimension.view.values.get(), dimension.view.lists.get()}) {
      if (list != nullptr)
        bytes += sizeof(BlobValues) + static_cast<const BlobValues*>(list)->blobs().heap_bytes();
    }
  }
  return static_cast<int64_t>(bytes);
}

Status Segment::load_dimension(size_t d) {
  const SegmentDimension& in = footer_.dimensions[d];
  Dimension& out = dimensions_.emplace_back();
  const RollupDimension& spec_dimension = spec_->dimensions[d];
  if (in.values == 0 || (in.lists != 0) != spec_dimension.multi_value)
    return damaged_segment("a dictionary is missing");
  auto values = std::make_shared<BlobValues>();
  RF_TRY(values->blobs().read(file_, in.dictionary, in.values - 1));
  for (uint32_t c = 1; c < in.values && spec_dimension.type != DimensionType::string; ++c) {
    if (values->at(c).size() != sizeof(int64_t))
      return damaged_segment("a number in a dictionary has a wrong size");
  }
  out.view = {spec_dimension.type, values, nullptr};
  out.codes = in.values;
  if (in.lists != 0) {
    auto lists = std::make_shared<BlobValues>();
    RF_TRY(lists->blobs().read(file_, in.list_table, in.lists - 1));
    for (uint32_t c = 1; c < in.lists; ++c) {
      const std::string_view list = lists->at(c);
      if (list.empty() || list.size() % sizeof(uint32_t) != 0)
        return damaged_segment("a list has a wrong size");
      for (size_t at = 0; at < list.size(); at += sizeof(uint32_t)) {
        uint32_t code = 0;
        std::memcpy(&code, list.data() + at, sizeof code);
        if (code >= in.values) return damaged_segment("a list names a value that is not there");
      }
    }
    out.view.lists = lists;
    out.codes = in.lists;
  }
  RF_TRY(load_counts(in, out));
  return check_pages(in.codes, true);
}

Status Segment::load_counts(const SegmentDimension& in, Dimension& out) {
  const bool old = footer_.format == 1;
  if (in.bitmaps.size() != (old ? 1 : (size_t{out.codes} + kBitmapsPerPiece - 1) / kBitmapsPerPiece)) {
    return damaged_segment("an index has a wrong number of pieces");
  }
  if (old) return {};
  std::string unpacked;
  RF_ASSIGN(const std::string_view plain, file_.read(in.counts, unpacked));
  PackedPage page;
  if (const char* wrong = page.set(plain, in.counts.form, out.codes)) return damaged_segment(wrong);
  out.counts.resize(out.codes);
  page.integers(0, out.codes, out.counts.data());
  return {};
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
  if (footer_.rows > UINT32_MAX) return damaged_segment("it has too many rows");
  if (footer_.dimensions.size() != spec_->dimensions.size() ||
      footer_.metrics.size() != spec_->metrics.size()) {
    return damaged_segment("its columns are not those of its spec");
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

// Where many rows have the codes, nearly every page has one, and reading their bitmaps saves nothing.
bool Segment::worth_an_index(int d, std::span<const uint32_t> codes) const {
  constexpr uint64_t kRare = 64;  // at most one row of so many
  const std::vector<uint32_t>& counts = dimensions_[static_cast<size_t>(d)].counts;
  uint64_t hits = 0;
  for (const uint32_t code : codes) hits += counts.empty() ? 0 : counts[code];
  return hits * kRare <= rows();
}

bool Segment::rows_with(int d, std::span<const uint32_t> codes, ::Roaring& out) const {
  if (!worth_an_index(d, codes)) return false;
  const PieceColumn& pieces = footer_.dimensions[static_cast<size_t>(d)].bitmaps;
  const uint32_t all = this->codes(d);
  const uint32_t per_piece = footer_.format == 1 ? all : kBitmapsPerPiece;
  Blobs blobs;
  size_t at = SIZE_MAX;
  for (const uint32_t code : codes) {
    const uint32_t first = code / per_piece * per_piece;
    if (at != code / per_piece) {
      at = code / per_piece;
      if (!blobs.read(file_, pieces[at], std::min(per_piece, all - first)).ok()) return false;
    }
    const std::string_view one = blobs.at(code - first);
    const roaring_bitmap_t* bitmap = roaring_bitmap_portable_deserialize_safe(one.data(), one.size());
    if (bitmap == nullptr) return false;
    const bool fits = names_rows_in_order(*bitmap, rows());
    if (fits) roaring_bitmap_or_inplace(&out.roaring, bitmap);
    roaring_bitmap_free(bitmap);
    if (!fits) return false;
  }
  return true;
}

// A number column as a reader sees it: the piece it is at, and the values of the page.
template <class T>
struct NumberColumn {
  size_t piece = SIZE_MAX;
  std::string unpacked;
  PackedPage packed;
  bool read = false;  // the values are those of the page
  std::vector<T> values;
  // Of a piece whose values are all the same: how many of them `values` holds already.
  size_t filled = 0;
};

class SegmentReader : public PartReader {
 public:
  explicit SegmentReader(std::shared_ptr<const Segment> segment)
      : segment_(std::move(segment)),
        codes_(segment_->footer().dimensions.size()),
        metrics_(segment_->footer().metrics.size()) {}

  size_t pages() const override { return (segment_->rows() + kPageRows - 1) / kPageRows; }
  Result<size_t> open(size_t page) override {
    const size_t first = page * kPageRows;
    piece_ = first / kPieceRows;
    begin_ = first % kPieceRows;
    piece_rows_ = std::min(kPieceRows, segment_->rows() - piece_ * kPieceRows);
    rows_ = std::min(kPageRows, segment_->rows() - first);
    times_.read = false;
    for (NumberColumn<uint32_t>& c : codes_) c.read = false;
    for (Metric& m : metrics_) m.read = false;
    return rows_;
  }
  Result<const Micros*> times() override {
    if (!times_.read) RF_TRY(integers(segment_->footer().times, times_));
    times_.read = true;
    return static_cast<const Micros*>(times_.values.data());
  }
  Result<const uint32_t*> codes(int d) override {
    NumberColumn<uint32_t>& c = codes_[static_cast<size_t>(d)];
    if (!c.read) {
      RF_TRY(integers(segment_->footer().dimensions[static_cast<size_t>(d)].codes, c));
      if (!all_below(c.values, segment_->codes(d))) {
        return damaged_segment("a row names a value that is not there");
      }
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
    return blobs ? blobs->at(begin_ + row) : std::string_view();
  }
  const Quantiles* quantiles(int m, size_t row) override {
    const Blobs* blobs = read_blobs(m);
    return blobs && quantiles_.decode(blobs->at(begin_ + row)).ok() ? &quantiles_ : nullptr;
  }
  const Distinct* distinct(int m, size_t row) override {
    const Blobs* blobs = read_blobs(m);
    return blobs && distinct_.decode(blobs->at(begin_ + row)).ok() ? &distinct_ : nullptr;
  }

 private:
  struct Metric {
    bool read = false;
    MetricView view;
    NumberColumn<int64_t> ints;
    NumberColumn<double> doubles;
    NumberColumn<double> low;
    NumberColumn<Micros> times;
    NumberColumn<uint8_t> has;
    size_t blobs_piece = SIZE_MAX;
    Blobs blobs;
  };

  // Without a branch per code, so that several are looked at at once.
  static bool all_below(const std::vector<uint32_t>& codes, uint32_t end) {
    uint32_t outside = 0;  // its highest bit
    for (const uint32_t c : codes) outside |= (end - 1 - c) | c;
    if (outside >> 31 == 0) return true;
    return *std::max_element(codes.begin(), codes.end()) < end;
  }

  template <class T>
  Status load(const PieceColumn& column, NumberColumn<T>& out) {
    if (out.piece == piece_) return {};
    out.piece = SIZE_MAX;
    const Piece& piece = column[piece_];
    RF_ASSIGN(const std::string_view plain, segment_->file().read(piece, out.unpacked));
    if (const char* wrong = out.packed.set(plain, piece.form, piece_rows_)) return damaged_segment(wrong);
    out.piece = piece_;
    out.filled = 0;
    return {};
  }

  template <class T>
  Status integers(const PieceColumn& column, NumberColumn<T>& out) {
    RF_TRY(load(column, out));
    if (out.filled >= rows_) return {};
    out.values.resize(rows_);
    out.packed.integers(begin_, rows_, out.values.data());
    if (out.packed.form().bits == 0) out.filled = rows_;
    return {};
  }

  Status doubles(const PieceColumn& column, NumberColumn<double>& out) {
    RF_TRY(load(column, out));
    if (out.filled >= rows_) return {};
    out.values.resize(rows_);
    out.packed.doubles(begin_, rows_, out.values.data());
    if (out.packed.form().bits == 0 && out.packed.form().exceptions == 0) out.filled = rows_;
    return {};
  }

  Status read_metric(const SegmentMetric& in, Metric& out) {
    out.view = {};
    if (!in.ints.empty()) {
      RF_TRY(integers(in.ints, out.ints));
      out.view.ints = out.ints.values.data();
    }
    if (!in.doubles.empty()) {
      RF_TRY(doubles(in.doubles, out.doubles));
      out.view.doubles = out.doubles.values.data();
    }
    if (!in.low.empty()) {
      RF_TRY(doubles(in.low, out.low));
      out.view.low = out.low.values.data();
    }
    if (!in.times.empty()) {
      RF_TRY(integers(in.times, out.times));
      out.view.times = out.times.values.data();
    }
    if (!in.has.empty()) {
      RF_TRY(integers(in.has, out.has));
      out.view.has = out.has.values.data();
    }
    // Sketches and texts are read here too, so that damage is an error and not a missing value.
    if (!in.blobs.empty()) RF_TRY(load_blobs(in, out));
    out.read = true;
    return {};
  }

  Status load_blobs(const SegmentMetric& in, Metric& out) {
    if (out.blobs_piece == piece_) return {};
    out.blobs_piece = SIZE_MAX;
    RF_TRY(out.blobs.read(segment_->file(), in.blobs[piece_], piece_rows_));
    out.blobs_piece = piece_;
    return {};
  }

  const Blobs* read_blobs(int m) {
    Metric& out = metrics_[static_cast<size_t>(m)];
    return load_blobs(segment_->footer().metrics[static_cast<size_t>(m)], out).ok() ? &out.blobs : nullptr;
  }

  std::shared_ptr<const Segment> segment_;
  size_t piece_ = 0;
  size_t piece_rows_ = 0;
  size_t begin_ = 0;  // of the page in its piece
  size_t rows_ = 0;
  NumberColumn<Micros> times_;
  std::vector<NumberColumn<uint32_t>> codes_;
  std::vector<Metric> metrics_;
  Quantiles quantiles_;
  Distinct distinct_;
};

std::unique_ptr<PartReader> Segment::read() const {
  return std::make_unique<SegmentReader>(shared_from_this());
}

}  // namespace

Result<std::shared_ptr<const Part>> open_segment(Env* env, const std::string& path,
                                                 std::shared_ptr<const RollupSpec> spec) {
  RF_ASSIGN(SegmentFile file, SegmentFile::open(env, path));
  auto footer = file.footer();
  if (!footer.ok()) return std::move(footer).status().with(path);
  if (footer->spec != encode_spec(*spec)) {
    RF_ASSIGN(const RollupSpec own, decode_spec(footer->spec));
    const bool same = own.dimensions == spec->dimensions && own.metrics == spec->metrics;
    if (!same) {
      return Status::external(Code::failed_precondition,
                              "The rollup segment '" + path + "' has other columns.");
    }
  }
  auto segment = std::make_shared<Segment>(std::move(file), *std::move(footer), std::move(spec));
  if (Status status = segment->load(); !status.ok()) return std::move(status).with(path);
  return std::shared_ptr<const Part>(std::move(segment));
}

}  // namespace rideflow::rollup
