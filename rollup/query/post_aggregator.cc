#include "rollup/query/post_aggregator.h"

#include <fmt/format.h>

#include <cmath>

#include "rollup/query/expression.h"

namespace rideflow::rollup {
namespace {

using PostRef = std::shared_ptr<const PostAggregator>;
constexpr int kMaxPostAggregatorDepth = 32;

template <class F>
class SimplePost : public PostAggregator {
 public:
  SimplePost(std::string name, F f) : f_(std::move(f)) { name_ = std::move(name); }
  Result<QueryValue> eval(const RowValues& row) const override { return f_(row); }

 private:
  F f_;
};

template <class F>
Result<PostRef> made(const JsonObject& json, F f) {
  return PostRef(std::make_shared<SimplePost<F>>(text(json, "name"), std::move(f)));
}

Result<std::vector<PostRef>> parse_fields(const JsonObject& json, const char* member, int depth) {
  std::vector<PostRef> fields;
  for (const Json* item : items(find(json, member))) {
    RF_ASSIGN(PostRef field, PostAggregator::parse(*item, depth + 1));
    fields.push_back(std::move(field));
  }
  return fields;
}

double apply(char op, double a, double b) {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b == 0 ? 0 : a / b;  // Druid's rule
    case 'q':
      return a / b;
    default:
      return std::pow(a, b);
  }
}

Result<PostRef> parse_arithmetic(const JsonObject& json, int depth) {
  constexpr std::string_view kType = "query.aggregation.post.ArithmeticPostAggregator";
  const std::string fn = text(json, "fn");
  const bool known = fn == "+" || fn == "-" || fn == "*" || fn == "/" || fn == "quotient" || fn == "pow";
  if (!known)
    return bad_query(kType,
                     fmt::format("Unknown operation[{}], known operations[+, -, *, /, pow, quotient]", fn));
  RF_ASSIGN(auto fields, parse_fields(json, "fields", depth));
  if (fields.empty()) return bad_query(kType, fmt::format("Illegal number of fields[0], must be > 1"));
  return made(json, [fields, op = fn[0]](const RowValues& row) -> Result<QueryValue> {
    double result = 0;
    for (size_t i = 0; i < fields.size(); ++i) {
      RF_ASSIGN(const QueryValue v, fields[i]->eval(row));
      const auto n = number_of(datum_of(plain(v)));
      if (!n) return QueryValue();
      result = i == 0 ? *n : apply(op, result, *n);
    }
    return QueryValue(result);
  });
}

Result<PostRef> parse_constant(const JsonObject& json) {
  const Json* value = find(json, "value");
  const auto n = number(value);
  if (!n)
    return bad_query("query.aggregation.post.ConstantPostAggregator", "Constant value must not be null");
  const bool whole = value->is_int64();
  const QueryValue v = whole ? QueryValue(value->get_int64()) : QueryValue(*n);
  return made(json, [v](const RowValues&) -> Result<QueryValue> { return v; });
}

// As a long (cut towards zero, within its range) or a double; null when it is no number.
QueryValue number_value(const QueryValue& v, bool as_long) {
  if (as_long && std::holds_alternative<int64_t>(v)) return v;
  const auto n = number_of(datum_of(v));
  if (!n) return {};
  return as_long ? QueryValue(java_long(*n)) : QueryValue(*n);
}

Result<PostRef> parse_extreme(const std::string& type, const JsonObject& json, int depth) {
  RF_ASSIGN(auto fields, parse_fields(json, "fields", depth));
  const bool greatest = type.ends_with("Greatest");
  const bool longs = type.starts_with("long");
  return made(json, [fields, greatest, longs](const RowValues& row) -> Result<QueryValue> {
    QueryValue best;
    for (const PostRef& field : fields) {
      RF_ASSIGN(QueryValue v, field->eval(row));
      v = number_value(plain(v), longs);
      if (is_null(v)) continue;
      const int order = is_null(best) ? 0 : compare(datum_of(v), datum_of(best), Ordering::numeric);
      if (is_null(best) || (greatest ? order > 0 : order < 0)) best = std::move(v);
    }
    return best;
  });
}

// f(sketch) of the post-aggregator's field; null when the field is no such sketch.
template <class Sketch, class F>
Result<PostRef> of_sketch(const JsonObject& json, int depth, F f, size_t cost = 1) {
  const Json* field = find(json, "field");
  if (field == nullptr) {
    return bad_query("query.aggregation.datasketches", "field must not be null");
  }
  RF_ASSIGN(PostRef inner, PostAggregator::parse(*field, depth + 1));
  return made(json, [inner, f = std::move(f), cost](const RowValues& row) -> Result<QueryValue> {
    RF_ASSIGN(const QueryValue v, inner->eval(row));
    if (!row.control().step(cost)) return row.control().status();
    const auto* sketch = std::get_if<std::shared_ptr<const Sketch>>(&v);
    return sketch == nullptr ? QueryValue() : f(**sketch);
  });
}

double quantile_of(const Quantiles& q, double fraction) {
  return q.quantile(std::clamp(fraction, 0.0, 1.0)).value_or(std::nan(""));
}

Result<std::vector<double>> numbers(const JsonObject& json, const char* member) {
  constexpr size_t kMost = 1000;
  std::vector<double> out;
  for (const Json* item : items(find(json, member))) {
    if (out.size() == kMost) {
      return Status::user(Code::resource_exhausted,
                          fmt::format("{} holds more than {} numbers.", member, kMost));
    }
    out.push_back(number(item).value_or(0));
  }
  return out;
}

// The values between split points, as counts; or up to each, as shares.
std::vector<double> distribution(const Quantiles& q, const std::vector<double>& splits, bool cumulative) {
  std::vector<double> out;
  double before = 0;
  const auto n = static_cast<double>(q.count());
  for (size_t i = 0; i <= splits.size(); ++i) {
    const double upto = i == splits.size() ? 1 : rank_of(q, splits[i]);
    out.push_back(cumulative ? upto : (upto - before) * n);
    before = upto;
  }
  return out;
}

std::vector<double> even_splits(const Quantiles& q, int64_t bins) {
  std::vector<double> splits;
  const double least = quantile_of(q, 0);
  const double step = (quantile_of(q, 1) - least) / static_cast<double>(bins);
  for (int64_t i = 1; i < bins; ++i) splits.push_back(least + step * static_cast<double>(i));
  return splits;
}

Result<PostRef> parse_quantiles(const std::string& what, const JsonObject& json, int depth) {
  if (what == "ToQuantile") {
    const double fraction = number(find(json, "fraction")).value_or(0);
    return of_sketch<Quantiles>(json, depth, [fraction](const Quantiles& q) {
      return q.count() == 0 ? QueryValue(std::nan("")) : QueryValue(quantile_of(q, fraction));
    });
  }
  if (what == "ToQuantiles") {
    RF_ASSIGN(const std::vector<double> fractions, numbers(json, "fractions"));
    const auto quantiles = [fractions](const Quantiles& q) {
      std::vector<double> out;
      for (const double f : fractions) out.push_back(quantile_of(q, f));
      return QueryValue(std::move(out));
    };
    return of_sketch<Quantiles>(json, depth, quantiles, 1 + fractions.size());
  }
  if (what == "ToRank") {
    const double value = number(find(json, "value")).value_or(0);
    return of_sketch<Quantiles>(json, depth,
                                [value](const Quantiles& q) { return QueryValue(rank_of(q, value)); });
  }
  if (what == "ToCDF" || what == "ToHistogram") {
    const int64_t bins = std::clamp<int64_t>(integer(find(json, "numBins")).value_or(10), 2, 1'000);
    RF_ASSIGN(const std::vector<double> splits, numbers(json, "splitPoints"));
    const auto parts = [splits, bins, cdf = what == "ToCDF"](const Quantiles& q) {
      return QueryValue(distribution(q, splits.empty() ? even_splits(q, bins) : splits, cdf));
    };
    return of_sketch<Quantiles>(json, depth, parts,
                                1 + 2 * std::max(splits.size(), static_cast<size_t>(bins)));
  }
  return Status::user(Code::unimplemented,
                      "The post-aggregator quantilesDoublesSketch" + what + " is not known here.");
}

// Set operations of distinct sketches. A union is exact as the sketches are; the others come from the sizes
// of unions (inclusion and exclusion) and are numbers, good while the sets are of like size.
Result<PostRef> parse_set_op(const JsonObject& json, int depth) {
  const std::string func = text(json, "func");
  if (func != "UNION" && func != "INTERSECT" && func != "NOT") {
    return bad_query("query.aggregation.datasketches.theta.SketchSetPostAggregator",
                     "Unknown operation " + func);
  }
  RF_ASSIGN(auto fields, parse_fields(json, "fields", depth));
  if (fields.size() < 2 || (fields.size() > 2 && func == "INTERSECT")) {
    return Status::user(Code::unimplemented, "thetaSketchSetOp takes two fields, UNION and NOT also more.");
  }
  return made(json, [fields, func](const RowValues& row) -> Result<QueryValue> {
    std::vector<std::shared_ptr<const Distinct>> sketches;
    for (const PostRef& field : fields) {
      RF_ASSIGN(const QueryValue v, field->eval(row));
      const auto* sketch = std::get_if<std::shared_ptr<const Distinct>>(&v);
      if (sketch == nullptr) return QueryValue();
      sketches.push_back(*sketch);
    }
    Distinct others = *sketches[1];
    for (size_t i = 2; i < sketches.size(); ++i) others.merge(*sketches[i]);
    auto all = std::make_shared<Distinct>(others);
    all->merge(*sketches[0]);
    if (func == "UNION") return QueryValue(std::shared_ptr<const Distinct>(std::move(all)));
    const double whole = all->estimate_double();
    const double rest = others.estimate_double();
    if (func == "NOT") return QueryValue(std::max(0.0, whole - rest));
    return QueryValue(std::max(0.0, sketches[0]->estimate_double() + rest - whole));
  });
}

Result<PostRef> parse_estimate(const JsonObject& json, int depth) {
  const Json* field = find(json, "field");
  if (field == nullptr) return bad_query("query.aggregation.datasketches", "field must not be null");
  RF_ASSIGN(PostRef inner, PostAggregator::parse(*field, depth + 1));
  return made(json, [inner, round = flag(json, "round")](const RowValues& row) -> Result<QueryValue> {
    RF_ASSIGN(const QueryValue v, inner->eval(row));
    const auto estimate = number_of(datum_of(plain(v)));
    if (!estimate) return QueryValue();
    return QueryValue(round ? std::round(*estimate) : *estimate);
  });
}

}  // namespace

QueryValue plain(const QueryValue& v) {
  if (const auto* q = std::get_if<std::shared_ptr<const Quantiles>>(&v)) return (*q)->count();
  if (const auto* d = std::get_if<std::shared_ptr<const Distinct>>(&v)) return (*d)->estimate_double();
  return v;
}

Result<std::shared_ptr<const PostAggregator>> PostAggregator::parse(const Json& json, int depth) {
  const JsonObject* object = json.if_object();
  if (object == nullptr || depth > kMaxPostAggregatorDepth) {
    return bad_query("query.aggregation.PostAggregator",
                     "a post-aggregator is an object, not nested too deep");
  }
  const std::string type = text(*object, "type");
  const std::string field = text(*object, "fieldName");
  if (type == "fieldAccess") {
    return made(*object, [field](const RowValues& row) -> Result<QueryValue> { return row.raw(field); });
  }
  if (type == "finalizingFieldAccess" || type == "hyperUniqueCardinality") {
    return made(*object,
                [field](const RowValues& row) -> Result<QueryValue> { return row.finalized(field); });
  }
  if (type == "arithmetic") return parse_arithmetic(*object, depth);
  if (type == "constant") return parse_constant(*object);
  if (type == "expression") {
    RF_ASSIGN(const auto expression, Expression::parse(text(*object, "expression"), nullptr));
    return made(*object, [expression](const RowValues& row) {
      return expression->eval_by_name([&](const std::string& n) { return plain(row.finalized(n)); },
                                      &row.control());
    });
  }
  const bool extreme =
      type == "doubleGreatest" || type == "doubleLeast" || type == "longGreatest" || type == "longLeast";
  if (extreme) return parse_extreme(type, *object, depth);
  constexpr std::string_view kQuantiles = "quantilesDoublesSketch";
  if (type.starts_with(kQuantiles)) return parse_quantiles(type.substr(kQuantiles.size()), *object, depth);
  if (type == "thetaSketchEstimate" || type == "HLLSketchEstimate") return parse_estimate(*object, depth);
  if (type == "thetaSketchSetOp") return parse_set_op(*object, depth);
  if (type == "thetaSketchToString" || type == "HLLSketchToString" || type == "HLLSketchUnion" ||
      type == "HLLSketchEstimateWithBounds" || type == "javascript") {
    return Status::user(Code::unimplemented, "The post-aggregator " + type + " is not known here.");
  }
  return unknown_type(
      type, "query.aggregation.PostAggregator",
      "arithmetic, constant, doubleGreatest, doubleLeast, expression, fieldAccess, "
      "finalizingFieldAccess, hyperUniqueCardinality, HLLSketchEstimate, longGreatest, longLeast, "
      "quantilesDoublesSketchToCDF, quantilesDoublesSketchToHistogram, "
      "quantilesDoublesSketchToQuantile, quantilesDoublesSketchToQuantiles, "
      "quantilesDoublesSketchToRank, thetaSketchEstimate");
}

}  // namespace rideflow::rollup
