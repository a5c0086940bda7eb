// Part files: named, committed and recovered exactly once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/operators/decode_support.h"
#include "tests/operators/sink_support.h"
#include "tests/support/damage.h"
#include "tests/support/forwarding_fs.h"

namespace rideflow {
namespace file_sink_test {

using test::options;
using test::prepare;
using test::SinkWorld;
using test::write;
using testing::ElementsAre;
using testing::HasSubstr;

const Options kOut = options({{"directory", "w/out"}});

std::vector<std::string> parts(SinkWorld& world) {
  std::vector<std::string> names;
  for (const std::string& path : world.env.fs().files("w/out")) {
    if (path.find("/part-") != std::string::npos) names.push_back(path);
  }
  return names;
}

const std::string kState = "w/.out.rideflow";

int in_progress(SinkWorld& world) {
  int count = 0;
  for (const std::string& path : world.env.fs().files(kState))
    count += path.find(".inprogress") != std::string::npos;
  return count;
}

// What `cat out/*` reads, whatever the reader thinks of names that begin with a dot.
void expect_parts_only(SinkWorld& world) {
  EXPECT_EQ(world.env.fs().files("w/out"), parts(world));
}

TEST(FileSink, OneFilePerEpochThatHasRows) {
  SinkWorld world;
  const auto sink = world.sink("file", kOut);
  ASSERT_TRUE(sink->recover(Epoch(0), {}).ok());
  write(*sink, {"Lyon:1", ":2"});
  const std::string first = prepare(*sink, 1);
  EXPECT_TRUE(world.env.fs().files("w/out").empty());
  EXPECT_EQ(prepare(*sink, 2), "");
  write(*sink, {"Paris:3"});
  const std::string third = prepare(*sink, 3);
  ASSERT_TRUE(sink->commit(Epoch(1), first).ok());
  ASSERT_TRUE(sink->commit(Epoch(2), "").ok());
  ASSERT_TRUE(sink->commit(Epoch(3), third).ok());
  EXPECT_THAT(parts(world), ElementsAre("w/out/part-l1-00000001-0.json", "w/out/part-l1-00000003-0.json"));
  EXPECT_EQ(world.env.fs().content("w/out/part-l1-00000001-0.json"),
            "{\"city\":\"Lyon\",\"n\":1}\n{\"city\":null,\"n\":2}\n");
  EXPECT_EQ(in_progress(world), 0);
  EXPECT_EQ(world.metrics.rows_absorbed.get(), 3);
}

TEST(FileSink, CsvFilesBeginWithTheirHeader) {
  SinkWorld world;
  const auto config = world.config("file", kOut);
  config->make_encoder = [] {
    return test::catalog().find_format("csv")->make_encoder(test::city_schema(),
                                                            options({{"header", "true"}}));
  };
  const auto sink = *test::catalog().find_sink("file")->make(config);
  ASSERT_TRUE(sink->open(world.context(2, 4)).ok());
  write(*sink, {"a,b:1"});
  ASSERT_TRUE(sink->commit(Epoch(1), prepare(*sink, 1)).ok());
  EXPECT_EQ(world.env.fs().content("w/out/part-l1-00000001-2.csv"), "city,n\n\"a,b\",1\n");
}

TEST(FileSink, ManyRowsAreWrittenAsTheyCome) {
  SinkWorld world;
  const auto sink = world.sink("file", kOut);
  const std::vector<std::string> rows(5'000, std::string(100, 'x') + ":7");
  for (int i = 0; i < 5; ++i) write(*sink, rows);
  EXPECT_EQ(in_progress(world), 1);
  expect_parts_only(world);
  ASSERT_TRUE(sink->commit(Epoch(1), prepare(*sink, 1)).ok());
  const std::string content = world.env.fs().content("w/out/part-l1-00000001-0.json");
  EXPECT_EQ(std::count(content.begin(), content.end(), '\n'), 25'000);
}

TEST(FileSink, RecoveryPublishesWhatTheCheckpointListsAndClearsTheRest) {
  SinkWorld world;
  std::string first, second;
  {
    const auto sink = world.sink("file", kOut);
    write(*sink, {"a:1"});
    first = prepare(*sink, 1);
    write(*sink, {"a:2"});
    second = prepare(*sink, 2);
    write(*sink, {"a:3"});
    prepare(*sink, 3);
  }
  world.env.fs().crash(VirtualFs::Crash::lose_unsynced);
  for (int again = 0; again < 2; ++again) {
    const auto sink = world.sink("file", kOut);
    ASSERT_TRUE(sink->recover(Epoch(2), {{Epoch(1), first}, {Epoch(2), second}}).ok());
    EXPECT_THAT(parts(world), ElementsAre("w/out/part-l1-00000001-0.json", "w/out/part-l1-00000002-0.json"));
    EXPECT_EQ(in_progress(world), 0);
  }
}

TEST(FileSink, ACommitInterruptedAnywhereIsFinishedLater) {
  for (int64_t call = 1; call < 40; ++call) {
    SinkWorld world;
    std::string handle;
    bool finished = false;
    {
      const auto sink = world.sink("file", kOut);
      write(*sink, {"a:1"});
      handle = prepare(*sink, 1);
      world.env.fs().die(call);
      finished = sink->commit(Epoch(1), handle).ok();
    }
    world.env.fs().crash(VirtualFs::Crash::lose_some);
    expect_parts_only(world);
    const auto sink = world.sink("file", kOut);
    const Status recovered = sink->recover(Epoch(1), {{Epoch(1), handle}});
    ASSERT_TRUE(recovered.ok()) << call << ": " << recovered.to_string();
    ASSERT_THAT(parts(world), ElementsAre("w/out/part-l1-00000001-0.json")) << call;
    EXPECT_EQ(world.env.fs().content(parts(world)[0]), "{\"city\":\"a\",\"n\":1}\n");
    if (finished) return;
  }
  FAIL() << "the commit never finished";
}

TEST(FileSink, APartThatSomebodyTookAwayIsNotWrittenAgain) {
  SinkWorld world;
  const auto sink = world.sink("file", kOut);
  write(*sink, {"a:1"});
  const std::string handle = prepare(*sink, 1);
  ASSERT_TRUE(sink->commit(Epoch(1), handle).ok());
  ASSERT_TRUE(world.env.fs().remove(parts(world)[0]).ok());
  const auto fresh = world.sink("file", kOut);
  ASSERT_TRUE(fresh->recover(Epoch(1), {{Epoch(1), handle}}).ok());
  EXPECT_TRUE(parts(world).empty());
}

TEST(FileSink, RefusesToPublishTwiceOrOverOthers) {
  SinkWorld world;
  const auto sink = world.sink("file", kOut);
  write(*sink, {"a:1"});
  ASSERT_TRUE(sink->commit(Epoch(5), prepare(*sink, 5)).ok());
  const Status refused = world.sink("file", kOut)->recover(Epoch(4), {});
  EXPECT_EQ(refused.code(), Code::aborted);
  EXPECT_THAT(refused.message(), HasSubstr("publish rows twice"));

  const auto config = world.config("file", kOut);
  config->sink = "other";
  const auto other = *test::catalog().find_sink("file")->make(config);
  ASSERT_TRUE(other->open(world.context()).ok());
  write(*other, {"b:1"});
  const Status collision = other->commit(Epoch(5), prepare(*other, 5));
  EXPECT_THAT(collision.message(), HasSubstr("directories of their own"));

  write(*sink, {"a:2"});
  const std::string lost = prepare(*sink, 6);
  ASSERT_TRUE(world.env.fs().remove(kState + "/" + lost.substr(0, lost.find('\n'))).ok());
  EXPECT_EQ(sink->commit(Epoch(6), lost).code(), Code::data_loss);
}

// ---- Beside the directory

TEST(FileSinkBeside, NothingButPartsIsInTheDirectoryAtAnyCallAtWhichItDies) {
  for (int64_t call = 1;; ++call) {
    SCOPED_TRACE("dead at call " + std::to_string(call));
    SinkWorld world;
    world.env.fs().die(call);
    {
      const auto made = test::catalog().find_sink("file")->make(world.config("file", kOut));
      if ((*made)->open(world.context()).ok() && (*made)->recover(Epoch(0), {}).ok()) {
        test::NoOutput out;
        Batch batch = test::city_rows({"a:1"});
        (void)(*made)->process(0, batch, out);
        if (const auto prepared = (*made)->prepare(Epoch(1)); prepared.ok())
          (void)(*made)->commit(Epoch(1), prepared->handle);
      }
    }
    const bool reached = world.env.fs().dead();
    world.env.fs().crash(VirtualFs::Crash::keep_all);
    // The probe of a first start is empty: no reader finds rows in it, and the next start clears it.
    for (const std::string& path : world.env.fs().files("w/out")) {
      if (path.find("/part-") == std::string::npos) {
        EXPECT_EQ(world.env.fs().content(path), "") << path;
      }
    }
    const auto sink = world.sink("file", kOut);
    expect_parts_only(world);
    EXPECT_THAT(world.env.fs().files(kState), testing::Contains(kState + "/FORMAT"));
    if (!reached) break;
  }
}

TEST(FileSinkBeside, DirectoriesOfOneParentHaveAStateEach) {
  SinkWorld world;
  const auto one = world.sink("file", kOut);
  const Options other_out = options({{"directory", "w/out2/"}});
  const auto two = world.sink("file", other_out);
  write(*one, {"a:1"});
  write(*two, {"b:2"});
  const std::string first = prepare(*one, 1);
  const std::string second = prepare(*two, 1);
  ASSERT_TRUE(one->commit(Epoch(1), first).ok());
  // What one finds in progress is not cleared away by the other.
  ASSERT_TRUE(world.sink("file", kOut)->recover(Epoch(1), {{Epoch(1), first}}).ok());
  ASSERT_TRUE(world.sink("file", other_out)->recover(Epoch(1), {{Epoch(1), second}}).ok());
  EXPECT_EQ(world.env.fs().content("w/out/part-l1-00000001-0.json"), "{\"city\":\"a\",\"n\":1}\n");
  EXPECT_EQ(world.env.fs().content("w/out2/part-l1-00000001-0.json"), "{\"city\":\"b\",\"n\":2}\n");
  EXPECT_THAT(world.env.fs().files("w"),
              ElementsAre(kState + "/.committed-l1-out-0", kState + "/FORMAT",
                          "w/.out2.rideflow/.committed-l1-out-0", "w/.out2.rideflow/FORMAT",
                          "w/out/part-l1-00000001-0.json", "w/out2/part-l1-00000001-0.json"));
}

TEST(FileSinkBeside, WhereNothingCanStandThereItIsInsideAndSaid) {
  for (const char* directory : {".", "x/..", "w/out"}) {
    SCOPED_TRACE(directory);
    SinkWorld world;
    ASSERT_TRUE(world.env.fs().make_dirs("w").ok());
    ASSERT_TRUE(world.env.fs().create(kState).ok());  // a file
    const Options options = test::options({{"directory", directory}});
    const auto sink = world.sink("file", options);
    write(*sink, {"a:1"});
    ASSERT_TRUE(sink->commit(Epoch(1), prepare(*sink, 1)).ok());
    EXPECT_TRUE(world.env.fs().stat(join_path(directory, ".committed-l1-out-0")).ok());
    EXPECT_EQ(world.env.logs("file_sink_markers_inside").size(), 1U);
    EXPECT_EQ(world.sink("file", options)->recover(Epoch(0), {}).code(), Code::aborted);
  }
}

// A disk whose directories are mounts of their own.
class Mounts : public test::ForwardingFs {
 public:
  using ForwardingFs::ForwardingFs;
  Status rename(const std::string& from, const std::string& to) override {
    if (parent_dir(from) == parent_dir(to)) return ForwardingFs::rename(from, to);
    return Status::external(Code::failed_precondition, "Invalid cross-device link.");
  }
};

TEST(FileSinkBeside, AMountPointKeepsItsMarkersInside) {
  SinkWorld world;
  world.resources.add<FileSystem>("job files", std::make_shared<Mounts>(world.env.fs()));
  for (int64_t epoch = 1; epoch <= 2; ++epoch) {
    const auto sink = world.sink("file", kOut);
    ASSERT_TRUE(sink->recover(Epoch(epoch - 1), {}).ok());
    write(*sink, {"a:1"});
    ASSERT_TRUE(sink->commit(Epoch(epoch), prepare(*sink, epoch)).ok());
  }
  EXPECT_THAT(world.env.fs().files("w"),
              ElementsAre("w/out/.committed-l1-out-0", "w/out/part-l1-00000001-0.json",
                          "w/out/part-l1-00000002-0.json"));
}

TEST(FileSinkBeside, ADirectoryThatIsGoneIsRefusedUntilItIsMade) {
  SinkWorld world;
  {
    const auto sink = world.sink("file", kOut);
    write(*sink, {"a:1"});
    ASSERT_TRUE(sink->commit(Epoch(1), prepare(*sink, 1)).ok());
  }
  ASSERT_TRUE(world.env.fs().remove_tree("w/out").ok());
  const auto config = world.config("file", kOut);
  for (int again = 0; again < 2; ++again) {
    const auto sink = *test::catalog().find_sink("file")->make(config);
    const Status refused = sink->open(world.context());
    EXPECT_EQ(refused.code(), Code::data_loss);
    EXPECT_THAT(refused.message(), HasSubstr("'w/out' is gone"));
  }
  // Another lineage has lost nothing; and whoever took the files away on purpose says so.
  const auto sink = *test::catalog().find_sink("file")->make(config);
  OpenContext fresh = world.context();
  fresh.lineage = "l2";
  EXPECT_TRUE(sink->open(fresh).ok());
  EXPECT_TRUE(world.sink("file", kOut)->recover(Epoch(1), {}).ok());
}

// ---- A directory that is not as the checkpoint left it

// Two committed epochs and one that is prepared, as a checkpoint lists it.
struct Prepared3 {
  Prepared3() {
    const auto sink = world.sink("file", kOut);
    EXPECT_TRUE(sink->recover(Epoch(0), {}).ok());
    for (int64_t epoch = 1; epoch <= 3; ++epoch) {
      write(*sink, {"a:" + std::to_string(epoch)});
      handle = prepare(*sink, epoch);
      if (epoch < 3) {
        EXPECT_TRUE(sink->commit(Epoch(epoch), handle).ok());
      }
    }
    crash();
    files = test::read_files(world.env.fs(), "w");
  }
  void crash() { world.env.fs().crash(VirtualFs::Crash::keep_all); }
  Status start() { return world.sink("file", kOut)->recover(Epoch(3), {{Epoch(3), handle}}); }
  std::string third() { return world.env.fs().content("w/out/part-l1-00000003-0.json"); }

  SinkWorld world;
  std::string handle;
  test::Files files;
  const std::string right = "{\"city\":\"a\",\"n\":3}\n";
};

TEST(FileSinkDamage, PublishesTheRightRowsOrIsRefusedByName) {
  Prepared3 job;
  int refused = 0;
  test::for_each_damage(job.world.env.fs(), "w", job.files, 200, [&](const test::Damage& damage) {
    if (damage.file.find("/part-") != std::string::npos) return;  // published: whoever reads it owns it
    if (damage.file.ends_with("/FORMAT")) return;                 // asked for, never read
    SCOPED_TRACE(damage.file + " " + damage.what);
    const Status status = job.start();
    refused += status.ok() ? 0 : 1;
    if (status.ok()) {
      EXPECT_EQ(job.third(), job.right);
    } else {
      EXPECT_THAT(status.to_string(), HasSubstr(damage.file));
    }
    job.crash();
  });
  EXPECT_GT(refused, 50);
}

TEST(FileSinkDamage, AnEmptiedDirectoryIsRefusedAlsoWithoutRowsToPublish) {
  Prepared3 job;
  ASSERT_TRUE(job.start().ok());
  {
    const auto sink = job.world.sink("file", kOut);
    ASSERT_TRUE(sink->recover(Epoch(3), {{Epoch(3), job.handle}}).ok());
    job.handle = prepare(*sink, 4);
  }
  ASSERT_TRUE(job.world.sink("file", kOut)->recover(Epoch(4), {{Epoch(4), job.handle}}).ok());
  test::write_files(job.world.env.fs(), kState, {});
  const Status status = job.world.sink("file", kOut)->recover(Epoch(4), {{Epoch(4), job.handle}});
  EXPECT_EQ(status.code(), Code::data_loss);
  EXPECT_THAT(status.to_string(), HasSubstr("epoch 3"));
}

TEST(FileSinkDamage, AFailureOfEveryCallWhileItStartsChangesNothing) {
  Prepared3 job;
  VirtualFs& fs = job.world.env.fs();
  for (int64_t n = 1;; ++n) {
    SCOPED_TRACE("failure at call " + std::to_string(n));
    test::write_files(fs, "w", job.files);
    const int64_t before = fs.calls();
    fs.fail(n, Status::external(Code::unavailable, "Input/output error."));
    {
      const auto made = test::catalog().find_sink("file")->make(job.world.config("file", kOut));
      if ((*made)->open(job.world.context(0, 1)).ok())
        (void)(*made)->recover(Epoch(3), {{Epoch(3), job.handle}});
    }
    const bool reached = fs.calls() - before >= n;
    fs.crash(VirtualFs::Crash::lose_unsynced);
    const Status status = job.start();
    ASSERT_TRUE(status.ok()) << status.to_string();
    ASSERT_EQ(job.third(), job.right);
    if (!reached) break;
  }
}

// As versions before had it: everything is in the directory.
test::Files all_inside(const test::Files& files) {
  test::Files inside;
  for (const auto& [path, content] : files) {
    if (!path.ends_with("/FORMAT")) inside["w/out" + path.substr(path.rfind('/'))] = content;
  }
  return inside;
}

TEST(FileSinkDamage, TheLayoutOfOlderVersionsIsMovedOutWhateverFailsMeanwhile) {
  Prepared3 job;
  job.files = all_inside(job.files);
  // Of another job, and of a life of this one before: nothing is lost, and it is in nobody's way.
  job.files["w/out/.committed-l0-out-0"] = "7\n";
  job.files["w/out/.inprogress-l1-other-0-00000000000000ab"] = "{}\n";
  VirtualFs& fs = job.world.env.fs();
  for (int64_t n = 0;; ++n) {
    SCOPED_TRACE("dead at call " + std::to_string(n));
    test::write_files(fs, "w", job.files);
    fs.die(n);
    {
      const auto made = test::catalog().find_sink("file")->make(job.world.config("file", kOut));
      if ((*made)->open(job.world.context(0, 1)).ok())
        (void)(*made)->recover(Epoch(3), {{Epoch(3), job.handle}});
    }
    const bool reached = n == 0 || fs.dead();
    fs.crash(n % 2 == 0 ? VirtualFs::Crash::lose_unsynced : VirtualFs::Crash::lose_some);
    const Status status = job.start();
    ASSERT_TRUE(status.ok()) << status.to_string();
    ASSERT_EQ(job.third(), job.right);
    expect_parts_only(job.world);
    EXPECT_EQ(parts(job.world).size(), 3U);
    EXPECT_EQ(fs.content(kState + "/.committed-l0-out-0"), "7\n");
    EXPECT_EQ(fs.content(kState + "/.inprogress-l1-other-0-00000000000000ab"), "{}\n");
    if (!reached) break;
  }
  // What such a version had published counts: going back behind it would publish rows twice.
  test::write_files(fs, "w", job.files);
  EXPECT_EQ(job.world.sink("file", kOut)->recover(Epoch(1), {}).code(), Code::aborted);
}

TEST(FileSinkDamage, AnOldCopyOfAnOlderLayoutIsRefused) {
  Prepared3 job;
  ASSERT_TRUE(job.start().ok());
  job.world.env.fs().set_content(kState + "/.committed-l1-out-0", "3\n");
  ASSERT_TRUE(job.world.env.fs().create("w/out/.committed-l1-out-0").ok());
  job.world.env.fs().set_content("w/out/.committed-l1-out-0", "1\n");
  EXPECT_EQ(job.start().code(), Code::data_loss);
}

TEST(FileSinkDamage, HandlesAndMarkersOfOlderVersionsAreRead) {
  Prepared3 job;
  job.world.env.fs().set_content(kState + "/.committed-l1-out-0", "2\n");
  job.handle = job.handle.substr(0, job.handle.find('\n', job.handle.find('\n') + 1));
  const Status status = job.start();
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(job.third(), job.right);
}

TEST(FileSink, RecoveryLeavesOtherShardsAlone) {
  SinkWorld world;
  const auto one = world.sink("file", kOut, "json", 1, 2);
  write(*one, {"b:2"});
  const std::string handle = prepare(*one, 1);
  ASSERT_TRUE(world.sink("file", kOut, "json", 0, 2)->recover(Epoch(1), {}).ok());
  ASSERT_TRUE(world.sink("file", kOut, "json", 1, 2)->recover(Epoch(1), {{Epoch(1), handle}}).ok());
  EXPECT_THAT(parts(world), ElementsAre("w/out/part-l1-00000001-1.json"));
}

TEST(FileSink, ADirectoryIsNeeded) {
  SinkWorld world;
  const auto made = test::catalog().find_sink("file")->make(world.config("file", {}));
  EXPECT_THAT(made.status().message(), HasSubstr("directory"));
}

TEST(DiscardSink, CountsRows) {
  SinkWorld world;
  const auto sink = world.sink("discard", {});
  write(*sink, {"a:1", "b:2"});
  EXPECT_EQ(prepare(*sink, 1), "");
  EXPECT_EQ(world.metrics.rows_absorbed.get(), 2);
}

TEST(ConsoleSink, WritesRowsToStandardOutput) {
  SinkWorld world;
  const auto sink = world.sink("console", options({{"names", "true"}}));
  testing::internal::CaptureStdout();
  write(*sink, {"a:1", "b:2"});
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "out: {\"city\":\"a\",\"n\":1}\nout: {\"city\":\"b\",\"n\":2}\n");
}

}  // namespace file_sink_test
}  // namespace rideflow
