#include "engine/table_pool.h"

#include <algorithm>
#include <utility>

namespace rideflow {
namespace {

constexpr size_t kIdleTables = 4;
constexpr int64_t kEntriesInTurn = 4096;  // about a tenth of a millisecond

}  // namespace

std::unique_ptr<KeyedTable> TablePool::take() {
  if (idle_.empty()) return std::make_unique<KeyedTable>(pages_);
  std::unique_ptr<KeyedTable> table = std::move(idle_.back());
  idle_.pop_back();
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
  if (idle_.size() < kIdleTables) idle_.push_back(std::move(table));
}

}  // namespace rideflow
