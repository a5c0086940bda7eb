// Compressed files: frames and members of every kind, cut anywhere, and what is none.
#include <gmock/gmock.h>

#include <random>

#include "operators/files/byte_source.h"
#include "tests/operators/file_world.h"

namespace rideflow {
namespace byte_source_test {

using test::FileWorld;
using test::gzip;
using test::options;
using test::zstd;
using testing::HasSubstr;

std::string skippable(int kind, const std::string& content) {
  std::string frame = {static_cast<char>(0x50 + kind), '\x2a', '\x4d', '\x18'};
  for (int i = 0; i < 4; ++i) frame.push_back(static_cast<char>(content.size() >> (8 * i) & 0xff));
  return frame + content;
}

struct Content {
  std::string text;
  std::string error;
};

// As a source reads it: everything, or why not.
Content read(const std::string& name, const std::string& bytes, size_t block = 1'000) {
  FileWorld world;
  world.put(name, bytes);
  Content content;
  auto source = ByteSource::open(world.env.fs(), name, 1'000);
  if (!source.ok()) {
    content.error = source.status().to_string();
    return content;
  }
  std::string buffer(block, '\0');
  for (;;) {
    const auto got = (*source)->read(buffer.data(), buffer.size());
    if (!got.ok()) {
      content.error = got.status().to_string();
      return content;
    }
    if (*got == 0) break;
    content.text.append(buffer, 0, *got);
  }
  if (!(*source)->at_boundary()) content.error = "in the middle";
  return content;
}

std::string text_of(size_t lines) {
  std::string text;
  std::mt19937 random(5);
  for (size_t i = 0; i < lines; ++i) text += "row " + std::to_string(random()) + "\n";
  return text;
}

TEST(ByteSource, SkippableFramesOfAllKindsStandAnywhere) {
  const std::string a = text_of(30);
  const std::string b = text_of(2'000);
  for (int kind = 0; kind < 16; ++kind) {
    for (const size_t size : {size_t{0}, size_t{4}, kind == 0 ? size_t{100'000} : size_t{300}}) {
      const std::string skip = skippable(kind, std::string(size, kind % 2 == 0 ? '\0' : '\n'));
      for (const size_t block : {size_t{1}, size_t{1'000}, size_t{1'000'000}}) {
        if (block == 1 && (size > 4 || kind > 1)) continue;
        const std::string& second = block == 1 ? a : b;
        const std::string first_frame = zstd(a);
        const std::string second_frame = zstd(second);
        // pzstd writes the first of these; none, one or several frames in every place.
        for (const std::string& bytes :
             {skip + first_frame + skip + second_frame, skip + skip + first_frame + second_frame,
              first_frame + skip + skip + second_frame + skip}) {
          const Content content = read("a.zst", bytes, block);
          ASSERT_EQ(content.error, "") << kind;
          ASSERT_EQ(content.text == a + second, true) << kind;
        }
      }
      EXPECT_EQ(read("a.zst", skip).error, "");
      EXPECT_EQ(read("a.zst", skip).text, "");
    }
  }
}

TEST(ByteSource, MembersOfGzipAndZerosBehindThem) {
  const std::string a = text_of(30);
  const std::string b = text_of(2'000);
  for (const size_t zeros :
       {size_t{0}, size_t{1}, size_t{7}, size_t{512}, size_t{65'535}, size_t{65'536}, size_t{200'000}}) {
    const std::string pad(zeros, '\0');
    for (const std::string& bytes : {gzip(a) + pad, gzip(a) + gzip(b) + pad, gzip(a) + pad + gzip(b) + pad,
                                     gzip(a) + gzip("") + gzip(b) + pad, gzip("") + pad + gzip(a)}) {
      const Content content = read("a.gz", bytes);
      ASSERT_EQ(content.error, "") << zeros;
      const bool both = bytes.find(gzip(b).substr(20, 100)) != std::string::npos;
      ASSERT_EQ(content.text == (both ? a + b : a), true) << zeros;
    }
  }
  EXPECT_THAT(read("a.gz", gzip(a) + "garbage").error, HasSubstr("'a.gz' is damaged"));
  EXPECT_THAT(read("a.gz", gzip(a) + std::string(9, '\0') + "garbage").error, HasSubstr("damaged"));
}

TEST(ByteSource, WhatIsCutAnywhereIsRefused) {
  const std::string a = text_of(30);
  const std::string b = text_of(20);
  struct Kind {
    const char* name;
    std::string bytes;
    std::vector<size_t> whole;  // lengths at which it is not cut
  };
  const std::string skip = skippable(3, "1234");
  const std::vector<Kind> kinds{
      {"a.CSV.GZ",
       gzip(a) + gzip(b) + std::string(5, '\0'),
       {gzip(a).size(), gzip(a).size() + gzip(b).size()}},
      {"a.csv.zst", zstd(a) + skip + zstd(b), {zstd(a).size(), zstd(a).size() + skip.size()}},
  };
  for (const Kind& kind : kinds) {
    const size_t last = kind.whole.back();
    for (size_t cut = 1; cut < kind.bytes.size(); ++cut) {
      const bool whole = std::find(kind.whole.begin(), kind.whole.end(), cut) != kind.whole.end() ||
                         (cut > last && kind.bytes[cut - 1] == '\0' && kind.name[2] == 'C');
      FileWorld world;
      world.put(kind.name, kind.bytes.substr(0, cut));
      const auto reader = world.reader(options({{"path", kind.name}}));
      std::string error;
      for (;;) {
        const auto poll = reader->poll(Partition(0), 1'000);
        if (!poll.ok()) error = poll.status().to_string();
        if (!poll.ok() || poll->state == Poll::State::ended) break;
      }
      ASSERT_EQ(error.empty(), whole) << kind.name << " cut at " << cut << ": " << error;
      if (!whole) {
        ASSERT_THAT(error, HasSubstr("'" + std::string(kind.name) + "'")) << cut;
      }
    }
  }
}

TEST(ByteSource, OtherFormatsAreRefusedByTheirNames) {
  struct Kind {
    std::string head;
    const char* name;
  };
  const std::vector<Kind> kinds{{std::string("\xfd\x37\x7a\x58\x5a\0\0\0", 8), "xz"},
                                {"\x04\x22\x4d\x18....", "lz4"},
                                {"BZh91AY&SY....", "bzip2"},
                                {"BZh9\x17\x72\x45\x38\x50\x90....", "bzip2"},
                                {"\x1f\x9d\x90....", "compress"},
                                {"\x37\x7a\xbc\xaf\x27\x1c....", "7z"},
                                {std::string("\xff\x06\0\0sNaPpY", 10), "snappy"},
                                {"PK\x03\x04....", "zip"},
                                {"Obj\x01....", "Avro"},
                                {"PAR1\x15....", "Parquet"}};
  for (const Kind& kind : kinds) {
    const std::string error = read("in/a.csv", kind.head + std::string(100, 'x')).error;
    EXPECT_THAT(error, HasSubstr("'in/a.csv' is a file of " + std::string(kind.name)));
  }
  // What only looks like it, or has another's name.
  for (const std::string text :
       {"BZh9 is a word\n", "PK and more\n", "PAR1,x\n", "(\n", "\x1f\n", "Object\n"}) {
    EXPECT_EQ(read("a.txt", text).text, text);
    EXPECT_EQ(read("a.csv.gz", text).text, text);
  }
}

}  // namespace byte_source_test
}  // namespace rideflow
