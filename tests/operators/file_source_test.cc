// Files as a source: order, growth, compression, positions.
#include <gmock/gmock.h>

#include "operators/files/file_list.h"
#include "operators/files/file_pattern.h"
#include "operators/files/line_reader.h"
#include "tests/operators/file_world.h"

namespace rideflow {
namespace file_source_test {

using test::FileWorld;
using test::gzip;
using test::lines;
using test::options;
using test::payloads;
using test::zstd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(FileSource, Contract) {
  FileWorld world;
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
  FileWorld world;
  world.put("in/a.json", "one\ntwo");
  const auto reader = world.reader(options({{"path", "in/a.json"}}));
  EXPECT_THAT(payloads(*reader), ElementsAre("one", "two"));
  EXPECT_EQ(reader->poll(Partition(0), 1)->state, Poll::State::ended);
  EXPECT_FALSE(reader->may_grow());
}

TEST(FileSource, PatternsChooseByTheLastPart) {
  FileWorld world;
  for (const char* name : {"in/a1.csv", "in/a2.csv", "in/b1.csv", "in/a1.txt"}) world.put(name, "x\n");
  EXPECT_EQ(payloads(*world.reader(options({{"path", "in/a?.csv"}}))).size(), 2U);
  EXPECT_EQ(payloads(*world.reader(options({{"path", "in/*.csv"}}))).size(), 3U);
  EXPECT_TRUE(matches_wildcards("*a*B?", "xxAYYbZ"));
  EXPECT_TRUE(matches_wildcards("**", ""));
  EXPECT_FALSE(matches_wildcards("a*b", "ab c"));
  EXPECT_FALSE(matches_wildcards("?", ""));
}

TEST(FileSource, WatchedFilesAreReadAsTheyGrowAndTheirTailWhenTheyRest) {
  FileWorld world;
  world.put("in/a.json", "one\ntw");
  const auto reader = world.reader(options({{"path", "in"}, {"watch", "true"}}));
  EXPECT_THAT(payloads(*reader), ElementsAre("one"));
  world.add("in/a.json", "o\nthree\nfou");
  world.put("in/b.json", "later\n");
  EXPECT_THAT(payloads(*reader), ElementsAre("two", "three"));
  // Nobody knows yet whether "fou" is whole: it is no row, and no end either.
  world.env.advance(29 * kMicrosPerSecond);
  EXPECT_THAT(payloads(*reader), IsEmpty());
  EXPECT_EQ(reader->poll(Partition(0), 1)->state, Poll::State::more);
  world.env.advance(2 * kMicrosPerSecond);
  EXPECT_THAT(payloads(*reader), ElementsAre("fou", "later"));
}

TEST(FileSource, WatchedDirectoriesMayComeLaterAndNewFilesStandBehindKnownOnes) {
  FileWorld world;
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
  const auto fresh = world.reader(options({{"path", "in"}, {"watch", "true"}}));
  ASSERT_TRUE(fresh->assign(Partition(0), position).ok());
  EXPECT_THAT(payloads(*fresh), IsEmpty());
  // What earlier versions stored: only names.
  ASSERT_TRUE(fresh->assign(Partition(0), {0, "1\nb.json\na.json\nc.json"}).ok());
  EXPECT_THAT(payloads(*fresh), ElementsAre("a", "c"));
}

TEST(FileSource, LatestAndTimeLeaveOldFilesOut) {
  FileWorld world;
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
  FileWorld world;
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
  FileWorld world;
  world.put("in/a.csv", "h1,h2\n1,2\n3,4\n");
  const auto reader = world.reader(options({{"path", "in"}}));
  ASSERT_TRUE(reader->assign(Partition(0), {10, "0\na.csv"}).ok());
  const auto poll = reader->poll(Partition(0), 10);
  ASSERT_TRUE(poll.ok() && poll->chunk != nullptr);
  EXPECT_EQ(poll->chunk->records[0].payload, "3,4");
  EXPECT_EQ(*poll->chunk->first_line, "h1,h2");
}

TEST(FileSource, LongLinesAreCutForTheDecoderToReject) {
  FileWorld world;
  world.put("in/a.json", "short\n" + std::string(3 << 20, 'x') + "\nafter\n" + std::string(700'000, 'y'));
  const auto all = payloads(*world.reader(options({{"path", "in"}})));
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[1].size(), (1U << 20) + 1);
  EXPECT_EQ(all[2], "after");
  EXPECT_EQ(all[3].size(), 700'000U);
}

TEST(FileSource, DamagedCompressedAndVanishedFilesAreToldByName) {
  FileWorld world;
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
  EXPECT_THAT(failure(damaged), HasSubstr("'in/a' is damaged near byte"));
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
  FileWorld world;
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

TEST(FileSource, TheFirstLineIsTheFirstThatIsNotEmpty) {
  const auto first_line = [](const std::string& text) {
    FileWorld world;
    world.framing.quote = '"';
    world.put("in/a.csv", text);
    const auto poll = world.reader(options({{"path", "in"}}))->poll(Partition(0), 1);
    EXPECT_TRUE(poll.ok());
    return poll->chunk == nullptr ? "no record" : "'" + *poll->chunk->first_line + "'";
  };
  EXPECT_EQ(first_line("a,b\n1,2\n"), "'a,b'");
  EXPECT_EQ(first_line("\n\r\n\na,b\n1,2\n"), "'a,b'");
  EXPECT_EQ(first_line("\n\na,b"), "'a,b'");
  EXPECT_EQ(first_line("\xef\xbb\xbf\na,b\n"), "'a,b'");
  EXPECT_EQ(first_line("\n\n"), "''");
  EXPECT_EQ(first_line(""), "no record");
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
  FileWorld world;
  world.framing.quote = '"';
  world.put("in/a.csv", text);
  test::check_source_contract([&] {
    auto made = world.open(options({{"path", "in"}}));
    EXPECT_TRUE(made.ok());
    return *std::move(made);
  });
}

// A directory may hold a million names, on a disk that is slow: no step waits for it.
TEST(FileSource, DirectoriesAreListedBesideTheTask) {
  FileWorld world;
  world.put("in/a.json", "one\n");
  const auto reader = world.reader(options({{"path", "in"}, {"watch", "true"}}));
  EXPECT_THAT(payloads(*reader), ElementsAre("one"));
  world.env.set_auto_offload(false);
  world.put("in/b.json", "two\n");
  world.env.advance(60 * kMicrosPerSecond);  // a.json has settled, and what was listed is old
  for (int i = 0; i < 5; ++i) EXPECT_THAT(payloads(*reader), IsEmpty());
  EXPECT_EQ(world.env.waiting_offload(), 1U);
  EXPECT_TRUE(world.env.step_offload());
  EXPECT_THAT(payloads(*reader), ElementsAre("two"));
}

// It says that there is nothing more only behind a look that was begun at its end.
TEST(FileSource, TheEndWaitsForALastLook) {
  FileWorld world;
  world.put("in/a.json", "one\n");
  const auto reader = world.reader(options({{"path", "in"}}));
  world.env.set_auto_offload(false);
  EXPECT_EQ(reader->poll(Partition(0), 10)->chunk->records.size(), 1U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(reader->poll(Partition(0), 10)->state, Poll::State::more);
  world.put("in/b.json", "two\n");
  EXPECT_EQ(world.env.waiting_offload(), 1U);
  EXPECT_TRUE(world.env.step_offload());
  EXPECT_EQ(reader->poll(Partition(0), 10)->state, Poll::State::ended);
  EXPECT_EQ(world.env.logs("files_not_read").size(), 1U);
}

TEST(FileSource, BadOptionsAreRefused) {
  FileWorld world;
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
  list.add({"plain", "with\nbreak", "100%", "%0A", "a:b c"});
  list.identify_current({7, 4097, -5, 0xffffffffffffffffULL, 1});
  list.finish_current();
  const auto again = FileList::decode(list.encode());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->current()->name, "with\nbreak");
  EXPECT_EQ(again->find("plain")->identity, list.find("plain")->identity);
  EXPECT_EQ(again->with_inode(7), again->find("plain"));
  EXPECT_EQ(again->encode(), list.encode());
  EXPECT_EQ(again->size(), 5U);
  for (const std::string bad : {"x\na", "2\na", "1 v2 9\n0 0:a", "1 v2 1\n0 zz:a", "1 v2 1\n0 0 7:a"}) {
    EXPECT_FALSE(FileList::decode(bad).ok()) << bad;
  }
}

}  // namespace file_source_test
}  // namespace rideflow
