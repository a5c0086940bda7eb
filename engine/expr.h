// Typed expressions: the tree that the job language binds to and the evaluator runs.
//
// An Expr is immutable and shared; every node knows its type, whether it can be null, and its place in the
// job's text. SQL's three-valued logic holds. A row on which an expression fails (division by zero, overflow,
// a bad cast) is an error of that row, not of the batch; errors propagate like nulls through strict
// functions, and are dropped where the language never asked for the value: the branch of a case not taken,
// the right side of an and whose left is false, a coalesce after its first value.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/text_pos.h"
#include "engine/value.h"

namespace rideflow {

struct Expr;
using ExprRef = std::shared_ptr<const Expr>;

enum class ExprOp : uint8_t {
  literal,  // `value`
  column,   // input column `index`
  field,    // field `index` of the structure args[0]
  call,     // `function` over args
  and_,
  or_,  // n-ary
  not_,
  is_null,   // never null, never fails when args[0] does not
  in_list,   // args[0] in (args[1..]); SQL null rules
  case_,     // args = when, then, when, then, …, else (always present; a NULL literal by default)
  coalesce,  // first non-null of args, all of one type
  cast,      // args[0] to `type`; a value that does not convert fails the row
  try_cast,  // … gives null
};

// The rows on which a kernel failed, each with its reason. Kept apart so that rows without errors pay
// nothing.
class RowErrors {
 public:
  void fail(int32_t row, std::string reason) { errors_.push_back({row, std::move(reason)}); }
  struct Error {
    int32_t row;
    std::string reason;
  };
  std::vector<Error>& all() { return errors_; }
  const std::vector<Error>& all() const { return errors_; }
  bool empty() const { return errors_.empty(); }

 private:
  std::vector<Error> errors_;
};

// An argument of a kernel: a column of `rows` values, or one constant for all rows (then column has length
// 1).
struct KernelArg {
  const Column* column = nullptr;
  bool constant = false;
  int64_t at(int64_t row) const { return constant ? 0 : row; }
};

// Computes one column of `rows` values. Strict kernels are called with their null rows holding harmless
// values and need not look at validity: the evaluator merges it. A strict kernel may still return nulls of
// its own.
struct KernelCall {
  int32_t rows = 0;
  std::span<const KernelArg> args;
  // Rows that matter, one bit each, or null when all do: skip others where a value costs or may fail. Errors
  // reported for other rows are ignored.
  const uint8_t* active = nullptr;
  bool is_active(int64_t row) const { return active == nullptr || get_bit(active, row); }
};
using Kernel = std::function<Column(const KernelCall&, RowErrors&)>;

// A function after overload resolution: what the evaluator calls once per batch. Thread-safe and immutable.
struct BoundFunction {
  std::string name;
  Type result;
  bool strict = true;     // a null argument gives null, without a call for that row
  bool nullable = false;  // may return null although no argument is
  bool can_fail = false;  // may report row errors
  bool deterministic = true;
  bool costly = false;          // worth skipping rows that do not matter (regular expressions, formatting)
  std::vector<Type> arg_types;  // after coercion: the binder casts arguments to these
  Kernel kernel;
};

struct Expr {
  ExprOp op = ExprOp::literal;
  Type type;
  bool nullable = true;
  std::vector<ExprRef> args;
  Value value;
  int index = 0;
  std::shared_ptr<const BoundFunction> function;
  TextPos pos;
};

ExprRef make_literal(Value v, Type type, TextPos pos = {});
ExprRef make_column(const Schema& schema, int index, TextPos pos = {});
// Structural equality: same operations on the same columns. For common subexpressions and pushed predicates.
bool same_expr(const Expr& a, const Expr& b);
uint64_t hash_expr(const Expr& e);
// As the language writes it, with column names of `schema`.
std::string to_string(const Expr& e, const Schema& schema);
// The input columns that the expression reads, ascending, added to `out`.
void collect_columns(const Expr& e, std::vector<int>& out);
// The same tree with column i read as columns[i].
ExprRef remap_columns(const ExprRef& e, std::span<const int> columns);

// The value, validity and failed rows of one root for one batch.
struct EvalColumn {
  Column column;
  RowErrors errors;
};

// Evaluates several expressions over batches of one schema. Constant parts are folded and common
// subexpressions computed once per batch. Not thread-safe; keep one per task.
class Evaluator {
 public:
  Evaluator();
  Evaluator(std::vector<ExprRef> roots, SchemaRef input);
  Evaluator(Evaluator&&) noexcept;
  Evaluator& operator=(Evaluator&&) noexcept;
  ~Evaluator();
  // out gets one EvalColumn per root, each with batch.rows rows.
  void eval(const Batch& batch, std::vector<EvalColumn>& out);
  const std::vector<ExprRef>& roots() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Value of an expression without columns, or why it has none. For literals in options and for constant
// folding.
Result<Value> eval_constant(const ExprRef& e);

}  // namespace rideflow
