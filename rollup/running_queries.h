// The queries that run now, by the queryId of their context, so that another request can stop one.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>

namespace rideflow {

// Thread-safe. A queryId may be in use more than once; cancelling it stops all of them.
class RunningQueries {
 public:
  // One running query: listed for as long as this lives.
  class Entry {
   public:
    Entry(RunningQueries& queries, const std::string& id);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    // Set once somebody wants the query to stop; the query looks at it between pages.
    const std::atomic<bool>& cancelled() const { return cancelled_; }

   private:
    friend class RunningQueries;
    RunningQueries& queries_;
    std::atomic<bool> cancelled_{false};
    std::multimap<std::string, Entry*>::iterator place_;
  };

  // How many queries of this id were told to stop.
  int cancel(const std::string& id);

 private:
  std::mutex mutex_;
  std::multimap<std::string, Entry*> entries_;
};

}  // namespace rideflow
