// Files as a source: order, growth, compression, positions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "engine/virtual_env.h"
#include "operators/files/file_list.h"
#include "operators/files/line_reader.h"
#include "tests/operators/decode_support.h"
#include "tests/operators/source_contract.h"

namespace rideflow {
namespace file_source_test {

using test::options;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())) + 64, '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string lines(const std::string& name, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "{\"file\":\"" + name + "\",\"n\":" + std::to_string(i) + "}\n";
  return text;
}

struct World {
  VirtualEnv env;
  Framing framing;

  void put(const std::string& path, const std::string& text) {
    EXPECT_TRUE(env.fs().make_dirs(parent_dir(path)).ok());
    auto file = env.fs().create(path);
    EXPECT_TRUE(file.ok());
    EXPECT_TRUE((*file)->append(text).ok());
  }
  void add(const std::string& path, const std::string& text) {
    auto file = env.fs().append(path);
    EXPECT_TRUE(file.ok() && (*file)->append(text).ok());
  }
  Result<std::unique_ptr<RecordReader>> open(const Options& o) {
    SourceConfig config;
    config.options = o;
    config.framing = framing;
    RF_ASSIGN(std::unique_ptr<RecordReader> made, test::catalog().find_source("file")->make(config));
    OpenContext context;
    context.env = &env;
    RF_TRY(made->open(context));
    return made;
  }
  // Opened, with partition 0 at its beginning.
  std::unique_ptr<RecordReader> reader(const Options& o, StartAt at = StartAt::earliest, Micros time = 0) {
    auto made = open(o);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    EXPECT_TRUE((*made)->assign(Partition(0), *(*made)->resolve(Partition(0), at, time)).ok());
    return *std::move(made);
  }
};

std::vector<std::string> payloads(RecordReader& reader, int32_t budget = 100) {
  std::vector<std::string> all;
  for (const auto& r : test::read_all(reader, Partition(0), budget)) all.push_back(r.payload);
  return all;
}

TEST(FileSource, Contract) {
  World world;
  world.put("in/b.json", lines("b", 7));
  world.put("in/a.json", "\xef\xbb\xbf" + lines("a", 3) + "\r\n\n{\"last\":1}\r");
  world.put("in/c.json.gz", gzip(lines("c", 9)) + gzip(lines("c2", 4)));
  world.put("in/d.json.zst", zstd(lines("d", 8)) + zstd(lines("d2", 2) + "tail"));
  world.put("in/e.json", "");
  world.put("in/.hidden", "no");
  world.put("in/f.json.tmp", "no");
  for (const std::string partitions : {"1", "3"}) {
    const auto read = test::check_source_contract([&] {
      auto made = world.open(options({{"path", "in"}, {"partitions", partitions}}));
      EXPECT_TRUE(made.ok());
      return *std::move(made);
    });
    size_t records = 0;
    for (const auto& part : read) records += part.size();
    EXPECT_EQ(records, 7U + 4 + 13 + 11);
    if (partitions == "3") continue;
    EXPECT_EQ(read[0][0].payload, "{\"file\":\"a\",\"n\":0}");
    EXPECT_EQ(read[0][0].topic, "in/a.json");
    EXPECT_EQ(read[0][3].payload, "{\"last\":1}");
    EXPECT_EQ(read[0].back().payload, "tail");
    EXPECT_EQ(read[0][0].timestamp, kNoTime);
  }
}

TEST(FileSource, BoundedFilesEnd) {
  World world;
  world.put("in/a.json", "one\ntwo");
  const auto reader = world.reader(options({{"path", "in/a.json"}}));
  EXPECT_THAT(payloads(*reader), ElementsAre("one", "two"));
  EXPECT_EQ(reader->poll(Partition(0), 1)->state, Poll::State::ended);
  EXPECT_FALSE(reader->may_grow());
}

TEST(FileSource, PatternsChooseByTheLastPart) {
  World world;
  for (const char* name : {"in/a1.csv", "in/a2.csv", "in/b1.csv", "in/a1.txt"}) world.put(name, "x\n");
  EXPECT_EQ(payloads(*world.reader(options({{"path", "in/a?.csv"}}))).size(), 2U);
  EXPECT_EQ(payloads(*world.reader(options({{"path", "in/*.csv"}}))).size(), 3U);
  EXPECT_TRUE(matches_wildcards("*a*b?", "xxaYYbZ"));
  EXPECT_TRUE(matches_wildcards("**", ""));
  EXPECT_FALSE(matches_wildcards("a*b", "ab c"));
  EXPECT_FALSE(matches_wildcards("?", ""));
}

TEST(FileSource, WatchedFilesAreReadAsTheyGrowAndTheirTailWhenTheyRest) {
  World world;
  world.put("in/a.json", "one\ntw");
  const auto reader = world.reader(options({{"path", "in"}, {"watch", "true"}}));
  EXPECT_THAT(payloads(*reader), ElementsAre("one"));
  world.add("in/a.json", "o\nthree\nfou");
  world.put("in/b.json", "later\n");
  EXPECT_THAT(payloads(*reader), ElementsAre("two", "three"));
  world.env.advance(kMicrosPerSecond);
  EXPECT_THAT(payloads(*reader), IsEmpty());
  EXPECT_EQ(reader->poll(Partition(0), 1)->state, Poll::State::proven_end);
  world.env.advance(2 * kMicrosPerSecond);
  EXPECT_THAT(payloads(*reader), ElementsAre("fou", "later"));
}

TEST(FileSource, WatchedDirectoriesMayComeLaterAndNewFilesStandBehindKnownOnes) {
  World world;
  const auto reader = world.reader(options({{"path", "in"}, {"watch", "true"}}));
  EXPECT_THAT(payloads(*reader), IsEmpty());
  world.put("in/b.json", "b\n");
  world.env.advance(5 * kMicrosPerSecond);
  EXPECT_THAT(payloads(*reader), ElementsAre("b"));
  world.put("in/a.json", "a\n");
  world.put("in/c.json", "c\n");
  world.env.advance(5 * kMicrosPerSecond);
  EXPECT_THAT(payloads(*reader), ElementsAre("a", "c"));
  // A fresh reader keeps that order.
  const Position position = reader->position(Partition(0));
  EXPECT_EQ(position.detail, "3\nb.json\na.json\nc.json");
  const auto fresh = world.reader(options({{"path", "in"}, {"watch", "true"}}));
  ASSERT_TRUE(fresh->assign(Partition(0), position).ok());
  EXPECT_THAT(payloads(*fresh), IsEmpty());
  ASSERT_TRUE(fresh->assign(Partition(0), {0, "1\nb.json\na.json\nc.json"}).ok());
  EXPECT_THAT(payloads(*fresh), ElementsAre("a", "c"));
}

TEST(FileSource, LatestAndTimeLeaveOldFilesOut) {
  World world;
  world.put("in/a.json", "old\n");
  world.env.advance(60 * kMicrosPerSecond);
  world.put("in/b.json", "new\n");
  const Options o = options({{"path", "in"}, {"watch", "true"}});
  world.env.advance(60 * kMicrosPerSecond);
  EXPECT_THAT(payloads(*world.reader(o, StartAt::time, VirtualEnv::kStart + 30 * kMicrosPerSecond)),
              ElementsAre("new"));
  const auto latest = world.reader(o, StartAt::latest);
  EXPECT_THAT(payloads(*latest), IsEmpty());
  world.put("in/0.json", "after\n");
  world.env.advance(60 * kMicrosPerSecond);
  EXPECT_THAT(payloads(*latest), ElementsAre("after"));
}

TEST(FileSource, UntilLatestMeansTheFilesThatAreThere) {
  World world;
  world.put("in/a.json", "a1\na2\n");
  world.put("in/b.json", "b1\n");
  const auto reader = world.reader(options({{"path", "in"}, {"watch", "true"}}));
  const Position end = *reader->end(Partition(0));
  world.put("in/c.json", "c1\n");
  world.env.advance(5 * kMicrosPerSecond);
  std::vector<std::string> all;
  while (!reader->reached(reader->position(Partition(0)), end)) {
    const auto poll = reader->poll(Partition(0), 1);
    ASSERT_TRUE(poll.ok());
    if (poll->chunk == nullptr) break;
    all.emplace_back(poll->chunk->records[0].payload);
    EXPECT_FALSE(reader->reached({poll->chunk->records[0].position, {}}, end));
  }
  EXPECT_THAT(all, testing::Contains("b1"));
}

TEST(FileSource, TheFirstLineComesWithEveryChunk) {
  World world;
  world.put("in/a.csv", "h1,h2\n1,2\n3,4\n");
  const auto reader = world.reader(options({{"path", "in"}}));
  ASSERT_TRUE(reader->assign(Partition(0), {10, "0\na.csv"}).ok());
  const auto poll = reader->poll(Partition(0), 10);
  ASSERT_TRUE(poll.ok() && poll->chunk != nullptr);
  EXPECT_EQ(poll->chunk->records[0].payload, "3,4");
  EXPECT_EQ(*poll->chunk->first_line, "h1,h2");
}

TEST(FileSource, LongLinesAreCutForTheDecoderToReject) {
  World world;
  world.put("in/a.json", "short\n" + std::string(3 << 20, 'x') + "\nafter\n" + std::string(700'000, 'y'));
  const auto all = payloads(*world.reader(options({{"path", "in"}})));
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[1].size(), (1U << 20) + 1);
  EXPECT_EQ(all[2], "after");
  EXPECT_EQ(all[3].size(), 700'000U);
}

TEST(FileSource, DamagedCompressedAndVanishedFilesAreToldByName) {
  World world;
  std::string damaged = gzip(lines("a", 5'000));
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  const std::string whole = zstd(lines("b", 5'000));
  const auto failure = [&](const std::string& bytes) {
    world.put("in/a", bytes);
    const auto reader = world.reader(options({{"path", "in/a"}}));
    for (;;) {
      const auto poll = reader->poll(Partition(0), 1'000);
      if (!poll.ok()) return poll.status().to_string();
      if (poll->state == Poll::State::ended) return std::string("ended");
    }
  };
  EXPECT_THAT(failure(damaged), HasSubstr("'in/a' is damaged"));
  EXPECT_THAT(failure(whole.substr(0, whole.size() - 5)), HasSubstr("in the middle of its compressed data"));
  EXPECT_EQ(failure(whole), "ended");
  const std::string bomb = zstd(std::string(100 << 20, '\n'));
  EXPECT_THAT(failure(bomb), HasSubstr("decompression bomb"));

  const auto reader = world.reader(options({{"path", "in"}}));
  ASSERT_TRUE(world.env.fs().remove("in/a").ok());
  EXPECT_EQ(reader->poll(Partition(0), 1)->state, Poll::State::ended);
  EXPECT_EQ(world.env.logs("file_gone").size(), 1U);
  ASSERT_TRUE(reader->assign(Partition(0), {5, "0\na"}).ok());
  EXPECT_THAT(reader->poll(Partition(0), 1).status().message(), HasSubstr("is gone"));
  world.put("in/a", "x\n");
  ASSERT_TRUE(reader->assign(Partition(0), {50, "0\na"}).ok());
  EXPECT_THAT(reader->poll(Partition(0), 1).status().message(), HasSubstr("shorter"));
}

// What a CSV file's reader cuts it into.
std::vector<std::string> csv_records(const std::string& text, int32_t budget = 100) {
  World world;
  world.framing.quote = '"';
  world.put("in/a.csv", text);
  return payloads(*world.reader(options({{"path", "in"}})), budget);
}

TEST(FileSource, ALineBreakInQuotesEndsNoRecord) {
  using Records = std::vector<std::string>;
  for (const int32_t budget : {1, 100}) {
    EXPECT_EQ(csv_records("a,\"x\ny\",b\r\n\"\"\"\n\"\"\"\n\n\"p\r\n\r\nq\"", budget),
              (Records{"a,\"x\ny\",b", "\"\"\"\n\"\"\"", "", "\"p\r\n\r\nq\""}));
    EXPECT_EQ(csv_records("\xef\xbb\xbf\"one\nname\",b\n1,2", budget), (Records{"\"one\nname\",b", "1,2"}));
  }
  // A quote within a field is a character like any other.
  EXPECT_EQ(csv_records("5\" disk,1\n6\" disk,2\n"), (Records{"5\" disk,1", "6\" disk,2"}));
}

TEST(FileSource, WrongQuotesCostTheirOwnLine) {
  using Records = std::vector<std::string>;
  EXPECT_EQ(csv_records("\"a\"b,1\nc,2\n"), (Records{"\"a\"b,1", "c,2"}));
  EXPECT_EQ(csv_records("\"never closed,1\nc,2\nd,3"), (Records{"\"never closed,1", "c,2", "d,3"}));
  // Not closed within the longest record, in a file of several blocks.
  std::string many = "\"never closed\n";
  while (many.size() < 3 * LineReader::kMaxLine / 2) many += "row,1\n";
  const Records cut = csv_records(many);
  ASSERT_GT(cut.size(), 1000U);
  EXPECT_EQ(cut[0], "\"never closed");
  EXPECT_EQ(cut[1], "row,1");
}

TEST(FileSource, QuotedRecordsMaySpanBlocks) {
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) {
    std::string record = std::to_string(i) + ",\"";
    while (record.size() < 300'000 + static_cast<size_t>(i)) record += "line \"\"of\"\" text\n";
    record += "\",end";
    text += record + "\n";
    expected.push_back(record);
  }
  EXPECT_EQ(csv_records(text), expected);
  World world;
  world.framing.quote = '"';
  world.put("in/a.csv", text);
  test::check_source_contract([&] {
    auto made = world.open(options({{"path", "in"}}));
    EXPECT_TRUE(made.ok());
    return *std::move(made);
  });
}

TEST(FileSource, BadOptionsAreRefused) {
  World world;
  const auto refused = [&](const Options& o) {
    const auto made = world.open(o);
    return made.ok() ? std::string() : made.status().message();
  };
  EXPECT_THAT(refused(options({{"path", "nowhere"}})), HasSubstr("watch"));
  EXPECT_FALSE(world.open(options({{"path", "in"}, {"watch", "true"}})).status().ok() &&
               !world.open(options({{"path", "in"}, {"watch", "true"}})).ok());
}

TEST(FileList, NamesSurviveTheirEncoding) {
  FileList list;
  list.add({"plain", "with\nbreak", "100%", "%0A"});
  list.finish_current();
  const auto again = FileList::decode(list.encode());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again->current(), "with\nbreak");
  EXPECT_EQ(again->encode(), list.encode());
  EXPECT_EQ(again->size(), 4U);
  EXPECT_FALSE(FileList::decode("x\na").ok());
  EXPECT_FALSE(FileList::decode("2\na").ok());
}

}  // namespace file_source_test
}  // namespace rideflow
