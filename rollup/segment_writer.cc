#include <lz4.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <roaring/roaring.hh>

#include "engine/hash.h"
#include "rollup/segment.h"
#include "rollup/segment_format.h"

namespace rideflow::rollup {
namespace {

// Larger dictionaries stand plain in the file: unpacked ones would stay in memory, mapped bytes need not.
constexpr size_t kMappedBytes = 64 << 10;

// A dictionary in the order of values, and where each old code went.
struct SortedDictionary {
  std::vector<std::string_view> entries;  // by new code - 1
  std::vector<uint32_t> new_code;         // by old code
};

SortedDictionary sort_values(const Dictionary& dictionary, DimensionType type) {
  std::vector<uint32_t> order(dictionary.size() - 1);
  std::iota(order.begin(), order.end(), 1U);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const std::string_view x = dictionary.at(a);
    const std::string_view y = dictionary.at(b);
    if (type == DimensionType::string) return x < y;
    int64_t i = 0;
    int64_t j = 0;
    std::memcpy(&i, x.data(), sizeof i);
    std::memcpy(&j, y.data(), sizeof j);
    return i < j;  // of doubles: any fixed order will do
  });
  SortedDictionary out;
  out.new_code.resize(dictionary.size());
  for (const uint32_t code : order) {
    out.entries.push_back(dictionary.at(code));
    out.new_code[code] = static_cast<uint32_t>(out.entries.size());
  }
  return out;
}

class Writer {
 public:
  Writer(WritableFile& file, const CellSet& set) : file_(file), set_(set), cells_(set.cells.cells()) {}

  Status run() {
    RF_TRY(append(kSegmentHead));
    sort_rows();
    footer_.spec = encode_spec(*set_.spec);
    footer_.rows = cells_.rows;
    const auto [least, most] = std::minmax_element(cells_.times.begin(), cells_.times.end());
    footer_.min_time = cells_.rows == 0 ? kNoTime : *least;
    footer_.max_time = cells_.rows == 0 ? kNoTime : *most;
    RF_TRY(numbers(cells_.times, footer_.times));
    footer_.dimensions.resize(set_.dimensions.size());
    for (size_t d = 0; d < set_.dimensions.size(); ++d) RF_TRY(dimension(d));
    footer_.metrics.resize(cells_.metrics.size());
    for (size_t m = 0; m < cells_.metrics.size(); ++m) RF_TRY(metric(m));
    const std::string footer = encode_footer(footer_);
    ByteWriter tail;
    tail.put(static_cast<uint32_t>(footer.size())).put(checksum64(footer));
    RF_TRY(append(footer));
    return append(tail.take() + std::string(kSegmentEnd));
  }

 private:
  Status append(std::string_view bytes) {
    offset_ += bytes.size();
    return file_.append(bytes);
  }

  static std::string compressed(std::string_view plain) {
    std::string packed(static_cast<size_t>(LZ4_compressBound(static_cast<int>(plain.size()))), '\0');
    const int n = LZ4_compress_default(plain.data(), packed.data(), static_cast<int>(plain.size()),
                                       static_cast<int>(packed.size()));
    packed.resize(n > 0 ? static_cast<size_t>(n) : packed.size());
    return packed;
  }

  Status piece(std::string_view plain, Piece& out) {
    const std::string packed = compressed(plain);
    const bool pays = packed.size() < plain.size() - plain.size() / 8;
    return pays ? store(packed, plain.size(), out) : store(plain, out);
  }

  Status store(std::string_view plain, Piece& out) { return store(plain, plain.size(), out); }
  Status store(std::string_view stored, size_t plain, Piece& out) {
    out.offset = offset_;
    out.stored = static_cast<uint32_t>(stored.size());
    out.plain = static_cast<uint32_t>(plain);
    out.checksum = checksum64(stored);
    return append(stored);
  }

  void sort_rows() {
    for (size_t d = 0; d < set_.dimensions.size(); ++d) {
      values_.push_back(sort_values(set_.dimensions[d].values(), set_.spec->dimensions[d].type));
    }
    order_.resize(cells_.rows);
    std::iota(order_.begin(), order_.end(), 0U);
    std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
      if (cells_.times[a] != cells_.times[b]) return cells_.times[a] < cells_.times[b];
      for (size_t d = 0; d < cells_.dimensions.size(); ++d) {
        const uint32_t x = code(d, cells_.dimensions[d][a]);
        const uint32_t y = code(d, cells_.dimensions[d][b]);
        if (x != y) return x < y;
      }
      return a < b;
    });
  }
  // Lists keep their codes, values are renumbered in sorted order.
  uint32_t code(size_t d, uint32_t old) const {
    return set_.dimensions[d].multi_value() ? old : values_[d].new_code[old];
  }

  // Calls f(first, last) with positions in order_ of each page.
  template <class F>
  Status each_page(F f) {
    for (size_t begin = 0; begin < order_.size(); begin += kPieceRows) {
      RF_TRY(f(begin, std::min(begin + kPieceRows, order_.size())));
    }
    return {};
  }

  template <class T>
  Status numbers(const std::vector<T>& values, PieceColumn& out) {
    return each_page([&](size_t begin, size_t end) {
      std::vector<int64_t> page;
      for (size_t i = begin; i < end; ++i) page.push_back(static_cast<int64_t>(values[order_[i]]));
      return number_piece(NumberPage::of(std::move(page)), out.emplace_back());
    });
  }

  Status doubles(const std::vector<double>& values, PieceColumn& out) {
    return each_page([&](size_t begin, size_t end) {
      std::vector<double> page;
      for (size_t i = begin; i < end; ++i) page.push_back(values[order_[i]]);
      return number_piece(NumberPage::of(std::span<const double>(page)), out.emplace_back());
    });
  }

  // Packed bits, which a query reads fastest, unless LZ4 over whole bytes saves more than an eighth of them.
  // Of entries of a few bits it saves half a byte a row at most, and costs a query as much as everything
  // else.
  Status number_piece(const NumberPage& page, Piece& out) {
    constexpr uint8_t kFewBits = 4;
    out.form = page.form;
    if (page.form.bits <= kFewBits && page.exceptions.empty()) return store(page.pack(page.form.bits), out);
    const size_t packed_bytes = page.packed_bytes(page.form.bits);
    const uint8_t whole = whole_bytes(page.form.bits);
    const std::string plain = page.pack(whole);
    const std::string packed = compressed(plain);
    const bool pays = packed.size() < packed_bytes - packed_bytes / 8;
    if (!pays && plain.size() > packed_bytes + packed_bytes / 8) return store(page.pack(page.form.bits), out);
    out.form.bits = whole;
    return pays ? store(packed, plain.size(), out) : store(plain, out);
  }

  // Bytes of n items, with their offsets in front. `kept`: as long as the segment is open.
  template <class Get>
  Status blob_piece(size_t n, Get get, Piece& out, bool kept = false) {
    std::string bytes;
    std::string offsets;
    for (size_t i = 0; i < n; ++i) {
      const auto offset = static_cast<uint32_t>(bytes.size());
      offsets.append(reinterpret_cast<const char*>(&offset), sizeof offset);
      get(i, bytes);
    }
    const auto end = static_cast<uint32_t>(bytes.size());
    offsets.append(reinterpret_cast<const char*>(&end), sizeof end);
    if (offsets.size() + bytes.size() > LZ4_MAX_INPUT_SIZE) {
      return Status::external(Code::resource_exhausted, "A column of a rollup segment is too large.");
    }
    offsets += bytes;
    return kept && offsets.size() > kMappedBytes ? store(offsets, out) : piece(offsets, out);
  }

  template <class Append>
  Status blobs(PieceColumn& out, Append append_one) {
    return each_page([&](size_t begin, size_t end) {
      return blob_piece(
          end - begin, [&](size_t i, std::string& bytes) { append_one(order_[begin + i], bytes); },
          out.emplace_back());
    });
  }

  Status dimension(size_t d) {
    const DimensionDictionary& dictionary = set_.dimensions[d];
    SegmentDimension& out = footer_.dimensions[d];
    const std::vector<std::string_view>& entries = values_[d].entries;
    out.values = static_cast<uint32_t>(entries.size() + 1);
    RF_TRY(blob_piece(
        entries.size(), [&](size_t i, std::string& bytes) { bytes.append(entries[i]); }, out.dictionary,
        true));
    if (dictionary.multi_value()) {
      out.lists = dictionary.cells().size();
      RF_TRY(blob_piece(
          out.lists - 1,
          [&](size_t i, std::string& bytes) {
            const std::string_view list = dictionary.cells().at(static_cast<uint32_t>(i + 1));
            for (size_t at = 0; at < list.size(); at += sizeof(uint32_t)) {
              uint32_t v = 0;
              std::memcpy(&v, list.data() + at, sizeof v);
              v = values_[d].new_code[v];
              bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
            }
          },
          out.list_table, true));
    }
    std::vector<uint32_t> codes(cells_.rows);
    for (size_t row = 0; row < codes.size(); ++row) codes[row] = code(d, cells_.dimensions[d][row]);
    RF_TRY(numbers(codes, out.codes));
    return bitmaps(codes, out);
  }

  Status bitmaps(const std::vector<uint32_t>& codes, SegmentDimension& out) {
    std::vector<::Roaring> rows(out.lists != 0 ? out.lists : out.values);
    for (size_t i = 0; i < order_.size(); ++i) rows[codes[order_[i]]].add(static_cast<uint32_t>(i));
    std::vector<int64_t> counts;
    for (const ::Roaring& r : rows) counts.push_back(static_cast<int64_t>(r.cardinality()));
    RF_TRY(number_piece(NumberPage::of(std::move(counts)), out.counts));
    const auto append_bitmap = [](::Roaring& bitmap, std::string& bytes) {
      bitmap.runOptimize();
      const size_t at = bytes.size();
      bytes.resize(at + bitmap.getSizeInBytes());
      bitmap.write(bytes.data() + at);
    };
    for (size_t first = 0; first < rows.size(); first += kBitmapsPerPiece) {
      const size_t n = std::min<size_t>(kBitmapsPerPiece, rows.size() - first);
      RF_TRY(blob_piece(
          n, [&](size_t i, std::string& bytes) { append_bitmap(rows[first + i], bytes); },
          out.bitmaps.emplace_back()));
    }
    return {};
  }

  Status metric(size_t m) {
    const MetricColumn& in = cells_.metrics[m];
    SegmentMetric& out = footer_.metrics[m];
    if (!in.ints.empty()) RF_TRY(numbers(in.ints, out.ints));
    if (!in.doubles.empty()) RF_TRY(doubles(in.doubles, out.doubles));
    if (std::any_of(in.low.begin(), in.low.end(), [](double v) { return v != 0; }))
      RF_TRY(doubles(in.low, out.low));
    if (!in.times.empty()) RF_TRY(numbers(in.times, out.times));
    if (std::find(in.has.begin(), in.has.end(), 0) != in.has.end()) RF_TRY(numbers(in.has, out.has));
    if (!in.texts.empty()) {
      RF_TRY(blobs(out.blobs, [&](uint32_t row, std::string& bytes) { bytes += in.texts[row]; }));
    }
    if (!in.quantiles.empty()) {
      RF_TRY(blobs(out.blobs, [&](uint32_t row, std::string& bytes) { in.quantiles[row].encode(bytes); }));
    }
    if (!in.distincts.empty()) {
      RF_TRY(blobs(out.blobs, [&](uint32_t row, std::string& bytes) { in.distincts[row].encode(bytes); }));
    }
    return {};
  }

  WritableFile& file_;
  const CellSet& set_;
  const CellColumns& cells_;
  uint64_t offset_ = 0;
  SegmentFooter footer_;
  std::vector<uint32_t> order_;
  std::vector<SortedDictionary> values_;
};

}  // namespace

Status write_segment(Env* env, const std::string& path, const CellSet& cells) {
  RF_ASSIGN(const auto file, env->fs().create(path));
  RF_TRY(Writer(*file, cells).run());
  RF_TRY(file->sync());
  return file->close();
}

}  // namespace rideflow::rollup
