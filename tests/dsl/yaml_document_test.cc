#include "dsl/yaml_document.h"

#include "dsl/variables.h"

namespace rideflow::test {
namespace yaml_document_test {

struct Parsed {
  YamlDocument document;
  Diagnostics diagnostics;
};

Parsed parse(const std::string& text) {
  Parsed parsed;
  parsed.document = parse_yaml(text, parsed.diagnostics);
  return parsed;
}

std::string first_error(const Parsed& parsed) {
  return parsed.diagnostics.ok() ? "" : to_string(parsed.diagnostics.errors()[0], "f");
}

std::string place_of(const Parsed& parsed, const YamlNode& node, size_t byte) {
  const TextPos pos = parsed.document.places(node)[byte];
  return std::to_string(pos.line) + ":" + std::to_string(pos.column);
}

TEST(Yaml, KeysAndValuesHavePlaces) {
  const Parsed parsed = parse("a: 1\nb:\n  - x\n  - {c: 'two'}\nd: ~\n");
  ASSERT_TRUE(parsed.diagnostics.ok()) << first_error(parsed);
  const YamlNode& root = parsed.document.root;
  ASSERT_EQ(root.entries.size(), 3U);
  EXPECT_EQ(root.entries[1].key_pos.line, 2);
  const YamlNode& c = root.find("b")->items[1].entries[0].value;
  EXPECT_EQ(c.text, "two");
  EXPECT_TRUE(c.quoted);
  EXPECT_EQ(c.pos.line, 4);
  EXPECT_EQ(c.pos.column, 9);
  EXPECT_TRUE(root.find("d")->is_null());
  EXPECT_TRUE(root.find("b")->items[1].flow);
}

TEST(Yaml, PlacesInsideScalars) {
  const Parsed plain = parse("x: abc\n   def\n");
  EXPECT_EQ(plain.document.root.entries[0].value.text, "abc def");
  EXPECT_EQ(place_of(plain, plain.document.root.entries[0].value, 4), "2:4");
  const Parsed folded = parse("x: >-\n  abc\n  def\n");
  EXPECT_EQ(place_of(folded, folded.document.root.entries[0].value, 0), "2:3");
  EXPECT_EQ(place_of(folded, folded.document.root.entries[0].value, 5), "3:4");
  const Parsed literal = parse("x: |\n  abc\n    def\n");
  EXPECT_EQ(place_of(literal, literal.document.root.entries[0].value, 6), "3:5");
  const Parsed single = parse("x: 'it''s me'\n");
  EXPECT_EQ(place_of(single, single.document.root.entries[0].value, 5), "1:11");
  const Parsed twice = parse("x: \"a\\tb\\u00e9c\"\n");
  const YamlNode& value = twice.document.root.entries[0].value;
  EXPECT_EQ(value.text,
            "a\tb\xC3\xA9"
            "c");
  EXPECT_EQ(place_of(twice, value, 5), "1:15");
  const Parsed wide = parse("\"\xC3\xA9\": \xC3\xA9\xC3\xA9x\n");
  EXPECT_EQ(place_of(wide, wide.document.root.entries[0].value, 4), "1:8") << "columns count characters";
}

TEST(Yaml, LimitsHold) {
  EXPECT_NE(first_error(parse(std::string((size_t{1} << 20) + 1, 'a'))).find("at most"), std::string::npos);
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += "[";
  EXPECT_NE(first_error(parse("a: " + deep)).find("nested deeper than 64"), std::string::npos);
  EXPECT_NE(first_error(parse("a: \xFF\n")).find("not UTF-8"), std::string::npos);
  EXPECT_NE(first_error(parse(std::string("a: \x00 b\n", 8))).find("not UTF-8"), std::string::npos);
  EXPECT_NE(first_error(parse("? [a, b]\n: 1\n")).find("a key must be a plain word"), std::string::npos);
  EXPECT_TRUE(parse("\xEF\xBB\xBF"
                    "a: 1\r\nb: 2\r\n")
                  .diagnostics.ok());
}

TEST(Yaml, ABillionLaughsIsRefusedAtTheFirstAnchor) {
  const Parsed parsed = parse("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n");
  EXPECT_EQ(first_error(parsed).substr(0, 6), "f:1:4 ");
}

TEST(Yaml, PiecesOfACutExpressionAreToldOnce) {
  const Parsed parsed = parse("{a: f(x, y, z), b: 1, c: [g(x, y), 3]}");
  EXPECT_EQ(parsed.diagnostics.errors().size(), 2U);
  const YamlNode& root = parsed.document.root;
  ASSERT_EQ(root.entries.size(), 2U);
  EXPECT_EQ(root.entries[0].key, "b");
  EXPECT_EQ(root.entries[1].value.items.size(), 1U);
}

Parsed with_variables(const std::string& text) {
  Parsed parsed = parse(text);
  replace_variables(
      parsed.document,
      [](std::string_view name) -> std::optional<std::string> {
        if (name == "A") return "one: {two}";
        if (name == "EMPTY") return "";
        return std::nullopt;
      },
      parsed.diagnostics);
  return parsed;
}

TEST(Variables, AreReplacedInValuesOnly) {
  const Parsed parsed =
      with_variables("${A}: x${A}y\nb: ${NO:-default} $$ $x ${EMPTY} ${EMPTY:-e}\nc: ['a$${A}']\n");
  ASSERT_TRUE(parsed.diagnostics.ok()) << first_error(parsed);
  const YamlNode& root = parsed.document.root;
  EXPECT_EQ(root.entries[0].key, "${A}");
  EXPECT_EQ(root.entries[0].value.text, "xone: {two}y") << "a value can't become YAML";
  EXPECT_EQ(root.entries[1].value.text, "default $ $x  e");
  EXPECT_EQ(root.entries[2].value.items[0].text, "a${A}");
}

TEST(Variables, PlacesBehindAVariableAreThoseOfTheFile) {
  const Parsed parsed = with_variables("x: ab${A}cd\n");
  const YamlNode& value = parsed.document.root.entries[0].value;
  EXPECT_EQ(place_of(parsed, value, 2), "1:6");
  EXPECT_EQ(place_of(parsed, value, value.text.size() - 1), "1:11");
}

TEST(Variables, AMissingOneIsAnErrorWithItsPlace) {
  EXPECT_EQ(first_error(with_variables("a: {b: 'x${NO:?set it}'}\n")),
            "f:1:10  a.b: the variable NO is not set: set it");
  EXPECT_NE(first_error(with_variables("a: ${}\n")).find("is not a variable"), std::string::npos);
  EXPECT_NE(first_error(with_variables("a: ${A\n")).find("without its '}'"), std::string::npos);
}

}  // namespace yaml_document_test
}  // namespace rideflow::test
