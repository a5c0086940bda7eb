// Druid's expression language, as clients use it in virtual columns, filters and post-aggregations.
//
// Names are bare or in double quotes, text in single quotes with \ escapes. Nulls propagate through operators
// and functions that do not say otherwise; comparisons give 1 or 0; integer arithmetic wraps, integer
// division by zero is null. Immutable and shared; depth and size are bounded.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rollup/query/page.h"

namespace rideflow::rollup {

class Expression {
 public:
  // `columns` resolves names over rows; null when only eval_by_name() is used. It must outlive the
  // expression.
  static Result<std::shared_ptr<const Expression>> parse(std::string_view text, const QueryColumns* columns);
  virtual ~Expression() = default;
  Result<QueryValue> eval(Page& page, size_t row) const;
  using Lookup = std::function<QueryValue(const std::string& name)>;
  Result<QueryValue> eval_by_name(const Lookup& lookup) const;
  // The names that it reads.
  virtual void collect(std::vector<std::string>& names) const = 0;

  struct Scope {
    Page* page = nullptr;
    size_t row = 0;
    const Lookup* lookup = nullptr;
  };
  virtual Result<QueryValue> eval(const Scope& scope) const = 0;
};

bool expression_truth(const QueryValue& v);  // numbers: not 0; text: "true"; null: false

// A call of one of the language's functions; null when there is no such function. `name` in lower case.
using ExpressionFunction = Result<QueryValue> (*)(const std::vector<QueryValue>& args);
struct ExpressionFunctionEntry {
  std::string_view name;
  size_t least_args;
  size_t most_args;
  bool nulls;  // false: a null argument gives null without a call
  ExpressionFunction call;
};
const ExpressionFunctionEntry* find_expression_function(std::string_view name);

}  // namespace rideflow::rollup
