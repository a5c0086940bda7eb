// What an edited job may keep of its state, decided from the two descriptions alone.
#include "engine/state_type.h"

#include <gmock/gmock.h>

namespace rideflow {
namespace state_type_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

StateType window_type(std::vector<StateType::Accumulator> accumulators) {
  StateType type;
  type.kind = "window";
  type.keys = {"city: string"};
  type.window = "tumbling 1m";
  type.accumulators = std::move(accumulators);
  return type;
}

const StateType::Accumulator kCount{"n", "count()"};
const StateType::Accumulator kFare{"money", "sum(fare: double)"};
const StateType::Accumulator kMost{"most", "max(fare: double)"};

StateChange compare(const StateType& stored, const StateType& now) {
  auto change = compare_state_types(stored, now);
  EXPECT_TRUE(change.ok()) << change.status().to_string();
  return *std::move(change);
}

// What releases before 1.0 wrote: numbers of enumerators, which no later release may have to keep.
TEST(StateType, WindowsOfTheFirstVersionAreReadByName) {
  StateType type = window_type({kCount});
  const auto read_as_first = [&](const std::string& window) {
    type.window = window;
    std::string bytes = encode_state_type(type);
    bytes[0] = 1;
    const auto again = decode_state_type(bytes);
    return again.ok() ? again->window : again.status().to_string();
  };
  EXPECT_EQ(read_as_first("window 0 60 s 0 s 0 s 0 s offset 0 emit 0"),
            "window tumbling 60 s 0 s 0 s 0 s offset 0 emit final");
  EXPECT_EQ(read_as_first("window 2 0 0 0 9 offset 5 emit 1 every 1 close_on a == ' offset 0 emit 0'"),
            "window session 0 0 0 9 offset 5 emit updates every 1 close_on a == ' offset 0 emit 0'");
  EXPECT_EQ(read_as_first("window 9 x offset 0 emit 7"), "window 9 x offset 0 emit 7");
  EXPECT_EQ(read_as_first(""), "");
}

TEST(StateType, RoundTrip) {
  StateType type = window_type({kCount, kFare});
  type.extra_bytes = 16;
  type.held = {{"fare", "double"}, {"tags", "list(int64?)"}};
  const auto again = decode_state_type(encode_state_type(type));
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(*again, type);
}

TEST(StateType, CutOrForeignBytesAreDamage) {
  StateType type = window_type({kCount});
  type.held = {{"fare", "double"}};
  const std::string bytes = encode_state_type(type);
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_EQ(decode_state_type(bytes.substr(0, n)).status().code(), Code::data_loss) << n << " bytes";
  EXPECT_EQ(decode_state_type(bytes + "x").status().code(), Code::data_loss);
  EXPECT_EQ(decode_state_type("\x09" + bytes.substr(1)).status().code(), Code::data_loss);
}

TEST(StateType, TheSameIsReadAsItIs) {
  EXPECT_EQ(compare(window_type({kCount, kFare}), window_type({kCount, kFare})).kind,
            StateChange::Kind::none);
}

TEST(StateType, ANewNameAloneMovesNothing) {
  const StateChange change = compare(window_type({kCount}), window_type({{"rides", "count()"}}));
  EXPECT_EQ(change.kind, StateChange::Kind::none);
  EXPECT_THAT(change.starting, IsEmpty());
  EXPECT_THAT(change.lost, IsEmpty());
}

TEST(StateType, AddedAndReorderedKeepTheOthers) {
  const StateChange change = compare(window_type({kCount, kFare}), window_type({kMost, kFare, kCount}));
  EXPECT_EQ(change.kind, StateChange::Kind::migrate);
  EXPECT_THAT(change.migration.accumulators, ElementsAre(StateMigration::kNone, 1, 0));
  EXPECT_EQ(change.migration.stored_accumulators, 2);
  EXPECT_THAT(change.starting, ElementsAre("'most' (max(fare: double)) starts empty"));
  EXPECT_THAT(change.lost, IsEmpty());
}

TEST(StateType, ARemovedOneIsLost) {
  const StateChange change = compare(window_type({kCount, kFare}), window_type({kCount}));
  EXPECT_EQ(change.kind, StateChange::Kind::migrate);
  EXPECT_THAT(change.migration.accumulators, ElementsAre(0));
  EXPECT_THAT(change.lost, ElementsAre("'money' (sum(fare: double)) is no longer computed"));
}

TEST(StateType, TheSameNameForAnotherExpressionSaysSo) {
  const StateChange change =
      compare(window_type({kCount, kFare}), window_type({kCount, {"money", "sum(tip: double)"}}));
  EXPECT_THAT(change.migration.accumulators, ElementsAre(0, StateMigration::kNone));
  ASSERT_EQ(change.starting.size(), 1U);
  EXPECT_THAT(change.starting[0], HasSubstr("it was sum(fare: double) and is sum(tip: double) now"));
  EXPECT_THAT(change.lost, ElementsAre("'money' was sum(fare: double) and is sum(tip: double) now"));
}

TEST(StateType, AnotherTypeOfTheArgumentIsAnotherState) {
  const StateChange change = compare(window_type({kFare}), window_type({{"money", "sum(fare: int64)"}}));
  EXPECT_EQ(change.kind, StateChange::Kind::migrate);
  EXPECT_THAT(change.migration.accumulators, ElementsAre(StateMigration::kNone));
}

TEST(StateType, SwappedNamesFollowWhatIsComputed) {
  const StateChange change =
      compare(window_type({kFare, kMost}),
              window_type({{"most", "sum(fare: double)"}, {"money", "max(fare: double)"}}));
  EXPECT_EQ(change.kind, StateChange::Kind::none);
}

TEST(StateType, KeysWindowAndKindAreAllOrNothing) {
  const StateType before = window_type({kCount});
  StateType now = before;
  now.keys = {"city: string", "status: string"};
  EXPECT_EQ(compare(before, now).kind, StateChange::Kind::replaced);
  EXPECT_EQ(compare(before, now).why, "its keys changed");
  now = before;
  now.window = "tumbling 2m";
  EXPECT_EQ(compare(before, now).why, "its window changed");
  now = before;
  now.kind = "session";
  EXPECT_EQ(compare(before, now).kind, StateChange::Kind::replaced);
}

TEST(StateType, HeldColumnsAreFoundByWhatTheyAre) {
  StateType before = window_type({kCount});
  before.held = {{"ride", "string"}, {"fare", "double"}};
  StateType now = before;
  now.held = {{"fare", "double"}, {"tip", "double"}, {"ride", "string"}};
  StateChange change = compare(before, now);
  EXPECT_EQ(change.kind, StateChange::Kind::migrate);
  EXPECT_THAT(change.migration.held, ElementsAre(1, StateMigration::kNone, 0));
  EXPECT_THAT(change.migration.stored_types, ElementsAre(Type(Kind::string), Type(Kind::float64)));
  now.held = {{"ride", "string"}, {"fare", "int64"}};
  EXPECT_THAT(compare(before, now).migration.held, ElementsAre(0, StateMigration::kNone));
  before.held = {{"ride", "no type"}};
  EXPECT_EQ(compare_state_types(before, now).status().code(), Code::data_loss);
}

TEST(StateType, OtherLeadingBytesAreAMigration) {
  StateType before = window_type({kCount});
  before.extra_bytes = 8;
  const StateType now = window_type({kCount});
  EXPECT_EQ(compare(before, now).kind, StateChange::Kind::migrate);
  EXPECT_EQ(compare(before, now).migration.stored_extra_bytes, 8);
}

}  // namespace state_type_test
}  // namespace rideflow
