#include "rollup/cell_set.h"

#include <zstd.h>

#include <cstring>
#include <numeric>

#include "engine/byte_codec.h"
#include "rollup/part.h"

namespace rideflow::rollup {
namespace {

constexpr size_t kMaxDecoded = size_t{1} << 31;

Status damaged() {
  return Status::external(Code::data_loss, "An epoch of a rollup is damaged: its bytes do not decode.");
}

template <class T>
void put_all(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

void append_size(std::string& out, size_t n) {
  append_fixed(out, static_cast<uint32_t>(n));
}

// The dictionary entries that `codes` uses, then the codes renumbered in order of first use.
void put_dimension(std::string& out, const DimensionDictionary& dictionary,
                   const std::vector<uint32_t>& codes) {
  std::vector<uint32_t> local(dictionary.size(), 0);
  std::vector<uint32_t> used;
  std::vector<uint32_t> renumbered(codes.size());
  for (size_t i = 0; i < codes.size(); ++i) {
    uint32_t& number = local[codes[i]];
    if (codes[i] != 0 && number == 0) {
      used.push_back(codes[i]);
      number = static_cast<uint32_t>(used.size());
    }
    renumbered[i] = number;
  }
  append_size(out, used.size());
  for (const uint32_t code : used) {
    const std::string_view entry = dictionary.cells().at(code);
    if (!dictionary.multi_value()) {
      append_string(out, entry);
      continue;
    }
    std::vector<uint32_t> values(entry.size() / sizeof(uint32_t));
    std::memcpy(values.data(), entry.data(), entry.size());
    append_size(out, values.size());
    for (const uint32_t v : values) {
      append_size(out, v == 0 ? 0 : 1);
      if (v != 0) append_string(out, dictionary.values().at(v));
    }
  }
  put_all(out, renumbered);
}

template <class Sketch>
void put_sketches(std::string& out, const std::vector<Sketch>& sketches) {
  std::string bytes;
  for (const Sketch& sketch : sketches) {
    bytes.clear();
    sketch.encode(bytes);
    append_string(out, bytes);
  }
}

void put_metric(std::string& out, const MetricColumn& m) {
  put_all(out, m.ints);
  put_all(out, m.doubles);
  put_all(out, m.low);
  put_all(out, m.times);
  put_all(out, m.has);
  for (const std::string& text : m.texts) append_string(out, text);
  put_sketches(out, m.quantiles);
  put_sketches(out, m.distincts);
}

// As many as `values` has.
template <class T>
void read_all(ByteReader& in, std::vector<T>& values) {
  const std::string_view bytes = in.take(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
}

// A count that the remaining bytes can hold at `least` bytes each.
size_t read_size(ByteReader& in, size_t least) {
  const auto n = in.get<uint32_t>();
  if (n > in.left() / least) in.fail();
  return in.ok() ? n : 0;
}

void read_dimension(ByteReader& in, DimensionType type, DimensionDictionary& dictionary,
                    std::vector<uint32_t>& codes) {
  const size_t used = read_size(in, sizeof(uint32_t));
  std::vector<uint32_t> local = {0};
  const auto value = [&] {
    const std::string_view text = in.text();
    if (type != DimensionType::string && text.size() != sizeof(int64_t)) in.fail();
    return dictionary.values().find_or_add(text);
  };
  for (size_t i = 0; i < used && in.ok(); ++i) {
    if (!dictionary.multi_value()) {
      local.push_back(value());
      continue;
    }
    std::vector<uint32_t> list(read_size(in, sizeof(uint32_t)));
    for (uint32_t& v : list) v = in.get<uint32_t>() == 0 ? 0 : value();
    local.push_back(dictionary.list(list.data(), list.size()));
  }
  read_all(in, codes);
  for (uint32_t& code : codes) {
    if (code >= local.size()) in.fail();
    code = in.ok() ? local[code] : 0;
  }
}

template <class Sketch>
Status read_sketches(ByteReader& in, std::vector<Sketch>& sketches) {
  for (Sketch& sketch : sketches) {
    const std::string_view bytes = in.text();
    if (!in.ok()) return damaged();
    RF_TRY(sketch.decode(bytes));
  }
  return {};
}

Status read_metric(ByteReader& in, MetricColumn& m) {
  read_all(in, m.ints);
  read_all(in, m.doubles);
  read_all(in, m.low);
  read_all(in, m.times);
  read_all(in, m.has);
  for (std::string& text : m.texts) text = in.text();
  RF_TRY(read_sketches(in, m.quantiles));
  return read_sketches(in, m.distincts);
}

Result<std::string> decompress(std::string_view bytes) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxDecoded ||
      size / 65536 > bytes.size()) {
    return damaged();
  }
  std::string out(size, '\0');
  const size_t n = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(n) != 0U || n != out.size()) return damaged();
  return out;
}

}  // namespace

CellSet::CellSet(std::shared_ptr<const RollupSpec> s) : spec(std::move(s)), cells(spec) {
  for (const RollupDimension& d : spec->dimensions) dimensions.emplace_back(d.multi_value);
}

size_t bytes_of(const std::vector<DimensionDictionary>& dictionaries) {
  size_t bytes = dictionaries.capacity() * sizeof(DimensionDictionary);
  for (const DimensionDictionary& dictionary : dictionaries) bytes += dictionary.bytes();
  return bytes;
}

size_t CellSet::bytes() const {
  return bytes_of(dimensions) + cells.bytes();
}

void merge_cells(const std::vector<DimensionDictionary>& dictionaries, CellTable& from,
                 const std::vector<uint32_t>* rows, std::vector<CodeMap>& maps,
                 std::vector<DimensionDictionary>& to_dictionaries, CellTable& to) {
  std::vector<uint32_t> all;
  if (rows == nullptr) {
    all.resize(from.rows());
    std::iota(all.begin(), all.end(), 0U);
    rows = &all;
  }
  maps.resize(dictionaries.size());
  std::vector<std::vector<uint32_t>> codes(dictionaries.size());
  std::vector<const uint32_t*> pointers;
  for (size_t d = 0; d < dictionaries.size(); ++d) {
    const std::vector<uint32_t>& column = from.cells().dimensions[d];
    codes[d].reserve(rows->size());
    for (const uint32_t row : *rows) {
      codes[d].push_back(maps[d].map(dictionaries[d], column[row], to_dictionaries[d]));
    }
    pointers.push_back(codes[d].data());
  }
  to.merge(from.cells(), *rows, pointers);
}

namespace {

// One page of one metric of a part, appended to a column.
Status append_metric(PartReader& in, int m, MetricKind kind, size_t rows, MetricColumn& out) {
  RF_ASSIGN(const MetricView view, in.metric(m));
  const auto append = [rows](auto& to, const auto* from) {
    if (from != nullptr) to.insert(to.end(), from, from + rows);
  };
  append(out.ints, view.ints);
  append(out.doubles, view.doubles);
  append(out.low, view.low);
  append(out.times, view.times);
  append(out.has, view.has);
  const bool plain =
      kind == MetricKind::count || kind == MetricKind::quantile_sketch || kind == MetricKind::distinct_sketch;
  if (view.has == nullptr && !plain) out.has.insert(out.has.end(), rows, 1);
  if (view.low == nullptr && kind == MetricKind::double_sum) out.low.insert(out.low.end(), rows, 0.0);
  for (size_t i = 0; i < rows; ++i) {
    if (kind == MetricKind::string_first || kind == MetricKind::string_last) {
      out.texts.emplace_back(in.text(m, i));
    } else if (kind == MetricKind::quantile_sketch) {
      const Quantiles* sketch = in.quantiles(m, i);
      out.quantiles.push_back(sketch ? *sketch : Quantiles());
    } else if (kind == MetricKind::distinct_sketch) {
      const Distinct* sketch = in.distinct(m, i);
      out.distincts.push_back(sketch ? *sketch : Distinct());
    }
  }
  return {};
}

// Codes of a part's dimension in a dictionary of its own.
uint32_t copy_value(const DimensionView& view, uint32_t code, DimensionDictionary& to) {
  if (code == 0) return 0;
  if (view.lists == nullptr) return to.values().find_or_add(view.values->at(code));
  const std::string_view bytes = view.lists->at(code);
  std::vector<uint32_t> list(bytes.size() / sizeof(uint32_t));
  std::memcpy(list.data(), bytes.data(), bytes.size());
  for (uint32_t& v : list) v = v == 0 ? 0 : to.values().find_or_add(view.values->at(v));
  return to.list(list.data(), list.size());
}

}  // namespace

Result<CellSet> read_cells(std::shared_ptr<const RollupSpec> spec, const Part& part) {
  CellSet set(spec);
  CellColumns all;
  all.dimensions.resize(spec->dimensions.size());
  all.metrics.resize(spec->metrics.size());
  std::vector<std::vector<uint32_t>> maps(spec->dimensions.size());
  for (size_t d = 0; d < maps.size(); ++d) {
    const DimensionView view = part.dimension(static_cast<int>(d));
    for (uint32_t c = 0; c < view.codes(); ++c) maps[d].push_back(copy_value(view, c, set.dimensions[d]));
  }
  const std::unique_ptr<PartReader> in = part.read();
  for (size_t p = 0; p < in->pages(); ++p) {
    RF_ASSIGN(const size_t rows, in->open(p));
    RF_ASSIGN(const Micros* times, in->times());
    all.times.insert(all.times.end(), times, times + rows);
    for (size_t d = 0; d < maps.size(); ++d) {
      RF_ASSIGN(const uint32_t* codes, in->codes(static_cast<int>(d)));
      for (size_t i = 0; i < rows; ++i) all.dimensions[d].push_back(maps[d][codes[i]]);
    }
    for (size_t m = 0; m < all.metrics.size(); ++m) {
      RF_TRY(append_metric(*in, static_cast<int>(m), spec->metrics[m].kind, rows, all.metrics[m]));
    }
  }
  std::vector<const uint32_t*> pointers;
  for (const auto& column : all.dimensions) pointers.push_back(column.data());
  RF_TRY(set.cells.load(std::move(all.times), pointers, std::move(all.metrics)));
  return set;
}

CellSet convert_cells(CellSet& set, std::shared_ptr<const RollupSpec> spec) {
  CellSet out(spec);
  const size_t rows = set.cells.rows();
  CellColumns columns;
  columns.rows = rows;
  columns.times = set.cells.cells().times;
  std::vector<const uint32_t*> pointers;
  columns.dimensions.resize(spec->dimensions.size());
  for (size_t d = 0; d < spec->dimensions.size(); ++d) {
    std::vector<uint32_t>& codes = columns.dimensions[d];
    codes.resize(rows, 0);
    if (const auto old = set.spec->find_dimension(spec->dimensions[d].name)) {
      const auto o = static_cast<size_t>(*old);
      CodeMap map;
      for (size_t i = 0; i < rows; ++i) {
        codes[i] = map.map(set.dimensions[o], set.cells.cells().dimensions[o][i], out.dimensions[d]);
      }
    }
    pointers.push_back(codes.data());
  }
  for (const RollupMetric& metric : spec->metrics) {
    const auto old = set.spec->find_metric(metric.name);
    MetricColumn& column = columns.metrics.emplace_back();
    if (old && set.spec->metrics[static_cast<size_t>(*old)].kind == metric.kind) {
      column = set.cells.cells().metrics[static_cast<size_t>(*old)];
    }
    resize(column, metric.kind, rows);
  }
  std::vector<uint32_t> all(rows);
  std::iota(all.begin(), all.end(), 0U);
  out.cells.merge(columns, all, pointers);
  return out;
}

std::string encode_cells(const CellSet& set) {
  const CellColumns& cells = set.cells.cells();
  std::string plain;
  append_size(plain, cells.rows);
  put_all(plain, cells.times);
  for (size_t d = 0; d < cells.dimensions.size(); ++d) {
    put_dimension(plain, set.dimensions[d], cells.dimensions[d]);
  }
  for (const MetricColumn& m : cells.metrics) put_metric(plain, m);
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const size_t n = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 1);
  RF_CHECK(ZSTD_isError(n) == 0U);
  out.resize(n);
  return out;
}

Result<CellSet> decode_cells(std::shared_ptr<const RollupSpec> spec, std::string_view bytes) {
  RF_ASSIGN(const std::string plain, decompress(bytes));
  ByteReader in(plain);
  const size_t rows = read_size(in, sizeof(Micros));
  std::vector<Micros> times(rows);
  read_all(in, times);
  CellSet set(spec);
  std::vector<std::vector<uint32_t>> codes(spec->dimensions.size());
  std::vector<const uint32_t*> pointers;
  for (size_t d = 0; d < codes.size() && in.ok(); ++d) {
    codes[d].resize(rows);
    read_dimension(in, spec->dimensions[d].type, set.dimensions[d], codes[d]);
    pointers.push_back(codes[d].data());
  }
  if (!in.ok()) return damaged();
  std::vector<MetricColumn> metrics(spec->metrics.size());
  for (size_t m = 0; m < metrics.size() && in.ok(); ++m) {
    resize(metrics[m], spec->metrics[m].kind, rows);
    RF_TRY(read_metric(in, metrics[m]));
  }
  if (!in.complete()) return damaged();
  RF_TRY(set.cells.load(std::move(times), pointers, std::move(metrics)));
  return set;
}

}  // namespace rideflow::rollup
