// The evaluator compiles its roots into a graph in which equal expressions are one node, folds constant
// nodes once, and then runs node by node over whole columns.
//
// Errors and laziness: where the language asks for a value only on some rows (the branches of a case, what
// follows the first argument of and, or, coalesce), and computing it may fail or is costly, the node belongs
// to a *context*: a mask of rows that its owner sets before it asks. All other nodes belong to context 0, all
// rows, wherever they stand, so that they are computed once. A failed row is null in the node's column and
// has an entry in its errors; owners drop the entries of rows that they did not ask for.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "engine/builder.h"
#include "engine/cast.h"
#include "engine/eval_parts.h"
#include "engine/hash.h"

namespace rideflow {

namespace {

struct Node {
  ExprRef expr;
  std::vector<int> args;
  std::vector<int> arg_contexts;  // per argument: the context that the owner must set first, or -1
  int context = 0;
  bool constant = false;                   // slot holds its one row for ever
  bool constant_failed = false;            // a constant that has no value: fails every row that asks
  std::string reason;                      // … with this
  std::unique_ptr<const ConstantSet> set;  // in_list of constants
  bool set_has_null = false;
  EvalSlot slot;
  int64_t computed_in = -1;
};

bool may_need_mask(const Expr& e) {
  if (e.op == ExprOp::cast && cast_can_fail(e.args[0]->type, e.type)) return true;
  if (e.op == ExprOp::call && (e.function->can_fail || e.function->costly)) return true;
  return std::any_of(e.args.begin(), e.args.end(), [](const ExprRef& arg) { return may_need_mask(*arg); });
}

// Whether argument i is asked for only where the ones before it left the answer open.
bool is_lazy(ExprOp op, size_t i) {
  return i > 0 && (op == ExprOp::and_ || op == ExprOp::or_ || op == ExprOp::case_ || op == ExprOp::coalesce);
}

}  // namespace

struct Evaluator::Impl {
  std::vector<ExprRef> roots;
  SchemaRef input;
  std::vector<int> root_nodes;
  std::vector<Node> nodes;
  std::unordered_multimap<uint64_t, int> by_hash;
  std::vector<int> context_parents = {-1};
  std::vector<RowMask> masks = {RowMask()};

  // Of the batch at hand:
  const Batch* batch = nullptr;
  int32_t rows = 0;
  int64_t run = 0;

  // ---- Compilation

  int add_node(const ExprRef& e, int context) {
    const bool masked = context != 0 && may_need_mask(*e);
    if (!masked) context = 0;
    const uint64_t hash = hash_expr(*e);
    if (const int known = find_node(*e, hash, context); known >= 0) return known;
    Node node;
    node.expr = e;
    node.context = context;
    for (size_t i = 0; i < e->args.size(); ++i) {
      int arg_context = context;
      node.arg_contexts.push_back(-1);
      if (is_lazy(e->op, i) && may_need_mask(*e->args[i])) {
        arg_context = static_cast<int>(masks.size());
        masks.emplace_back();
        context_parents.push_back(context);
        node.arg_contexts.back() = arg_context;
      }
      node.args.push_back(add_node(e->args[i], arg_context));
    }
    nodes.push_back(std::move(node));
    const int id = static_cast<int>(nodes.size()) - 1;
    by_hash.emplace(hash, id);
    if (e->op == ExprOp::in_list) prepare_set(nodes[static_cast<size_t>(id)]);
    fold(id);
    return id;
  }

  // An equal node of this context or of one around it.
  int find_node(const Expr& e, uint64_t hash, int context) const {
    for (int c = context; c >= 0; c = context_parents[static_cast<size_t>(c)]) {
      const auto [begin, end] = by_hash.equal_range(hash);
      for (auto it = begin; it != end; ++it) {
        const Node& node = nodes[static_cast<size_t>(it->second)];
        if (node.context == c && same_expr(*node.expr, e)) return it->second;
      }
    }
    return -1;
  }

  void prepare_set(Node& node) {
    std::vector<const Column*> items;
    for (size_t i = 1; i < node.args.size(); ++i) {
      const Node& item = nodes[static_cast<size_t>(node.args[i])];
      if (!item.constant || item.constant_failed) return;
      const Column& column = item.slot.column;
      if (column.has_nulls() || column.type.kind == Kind::null) {
        node.set_has_null = true;
      } else if (column.type == node.expr->args[0]->type) {
        items.push_back(&column);
      } else {
        return;
      }
    }
    node.set = ConstantSet::make(node.expr->args[0]->type, items);
  }

  void fold(int id) {
    Node& node = nodes[static_cast<size_t>(id)];
    const Expr& e = *node.expr;
    if (e.op == ExprOp::column || (e.op == ExprOp::call && !e.function->deterministic)) return;
    for (const int arg : node.args) {
      const Node& a = nodes[static_cast<size_t>(arg)];
      if (!a.constant && !a.constant_failed) return;
    }
    rows = 1;
    ++run;
    for (RowMask& mask : masks) mask = RowMask();
    const EvalSlot& slot = value_of(id);
    if (!slot.errors.empty()) {
      node.constant_failed = true;
      node.reason = slot.errors[0].reason;
      node.slot = EvalSlot();
      return;
    }
    node.constant = true;
    node.slot.constant = true;
  }

  // ---- Evaluation

  const EvalSlot& value_of(int id) {
    Node& node = nodes[static_cast<size_t>(id)];
    if (node.constant || node.computed_in == run) return node.slot;
    node.computed_in = run;
    node.slot = EvalSlot();
    if (node.constant_failed) {
      fail_all(node);
    } else {
      compute(node);
    }
    return node.slot;
  }

  void fail_all(Node& node) {
    node.slot.column = null_column(node.expr->type, rows);
    for (int32_t i = 0; i < rows; ++i) {
      if (in_mask(mask_of(node), i)) node.slot.errors.push_back({i, node.reason});
    }
  }

  const RowMask& mask_of(const Node& node) const { return masks[static_cast<size_t>(node.context)]; }

  // The value of a lazy argument, asked for on `open` rows only.
  const EvalSlot& value_where(const Node& node, size_t arg, const RowMask& open) {
    if (const int context = node.arg_contexts[arg]; context >= 0) masks[static_cast<size_t>(context)] = open;
    return value_of(node.args[arg]);
  }

  void compute(Node& node) {
    const Expr& e = *node.expr;
    switch (e.op) {
      case ExprOp::literal: {
        ColumnBuilder builder(e.type, 1);
        builder.append_value(e.value);
        node.slot.column = e.value.is_null() ? null_column(e.type, 1) : builder.finish();
        node.slot.constant = true;
        return;
      }
      case ExprOp::column:
        node.slot.column = batch->column(e.index);
        return;
      case ExprOp::field:
        return compute_field(node);
      case ExprOp::call:
        return compute_call(node);
      case ExprOp::and_:
      case ExprOp::or_:
        return compute_boolean(node);
      case ExprOp::not_:
        return compute_not(node);
      case ExprOp::is_null:
        return compute_is_null(node);
      case ExprOp::in_list:
        return compute_in_list(node);
      case ExprOp::case_:
        return compute_case(node);
      case ExprOp::coalesce:
        return compute_coalesce(node);
      case ExprOp::cast:
      case ExprOp::try_cast:
        return compute_cast(node);
    }
  }

  // The slot's column with one row per row of the batch.
  Column full_column(const EvalSlot& slot) const {
    return slot.constant ? repeat(slot.column, rows) : slot.column;
  }

  void compute_field(Node& node) {
    const EvalSlot& from = value_of(node.args[0]);
    EvalSlot& out = node.slot;
    out.constant = from.constant;
    out.errors = from.errors;
    out.column = from.column.children[static_cast<size_t>(node.expr->index)];
    merge_validity(out.column, from.column, false);
  }

  void compute_boolean(Node& node) {
    BooleanFold fold(node.expr->op == ExprOp::and_, rows, mask_of(node));
    for (size_t i = 0; i < node.args.size() && any_row(fold.open(), rows); ++i) {
      const RowMask asked = node.arg_contexts[i] >= 0 ? copy_mask(fold.open(), rows) : RowMask();
      fold.add(value_where(node, i, asked));
    }
    node.slot = std::move(fold).finish();
  }

  void compute_not(Node& node) {
    const EvalSlot& arg = value_of(node.args[0]);
    EvalSlot& out = node.slot;
    out.constant = arg.constant;
    out.errors = arg.errors;
    if (arg.column.type.kind == Kind::null) {
      out.column = null_column(Kind::boolean, arg.column.length);
      return;
    }
    out.column = arg.column;
    const int64_t words = word_count(arg.column.length);
    out.column.data = BufferRef::allocate(bitmap_bytes(arg.column.length));
    for (int64_t w = 0; w < words; ++w) {
      out.column.data.as_mutable<uint64_t>()[w] = ~arg.column.values<uint64_t>()[w];
    }
  }

  void compute_is_null(Node& node) {
    const EvalSlot& arg = value_of(node.args[0]);
    EvalSlot& out = node.slot;
    const int32_t n = arg.column.length;
    out.constant = arg.constant;
    out.column.type = Kind::boolean;
    out.column.length = n;
    if (arg.column.type.kind == Kind::null) {
      out.column.data = make_bitmap(n, true);
    } else {
      out.column.data = make_bitmap(n, false);
      for (int64_t w = 0; arg.column.has_nulls() && w < word_count(n); ++w) {
        out.column.data.as_mutable<uint64_t>()[w] = ~arg.column.validity.as<uint64_t>()[w];
      }
    }
    out.errors = arg.errors;
    clear_rows(out.column, out.errors);
  }

  void compute_in_list(Node& node) {
    const EvalSlot& needle = value_of(node.args[0]);
    EvalSlot& out = node.slot;
    out.column.type = Kind::boolean;
    out.constant = node.set && needle.constant;
    out.column.length = out.constant ? 1 : rows;
    if (needle.column.type.kind == Kind::null) {
      out.column = null_column(Kind::boolean, out.column.length);
      return;
    }
    if (node.set) {
      const Column column = out.constant ? needle.column : full_column(needle);
      out.column.data = node.set->lookup(column);
      out.errors = needle.errors;
      finish_in(out, column, node.set_has_null ? &out.column.data : nullptr);
      return;
    }
    compute_in_expressions(node, needle);
  }

  // needle null → null; with `null_unless`, rows without a match are null too.
  void finish_in(EvalSlot& out, const Column& needle, const BufferRef* null_unless) {
    if (null_unless) {
      out.column.validity = *null_unless;
      out.column.null_count =
          static_cast<int32_t>(out.column.length - count_bits(null_unless->as<uint8_t>(), out.column.length));
      if (out.column.null_count == 0) out.column.validity = BufferRef();
    }
    merge_validity(out.column, needle, false);
    clear_rows(out.column, out.errors);
  }

  void compute_in_expressions(Node& node, const EvalSlot& needle) {
    EvalSlot& out = node.slot;
    BufferRef found = make_bitmap(rows, false);
    BufferRef nulls = make_bitmap(rows, false);
    out.errors = needle.errors;
    for (size_t i = 1; i < node.args.size(); ++i) {
      const EvalSlot& item = value_of(node.args[i]);
      out.errors.insert(out.errors.end(), item.errors.begin(), item.errors.end());
      const bool all_null = item.column.type.kind == Kind::null || (item.constant && item.column.has_nulls());
      const BufferRef equal = all_null ? make_bitmap(rows, false) : equal_rows(needle, item, rows);
      const uint64_t* valid = !all_null && !item.constant && item.column.has_nulls()
                                  ? item.column.validity.as<uint64_t>()
                                  : nullptr;
      for (int64_t w = 0; w < word_count(rows); ++w) {
        const uint64_t known = all_null ? 0 : valid ? valid[w] : ~uint64_t{0};
        found.as_mutable<uint64_t>()[w] |= equal.as<uint64_t>()[w] & known;
        nulls.as_mutable<uint64_t>()[w] |= ~known;
      }
    }
    BufferRef known = make_bitmap(rows, false);
    for (int64_t w = 0; w < word_count(rows); ++w) {
      known.as_mutable<uint64_t>()[w] = found.as<uint64_t>()[w] | ~nulls.as<uint64_t>()[w];
    }
    out.column.data = std::move(found);
    finish_in(out, full_column(needle), &known);
  }

  void compute_case(Node& node) {
    BranchSelect select(node.expr->type, rows, mask_of(node));
    const size_t last = node.args.size() - 1;
    for (size_t i = 0; i < last && any_row(select.open(), rows); i += 2) {
      const RowMask asked = node.arg_contexts[i] >= 0 ? copy_mask(select.open(), rows) : RowMask();
      RowMask taken = select.rows_where(value_where(node, i, asked));
      if (any_row(taken, rows)) {
        const EvalSlot& value = value_where(node, i + 1, taken);
        select.take(value, std::move(taken));
      }
    }
    if (any_row(select.open(), rows)) {
      RowMask rest = copy_mask(select.open(), rows);
      const EvalSlot& value = value_where(node, last, rest);
      select.take(value, std::move(rest));
    }
    node.slot = std::move(select).finish();
  }

  void compute_coalesce(Node& node) {
    const EvalSlot& first = value_of(node.args[0]);
    if (!first.constant && !first.column.has_nulls() && first.column.type == node.expr->type) {
      node.slot.column = first.column;
      return;
    }
    BranchSelect select(node.expr->type, rows, mask_of(node));
    for (size_t i = 0; i < node.args.size() && any_row(select.open(), rows); ++i) {
      const RowMask asked = node.arg_contexts[i] >= 0 ? copy_mask(select.open(), rows) : RowMask();
      const EvalSlot& value = value_where(node, i, asked);
      RowMask taken = select.rows_with_value(value);
      if (any_row(taken, rows)) select.take(value, std::move(taken));
    }
    node.slot = std::move(select).finish();
  }

  void compute_cast(Node& node) {
    const EvalSlot& from = value_of(node.args[0]);
    EvalSlot& out = node.slot;
    const bool fails = node.expr->op == ExprOp::cast && cast_can_fail(from.column.type, node.expr->type);
    // A constant that fails must fail each of its rows.
    const Column column = from.constant && fails ? full_column(from) : from.column;
    out.constant = from.constant && !fails;
    RowErrors errors;
    const bool masked = column.length == rows;
    out.column = cast_column(column, node.expr->type, masked ? bits_of(mask_of(node)) : nullptr,
                             node.expr->op == ExprOp::cast ? &errors : nullptr);
    out.errors = from.errors;
    out.errors.insert(out.errors.end(), errors.all().begin(), errors.all().end());
  }

  // Rows on which the call counts: asked for, without failed arguments, and for strict functions without
  // nulls.
  RowMask active_rows(const Node& node) {
    const bool strict = node.expr->function->strict;
    RowMask active = mask_of(node);
    bool owned = false;
    for (const int arg : node.args) {
      const EvalSlot& slot = nodes[static_cast<size_t>(arg)].slot;
      const bool nulls = strict && !slot.constant && slot.column.has_nulls();
      if (!nulls && slot.errors.empty()) continue;
      if (!owned) active = copy_mask(active, rows);
      owned = true;
      for (int64_t w = 0; nulls && w < word_count(rows); ++w) {
        active.as_mutable<uint64_t>()[w] &= slot.column.validity.as<uint64_t>()[w];
      }
      for (const RowErrors::Error& error : slot.errors) clear_bit(active.as_mutable<uint8_t>(), error.row);
    }
    return active;
  }

  void compute_call(Node& node) {
    const BoundFunction& function = *node.expr->function;
    EvalSlot& out = node.slot;
    std::vector<KernelArg> args;
    bool null_argument = false;
    for (const int arg : node.args) {
      const EvalSlot& slot = value_of(arg);
      args.push_back({&slot.column, slot.constant});
      null_argument |= slot.column.type.kind == Kind::null || (slot.constant && slot.column.has_nulls());
      out.errors.insert(out.errors.end(), slot.errors.begin(), slot.errors.end());
    }
    if (function.strict && null_argument) {
      out.column = null_column(node.expr->type, rows);
      return;
    }
    const RowMask active = function.can_fail || function.costly ? active_rows(node) : RowMask();
    RowErrors errors;
    out.column = function.kernel({rows, args, bits_of(active)}, errors);
    RF_CHECK(out.column.length == rows);
    for (size_t i = 0; function.strict && i < args.size(); ++i) {
      if (!args[i].constant) merge_validity(out.column, *args[i].column, false);
    }
    for (RowErrors::Error& error : errors.all()) {
      if (in_mask(active, error.row)) out.errors.push_back(std::move(error));
    }
    clear_rows(out.column, out.errors);
  }

  void release() {
    for (Node& node : nodes) {
      if (!node.constant) node.slot = EvalSlot();
    }
    for (RowMask& mask : masks) mask = RowMask();
    batch = nullptr;
  }
};

Evaluator::Evaluator() : impl_(std::make_unique<Impl>()) {}

Evaluator::Evaluator(std::vector<ExprRef> roots, SchemaRef input) : impl_(std::make_unique<Impl>()) {
  impl_->roots = std::move(roots);
  impl_->input = std::move(input);
  for (const ExprRef& root : impl_->roots) impl_->root_nodes.push_back(impl_->add_node(root, 0));
}

Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator& Evaluator::operator=(Evaluator&&) noexcept = default;
Evaluator::~Evaluator() = default;

const std::vector<ExprRef>& Evaluator::roots() const {
  return impl_->roots;
}

void Evaluator::eval(const Batch& batch, std::vector<EvalColumn>& out) {
  Impl& impl = *impl_;
  impl.batch = &batch;
  impl.rows = batch.rows;
  ++impl.run;
  out.clear();
  for (const int root : impl.root_nodes) {
    const EvalSlot& slot = impl.value_of(root);
    EvalColumn& column = out.emplace_back();
    column.column = impl.full_column(slot);
    int32_t last = -1;
    std::vector<RowErrors::Error> errors = slot.errors;
    std::stable_sort(errors.begin(), errors.end(),
                     [](const auto& a, const auto& b) { return a.row < b.row; });
    for (RowErrors::Error& error : errors) {
      if (error.row != last) column.errors.fail(error.row, std::move(error.reason));
      last = error.row;
    }
  }
  impl.release();
}

Result<Value> eval_constant(const ExprRef& e) {
  std::vector<int> columns;
  collect_columns(*e, columns);
  if (!columns.empty()) {
    return Status::user(Code::invalid_argument,
                        "a constant is needed here, but the expression reads columns");
  }
  Evaluator evaluator({e}, make_schema({}));
  Batch batch;
  batch.schema = make_schema({});
  batch.rows = 1;
  std::vector<EvalColumn> out;
  evaluator.eval(batch, out);
  if (!out[0].errors.empty()) return Status::user(Code::invalid_argument, out[0].errors.all()[0].reason);
  return value_at(out[0].column, 0);
}

}  // namespace rideflow
