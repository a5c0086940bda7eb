// What becomes of files while and after they are read: written in pieces, grown, renamed, replaced, changed.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>

#include "operators/files/file_reader.h"
#include "tests/operators/file_world.h"

namespace rideflow {
namespace file_changes_test {

using test::FileWorld;
using test::gzip;
using test::options;
using test::payloads;
using test::zstd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr Micros kSecond = kMicrosPerSecond;
const Options kWatched = options({{"path", "in"}, {"watch", "true"}});
const Options kOnce = options({{"path", "in"}});

using Lines = std::vector<std::string>;

// All that comes within so many seconds, a look each half second.
Lines within(FileWorld& world, RecordReader& reader, int seconds) {
  Lines all;
  for (int i = 0; i < 2 * seconds; ++i) {
    for (;;) {
      const Result<Poll> poll = reader.poll(Partition(0), 100);
      EXPECT_TRUE(poll.ok()) << poll.status().to_string();
      if (!poll.ok() || poll->chunk == nullptr) break;
      for (const RecordOrigin& record : poll->chunk->records) all.emplace_back(record.payload);
    }
    world.env.advance(kSecond / 2);
  }
  return all;
}

// The reader that a restart makes of this one.
std::unique_ptr<RecordReader> restarted(FileWorld& world, const Options& o, const RecordReader& old) {
  auto fresh = world.open(o);
  EXPECT_TRUE(fresh.ok()) << fresh.status().to_string();
  const Status assigned = (*fresh)->assign(Partition(0), old.position(Partition(0)));
  EXPECT_TRUE(assigned.ok()) << assigned.to_string();
  return *std::move(fresh);
}

TEST(FileChanges, APauseAnywhereInsideOfARecordTearsNothing) {
  const std::string text = "1,12345\n2,\"a\nb\"\n3,x\n";
  const Lines whole{"1,12345", "2,\"a\nb\"", "3,x"};
  struct Kind {
    const char* name;
    std::string bytes;
  };
  const std::vector<Kind> kinds{{"in/a.csv", text},
                                {"in/a.csv.gz", gzip(text)},
                                {"in/b.csv.zst", zstd(text)},
                                {"in/c.csv.gz", gzip(text.substr(0, 10)) + gzip(text.substr(10))}};
  for (const Kind& kind : kinds) {
    for (size_t cut = 0; cut <= kind.bytes.size(); ++cut) {
      for (const int pause : {5, 25}) {
        FileWorld world;
        world.framing.quote = '"';
        world.put(kind.name, kind.bytes.substr(0, cut));
        const auto reader = world.reader(kWatched);
        Lines all = within(world, *reader, pause);
        world.add(kind.name, kind.bytes.substr(cut));
        for (std::string& line : within(world, *reader, 40)) all.push_back(std::move(line));
        ASSERT_EQ(all, whole) << kind.name << " cut at " << cut << ", " << pause << " s";
      }
    }
  }
}

TEST(FileChanges, ARestartAnywhereInsideOfAGrowingFileTearsNothing) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    FileWorld world;
    world.put("in/a.json", "");
    world.put("in/b.json", "");
    auto reader = world.reader(kWatched);
    std::map<std::string, std::string> left;
    Lines expected;
    for (const std::string name : {"in/a.json", "in/b.json"}) {
      for (int i = 0; i < 6; ++i) {
        expected.push_back(fmt::format("{}-{}", name, i));
        left[name] += expected.back() + "\n";
      }
    }
    Lines all;
    while (!left["in/a.json"].empty() || !left["in/b.json"].empty()) {
      const std::string name = random() % 2 == 0 ? "in/a.json" : "in/b.json";
      const size_t n = random() % 14;
      world.add(name, left[name].substr(0, n));
      left[name].erase(0, n);
      for (std::string& line : within(world, *reader, static_cast<int>(random() % 2))) {
        all.push_back(std::move(line));
      }
      if (random() % 3 == 0) reader = restarted(world, kWatched, *reader);
    }
    for (std::string& line : within(world, *reader, 40)) all.push_back(std::move(line));
    std::sort(all.begin(), all.end());
    ASSERT_EQ(all, expected) << "round " << round;
  }
}

TEST(FileChanges, ARecordThatGoesOnAfterItWasTakenForWholeIsNamed) {
  FileWorld world;
  world.put("in/a.csv", "1\n12");
  const auto reader = world.reader(kWatched);
  EXPECT_THAT(within(world, *reader, 60), ElementsAre("1", "12"));
  EXPECT_TRUE(world.env.logs("file_changed").empty());
  world.add("in/a.csv", "345\n6\n");
  EXPECT_THAT(within(world, *reader, 10), ElementsAre("6"));
  EXPECT_EQ(world.env.logs("file_changed").size(), 1U);
  EXPECT_THAT(reader->files()->files[0].note, HasSubstr("too short"));
  // Where only the line break was missing nothing has changed.
  for (const char* line_break : {"\n", "\r\n"}) {
    FileWorld other;
    other.put("in/a.csv", "1\n12");
    const auto again = other.reader(kWatched);
    EXPECT_THAT(within(other, *again, 60), ElementsAre("1", "12"));
    other.add("in/a.csv", line_break + std::string("6\n"));
    EXPECT_THAT(within(other, *restarted(other, kWatched, *again), 10), ElementsAre("6"));
    EXPECT_TRUE(other.env.logs("file_changed").empty());
  }
}

TEST(FileChanges, SettleIsHowLongToWait) {
  FileWorld world;
  const Options quick = options({{"path", "in"}, {"watch", "true"}, {"settle", "1s"}});
  world.put("in/a.csv", "1\n12");
  const auto reader = world.reader(quick);
  EXPECT_THAT(within(world, *reader, 1), ElementsAre("1"));
  EXPECT_THAT(within(world, *reader, 1), ElementsAre("12"));
}

TEST(FileChanges, AFileOfTheFutureSettlesToo) {
  FileWorld world;
  world.env.advance(100'000 * kSecond);
  world.put("in/a.csv", "1\n2");
  world.env.jump_wall_clock(-50'000 * kSecond);
  const auto reader = world.reader(kWatched);
  EXPECT_THAT(within(world, *reader, 40), ElementsAre("1", "2"));
}

TEST(FileChanges, ARenamedFileCountsOnce) {
  for (const bool restart : {false, true}) {
    for (const char* to : {"in/b.csv", "in/0.csv"}) {
      FileWorld world;
      world.put("in/a.csv", "1\n2\n");
      auto reader = world.reader(kWatched);
      EXPECT_THAT(within(world, *reader, 5), ElementsAre("1", "2"));
      ASSERT_TRUE(world.env.fs().rename("in/a.csv", to).ok());
      if (restart) reader = restarted(world, kWatched, *reader);
      EXPECT_THAT(within(world, *reader, 5), IsEmpty());
      EXPECT_EQ(world.env.logs("file_renamed").size(), 1U);
      // It is read on under its new name, and its old one may be another file's.
      world.add(to, "3\n");
      world.put("in/a.csv", "new\n");
      if (restart) reader = restarted(world, kWatched, *reader);
      EXPECT_THAT(within(world, *reader, 10), UnorderedElementsAre("3", "new"));
    }
  }
}

TEST(FileChanges, AFileThatIsRenamedWhileItIsReadGoesOn) {
  for (const bool restart : {false, true}) {
    FileWorld world;
    world.put("in/a.csv", "1\n2\n3\n");
    auto reader = world.reader(kWatched);
    EXPECT_EQ(reader->poll(Partition(0), 1)->chunk->records[0].payload, "1");
    ASSERT_TRUE(world.env.fs().rename("in/a.csv", "in/b.csv").ok());
    if (restart) reader = restarted(world, kWatched, *reader);
    EXPECT_THAT(within(world, *reader, 5), ElementsAre("2", "3"));
    world.add("in/b.csv", "4\n");
    EXPECT_THAT(within(world, *reader, 5), ElementsAre("4"));
  }
}

TEST(FileChanges, LogsThatRotateLoseAndDoubleNothing) {
  FileWorld world;
  const Options o = options({{"path", "in/app.log*"}, {"watch", "true"}});
  world.put("in/app.log", "0\n");
  auto reader = world.reader(o);
  Lines all;
  Lines expected{"0"};
  for (int i = 1; i <= 60; ++i) {
    if (i % 10 == 0) {
      ASSERT_TRUE(world.env.fs().rename("in/app.log", fmt::format("in/app.log.{}", i / 10)).ok());
      world.put("in/app.log", "");
    }
    // Some rows come into the old file yet.
    const std::string name = i % 10 == 1 && i > 10 ? fmt::format("in/app.log.{}", i / 10) : "in/app.log";
    world.add(name, fmt::format("{}\n", i));
    expected.push_back(std::to_string(i));
    for (std::string& line : within(world, *reader, i % 5)) all.push_back(std::move(line));
    if (i % 7 == 0) reader = restarted(world, o, *reader);
  }
  for (std::string& line : within(world, *reader, 40)) all.push_back(std::move(line));
  std::sort(all.begin(), all.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(all, expected);
}

TEST(FileChanges, AReplacedFileIsReadAsANewOne) {
  for (const bool in_place : {false, true}) {
    for (const bool restart : {false, true}) {
      for (const std::string text : {"3\n", "3\n4\n", "3\n4\n5\n6\n"}) {
        FileWorld world;
        world.put("in/a.csv", "1\n2\n");
        auto reader = world.reader(kWatched);
        EXPECT_THAT(within(world, *reader, 5), ElementsAre("1", "2"));
        world.put(in_place ? "in/a.csv" : "in/.new", text);
        if (!in_place) {
          ASSERT_TRUE(world.env.fs().rename("in/.new", "in/a.csv").ok());
        }
        if (restart) reader = restarted(world, kWatched, *reader);
        std::string all;
        for (const std::string& line : within(world, *reader, 10)) all += line + "\n";
        EXPECT_EQ(all, text) << in_place << restart;
        EXPECT_EQ(world.env.logs("file_replaced").size(), 1U);
      }
    }
  }
}

TEST(FileChanges, TheSameContentWrittenAgainIsNotReadAgain) {
  FileWorld world;
  world.put("in/a.csv", "1\n2\n");
  const auto reader = world.reader(kWatched);
  EXPECT_THAT(within(world, *reader, 5), ElementsAre("1", "2"));
  world.put("in/a.csv", "1\n2\n");
  EXPECT_THAT(within(world, *reader, 5), IsEmpty());
  world.put("in/.new", "1\n2\n");
  ASSERT_TRUE(world.env.fs().rename("in/.new", "in/a.csv").ok());
  EXPECT_THAT(within(world, *reader, 5), IsEmpty());
  EXPECT_THAT(reader->files()->refused, 0);
  // A copy is a file of its own.
  world.put("in/copy.csv", "1\n2\n");
  EXPECT_THAT(within(world, *reader, 5), ElementsAre("1", "2"));
}

TEST(FileChanges, AFileThatChangedInsideIsNamedAndCountedOnce) {
  std::string text;
  for (int i = 0; i < 2'000; ++i) text += fmt::format("row {:06}\n", i);
  std::string other = text;
  other.replace(other.size() - 100, 5, "other");
  for (const std::string& now : {other, text.substr(0, 10'000), other + "more\n"}) {
    FileWorld world;
    world.put("in/a.csv", text);
    auto reader = world.reader(kWatched);
    EXPECT_EQ(within(world, *reader, 5).size(), 2'000U);
    world.put("in/a.csv", now);
    EXPECT_THAT(within(world, *reader, 10), IsEmpty());
    const auto files = reader->files();
    EXPECT_EQ(files->refused, 1);
    EXPECT_EQ(files->done, 0);
    EXPECT_EQ(files->files[0].path, "in/a.csv");
    EXPECT_EQ(files->files[0].state, FileProgress::State::refused);
    EXPECT_THAT(files->files[0].note, HasSubstr("which rows are new"));
    reader = restarted(world, kWatched, *reader);
    EXPECT_THAT(within(world, *reader, 10), IsEmpty());
    EXPECT_EQ(reader->files()->refused, 1);
    EXPECT_EQ(world.env.logs("file_changed").size(), 1U);
  }
}

TEST(FileChanges, ASourceThatEndsNamesWhatChangedAfterItWasRead) {
  for (const std::string now : {"1\n2\n3\n", "other\n"}) {
    FileWorld world;
    world.put("in/a.csv", "1\n2\n");
    world.put("in/b.csv", "b\n");
    const auto reader = world.reader(kOnce);
    EXPECT_EQ(reader->poll(Partition(0), 10)->chunk->records.size(), 2U);
    EXPECT_EQ(reader->poll(Partition(0), 10)->chunk->records.size(), 1U);
    world.put("in/a.csv", now);
    EXPECT_EQ(reader->poll(Partition(0), 10)->state, Poll::State::ended);
    EXPECT_EQ(reader->files()->refused, 1);
    EXPECT_THAT(reader->files()->files[0].note, HasSubstr("watch: true"));
    EXPECT_EQ(world.env.logs("file_changed").size(), 1U);
    // Also when it changed while nobody looked.
    FileWorld later;
    later.put("in/a.csv", "1\n2\n");
    const auto first = later.reader(kOnce);
    EXPECT_THAT(payloads(*first), ElementsAre("1", "2"));
    later.put("in/a.csv", now);
    const auto second = restarted(later, kOnce, *first);
    EXPECT_EQ(second->files()->refused, 1);
  }
}

TEST(FileChanges, ASourceThatEndsNamesFilesThatCameLater) {
  FileWorld world;
  world.put("in/a.csv", "1\n");
  const auto first = world.reader(kOnce);
  EXPECT_THAT(payloads(*first), ElementsAre("1"));
  EXPECT_TRUE(world.env.logs("files_not_read").empty());
  // A new name is no new file.
  ASSERT_TRUE(world.env.fs().rename("in/a.csv", "in/b.csv").ok());
  (void)restarted(world, kOnce, *first);
  EXPECT_TRUE(world.env.logs("files_not_read").empty());
  world.put("in/c.csv", "2\n");
  (void)restarted(world, kOnce, *first);
  EXPECT_EQ(world.env.logs("files_not_read").size(), 1U);
}

TEST(FileChanges, ASourceThatEndsWaitsForAFileThatGrowsWhileItIsRead) {
  FileWorld world;
  world.put("in/a.csv", "1\n12");
  const auto reader = world.reader(kOnce);
  EXPECT_EQ(reader->poll(Partition(0), 1)->chunk->records[0].payload, "1");
  world.add("in/a.csv", "34");
  EXPECT_THAT(within(world, *reader, 5), IsEmpty());
  world.add("in/a.csv", "5\n6");
  EXPECT_THAT(within(world, *reader, 40), ElementsAre("12345", "6"));
  EXPECT_EQ(reader->poll(Partition(0), 1)->state, Poll::State::ended);
}

TEST(FileChanges, OneThatIsWrittenWithoutAPauseKeepsNobodyWaiting) {
  FileWorld world;
  world.put("in/a.log", "");
  world.put("in/b.log", "");
  const auto reader = world.reader(kWatched);
  Lines all;
  for (int i = 0; i < 30; ++i) {
    world.add("in/a.log", fmt::format("a{}\n", i));
    world.add("in/b.log", fmt::format("b{}\n", i));
    for (std::string& line : within(world, *reader, 1)) all.push_back(std::move(line));
  }
  EXPECT_GE(std::count_if(all.begin(), all.end(), [](const std::string& s) { return s[0] == 'b'; }), 15);
  EXPECT_GE(std::count_if(all.begin(), all.end(), [](const std::string& s) { return s[0] == 'a'; }), 15);
  for (std::string& line : within(world, *reader, 10)) all.push_back(std::move(line));
  EXPECT_EQ(all.size(), 60U);
}

TEST(FileChanges, StartLatestReadsWhatIsWrittenBehindOldContent) {
  FileWorld world;
  world.put("in/a.csv", "old\nhalf");
  world.put("in/b.csv.gz", gzip("old\n"));
  const auto reader = world.reader(kWatched, StartAt::latest);
  EXPECT_THAT(within(world, *reader, 5), IsEmpty());
  ASSERT_TRUE(world.env.fs().rename("in/a.csv", "in/c.csv").ok());
  world.add("in/c.csv", " of a row\nnew\n");
  world.add("in/b.csv.gz", gzip("new\n"));
  EXPECT_THAT(within(world, *reader, 10), ElementsAre("new"));
  EXPECT_EQ(reader->files()->refused, 1);
  EXPECT_THAT(reader->files()->files[0].note, HasSubstr("compressed"));
}

TEST(FileChanges, TheRestOfAFileThatIsGoneOrReplacedIsNotSkippedSilently) {
  for (const std::string now : {"", "other\nlines\nthan\nbefore\n"}) {
    FileWorld world;
    world.put("in/a.csv", "1\n2\n3\n");
    const auto reader = world.reader(kWatched);
    EXPECT_EQ(reader->poll(Partition(0), 1)->chunk->records[0].payload, "1");
    ASSERT_TRUE(world.env.fs().remove("in/a.csv").ok());
    if (!now.empty()) world.put("in/a.csv", now);
    const auto fresh = restarted(world, kWatched, *reader);
    const auto poll = fresh->poll(Partition(0), 1);
    ASSERT_FALSE(poll.ok());
    EXPECT_THAT(poll.status().message(), HasSubstr("in/a.csv"));
  }
}

TEST(FileChanges, ALinkIsAnotherNameOfTheSameFile) {
  FileWorld world;
  world.put("in/a.csv", "1\n");
  ASSERT_TRUE(world.env.fs().link("in/a.csv", "in/b.csv").ok());
  const auto reader = world.reader(kWatched);
  EXPECT_THAT(within(world, *reader, 5), ElementsAre("1"));
  world.add("in/b.csv", "2\n");
  EXPECT_THAT(within(world, *reader, 5), ElementsAre("2"));
}

TEST(FileChanges, APartitionKnowsWhatAnotherHasRead) {
  FileWorld world;
  for (int i = 0; i < 8; ++i) world.put(fmt::format("in/{}.csv", i), fmt::format("{}\n", i));
  const Options o = options({{"path", "in"}, {"watch", "true"}, {"partitions", "4"}});
  const auto reader = *world.open(o);
  for (int p = 0; p < 4; ++p) {
    ASSERT_TRUE(reader->assign(Partition(p), *reader->resolve(Partition(p), StartAt::earliest, 0)).ok());
  }
  const auto read = [&] {
    size_t n = 0;
    for (int i = 0; i < 20; ++i) {
      for (int p = 0; p < 4; ++p) n += test::read_all(*reader, Partition(p), 100).size();
      world.env.advance(kSecond / 2);
    }
    return n;
  };
  EXPECT_EQ(read(), 8U);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(world.env.fs().rename(fmt::format("in/{}.csv", i), fmt::format("in/x{}.csv", i)).ok());
  }
  EXPECT_EQ(read(), 0U);
  for (int i = 0; i < 8; ++i) world.add(fmt::format("in/x{}.csv", i), "more\n");
  EXPECT_EQ(read(), 8U);
  EXPECT_EQ(reader->files()->done, 8);
}

TEST(FileChanges, ProgressIsToldByFile) {
  FileWorld world;
  world.put("in/a.csv", "1\n2\n");
  world.put("in/b.csv", "1\n2\n3\n");
  world.put("in/c.csv", "1\n");
  const auto reader = world.reader(kOnce);
  EXPECT_EQ(reader->files()->found, 3);
  (void)reader->poll(Partition(0), 10);
  (void)reader->poll(Partition(0), 1);
  const auto files = reader->files();
  EXPECT_EQ(files->found, 1);
  EXPECT_EQ(files->reading, 1);
  EXPECT_EQ(files->done, 1);
  EXPECT_EQ(files->files[0].path, "in/b.csv");
  EXPECT_EQ(files->files[0].state, FileProgress::State::reading);
  EXPECT_EQ(files->files[0].size, 6);
  for (int i = 0; i < 300; ++i) world.put(fmt::format("in/d{}.csv", i), "1\n");
  const auto many = world.reader(kOnce);
  EXPECT_EQ(many->files()->found, 303);
  EXPECT_EQ(many->files()->files.size(), kMostFilesTold);
}

}  // namespace file_changes_test
}  // namespace rideflow
