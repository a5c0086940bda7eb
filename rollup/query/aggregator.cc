#include "rollup/query/aggregator.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollup/query/expression.h"

namespace rideflow::rollup {
namespace {

using SpecRef = std::shared_ptr<const AggregatorSpec>;

// A spec whose accumulators a function makes.
template <class Make>
class MadeSpec : public AggregatorSpec {
 public:
  MadeSpec(std::string name, Make make) : make_(std::move(make)) { name_ = std::move(name); }
  std::unique_ptr<Aggregator> make() const override { return make_(); }

 private:
  Make make_;
};

template <class Make>
SpecRef made(std::string name, Make make) {
  return std::make_shared<MadeSpec<Make>>(std::move(name), std::move(make));
}

class CountAggregator : public Aggregator {
 public:
  void resize(size_t groups) override { counts_.resize(groups); }
  size_t group_bytes() const override { return sizeof(int64_t); }
  Status update(Page&, const uint32_t*, const uint32_t* groups, size_t n) override {
    if (groups == nullptr) {
      counts_[0] += static_cast<int64_t>(n);
    } else {
      for (size_t i = 0; i < n; ++i) ++counts_[groups[i]];
    }
    return {};
  }
  QueryValue value(size_t group) const override { return counts_[group]; }

 private:
  std::vector<int64_t> counts_;
};

// Common to the aggregators of one number per row.
class NumberAggregator : public Aggregator {
 public:
  explicit NumberAggregator(const ColumnRef& column) : source_(column) {}
  void bind(PartView& part) override { source_.bind(part); }
  Status update(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n) override {
    RF_ASSIGN(const NumberView view, source_.load(page, rows, n));
    add(view, rows, groups, n);
    return {};
  }

 protected:
  virtual void add(const NumberView& view, const uint32_t* rows, const uint32_t* groups, size_t n) = 0;

 private:
  NumberSource source_;
};

class LongSum : public NumberAggregator {
 public:
  using NumberAggregator::NumberAggregator;
  void resize(size_t groups) override {
    sums_.resize(groups);
    has_.resize(groups);
  }
  size_t group_bytes() const override { return sizeof(uint64_t) + 1; }
  QueryValue value(size_t g) const override {
    return has_[g] ? QueryValue(static_cast<int64_t>(sums_[g])) : QueryValue();
  }

 protected:
  void add(const NumberView& v, const uint32_t* rows, const uint32_t* groups, size_t n) override {
    if (n == 0) return;
    if (v.ints != nullptr && v.has == nullptr) {
      return groups == nullptr ? add_all(v.ints, rows, n) : add_by_group(v.ints, rows, groups, n);
    }
    for_rows(rows, groups, n, [&](size_t row, size_t g) {
      if (v.has != nullptr && v.has[row] == 0) return;
      sums_[g] += static_cast<uint64_t>(v.ints ? v.ints[row] : java_long(v.as_double(row)));
      has_[g] = 1;
    });
  }

 private:
  void add_all(const int64_t* values, const uint32_t* rows, size_t n) {
    uint64_t sum = 0;
    if (rows == nullptr) {
      for (size_t i = 0; i < n; ++i) sum += static_cast<uint64_t>(values[i]);
    } else {
      for (size_t i = 0; i < n; ++i) sum += static_cast<uint64_t>(values[rows[i]]);
    }
    sums_[0] += sum;
    has_[0] = 1;
  }
  // Pointers of its own: what writes bytes may have changed any member, for all that the compiler knows.
  void add_by_group(const int64_t* values, const uint32_t* rows, const uint32_t* groups, size_t n) {
    uint64_t* const sums = sums_.data();
    uint8_t* const has = has_.data();
    for_rows(rows, groups, n, [=](size_t row, size_t g) {
      sums[g] += static_cast<uint64_t>(values[row]);
      has[g] = 1;
    });
  }
  std::vector<uint64_t> sums_;
  std::vector<uint8_t> has_;
};

class DoubleSum : public NumberAggregator {
 public:
  DoubleSum(const ColumnRef& column, bool mean) : NumberAggregator(column), mean_(mean) {}
  void resize(size_t groups) override { sums_.resize(groups); }
  size_t group_bytes() const override { return sizeof(Sum); }
  QueryValue value(size_t g) const override {
    const Sum& sum = sums_[g];
    if (sum.count == 0) return {};
    return mean_ ? (sum.high + sum.low) / static_cast<double>(sum.count) : sum.high + sum.low;
  }

 protected:
  void add(const NumberView& v, const uint32_t* rows, const uint32_t* groups, size_t n) override {
    if (v.doubles != nullptr && v.has == nullptr) {
      return groups == nullptr ? add_all(v, rows, n) : add_by_group(v, rows, groups, n);
    }
    for_rows(rows, groups, n, [&](size_t row, size_t g) {
      if (v.has != nullptr && v.has[row] == 0) return;
      sums_[g].add(v.ints ? static_cast<double>(v.ints[row]) : v.doubles[row]);
      if (v.low != nullptr) sums_[g].low += v.low[row];
    });
  }

 private:
  struct Sum {
    double high = 0;
    double low = 0;
    int64_t count = 0;
    void add(double x) {
      add_exactly(high, low, x);
      ++count;
    }
  };

  // Four independent chains, so that an addition need not wait for the one before.
  void add_all(const NumberView& v, const uint32_t* rows, size_t n) {
    double high[4] = {};
    double low[4] = {};
    const auto row_of = [rows](size_t i) { return rows ? size_t{rows[i]} : i; };
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      for (size_t k = 0; k < 4; ++k) add_exactly(high[k], low[k], v.doubles[row_of(i + k)]);
    }
    for (; i < n; ++i) add_exactly(high[0], low[0], v.doubles[row_of(i)]);
    if (v.low != nullptr) {
      for (size_t k = 0; k < n; ++k) low[0] += v.low[row_of(k)];
    }
    for (size_t k = 0; k < 4; ++k) {
      add_exactly(sums_[0].high, sums_[0].low, high[k]);
      sums_[0].low += low[k];
    }
    sums_[0].count += static_cast<int64_t>(n);
  }

  void add_by_group(const NumberView& v, const uint32_t* rows, const uint32_t* groups, size_t n) {
    Sum* const sums = sums_.data();
    for_rows(rows, groups, n, [sums, values = v.doubles](size_t row, size_t g) { sums[g].add(values[row]); });
    if (v.low == nullptr) return;
    for_rows(rows, groups, n, [sums, low = v.low](size_t row, size_t g) { sums[g].low += low[row]; });
  }

  bool mean_;
  std::vector<Sum> sums_;
};

template <class T>
class Extreme : public NumberAggregator {
 public:
  Extreme(const ColumnRef& column, bool max) : NumberAggregator(column), max_(max) {}
  void resize(size_t groups) override {
    values_.resize(groups);
    has_.resize(groups);
  }
  size_t group_bytes() const override { return sizeof(T) + 1; }
  QueryValue value(size_t g) const override { return has_[g] ? QueryValue(values_[g]) : QueryValue(); }

 protected:
  void add(const NumberView& v, const uint32_t* rows, const uint32_t* groups, size_t n) override {
    for_rows(rows, groups, n, [&](size_t row, size_t g) {
      if (v.has != nullptr && v.has[row] == 0) return;
      T x;
      if constexpr (std::is_same_v<T, int64_t>) {
        x = v.ints ? v.ints[row] : java_long(v.as_double(row));
      } else {
        x = v.as_double(row);
      }
      if (has_[g] == 0 || (max_ ? values_[g] < x : x < values_[g])) values_[g] = x;
      has_[g] = 1;
    });
  }

 private:
  bool max_;
  std::vector<T> values_;
  std::vector<uint8_t> has_;
};

// Hands on the rows that a filter lets through.
class FilteredAggregator : public Aggregator {
 public:
  FilteredAggregator(std::shared_ptr<const Filter> filter, std::unique_ptr<Aggregator> inner)
      : filter_(std::move(filter)), inner_(std::move(inner)) {}
  void resize(size_t groups) override { inner_->resize(groups); }
  size_t group_bytes() const override { return inner_->group_bytes(); }
  size_t extra_bytes() const override {
    return inner_->extra_bytes() + (rows_.capacity() + groups_.capacity()) * sizeof(uint32_t);
  }
  void bind(PartView& part) override {
    bound_ = filter_->bind(part);
    inner_->bind(part);
  }
  Status update(Page& page, const uint32_t* rows, const uint32_t* groups, size_t n) override {
    truth_.resize(page.rows());
    RF_TRY(bound_->eval(page, truth_.data()));
    rows_.clear();
    groups_.clear();
    for (size_t i = 0; i < n; ++i) {
      const uint32_t row = rows ? rows[i] : static_cast<uint32_t>(i);
      if (truth_[row] != kTrue) continue;
      rows_.push_back(row);
      if (groups) groups_.push_back(groups[i]);
    }
    return inner_->update(page, rows_.data(), groups ? groups_.data() : nullptr, rows_.size());
  }
  QueryValue value(size_t group) const override { return inner_->value(group); }

 private:
  std::shared_ptr<const Filter> filter_;
  std::unique_ptr<Aggregator> inner_;
  std::unique_ptr<PageFilter> bound_;
  std::vector<uint8_t> truth_;
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> groups_;
};

class FilteredSpec : public AggregatorSpec {
 public:
  FilteredSpec(std::string name, std::shared_ptr<const Filter> filter, SpecRef inner)
      : filter_(std::move(filter)), inner_(std::move(inner)) {
    name_ = std::move(name);
  }
  std::unique_ptr<Aggregator> make() const override {
    return std::make_unique<FilteredAggregator>(filter_, inner_->make());
  }
  QueryValue finalize(const QueryValue& v) const override { return inner_->finalize(v); }

 private:
  std::shared_ptr<const Filter> filter_;
  SpecRef inner_;
};

// Which of some dimensions a subtotal leaves out: filled in by groupBy, elsewhere 0.
class GroupingAggregator : public Aggregator {
 public:
  void resize(size_t) override {}
  size_t group_bytes() const override { return 0; }
  Status update(Page&, const uint32_t*, const uint32_t*, size_t) override { return {}; }
  QueryValue value(size_t) const override { return int64_t{0}; }
};

class GroupingSpec : public AggregatorSpec {
 public:
  GroupingSpec(std::string name, std::vector<std::string> groupings) : groupings_(std::move(groupings)) {
    name_ = std::move(name);
  }
  std::unique_ptr<Aggregator> make() const override { return std::make_unique<GroupingAggregator>(); }
  const std::vector<std::string>* groupings() const override { return &groupings_; }

 private:
  std::vector<std::string> groupings_;
};

Result<ColumnRef> source_column(const JsonObject& json, const QueryColumns& columns) {
  if (const auto expression = text(find(json, "expression"))) {
    ColumnRef column{ColumnRef::Kind::expression, 0, nullptr};
    RF_ASSIGN(column.expression, Expression::parse(*expression, &columns));
    return column;
  }
  const auto field = text(find(json, "fieldName"));
  if (!field) {
    return bad_query("query.aggregation.AggregatorFactory",
                     "Must have a valid, non-null fieldName or expression");
  }
  return columns.find(*field);
}

Result<SpecRef> parse_number(const std::string& type, const std::string& name, const JsonObject& json,
                             const QueryColumns& columns) {
  RF_ASSIGN(const ColumnRef column, source_column(json, columns));
  if (type == "longSum") return made(name, [column] { return std::make_unique<LongSum>(column); });
  if (type == "doubleSum" || type == "floatSum" || type == "doubleMean") {
    const bool mean = type == "doubleMean";
    return made(name, [column, mean] { return std::make_unique<DoubleSum>(column, mean); });
  }
  const bool max = type == "longMax" || type == "doubleMax" || type == "floatMax" || type == "max";
  if (type == "longMin" || type == "longMax") {
    return made(name, [column, max] { return std::make_unique<Extreme<int64_t>>(column, max); });
  }
  return made(name, [column, max] { return std::make_unique<Extreme<double>>(column, max); });
}

constexpr std::string_view kNumberTypes[] = {"longSum",  "doubleSum", "floatSum",  "doubleMean",
                                             "longMin",  "longMax",   "doubleMin", "doubleMax",
                                             "floatMin", "floatMax",  "min",       "max"};

Result<SpecRef> parse_filtered(const JsonObject& json, const QueryColumns& columns) {
  const Json* filter_json = find(json, "filter");
  const Json* inner_json = find(json, "aggregator");
  if (filter_json == nullptr || inner_json == nullptr) {
    return bad_query("query.aggregation.FilteredAggregatorFactory", "filter and aggregator must not be null");
  }
  RF_ASSIGN(auto filter, Filter::parse(*filter_json, columns));
  JsonObject named = inner_json->is_object() ? inner_json->get_object() : JsonObject();
  const auto own = text(find(json, "name"));
  if (own && find(named, "name") == nullptr) named["name"] = *own;
  RF_ASSIGN(SpecRef inner, AggregatorSpec::parse(Json(std::move(named)), columns));
  const std::string name = own && !own->empty() ? *own : inner->name();
  return SpecRef(std::make_shared<FilteredSpec>(name, std::move(filter), std::move(inner)));
}

std::string capitalised(std::string s) {
  if (!s.empty() && s[0] >= 'a' && s[0] <= 'z') s[0] = static_cast<char>(s[0] - 'a' + 'A');
  return s;
}

}  // namespace

void NumberSource::bind(PartView& part) {
  if (column_.kind != ColumnRef::Kind::dimension) return;
  const DimensionView& view = part.dimension(column_.index);
  whole_ = view.type == DimensionType::int64;
  QueryControl& control = part.control();
  if (held_ == nullptr) held_ = std::make_unique<HeldBytes>(control);
  if (!held_->set(view.codes() * (sizeof(double) + 1))) return;
  table_.assign(view.codes(), 0);
  table_has_.assign(view.codes(), 0);
  std::vector<uint32_t> codes;
  for (uint32_t c = 1; c < table_.size(); ++c) {
    if (!control.step()) return;
    part.values_of(column_.index, c, codes);
    const Datum d = part.value(column_.index, codes.front());
    table_has_[c] = d.is_null() ? 0 : 1;
    table_[c] = number_of(d).value_or(0);  // as Druid: text that is no number counts as 0
  }
}

Result<NumberView> NumberSource::load(Page& page, const uint32_t* rows, size_t n) {
  NumberView out;
  const size_t size = page.rows();
  switch (column_.kind) {
    case ColumnRef::Kind::metric: {
      RF_ASSIGN(const MetricView view, page.metric(column_.index));
      out = {view.ints, view.doubles, view.low, view.times, view.has};
      if (out.ints != nullptr || out.doubles != nullptr) return out;
      break;  // a sketch or a text is no number
    }
    case ColumnRef::Kind::time: {
      RF_ASSIGN(const Micros* times, page.times());
      ints_.resize(size);
      for (size_t i = 0; i < size; ++i) ints_[i] = to_millis(times[i]);
      out.ints = ints_.data();
      return out;
    }
    case ColumnRef::Kind::dimension: {
      RF_ASSIGN(const uint32_t* codes, page.codes(column_.index));
      has_.resize(size);
      doubles_.resize(size);
      for (size_t i = 0; i < size; ++i) {
        has_[i] = table_has_[codes[i]];
        doubles_[i] = table_[codes[i]];
      }
      out.has = has_.data();
      out.doubles = doubles_.data();
      if (!whole_) return out;
      ints_.resize(size);
      for (size_t i = 0; i < size; ++i) {
        if (has_[i] == 0) continue;
        const Datum d = page.view().value(column_.index, codes[i]);
        ints_[i] = d.integer;
      }
      out.doubles = nullptr;
      out.ints = ints_.data();
      return out;
    }
    case ColumnRef::Kind::expression: {
      has_.assign(size, 0);
      doubles_.resize(size);
      Status status;
      for_rows(rows, nullptr, n, [&](size_t row, size_t) {
        if (!status.ok()) return;
        const Result<Datum> v = page.datum(column_, row);
        if (!v.ok()) {
          status = v.status();
          return;
        }
        const auto number = number_of(*v);
        has_[row] = number ? 1 : 0;
        doubles_[row] = number.value_or(0);
      });
      RF_TRY(status);
      out.has = has_.data();
      out.doubles = doubles_.data();
      return out;
    }
    case ColumnRef::Kind::missing:
      break;
  }
  has_.assign(size, 0);
  doubles_.resize(size);
  out = {};
  out.has = has_.data();
  out.doubles = doubles_.data();
  return out;
}

Result<std::shared_ptr<const AggregatorSpec>> AggregatorSpec::parse(const Json& json,
                                                                    const QueryColumns& columns) {
  const JsonObject* object = json.if_object();
  if (object == nullptr)
    return bad_query("query.aggregation.AggregatorFactory", "an aggregator is an object");
  const std::string type = text(*object, "type");
  if (type == "filtered") return parse_filtered(*object, columns);
  const auto name = text(find(*object, "name"));
  if (!name && !type.empty()) {
    return bad_query("query.aggregation." + capitalised(type) + "AggregatorFactory",
                     "Must have a valid, non-null aggregator name");
  }
  if (type == "count") return made(*name, [] { return std::make_unique<CountAggregator>(); });
  if (std::find(std::begin(kNumberTypes), std::end(kNumberTypes), type) != std::end(kNumberTypes)) {
    return parse_number(type, *name, *object, columns);
  }
  if (type == "grouping") {
    std::vector<std::string> groupings;
    for (const Json* item : items(find(*object, "groupings"))) groupings.push_back(text(item).value_or(""));
    return SpecRef(std::make_shared<GroupingSpec>(*name, std::move(groupings)));
  }
  RF_ASSIGN(SpecRef sketch, parse_sketch_aggregator(type, *object, columns));
  if (sketch) return sketch;
  RF_ASSIGN(SpecRef edge, parse_edge_aggregator(type, *object, columns));
  if (edge) return edge;
  if (type == "javascript") return Status::user(Code::unimplemented, "JavaScript is not run here.");
  return unknown_type(
      type, "query.aggregation.AggregatorFactory",
      "HLLSketch, HLLSketchBuild, HLLSketchMerge, KllDoublesSketch, KllDoublesSketchMerge, "
      "cardinality, count, doubleAny, doubleFirst, doubleLast, doubleMax, doubleMean, doubleMin, "
      "doubleSum, filtered, floatAny, floatFirst, floatLast, floatMax, floatMin, floatSum, grouping, "
      "hyperUnique, longAny, longFirst, longLast, longMax, longMin, longSum, "
      "quantilesDoublesSketch, quantilesDoublesSketchMerge, stringAny, stringFirst, "
      "stringFirstFold, stringLast, stringLastFold, thetaSketch");
}

}  // namespace rideflow::rollup
