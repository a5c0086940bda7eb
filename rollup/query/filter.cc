#include "rollup/query/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <roaring/roaring.hh>

#include "rollup/query/expression.h"
#include "rollup/query/interval.h"
#include "rollup/query/predicate.h"
#include "rollup/query/selection.h"

namespace rideflow::rollup {
namespace {

constexpr size_t kMaxFilterItems = 10'000;
constexpr int kMaxFilterDepth = 32;
constexpr size_t kMaxCompared = 100;

using FilterRef = std::shared_ptr<const Filter>;

// ---- Leaves

// What a page costs where its rows are not looked at one by one.
Status counted(Page& page) {
  QueryControl& control = page.view().control();
  return control.step(1 + page.rows() / 256) ? Status() : control.status();
}
Status counted_row(Page& page, size_t units = 1) {
  QueryControl& control = page.view().control();
  return control.step(units) ? Status() : control.status();
}

// By a table over the codes of a dimension.
class CodeFilter : public PageFilter {
 public:
  CodeFilter(int dimension, std::vector<uint8_t> table, std::unique_ptr<HeldBytes> held)
      : dimension_(dimension), table_(std::move(table)), held_(std::move(held)) {}
  Status eval(Page& page, uint8_t* out) override {
    RF_ASSIGN(const uint32_t* codes, page.codes(dimension_));
    table_.look_up(codes, page.rows(), out);
    return counted(page);
  }
  bool candidates(const PartView& part, ::Roaring& rows) const override {
    const std::vector<uint8_t>& truths = table_.truths();
    std::vector<uint32_t> codes;
    for (uint32_t c = 0; c < truths.size(); ++c) {
      if (truths[c] == kTrue) codes.push_back(c);
    }
    if (!part.control().step(truths.size() / 256 + codes.size())) return false;
    if (codes.size() * 2 > truths.size() && codes.size() > 4) return false;  // most rows match: not worth it
    return part.part().rows_with(dimension_, codes, rows);
  }

 private:
  int dimension_;
  CodeTable table_;
  std::unique_ptr<HeldBytes> held_;
};

class RowFilter : public PageFilter {
 public:
  RowFilter(ColumnRef column, const Predicate& predicate)
      : column_(std::move(column)), predicate_(predicate) {}
  Status eval(Page& page, uint8_t* out) override {
    for (size_t i = 0; i < page.rows(); ++i) {
      RF_ASSIGN(const Datum d, page.datum(column_, i));
      out[i] = predicate_.test(d);
      RF_TRY(counted_row(page, predicate_.cost(d)));
    }
    return {};
  }

 private:
  ColumnRef column_;
  const Predicate& predicate_;
};

class ConstantPageFilter : public PageFilter {
 public:
  explicit ConstantPageFilter(Truth truth) : truth_(truth) {}
  Status eval(Page& page, uint8_t* out) override {
    std::fill_n(out, page.rows(), static_cast<uint8_t>(truth_));
    return counted(page);
  }

 private:
  Truth truth_;
};

std::vector<uint8_t> code_table(const PartView& part, int dimension, const Predicate& predicate) {
  const DimensionView& view = part.dimension(dimension);
  QueryControl& control = part.control();
  std::vector<uint8_t> values(view.values->size());
  for (uint32_t c = 1; c < values.size(); ++c) {
    const Datum d = part.value(dimension, c);
    values[c] = predicate.test(d);
    if (!control.step(predicate.cost(d))) break;  // the scan sees it
  }
  values[0] = view.type == DimensionType::string ? predicate.test_null_text() : predicate.test(Datum());
  if (view.lists == nullptr) return values;
  std::vector<uint8_t> lists(view.lists->size());
  std::vector<uint32_t> codes;
  for (uint32_t c = 0; c < lists.size(); ++c) {
    if (!control.step()) break;
    part.values_of(dimension, c, codes);
    lists[c] = kFalse;
    for (const uint32_t v : codes) lists[c] = std::max(lists[c], values[v]);
  }
  return lists;
}

class LeafFilter : public Filter {
 public:
  LeafFilter(Leaf leaf, ColumnRef column) : leaf_(std::move(leaf)), column_(std::move(column)) {}
  std::unique_ptr<PageFilter> bind(const PartView& part) const override {
    switch (column_.kind) {
      case ColumnRef::Kind::missing:
        return std::make_unique<ConstantPageFilter>(leaf_.predicate->test(Datum()));
      case ColumnRef::Kind::dimension: {
        const DimensionView& view = part.dimension(column_.index);
        auto held = std::make_unique<HeldBytes>(part.control());
        const size_t bytes = view.values->size() + (view.lists ? view.lists->size() : 0);
        if (!held->set(bytes)) return std::make_unique<ConstantPageFilter>(kFalse);  // the scan sees it
        return std::make_unique<CodeFilter>(column_.index, code_table(part, column_.index, *leaf_.predicate),
                                            std::move(held));
      }
      default:
        return std::make_unique<RowFilter>(column_, *leaf_.predicate);
    }
  }
  Truth test(const Lookup& lookup) const override { return leaf_.predicate->test(lookup(leaf_.column)); }

 private:
  Leaf leaf_;
  ColumnRef column_;
};

class ConstantFilter : public Filter {
 public:
  explicit ConstantFilter(Truth truth) : truth_(truth) {}
  std::unique_ptr<PageFilter> bind(const PartView&) const override {
    return std::make_unique<ConstantPageFilter>(truth_);
  }
  Truth test(const Lookup&) const override { return truth_; }

 private:
  Truth truth_;
};

// Two columns hold the same text.
class ComparisonFilter : public Filter {
 public:
  explicit ComparisonFilter(std::vector<std::pair<std::string, ColumnRef>> columns)
      : columns_(std::move(columns)) {}
  std::unique_ptr<PageFilter> bind(const PartView&) const override;
  Truth test(const Lookup& lookup) const override {
    const auto first = text_of(lookup(columns_.front().first));
    for (const auto& column : columns_) {
      if (text_of(lookup(column.first)) != first) return kFalse;
    }
    return kTrue;
  }

 private:
  class Bound : public PageFilter {
   public:
    explicit Bound(const ComparisonFilter& filter) : filter_(filter) {}
    Status eval(Page& page, uint8_t* out) override {
      for (size_t i = 0; i < page.rows(); ++i) {
        std::optional<std::string> first;
        out[i] = kTrue;
        for (size_t c = 0; c < filter_.columns_.size(); ++c) {
          RF_ASSIGN(const Datum d, page.datum(filter_.columns_[c].second, i));
          const auto t = text_of(d);
          if (c == 0) first = t;
          if (t != first) out[i] = kFalse;
        }
        RF_TRY(counted_row(page, filter_.columns_.size()));
      }
      return {};
    }

   private:
    const ComparisonFilter& filter_;
  };
  std::vector<std::pair<std::string, ColumnRef>> columns_;
};

std::unique_ptr<PageFilter> ComparisonFilter::bind(const PartView&) const {
  return std::make_unique<Bound>(*this);
}

class ExpressionFilter : public Filter {
 public:
  ExpressionFilter(std::shared_ptr<const Expression> expression, QueryControl& control)
      : expression_(std::move(expression)), control_(control) {}
  std::unique_ptr<PageFilter> bind(const PartView&) const override {
    return std::make_unique<Bound>(*expression_);
  }
  Truth test(const Lookup& lookup) const override {
    const Result<QueryValue> v =
        expression_->eval_by_name([&](const std::string& n) { return value_of(lookup(n)); }, &control_);
    return v.ok() ? truth_of(*v) : kUnknown;
  }

 private:
  static Truth truth_of(const QueryValue& v) {
    if (is_null(v)) return kUnknown;
    return expression_truth(v) ? kTrue : kFalse;
  }
  class Bound : public PageFilter {
   public:
    explicit Bound(const Expression& expression) : expression_(expression) {}
    Status eval(Page& page, uint8_t* out) override {
      for (size_t i = 0; i < page.rows(); ++i) {
        RF_ASSIGN(const QueryValue v, expression_.eval(page, i));
        out[i] = truth_of(v);
      }
      return {};
    }

   private:
    const Expression& expression_;
  };
  std::shared_ptr<const Expression> expression_;
  QueryControl& control_;
};

// ---- Combinations

class AndOrFilter : public Filter {
 public:
  AndOrFilter(bool is_and, std::vector<FilterRef> fields) : and_(is_and), fields_(std::move(fields)) {}
  std::unique_ptr<PageFilter> bind(const PartView& part) const override {
    std::vector<std::unique_ptr<PageFilter>> fields;
    for (const FilterRef& field : fields_) fields.push_back(field->bind(part));
    return std::make_unique<Bound>(and_, std::move(fields));
  }
  Truth test(const Lookup& lookup) const override {
    Truth result = and_ ? kTrue : kFalse;
    for (const FilterRef& field : fields_) {
      const Truth t = field->test(lookup);
      result = and_ ? std::min(result, t) : std::max(result, t);
    }
    return result;
  }

 private:
  class Bound : public PageFilter {
   public:
    Bound(bool is_and, std::vector<std::unique_ptr<PageFilter>> fields)
        : and_(is_and), fields_(std::move(fields)) {}
    Status eval(Page& page, uint8_t* out) override {
      const size_t n = page.rows();
      RF_TRY(fields_.front()->eval(page, out));
      other_.resize(n);
      for (size_t f = 1; f < fields_.size(); ++f) {
        RF_TRY(fields_[f]->eval(page, other_.data()));
        const uint8_t* other = other_.data();
        if (and_) {
          for (size_t i = 0; i < n; ++i) out[i] = std::min(out[i], other[i]);
        } else {
          for (size_t i = 0; i < n; ++i) out[i] = std::max(out[i], other[i]);
        }
        RF_TRY(counted(page));
      }
      return {};
    }
    bool candidates(const PartView& part, ::Roaring& rows) const override {
      bool some = false;
      for (const auto& field : fields_) {
        ::Roaring mine;
        const bool known = field->candidates(part, mine);
        if (!known && !and_) return false;
        if (!known) continue;
        if (!some) {
          rows = std::move(mine);
        } else if (and_) {
          rows &= mine;
        } else {
          rows |= mine;
        }
        some = true;
      }
      return some;
    }

   private:
    bool and_;
    std::vector<std::unique_ptr<PageFilter>> fields_;
    std::vector<uint8_t> other_;
  };
  bool and_;
  std::vector<FilterRef> fields_;
};

class NotFilter : public Filter {
 public:
  // `decided`: what is unknown counts as false first (istrue, isfalse).
  NotFilter(FilterRef field, bool negate, bool decided)
      : field_(std::move(field)), negate_(negate), decided_(decided) {}
  std::unique_ptr<PageFilter> bind(const PartView& part) const override {
    return std::make_unique<Bound>(*this, field_->bind(part));
  }
  Truth test(const Lookup& lookup) const override { return apply(field_->test(lookup)); }

 private:
  Truth apply(uint8_t t) const {
    const int result = negate_ ? 2 - t : t;
    return decided_ && result == kUnknown ? kFalse : static_cast<Truth>(result);
  }
  class Bound : public PageFilter {
   public:
    Bound(const NotFilter& filter, std::unique_ptr<PageFilter> field)
        : filter_(filter), field_(std::move(field)) {}
    Status eval(Page& page, uint8_t* out) override {
      RF_TRY(field_->eval(page, out));
      for (size_t i = 0; i < page.rows(); ++i) out[i] = filter_.apply(out[i]);
      return counted(page);
    }

   private:
    const NotFilter& filter_;
    std::unique_ptr<PageFilter> field_;
  };
  FilterRef field_;
  bool negate_;
  bool decided_;
};

class FilterParser {
 public:
  explicit FilterParser(const QueryColumns& columns) : columns_(columns) {}

  Result<FilterRef> parse(const Json& json, int depth) {
    const JsonObject* object = json.if_object();
    if (object == nullptr) return bad_query("query.filter.DimFilter", "a filter is an object");
    if (depth > kMaxFilterDepth || ++count_ > kMaxFilterItems) {
      return Status::user(Code::resource_exhausted,
                          fmt::format("The filter is too large: {} conditions, {} levels.", kMaxFilterItems,
                                      kMaxFilterDepth));
    }
    const std::string type = text(*object, "type");
    RF_ASSIGN(Leaf leaf, parse_leaf(type, *object, columns_.control()));
    if (leaf.predicate != nullptr) {
      ColumnRef column = columns_.find(leaf.column);
      return FilterRef(std::make_shared<LeafFilter>(std::move(leaf), std::move(column)));
    }
    if (type == "and" || type == "or") return parse_fields(type, *object, depth);
    if (type == "not" || type == "istrue" || type == "isfalse") {
      const Json* field = find(*object, "field");
      if (field == nullptr)
        return bad_query("query.filter.NotDimFilter", "NOT operator requires at least one field");
      RF_ASSIGN(FilterRef inner, parse(*field, depth + 1));
      return FilterRef(std::make_shared<NotFilter>(std::move(inner), type != "istrue", type != "not"));
    }
    if (type == "true" || type == "false") {
      return FilterRef(std::make_shared<ConstantFilter>(type == "true" ? kTrue : kFalse));
    }
    if (type == "columnComparison") return parse_comparison(*object);
    if (type == "expression") {
      RF_ASSIGN(auto expression, Expression::parse(text(*object, "expression"), &columns_));
      return FilterRef(std::make_shared<ExpressionFilter>(std::move(expression), columns_.control()));
    }
    return unknown_type(
        type, "query.filter.DimFilter",
        "and, arrayContainsElement, bound, columnComparison, equals, expression, extraction, false, "
        "in, inType, interval, isfalse, istrue, javascript, like, not, null, or, range, regex, "
        "search, selector, spatial, true");
  }

 private:
  Result<FilterRef> parse_fields(const std::string& type, const JsonObject& json, int depth) {
    std::vector<FilterRef> fields;
    for (const Json* field : items(find(json, "fields"))) {
      if (field->is_null()) continue;
      RF_ASSIGN(FilterRef inner, parse(*field, depth + 1));
      fields.push_back(std::move(inner));
    }
    if (fields.empty()) {
      return bad_query(type == "and" ? "query.filter.AndDimFilter" : "query.filter.OrDimFilter",
                       (type == "and" ? "AND" : "OR") + std::string(" operator requires at least one field"));
    }
    return FilterRef(std::make_shared<AndOrFilter>(type == "and", std::move(fields)));
  }

  Result<FilterRef> parse_comparison(const JsonObject& json) {
    std::vector<std::pair<std::string, ColumnRef>> columns;
    for (const Json* item : items(find(json, "dimensions"))) {
      const JsonObject* object = item->if_object();
      const std::string name = object ? text(*object, "dimension") : text(item).value_or("");
      columns.emplace_back(name, columns_.find(name));
    }
    if (columns.size() > kMaxCompared) {
      return Status::user(Code::resource_exhausted,
                          fmt::format("columnComparison takes {} columns.", kMaxCompared));
    }
    if (columns.empty())
      return bad_query("query.filter.ColumnComparisonDimFilter", "dimensions must not be empty");
    return FilterRef(std::make_shared<ComparisonFilter>(std::move(columns)));
  }

  const QueryColumns& columns_;
  size_t count_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Filter>> Filter::parse(const Json& json, const QueryColumns& columns) {
  return FilterParser(columns).parse(json, 0);
}

}  // namespace rideflow::rollup
