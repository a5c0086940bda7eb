#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "engine/utf8.h"
#include "tests/operators/functions.h"

namespace rideflow::test {
namespace functions_text_test {

using testing::HasSubstr;

// Texts as lists of characters: the slow and plain way.
std::vector<std::string> characters(const std::string& text) {
  std::vector<std::string> out;
  for (size_t i = 0; i < text.size();) {
    const size_t n = std::max<size_t>(utf8_length_at(text, i), 1);
    out.push_back(text.substr(i, n));
    i += n;
  }
  return out;
}
std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& s : list) out += s;
  return out;
}
// Texts, and small numbers for the other arguments.
Value text_or_small(const std::vector<Type>& types, size_t i, Random& random) {
  if (types[i].kind == Kind::string) return random_value(types[i], random);
  return Value::int64(below(random, 13) - 4);
}
void check_text(const std::string& name, const std::vector<Type>& types, const RowFunction& expected) {
  check_function(name, types, expected,
                 [&](size_t i, Random& random) { return text_or_small(types, i, random); });
}

TEST(Text, CaseOfManyAlphabets) {
  EXPECT_EQ(call_text("upper", {lit("straße Ñandú łódź žluťoučký")}), "'STRAßE ÑANDÚ ŁÓDŹ ŽLUŤOUČKÝ'");
  EXPECT_EQ(call_text("lower", {lit("ÀÉÎ ΆΛΦΑ МОСКВА ЁЖ")}), "'àéî άλφα москва ёж'");
  EXPECT_EQ(call_text("lower", {lit("İ 😀 ÷×")}), "'i 😀 ÷×'");
  EXPECT_EQ(call_text("upper", {null_lit()}), "NULL");
  check_text("lower", {Kind::string}, [](const auto& in) -> std::optional<Value> {
    std::string out = in[0].text;
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return Value::string(out);  // the random texts have no other capitals
  });
}

TEST(Text, SubstrCountsCharactersAsSqlDoes) {
  EXPECT_EQ(call_text("substr", {lit("Zürich"), lit(2), lit(3)}), "'üri'");
  EXPECT_EQ(call_text("substr", {lit("abc"), lit(0), lit(2)}), "'a'");
  EXPECT_EQ(call_text("substr", {lit("abc"), lit(-5)}), "'abc'");
  EXPECT_EQ(call_text("substr", {lit("abc"), lit(9)}), "''");
  EXPECT_EQ(call_text("substr", {lit("abc"), lit(1), lit(-1)}), "error: substr: the length -1 is negative");
  EXPECT_EQ(call_text("substr", {lit("abc"), lit(INT64_MAX), lit(INT64_MAX)}), "''");
  const auto expected = [](const std::vector<Value>& in) -> std::optional<Value> {
    if (in.size() > 2 && in[2].integer < 0) return std::nullopt;
    const auto all = characters(in[0].text);
    std::string out;
    for (int64_t p = 1; p <= static_cast<int64_t>(all.size()); ++p) {
      const bool before_end = in.size() < 3 || p < in[1].integer + in[2].integer;
      if (p >= in[1].integer && before_end) out += all[static_cast<size_t>(p - 1)];
    }
    return Value::string(out);
  };
  check_text("substr", {Kind::string, Kind::int64}, expected);
  check_text("substr", {Kind::string, Kind::int64, Kind::int64}, expected);
}

TEST(Text, EndsTrimsAndPads) {
  check_text("left", {Kind::string, Kind::int64}, [](const auto& in) -> std::optional<Value> {
    auto all = characters(in[0].text);
    const int64_t size = static_cast<int64_t>(all.size());
    all.resize(static_cast<size_t>(
        std::clamp<int64_t>(in[1].integer < 0 ? size + in[1].integer : in[1].integer, 0, size)));
    return Value::string(joined(all));
  });
  check_text("right", {Kind::string, Kind::int64}, [](const auto& in) -> std::optional<Value> {
    const auto all = characters(in[0].text);
    const int64_t size = static_cast<int64_t>(all.size());
    const int64_t kept =
        std::clamp<int64_t>(in[1].integer < 0 ? size + in[1].integer : in[1].integer, 0, size);
    return Value::string(joined({all.end() - kept, all.end()}));
  });
  check_text("trim", {Kind::string, Kind::string}, [](const auto& in) -> std::optional<Value> {
    auto all = characters(in[0].text);
    const auto set = characters(in[1].text);
    const auto cut = [&](const std::string& c) { return std::find(set.begin(), set.end(), c) != set.end(); };
    while (!all.empty() && cut(all.front())) all.erase(all.begin());
    while (!all.empty() && cut(all.back())) all.pop_back();
    return Value::string(joined(all));
  });
  EXPECT_EQ(call_text("trim", {lit("  a b ")}), "'a b'");
  EXPECT_EQ(call_text("ltrim", {lit("  a ")}), "'a '");
  EXPECT_EQ(call_text("rtrim", {lit("éaé"), lit("é")}), "'éa'");
  EXPECT_EQ(call_text("lpad", {lit("é"), lit(4), lit("ab")}), "'abaé'");
  EXPECT_EQ(call_text("rpad", {lit("é"), lit(4)}), "'é   '");
  EXPECT_EQ(call_text("lpad", {lit("abc"), lit(2)}), "'ab'");
  EXPECT_EQ(call_text("lpad", {lit("abc"), lit(5), lit("")}), "'abc'");
  EXPECT_THAT(call_text("rpad", {lit("a"), lit(1'000'000'000)}),
              HasSubstr("error: rpad: the result is longer"));
  check_text("reverse", {Kind::string}, [](const auto& in) -> std::optional<Value> {
    auto all = characters(in[0].text);
    std::reverse(all.begin(), all.end());
    return Value::string(joined(all));
  });
}

TEST(Text, PartsAndReplacements) {
  EXPECT_EQ(call_text("split_part", {lit("a/b/c"), lit("/"), lit(-1)}), "'c'");
  EXPECT_EQ(call_text("split_part", {lit("a/b/c"), lit("/"), lit(4)}), "''");
  EXPECT_THAT(call_text("split_part", {lit("a/b/c"), lit("/"), lit(0)}), HasSubstr("parts count from 1"));
  check_text("split_part", {Kind::string, Kind::string, Kind::int64},
             [](const auto& in) -> std::optional<Value> {
               if (in[2].integer == 0) return std::nullopt;
               std::vector<std::string> parts(1);
               const std::string& by = in[1].text;
               for (size_t i = 0; i < in[0].text.size();) {
                 if (!by.empty() && in[0].text.compare(i, by.size(), by) == 0) {
                   parts.emplace_back();
                   i += by.size();
                 } else {
                   parts.back() += in[0].text[i++];
                 }
               }
               const auto size = static_cast<int64_t>(parts.size());
               const int64_t n = in[2].integer < 0 ? size + in[2].integer : in[2].integer - 1;
               return Value::string(n < 0 || n >= size ? "" : parts[static_cast<size_t>(n)]);
             });
  EXPECT_EQ(call_text("replace", {lit("aaa"), lit("aa"), lit("b")}), "'ba'");
  EXPECT_EQ(call_text("replace", {lit("abc"), lit(""), lit("x")}), "'abc'");
  const std::string many(2000, 'a');
  EXPECT_THAT(call_text("replace", {lit(many.c_str()), lit("a"), lit(many.c_str())}),
              HasSubstr("longer than"));
  EXPECT_EQ(call_text("repeat", {lit("ab"), lit(-1)}), "''");
  EXPECT_EQ(call_text("repeat", {lit(""), lit(INT64_MAX)}), "''");
  EXPECT_THAT(call_text("repeat", {lit("ab"), lit(INT64_MAX)}),
              HasSubstr("error: repeat: the result is longer"));
}

TEST(Text, SearchAndJoin) {
  check_text("starts_with", {Kind::string, Kind::string}, [](const auto& in) -> std::optional<Value> {
    return Value::boolean(in[0].text.starts_with(in[1].text));
  });
  check_text("contains", {Kind::string, Kind::string}, [](const auto& in) -> std::optional<Value> {
    return Value::boolean(in[0].text.find(in[1].text) != std::string::npos);
  });
  EXPECT_EQ(call_text("ends_with", {lit("Lyon"), lit("on")}), "true");
  check_text("length", {Kind::string}, [](const auto& in) -> std::optional<Value> {
    return Value::int64(static_cast<int64_t>(characters(in[0].text).size()));
  });
  EXPECT_EQ(call_text("position", {lit("Zürich"), lit("rich")}), "3");
  EXPECT_EQ(call_text("position", {lit("Zürich"), lit("x")}), "0");
  EXPECT_EQ(call_text("concat", {lit("a"), null_lit(), lit(1), lit(2.5), ts("2026-01-01")}),
            "'a12.52026-01-01T00:00:00Z'");
  EXPECT_EQ(call_text("concat", {null_lit()}), "''");
  EXPECT_EQ(call_text("||", {lit("a"), null_lit()}), "NULL");
  check_text("||", {Kind::string, Kind::string},
             [](const auto& in) -> std::optional<Value> { return Value::string(in[0].text + in[1].text); });
  EXPECT_EQ(bind_error("lower", {Kind::int64}), "lower takes a text, not (int64)");
  EXPECT_EQ(bind_error("substr", {Kind::string}),
            "substr takes a text, a start and, if wanted, a length, not (string)");
}

// like by its definition, character by character.
bool like_matches(const std::vector<std::string>& text, size_t t, const std::vector<std::string>& pattern,
                  size_t p) {
  if (p == pattern.size()) return t == text.size();
  if (pattern[p] == "%") {
    for (size_t skip = t; skip <= text.size(); ++skip) {
      if (like_matches(text, skip, pattern, p + 1)) return true;
    }
    return false;
  }
  return t < text.size() && (pattern[p] == "_" || pattern[p] == text[t]) &&
         like_matches(text, t + 1, pattern, p + 1);
}

TEST(Pattern, LikeIsItsDefinition) {
  check_function(
      "like", {Kind::string, Kind::string},
      [](const auto& in) -> std::optional<Value> {
        return Value::boolean(like_matches(characters(in[0].text), 0, characters(in[1].text), 0));
      },
      [](size_t i, Random& random) {
        const std::vector<std::string> parts = i == 0
                                                   ? std::vector<std::string>{"a", "b", "é"}
                                                   : std::vector<std::string>{"a", "b", "é", "%", "_", "%"};
        std::string text;
        for (int64_t n = below(random, 8); n > 0; --n)
          text += parts[static_cast<size_t>(below(random, static_cast<int64_t>(parts.size())))];
        return Value::string(text);
      });
  EXPECT_EQ(call_text("like", {lit("10%"), lit("10!%"), lit("!")}), "true");
  EXPECT_EQ(call_text("like", {lit("100"), lit("10!%"), lit("!")}), "false");
  EXPECT_EQ(call_text("like", {lit("a"), lit("a!"), lit("!")}),
            "refused: like: the pattern ends with the escape character");
  EXPECT_EQ(call_text("like", {lit("ride_completed"), lit("ride%ted")}), "true");
}

TEST(Pattern, RegularExpressions) {
  EXPECT_EQ(call_text("regexp_like", {lit("ride-42"), lit("\\d+$")}), "true");
  EXPECT_THAT(call_text("regexp_like", {lit("a"), lit("(")}), HasSubstr("refused: regular expression '('"));
  EXPECT_THAT(call_text("regexp_like", {lit("a"), lit("((a{100}){100}){100}")}), HasSubstr("refused: "));
  EXPECT_THAT(call_text("regexp_like", {lit("a"), lit(std::string(5000, 'a').c_str())}),
              HasSubstr("at most 4096"));
  EXPECT_EQ(call_text("regexp_replace", {lit("John Smith"), lit("(\\w+) (\\w+)"), lit("\\2 \\1")}),
            "'Smith John'");
  EXPECT_THAT(call_text("regexp_replace", {lit("a"), lit("a"), lit("\\3")}),
              HasSubstr("error: regexp_replace"));
  EXPECT_EQ(call_text("regexp_extract", {lit("k=v"), lit("k=(.)"), lit(1)}), "'v'");
  EXPECT_EQ(call_text("regexp_extract", {lit("k=v"), lit("k=(.)")}), "'k=v'");
  EXPECT_EQ(call_text("regexp_extract", {lit("k=v"), lit("x")}), "NULL");
  EXPECT_EQ(call_text("regexp_extract", {lit("ac"), lit("a(b)?c"), lit(1)}), "NULL");
  EXPECT_EQ(call_text("regexp_extract", {lit("k"), lit("k"), lit(1)}),
            "error: regexp_extract: the expression has no group 1");
  // A pattern from a column: wrong ones fail their own rows.
  check_function(
      "regexp_like", {Kind::string, Kind::string},
      [](const auto& in) -> std::optional<Value> {
        const RE2 regex(in[1].text, RE2::Quiet);
        if (!regex.ok()) return std::nullopt;
        return Value::boolean(RE2::PartialMatch(in[0].text, regex));
      },
      [](size_t i, Random& random) {
        const char* patterns[] = {"a", "^b", "a|b", "[ab]{2}", "a.b", "\\w"};
        const char* texts[] = {"a", "ab", "bb", "", "axb", "é"};
        return Value::string((i == 0 ? texts : patterns)[below(random, 6)]);
      });
}

TEST(Pattern, WrongPatternsOfAColumnFailTheirRows) {
  const SchemaRef schema = make_schema({{"t", Kind::string, true}, {"p", Kind::string, true}});
  Batch batch;
  batch.schema = schema;
  batch.rows = 3;
  batch.columns = {column_of(Kind::string, {Value::string("a"), Value::string("a"), Value::null()}),
                   column_of(Kind::string, {Value::string("a"), Value::string("("), Value::string("(")})};
  Evaluator evaluator({call_function("regexp_like", {make_column(*schema, 0), make_column(*schema, 1)})},
                      schema);
  std::vector<EvalColumn> out;
  evaluator.eval(batch, out);
  ASSERT_EQ(out[0].errors.all().size(), 1U);
  EXPECT_EQ(out[0].errors.all()[0].row, 1);
  EXPECT_TRUE(out[0].column.boolean(0));
}

TEST(Json, ValuesAtPaths) {
  const Typed doc = lit(R"({"a": {"b": [7, "x", null, {"c d": true}]}, "n": 1.50})");
  EXPECT_EQ(call_text("json_value", {doc, lit("$.a.b[1]")}), "'x'");
  EXPECT_EQ(call_text("json_value", {doc, lit("a.b[0]")}), "'7'");
  EXPECT_EQ(call_text("json_value", {doc, lit("$.a.b[3]['c d']")}), "'true'");
  EXPECT_EQ(call_text("json_value", {doc, lit("$.a")}), R"('{"b":[7,"x",null,{"c d":true}]}')");
  EXPECT_EQ(call_text("json_value", {doc, lit("$.a.b[2]")}), "NULL");
  EXPECT_EQ(call_text("json_value", {doc, lit("$.a.b[9]")}), "NULL");
  EXPECT_EQ(call_text("json_value", {doc, lit("$.a.x.y")}), "NULL");
  EXPECT_EQ(call_text("json_value", {lit("{no json"), lit("$.a")}), "NULL");
  EXPECT_EQ(call_text("json_value", {lit("3"), lit("$")}), "'3'");
  for (const char* path : {"$a", "$.", "$.a[", "$.a[x]", "$['a", "$.a[-1]"}) {
    EXPECT_THAT(call_text("json_value", {doc, lit(path)}), HasSubstr("is not a path")) << path;
  }
}

// The decoder's rules: the last of equal keys, numbers of any size, every byte checked.
TEST(Json, ReadsByTheRulesOfRecords) {
  const auto at = [](const char* json, const char* path = "$.a") {
    return call_text("json_value", {lit(json), lit(path)});
  };
  EXPECT_EQ(at(R"({"a":1,"a":2})"), "'2'");
  EXPECT_EQ(at(R"({"a":1,"\u0061":2})"), "'2'");
  EXPECT_EQ(at(R"({"a":{"b":1},"a":{"c":2}})", "$.a.b"), "NULL");
  EXPECT_EQ(at(R"({"a":[{"x":1,"x":2}]})", "$.a[0].x"), "'2'");
  EXPECT_EQ(at(R"({"a":1,"a":null})"), "NULL");
  // A number that no 64 bits hold, before, behind and at the place.
  for (const char* number :
       {"18446744073709551616", "-9223372036854775809", "1e400", "123456789012345678901234567890.5"}) {
    EXPECT_EQ(at(fmt::format(R"({{"n":{},"a":7}})", number).c_str()), "'7'");
    EXPECT_EQ(at(fmt::format(R"({{"a":7,"n":[{}]}})", number).c_str()), "'7'");
    EXPECT_EQ(at(fmt::format(R"({{"a":{}}})", number).c_str()), fmt::format("'{}'", number));
    EXPECT_EQ(at(fmt::format(R"({{"a":[ {} ]}})", number).c_str()), fmt::format("'[{}]'", number));
  }
  EXPECT_EQ(at(R"({"a":1.50})"), "'1.50'") << "as it is spelled";
  // A broken escape is the fault of the string that has it.
  for (const char* broken : {R"(\ud800)", R"(\udc00)", R"(\ud800\u0041)", R"(\x)", R"(\u12g4)", R"(\u1)"}) {
    EXPECT_EQ(at(fmt::format(R"({{"s":"{}","a":7}})", broken).c_str()), "'7'") << broken;
    EXPECT_EQ(at(fmt::format(R"({{"a":7,"{}":1}})", broken).c_str()), "'7'") << broken;
    EXPECT_EQ(at(fmt::format(R"({{"a":"{}"}})", broken).c_str()), "NULL") << broken;
    EXPECT_EQ(at(fmt::format(R"({{"a":["{}"]}})", broken).c_str()), "NULL") << broken;
  }
  EXPECT_EQ(at(R"({"a":"x\n\"\ud83d\ude97"})"), "'x\n\"\U0001F697'");
  EXPECT_EQ(at(R"({ "a" : { "b c" : "x \" y" , "d" : [ 1 , 2 ] } })"), R"('{"b c":"x \" y","d":[1,2]}')");
  for (const char* bad :
       {R"({"a":7)", R"({"a":7}})", R"({"a":7,})", R"({"a":7,"b":01})", R"({"a":7,"b":"open})",
        R"({"a":7,"b":nope})", R"({"a":7} x)", R"({"a":7,"b":"\)", ""})
    EXPECT_EQ(at(bad), "NULL") << bad;
  const std::string deep_ok = "{\"a\":7,\"b\":" + std::string(127, '[') + std::string(127, ']') + "}";
  const std::string deep_bad = "{\"a\":7,\"b\":" + std::string(128, '[') + std::string(128, ']') + "}";
  EXPECT_EQ(at(deep_ok.c_str()), "'7'");
  EXPECT_EQ(at(deep_bad.c_str()), "NULL");
}

}  // namespace functions_text_test
}  // namespace rideflow::test
