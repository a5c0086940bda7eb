// Expressions: text to typed trees, printed back.
#include "dsl/expression_binder.h"
#include "dsl/expression_parser.h"
#include "tests/dsl/fake_catalog.h"

namespace rideflow::test {
namespace expression_test {

SchemaRef schema() {
  return make_schema({{"name", Type(Kind::string), false},
                      {"fare", Type(Kind::float64), true},
                      {"seats", Type(Kind::int32), false},
                      {"n", Type(Kind::int64), false},
                      {"money", Type::decimal(10, 2), true},
                      {"at", Type(Kind::timestamp), false},
                      {"day", Type(Kind::date), true},
                      {"ok", Type(Kind::boolean), true},
                      {"place", Type::structure({{"lat", Type(Kind::float64), false}}), true},
                      {"odd name", Type(Kind::string), true}});
}

struct Bound {
  ExprRef expr;
  std::string error;
};

std::vector<TextPos> line_places(const std::string& text) {
  std::vector<TextPos> places;
  for (size_t i = 0; i <= text.size(); ++i) places.push_back({1, static_cast<int>(i) + 1});
  return places;
}

Bound bound_of(const std::string& text) {
  Bound out;
  ExpressionError error;
  const AstRef ast = parse_expression(text, line_places(text), error);
  if (!ast) return {nullptr, std::to_string(error.pos.column) + " " + error.message};
  Diagnostics diagnostics;
  Binder binder(fake_catalog(), schema(), diagnostics, "");
  out.expr = binder.bind(*ast);
  if (!out.expr && !diagnostics.ok())
    out.error = std::to_string(diagnostics.errors()[0].pos.column) + " " + diagnostics.errors()[0].message;
  return out;
}

// "type?: expression".
std::string typed(const std::string& text) {
  const Bound bound = bound_of(text);
  if (!bound.expr) return "error " + bound.error;
  return bound.expr->type.to_string() + (bound.expr->nullable ? "?: " : ": ") +
         to_string(*bound.expr, *schema());
}

TEST(Expression, Precedence) {
  EXPECT_EQ(typed("1 + 2 * n = 3 or not ok and fare < 1"),
            typed("((1 + (2 * n)) = 3) or ((not ok) and (fare < 1))"));
  EXPECT_EQ(typed("n - 1 - 2"), typed("(n - 1) - 2"));
  EXPECT_EQ(typed("- n + 1"), typed("(-n) + 1"));
  EXPECT_EQ(typed("not n = 1"), typed("not (n = 1)"));
  EXPECT_EQ(typed("n + 1 between 1 and 2 + 3 and ok"), typed("((n + 1) between 1 and (2 + 3)) and ok"));
  EXPECT_EQ(typed("name || 'x' = 'y'"), typed("(name || 'x') = 'y'"));
  EXPECT_EQ(typed("place.lat::string || 'x'"), typed("cast(place.lat as string) || 'x'"));
}

// What 'between', 'case' and nullif() repeat doubles a tree at each level: 40 levels are a line to read, and
// a million million parts to walk through.
TEST(Expression, WhatIsRepeatedIsBounded) {
  const std::vector<std::pair<std::string, std::string>> wraps = {
      {"nullif(", ", 7)"},
      {"case when (", ") between 1 and 2 then 1 else 2 end"},
      {"case (", ") when 1 then 2 when 3 then 4 else 5 end"}};
  for (const auto& [open, close] : wraps) {
    std::string text = "n";
    for (int level = 1; level <= 20; ++level) {
      text = open + text + close;
      const Bound bound = bound_of(text);
      if (level <= 5) {
        EXPECT_TRUE(bound.expr) << level << " " << text << ": " << bound.error;
      }
      if (level >= 17) {
        EXPECT_FALSE(bound.expr) << level << " " << text;
        EXPECT_NE(bound.error.find("more than 65536 parts"), std::string::npos) << bound.error;
      }
      if (bound.expr) {
        EXPECT_FALSE(to_string(*bound.expr, *schema()).empty());
      }
    }
  }
}

TEST(Expression, KeywordsInAnyCaseNamesExactly) {
  EXPECT_EQ(typed("NOT Ok IS NULL"), "error 5 unknown column 'Ok' (did you mean 'ok'?)");
  EXPECT_EQ(typed("NOT ok Is Null AND LOWER(name) LIKE 'a%'"),
            typed("not ok is null and lower(name) like 'a%'"));
  EXPECT_EQ(typed("`odd name`"), "string?: `odd name`");
}

TEST(Expression, Literals) {
  EXPECT_EQ(typed("'it''s'"), "string: 'it''s'");
  EXPECT_EQ(typed("12"), "int64: 12");
  EXPECT_EQ(typed("-9223372036854775808"), "int64: -9223372036854775808");
  EXPECT_EQ(typed("1.5"), "double: 1.5");
  EXPECT_EQ(typed(".5e1"), "double: 5");
  EXPECT_EQ(typed("interval '90 minutes'"), typed("interval '1h30m'"));
  EXPECT_EQ(typed("interval '-1 hour 30 minutes'"), typed("interval '-90m'"));
  EXPECT_EQ(typed("timestamp '2026-01-01T00:00:00Z'").substr(0, 11), "timestamp: ");
  EXPECT_EQ(typed("date '2026-01-01'").substr(0, 6), "date: ");
  EXPECT_EQ(typed("null").substr(0, 5), "null?");
  EXPECT_EQ(typed("12345678901234567890").substr(0, 7), "decimal") << "too large for an int64 stays exact";
}

TEST(Expression, ImplicitConversions) {
  EXPECT_EQ(bound_of("seats = 4").expr->args[1]->type.kind, Kind::int32) << "the literal follows the column";
  EXPECT_EQ(bound_of("seats = 4").expr->args[0]->op, ExprOp::column);
  EXPECT_EQ(bound_of("seats = 5000000000").expr->args[0]->op, ExprOp::cast);
  EXPECT_EQ(bound_of("seats = n").expr->args[0]->type.kind, Kind::int64);
  EXPECT_EQ(bound_of("fare > 1").expr->args[1]->value.kind, Kind::float64);
  EXPECT_EQ(bound_of("at > '2026-01-01'").expr->args[1]->value.kind, Kind::timestamp);
  EXPECT_EQ(bound_of("at between '2026-01-01' and '2026-01-02'").expr->op, ExprOp::and_);
  EXPECT_EQ(bound_of("at in ('2026-01-01', '2026-01-02')").expr->args[2]->value.kind, Kind::timestamp);
  EXPECT_EQ(bound_of("day = at").expr->args[0]->op, ExprOp::cast);
  EXPECT_EQ(typed("ok = 'x'"),
            "error 4 both sides of '=' must have one type, here are bool and string (cast one of them)");
}

TEST(Expression, DecimalsStayExactBesideDecimals) {
  EXPECT_EQ(bound_of("money > 1.5").expr->args[1]->value.kind, Kind::decimal);
  EXPECT_EQ(bound_of("money between 1.5 and 2").expr->args[0]->args[1]->value.kind, Kind::decimal);
  EXPECT_EQ(bound_of("money in (1.25, 2)").expr->args[1]->value.kind, Kind::decimal);
  EXPECT_EQ(bound_of("cast(1.25 as decimal(5,2))").expr->args[0]->value.kind, Kind::decimal);
  EXPECT_EQ(bound_of("money * 1.5").expr->args[1]->type.kind, Kind::decimal);
  EXPECT_EQ(bound_of("fare * 1.5").expr->args[1]->type.kind, Kind::float64);
  EXPECT_EQ(bound_of("money > 1.5e0").expr->args[1]->type.kind, Kind::float64);
}

TEST(Expression, ConditionalsAreTheEnginesOwn) {
  EXPECT_EQ(typed("coalesce(fare, 1)"), "double: coalesce(fare, 1)");
  EXPECT_EQ(typed("ifnull(fare, n)"), "double: coalesce(fare, cast(n as double))");
  EXPECT_EQ(bound_of("nullif(n, 0)").expr->op, ExprOp::case_);
  EXPECT_TRUE(bound_of("nullif(n, 0)").expr->nullable);
  EXPECT_EQ(typed("if(ok, 1, 2)"), "int64: case when ok then 1 else 2 end");
  EXPECT_EQ(typed("case name when 'a' then 1 when 'b' then 2.5 end"),
            typed("case when name = 'a' then 1 when name = 'b' then 2.5 else null end"));
  EXPECT_EQ(typed("case when ok then 'x' end"), "string?: case when ok then 'x' else NULL end");
}

TEST(Expression, TestsOfNullAndTruth) {
  EXPECT_FALSE(bound_of("fare is not null").expr->nullable);
  EXPECT_EQ(typed("ok is true"), "bool: coalesce(ok, false)");
  EXPECT_EQ(typed("ok is not false"), "bool: not coalesce(not ok, false)");
  EXPECT_EQ(bound_of("fare is distinct from 1").expr->op, ExprOp::not_);
  EXPECT_FALSE(bound_of("fare is not distinct from null").expr->nullable);
  EXPECT_TRUE(bound_of("fare in (1, 2)").expr->nullable);
  EXPECT_EQ(bound_of("n not in (1)").expr->op, ExprOp::not_);
}

TEST(Expression, StructuresAndCasts) {
  EXPECT_EQ(typed("place.lat"), "double?: place.lat");
  EXPECT_EQ(typed("try_cast(name as int64)"), "int64?: try_cast(name as int64)");
  EXPECT_EQ(typed("name::decimal(10,2)"), "decimal(10,2): cast(name as decimal(10,2))");
  EXPECT_EQ(typed("cast(n as int64)"), "int64: n") << "nothing to convert";
  EXPECT_EQ(typed("extract(hour from at)"), "int64: extract('hour', at)");
}

TEST(Expression, LimitsHold) {
  std::string sum = "1";
  for (int i = 0; i < 100; ++i) sum += " + 1";
  EXPECT_NE(bound_of(sum).error.find("nested deeper than 64"), std::string::npos);
  std::string list = "n in (0";
  for (int i = 0; i < 4200; ++i) list += ", 1";
  EXPECT_NE(bound_of(list + ")").error.find("more than 4096 parts"), std::string::npos);
  std::string ors = "n = 1";
  for (int i = 0; i < 500; ++i) ors += " or n = 1";
  EXPECT_TRUE(bound_of(ors).expr) << bound_of(ors).error << ": a chain of or is one node";
  EXPECT_NE(bound_of(std::string(70'000, 'x')).error.find("longer than"), std::string::npos);
  EXPECT_NE(bound_of(std::string(5000, '-') + "1").error.find("nested deeper"), std::string::npos);
  EXPECT_NE(bound_of("1e999").error.find("too large"), std::string::npos);
}

TEST(Expression, NamesAreQuotedWhereNeeded) {
  EXPECT_EQ(quote_name("fare"), "fare");
  EXPECT_EQ(quote_name("end"), "`end`");
  EXPECT_EQ(quote_name("a b"), "`a b`");
  EXPECT_EQ(quote_name("a`b"), "`a``b`");
}

TEST(Expression, CollectsNames) {
  ExpressionError error;
  const std::string text = "sum(a.b + c) filter (where d is null) > case when `e f` then 1 end";
  const AstRef ast = parse_expression(text, line_places(text), error);
  ASSERT_TRUE(ast) << error.message;
  std::vector<std::string> names;
  collect_names(*ast, names);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "c", "d", "e f"}));
}

TEST(Expression, Intervals) {
  EXPECT_EQ(*parse_interval("5 minutes"), 300'000'000);
  EXPECT_EQ(*parse_interval("1h"), 3'600'000'000);
  EXPECT_EQ(*parse_interval("1.5 s 250ms"), 1'750'000);
  EXPECT_EQ(*parse_interval("-PT1M"), -60'000'000);
  for (const char* bad : {"", "5", "minutes", "1 month", "1e9999 s", "5 minutes x", "--5s"})
    EXPECT_FALSE(parse_interval(bad).ok()) << bad;
}

}  // namespace expression_test
}  // namespace rideflow::test
