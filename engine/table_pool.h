// TablePool: the keyed tables of a step, kept to be used again.
//
// A table that is given back is emptied in parts, so that the end of a window with millions of keys does not
// stop the stream. Whoever fills tables calls reclaim() as he goes. One thread.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "engine/keyed_table.h"

namespace rideflow {

class TablePool {
 public:
  explicit TablePool(std::shared_ptr<PagePool> pages) : pages_(std::move(pages)) {}

  std::unique_ptr<KeyedTable> take();                 // empty
  void give_back(std::unique_ptr<KeyedTable> table);  // null: nothing
  // Goes on with the emptying, by some thousand entries or twice those that have `come` since the last call:
  // then what waits cannot grow for ever.
  void reclaim(int64_t come);
  // Tables that are not empty yet.
  size_t waiting() const { return waiting_.size(); }

 private:
  void keep(std::unique_ptr<KeyedTable> table);

  std::shared_ptr<PagePool> pages_;
  std::vector<std::unique_ptr<KeyedTable>> idle_;
  size_t idle_bytes_ = 0;
  std::deque<std::unique_ptr<KeyedTable>> waiting_;
};

}  // namespace rideflow
