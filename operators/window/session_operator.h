// SessionAggregate: windows that a key's own rows make: a session ends when no row came for `gap`, or at the
// row that meets `close_on`.
//
// Rows are held until the watermark is past their time + allowed lateness, then applied in order of time, so
// a key has one open session at most and sessions never merge. A session is given as soon as no row can join
// it. The table never erases a key: sessions that ended leave an empty row, and the table is built anew when
// most rows are empty.
#pragma once

#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "engine/state_migration.h"
#include "operators/row_routing.h"
#include "operators/window/window_cells.h"
#include "operators/window/window_results.h"

namespace rideflow {

// A batch whose rows wait, in order of time from `next` on. Shared with frozen copies; the rows are
// immutable.
struct HeldRows {
  Batch batch;                 // with key_hash
  std::vector<int32_t> order;  // row numbers by time
  size_t next = 0;
  int64_t first_sequence = 0;  // of row 0: tells rows of one time apart in the state
  bool stored = false;         // in the state since a freeze before
  Micros time_at(size_t i) const { return batch.event_times()[order[i]]; }
};

class SessionAggregate : public Operator, public MigratesState {
 public:
  static constexpr int kLatePort = 1;
  static constexpr int kRejectedPort = 2;
  // Before a row's accumulators.
  struct Session {
    Micros start;
    Micros last;  // time of the newest row
    enum class State : int32_t { none, open, closing } state;
    // Whether the store has a cell of the row, by the number of freezes: of a session, how many there were
    // when it began (one less when the cell of the one before is still to be erased); of none, one more than
    // there were when the last one ended, if it was stored: the next freeze erases it. Zero in a cell.
    int32_t mark;
  };

  SessionAggregate(std::shared_ptr<const StepConfig> config, std::unique_ptr<Accumulators> accumulators,
                   SchemaRef schema);

  Status open(const OpenContext& context) override;
  Result<Progress> process(int input_port, Batch& batch, Output& out) override;
  Result<Progress> on_watermark(Micros watermark, Output& out) override;
  Micros output_watermark(Micros watermark) const override;
  std::unique_ptr<FrozenState> freeze(Epoch epoch) override;
  Status restore(StateTable& table) override;
  std::string small_state() override;
  Status restore_small_state(std::span<const std::string> blobs) override;
  const RowLayout& row_layout() const override { return *accumulators_->layout(); }
  bool holds_rows() const override { return true; }
  Result<std::string> migrate_cell(const CellKey& cell, std::string_view value,
                                   const StateMigration& migration) const override;

 private:
  struct Timer {
    Micros at;
    Micros start;  // of the session that it was set for
    uint64_t hash;
    Key key;  // the table's copy
    friend bool operator<(const Timer& a, const Timer& b) { return a.at > b.at; }
  };
  enum class Phase : uint8_t { idle, apply, close, expire };

  Micros cutoff_of(Micros watermark) const;
  void hold(Batch batch);
  void collect_due(Micros cutoff);
  Result<bool> apply_due(int64_t& budget, Output& out);
  Status apply_row(int32_t row, Output& out);
  Result<bool> close_sessions(int64_t& budget, Output& out);
  Result<bool> expire_sessions(Micros cutoff, int64_t& budget, Output& out);
  bool to_be_erased(const Session& session) const {
    return session.state == Session::State::none && session.mark == freezes_ + 1;
  }
  Status give(std::byte* row, Output& out);
  void begin(std::byte* row, Micros time, uint64_t hash);
  void update_pending();
  bool closes(int32_t row) const;
  void compact();
  void count_state();
  bool blocked(const Output& out) const { return results_.emits_next() && !out.has_room(); }

  std::shared_ptr<const StepConfig> config_;
  const WindowSpec& spec_;
  const int64_t gap_;
  std::unique_ptr<Accumulators> accumulators_;
  SchemaRef late_schema_;
  WindowResults results_;
  OpenContext context_;
  KeyEncoder encoder_;
  KeyEncoder row_codec_;

  std::shared_ptr<PagePool> pool_;
  std::unique_ptr<KeyedTable> table_;
  int64_t open_sessions_ = 0;
  std::priority_queue<Timer> timers_;
  std::vector<std::shared_ptr<HeldRows>> held_;
  int64_t sequence_ = 0;
  Micros applied_until_ = kNoTime;           // every row before it was applied
  std::vector<std::string> forgotten_keys_;  // whose rows compact() dropped: stored, to be erased
  int32_t freezes_ = 0;
  Micros least_held_ = kEndOfTime;  // the earliest time of a held row in the store

  // A watermark under way.
  Phase phase_ = Phase::idle;
  Batch due_;
  std::vector<Key> due_keys_;
  int32_t cursor_ = 0;               // next row of due_
  int32_t looked_up_ = 0;            // rows of due_ whose places are in rows_
  std::vector<std::byte*> rows_;     // by row of due_
  std::vector<int32_t> pending_;     // rows of due_ not yet in their accumulators
  std::vector<std::byte*> closing_;  // rows of sessions that met close_on
  size_t closed_ = 0;
};

// Writes open sessions and held rows.
class FrozenSessions : public FrozenState {
 public:
  KeyGroupRange range;
  int32_t key_groups = kDefaultKeyGroups;
  std::unique_ptr<FrozenTable> table;
  std::vector<HeldRows> held;  // copies of the places, sharing the columns
  std::vector<std::string> forgotten_keys;
  int32_t freezes = 0;  // before this one
  Micros erase_before =
      kNoTime;  // held rows of these times were applied; kNoTime: none since the last freeze
  std::vector<Type> row_types;
  Status write(StateTable& cells, bool full) override;
};

inline SessionAggregate::Session read_session(const std::byte* row) {
  SessionAggregate::Session session;
  std::memcpy(&session, row, sizeof(session));
  return session;
}
inline void write_session(std::byte* row, const SessionAggregate::Session& session) {
  std::memcpy(row, &session, sizeof(session));
}

}  // namespace rideflow
