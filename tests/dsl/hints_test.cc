// What is said of mistakes that people bring from other dialects and from YAML: the way out, once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "dsl/job.h"
#include "engine/catalog.h"

namespace rideflow::test {
namespace hints_test {

using testing::HasSubstr;
using testing::Not;

const Catalog& catalog() {
  static const Catalog all = [] {
    Catalog c;
    register_all(c);
    return c;
  }();
  return all;
}

std::string said_of_job(const std::string& text) {
  return format_diagnostics(load_job(text, "", catalog()));
}

// A job whose step `s` is this text, indented by four blanks, or a flow map behind "s: ".
std::string said(const std::string& step, const std::string& format = "json") {
  return said_of_job("job: x\nsources:\n  rides:\n    file: {path: in}\n    format: " + format +
                     "\n    schema: {city: string, fare: double, n: int64, t: timestamp}\n    event_time: "
                     "{column: t}\nstreams:\n"
                     "  s:" +
                     (step.starts_with("{") ? " " : "\n    ") + step +
                     "\nsinks: {o: {from: s, discard: }}\n");
}
std::string said_of_expression(const std::string& expression) {
  std::string quoted;
  for (const char c : expression) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return said("from: rides\n    select: {x: '" + quoted + "'}");
}
int64_t lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

TEST(Hints, FunctionsOfOtherDialects) {
  const std::vector<std::pair<const char*, const char*>> all = {
      {"now()", "does not read the clock"},
      {"CURRENT_TIMESTAMP", "does not read the clock"},
      {"current_date", "does not read the clock"},
      {"unix_timestamp()", "does not read the clock"},
      {"rand()", "hash64()"},
      {"uuid()", "hash64()"},
      {"row_number()", "there are no window functions"},
      {"lag(fare)", "there are no window functions"},
      {"tumble(t, interval '1 minute')", "window: {tumbling: 1m}"},
      {"char_length(city)", "(did you mean 'length'?)"},
      {"CHARACTER_LENGTH(city)", "(did you mean 'length'?)"},
      {"strlen(city)", "(did you mean 'length'?)"},
      {"strpos(city, 'a')", "(did you mean 'position'?)"},
      {"instr(city, 'a')", "(did you mean 'position'?)"},
      {"lcase(city)", "(did you mean 'lower'?)"},
      {"substring(city, 1)", "(did you mean 'substr'?)"},
      {"to_char(t, 'yyyy')", "(did you mean 'format'?)"},
      {"date_format(t, 'yyyy')", "(did you mean 'format'?)"},
      {"time_floor(t, 'PT1H')", "(did you mean 'date_trunc'?)"},
      {"date_bin('1h', t)", "(did you mean 'date_trunc'?)"},
      {"timestampdiff(day, t, t)", "(did you mean 'date_diff'?)"},
      {"datediff(t, t)", "(did you mean 'date_diff'?)"},
      {"year(t)", "(did you mean 'extract'?)"},
      {"from_unixtime(n)", "(did you mean 'to_timestamp'?)"},
      {"get_json_object(city, '$.a')", "(did you mean 'json_value'?)"},
      {"json_extract_scalar(city, '$.a')", "(did you mean 'json_value'?)"},
      {"regexp_matches(city, 'a')", "(did you mean 'regexp_like'?)"},
      {"md5(city)", "(did you mean 'hash64'?)"},
      {"haversine(1, 2, 3, 4)", "(did you mean 'distance_km'?)"},
      {"iif(true, 1, 2)", "(did you mean 'if'?)"},
      {"isnull(city)", "write x is null"},
      {"log(fare)", "write ln(x) or log10(x)"},
      {"convert(city, double)", "write cast(x as int64)"},
      {"explode(city)", "a row gives one row"},
  };
  for (const auto& [expression, hint] : all) {
    const std::string text = said_of_expression(expression);
    EXPECT_THAT(text, HasSubstr(hint)) << expression;
  }
}

TEST(Hints, OperatorsOfOtherDialects) {
  const std::vector<std::pair<const char*, const char*>> all = {
      {"city ilike 'a%'", "write lower(x) like 'a%'"},
      {"city not ilike 'a%'", "write lower(x) like 'a%'"},
      {"(city ilike 'a%') and true", "write lower(x) like 'a%'"},
      {"city rlike 'a'", "write regexp_like(x, 'pattern')"},
      {"city similar to 'a'", "write regexp_like(x, 'pattern')"},
      {"city ~ 'a'", "write regexp_like(x, 'pattern')"},
      {"city !~ 'a'", "write not regexp_like(x, 'pattern')"},
      {"fare as f", "a name stands before its expression"},
      {"t at time zone 'UTC'", "write at_timezone(t, 'Europe/Paris')"},
      {"sign(fare) over (partition by city)", "there are no window functions"},
      {"n div 2", "write a / b"},
      {"n mod 2", "write a % b"},
      {"n ** 2", "write power(x, y)"},
      {"n ^ 2", "write power(x, y)"},
      {"n << 2", "there are no operators over bits"},
      {"n & 2", "there are no operators over bits"},
      {"city -> 'a'", "write json_value(text, '$.a.b')"},
      {"city ->> 'a'", "write json_value(text, '$.a.b')"},
      {"n <=> 2", "is not distinct from"},
      {"n > 1 ? 2 : 3", "write case when"},
      {"n > 1;", "an expression ends without it"},
      {"city[0]", "json_value(text, '$.a[0]')"},
      {"n xor 1", "write a <> b"},
  };
  for (const auto& [expression, hint] : all) {
    const std::string text = said_of_expression(expression);
    EXPECT_THAT(text, HasSubstr(hint)) << expression;
    EXPECT_EQ(lines(text), 1) << text;
  }
}

TEST(Hints, AnExpressionThatACommentCuts) {
  for (const char* cut : {"city = 'a #1'", "fare > `a #b`", "(fare > 1 #2", "concat(city, 'x #1')",
                          "fare > #2", "city = 'a\n      b #1'"}) {
    const std::string text = said("from: rides\n    where: " + std::string(cut));
    EXPECT_THAT(text, HasSubstr("for YAML a ' #' begins a comment: put the whole expression in")) << cut;
    EXPECT_EQ(lines(text), 1) << text;
  }
  // Where the comment is not to blame, nothing is said of it.
  for (const char* other : {"fare >> 1 # a comment", "\"city = 'a\" # a comment", "city = 'a#1"})
    EXPECT_THAT(said("from: rides\n    where: " + std::string(other)), Not(HasSubstr("begins a comment")))
        << other;
  EXPECT_EQ(said("from: rides\n    where: fare > 1 # 'quoted"), "");
  EXPECT_EQ(said("from: rides\n    where: \"city = 'a #1'\""), "");
}

TEST(Hints, BackslashesInDoubleQuotes) {
  for (const char* escape : {"\\d", "\\w", "\\s", "\\.", "\\(", "\\$"}) {
    const std::string text =
        said("from: rides\n    where: \"regexp_like(city, '" + std::string(escape) + "+')\"");
    EXPECT_THAT(text,
                HasSubstr("inside \"…\" YAML reads '" + std::string(escape) + "' as an escape of its own"));
    EXPECT_THAT(text, HasSubstr("write the value in '…'"));
    EXPECT_EQ(lines(text), 1) << text;
  }
  EXPECT_EQ(said("from: rides\n    where: 'regexp_like(city, ''\\d+'')'"), "");
  EXPECT_EQ(said("from: rides\n    where: \"regexp_like(city, '\\\\d+')\""), "");
}

TEST(Hints, ANameThatStandsBehindItsExpression) {
  EXPECT_THAT(said("from: rides\n    select: [fare as f, city]"), HasSubstr("write '{f: fare}'"));
  EXPECT_THAT(said("from: rides\n    select: [fare * 2 AS g]"), HasSubstr("write '{g: fare * 2}'"));
  EXPECT_THAT(said("from: rides\n    select: fare as f"), HasSubstr("write '{f: fare}'"));
  EXPECT_THAT(said("from: rides\n    select: fare, city"), HasSubstr("write '[fare, city]'"));
  EXPECT_THAT(
      said("from: rides\n    key_by: [city as c]\n    window: {tumbling: 1m}\n    aggregate: {n: count()}"),
      HasSubstr("write '{c: city}'"));
  for (const char* step : {"select: [fare as f, city]", "select: fare, city", "select: [fare as f]"})
    EXPECT_EQ(lines(said("from: rides\n    " + std::string(step))), 1) << step;
  EXPECT_EQ(said("from: rides\n    select: [{f: fare}, city]"), "") << "what it says to write is right";
}

// The comma in a flow map is told once, and what YAML makes of the pieces is not.
TEST(Hints, CommasInFlowMaps) {
  for (const char* step :
       {"{from: rides, where: city in ('a', 'b'), select: [city]}",
        "{from: rides, where: city in ('a', 'b')}",
        "{from: rides, where: fare > 1 and city in ('a', 'b', 'c'), select: [city]}",
        "{from: rides, where: concat(city, ', ') = 'x', select: [city]}",
        "{from: rides, select: {f: round(fare, 2), g: city}}",
        "{from: rides, select: {f: concat(city, ': '), g: city}}",
        "{from: rides, select: [{f: round(coalesce(fare, 1), 2)}, {g: city}]}",
        "{from: rides, select: {f: least(fare, 1, least(2, 3)), g: concat(city, 'a', 'b')}}",
        "{from: rides, select: {g: city, f: concat(city, '}')}}",
        "{from: rides, select: {f: concat(city, ']', 'x')}}"}) {
    const std::string text = said(step);
    EXPECT_THAT(text, HasSubstr("the comma ends the value")) << step;
    for (const char* other : {"closing bracket", "unknown key", "not valid YAML", "missing"})
      EXPECT_THAT(text, Not(HasSubstr(other))) << step;
  }
}

TEST(Hints, AnUnknownInputHidesNoOtherMistake) {
  const std::string rest =
      "    where: fares > 1 and lenght(city) = 3\n    select: [city, {x: now()}, {t: t + }]\n    selct: 1";
  const std::string near = said("from: ridez\n" + rest);
  const std::string far = said("from: nowhere\n" + rest);
  const std::string none = said(rest.substr(4));
  for (const std::string& text : {near, far, none}) {
    EXPECT_THAT(text, HasSubstr("unknown function 'lenght' (did you mean 'length'?)")) << text;
    EXPECT_THAT(text, HasSubstr("unknown function 'now'")) << text;
    EXPECT_THAT(text, HasSubstr("the expression ends where a value should follow")) << text;
    EXPECT_THAT(text, HasSubstr("unknown key 'selct'")) << text;
  }
  EXPECT_THAT(near, HasSubstr("unknown column 'fares' (did you mean 'fare'?)"));
  EXPECT_THAT(far, Not(HasSubstr("unknown column"))) << "nobody knows its columns";
  EXPECT_THAT(none, HasSubstr("'from' is missing"));

  const std::string window = said(
      "from: nowhere\n    key_by: [city]\n    window: {tumbling: 10000000y}\n    aggregate: {a: sun(fare), "
      "b: count(}");
  EXPECT_THAT(window, HasSubstr("is too long for a duration"));
  EXPECT_THAT(window, HasSubstr("'sun'"));
  EXPECT_THAT(window, Not(HasSubstr("event time")));
  const std::string unions = said("union: [rides, nowhere]\n    where: lenght(city) = 3");
  EXPECT_THAT(unions, HasSubstr("unknown source or step 'nowhere'"));
  EXPECT_THAT(unions, HasSubstr("'lenght'"));
  // A step behind it is checked against what it gives.
  const std::string behind =
      said("from: ridez\n    select: [{c: city}]\n  u:\n    from: s\n    where: cc = 'x'");
  EXPECT_THAT(behind, HasSubstr("unknown column 'cc' (did you mean 'c'?)"));
  EXPECT_EQ(lines(said("from: nowhere\n    where: fares > 1\n    select: [cty]")), 1);
}

TEST(Hints, LimitsAreTold) {
  const auto call = [](const std::string& name, int n) {
    std::string text = name + "(n";
    for (int i = 1; i < n; ++i) text += ", n";
    return said_of_expression(text + ")");
  };
  for (const char* name : {"least", "greatest", "concat", "hash64"}) {
    EXPECT_EQ(call(name, 100), "") << name;
    EXPECT_THAT(call(name, 128), HasSubstr(std::string(name) + " takes at most 100 arguments, here are 128"))
        << name;
    EXPECT_LT(call(name, 3000).size(), 300U) << name;
  }
  EXPECT_EQ(call("coalesce", 3000), "");
  EXPECT_THAT(call("coalesce", 5000), HasSubstr("more than 4096 parts"));
  const std::string many = said_of_expression("round(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)");
  EXPECT_THAT(many, HasSubstr("and 3 more"));
  EXPECT_THAT(said("from: rides\n    key_by: [city]\n    window: {tumbling: 99999999999999999999s}\n"
                   "    aggregate: {n: count()}"),
              HasSubstr("is too long for a duration"));
  EXPECT_THAT(
      said_of_job("job: x\nsources: {r: {file: {path: a, partitions: 99999999999999999999}, schema: {a: "
                  "string}}}\nsinks: {o: {from: r, discard: }}\n"),
      HasSubstr("the largest is 9223372036854775807"));
}

// The words that YAML takes for null are texts where a text is wanted, and a key like any other.
TEST(Hints, NullIsAKeyAndAText) {
  for (const char* word : {"NULL", "null", "Null", "~", "NA", "\\N", "''", "\"NULL\""}) {
    for (const char* key : {"null", "\"null\""}) {
      const std::string format = "{csv: {" + std::string(key) + ": " + word + "}}";
      EXPECT_EQ(said("from: rides", format), "") << format;
    }
    EXPECT_EQ(
        said("from: rides", "\n      csv:\n        null: " + std::string(word) + "\n        header: true"),
        "");
  }
  EXPECT_THAT(said("from: rides", "{csv: {null: }}"), HasSubstr("format.csv.null"));
  EXPECT_THAT(said("from: rides", "{csv: {null: 'a,b'}}"), HasSubstr("can't hold the delimiter"));
  EXPECT_THAT(said("from: rides", "{csv: {extra_fields: drop}}"), HasSubstr("is not one of reject, ignore"));
}

TEST(Hints, WholeNumbersOfTestRowsInEverySpelling) {
  const auto with_row = [](const std::string& n) {
    return said_of_job(
        "job: x\nsources: {r: {file: {path: a}, schema: {n: int64}}}\nsinks: {o: {from: r, discard: }}\n"
        "tests:\n  - name: a\n    feed:\n      - r: [{n: " +
        n + "}]\n    expect: {o: []}\n");
  };
  for (const char* n : {"9007199254740993.0", "1e18", "-9.223372036854775808e18"})
    EXPECT_EQ(with_row(n), "") << n;
  for (const char* n : {"0.5", "1e19", "9007199254740993.5"}) EXPECT_NE(with_row(n), "") << n;
}

}  // namespace hints_test
}  // namespace rideflow::test
