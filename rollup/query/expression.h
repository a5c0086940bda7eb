// Druid's expression language, as clients use it in virtual columns, filters and post-aggregations.
//
// Names are bare or in double quotes, text in single quotes with \ escapes. Nulls propagate through operators
// and functions that do not say otherwise; comparisons give 1 or 0; integer arithmetic wraps, integer
// division by zero is null. Immutable and shared.
//
// Bounds: 64 levels of an expression as written (a chain a + b + c … is one level, however long), 256 levels
// once the virtual columns that it names are counted in, 4,096 nodes, texts of 256 KiB. A virtual column is
// evaluated once for a row, however many expressions name it: Page keeps what it gave.
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
  static constexpr int kMaxDepth = 64;
  static constexpr int kMaxReach = 256;
  static constexpr size_t kMaxNodes = 4096;
  static constexpr size_t kMaxText = size_t{256} << 10;

  // `columns` resolves names over rows; null when only eval_by_name() is used. It must outlive the
  // expression.
  static Result<std::shared_ptr<const Expression>> parse(std::string_view text, const QueryColumns* columns);
  virtual ~Expression() = default;
  Result<QueryValue> eval(Page& page, size_t row) const;
  using Lookup = std::function<QueryValue(const std::string& name)>;
  Result<QueryValue> eval_by_name(const Lookup& lookup, QueryControl* control = nullptr) const;
  // Levels below and with this one, those of virtual columns included.
  int reach() const { return reach_; }
  // The names that it reads.
  virtual void collect(std::vector<std::string>& names) const = 0;

  struct Scope {
    Page* page = nullptr;
    size_t row = 0;
    const Lookup* lookup = nullptr;
    QueryControl* control = nullptr;  // null: nobody counts
    Status count() const { return control == nullptr || control->step() ? Status() : control->status(); }
  };
  virtual Result<QueryValue> eval(const Scope& scope) const = 0;

 protected:
  int reach_ = 1;
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
  size_t cost = 1;  // as QueryControl::step() counts
};
const ExpressionFunctionEntry* find_expression_function(std::string_view name);
// The call, counted, with its texts bounded.
Result<QueryValue> call_function(const ExpressionFunctionEntry& function, const std::vector<QueryValue>& args,
                                 QueryControl* control);

}  // namespace rideflow::rollup
