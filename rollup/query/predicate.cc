#include "rollup/query/predicate.h"

#include <set>

#include "rollup/query/extraction.h"
#include "rollup/query/interval.h"
#include "rollup/query/text_match.h"

namespace rideflow::rollup {
namespace {

Truth truth(bool b) {
  return b ? kTrue : kFalse;
}

template <class F>
class SimplePredicate : public Predicate {
 public:
  explicit SimplePredicate(F f) : f_(std::move(f)) {}
  Truth test(const Datum& value) const override { return f_(value); }

 private:
  F f_;
};

using PredicateResult = Result<std::shared_ptr<const Predicate>>;

// A predicate of values; null is unknown.
template <class F>
std::shared_ptr<const Predicate> of_values(F f) {
  const auto test = [f = std::move(f)](const Datum& d) { return d.is_null() ? kUnknown : truth(f(d)); };
  return std::make_shared<SimplePredicate<decltype(test)>>(test);
}

// A predicate of texts; numbers are looked at as text.
template <class F>
std::shared_ptr<const Predicate> of_text(F f) {
  return of_values([f = std::move(f)](const Datum& d) {
    if (d.kind == Datum::Kind::text) return f(d.text);
    return f(std::string_view(*text_of(d)));
  });
}

std::shared_ptr<const Predicate> is_null_predicate() {
  const auto test = [](const Datum& d) { return truth(d.is_null()); };
  return std::make_shared<SimplePredicate<decltype(test)>>(test);
}

// Equality with a text, or by value where both are numbers.
bool equals(const Datum& d, const std::string& match, const std::optional<double>& as_number) {
  if (d.kind == Datum::Kind::text) return d.text == match;
  if (d.kind == Datum::Kind::integer) {
    if (const auto i = parse_long(match)) return d.integer == *i;
  }
  return as_number && d.as_double() == *as_number;
}

std::shared_ptr<const Predicate> equals_predicate(const std::string& match) {
  return of_values([match, n = parse_double(match)](const Datum& d) { return equals(d, match, n); });
}

PredicateResult parse_in(const Json* values) {
  std::set<std::string, std::less<>> texts;
  std::set<double> numbers;
  bool nulls = false;
  for (const Json* item : items(values)) {
    const auto t = text(item);
    if (!t) {
      nulls = true;
      continue;
    }
    texts.insert(*t);
    if (const auto n = parse_double(*t)) numbers.insert(*n);
  }
  const auto test = [=](const Datum& d) {
    if (d.is_null()) return nulls ? kTrue : kUnknown;
    if (d.kind == Datum::Kind::text) return truth(texts.count(d.text) > 0);
    return truth(numbers.count(d.as_double()) > 0);
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
  const std::string escape = text(json, "escape");
  return of_text([pattern = text(json, "pattern"), c = escape.empty() ? '\0' : escape.front()](
                     std::string_view s) { return like_match(s, pattern, c); });
}

PredicateResult parse_regex(const JsonObject& json) {
  RF_ASSIGN(const auto regex, compile_regex(text(json, "pattern")));
  return of_text([regex](std::string_view s) { return regex_find(*regex, s); });
}

PredicateResult parse_search(const JsonObject& json) {
  const JsonObject* query = find_object(json, "query");
  if (query == nullptr) return bad_query("query.filter.SearchQueryDimFilter", "query must not be null");
  const std::string type = text(*query, "type");
  std::vector<std::string> values;
  if (type == "all") return of_text([](std::string_view) { return true; });
  if (type == "regex") {
    RF_ASSIGN(const auto regex, compile_regex(text(*query, "pattern")));
    return of_text([regex](std::string_view s) { return regex_find(*regex, s); });
  }
  if (type == "fragment") {
    for (const Json* v : items(find(*query, "values"))) values.push_back(text(v).value_or(""));
  } else {
    values.push_back(text(*query, "value"));
  }
  const bool exact = type != "insensitive_contains" && flag(*query, "caseSensitive", false);
  if (!exact) {
    for (std::string& v : values) v = to_lower(v);
  }
  return of_text([=](std::string_view s) {
    const std::string folded = exact ? std::string(s) : to_lower(s);
    return std::all_of(values.begin(), values.end(),
                       [&](const std::string& v) { return folded.find(v) != std::string::npos; });
  });
}

PredicateResult parse_interval_filter(const JsonObject& json) {
  RF_ASSIGN(const std::vector<Interval> intervals, parse_intervals(find(json, "intervals")));
  return of_values([intervals](const Datum& d) {
    const auto ms = number_of(d);
    if (!ms) return false;
    const double t = *ms * 1000;
    return std::any_of(intervals.begin(), intervals.end(), [&](const Interval& i) {
      return t >= static_cast<double>(i.start) && t < static_cast<double>(i.end);
    });
  });
}

// Looks at what an extraction function makes of the value.
std::shared_ptr<const Predicate> extracted(std::shared_ptr<const Extraction> extraction,
                                           std::shared_ptr<const Predicate> inner) {
  const auto test = [extraction = std::move(extraction), inner = std::move(inner)](const Datum& d) {
    const auto t = extraction->apply(d);
    return inner->test(t ? Datum::of(std::string_view(*t)) : Datum());
  };
  return std::make_shared<SimplePredicate<decltype(test)>>(test);
}

PredicateResult parse_predicate(const std::string& type, const JsonObject& json) {
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
  if (type == "regex") return parse_regex(json);
  if (type == "search") return parse_search(json);
  if (type == "interval") return parse_interval_filter(json);
  return std::shared_ptr<const Predicate>();
}

}  // namespace

Result<Leaf> parse_leaf(const std::string& type, const JsonObject& json) {
  Leaf leaf;
  RF_ASSIGN(leaf.predicate, parse_predicate(type, json));
  if (leaf.predicate == nullptr) return leaf;
  leaf.column = text(json, "dimension", text(json, "column"));
  if (leaf.column.empty()) return bad_query("query.filter.DimFilter", "dimension must not be null");
  RF_ASSIGN(auto extraction, Extraction::parse(find(json, "extractionFn")));
  if (extraction) leaf.predicate = extracted(std::move(extraction), std::move(leaf.predicate));
  return leaf;
}

}  // namespace rideflow::rollup
