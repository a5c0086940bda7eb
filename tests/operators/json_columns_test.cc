// Both kernels convert the same rows to the same bits, which are those of the single conversions; what they
// leave to the caller is rare.
#include "operators/json/json_columns.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "engine/buffer.h"

namespace rideflow {
namespace json_columns_test {

using Kind = JsonMark::Kind;

// Values as they stand in records, one behind the other.
class Values {
 public:
  void add(const std::string& text, Kind kind) {
    text_ += "{\"\":\"";
    places_.push_back({text_.size(), text.size()});
    kinds_.push_back(kind);
    text_ += text + "\"}";
  }
  void finish() {
    memory_ = BufferRef::copy_of(text_);
    for (size_t i = 0; i < places_.size(); ++i) {
      marks_.push_back(
          {memory_.view().data() + places_[i].first, static_cast<uint32_t>(places_[i].second), kinds_[i]});
      if (kinds_[i] == Kind::missing) marks_.back() = {};
    }
  }
  const std::vector<JsonMark>& marks() const { return marks_; }
  const char* base() const { return memory_.view().data(); }

 private:
  std::string text_;
  std::vector<std::pair<size_t, size_t>> places_;
  std::vector<Kind> kinds_;
  BufferRef memory_;
  std::vector<JsonMark> marks_;
};

// What `read(marks, rows, to)` gives for every row; nothing for those it leaves to the caller.
template <class T, class Read>
std::vector<std::optional<T>> all(const Values& values, Read read) {
  const std::vector<JsonMark>& marks = values.marks();
  std::vector<std::optional<T>> out;
  std::vector<T> to(marks.size());
  while (out.size() < marks.size()) {
    const size_t n = read(&marks[out.size()], marks.size() - out.size(), to.data());
    out.insert(out.end(), to.begin(), to.begin() + static_cast<ptrdiff_t>(n));
    if (out.size() < marks.size()) out.emplace_back();
  }
  return out;
}

TEST(JsonColumns, Numbers) {
  const uint64_t seed = 20261127;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto digits = [&](size_t n) {
    std::string s;
    for (; n > 0; --n) s.push_back(static_cast<char>('0' + random() % 10));
    return s;
  };
  Values values;
  std::vector<std::string> texts = {
      "0",     "-0",      "0.0",  "-0.5", "999999999999999", "9007199254740993", "1e5",
      "-1E-5", "1.5e300", "null", "true", "false",           "0.000000000000001"};
  for (int i = 0; i < 20'000; ++i) {
    std::string whole = digits(random() % 18 + 1);
    if (whole.size() > 1 && whole[0] == '0') whole[0] = '1';
    const std::string fraction = random() % 3 == 0 ? "" : "." + digits(random() % 18 + 1);
    texts.push_back((random() % 2 == 0 ? "-" : "") + whole + fraction);
  }
  for (const std::string& text : texts) values.add(text, Kind::bare);
  values.add("1", Kind::text);
  values.add("", Kind::missing);
  values.finish();
  const auto fast = all<double>(values, json_column_kernels().numbers);
  const auto portable = all<double>(values, kPortableColumnKernels.numbers);
  size_t converted = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::optional<double> expected = parse_double_text(texts[i]);
    if (portable[i]) {
      EXPECT_EQ(std::bit_cast<uint64_t>(*portable[i]), std::bit_cast<uint64_t>(*expected)) << texts[i];
    }
    if (!fast[i]) {
      EXPECT_TRUE(!expected || texts[i].find_first_of("eE") != std::string::npos || texts[i].size() > 15)
          << texts[i];
      continue;
    }
    ASSERT_TRUE(expected) << texts[i];
    EXPECT_EQ(std::bit_cast<uint64_t>(*fast[i]), std::bit_cast<uint64_t>(*expected)) << texts[i];
    ++converted;
  }
  EXPECT_GT(converted, 8'000u);
  EXPECT_FALSE(fast[texts.size()]) << "a string";
  EXPECT_FALSE(fast[texts.size() + 1]) << "nothing";
  EXPECT_FALSE(portable[texts.size()] || portable[texts.size() + 1]);
}

TEST(JsonColumns, TextsOfEveryLength) {
  Values values;
  std::vector<std::string> texts;
  for (size_t size = 0; size < 40; ++size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text.push_back(static_cast<char>('a' + i % 26));
    texts.push_back(text);
    values.add(text, Kind::text);
  }
  values.add("a\\n", Kind::escaped);
  values.add("", Kind::missing);
  values.add("null", Kind::bare);
  values.finish();
  for (const JsonColumnKernels* kernels : {&json_column_kernels(), &kPortableColumnKernels}) {
    const auto views = all<StringView>(values, [&](const JsonMark* marks, size_t rows, StringView* to) {
      return kernels->texts(marks, rows, values.base(), to);
    });
    for (size_t i = 0; i < texts.size(); ++i) {
      ASSERT_TRUE(views[i]);
      const auto size = static_cast<size_t>(views[i]->length);
      ASSERT_EQ(size, texts[i].size());
      if (views[i]->is_inline()) {
        const std::string padded = texts[i] + std::string(12 - size, '\0');
        EXPECT_EQ(std::string_view(views[i]->inline_data(), 12), padded);
      } else {
        EXPECT_EQ(std::string_view(views[i]->prefix, 4), texts[i].substr(0, 4));
        EXPECT_EQ(views[i]->ref.buffer, 0);
        EXPECT_EQ(std::string_view(values.base() + views[i]->ref.offset, size), texts[i]);
      }
    }
    EXPECT_FALSE(views[texts.size()] || views[texts.size() + 1] || views[texts.size() + 2]);
  }
}

TEST(JsonColumns, TimesOfTwoMinutes) {
  TimestampReader reader;
  for (const char* known : {"2026-01-01T12:34:00.000Z", "2026-01-01T12:35:00.000Z"})
    ASSERT_TRUE(reader.read(known));
  Values values;
  std::vector<std::string> texts;
  const std::string minute = "2026-01-01T12:34";
  for (int millis = 0; millis < 60'000; millis += 7) {
    std::string text = minute + ":00.000Z";
    text[17] = static_cast<char>('0' + millis / 10'000);
    text[18] = static_cast<char>('0' + millis / 1'000 % 10);
    text[20] = static_cast<char>('0' + millis / 100 % 10);
    text[21] = static_cast<char>('0' + millis / 10 % 10);
    text[22] = static_cast<char>('0' + millis % 10);
    texts.push_back(text);
  }
  const size_t good = texts.size();
  const std::string odd = "2026-01-01T12:35:59.999Z";
  texts.push_back(odd);
  for (size_t at = 0; at < odd.size(); ++at) {  // every other byte at every place
    for (int byte = 0; byte < 256; ++byte) {
      texts.push_back(odd);
      texts.back()[at] = static_cast<char>(byte);
    }
  }
  for (const char* other :
       {"2026-01-01T12:35:59.99Z", "2026-01-01T12:35:59Z", "", "2026-01-01T12:35:59.9999Z"})
    texts.emplace_back(other);
  for (const std::string& text : texts) values.add(text, Kind::text);
  values.add("", Kind::missing);
  values.finish();
  for (const JsonColumnKernels* kernels : {&json_column_kernels(), &kPortableColumnKernels}) {
    const auto times = all<Micros>(values, [&](const JsonMark* marks, size_t rows, Micros* to) {
      return kernels->times(marks, rows, reader.minutes(), to);
    });
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_TRUE(times[i] || i > good) << texts[i];
      if (times[i]) {
        EXPECT_EQ(times[i], TimestampReader().read(texts[i])) << texts[i];
      }
    }
    EXPECT_FALSE(times[texts.size()]);
  }
}

}  // namespace json_columns_test
}  // namespace rideflow
