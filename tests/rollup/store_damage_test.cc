// Every file of a rollup damaged in turn, and every call to the disk failed once while a job starts again:
// the job ends with exactly the right rows, or is refused by an error that names the place. Never silently
// wrong.
#include <gtest/gtest.h>

#include "engine/byte_codec.h"
#include "engine/hash.h"
#include "engine/record_frames.h"
#include "tests/rollup/store_script.h"
#include "tests/support/damage.h"

namespace rideflow {
namespace store_damage_test {

using Crash = VirtualFs::Crash;
using Script = test::RollupScript;

const std::string& right_answer() {
  static const std::string answer = [] {
    Script script(1);
    EXPECT_TRUE(script.start() && script.run()) << script.error();
    return script.answer();
  }();
  return answer;
}

// A job that died with the rows of an epoch prepared and not committed: by epoch. The last is one that ended.
class RollupDamage : public testing::TestWithParam<int> {
 protected:
  RollupDamage() : script_(1) {
    EXPECT_TRUE(script_.start() && script_.run(GetParam())) << script_.error();
    script_.crash(Crash::keep_all);
    files_ = test::read_files(script_.env().fs(), "rollups");
    checkpoint_ = script_.checkpoint();
  }
  VirtualFs& fs() { return script_.env().fs(); }

  Script script_;
  test::Files files_;
  Script::Checkpoint checkpoint_;
};

INSTANTIATE_TEST_SUITE_P(Epochs, RollupDamage, testing::Values(1, 3, 6, Script::kEpochs + 1));

TEST_P(RollupDamage, GivesTheRightRowsOrIsRefusedByName) {
  int refused = 0;
  test::for_each_damage(fs(), "rollups", files_, 6, [&](const test::Damage& damage) {
    SCOPED_TRACE(damage.file + " " + damage.what);
    script_.resume_from(checkpoint_);
    std::string why;
    if (!script_.start() || !script_.run()) {
      why = script_.error();
    } else if (const std::string answer = script_.answer(); answer != right_answer()) {
      why = answer;
    }
    refused += why.empty() ? 0 : 1;
    EXPECT_TRUE(why.empty() || why.find(damage.file) != std::string::npos) << why;
    script_.crash(Crash::keep_all);
  });
  EXPECT_GT(refused, 10);
}

TEST_P(RollupDamage, AFolderThatIsGoneIsNotBegunAnew) {
  if (checkpoint_.pending.empty()) return;  // a checkpoint lists its own epoch; the script's end has none
  ASSERT_TRUE(fs().remove_tree("rollups/rides").ok());
  script_.resume_from(checkpoint_);
  ASSERT_FALSE(script_.start()) << script_.answer();
  EXPECT_NE(script_.error().find("rides"), std::string::npos) << script_.error();
}

// Its marker is behind what the checkpoint confirmed: rule R4.
TEST_P(RollupDamage, AnOldCopyOfTheFolderIsRefused) {
  if (GetParam() < 4 || checkpoint_.pending.empty()) return;
  Script old(1);
  ASSERT_TRUE(old.start() && old.run(2)) << old.error();
  old.crash(Crash::keep_all);
  test::write_files(fs(), "rollups", test::read_files(old.env().fs(), "rollups"));
  script_.resume_from(checkpoint_);
  ASSERT_FALSE(script_.start());
  EXPECT_NE(script_.error().find("rollups/rides"), std::string::npos) << script_.error();
}

TEST_P(RollupDamage, AFailureOfEveryCallWhileItStartsChangesNothing) {
  const Status failure = Status::external(Code::unavailable, "Input/output error.");
  for (int64_t n = 1;; ++n) {
    SCOPED_TRACE("failure at call " + std::to_string(n));
    test::write_files(fs(), "rollups", files_);
    script_.resume_from(checkpoint_);
    const int64_t before = fs().calls();
    fs().fail(n, failure);
    if (script_.start()) script_.run();
    const bool reached = fs().calls() - before >= n;
    script_.crash(Crash::lose_unsynced);
    ASSERT_TRUE(script_.start() && script_.run()) << script_.error();
    ASSERT_EQ(script_.answer(), right_answer());
    script_.crash(Crash::keep_all);
    if (!reached) break;
  }
}

// ---- Folders of format 1, which promised less: no notes, no sizes, records without counts.

constexpr uint32_t kLogMagic = 0x4c4f5552;

// Records end behind their cells.
std::string old_records(std::string_view bytes) {
  std::string out;
  const auto whole = visit_records(bytes, kLogMagic, [&](std::string_view body) {
    out += frame_record(kLogMagic, body.substr(0, body.size() - 16));
    return Status();
  });
  EXPECT_EQ(*whole, bytes.size());
  return out;
}

std::string old_manifest(std::string_view bytes) {
  ByteWriter body;
  body.put(uint32_t{1});
  const std::string text =
      body.take() + std::string(bytes.substr(8 + 4 + 8));  // checksum, format, bytes of the log
  ByteWriter head;
  head.put(checksum64(text));
  return head.take() + text;
}

TEST(RollupFormat1, StillOpens) {
  Script script(1);
  ASSERT_TRUE(script.start() && script.run(4)) << script.error();
  auto checkpoint = script.checkpoint();
  script.crash(Crash::keep_all);
  test::Files files;
  for (const auto& [path, content] : test::read_files(script.env().fs(), "rollups")) {
    if (path.ends_with("ACKNOWLEDGED")) continue;
    const bool log = path.find("/log-") != std::string::npos;
    files[path] = log ? old_records(content) : path.ends_with("MANIFEST") ? old_manifest(content) : content;
  }
  for (auto& [epoch, handle] : checkpoint.pending) handle = old_records(handle);
  test::write_files(script.env().fs(), "rollups", files);
  script.resume_from(checkpoint);
  ASSERT_TRUE(script.start() && script.run()) << script.error();
  EXPECT_EQ(script.answer(), right_answer());
  script.crash(Crash::lose_unsynced);
  ASSERT_TRUE(script.start()) << script.error();
  EXPECT_EQ(script.answer(), right_answer());
}

}  // namespace store_damage_test
}  // namespace rideflow
