#include "runtime/kept_rows_alarm.h"

#include <gtest/gtest.h>

#include "engine/virtual_env.h"

namespace rideflow {
namespace kept_rows_alarm_test {

constexpr int64_t kGiB = int64_t{1} << 30;

TEST(KeptRowsAlarm, SoundsFromOneGibibyteOnAndAtEveryDoubling) {
  KeptRowsAlarm alarm;
  EXPECT_FALSE(alarm.is_due("_late.a", kGiB - 1));
  EXPECT_TRUE(alarm.is_due("_late.a", kGiB));
  EXPECT_FALSE(alarm.is_due("_late.a", kGiB + 1)) << "once is enough";
  EXPECT_TRUE(alarm.is_due("_rejected.a", 5 * kGiB)) << "each topic by itself";
  EXPECT_FALSE(alarm.is_due("_rejected.a", 7 * kGiB));
  EXPECT_TRUE(alarm.is_due("_late.a", 2 * kGiB));
}

TEST(KeptRowsAlarm, LooksOnlyAtWhatThePlannerKeeps) {
  EXPECT_TRUE(KeptRowsAlarm::watches("_rejected.rides"));
  EXPECT_TRUE(KeptRowsAlarm::watches("_late.rides"));
  EXPECT_FALSE(KeptRowsAlarm::watches("late_rides"));
}

TEST(KeptRowsAlarm, WarnsOfWhatGrewAndSaysTheWayOut) {
  VirtualEnv env;
  env.set_auto_offload(true);
  auto topics = *TopicStore::open(env, "topics");
  for (const char* name : {"_late.a", "rides"}) {
    ASSERT_TRUE((*topics->find_or_create(name))->append({TopicRecord{}}).ok());
  }
  KeptRowsAlarm().look(env, *topics);
  EXPECT_TRUE(env.logs("kept_rows_grow").empty()) << "small topics are quiet";
  KeptRowsAlarm alarm(1);
  alarm.look(env, *topics);
  alarm.look(env, *topics);
  const auto warnings = env.logs("kept_rows_grow");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].field("topic"), "_late.a");
  EXPECT_NE(warnings[0].field("way_out").find("topics delete _late.a"), std::string::npos);
}

}  // namespace kept_rows_alarm_test
}  // namespace rideflow
