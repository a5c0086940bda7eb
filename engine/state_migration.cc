#include "engine/state_migration.h"

#include <cstddef>
#include <memory>

#include "engine/byte_codec.h"
#include "engine/key_encoder.h"

namespace rideflow {
namespace {

std::string empty_accumulator(const Aggregate& aggregate) {
  const auto words = static_cast<size_t>(aggregate.state_size() + 7) / 8;
  const std::unique_ptr<uint64_t[]> memory(new uint64_t[words]);
  auto* state = reinterpret_cast<std::byte*>(memory.get());
  std::string out;
  aggregate.init(state);
  aggregate.encode(state, out);
  aggregate.destroy(state);
  return out;
}

Status read_only() {
  return Status::internal("Migrated state is read-only.");
}

}  // namespace

Result<std::string> migrate_row(std::string_view stored, const StateMigration& migration,
                                const RowLayout& layout, std::string_view extra) {
  ByteReader in(stored);
  const std::string_view stored_extra = in.take(static_cast<uint64_t>(migration.stored_extra_bytes));
  std::vector<std::string_view> states;
  for (int i = 0; i < migration.stored_accumulators; ++i) states.push_back(in.bytes());
  if (!in.complete())
    return Status::external(Code::data_loss, "A row of the state is damaged: its bytes do not decode.");
  std::string out(migration.stored_extra_bytes == layout.extra() ? stored_extra : extra);
  for (int i = 0; i < layout.count(); ++i) {
    const int from = migration.accumulators[static_cast<size_t>(i)];
    if (from == StateMigration::kNone) {
      append_bytes(out, empty_accumulator(layout.aggregate(i)));
    } else {
      append_bytes(out, states[static_cast<size_t>(from)]);
    }
  }
  return out;
}

Result<std::string> migrate_held_row(std::string_view stored, const StateMigration& migration,
                                     const Schema& columns) {
  std::vector<ColumnBuilder> before;
  for (const Type& type : migration.stored_types) before.emplace_back(type);
  RF_TRY(KeyEncoder::of_rows(migration.stored_types).decode(stored, before, 0));
  std::vector<Column> read;
  for (ColumnBuilder& column : before) read.push_back(column.finish());
  Batch batch;
  batch.rows = 1;
  std::vector<Type> types;
  std::vector<int> all;
  for (int i = 0; i < columns.size(); ++i) {
    const int from = migration.held[static_cast<size_t>(i)];
    const Type& type = columns.field(i).type;
    batch.columns.push_back(from == StateMigration::kNone ? null_column(type, 1)
                                                          : read[static_cast<size_t>(from)]);
    types.push_back(type);
    all.push_back(i);
  }
  KeyEncoder encoder = KeyEncoder::of_rows(std::move(types));
  return std::string(encoder.encode(batch, all)[0].view());
}

Result<std::vector<std::optional<std::string>>> MigratedCells::get(std::span<const CellKey> keys) {
  RF_ASSIGN(auto values, stored_.get(keys));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (values[i]) {
      RF_ASSIGN(values[i], migrate_(keys[i], *values[i]));
    }
  }
  return values;
}

Status MigratedCells::apply(const EachChange&) {
  return read_only();
}

Status MigratedCells::erase_slices(KeyGroupRange, int64_t, int64_t) {
  return read_only();
}

Status MigratedCells::scan(KeyGroupRange groups, const Visit& visit) {
  return stored_.scan(groups, [&](const CellKey& cell, std::string_view value) -> Status {
    RF_ASSIGN(const std::string migrated, migrate_(cell, value));
    return visit(cell, migrated);
  });
}

}  // namespace rideflow
