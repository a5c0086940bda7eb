// Notes of what was promised: never more than was noted, whatever happens to their file.
#include "engine/acknowledged.h"

#include <gtest/gtest.h>

#include "engine/presence.h"
#include "engine/record_frames.h"
#include "engine/virtual_fs.h"

namespace rideflow {
namespace acknowledged_test {

using Crash = VirtualFs::Crash;

class AcknowledgedTest : public testing::Test {
 protected:
  Acknowledged open() { return *Acknowledged::open(fs_, "ACKNOWLEDGED"); }

  VirtualFs fs_{1, [] { return Micros{0}; }};
};

TEST_F(AcknowledgedTest, NotesAreExactAfterAProcessDied) {
  EXPECT_EQ(open().find("log"), std::nullopt);
  EXPECT_FALSE(*exists(fs_, "ACKNOWLEDGED")) << "who only reads writes nothing";
  {
    Acknowledged notes = open();
    for (int64_t i = 1; i <= 5'000; ++i) {
      notes.set("log", i);
      notes.set("other", -i);
      notes.flush();
    }
  }
  EXPECT_LT(fs_.content("ACKNOWLEDGED").size(), 80'000U) << "it is rewritten when it has grown";
  fs_.crash(Crash::keep_all);
  EXPECT_EQ(open().find("log"), 5'000);
  EXPECT_EQ(open().find("other"), -5'000);
}

TEST_F(AcknowledgedTest, NotesAreALowerBoundAfterAPowerLossAndWhatIsWrittenIsExact) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    VirtualFs fs(seed, [] { return Micros{0}; });
    Acknowledged notes = *Acknowledged::open(fs, "A");
    notes.set("first", 40);
    ASSERT_TRUE(notes.write().ok());
    for (int64_t i = 1; i <= 20; ++i) {
      notes.set("end", i);
      notes.flush();
    }
    fs.crash(Crash::lose_some);
    const Acknowledged again = *Acknowledged::open(fs, "A");
    EXPECT_EQ(again.damage(), "") << "seed " << seed;
    EXPECT_EQ(again.find("first"), 40);
    EXPECT_LE(again.find("end").value_or(0), 20);
  }
}

TEST_F(AcknowledgedTest, NoDamageMakesAPromiseLarger) {
  Acknowledged notes = open();
  notes.set("first", 7);
  ASSERT_TRUE(notes.write().ok());
  for (const int64_t end : {10, 11, 200}) {
    notes.set("end", end);
    notes.flush();
  }
  const std::string good = fs_.content("ACKNOWLEDGED");
  for (size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 9; ++bit) {
      std::string bad = good;
      if (bit < 8) {
        bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      } else {
        bad.resize(at);
      }
      fs_.set_content("ACKNOWLEDGED", bad);
      const Acknowledged read = open();
      const int64_t first = read.find("first").value_or(7);
      const int64_t end = read.find("end").value_or(0);
      ASSERT_EQ(first, 7) << "byte " << at;
      ASSERT_TRUE(end == 0 || end == 10 || end == 11 || end == 200) << "byte " << at << ": " << end;
    }
  }
}

TEST_F(AcknowledgedTest, AFullDiskCostsNotesAndNothingElse) {
  Acknowledged notes = open();
  for (int64_t i = 1; i <= 30; ++i) {
    fs_.fail(1 + i % 4, Status::external(Code::resource_exhausted, "the disk is full"));
    notes.set("end", i);
    notes.flush();
  }
  fs_.fail(0, {});
  notes.set("end", 31);
  notes.flush();
  fs_.crash(Crash::keep_all);
  EXPECT_EQ(open().damage(), "");
  EXPECT_EQ(open().find("end"), 31);
}

// ---- Records behind each other

TEST(RecordFrames, OnlyTheEndCanBeTornAndOnlyWhatWasNotAcknowledged) {
  constexpr uint32_t kMagic = 0x31474f4c;
  std::string log;
  std::vector<size_t> ends;
  for (const std::string body : {"one", "", "three, which is longer than the others"}) {
    log += frame_record(kMagic, body);
    ends.push_back(log.size());
  }
  const auto whole_of = [&](std::string_view bytes) {
    return *visit_records(bytes, kMagic, [](std::string_view) { return Status(); });
  };
  ASSERT_EQ(whole_of(log), log.size());
  for (size_t at = 0; at < log.size(); ++at) {
    std::string bad = log;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    const size_t whole = whole_of(bad);
    ASSERT_LT(whole, log.size()) << at;
    const bool last = at >= ends[1];
    EXPECT_EQ(check_tail(bad, kMagic, whole, 0, "log", "go on").ok(), last) << at;
    const Status known = check_tail(bad, kMagic, whole, static_cast<int64_t>(log.size()), "log", "go on");
    EXPECT_EQ(known.code(), Code::data_loss);
    EXPECT_NE(known.message().find("'log'"), std::string::npos);
    const std::string cut = log.substr(0, at);
    EXPECT_TRUE(check_tail(cut, kMagic, whole_of(cut), 0, "log", "go on").ok());
    EXPECT_FALSE(
        check_tail(cut, kMagic, whole_of(cut), static_cast<int64_t>(log.size()), "log", "go on").ok());
  }
}

}  // namespace acknowledged_test
}  // namespace rideflow
