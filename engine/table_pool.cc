#include "engine/table_pool.h"

#include <algorithm>
#include <utility>

namespace rideflow {
namespace {

constexpr size_t kIdleTables = 4;         // of any size
constexpr size_t kIdleBytes = 4 << 20;    // of more, as many small windows need that come and go together
constexpr int64_t kEntriesInTurn = 4096;  // about a tenth of a millisecond

size_t footprint(const KeyedTable& table) {
  return sizeof(KeyedTable) + table.bytes();
}

}  // namespace

std::unique_ptr<KeyedTable> TablePool::take() {
  if (idle_.empty()) return std::make_unique<KeyedTable>(pages_);
  std::unique_ptr<KeyedTable> table = std::move(idle_.back());
  idle_.pop_back();
  idle_bytes_ -= footprint(*table);
  return table;
}

void TablePool::give_back(std::unique_ptr<KeyedTable> table) {
  if (!table) return;
  if (table->size() > kEntriesInTurn) {
    waiting_.push_back(std::move(table));
  } else {
    table->clear();
    keep(std::move(table));
  }
}

void TablePool::reclaim(int64_t come) {
  if (waiting_.empty()) return;
  int64_t entries = std::max(kEntriesInTurn, come * 2);
  while (!waiting_.empty() && waiting_.front()->clear_part(entries)) {
    keep(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

void TablePool::keep(std::unique_ptr<KeyedTable> table) {
  const size_t bytes = footprint(*table);
  if (idle_.size() >= kIdleTables && idle_bytes_ + bytes > kIdleBytes) return;
  idle_bytes_ += bytes;
  idle_.push_back(std::move(table));
}

}  // namespace rideflow
