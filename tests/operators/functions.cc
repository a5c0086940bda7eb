#include "tests/operators/functions.h"

#include <gtest/gtest.h>

#include "engine/cast.h"
#include "engine/decimal.h"
#include "engine/time.h"

namespace rideflow::test {

namespace {

Result<ExprRef> try_call(const std::string& name, const std::vector<ExprRef>& args) {
  const FunctionKind* kind = functions().find_function(name);
  if (!kind) return Status::user(Code::not_found, "no function " + name);
  std::vector<ArgInfo> infos;
  for (const ExprRef& arg : args) {
    infos.push_back({arg->type, arg->nullable, arg->op == ExprOp::literal ? &arg->value : nullptr});
  }
  RF_ASSIGN(BoundFunction function, kind->bind(infos));
  auto e = std::make_shared<Expr>();
  e->op = ExprOp::call;
  e->type = function.result;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i]->type == function.arg_types[i]) {
      e->args.push_back(args[i]);
      continue;
    }
    if (!can_cast(args[i]->type, function.arg_types[i])) return Status::internal("no cast for " + name);
    auto cast = std::make_shared<Expr>();
    cast->op = ExprOp::cast;
    cast->type = function.arg_types[i];
    cast->args = {args[i]};
    e->args.push_back(cast);
  }
  e->function = std::make_shared<const BoundFunction>(std::move(function));
  return ExprRef(e);
}

ExprRef literal(const Typed& typed) {
  return make_literal(typed.value, typed.type);
}

}  // namespace

const Catalog& functions() {
  static const Catalog catalog = [] {
    Catalog c;
    register_all(c);
    return c;
  }();
  return catalog;
}

ExprRef call_function(const std::string& name, const std::vector<ExprRef>& args) {
  auto e = try_call(name, args);
  EXPECT_TRUE(e.ok()) << e.status().to_string();
  return *e;
}

std::string bind_error(const std::string& name, const std::vector<Type>& types) {
  const FunctionKind* kind = functions().find_function(name);
  std::vector<ArgInfo> infos;
  for (const Type& type : types) infos.push_back({type, true, nullptr});
  const auto bound = kind->bind(infos);
  return bound.ok() ? "" : bound.status().message();
}

Typed lit(int v) {
  return {Value::int32(v), Kind::int32};
}
Typed lit(int64_t v) {
  return {Value::int64(v), Kind::int64};
}
Typed lit(double v) {
  return {Value::float64(v), Kind::float64};
}
Typed lit(bool v) {
  return {Value::boolean(v), Kind::boolean};
}
Typed lit(const char* v) {
  return {Value::string(v), Kind::string};
}
Typed null_lit(Type type) {
  return {Value::null(), std::move(type)};
}
Typed ts(const char* text) {
  return {Value::timestamp(parse_timestamp(text).value()), Kind::timestamp};
}
Typed date(const char* text) {
  return {Value::date(parse_date(text).value()), Kind::date};
}
Typed span(const char* text) {
  return {Value::interval(parse_duration(text)->total_micros()), Kind::interval};
}
Typed dec(const char* text, int precision, int scale) {
  return {Value::make_decimal(parse_decimal(text, precision, scale).value(), scale),
          Type::decimal(precision, scale)};
}

std::string call_text(const std::string& name, const std::vector<Typed>& args) {
  std::vector<ExprRef> exprs;
  for (const Typed& arg : args) exprs.push_back(literal(arg));
  const auto e = try_call(name, exprs);
  if (!e.ok()) return "refused: " + e.status().message();
  const auto value = eval_constant(*e);
  return value.ok() ? value->to_string() : "error: " + value.status().message();
}

namespace {

// One run: batch of random columns, arguments named in `constants` given as literals.
void check_once(const std::string& name, const std::vector<Type>& types, const RowFunction& expected,
                const std::function<Value(size_t, Random&)>& make, bool strict, int32_t rows, bool nulls,
                size_t constant, Random& random) {
  std::vector<Field> fields;
  std::vector<std::vector<Value>> values(types.size());
  Batch batch;
  batch.rows = rows;
  std::vector<ExprRef> args;
  for (size_t i = 0; i < types.size(); ++i) {
    fields.push_back({"c" + std::to_string(i), types[i], nulls});
    const Value fixed = make(i, random);
    for (int32_t row = 0; row < rows; ++row) {
      const bool null = nulls && below(random, 5) == 0;
      values[i].push_back(i == constant ? fixed : null ? Value::null() : make(i, random));
    }
    batch.columns.push_back(column_of(types[i], values[i]));
  }
  batch.schema = make_schema(fields);
  for (size_t i = 0; i < types.size(); ++i) {
    args.push_back(i == constant && rows > 0 ? make_literal(values[i][0], types[i])
                                             : make_column(*batch.schema, static_cast<int>(i)));
  }
  Evaluator evaluator({call_function(name, args)}, batch.schema);
  std::vector<EvalColumn> out;
  evaluator.eval(batch, out);
  std::map<int32_t, std::string> failed;
  for (const auto& error : out[0].errors.all()) failed[error.row] = error.reason;
  const auto shown = [](const std::vector<Value>& in) {
    std::string text;
    for (const Value& v : in) text += v.to_string() + " ";
    return text;
  };
  for (int32_t row = 0; row < rows; ++row) {
    std::vector<Value> in;
    bool null = false;
    for (const auto& column : values) {
      in.push_back(column[static_cast<size_t>(row)]);
      null |= in.back().is_null();
    }
    const std::optional<Value> want = strict && null ? Value::null() : expected(in);
    const Value got = value_at(out[0].column, row);
    ASSERT_EQ(failed.contains(row), !want.has_value())
        << name << ": " << shown(in) << (failed.contains(row) ? failed[row] : "gave " + got.to_string());
    if (!want) {
      ASSERT_FALSE(failed[row].empty());
      continue;
    }
    ASSERT_TRUE(got == *want) << name << ": " << shown(in) << "gave " << got.to_string() << ", not "
                              << want->to_string();
  }
}

}  // namespace

void check_function(const std::string& name, const std::vector<Type>& types, const RowFunction& expected,
                    const std::function<Value(size_t, Random&)>& make, bool strict) {
  const uint64_t seed = 4711;
  SCOPED_TRACE(testing::Message() << name << ", seed " << seed);
  Random random(seed);
  const auto draw = make ? make : [&](size_t i, Random& r) { return random_value(types[i], r); };
  constexpr size_t kNone = ~size_t{0};
  for (const int32_t rows : {1, 130}) {
    for (const bool nulls : {false, true}) {
      for (size_t constant = 0; constant <= types.size(); ++constant) {
        for (int repeat = 0; repeat < (rows == 1 ? 5 : 1); ++repeat) {
          check_once(name, types, expected, draw, strict, rows, nulls,
                     constant == types.size() ? kNone : constant, random);
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
}

}  // namespace rideflow::test
