#include "rollup/query/predicate.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "rollup/query/extraction.h"
#include "rollup/query/interval.h"
#include "rollup/query/text_match.h"

namespace rideflow::rollup {
namespace {

constexpr size_t kPatternCost = 4;
constexpr size_t kExtractionCost = 16;

Truth truth(bool b) {
  return b ? kTrue : kFalse;
}

template <class F>
class SimplePredicate : public Predicate {
 public:
  explicit SimplePredicate(F f, size_t cost = 1) : f_(std::move(f)) { cost_ = cost; }
  Truth test(const Datum& value) const override { return f_(value); }

 private:
  F f_;
};

using PredicateResult = Result<std::shared_ptr<const Predicate>>;

// A predicate of values; null is unknown.
template <class F>
std::shared_ptr<const Predicate> of_values(F f, size_t cost = 1) {
  const auto test = [f = std::move(f)](const Datum& d) { return d.is_null() ? kUnknown : truth(f(d)); };
  return std::make_shared<SimplePredicate<decltype(test)>>(test, cost);
}

// A predicate of texts; numbers are looked at as text.
template <class F>
std::shared_ptr<const Predicate> of_text(F f, size_t cost = 1) {
  return of_values(
      [f = std::move(f)](const Datum& d) {
        if (d.kind == Datum::Kind::text) return f(d.text);
        return f(std::string_view(*text_of(d)));
      },
      cost);
}

std::shared_ptr<const Predicate> is_null_predicate() {
  const auto test = [](const Datum& d) { return truth(d.is_null()); };
  return std::make_shared<SimplePredicate<decltype(test)>>(test);
}

bool equal_doubles(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

// Equality with a text, or by value where both are numbers.
std::shared_ptr<const Predicate> equals_predicate(const std::string& match) {
  const bool number = parse_double(match).has_value();
  return of_values([match, number](const Datum& d) {
    if (d.kind == Datum::Kind::text) return d.text == match;
    if (d.kind == Datum::Kind::number && number) return equal_doubles(d.number, *parse_double(match));
    return number && compare(d, Datum::of(std::string_view(match)), Ordering::numeric) == 0;
  });
}

PredicateResult parse_in(const Json* values) {
  std::set<std::string, std::less<>> texts;
  std::set<double> doubles;  // of all numbers, NaN left out
  std::set<int64_t> longs;   // those that are longs
  bool nulls = false;
  bool nan = false;
  for (const Json* item : items(values)) {
    const auto t = text(item);
    if (!t) {
      nulls = true;
      continue;
    }
    texts.insert(*t);
    const auto n = parse_double(*t);
    nan = nan || (n && std::isnan(*n));
    if (n && !std::isnan(*n)) doubles.insert(*n);
    const double long_limit = 9223372036854775808.0;
    if (const auto i = parse_long(*t)) {
      longs.insert(*i);
    } else if (n && *n == std::floor(*n) && *n >= -long_limit && *n < long_limit) {
      longs.insert(static_cast<int64_t>(*n));
    }
  }
  const auto test = [=](const Datum& d) {
    if (d.is_null()) return nulls ? kTrue : kUnknown;
    if (d.kind == Datum::Kind::text) return truth(texts.count(d.text) > 0);
    if (d.kind == Datum::Kind::integer) return truth(longs.count(d.integer) > 0);
    return truth(std::isnan(d.number) ? nan : doubles.count(d.number) > 0);
  };
  return std::shared_ptr<const Predicate>(std::make_shared<SimplePredicate<decltype(test)>>(test));
}

struct Bounds {
  std::optional<std::string> lower;
  std::optional<std::string> upper;
  bool lower_open = false;
  bool upper_open = false;
};

class BoundPredicate : public Predicate {
 public:
  BoundPredicate(Bounds bounds, Ordering ordering, bool open_to_null)
      : bounds_(std::move(bounds)), ordering_(ordering), open_to_null_(open_to_null && !bounds_.lower) {}
  Truth test(const Datum& d) const override {
    if (d.is_null()) return kUnknown;
    // Texts that are no numbers sort before all numbers, so only an upper bound lets them through.
    const auto order = [&](const std::string& s) {
      return compare(d, Datum::of(std::string_view(s)), ordering_);
    };
    if (bounds_.lower) {
      const int c = order(*bounds_.lower);
      if (c < 0 || (c == 0 && bounds_.lower_open)) return kFalse;
    }
    if (bounds_.upper) {
      const int c = order(*bounds_.upper);
      if (c > 0 || (c == 0 && bounds_.upper_open)) return kFalse;
    }
    return kTrue;
  }
  Truth test_null_text() const override { return open_to_null_ ? kTrue : kUnknown; }

 private:
  Bounds bounds_;
  Ordering ordering_;
  bool open_to_null_;
};

PredicateResult parse_bound(const JsonObject& json) {
  const std::string name =
      text(json, "ordering", flag(json, "alphaNumeric") ? "alphanumeric" : "lexicographic");
  const auto ordering = parse_ordering(name);
  if (!ordering) return bad_query("query.filter.BoundDimFilter", "unknown ordering " + name);
  Bounds bounds{text(find(json, "lower")), text(find(json, "upper")), flag(json, "lowerStrict"),
                flag(json, "upperStrict")};
  return std::shared_ptr<const Predicate>(
      std::make_shared<BoundPredicate>(std::move(bounds), *ordering, true));
}

PredicateResult parse_range(const JsonObject& json) {
  const bool text_type = text(json, "matchValueType", "STRING") == "STRING";
  Bounds bounds{text(find(json, "lower")), text(find(json, "upper")), flag(json, "lowerOpen"),
                flag(json, "upperOpen")};
  const Ordering ordering = text_type ? Ordering::lexicographic : Ordering::numeric;
  return std::shared_ptr<const Predicate>(
      std::make_shared<BoundPredicate>(std::move(bounds), ordering, false));
}

PredicateResult parse_like(const JsonObject& json) {
  RF_ASSIGN(const LikePattern pattern, LikePattern::parse(text(json, "pattern"), text(json, "escape")));
  return of_text([pattern](std::string_view s) { return pattern.matches(s); }, 1 + pattern.size() / 16);
}

PredicateResult parse_regex(std::string_view pattern, QueryControl& control) {
  RF_ASSIGN(const auto regex, compile_regex(pattern, control));
  return of_text([regex](std::string_view s) { return regex_find(*regex, s); }, kPatternCost);
}

PredicateResult parse_search(const JsonObject& json, QueryControl& control) {
  const JsonObject* query = find_object(json, "query");
  if (query == nullptr) return bad_query("query.filter.SearchQueryDimFilter", "query must not be null");
  const std::string type = text(*query, "type");
  std::vector<std::string> values;
  if (type == "all") return of_text([](std::string_view) { return true; });
  if (type == "regex") return parse_regex(text(*query, "pattern"), control);
  if (type == "fragment") {
    for (const Json* v : items(find(*query, "values"))) values.push_back(text(v).value_or(""));
  } else {
    values.push_back(text(*query, "value"));
  }
  const bool exact = type != "insensitive_contains" && flag(*query, "caseSensitive", false);
  if (!exact) {
    for (std::string& v : values) v = to_lower(v);
  }
  const size_t cost = 1 + values.size();
  return of_text(
      [=](std::string_view s) {
        const std::string folded = exact ? std::string(s) : to_lower(s);
        return std::all_of(values.begin(), values.end(),
                           [&](const std::string& v) { return contains(folded, v); });
      },
      cost);
}

PredicateResult parse_interval_filter(const JsonObject& json) {
  RF_ASSIGN(const std::vector<Interval> intervals, parse_intervals(find(json, "intervals")));
  return of_values([intervals](const Datum& d) {
    const auto ms = number_of(d);
    if (!ms) return false;
    // Sorted and apart: the last that begins before it is the one that may hold it.
    const double t = *ms * 1000;
    const auto after =
        std::upper_bound(intervals.begin(), intervals.end(), t,
                         [](double m, const Interval& i) { return m < static_cast<double>(i.start); });
    return after != intervals.begin() && t < static_cast<double>(std::prev(after)->end);
  });
}

// Looks at what an extraction function makes of the value.
std::shared_ptr<const Predicate> extracted(std::shared_ptr<const Extraction> extraction,
                                           std::shared_ptr<const Predicate> inner) {
  const auto test = [extraction = std::move(extraction), inner = std::move(inner)](const Datum& d) {
    const auto t = extraction->apply(d);
    return inner->test(t ? Datum::of(std::string_view(*t)) : Datum());
  };
  return std::make_shared<SimplePredicate<decltype(test)>>(test, kExtractionCost);
}

PredicateResult parse_predicate(const std::string& type, const JsonObject& json, QueryControl& control) {
  if (type == "selector" || type == "extraction") {
    const auto value = text(find(json, "value"));
    return value ? equals_predicate(*value) : is_null_predicate();
  }
  if (type == "equals") {
    const auto value = text(find(json, "matchValue"));
    if (!value)
      return bad_query("query.filter.EqualityFilter", "Invalid equality filter, matchValue cannot be null");
    return equals_predicate(*value);
  }
  if (type == "null") return is_null_predicate();
  if (type == "in") return parse_in(find(json, "values"));
  if (type == "inType") return parse_in(find(json, "sortedValues"));
  if (type == "bound") return parse_bound(json);
  if (type == "range") return parse_range(json);
  if (type == "like") return parse_like(json);
  if (type == "regex") return parse_regex(text(json, "pattern"), control);
  if (type == "search") return parse_search(json, control);
  if (type == "interval") return parse_interval_filter(json);
  return std::shared_ptr<const Predicate>();
}

}  // namespace

Result<Leaf> parse_leaf(const std::string& type, const JsonObject& json, QueryControl& control) {
  Leaf leaf;
  RF_ASSIGN(leaf.predicate, parse_predicate(type, json, control));
  if (leaf.predicate == nullptr) return leaf;
  leaf.column = text(json, "dimension", text(json, "column"));
  if (leaf.column.empty()) return bad_query("query.filter.DimFilter", "dimension must not be null");
  RF_ASSIGN(auto extraction, Extraction::parse(find(json, "extractionFn"), control));
  if (extraction) leaf.predicate = extracted(std::move(extraction), std::move(leaf.predicate));
  return leaf;
}

}  // namespace rideflow::rollup
