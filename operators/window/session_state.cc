// The state of sessions: open sessions are cells of slice kNoTime, held rows cells of the slice of their
// time, so that those which were applied go as one range.
#include <algorithm>

#include "engine/byte_codec.h"
#include "engine/cell_sorter.h"
#include "operators/window/session_operator.h"

namespace rideflow {

namespace {

constexpr int64_t kSessionSlice = kNoTime;
constexpr char kSessionCell = 's';
constexpr char kHeldCell = 'h';

std::vector<int> all_columns(const Batch& batch) {
  std::vector<int> columns;
  for (size_t i = 0; i < batch.columns.size(); ++i) columns.push_back(static_cast<int>(i));
  return columns;
}

void add_held(const HeldRows& held, KeyEncoder& codec, int32_t key_groups, CellSorter& cells) {
  const std::span<const Key> rows = codec.encode(held.batch, all_columns(held.batch));
  std::string sequence;
  for (size_t i = held.next; i < held.order.size(); ++i) {
    const int32_t row = held.order[i];
    const KeyGroup group = key_group_of(held.batch.key_hash.as<uint64_t>()[row], key_groups);
    sequence.clear();
    append_fixed(sequence, held.first_sequence + row);
    cells.put(group, held.time_at(i), {&kHeldCell, 1}, sequence)
        .append(rows[static_cast<size_t>(row)].view());
  }
}

}  // namespace

Status FrozenSessions::write(StateTable& cells, bool full) {
  if (full) {
    RF_TRY(cells.erase_slices(range, INT64_MIN, INT64_MAX));
  } else if (erase_before != kNoTime) {
    RF_TRY(cells.erase_slices(range, kSessionSlice + 1, erase_before));
  }
  CellSorter sorter;
  const auto group_of = [&](std::string_view key) { return key_group_of(hash_key(key), key_groups); };
  // A session that began and ended since the last freeze is nothing to the store.
  table->each(!full, [&](std::string_view key, const std::byte* row) {
    SessionAggregate::Session at = read_session(row);
    if (at.state != SessionAggregate::Session::State::none) {
      std::string& value = sorter.put(group_of(key), kSessionSlice, {&kSessionCell, 1}, key);
      const size_t begin = value.size();
      table->layout().encode(row, value);
      at.mark = 0;
      std::memcpy(value.data() + begin, &at, sizeof(at));
    } else if (!full && at.mark == freezes + 1) {
      sorter.erase(group_of(key), kSessionSlice, {&kSessionCell, 1}, key);
    }
  });
  // A forgotten key may have come back: what the table says of it came first and counts.
  for (size_t i = 0; i < forgotten_keys.size() && !full; ++i) {
    const std::string& key = forgotten_keys[i];
    sorter.erase(group_of(key), kSessionSlice, {&kSessionCell, 1}, key);
  }
  KeyEncoder codec = KeyEncoder::of_rows(row_types);
  for (const HeldRows& rows : held) {
    if (full || !rows.stored) add_held(rows, codec, key_groups, sorter);
  }
  return cells.apply([&](const TakeChange& take) { return sorter.drain(take); });
}

std::unique_ptr<FrozenState> SessionAggregate::freeze(Epoch) {
  auto frozen = std::make_unique<FrozenSessions>();
  frozen->range = context_.range;
  frozen->key_groups = context_.key_groups;
  frozen->table = table_->freeze();
  Micros least_held = kEndOfTime;
  for (auto& held : held_) {
    frozen->held.push_back(*held);
    held->stored = true;
    least_held = std::min(least_held, held->time_at(held->next));
  }
  frozen->forgotten_keys = std::move(forgotten_keys_);
  forgotten_keys_.clear();
  if (least_held_ < applied_until_) frozen->erase_before = applied_until_;
  least_held_ = least_held;
  frozen->freezes = freezes_++;
  for (const Field& field : config_->input->fields()) frozen->row_types.push_back(field.type);
  return frozen;
}

Status SessionAggregate::restore(StateTable& cells) {
  std::vector<ColumnBuilder> columns;
  for (const Field& field : config_->input->fields()) columns.emplace_back(field.type);
  ColumnBuilder times(Kind::timestamp);
  const Status damaged = Status::external(Code::data_loss, "The state of a session step is damaged.");
  const Status scanned =
      cells.scan(context_.range, [&](const CellKey& cell, std::string_view value) -> Status {
        if (cell.key.empty()) return damaged;
        if (cell.key.front() == kHeldCell) {
          times.append(cell.slice);
          return row_codec_.decode(value, columns, 0);
        }
        if (cell.key.front() != kSessionCell) return damaged;
        const std::string_view key = cell.key.substr(1);
        const uint64_t hash = hash_key(key);
        std::byte* row = table_->row_of(hash, Key::of(key));
        RF_TRY(accumulators_->layout()->decode(value, row));
        Session session = read_session(row);
        session.mark = 0;
        write_session(row, session);
        ++open_sessions_;
        timers_.push({session.last + gap_, session.start, hash, KeyedTable::key_of(row)});
        return {};
      });
  RF_TRY(scanned);
  table_->mark_all_clean();
  freezes_ = 1;  // the one before the restore: what is here is in the store
  if (times.size() == 0) return {};
  Batch batch;
  batch.schema = config_->input;
  batch.rows = times.size();
  for (ColumnBuilder& column : columns) batch.columns.push_back(column.finish());
  batch.event_time = times.finish().data;
  // Rows that came in before the checkpoint will be absorbed now: the account of this attempt begins with
  // them.
  if (context_.metrics) context_.metrics->rows_in.add(batch.rows);
  hold(std::move(batch));
  held_.back()->stored = true;
  least_held_ = held_.back()->time_at(held_.back()->next);
  return {};
}

Result<std::string> SessionAggregate::migrate_cell(const CellKey& cell, std::string_view value,
                                                   const StateMigration& migration) const {
  if (!cell.key.empty() && cell.key.front() == kHeldCell)
    return migrate_held_row(value, migration, *config_->input);
  const std::string none(static_cast<size_t>(row_layout().extra()), '\0');
  return migrate_row(value, migration, row_layout(), none);
}

std::string SessionAggregate::small_state() {
  std::string out;
  append_fixed(out, applied_until_);
  append_fixed(out, sequence_);
  return out;
}

Status SessionAggregate::restore_small_state(std::span<const std::string> blobs) {
  for (const std::string& blob : blobs) {
    ByteReader in(blob);
    applied_until_ = std::max(applied_until_, in.get<Micros>());
    sequence_ = std::max(sequence_, in.get<int64_t>());
    if (!in.complete())
      return Status::external(Code::data_loss, "The state of a session step does not decode.");
  }
  return {};
}

// Builds the table anew from the open sessions.
void SessionAggregate::compact() {
  auto fresh = std::make_unique<KeyedTable>(pool_);
  fresh->reserve(open_sessions_ * 2);
  const RowLayout& layout = *accumulators_->layout();
  timers_ = {};
  for (int64_t i = 0; i < table_->size(); ++i) {
    const Key& key = table_->key(i);
    const Session session = read_session(table_->row(i));
    if (session.state == Session::State::none) {
      if (to_be_erased(session)) forgotten_keys_.emplace_back(key.view());
      continue;
    }
    const uint64_t hash = hash_key(key.view());
    std::byte* row = fresh->row_of(hash, key);
    layout.destroy(row);
    layout.clone(row, table_->row(i));
    timers_.push({session.last + gap_, session.start, hash, KeyedTable::key_of(row)});
  }
  table_ = std::move(fresh);
}

void SessionAggregate::count_state() {
  if (!context_.metrics) return;
  context_.metrics->state_keys.set(open_sessions_);
  size_t bytes = table_->bytes();
  for (const auto& held : held_) bytes += held->batch.bytes();
  context_.metrics->state_bytes.set(static_cast<int64_t>(bytes));
}

}  // namespace rideflow
