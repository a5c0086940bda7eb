// What windowed steps write to the store: exactly what changed and was there, whatever the kind of window.
#include <gmock/gmock.h>

#include <map>
#include <random>

#include "engine/builder.h"
#include "engine/expr.h"
#include "engine/memory_state_table.h"
#include "engine/virtual_env.h"
#include "tests/support/operator_contract.h"

namespace rideflow::test {
namespace state_writes_test {

constexpr Micros kSecond = kMicrosPerSecond;
constexpr Micros kStart = 1'700'000'040 * kSecond;  // a full minute

struct WindowCase {
  std::string name;
  WindowSpec window;
  bool close_on = false;
};

WindowSpec window_of(WindowKind kind, int64_t lateness = 0) {
  WindowSpec window;
  window.kind = kind;
  window.size.micros = 60 * kSecond;
  window.slide.micros = 20 * kSecond;
  window.step.micros = 20 * kSecond;
  window.gap.micros = 30 * kSecond;
  window.allowed_lateness = lateness * kSecond;
  return window;
}

std::vector<WindowCase> kinds() {
  const auto with = [](WindowSpec window, Emit emit, int64_t every) {
    window.emit = emit;
    if (every != 0) window.every = Duration{0, 0, every * kSecond};
    return window;
  };
  const WindowSpec tumbling = window_of(WindowKind::tumbling);
  const WindowSpec tolerant = window_of(WindowKind::tumbling, 100);
  const WindowSpec hopping = window_of(WindowKind::hopping);
  return {{"tumbling", tumbling},
          {"tumbling_lateness", tolerant},
          {"tumbling_updates", with(tolerant, Emit::updates, 0)},
          {"tumbling_every", with(tolerant, Emit::updates, 20)},
          {"hopping", hopping},
          {"hopping_updates", with(window_of(WindowKind::hopping, 50), Emit::updates, 0)},
          {"hopping_every", with(hopping, Emit::updates, 10)},
          {"cumulating", window_of(WindowKind::cumulating, 30)},
          {"global_every", with(window_of(WindowKind::global), Emit::final, 20)},
          {"session", window_of(WindowKind::session)},
          {"session_lateness", window_of(WindowKind::session, 50)},
          {"session_close_on", window_of(WindowKind::session), true}};
}

class Nowhere : public Output {
 public:
  void emit(int, Batch batch) override { rows += batch.rows; }
  bool has_room() const override { return true; }
  int64_t rows = 0;
};

// Refuses what is no change: the erasing of what is not there.
class StrictCells : public MemoryStateTable {
 public:
  Status apply(const EachChange& changes) override {
    return MemoryStateTable::apply([&](const TakeChange& take) {
      return changes([&](const CellChange& change) {
        ++writes;
        if (!change.value && !(*get({&change.cell, 1}))[0]) ++idle_writes;
        return take(change);
      });
    });
  }
  Status erase_slices(KeyGroupRange groups, int64_t begin, int64_t end) override {
    const size_t before = cells().size();
    const Status status = MemoryStateTable::erase_slices(groups, begin, end);
    ++writes;
    if (cells().size() == before) ++idle_writes;
    return status;
  }
  // A held row's number is the attempt's own: what counts is its order.
  std::map<std::string, std::string> cells() {
    std::map<std::string, std::string> all;
    EXPECT_TRUE(scan({0, kDefaultKeyGroups}, [&](const CellKey& cell, std::string_view value) {
                  const bool held = cell.slice != kNoTime && cell.key.starts_with('h');
                  std::string place =
                      std::to_string(cell.group.value) + "/" + std::to_string(cell.slice) + "/";
                  place += held ? "held" : std::string(cell.key);
                  while (held && all.contains(place)) place += '+';
                  all[place] = value;
                  return Status();
                }).ok());
    return all;
  }
  int64_t writes = 0;
  int64_t idle_writes = 0;
};

class StateWrites : public testing::TestWithParam<WindowCase> {
 protected:
  StateWrites() {
    auto config = std::make_shared<StepConfig>();
    config->step = "step";
    config->input =
        make_schema({{"key", Kind::string, true}, {"n", Kind::int64, true}, {"last", Kind::boolean, true}});
    config->keys = {0};
    WindowSpec window = GetParam().window;
    if (GetParam().close_on) window.close_on = make_column(*config->input, 2);
    config->window = std::make_shared<const WindowSpec>(window);
    AggregateCall call;
    call.name = "n";
    const ArgInfo arg = {Kind::int64, true, nullptr};
    call.args = {make_column(*config->input, 1)};
    call.aggregate = *full_catalog().find_aggregate("sum")->make({&arg, 1});
    config->aggregates = {call};
    config_ = config;
  }
  void open() {
    OpenContext context;
    context.env = &env_;
    context.metrics = &metrics_;
    op_ = *full_catalog()
               .find_operator(GetParam().window.kind == WindowKind::session ? "session" : "window")
               ->make(config_);
    ASSERT_TRUE(op_->open(context).ok());
  }
  struct Row {
    Micros time;
    std::string key;
    bool last = false;
  };
  void add(const std::vector<Row>& rows, const std::vector<BehindRow>& behind = {}) {
    ColumnBuilder key(Kind::string), n(Kind::int64), last(Kind::boolean), time(Kind::timestamp);
    for (const Row& row : rows) {
      key.append_string(row.key);
      n.append(int64_t{1});
      last.append_bool(row.last);
      time.append(row.time);
    }
    Batch batch;
    batch.schema = config_->input;
    batch.rows = static_cast<int32_t>(rows.size());
    batch.columns.push_back(key.finish());
    batch.columns.push_back(n.finish());
    batch.columns.push_back(last.finish());
    batch.event_time = time.finish().data;
    batch.behind = behind;
    const Status status = op_->process(0, batch, out_).status();
    ASSERT_TRUE(status.ok()) << status.to_string();
  }
  void advance(Micros watermark) {
    for (int calls = 0; calls < 1000; ++calls) {
      const auto progress = op_->on_watermark(watermark, out_);
      ASSERT_TRUE(progress.ok()) << progress.status().to_string();
      if (*progress == Progress::done) return;
    }
    FAIL() << "on_watermark never ends";
  }
  // One checkpoint: the first of an attempt is written whole.
  std::unique_ptr<FrozenState> checkpoint(StrictCells& cells) {
    auto frozen = op_->freeze(Epoch(++epoch_));
    const bool first = std::exchange(first_, false);
    EXPECT_TRUE(frozen->write(cells, first).ok());
    if (first) cells.writes = cells.idle_writes = 0;
    return frozen;
  }
  // In the store itself, or in one that is written anew.
  void restart(StrictCells& cells, bool resumed) {
    const std::vector<std::string> blobs = {op_->small_state()};
    open();
    ASSERT_TRUE(op_->restore_small_state(blobs).ok());
    ASSERT_TRUE(op_->restore(cells).ok());
    first_ = !resumed;
  }

  VirtualEnv env_;
  OperatorMetrics metrics_;
  std::shared_ptr<const StepConfig> config_;
  std::unique_ptr<Operator> op_;
  Nowhere out_;
  int64_t epoch_ = 0;
  bool first_ = true;
};

INSTANTIATE_TEST_SUITE_P(, StateWrites, testing::ValuesIn(kinds()),
                         [](const auto& made) { return made.param.name; });

TEST_P(StateWrites, WindowsBetweenTwoCheckpointsAreNothingToTheStore) {
  if (GetParam().window.kind == WindowKind::global) return;  // never ends
  open();
  StrictCells cells;
  checkpoint(cells);
  for (int i = 0; i < 300; ++i) {
    const Micros at = kStart + i * 400 * kSecond;
    add({{at, "key " + std::to_string(i % 7)}, {at + 65 * kSecond, "other", true}});
    advance(at + 390 * kSecond);
  }
  EXPECT_GE(out_.rows, 600) << "they fired";
  checkpoint(cells);
  EXPECT_EQ(cells.writes, 0);
  EXPECT_TRUE(cells.cells().empty());
}

// The store after changes is what a copy written whole is, and no change changes nothing.
TEST_P(StateWrites, ChangesMakeWhatAFullCopyHolds) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto draw = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  open();
  StrictCells cells;
  Micros now = kStart;
  Micros watermark = kNoTime;
  for (int round = 0; round < 120; ++round) {
    std::vector<Row> rows;
    std::vector<BehindRow> behind;
    for (int64_t i = draw(6); i >= 0; --i) {
      Row row{now + draw(90) * kSecond - 30 * kSecond, "key " + std::to_string(draw(4)), draw(3) == 0};
      if (draw(20) == 0) row.key += " that is longer than what fits into a view";
      rows.push_back(row);
    }
    const bool late = watermark != kNoTime && GetParam().window.kind != WindowKind::session && draw(3) == 0;
    if (late) behind.push_back({0, std::max(watermark, rows[0].time + draw(30) * kSecond)});
    add(rows, behind);
    now += draw(8) == 0 ? 500 * kSecond : draw(25) * kSecond;
    if (draw(3) > 0) {
      watermark = std::max(watermark, now - 30 * kSecond);
      advance(watermark);
    }
    if (draw(3) > 0) continue;
    const auto frozen = checkpoint(cells);
    StrictCells whole;
    ASSERT_TRUE(frozen->write(whole, true).ok());
    ASSERT_EQ(cells.cells(), whole.cells()) << "round " << round;
    ASSERT_EQ(cells.idle_writes, 0) << "round " << round;
    if (draw(6) == 0) restart(cells, draw(2) == 0);
  }
  advance(kEndOfTime);
  checkpoint(cells);
  EXPECT_TRUE(cells.cells().empty()) << "all windows have ended";
}

}  // namespace state_writes_test
}  // namespace rideflow::test
