#include "rollup/cell_table.h"

#include <bit>
#include <functional>

namespace rideflow::rollup {
namespace {

constexpr size_t kLeastSlots = 16;

// Calls f(row of the input, cell) for every input row that counts.
template <class F>
void each(const MetricInput& in, const std::vector<uint32_t>& cells, int32_t n, F f) {
  if (in.valid == nullptr) {
    for (int32_t i = 0; i < n; ++i) f(i, cells[static_cast<size_t>(i)]);
  } else {
    for (int32_t i = 0; i < n; ++i) {
      if (get_bit(in.valid, i)) f(i, cells[static_cast<size_t>(i)]);
    }
  }
}

template <class T, class Less>
void update_extreme(std::vector<T>& to, std::vector<uint8_t>& has, const T* values, const MetricInput& in,
                    const std::vector<uint32_t>& cells, int32_t n, Less less) {
  each(in, cells, n, [&](int32_t i, uint32_t c) {
    if (has[c] == 0 || less(values[i], to[c])) to[c] = values[i];
    has[c] = 1;
  });
}

template <class T, class Get>
void update_edge(bool last, std::vector<T>& to, MetricColumn& m, const MetricInput& in,
                 const std::vector<uint32_t>& cells, int32_t n, Get get) {
  each(in, cells, n, [&](int32_t i, uint32_t c) {
    T value = get(i);
    if (m.has[c] == 0 || replaces(last, in.event_time[i], value, m.times[c], to[c])) {
      to[c] = std::move(value);
      m.times[c] = in.event_time[i];
    }
    m.has[c] = 1;
  });
}

// Kernels of one metric: n rows into their cells.
void update(MetricKind kind, MetricColumn& m, const MetricInput& in, const std::vector<uint32_t>& cells,
            int32_t n) {
  const auto text = [&](int32_t i) { return std::string(in.texts->string(i)); };
  const auto number = [&](int32_t i) { return in.doubles[i]; };
  const auto integer = [&](int32_t i) { return in.ints[i]; };
  switch (kind) {
    case MetricKind::count:
      each(in, cells, n, [&](int32_t, uint32_t c) { ++m.ints[c]; });
      break;
    case MetricKind::long_sum:
      each(in, cells, n, [&](int32_t i, uint32_t c) {
        m.ints[c] =
            static_cast<int64_t>(static_cast<uint64_t>(m.ints[c]) + static_cast<uint64_t>(in.ints[i]));
        m.has[c] = 1;
      });
      break;
    case MetricKind::double_sum:
      each(in, cells, n, [&](int32_t i, uint32_t c) {
        add_exactly(m.doubles[c], m.low[c], in.doubles[i]);
        m.has[c] = 1;
      });
      break;
    case MetricKind::long_min:
      update_extreme(m.ints, m.has, in.ints, in, cells, n, std::less<>());
      break;
    case MetricKind::long_max:
      update_extreme(m.ints, m.has, in.ints, in, cells, n, std::greater<>());
      break;
    case MetricKind::double_min:
      update_extreme(m.doubles, m.has, in.doubles, in, cells, n, std::less<>());
      break;
    case MetricKind::double_max:
      update_extreme(m.doubles, m.has, in.doubles, in, cells, n, std::greater<>());
      break;
    case MetricKind::long_first:
    case MetricKind::long_last:
      update_edge(kind == MetricKind::long_last, m.ints, m, in, cells, n, integer);
      break;
    case MetricKind::double_first:
    case MetricKind::double_last:
      update_edge(kind == MetricKind::double_last, m.doubles, m, in, cells, n, number);
      break;
    case MetricKind::string_first:
    case MetricKind::string_last:
      update_edge(kind == MetricKind::string_last, m.texts, m, in, cells, n, text);
      break;
    case MetricKind::quantile_sketch:
      each(in, cells, n, [&](int32_t i, uint32_t c) { m.quantiles[c].add(in.doubles[i]); });
      break;
    case MetricKind::distinct_sketch:
      each(in, cells, n, [&](int32_t i, uint32_t c) { m.distincts[c].add(in.hashes[i]); });
      break;
  }
}

template <class T>
size_t heap_bytes(const std::vector<T>& values) {
  return values.capacity() * sizeof(T);
}

size_t heap_bytes(const MetricColumn& metric) {
  size_t bytes = heap_bytes(metric.ints) + heap_bytes(metric.doubles) + heap_bytes(metric.low) +
                 heap_bytes(metric.times) + heap_bytes(metric.texts) + heap_bytes(metric.has) +
                 heap_bytes(metric.quantiles) + heap_bytes(metric.distincts);
  constexpr size_t kInside = 15;  // of a std::string
  for (const std::string& text : metric.texts) bytes += text.capacity() > kInside ? text.capacity() + 1 : 0;
  for (const Quantiles& sketch : metric.quantiles) bytes += sketch.bytes();
  for (const Distinct& sketch : metric.distincts) bytes += sketch.bytes();
  return bytes;
}

uint64_t hash_cell(Micros time, std::span<const uint32_t* const> codes, int32_t i) {
  uint64_t h = static_cast<uint64_t>(time) * 0x9e3779b97f4a7c15ULL;
  for (const uint32_t* column : codes) h = (h ^ (h >> 29) ^ column[i]) * 0xbf58476d1ce4e5b9ULL;
  return h ^ (h >> 32);
}

}  // namespace

size_t bytes_of(const CellColumns& cells) {
  size_t bytes =
      sizeof(cells) + heap_bytes(cells.times) + heap_bytes(cells.dimensions) + heap_bytes(cells.metrics);
  for (const auto& codes : cells.dimensions) bytes += heap_bytes(codes);
  for (const MetricColumn& metric : cells.metrics) bytes += heap_bytes(metric);
  return bytes;
}

void resize(MetricColumn& m, MetricKind kind, size_t rows) {
  if (kind != MetricKind::count && kind != MetricKind::quantile_sketch &&
      kind != MetricKind::distinct_sketch) {
    m.has.resize(rows);
  }
  switch (kind) {
    case MetricKind::count:
    case MetricKind::long_sum:
    case MetricKind::long_min:
    case MetricKind::long_max:
      m.ints.resize(rows);
      break;
    case MetricKind::double_sum:
      m.low.resize(rows);
      [[fallthrough]];
    case MetricKind::double_min:
    case MetricKind::double_max:
      m.doubles.resize(rows);
      break;
    case MetricKind::long_first:
    case MetricKind::long_last:
      m.ints.resize(rows);
      m.times.resize(rows);
      break;
    case MetricKind::double_first:
    case MetricKind::double_last:
      m.doubles.resize(rows);
      m.times.resize(rows);
      break;
    case MetricKind::string_first:
    case MetricKind::string_last:
      m.texts.resize(rows);
      m.times.resize(rows);
      break;
    case MetricKind::quantile_sketch:
      m.quantiles.resize(rows);
      break;
    case MetricKind::distinct_sketch:
      m.distincts.resize(rows);
      break;
  }
}

void merge_metric(MetricKind kind, MetricColumn& to, size_t t, const MetricColumn& from, size_t f) {
  if (kind == MetricKind::quantile_sketch) return to.quantiles[t].merge(from.quantiles[f]);
  if (kind == MetricKind::distinct_sketch) return to.distincts[t].merge(from.distincts[f]);
  if (kind == MetricKind::count) {
    to.ints[t] += from.ints[f];
    return;
  }
  if (from.has[f] == 0) return;
  const bool first_value = to.has[t] == 0;
  to.has[t] = 1;
  const auto edge = [&](bool last, auto& values, const auto& others) {
    if (!first_value && !replaces(last, from.times[f], others[f], to.times[t], values[t])) return;
    values[t] = others[f];
    to.times[t] = from.times[f];
  };
  switch (kind) {
    case MetricKind::long_sum:
      to.ints[t] =
          static_cast<int64_t>(static_cast<uint64_t>(to.ints[t]) + static_cast<uint64_t>(from.ints[f]));
      break;
    case MetricKind::double_sum:
      add_exactly(to.doubles[t], to.low[t], from.doubles[f]);
      to.low[t] += from.low[f];
      break;
    case MetricKind::long_min:
      to.ints[t] = first_value ? from.ints[f] : std::min(to.ints[t], from.ints[f]);
      break;
    case MetricKind::long_max:
      to.ints[t] = first_value ? from.ints[f] : std::max(to.ints[t], from.ints[f]);
      break;
    case MetricKind::double_min:
      to.doubles[t] = first_value ? from.doubles[f] : std::min(to.doubles[t], from.doubles[f]);
      break;
    case MetricKind::double_max:
      to.doubles[t] = first_value ? from.doubles[f] : std::max(to.doubles[t], from.doubles[f]);
      break;
    case MetricKind::long_first:
    case MetricKind::long_last:
      edge(kind == MetricKind::long_last, to.ints, from.ints);
      break;
    case MetricKind::double_first:
    case MetricKind::double_last:
      edge(kind == MetricKind::double_last, to.doubles, from.doubles);
      break;
    case MetricKind::string_first:
    case MetricKind::string_last:
      edge(kind == MetricKind::string_last, to.texts, from.texts);
      break;
    case MetricKind::count:
    case MetricKind::quantile_sketch:
    case MetricKind::distinct_sketch:
      break;
  }
}

CellTable::CellTable(std::shared_ptr<const RollupSpec> spec)
    : spec_(std::move(spec)), cells_(std::make_shared<CellColumns>()) {
  cells_->dimensions.resize(spec_->dimensions.size());
  cells_->metrics.resize(spec_->metrics.size());
}

void CellTable::own() {
  if (!shared_) return;
  cells_ = std::make_shared<CellColumns>(*cells_);
  shared_ = false;
}

std::shared_ptr<const CellColumns> CellTable::share() {
  shared_ = true;
  return cells_;
}

// The next cells are likely about as many.
void CellTable::clear() {
  const size_t slots = std::min(slots_.size(), std::bit_ceil(std::max(rows() * 4, kLeastSlots)));
  *this = CellTable(spec_);
  slots_.resize(slots);
}

size_t CellTable::bytes() const {
  const size_t index = heap_bytes(slots_) + heap_bytes(hashes_) + heap_bytes(found_);
  return index + (empty() ? 0 : bytes_of(*cells_));
}

uint32_t CellTable::find_one(uint64_t hash, Micros time, std::span<const uint32_t* const> codes, int32_t i) {
  if (slots_.empty()) slots_.resize(kLeastSlots);
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  CellColumns& cells = *cells_;
  size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const uint32_t row = slots_[slot] - 1;
    if (hashes_[row] != tag || cells.times[row] != time) continue;
    bool equal = true;
    for (size_t d = 0; d < codes.size() && equal; ++d) equal = cells.dimensions[d][row] == codes[d][i];
    if (equal) return row;
  }
  const auto row = static_cast<uint32_t>(cells.rows++);
  slots_[slot] = row + 1;
  hashes_.push_back(tag);
  cells.times.push_back(time);
  for (size_t d = 0; d < codes.size(); ++d) cells.dimensions[d].push_back(codes[d][i]);
  if (cells.rows * 2 > slots_.size()) grow();
  return row;
}

void CellTable::find(int32_t n, const Micros* times, std::span<const uint32_t* const> codes) {
  found_.resize(static_cast<size_t>(n));
  for (int32_t i = 0; i < n; ++i) {
    found_[static_cast<size_t>(i)] = find_one(hash_cell(times[i], codes, i), times[i], codes, i);
  }
  for (size_t m = 0; m < spec_->metrics.size(); ++m) {
    resize(cells_->metrics[m], spec_->metrics[m].kind, cells_->rows);
  }
}

void CellTable::grow() {
  slots_.assign(slots_.size() * 2, 0);
  const size_t mask = slots_.size() - 1;
  std::vector<const uint32_t*> codes;
  for (const auto& column : cells_->dimensions) codes.push_back(column.data());
  for (size_t row = 0; row < cells_->rows; ++row) {
    size_t slot = hash_cell(cells_->times[row], codes, static_cast<int32_t>(row)) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<uint32_t>(row) + 1;
  }
}

void CellTable::add(int32_t n, const Micros* times, std::span<const uint32_t* const> codes,
                    std::span<const MetricInput> inputs) {
  own();
  find(n, times, codes);
  for (size_t m = 0; m < inputs.size(); ++m) {
    update(spec_->metrics[m].kind, cells_->metrics[m], inputs[m], found_, n);
  }
}

Status CellTable::load(std::vector<Micros> times, std::span<const uint32_t* const> codes,
                       std::vector<MetricColumn> metrics) {
  RF_CHECK(empty());
  find(static_cast<int32_t>(times.size()), times.data(), codes);
  if (cells_->rows != times.size()) {
    return Status::external(Code::data_loss, "A rollup's cells are damaged: a cell stands there twice.");
  }
  cells_->metrics = std::move(metrics);
  return {};
}

void CellTable::merge(const CellColumns& from, std::span<const uint32_t> rows,
                      std::span<const uint32_t* const> codes) {
  own();
  std::vector<Micros> times(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) times[i] = from.times[rows[i]];
  find(static_cast<int32_t>(rows.size()), times.data(), codes);
  for (size_t m = 0; m < spec_->metrics.size(); ++m) {
    const MetricKind kind = spec_->metrics[m].kind;
    for (size_t i = 0; i < rows.size(); ++i) {
      merge_metric(kind, cells_->metrics[m], found_[i], from.metrics[m], rows[i]);
    }
  }
}

}  // namespace rideflow::rollup
