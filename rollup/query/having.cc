#include "rollup/query/having.h"

#include <algorithm>

#include "rollup/query/extraction.h"

namespace rideflow::rollup {
namespace {

constexpr int kMaxHavingDepth = 32;
using HavingRef = std::shared_ptr<const Having>;

template <class F>
class SimpleHaving : public Having {
 public:
  explicit SimpleHaving(F f) : f_(std::move(f)) {}
  bool keeps(const Filter::Lookup& row) const override { return f_(row); }

 private:
  F f_;
};

template <class F>
Result<HavingRef> made(F f) {
  return HavingRef(std::make_shared<SimpleHaving<F>>(std::move(f)));
}

// Longs and doubles by their exact values; NaN is greater than all and equal to itself alone, as in Druid.
Result<HavingRef> parse_comparison(const std::string& type, const JsonObject& json) {
  const std::string name = text(json, "aggregation");
  const Json* given = find(json, "value");
  const auto number_given = number(given);
  if (!number_given) return bad_query("query.groupby.having.HavingSpec", "value must be a number");
  const auto digits = given->is_string() ? parse_long(*text(given)) : std::nullopt;
  QueryValue value = *number_given;
  if (given->is_int64()) value = given->get_int64();
  if (digits) value = *digits;
  const int wanted = type == "greaterThan" ? 1 : (type == "lessThan" ? -1 : 0);
  return made([name, value, wanted](const Filter::Lookup& row) {
    const Datum d = row(name);
    if (!number_of(d)) return false;
    const int order = compare(d, datum_of(value), Ordering::numeric);
    return (order > 0 ? 1 : (order < 0 ? -1 : 0)) == wanted;
  });
}

Result<HavingRef> parse_dimension(const JsonObject& json, QueryControl& control) {
  RF_ASSIGN(const auto extraction, Extraction::parse(find(json, "extractionFn"), control));
  return made(
      [name = text(json, "dimension"), value = text(find(json, "value")), extraction](const auto& row) {
        const Datum d = row(name);
        return (extraction ? extraction->apply(d) : text_of(d)) == value;
      });
}

}  // namespace

Result<std::shared_ptr<const Having>> Having::parse(const Json& json, const QueryColumns& columns,
                                                    int depth) {
  const JsonObject* object = json.if_object();
  if (object == nullptr || depth > kMaxHavingDepth) {
    return bad_query("query.groupby.having.HavingSpec", "having is an object, not nested too deep");
  }
  const std::string type = text(*object, "type");
  if (type == "greaterThan" || type == "lessThan" || type == "equalTo")
    return parse_comparison(type, *object);
  if (type == "dimSelector") return parse_dimension(*object, columns.control());
  if (type == "always") return made([](const Filter::Lookup&) { return true; });
  if (type == "filter") {
    const Json* filter_json = find(*object, "filter");
    if (filter_json == nullptr)
      return bad_query("query.groupby.having.DimFilterHavingSpec", "filter must not be null");
    RF_ASSIGN(const auto filter, Filter::parse(*filter_json, columns));
    return made([filter](const Filter::Lookup& row) { return filter->test(row) == kTrue; });
  }
  if (type == "not") {
    const Json* inner_json = find(*object, "havingSpec");
    if (inner_json == nullptr)
      return bad_query("query.groupby.having.NotHavingSpec", "havingSpec must not be null");
    RF_ASSIGN(const auto inner, Having::parse(*inner_json, columns, depth + 1));
    return made([inner](const Filter::Lookup& row) { return !inner->keeps(row); });
  }
  if (type == "and" || type == "or") {
    std::vector<HavingRef> all;
    for (const Json* item : items(find(*object, "havingSpecs"))) {
      RF_ASSIGN(auto inner, Having::parse(*item, columns, depth + 1));
      all.push_back(std::move(inner));
    }
    return made([all, is_and = type == "and"](const Filter::Lookup& row) {
      const auto keeps = [&](const HavingRef& h) { return h->keeps(row); };
      return is_and ? std::all_of(all.begin(), all.end(), keeps) : std::any_of(all.begin(), all.end(), keeps);
    });
  }
  return unknown_type(type, "query.groupby.having.HavingSpec",
                      "always, and, dimSelector, equalTo, filter, greaterThan, lessThan, not, or");
}

}  // namespace rideflow::rollup
