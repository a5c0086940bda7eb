// A template accepts what it was made for, whatever its values are, and nothing else; on both kernels alike.
#include "operators/json_template.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/buffer.h"

namespace rideflow {
namespace {

using Next = TemplateStep::Next;

struct Answer {
  JsonTemplate::Match match = JsonTemplate::Match::no;
  std::vector<std::string> values;
};

class Form {
 public:
  JsonTemplate form;
  std::vector<JsonTemplate::Place> places;

  // The record stands at the end of its buffer, or in front of another one that goes on where it ends.
  Answer match(const std::string& record, std::string_view behind = "") const {
    const BufferRef memory = BufferRef::copy_of(record + std::string(behind));
    const std::string_view text = memory.view().substr(0, record.size());
    std::vector<const char*> starts(form.steps());
    std::vector<const char*> portable(form.steps());
    Answer answer;
    answer.match = form.matches(text, starts.data());
    EXPECT_EQ(answer.match, form.matches_portably(text, portable.data())) << record;
    if (answer.match == JsonTemplate::Match::no) return answer;
    EXPECT_EQ(starts, portable) << record;
    for (const JsonTemplate::Place& place : places) {
      answer.values.emplace_back(starts[place.begin_step] + place.begin, starts[place.end_step] + place.end);
    }
    return answer;
  }
  bool accepts(const std::string& record, std::string_view behind = "") const {
    return match(record, behind).match != JsonTemplate::Match::no;
  }
};

Form one_value(Next kind) {
  Form f;
  f.form.add_literal(kind == Next::text ? "{\"a\":\"" : "{\"a\":");
  f.places.push_back(f.form.add_value(kind));
  f.form.add_literal(kind == Next::text ? "\"}" : "}");
  f.form.finish();
  return f;
}

TEST(JsonTemplate, TextsOfEveryLength) {
  const Form f = one_value(Next::text);
  for (size_t size = 0; size < 100; ++size) {
    const std::string value(size, 'x');
    EXPECT_EQ(f.match("{\"a\":\"" + value + "\"}").values, std::vector<std::string>{value});
    EXPECT_EQ(f.match("{\"a\":\"" + value + "\"}", "\"}\"}").values, std::vector<std::string>{value});
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
      EXPECT_EQ(f.match("{\"a\":\"" + other + "\"}").match, JsonTemplate::Match::other) << size << " " << at;
    }
  }
}

TEST(JsonTemplate, StringsOfOneLengthAtEveryPlaceOfABlock) {
  for (size_t before = 1; before < 70; ++before) {
    for (const uint32_t size : {0U, 1U, 5U, 31U, 32U, 33U, 64U}) {
      Form f;
      const std::string literal = "{" + std::string(before, ' ') + "\"a\":\"";
      f.form.add_literal(literal);
      f.places.push_back(f.form.add_string(size));
      f.form.add_literal("\"}");
      f.form.finish();
      const std::string value(size, 'x');
      EXPECT_EQ(f.match(literal + value + "\"}").match, JsonTemplate::Match::ascii);
      EXPECT_EQ(f.match(literal + value + "\"}").values, std::vector<std::string>{value});
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
        EXPECT_EQ(f.match(literal + other + "\"}").match, JsonTemplate::Match::other);
      }
    }
  }
}

TEST(JsonTemplate, NumbersAndWords) {
  const Form f = one_value(Next::scalar);
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

// A string with its quotes or a scalar, in the same template.
TEST(JsonTemplate, StringsAndScalarsInOnePlace) {
  const Form f = one_value(Next::any);
  for (size_t size = 0; size < 100; ++size) {
    const std::string value = "\"" + std::string(size, 'x') + "\"";
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
  EXPECT_EQ(f.match("{\"a\":\"\xc3\xa9\"}").match, JsonTemplate::Match::other);
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
      if (fixed) f.form.add_literal(bytes);
    };
    add("{\"" + letters(random() % 40), true);
    for (uint64_t n = random() % 6; n > 0; --n) {
      add("\":\"", true);
      const std::string value = letters(random() % 50);
      f.places.push_back(random() % 2 == 0 ? f.form.add_string(static_cast<uint32_t>(value.size()))
                                           : f.form.add_value(Next::text));
      add(value, false);
      expected.push_back(value);
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
  }
}

}  // namespace
}  // namespace rideflow
