#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/expr.h"
#include "tests/support/random_column.h"

namespace rideflow {
namespace evaluator_test {

using test::below;
using test::column_of;

// ---- Building expressions by hand

ExprRef make(ExprOp op, Type type, std::vector<ExprRef> args, int index = 0) {
  auto e = std::make_shared<Expr>();
  e->op = op;
  e->type = std::move(type);
  e->args = std::move(args);
  e->index = index;
  return e;
}
ExprRef number(int64_t v) {
  return make_literal(Value::int64(v), Kind::int64);
}
ExprRef text(std::string v) {
  return make_literal(Value::string(std::move(v)), Kind::string);
}

int calls = 0;  // of kernels

std::shared_ptr<const BoundFunction> divide() {
  auto f = std::make_shared<BoundFunction>();
  f->name = "/";
  f->result = Kind::int64;
  f->can_fail = true;
  f->arg_types = {Kind::int64, Kind::int64};
  f->kernel = [](const KernelCall& call, RowErrors& errors) {
    ++calls;
    ColumnBuilder out(Kind::int64, call.rows);
    const int64_t* a = call.args[0].column->values<int64_t>();
    const int64_t* b = call.args[1].column->values<int64_t>();
    for (int32_t i = 0; i < call.rows; ++i) {
      const int64_t divisor = b[call.args[1].at(i)];
      // The slow way, so that a reason for a row that does not matter is seen to be dropped.
      if (divisor == 0) errors.fail(i, "division by zero");
      out.append(divisor == 0 || divisor == -1 ? int64_t{0} : a[call.args[0].at(i)] / divisor);
    }
    return out.finish();
  };
  return f;
}

// Null when both are null, else the first that is not, plus one: not strict.
std::shared_ptr<const BoundFunction> pick() {
  auto f = std::make_shared<BoundFunction>();
  f->name = "pick";
  f->result = Kind::int64;
  f->strict = false;
  f->arg_types = {Kind::int64, Kind::int64};
  f->kernel = [](const KernelCall& call, RowErrors&) {
    ++calls;
    ColumnBuilder out(Kind::int64);
    for (int32_t i = 0; i < call.rows; ++i) {
      const Value a = value_at(*call.args[0].column, call.args[0].at(i));
      const Value b = value_at(*call.args[1].column, call.args[1].at(i));
      const Value& v = a.is_null() ? b : a;
      out.append_value(
          v.is_null() ? v : Value::int64(static_cast<int64_t>(static_cast<uint64_t>(v.integer) + 1)));
    }
    return out.finish();
  };
  return f;
}

std::shared_ptr<const BoundFunction> less() {
  auto f = std::make_shared<BoundFunction>();
  f->name = "<";
  f->result = Kind::boolean;
  f->arg_types = {Kind::int64, Kind::int64};
  f->kernel = [](const KernelCall& call, RowErrors&) {
    ColumnBuilder out(Kind::boolean);
    for (int32_t i = 0; i < call.rows; ++i) {
      out.append_bool(call.args[0].column->values<int64_t>()[call.args[0].at(i)] <
                      call.args[1].column->values<int64_t>()[call.args[1].at(i)]);
    }
    return out.finish();
  };
  return f;
}

ExprRef call(std::shared_ptr<const BoundFunction> f, std::vector<ExprRef> args) {
  auto e = std::make_shared<Expr>();
  e->op = ExprOp::call;
  e->type = f->result;
  e->function = std::move(f);
  e->args = std::move(args);
  return e;
}

SchemaRef schema() {
  static const SchemaRef s = make_schema({{"a", Kind::int64, true},
                                          {"b", Kind::int64, true},
                                          {"p", Kind::boolean, true},
                                          {"s", Kind::string, true},
                                          {"place", Type::structure({{"lat", Kind::float64, true}}), true}});
  return s;
}
ExprRef col(int i) {
  return make_column(*schema(), i);
}

Batch random_batch(int32_t rows, test::Random& random) {
  Batch batch;
  batch.schema = schema();
  batch.rows = rows;
  for (const Field& field : schema()->fields()) {
    if (field.type.kind == Kind::int64) {  // small, so that divisors are often 0 and values often equal
      ColumnBuilder builder(Kind::int64);
      for (int32_t i = 0; i < rows; ++i) {
        builder.append_value(below(random, 4) == 0 ? Value::null() : Value::int64(below(random, 5) - 2));
      }
      batch.columns.push_back(builder.finish());
    } else {
      batch.columns.push_back(test::random_column(field.type, rows, true, random));
    }
  }
  return batch;
}

std::vector<EvalColumn> evaluate(const std::vector<ExprRef>& roots, const Batch& batch) {
  Evaluator evaluator(roots, schema());
  std::vector<EvalColumn> out;
  evaluator.eval(batch, out);
  return out;
}

// ---- A slow reference: one row at a time

struct Outcome {
  Value value;
  bool failed = false;
};

Outcome reference(const Expr& e, const Batch& batch, int32_t row);

Outcome reference_boolean(const Expr& e, const Batch& batch, int32_t row) {
  const bool deciding = e.op == ExprOp::or_;
  bool unknown = false;
  for (const ExprRef& arg : e.args) {
    const Outcome o = reference(*arg, batch, row);
    if (o.failed) return o;
    if (o.value.is_null()) {
      unknown = true;
    } else if (o.value.is_true() == deciding) {
      return {Value::boolean(deciding)};
    }
  }
  return {unknown ? Value::null() : Value::boolean(!deciding)};
}

Outcome reference_in(const Expr& e, const Batch& batch, int32_t row) {
  const Outcome needle = reference(*e.args[0], batch, row);
  if (needle.failed) return needle;
  bool found = false;
  bool null = false;
  for (size_t i = 1; i < e.args.size(); ++i) {
    const Outcome item = reference(*e.args[i], batch, row);
    if (item.failed) return item;
    null |= item.value.is_null();
    found |= !item.value.is_null() && item.value == needle.value;
  }
  if (needle.value.is_null() || (!found && null)) return {};
  return {Value::boolean(found)};
}

Outcome reference_call(const Expr& e, const Batch& batch, int32_t row) {
  const Outcome a = reference(*e.args[0], batch, row);
  const Outcome b = reference(*e.args[1], batch, row);
  if (a.failed || b.failed) return {{}, true};
  if (e.function->name == "pick") {
    const Value& v = a.value.is_null() ? b.value : a.value;
    return {v.is_null() ? v : Value::int64(static_cast<int64_t>(static_cast<uint64_t>(v.integer) + 1))};
  }
  if (a.value.is_null() || b.value.is_null()) return {};
  if (e.function->name == "<") return {Value::boolean(a.value.integer < b.value.integer)};
  if (b.value.integer == 0) return {{}, true};
  return {Value::int64(b.value.integer == -1 ? 0 : a.value.integer / b.value.integer)};
}

Outcome reference(const Expr& e, const Batch& batch, int32_t row) {
  switch (e.op) {
    case ExprOp::literal:
      return {e.value};
    case ExprOp::column:
      return {value_at(batch.column(e.index), row)};
    case ExprOp::call:
      return reference_call(e, batch, row);
    case ExprOp::and_:
    case ExprOp::or_:
      return reference_boolean(e, batch, row);
    case ExprOp::in_list:
      return reference_in(e, batch, row);
    case ExprOp::case_: {
      for (size_t i = 0; i + 1 < e.args.size(); i += 2) {
        const Outcome when = reference(*e.args[i], batch, row);
        if (when.failed) return when;
        if (when.value.is_true()) return reference(*e.args[i + 1], batch, row);
      }
      return reference(*e.args.back(), batch, row);
    }
    case ExprOp::coalesce: {
      for (const ExprRef& arg : e.args) {
        const Outcome o = reference(*arg, batch, row);
        if (o.failed || !o.value.is_null()) return o;
      }
      return {};
    }
    default:
      break;
  }
  const Outcome arg = reference(*e.args[0], batch, row);
  if (arg.failed) return arg;
  if (e.op == ExprOp::is_null) return {Value::boolean(arg.value.is_null())};
  if (arg.value.is_null()) return {};
  if (e.op == ExprOp::not_) return {Value::boolean(!arg.value.is_true())};
  if (e.op == ExprOp::field) return {arg.value.items[static_cast<size_t>(e.index)]};
  // Casts between int64 and string.
  if (e.type.kind == Kind::string) return {Value::string(arg.value.to_string())};
  int64_t v = 0;
  std::string s = arg.value.text;
  s.erase(0, std::min(s.find_first_not_of(' '), s.size()));
  s.erase(s.find_last_not_of(' ') + 1);
  const auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), v);
  const bool ok = code == std::errc() && end == s.data() + s.size();
  if (!ok && e.op == ExprOp::cast) return {{}, true};
  return {ok ? Value::int64(v) : Value::null()};
}

// ---- Random trees

class Grower {
 public:
  explicit Grower(test::Random& random) : random_(random) {}

  ExprRef grow(Kind kind, int depth) {
    // Again and again the same sub-trees, so that they are shared across contexts.
    if (!known_[kind].empty() && below(random_, 4) == 0) {
      return known_[kind][static_cast<size_t>(below(random_, static_cast<int64_t>(known_[kind].size())))];
    }
    const ExprRef e = depth == 0 ? leaf(kind) : branch(kind, depth - 1);
    known_[kind].push_back(e);
    return e;
  }

 private:
  ExprRef leaf(Kind kind) {
    const int64_t dice = below(random_, 5);
    if (dice == 0) return make_literal(Value::null(), kind);
    if (kind == Kind::int64)
      return dice == 1 ? number(below(random_, 4) - 1) : col(static_cast<int>(dice % 2));
    if (kind == Kind::string) return dice == 1 ? text("12") : col(3);
    return dice == 1 ? make_literal(Value::boolean(below(random_, 2) == 1), kind) : col(2);
  }

  std::vector<ExprRef> several(Kind kind, int depth) {
    std::vector<ExprRef> args;
    for (int64_t n = below(random_, 3) + 2; n > 0; --n) args.push_back(grow(kind, depth));
    return args;
  }

  ExprRef branch(Kind kind, int depth) {
    const int64_t dice = below(random_, 8);
    if (dice == 0) {
      std::vector<ExprRef> args;
      for (int64_t n = below(random_, 3) + 1; n > 0; --n) {
        args.push_back(grow(Kind::boolean, depth));
        args.push_back(grow(kind, depth));
      }
      args.push_back(grow(kind, depth));
      return make(ExprOp::case_, kind, std::move(args));
    }
    if (dice == 1) return make(ExprOp::coalesce, kind, several(kind, depth));
    if (kind == Kind::int64) {
      if (dice == 2) return make(ExprOp::cast, kind, {grow(Kind::string, depth)});
      if (dice == 3) return make(ExprOp::try_cast, kind, {grow(Kind::string, depth)});
      if (dice == 4) return call(pick_, {grow(kind, depth), grow(kind, depth)});
      return call(divide_, {grow(kind, depth), grow(kind, depth)});
    }
    if (kind == Kind::string) return make(ExprOp::cast, kind, {grow(Kind::int64, depth)});
    const Kind inner = below(random_, 2) == 0 ? Kind::int64 : Kind::string;
    if (dice == 2) return make(ExprOp::not_, kind, {grow(kind, depth)});
    if (dice == 3) return make(ExprOp::is_null, kind, {grow(inner, depth)});
    if (dice == 4) return make(ExprOp::in_list, kind, several(inner, depth));
    if (dice == 5) return call(less_, {grow(Kind::int64, depth), grow(Kind::int64, depth)});
    return make(dice == 6 ? ExprOp::and_ : ExprOp::or_, kind, several(kind, depth));
  }

  test::Random& random_;
  std::map<Kind, std::vector<ExprRef>> known_;
  std::shared_ptr<const BoundFunction> divide_ = divide();
  std::shared_ptr<const BoundFunction> pick_ = pick();
  std::shared_ptr<const BoundFunction> less_ = less();
};

void expect_like_reference(const std::vector<ExprRef>& roots, const Batch& batch) {
  const std::vector<EvalColumn> out = evaluate(roots, batch);
  ASSERT_EQ(out.size(), roots.size());
  for (size_t r = 0; r < roots.size(); ++r) {
    SCOPED_TRACE(to_string(*roots[r], *schema()));
    ASSERT_EQ(out[r].column.length, batch.rows);
    std::set<int32_t> failed;
    for (const auto& error : out[r].errors.all()) {
      EXPECT_TRUE(failed.insert(error.row).second) << "row " << error.row << " failed twice";
    }
    int32_t nulls = 0;
    for (int32_t row = 0; row < batch.rows; ++row) {
      const Outcome expected = reference(*roots[r], batch, row);
      ASSERT_EQ(failed.contains(row), expected.failed) << "row " << row;
      if (!expected.failed) {
        ASSERT_EQ(value_at(out[r].column, row), expected.value) << "row " << row;
      }
      nulls += out[r].column.is_null(row) ? 1 : 0;
      ASSERT_TRUE(!expected.failed || out[r].column.is_null(row));
    }
    ASSERT_EQ(out[r].column.null_count, nulls);
  }
}

TEST(Evaluator, RandomTreesAnswerLikeTheReference) {
  const uint64_t seed = 20261121;
  for (uint64_t round = 0; round < 400; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed + round);
    test::Random random(seed + round);
    Grower grower(random);
    const std::vector<ExprRef> roots = {grower.grow(Kind::int64, 4), grower.grow(Kind::boolean, 4),
                                        grower.grow(Kind::string, 3), grower.grow(Kind::boolean, 2)};
    const int32_t rows = std::array{0, 1, 63, 64, 65, 200}[static_cast<size_t>(below(random, 6))];
    expect_like_reference(roots, random_batch(rows, random));
    if (HasFatalFailure() || HasFailure()) return;
  }
}

TEST(Evaluator, BatchSizeDoesNotMatter) {
  test::Random random(77);
  Grower grower(random);
  const std::vector<ExprRef> roots = {grower.grow(Kind::int64, 5), grower.grow(Kind::boolean, 5)};
  const Batch batch = random_batch(1024, random);
  Evaluator evaluator(roots, schema());
  std::vector<EvalColumn> whole;
  evaluator.eval(batch, whole);
  std::vector<EvalColumn> one;
  for (int32_t row = 0; row < batch.rows; ++row) {
    evaluator.eval(take(batch, &row, 1), one);
    for (size_t r = 0; r < roots.size(); ++r) {
      ASSERT_EQ(value_at(one[r].column, 0), value_at(whole[r].column, row));
      ASSERT_EQ(one[r].errors.all().size(),
                std::count_if(whole[r].errors.all().begin(), whole[r].errors.all().end(),
                              [&](const auto& e) { return e.row == row; }));
    }
  }
}

TEST(Evaluator, EqualExpressionsAreComputedOnceAndConstantsNeverAgain) {
  test::Random random(1);
  const Batch batch = random_batch(10, random);
  const auto f = divide();
  const auto twice = [&] { return call(f, {col(0), number(3)}); };
  const ExprRef constant = call(divide(), {number(12), number(4)});
  calls = 0;
  Evaluator evaluator({call(pick(), {twice(), twice()}), twice(), constant}, schema());
  EXPECT_EQ(calls, 1);  // the constant
  calls = 0;
  std::vector<EvalColumn> out;
  evaluator.eval(batch, out);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(value_at(out[2].column, 9), Value::int64(3));
}

TEST(Evaluator, ErrorsSayWhyAndOnlyWhereAsked) {
  Batch batch;
  batch.schema = schema();
  batch.rows = 3;
  batch.columns = {column_of(Kind::int64, {Value::int64(6), Value::int64(6), Value::null()}),
                   column_of(Kind::int64, {Value::int64(2), Value::int64(0), Value::int64(0)}),
                   null_column(Kind::boolean, 3), null_column(Kind::string, 3),
                   null_column(schema()->field(4).type, 3)};
  const ExprRef ratio = call(divide(), {col(0), col(1)});
  const ExprRef guarded =
      make(ExprOp::case_, Kind::int64,
           {call(less(), {number(0), col(1)}), ratio, make_literal(Value::null(), Kind::int64)});
  const auto out = evaluate({ratio, guarded, make(ExprOp::is_null, Kind::boolean, {ratio})}, batch);
  ASSERT_EQ(out[0].errors.all().size(), 1U);  // not row 2: a null argument is never looked at
  EXPECT_EQ(out[0].errors.all()[0].row, 1);
  EXPECT_EQ(out[0].errors.all()[0].reason, "division by zero");
  EXPECT_TRUE(out[1].errors.empty());
  EXPECT_EQ(value_at(out[1].column, 0), Value::int64(3));
  EXPECT_EQ(out[2].errors.all().size(), 1U);
  EXPECT_EQ(value_at(out[2].column, 2), Value::boolean(true));
}

TEST(Evaluator, FieldsOfNullStructuresAreNull) {
  test::Random random(3);
  const Batch batch = random_batch(100, random);
  const auto out = evaluate({make(ExprOp::field, Kind::float64, {col(4)}, 0)}, batch);
  for (int32_t row = 0; row < 100; ++row) {
    const Value place = value_at(batch.column(4), row);
    EXPECT_EQ(value_at(out[0].column, row), place.is_null() ? Value::null() : place.items[0]);
  }
}

TEST(Evaluator, BranchesOfEveryTypeMeet) {
  const uint64_t seed = 5;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::Random random(seed);
  for (const Type& type : test::some_types()) {
    const SchemaRef s = make_schema({{"p", Kind::boolean, true}, {"x", type, true}, {"y", type, true}});
    Batch batch;
    batch.schema = s;
    batch.rows = 130;
    for (const Field& field : s->fields())
      batch.columns.push_back(test::random_column(field.type, 130, true, random));
    const Value one = test::random_value(type, random);
    const ExprRef pick_one =
        make(ExprOp::case_, type, {make_column(*s, 0), make_column(*s, 1), make_literal(one, type)});
    const ExprRef first = make(ExprOp::coalesce, type, {make_column(*s, 1), make_column(*s, 2)});
    const ExprRef found = make(ExprOp::in_list, Kind::boolean,
                               {make_column(*s, 1), make_column(*s, 2), make_literal(one, type)});
    Evaluator evaluator({pick_one, first, found}, s);
    std::vector<EvalColumn> out;
    evaluator.eval(batch, out);
    for (int32_t row = 0; row < batch.rows; ++row) {
      const Value x = value_at(batch.column(1), row);
      const Value y = value_at(batch.column(2), row);
      ASSERT_EQ(value_at(out[0].column, row), value_at(batch.column(0), row).is_true() ? x : one);
      ASSERT_EQ(value_at(out[1].column, row), x.is_null() ? y : x);
      const bool match = !x.is_null() && (x == one || (!y.is_null() && x == y));
      ASSERT_EQ(value_at(out[2].column, row),
                x.is_null() || (!match && y.is_null()) ? Value::null() : Value::boolean(match))
          << type.to_string() << " row " << row;
    }
  }
}

TEST(Evaluator, LongListsOfConstants) {
  for (const Kind kind : {Kind::int64, Kind::string}) {
    const auto item = [&](int64_t v) {
      return kind == Kind::int64 ? Value::int64(v) : Value::string("city number " + std::to_string(v));
    };
    std::vector<ExprRef> args = {make_column(Schema({{"x", kind, false}}), 0)};
    for (int64_t v = 0; v < 40; v += 2) args.push_back(make_literal(item(v), kind));
    Evaluator evaluator({make(ExprOp::in_list, Kind::boolean, args)}, make_schema({{"x", kind, false}}));
    Batch batch;
    batch.rows = 40;
    std::vector<Value> values;
    for (int64_t v = 0; v < 40; ++v) values.push_back(item(v));
    batch.columns = {column_of(kind, values)};
    std::vector<EvalColumn> out;
    evaluator.eval(batch, out);
    for (int32_t row = 0; row < 40; ++row)
      EXPECT_EQ(value_at(out[0].column, row), Value::boolean(row % 2 == 0));
  }
}

TEST(EvalConstant, GivesTheValueOrTheReason) {
  EXPECT_EQ(*eval_constant(call(divide(), {number(7), number(2)})), Value::int64(3));
  EXPECT_EQ(eval_constant(call(divide(), {number(7), number(0)})).status().message(), "division by zero");
  EXPECT_THAT(eval_constant(col(0)).status().message(), testing::HasSubstr("reads columns"));
  EXPECT_TRUE(eval_constant(make(ExprOp::cast, Kind::int64, {make_literal({}, Kind::null)}))->is_null());
}

TEST(Expr, PrintsComparesAndMovesColumns) {
  const ExprRef e =
      make(ExprOp::and_, Kind::boolean,
           {call(less(), {call(divide(), {col(0), number(2)}), col(1)}),
            make(ExprOp::in_list, Kind::boolean, {col(3), text("it's"), text("b")}),
            make(ExprOp::not_, Kind::boolean, {make(ExprOp::is_null, Kind::boolean, {col(3)})})});
  EXPECT_EQ(to_string(*e, *schema()), "((a / 2) < b) and (s in ('it''s', 'b')) and (not (s is null))");
  EXPECT_EQ(to_string(*make(ExprOp::case_, Kind::int64,
                            {col(2), col(0), make(ExprOp::coalesce, Kind::int64, {col(1), number(0)})}),
                      *schema()),
            "case when p then a else coalesce(b, 0) end");
  EXPECT_EQ(
      to_string(*make(ExprOp::try_cast, Type::decimal(10, 2), {make(ExprOp::field, Kind::float64, {col(4)})}),
                *schema()),
      "try_cast(place.lat as decimal(10,2))");
  EXPECT_EQ(to_string(*make_literal(Value::timestamp(0), Kind::timestamp), *schema()),
            "timestamp '1970-01-01T00:00:00Z'");
  std::vector<int> columns;
  collect_columns(*e, columns);
  EXPECT_EQ(columns, (std::vector<int>{0, 1, 3}));
  const int moved[] = {5, 6, 7, 8, 9};
  const ExprRef there = remap_columns(e, moved);
  columns.clear();
  collect_columns(*there, columns);
  EXPECT_EQ(columns, (std::vector<int>{5, 6, 8}));
  EXPECT_FALSE(same_expr(*e, *there));
  const int back[] = {-1, -1, -1, -1, -1, 0, 1, 2, 3, 4};
  EXPECT_TRUE(same_expr(*e, *remap_columns(there, back)));
  EXPECT_EQ(hash_expr(*e), hash_expr(*remap_columns(there, back)));
  EXPECT_FALSE(same_expr(*make_literal(Value::float64(0.0), Kind::float64),
                         *make_literal(Value::float64(-0.0), Kind::float64)));
}

}  // namespace evaluator_test
}  // namespace rideflow
