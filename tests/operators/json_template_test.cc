// A template accepts what it was made for, whatever its values are, and nothing else; on both kernels alike.
#include "operators/json/json_template.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "engine/buffer.h"
#include "operators/json/json_scan.h"

namespace rideflow {
namespace {

using Next = TemplateRun::Next;
enum class Match : uint8_t { no, ascii, other };  // other: there may be bytes above 127 outside of literals

struct Answer {
  Match match = Match::no;
  std::vector<std::string> values;
};

// Both kernels over the records, one after the other: what each record is, and its values.
std::vector<Answer> match_all(JsonTemplate& form, std::vector<std::vector<JsonMark>>& marks,
                              const std::vector<RecordText>& records, bool portably) {
  std::vector<Answer> answers(records.size());
  const auto ascii = std::make_unique<bool[]>(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    const std::span<const RecordText> rest = std::span(records).subspan(i);
    const size_t n =
        portably ? form.match_portably(rest, i, ascii.get() + i) : form.match(rest, i, ascii.get() + i);
    for (size_t end = i + n; i < end; ++i) {
      answers[i].match = ascii[i] ? Match::ascii : Match::other;
      for (const std::vector<JsonMark>& mark : marks) {
        const std::string value(mark[i].text());
        answers[i].values.push_back(mark[i].kind == JsonMark::Kind::text ? "\"" + value + "\"" : value);
      }
    }
  }
  return answers;
}

class Form {
 public:
  JsonTemplate form;

  void literal(std::string_view bytes) { form.add_literal(bytes); }
  void string(uint32_t size) { read(form.add_string(size)); }
  void value(Next kind) { read(form.add_value(kind)); }

  // The records stand one behind the other, and the last at the end of its buffer.
  std::vector<Answer> match(const std::vector<std::string>& records, std::string_view behind = "") {
    std::string all;
    for (const std::string& record : records) all += record;
    const BufferRef memory = BufferRef::copy_of(all + std::string(behind));
    std::vector<RecordText> texts;
    const char* at = memory.view().data();
    for (const std::string& record : records) {
      texts.push_back({at, at + record.size()});
      at += record.size();
    }
    std::vector<Answer> answers = match_all(form, marks_, texts, false);
    const std::vector<Answer> portable = match_all(form, marks_, texts, true);
    for (size_t i = 0; i < records.size(); ++i) {
      EXPECT_EQ(answers[i].match, portable[i].match) << records[i];
      EXPECT_EQ(answers[i].values, portable[i].values) << records[i];
    }
    return answers;
  }
  Answer match(const std::string& record, std::string_view behind = "") {
    return match(std::vector<std::string>{record}, behind)[0];
  }
  bool accepts(const std::string& record, std::string_view behind = "") {
    return match(record, behind).match != Match::no;
  }

 private:
  static constexpr size_t kMostRecords = 64;

  void read(const JsonTemplate::Place& place) { form.read(place, marks_.emplace_back(kMostRecords).data()); }

  std::vector<std::vector<JsonMark>> marks_;  // by value
};

std::string quoted(const std::string& value) {
  return "\"" + value + "\"";
}

Form one_value(Next kind) {
  Form f;
  f.literal(kind == Next::text ? "{\"a\":\"" : "{\"a\":");
  f.value(kind);
  f.literal(kind == Next::text ? "\"}" : "}");
  f.form.finish();
  return f;
}

TEST(JsonTemplate, TextsOfEveryLength) {
  Form f = one_value(Next::text);
  for (size_t size = 0; size < 100; ++size) {
    const std::string value(size, 'x');
    EXPECT_EQ(f.match("{\"a\":\"" + value + "\"}").values, std::vector{quoted(value)});
    EXPECT_EQ(f.match("{\"a\":\"" + value + "\"}", "\"}\"}").values, std::vector{quoted(value)});
    EXPECT_FALSE(f.accepts("{\"a\":\"" + value, "\"}"));
    EXPECT_FALSE(f.accepts("{\"a\":\"" + value + "\"", "}"));
    for (size_t at = 0; at < size; ++at) {
      for (const char c : {'"', '\\', '\n', '\x1f', '\0'}) {
        std::string damaged = value;
        damaged[at] = c;
        EXPECT_FALSE(f.accepts("{\"a\":\"" + damaged + "\"}")) << size << " " << at;
      }
      std::string other = value;
      other[at] = '\xc3';
      EXPECT_EQ(f.match("{\"a\":\"" + other + "\"}").match, Match::other) << size << " " << at;
    }
  }
}

TEST(JsonTemplate, StringsOfOneLengthAtEveryPlaceOfABlock) {
  for (size_t before = 1; before < 70; ++before) {
    for (const uint32_t size : {0U, 1U, 5U, 31U, 32U, 33U, 64U}) {
      Form f;
      const std::string literal = "{" + std::string(before, ' ') + "\"a\":\"";
      f.literal(literal);
      f.string(size);
      f.literal("\"}");
      f.form.finish();
      const std::string value(size, 'x');
      EXPECT_EQ(f.match(literal + value + "\"}").match, Match::ascii);
      EXPECT_EQ(f.match(literal + value + "\"}").values, std::vector{quoted(value)});
      EXPECT_FALSE(f.accepts(literal + value + "x\"}"));
      EXPECT_FALSE(f.accepts(literal + value + "\"", "}"));
      EXPECT_FALSE(f.accepts(literal.substr(1) + " " + value + "\"}"));
      for (size_t at = 0; at < size; ++at) {
        for (const char c : {'"', '\\', '\t'}) {
          std::string damaged = value;
          damaged[at] = c;
          EXPECT_FALSE(f.accepts(literal + damaged + "\"}"));
        }
        std::string other = value;
        other[at] = '\xff';
        EXPECT_EQ(f.match(literal + other + "\"}").match, Match::other);
      }
    }
  }
}

TEST(JsonTemplate, NumbersAndWords) {
  Form f = one_value(Next::scalar);
  for (const std::string good : {"0", "-0", "7", "-7", "10", "0.5", "-0.25", "12.75", "123456789012345",
                                 "-1234567.8901", "true", "false", "null"}) {
    EXPECT_EQ(f.match("{\"a\":" + good + "}").values, std::vector<std::string>{good});
    EXPECT_EQ(f.match("{\"a\":" + good + "}", "123").values, std::vector<std::string>{good});
    EXPECT_FALSE(f.accepts("{\"a\":" + good, "}"));
    EXPECT_FALSE(f.accepts("{\"a\":" + good + " }"));
  }
  for (const std::string bad : {"",
                                "-",
                                "00",
                                "01",
                                "-01",
                                "01.5",
                                "1.",
                                ".5",
                                "-.5",
                                "1.5.5",
                                "1-2",
                                "--1",
                                "+1",
                                "1e5",
                                "1E5",
                                "0x1",
                                "1_0",
                                "nul",
                                "nulll",
                                "tru",
                                "truee",
                                "fals",
                                "falsy",
                                "-null",
                                "\"\"",
                                "[]",
                                "{}",
                                " 1",
                                "1 ",
                                "1,2",
                                "1234567890123456",
                                "1.5-",
                                "-1-"}) {
    EXPECT_FALSE(f.accepts("{\"a\":" + bad + "}")) << bad;
    EXPECT_FALSE(f.accepts("{\"a\":" + bad + "}", "}}}")) << bad;
  }
}

// Numbers of few characters, valid or not, as the scanner judges them; two side by side, then one alone.
TEST(JsonTemplate, RandomScalarsSideBySide) {
  const uint64_t seed = 20261128;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Form f = one_value(Next::scalar);
  const auto scalar = [&] {
    if (random() % 8 == 0) return std::string(random() % 2 == 0 ? "null" : "true");
    std::string s;
    for (uint64_t n = random() % 17; n > 0; --n) s.push_back("0012345678999-..e,}"[random() % 19]);
    return s;
  };
  // The template takes no exponents, and at most 15 characters.
  const auto good = [](const std::string& text) {
    if (text.size() > 15 || text.find('e') < text.find_first_of("tn")) return false;
    const BufferRef memory = BufferRef::copy_of(text);
    JsonScanner scanner(memory.view());
    JsonToken token;
    return scanner.value(token) && scanner.at_end();
  };
  int64_t matched = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::vector<std::string> values = {scalar(), scalar(), scalar()};
    std::vector<std::string> records;
    for (const std::string& value : values) records.push_back("{\"a\":" + value + "}");
    const std::vector<Answer> answers = f.match(records);
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(answers[i].match != Match::no, good(values[i]))
          << i << " of " << records[0] << records[1] << records[2];
      if (answers[i].match == Match::no) continue;
      ASSERT_EQ(answers[i].values[0], values[i]);
      ++matched;
    }
  }
  EXPECT_GT(matched, 10'000);
}

// A string with its quotes or a scalar, in the same template.
TEST(JsonTemplate, StringsAndScalarsInOnePlace) {
  Form f = one_value(Next::any);
  for (size_t size = 0; size < 100; ++size) {
    const std::string value = quoted(std::string(size, 'x'));
    EXPECT_EQ(f.match("{\"a\":" + value + "}").values, std::vector<std::string>{value});
    EXPECT_EQ(f.match("{\"a\":" + value + "}", "\"}").values, std::vector<std::string>{value});
    EXPECT_FALSE(f.accepts("{\"a\":" + value.substr(0, size + 1) + "}"));
    EXPECT_FALSE(f.accepts("{\"a\":" + value, "}")) << "the end is the next record's";
    EXPECT_FALSE(f.accepts("{\"a\":" + value + value + "}"));
  }
  for (const std::string good : {"null", "true", "7", "-0.25"}) {
    EXPECT_EQ(f.match("{\"a\":" + good + "}").values, std::vector<std::string>{good});
  }
  for (const std::string bad : {"nul", "", "\"", "\"a", "a\"", "\"a\\n\"", "\"\t\"", "[]", "{}", "01"}) {
    EXPECT_FALSE(f.accepts("{\"a\":" + bad + "}")) << bad;
  }
  EXPECT_EQ(f.match("{\"a\":\"\xc3\xa9\"}").match, Match::other);
}

// Random forms, records of them, and records with a byte changed: a record is accepted exactly when it reads,
// byte by byte, as the form says.
TEST(JsonTemplate, RandomRecordsAndDamage) {
  const uint64_t seed = 20261127;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto letters = [&](size_t n) {
    std::string s;
    for (; n > 0; --n) s.push_back("abcdefgh :,{}[]."[random() % 16]);
    return s;
  };
  for (int round = 0; round < 2'000; ++round) {
    Form f;
    std::string record;
    std::vector<std::string> expected;
    std::vector<bool> literal;  // by byte: has to be as it is
    const auto add = [&](const std::string& bytes, bool fixed) {
      record += bytes;
      literal.insert(literal.end(), bytes.size(), fixed);
      if (fixed) f.literal(bytes);
    };
    add("{\"" + letters(random() % 40), true);
    for (uint64_t n = random() % 6; n > 0; --n) {
      add("\":\"", true);
      const std::string value = letters(random() % 50);
      if (random() % 2 == 0) {
        f.string(static_cast<uint32_t>(value.size()));
      } else {
        f.value(Next::text);
      }
      add(value, false);
      expected.push_back(quoted(value));
      add("\",\"" + letters(random() % 40), true);
    }
    add("\"}", true);
    f.form.finish();
    ASSERT_EQ(f.match(record, letters(random() % 9)).values, expected) << record;
    for (int i = 0; i < 20; ++i) {
      std::string damaged = record;
      const size_t at = random() % record.size();
      damaged[at] = "\"\\\nxy"[random() % 5];
      if (damaged == record) continue;
      const bool letter = damaged[at] == 'x' || damaged[at] == 'y';
      EXPECT_EQ(f.accepts(damaged), !literal[at] && letter) << record << "\n" << damaged;
    }
    EXPECT_FALSE(f.accepts(record.substr(0, record.size() - 1), "}"));
    EXPECT_FALSE(f.accepts(record + "}"));
    // One that does not match leaves those beside it alone.
    std::vector<std::string> row(random() % 5 + 1, record);
    const size_t wrong = random() % row.size();
    row[wrong].resize(random() % record.size());
    const std::vector<Answer> answers = f.match(row);
    for (size_t i = 0; i < row.size(); ++i) {
      ASSERT_EQ(answers[i].match != Match::no, i != wrong) << record;
      ASSERT_EQ(answers[i].values, i == wrong ? std::vector<std::string>() : expected);
    }
  }
}

}  // namespace
}  // namespace rideflow
