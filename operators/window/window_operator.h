// WindowAggregate: tumbling, hopping, cumulating and global windows over slices (engine/window.h).
//
// Every row is counted once, into the pane (the table) of its slice. What happens when the watermark passes
// decides the mode:
//   direct    the pane is the window: its rows are the results
//   hopping   a window is a run of panes. When all aggregates can subtract, one table follows the windows:
//   new
//             panes are added, old ones subtracted. Otherwise runs of complete panes are merged once into
//             nodes of a binary tree, so that a window is put together from a few tables, however many
//             slices it has (a stack of suffixes would need one full table per slice)
//   running   cumulating windows and `every`: a pane that is complete is merged into the totals of its
//   windows
//             (one, unless hopping), and the keys that changed are results; a window's end gives all keys
// With updates, rows that come to a window after it fired give a new revision at once. Firing is resumable:
// on_watermark() does a bounded piece of work and answers `again`. The results of one watermark share
// batches, however many windows they are of, and are out before it is done.
#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/state_migration.h"
#include "engine/table_pool.h"
#include "operators/row_routing.h"
#include "operators/window/window_accumulators.h"
#include "operators/window/window_cells.h"

namespace rideflow {

class WindowAggregate : public Operator, public MigratesState {
 public:
  static constexpr int kLatePort = 1;
  static constexpr int kRejectedPort = 2;

  WindowAggregate(std::shared_ptr<const StepConfig> config, std::unique_ptr<Accumulators> accumulators,
                  SchemaRef schema);
  ~WindowAggregate() override;

  // Bytes before a row's accumulators that this window needs.
  static int extra_bytes(const StepConfig& config);
  static bool has_revisions(const WindowSpec& spec);

  Status open(const OpenContext& context) override;
  Result<Progress> process(int input_port, Batch& batch, Output& out) override;
  Result<Progress> on_watermark(Micros watermark, Output& out) override;
  Micros output_watermark(Micros watermark) const override;
  std::unique_ptr<FrozenState> freeze(Epoch epoch) override;
  Status restore(StateTable& table) override;
  std::string small_state() override;
  Status restore_small_state(std::span<const std::string> blobs) override;
  const RowLayout& row_layout() const override { return *accumulators_->layout(); }
  Result<std::string> migrate_cell(const CellKey& cell, std::string_view value,
                                   const StateMigration& migration) const override;

 private:
  enum class Mode : uint8_t { direct, hopping, running };
  struct Pane {
    TimeRange slice;
    TimeRange window;  // the last one that holds the slice; the only one unless hopping
    Micros at =
        kNoTime;  // running: when its rows count, the slice's end or, of rows behind their partition, later
    int64_t id = 0;  // in the state
    // Hopping: the rows of this pane came when the first windows of the slice were already too late for them,
    // and count from the window with this end on. kNoTime: for all.
    Micros first_end = kNoTime;
    bool in_sliding = false;  // added to the table that follows the windows
    bool stored = false;      // a freeze had cells of it
    uint64_t batch = 0;       // the last one that had rows for it, and their place in groups_
    size_t group = 0;
    std::unique_ptr<KeyedTable> table;
  };
  struct Total {
    TimeRange window;
    bool stored = false;  // as of a pane
    std::unique_ptr<KeyedTable> table;
  };
  // By id, slice start and first_end: hopping windows' rows that do not count as all of their slice do.
  using LatePanes = std::map<std::tuple<int64_t, int64_t, Micros>, Pane>;
  struct Group {
    Pane* pane = nullptr;
    std::vector<int32_t> rows;  // empty when `all`
    bool all = false;
  };
  // How often a (key, window) was given; the window's end tells windows apart. First of a row's extra bytes.
  struct Emitted {
    Micros end;
    int64_t count;
  };
  // Global windows, behind it: the largest event time of the key, that of its last result.
  static constexpr size_t kLastTime = sizeof(Emitted);
  // Hopping windows that subtract have only this: the rows behind a row, so that it is known to be empty.
  static void add_rows(std::byte* row, int64_t n);
  struct MergeStep {
    const KeyedTable* from;
    KeyedTable* into;
    bool subtract = false;
    MergeStep(const KeyedTable* f, KeyedTable* i, bool s = false) : from(f), into(i), subtract(s) {}
  };
  // A firing under way; all of it is derived state, gone when no firing is.
  struct Job {
    bool active = false;
    Micros at = kNoTime;  // the watermark that fires it
    TimeRange window;     // as it stands in the results
    Micros event_time = kNoTime;
    std::vector<MergeStep> merges;
    bool given = false;            // the rows are out; `after` is left
    std::vector<MergeStep> after;  // makes the sliding table ready for the next window
    size_t merge = 0;
    int64_t cursor = 0;                   // within a merge, then within `source`
    int64_t empty = 0;                    // rows of the sliding table that hold nothing
    KeyedTable* source = nullptr;         // whose rows are the results
    const KeyedTable* changed = nullptr;  // only the keys of this table, in `source`
    std::vector<Pane*> finished;          // panes that the last of their totals takes over
  };

  // window_aggregate.cc: rows in
  void assign(const Batch& batch);
  Group& group_of(Pane& pane);
  bool assign_all(const Batch& batch);
  Pane* pane_for(Micros time, Micros effective);
  Pane* late_pane_for(const TimeRange& slice, Micros partition_watermark);
  void make_pane(Pane& pane, const TimeRange& slice, const TimeRange& counted);
  void count_rows(const Batch& batch, std::span<const Key> keys, const uint64_t* hashes);
  void note_time(std::byte* row, Micros time) const;
  static Micros last_time_of(const std::byte* row);
  bool expired(const TimeRange& window) const;
  Status late_updates(const Batch& batch, std::span<const Key> keys, const uint64_t* hashes, Output& out);
  Status update_now(Group& group, std::span<const Key> keys, const uint64_t* hashes, Output& out);
  Status update_totals(const Group& group, const Batch& batch, std::span<const Key> keys,
                       const uint64_t* hashes, Output& out);
  Status update_hopping(const Group& group, const std::vector<int32_t>& rows, std::span<const Key> keys,
                        const uint64_t* hashes, Output& out);
  std::vector<int32_t> one_row_per_key(const Group& group, int32_t batch_rows) const;

  // window_firing.cc: results out
  bool next_job(Micros watermark);
  bool next_direct(Micros watermark);
  bool next_running(Micros watermark);
  bool next_hopping(Micros watermark);
  bool offer_window(const Pane& pane, TimeRange& window) const;
  Result<bool> run_job(int64_t& budget, Output& out);
  bool run_merges(const std::vector<MergeStep>& steps, int64_t& budget);
  Status give_row(int64_t entry, const Key& key, Output& out);
  int64_t next_revision(std::byte* row, const TimeRange& window) const;
  KeyedTable* revisions_of(const TimeRange& window);
  Total& total_of(const TimeRange& window);
  bool drop_expired(Micros watermark, int64_t& budget);
  void drop_pane(Pane& pane);
  bool holds(const Pane& pane, const TimeRange& window) const;
  // Running: when the window counts the pane's rows.
  static Micros tick(const Pane& pane, const TimeRange& window) { return std::min(pane.at, window.end); }
  // The windows that count the pane's rows, in order of their start.
  template <class F>
  void each_window(const Pane& pane, F&& f) const {
    if (!overlapping_) return f(pane.window);
    TimeRange window = first_window_of(spec_, pane.slice);
    for (; window.start <= pane.slice.start; window = next_window(spec_, window)) {
      if (holds(pane, window)) f(window);
    }
  }
  void plan_merges(const TimeRange& window, Micros at, KeyedTable* total);
  KeyedTable& scratch();
  KeyedTable& empty_scratch();
  void count_state();

  // Hopping with subtraction.
  void slide_to(const TimeRange& window);
  void restart_sliding();
  // Hopping without: tables that together are the panes of [begin, end).
  int64_t ordinal(Micros start) const;
  void cover(int64_t begin, int64_t end, std::vector<const KeyedTable*>& tables);
  const KeyedTable* node(int level, int64_t index);
  void forget_nodes(const Pane& pane);

  // Of the panes that count from this slice; a total's is the start of its window.
  int64_t state_id(Micros slice_start) const { return slice_start + (mode_ == Mode::running ? 1 : 0); }
  Micros fire_at(Micros end) const { return later(end, fire_delay_); }
  static Micros later(Micros t, Micros by);

  std::shared_ptr<const StepConfig> config_;
  const WindowSpec& spec_;
  const Mode mode_;
  const bool revisions_;
  const Micros fire_delay_;
  const bool sliding_;      // hopping, and all aggregates can subtract
  const bool overlapping_;  // windows that hop
  std::unique_ptr<Accumulators> accumulators_;
  SchemaRef late_schema_;
  WindowResults results_;
  OpenContext context_;

  TablePool tables_;
  TablePool revision_tables_;
  std::map<int64_t, Pane> panes_;  // by slice start
  LatePanes late_panes_;
  std::map<int64_t, Total> totals_;  // running: by window start
  // Hopping with updates, by window start: which (key, window) were given how often.
  std::map<int64_t, Total> given_;
  std::map<std::pair<int, int64_t>, std::unique_ptr<KeyedTable>> nodes_;
  int64_t ordinal_width_ = 1;
  std::unique_ptr<KeyedTable> scratch_;  // the window at hand, or the table that follows the windows

  Micros watermark_ = kNoTime;          // all that it fires has fired
  Micros progress_ = kNoTime;           // the same, while a firing is under way
  Micros progress_start_ = kEndOfTime;  // running: of windows that fire at `progress_`, the last one's start
  Micros quiet_until_ = kNoTime;        // hopping: nothing fires before it, unless a pane is made
  Micros fired_before_ = kNoTime;       // hopping: of panes that start before it, all windows have fired
  Job job_;
  std::vector<int64_t> erased_;  // ids of stored tables that were dropped since the last freeze

  KeyEncoder encoder_;  // and scratch of one batch:
  std::vector<Group> groups_;
  size_t groups_used_ = 0;
  uint64_t batches_ = 0;
  size_t uncounted_ = 0;  // watermarks since the metrics were set
  std::vector<LateRow> late_;
  std::vector<int32_t> live_;
  std::vector<uint64_t> hashes_;
  std::vector<std::byte*> rows_;
};

}  // namespace rideflow
