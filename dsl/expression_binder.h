// Names to columns, calls to functions of the catalog, types checked: written expressions become the
// engine's.
//
// Errors go to the diagnostics with the place of the part that is wrong; a null result means that one was
// added. One binder serves one place of one job; not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dsl/diagnostics.h"
#include "dsl/expression_ast.h"
#include "engine/catalog.h"
#include "engine/expr.h"

namespace rideflow {

class Binder {
 public:
  // `path` names the place in messages: "streams.city_minute.where".
  Binder(const Catalog& catalog, SchemaRef schema, Diagnostics& diagnostics, std::string path);

  ExprRef bind(const Ast& ast);
  // Must be a boolean.
  ExprRef bind_condition(const Ast& ast);

  // Called for calls of aggregates; without it they are refused with `aggregate_hint`.
  using AggregateHook = std::function<ExprRef(const Ast& call, const AggregateKind& kind)>;
  void set_aggregate_hook(AggregateHook hook) { aggregate_hook_ = std::move(hook); }
  void set_aggregate_hint(std::string hint) { aggregate_hint_ = std::move(hint); }
  // Called for names that are no column: another meaning (an expression; a bare NULL: one whose definition
  // has an error), or null.
  using NameHook = std::function<ExprRef(const Ast& name)>;
  void set_name_hook(NameHook hook) { name_hook_ = std::move(hook); }
  // What is said of an unknown column, instead of the nearest name; empty: the usual.
  using UnknownMessage = std::function<std::string(const std::string& name)>;
  void set_unknown_message(UnknownMessage message) { unknown_message_ = std::move(message); }

  const Schema& schema() const { return *schema_; }
  const std::string& path() const { return path_; }
  Diagnostics& diagnostics() { return diagnostics_; }
  const Catalog& catalog() const { return catalog_; }

 private:
  // A bound expression as a tree: its levels and parts, shared parts counted as often as they stand there.
  struct Extent {
    int depth = 1;
    size_t parts = 1;
  };
  Extent extent(const ExprRef& expr);
  ExprRef bind_any(const Ast& ast);
  ExprRef error(TextPos pos, std::string message);
  ExprRef node(ExprOp op, Type type, bool nullable, std::vector<ExprRef> args, TextPos pos);
  ExprRef to(const ExprRef& expr, const Type& type, TextPos pos);
  bool bind_all(const std::vector<AstRef>& asts, std::vector<ExprRef>& out);
  bool unify(std::vector<ExprRef>& exprs, TextPos pos, std::string_view what);

  ExprRef column(const Ast& ast);
  ExprRef field(const Ast& ast);
  ExprRef logic(const Ast& ast);
  ExprRef negated_if(const Ast& ast, ExprRef expr);
  ExprRef operation(const Ast& ast);
  ExprRef compare(const std::string& symbol, ExprRef left, ExprRef right, TextPos pos);
  ExprRef between(const Ast& ast);
  ExprRef in(const Ast& ast);
  ExprRef is_test(const Ast& ast);
  ExprRef distinct_from(const Ast& ast);
  ExprRef case_of(const Ast& ast);
  ExprRef cast(const Ast& ast);
  ExprRef call(const Ast& ast);
  ExprRef conditional(const Ast& ast, bool& known);
  ExprRef unknown_function(const Ast& ast);
  ExprRef invoke(const FunctionKind& kind, std::vector<ExprRef> args, TextPos pos);
  ExprRef invoke_operator(std::string_view symbol, std::vector<ExprRef> args, TextPos pos);
  void adapt_literals(const Ast& ast, std::vector<ExprRef>& args);

  const Catalog& catalog_;
  SchemaRef schema_;
  Diagnostics& diagnostics_;
  std::string path_;
  AggregateHook aggregate_hook_;
  NameHook name_hook_;
  UnknownMessage unknown_message_;
  std::unordered_map<const Expr*, std::pair<ExprRef, Extent>> extents_;  // keeps what it knows alive
  std::string aggregate_hint_ = "aggregates stand under 'aggregate:' and a rollup's 'metrics:'";
};

// The catalog's function for an operator of the language ("=", "+", "like"), under the name it has there.
const FunctionKind* find_operator_function(const Catalog& catalog, std::string_view symbol);

// "message (did you mean 'x'?)".
std::string with_suggestion(std::string message, std::string_view word,
                            const std::vector<std::string>& candidates);
std::vector<std::string> column_names(const Schema& schema);

}  // namespace rideflow
