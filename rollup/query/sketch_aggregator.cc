// Approximate distinct counts and quantiles, from stored sketches or from the values of a column.
#include <fmt/format.h>

#include <algorithm>

#include "rollup/query/aggregator.h"

namespace rideflow::rollup {
namespace {

constexpr size_t kMaxFields = 100;

// ---- Distinct

class DistinctAggregator : public Aggregator {
 public:
  DistinctAggregator(std::vector<ColumnRef> columns, bool by_row, bool stored)
      : columns_(std::move(columns)), by_row_(by_row), stored_(stored) {}
  void resize(size_t groups) override { sketches_.resize(groups); }
  size_t group_bytes() const override { return sizeof(Distinct); }
  size_t extra_bytes() const override { return sketch_bytes_; }
  void bind(PartView& part) override {
    tables_.assign(columns_.size(), {});
    if (held_ == nullptr) held_ = std::make_unique<HeldBytes>(part.control());
    if (!held_->set(0)) return;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (columns_[c].kind == ColumnRef::Kind::dimension && !by_row_) fill_table(part, c);
    }
  }
  Status update(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n) override {
    if (stored_) return merge_stored(page, rows, groups, n);
    if (by_row_) return add_rows(page, rows, groups, n);
    for (size_t c = 0; c < columns_.size(); ++c) RF_TRY(add_column(page, c, rows, groups, n));
    return {};
  }
  QueryValue value(size_t group) const override {
    return std::shared_ptr<const Distinct>(std::make_shared<Distinct>(sketches_[group]));
  }

 private:
  // Druid's approximate counts leave null and '' out.
  static bool skip(const Datum& d) { return d.is_null() || (d.kind == Datum::Kind::text && d.text.empty()); }
  static uint64_t hash(const Datum& d) {
    if (d.kind == Datum::Kind::text) return distinct_hash(d.text);
    return d.kind == Datum::Kind::integer ? distinct_hash(d.integer) : distinct_hash(d.number);
  }

  void fill_table(PartView& part, size_t c) {
    const int d = columns_[c].index;
    const uint32_t n = part.dimension(d).codes();
    std::vector<uint32_t> codes;
    if (!held_->add(n * sizeof(tables_[c].front()))) return;
    tables_[c].resize(n);
    for (uint32_t code = 0; code < n; ++code) {
      part.values_of(d, code, codes);
      if (!held_->add(codes.size() * 2 * sizeof(uint64_t)) || !part.control().step()) return;
      for (const uint32_t v : codes) {
        const Datum datum = part.value(d, v);
        if (!skip(datum)) tables_[c][code].push_back(hash(datum));
      }
    }
  }

  Status merge_stored(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n) {
    RF_TRY(page.metric(columns_.front().index).status());  // damage is an error, not a missing sketch
    for_rows(rows, groups, n, [&](size_t row, size_t g) {
      const Distinct* sketch = page.view().reader().distinct(columns_.front().index, row);
      if (sketch != nullptr) edit(g, [&](Distinct& mine) { mine.merge(*sketch); });
    });
    return {};
  }

  // Counts what a group's sketch holds.
  template <class F>
  void edit(size_t g, F f) {
    Distinct& sketch = sketches_[g];
    const size_t before = sketch.bytes();
    f(sketch);
    sketch_bytes_ = sketch_bytes_ + sketch.bytes() - before;
  }

  Status add_column(Page& page, size_t c, const uint32_t* rows, const uint32_t* groups, size_t n) {
    if (columns_[c].kind == ColumnRef::Kind::dimension) {
      RF_ASSIGN(const uint32_t* codes, page.codes(columns_[c].index));
      for_rows(rows, groups, n, [&](size_t row, size_t g) {
        edit(g, [&](Distinct& mine) {
          for (const uint64_t h : tables_[c][codes[row]]) mine.add(h);
        });
      });
      return {};
    }
    Status status;
    for_rows(rows, groups, n, [&](size_t row, size_t g) {
      const Result<Datum> d = page.datum(columns_[c], row);
      if (!d.ok()) {
        status = d.status();
      } else if (!skip(*d)) {
        edit(g, [&](Distinct& mine) { mine.add(hash(*d)); });
      }
    });
    return status;
  }

  // Each row counts once, by all its values.
  Status add_rows(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n) {
    Status status;
    std::string key;
    for_rows(rows, groups, n, [&](size_t row, size_t g) {
      key.clear();
      for (const ColumnRef& column : columns_) {
        const Result<std::vector<Datum>> values = page.data(column, row);
        if (!values.ok()) {
          status = values.status();
          return;
        }
        for (const Datum& d : *values) {
          const auto t = text_of(d);
          key += t ? "v" + std::to_string(t->size()) + ":" + *t : "n";
        }
        key += ';';
      }
      if (!page.view().control().step(1 + columns_.size() + key.size() / 64)) {
        status = page.view().control().status();
        return;
      }
      edit(g, [&](Distinct& mine) { mine.add(distinct_hash(std::string_view(key))); });
    });
    return status;
  }

  std::vector<ColumnRef> columns_;
  bool by_row_;
  bool stored_;
  std::unique_ptr<HeldBytes> held_;                         // the tables
  std::vector<std::vector<std::vector<uint64_t>>> tables_;  // by column, by code: hashes of its values
  std::vector<Distinct> sketches_;
  size_t sketch_bytes_ = 0;
};

class DistinctSpec : public AggregatorSpec {
 public:
  DistinctSpec(std::string name, std::vector<ColumnRef> columns, bool by_row, bool stored, bool round)
      : columns_(std::move(columns)), by_row_(by_row), stored_(stored), round_(round) {
    name_ = std::move(name);
  }
  std::unique_ptr<Aggregator> make() const override {
    return std::make_unique<DistinctAggregator>(columns_, by_row_, stored_);
  }
  QueryValue finalize(const QueryValue& v) const override {
    const auto* sketch = std::get_if<std::shared_ptr<const Distinct>>(&v);
    if (sketch == nullptr) return v;
    const double estimate = (*sketch)->estimate_double();
    if (round_) return static_cast<int64_t>(std::llround(estimate));
    return estimate;
  }

 private:
  std::vector<ColumnRef> columns_;
  bool by_row_;
  bool stored_;
  bool round_;
};

// ---- Quantiles

class QuantilesAggregator : public Aggregator {
 public:
  QuantilesAggregator(const ColumnRef& column, bool stored) : source_(column), stored_(stored) {}
  void resize(size_t groups) override { sketches_.resize(groups); }
  size_t group_bytes() const override { return sizeof(Quantiles); }
  size_t extra_bytes() const override { return sketch_bytes_; }
  void bind(PartView& part) override { source_.bind(part); }
  Status update(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n) override {
    if (stored_) {
      RF_TRY(page.metric(source_.column().index).status());  // damage is an error, not a missing sketch
      for_rows(rows, groups, n, [&](size_t row, size_t g) {
        const Quantiles* sketch = page.view().reader().quantiles(source_.column().index, row);
        if (sketch != nullptr) edit(g, [&](Quantiles& mine) { mine.merge(*sketch); });
      });
      return {};
    }
    RF_ASSIGN(const NumberView view, source_.load(page, rows, n));
    for_rows(rows, groups, n, [&](size_t row, size_t g) {
      if (view.has == nullptr || view.has[row] != 0) {
        edit(g, [&](Quantiles& mine) { mine.add(view.as_double(row)); });
      }
    });
    return {};
  }
  QueryValue value(size_t group) const override {
    return std::shared_ptr<const Quantiles>(std::make_shared<Quantiles>(sketches_[group]));
  }

 private:
  template <class F>
  void edit(size_t g, F f) {
    Quantiles& sketch = sketches_[g];
    const size_t before = sketch.bytes();
    f(sketch);
    sketch_bytes_ = sketch_bytes_ + sketch.bytes() - before;
  }

  NumberSource source_;
  bool stored_;
  std::vector<Quantiles> sketches_;
  size_t sketch_bytes_ = 0;
};

class QuantilesSpec : public AggregatorSpec {
 public:
  QuantilesSpec(std::string name, ColumnRef column, bool stored)
      : column_(std::move(column)), stored_(stored) {
    name_ = std::move(name);
  }
  std::unique_ptr<Aggregator> make() const override {
    return std::make_unique<QuantilesAggregator>(column_, stored_);
  }
  QueryValue finalize(const QueryValue& v) const override {
    const auto* sketch = std::get_if<std::shared_ptr<const Quantiles>>(&v);
    return sketch == nullptr ? v : QueryValue((*sketch)->count());
  }

 private:
  ColumnRef column_;
  bool stored_;
};

bool is_stored(const ColumnRef& column, const QueryColumns& columns, MetricKind kind) {
  return column.kind == ColumnRef::Kind::metric &&
         columns.spec().metrics[static_cast<size_t>(column.index)].kind == kind;
}

Result<std::shared_ptr<const AggregatorSpec>> refuse_unfinished() {
  return Status::user(Code::unimplemented,
                      "Sketches are not handed out in DataSketches' format: leave shouldFinalize out.");
}

}  // namespace

Result<std::shared_ptr<const AggregatorSpec>> parse_sketch_aggregator(const std::string& type,
                                                                      const JsonObject& json,
                                                                      const QueryColumns& columns) {
  using Made = std::shared_ptr<const AggregatorSpec>;
  const std::string name = text(json, "name");
  const bool distinct = type == "hyperUnique" || type == "thetaSketch" || type == "HLLSketch" ||
                        type == "HLLSketchBuild" || type == "HLLSketchMerge" || type == "cardinality";
  const bool quantiles = type == "quantilesDoublesSketch" || type == "quantilesDoublesSketchMerge" ||
                         type == "KllDoublesSketch" || type == "KllDoublesSketchMerge" ||
                         type == "KllFloatsSketch" || type == "KllFloatsSketchMerge";
  if (!distinct && !quantiles) return Made();
  if (!flag(json, "shouldFinalize", true)) return refuse_unfinished();
  if (quantiles) {
    ColumnRef column = columns.find(text(json, "fieldName"));
    const bool stored = is_stored(column, columns, MetricKind::quantile_sketch);
    return Made(std::make_shared<QuantilesSpec>(name, std::move(column), stored));
  }
  std::vector<ColumnRef> sources;
  if (type == "cardinality") {
    const Json* fields = find(json, "fields") ? find(json, "fields") : find(json, "fieldNames");
    for (const Json* item : items(fields)) {
      if (sources.size() >= kMaxFields) {
        return Status::user(Code::resource_exhausted,
                            fmt::format("cardinality takes {} fields.", kMaxFields));
      }
      const JsonObject* spec = item->if_object();
      sources.push_back(columns.find(spec ? text(*spec, "dimension") : text(item).value_or("")));
    }
  } else {
    sources.push_back(columns.find(text(json, "fieldName")));
  }
  const bool stored = sources.size() == 1 && is_stored(sources.front(), columns, MetricKind::distinct_sketch);
  return Made(std::make_shared<DistinctSpec>(name, std::move(sources), flag(json, "byRow"), stored,
                                             flag(json, "round")));
}

}  // namespace rideflow::rollup
