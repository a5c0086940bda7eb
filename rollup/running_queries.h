// The queries that run now, by the queryId of their context, so that another request can stop one, also one
// that still waits for a thread: its id is not known before its body is read, so ids that were cancelled are
// kept for a while.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "rollup/query_control.h"

namespace rideflow {

// Thread-safe. A queryId may be in use more than once; cancelling it stops all of them.
class RunningQueries {
 public:
  // One running query: listed for as long as this lives.
  class Entry {
   public:
    // `control` must outlive it; it is cancelled at once when the id was, after the query came. `came`: when,
    // on Env::now().
    Entry(RunningQueries& queries, const std::string& id, QueryControl& control, Micros came);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    friend class RunningQueries;
    RunningQueries& queries_;
    QueryControl& control_;
    std::multimap<std::string, Entry*>::iterator place_;
  };

  // How many running queries of this id were told to stop. `now`: on Env::now(), which may jump: what is at
  // stake is whether a query that waits is cancelled by its own id.
  int cancel(const std::string& id, Micros now);

 private:
  struct Cancelled {
    std::string id;
    Micros at;
  };
  std::mutex mutex_;
  std::deque<Cancelled> cancelled_;  // the latest last
  std::multimap<std::string, Entry*> entries_;
};

}  // namespace rideflow
