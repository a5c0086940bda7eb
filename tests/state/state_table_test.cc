// One contract for both tables of keyed state, and a random comparison with a plain map.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "engine/memory_state_table.h"
#include "runtime/posix_env.h"
#include "state/rocks_task_state.h"
#include "state/state_key.h"
#include "tests/support/cells.h"
#include "tests/support/temp_dir.h"

namespace rideflow {
namespace state_table_test {

using testing::ElementsAre;

test::OwnedChange put(int32_t group, int64_t slice, std::string key, std::string value) {
  test::OwnedChange change;
  change.group = KeyGroup(group);
  change.slice = slice;
  change.key = std::move(key);
  change.value = std::move(value);
  return change;
}

test::OwnedChange erase(int32_t group, int64_t slice, std::string key) {
  test::OwnedChange change = put(group, slice, std::move(key), "");
  change.value.reset();
  return change;
}

class StateTableContract : public testing::TestWithParam<bool> {
 protected:
  StateTableContract() {
    if (!GetParam()) {
      memory_ = std::make_unique<MemoryStateTable>();
      table_ = memory_.get();
      return;
    }
    auto checkpoints = CheckpointStore::open(env_, temp_ / "checkpoints");
    auto state =
        RocksTaskState::open(env_, *checkpoints, std::make_shared<RocksShared>(), temp_ / "state", 128);
    RF_CHECK(state.ok());
    rocks_ = *state;
    table_ = *rocks_->table("city_minute/window");
    other_ = *rocks_->table("city");  // a name that is a prefix must not matter
  }

  void apply(const std::vector<test::OwnedChange>& changes) {
    const Status status = test::apply(*table_, changes);
    ASSERT_TRUE(status.ok()) << status.to_string();
  }
  std::vector<std::string> scan(KeyGroupRange range = {0, INT32_MAX}) {
    std::vector<std::string> rows;
    const Status status = table_->scan(range, [&](const CellKey& key, std::string_view value) {
      rows.push_back(std::to_string(key.group.value) + "/" + std::to_string(key.slice) + "/" +
                     std::string(key.key) + "=" + std::string(value));
      return Status();
    });
    EXPECT_TRUE(status.ok()) << status.to_string();
    return rows;
  }
  std::string get(int32_t group, int64_t slice, std::string_view key) {
    CellKey cell;
    cell.group = KeyGroup(group);
    cell.slice = slice;
    cell.key = key;
    auto values = table_->get({&cell, 1});
    EXPECT_TRUE(values.ok());
    return (*values)[0].value_or("(none)");
  }

  test::TempDir temp_;
  PosixEnv env_;
  std::unique_ptr<MemoryStateTable> memory_;
  std::shared_ptr<RocksTaskState> rocks_;
  StateTable* table_ = nullptr;
  StateTable* other_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Both, StateTableContract, testing::Bool(),
                         [](const auto& p) { return p.param ? "Rocks" : "Memory"; });

TEST_P(StateTableContract, LaterChangesWinAndErasedCellsAreGone) {
  apply({put(1, 10, "a", "1"), put(1, 10, "b", "2"), put(2, 10, "a", "3")});
  apply({put(1, 10, "a", "4"), erase(1, 10, "b")});
  EXPECT_EQ(get(1, 10, "a"), "4");
  EXPECT_EQ(get(1, 10, "b"), "(none)");
  EXPECT_EQ(get(2, 10, "a"), "3");
  EXPECT_EQ(get(3, 10, "a"), "(none)");
  EXPECT_THAT(scan(), ElementsAre("1/10/a=4", "2/10/a=3"));
  apply({});
  apply({put(1, 10, "b", "")});
  EXPECT_EQ(get(1, 10, "b"), "") << "an empty value is a value";
}

TEST_P(StateTableContract, OfChangesThatEndInAnErrorNothingIsThere) {
  apply({put(1, 10, "a", "1")});
  const Status status = table_->apply([](const TakeChange& take) -> Status {
    RF_TRY(take({{KeyGroup(1), 10, "a"}, "2"}));
    RF_TRY(take({{KeyGroup(1), 10, "b"}, "2"}));
    return Status::external(Code::unavailable, "no more");
  });
  EXPECT_EQ(status.code(), Code::unavailable);
  EXPECT_THAT(scan(), ElementsAre("1/10/a=1"));
  apply({put(1, 10, "b", "3")});
  EXPECT_THAT(scan(), ElementsAre("1/10/a=1", "1/10/b=3"));
}

TEST_P(StateTableContract, ScansInOrderOfGroupSliceAndKeyBytes) {
  const std::string binary("\0\xff", 2);
  apply({put(0, INT64_MIN, "", "x"), put(0, -5, "k", "x"), put(0, 0, "k", "x"), put(0, 300, binary, "x"),
         put(0, 300, "k", "x"), put(127, INT64_MAX, "z", "x")});
  EXPECT_THAT(scan(), ElementsAre("0/-9223372036854775808/=x", "0/-5/k=x", "0/0/k=x",
                                  "0/300/" + binary + "=x", "0/300/k=x", "127/9223372036854775807/z=x"));
  EXPECT_THAT(scan({1, 128}), ElementsAre("127/9223372036854775807/z=x"));
  EXPECT_THAT(scan({1, 127}), ElementsAre());
}

TEST_P(StateTableContract, ErasesSlicesOfTheGroupsAskedFor) {
  apply({put(1, -1, "a", "x"), put(1, 0, "a", "x"), put(1, 9, "a", "x"), put(1, 10, "a", "x"),
         put(2, 5, "a", "x"), put(3, 5, "a", "x")});
  ASSERT_TRUE(table_->erase_slices({1, 3}, 0, 10).ok());
  EXPECT_THAT(scan(), ElementsAre("1/-1/a=x", "1/10/a=x", "3/5/a=x"));
  ASSERT_TRUE(table_->erase_slices({1, 3}, 10, 10).ok());
  apply({put(1, 5, "a", "new")});
  EXPECT_EQ(get(1, 5, "a"), "new") << "what comes after the erasing stays";
  ASSERT_TRUE(table_->erase_slices({0, INT32_MAX}, INT64_MIN, INT64_MAX).ok());
  EXPECT_THAT(scan(), ElementsAre());
}

TEST_P(StateTableContract, AVisitorCanStopTheScan) {
  apply({put(1, 1, "a", "x"), put(1, 1, "b", "x")});
  int visits = 0;
  const Status status = table_->scan({0, 128}, [&](const CellKey&, std::string_view) {
    ++visits;
    return Status::external(Code::aborted, "enough");
  });
  EXPECT_EQ(status.code(), Code::aborted);
  EXPECT_EQ(visits, 1);
}

TEST_P(StateTableContract, TablesOfOneTaskDoNotMix) {
  if (!other_) return;  // a memory table stands alone
  apply({put(1, 1, "a", "x")});
  const std::vector<test::OwnedChange> changes = {put(1, 1, "a", "other")};
  ASSERT_TRUE(test::apply(*other_, changes).ok());
  EXPECT_EQ(get(1, 1, "a"), "x");
  ASSERT_TRUE(other_->erase_slices({0, 128}, INT64_MIN, INT64_MAX).ok());
  EXPECT_THAT(scan(), ElementsAre("1/1/a=x"));
}

TEST_P(StateTableContract, BehavesAsAMapWhateverComes) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto draw = [&](uint64_t n) { return static_cast<int>(random() % n); };
  std::map<std::tuple<int32_t, int64_t, std::string>, std::string> model;
  for (int round = 0; round < 40; ++round) {
    if (draw(4) == 0) {
      const int begin = draw(8);
      const KeyGroupRange groups{begin, begin + draw(4)};
      const int64_t from = draw(20) - 10;
      const int64_t to = from + draw(8);
      ASSERT_TRUE(table_->erase_slices(groups, from, to).ok());
      std::erase_if(model, [&](const auto& cell) {
        return groups.contains(KeyGroup(std::get<0>(cell.first))) && std::get<1>(cell.first) >= from &&
               std::get<1>(cell.first) < to;
      });
    } else {
      std::map<std::tuple<int32_t, int64_t, std::string>, std::optional<std::string>> changes;
      for (int i = draw(200); i > 0; --i) {
        const auto place =
            std::make_tuple(draw(8), int64_t{draw(20)} - 10, std::string(1, static_cast<char>(draw(256))));
        changes[place] = draw(3) == 0 ? std::nullopt : std::optional<std::string>(std::to_string(random()));
      }
      std::vector<test::OwnedChange> sorted;
      for (const auto& [place, value] : changes) {
        test::OwnedChange change = erase(std::get<0>(place), std::get<1>(place), std::get<2>(place));
        change.value = value;
        sorted.push_back(std::move(change));
        if (value) {
          model[place] = *value;
        } else {
          model.erase(place);
        }
      }
      apply(sorted);
    }
    std::vector<std::string> expected;
    for (const auto& [place, value] : model)
      expected.push_back(std::to_string(std::get<0>(place)) + "/" + std::to_string(std::get<1>(place)) + "/" +
                         std::get<2>(place) + "=" + value);
    ASSERT_EQ(scan(), expected) << "round " << round;
  }
}

TEST(RocksStateTableTest, UnsortedChangesAreRefused) {
  test::TempDir temp;
  PosixEnv env;
  auto state = *RocksTaskState::open(env, *CheckpointStore::open(env, temp / "c"),
                                     std::make_shared<RocksShared>(), temp / "s", 128);
  StateTable* table = *state->table("t");
  const std::vector<test::OwnedChange> unsorted = {put(1, 1, "b", "x"), put(1, 1, "a", "x")};
  EXPECT_EQ(test::apply(*table, unsorted).code(), Code::internal);
  const std::vector<test::OwnedChange> twice = {put(1, 1, "a", "x"), put(1, 1, "a", "y")};
  EXPECT_EQ(test::apply(*table, twice).code(), Code::internal);
  EXPECT_EQ(state->table("").status().code(), Code::internal);
}

TEST(StateKeyTest, RoundTripsAndOrdersLikeItsParts) {
  std::vector<std::string> keys;
  for (const int32_t group : {0, 1, 255, 256, 65535}) {
    for (const std::string step : {"a", "ab", "b"}) {
      for (const int64_t slice : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{1}, INT64_MAX}) {
        for (const std::string& key : {std::string(), std::string(1, '\0'), std::string("k")}) {
          CellKey cell;
          cell.group = KeyGroup(group);
          cell.slice = slice;
          cell.key = key;
          keys.push_back(state_key(step, cell));
          const auto row = parse_state_key(keys.back());
          ASSERT_TRUE(row);
          EXPECT_EQ(row->step, step);
          EXPECT_EQ(row->cell.group.value, group);
          EXPECT_EQ(row->cell.slice, slice);
          EXPECT_EQ(row->cell.key, key);
        }
      }
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_FALSE(parse_state_key("x"));
  EXPECT_FALSE(parse_state_key("xxstep"));
  EXPECT_FALSE(parse_state_key(std::string("xxstep\0short", 12)));
}

}  // namespace state_table_test
}  // namespace rideflow
