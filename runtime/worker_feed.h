// EventFeed: generated events into the topics of this process, so that a job has something to show (dev,
// quickstart).
//
// One thread; it writes each event when it is due. Events of a kind go to the topic that the kind names
// (ride_events, vehicle_events, user_events, users_schema).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/catalog.h"
#include "engine/env.h"
#include "topics/topic_store.h"

namespace rideflow {

struct FeedOptions {
  double rate = 1000;  // ride events per second; the other kinds come at a fixed share of it
  uint64_t seed = 1;
  double pace = 20;  // lives go this much faster, so that trips end while somebody watches
  Micros start = 0;  // event time of the first events; 0: now
  Micros every = 0;  // event time between events; 0: what the rate makes of it
  double days = -1;  // of event time; below 0: without end
  Micros disorder = 0;
  double late = 0;  // shares of events, as the generator's options of these names
  double duplicates = 0;
  double broken = 0;
};

// Options of the catalog's generator, as a job would write them. A rate of 0: as fast as they are read.
Options generator_options(const std::string& kind, const FeedOptions& feed, double rate);

class EventFeed {
 public:
  static Result<std::unique_ptr<EventFeed>> start(Env& env, const Catalog& catalog,
                                                  std::shared_ptr<TopicStore> topics,
                                                  const FeedOptions& options);
  ~EventFeed();  // stops and joins
  void stop();
  int64_t events() const { return events_.load(std::memory_order_relaxed); }
  // Ok while it runs; else why it stopped.
  Status status() const;

 private:
  struct Stream {
    std::unique_ptr<RecordReader> reader;
    std::shared_ptr<Topic> topic;
    std::shared_ptr<AppendTicket> last;
  };
  EventFeed(Env& env, const FeedOptions& options) : env_(env), options_(options) {}
  Status add(const SourceKind& kind, TopicStore& topics, const std::string& events, double rate);
  void run();
  Result<bool> feed(Stream& stream);

  Env& env_;
  FeedOptions options_;
  std::vector<Stream> streams_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> events_{0};
  mutable std::mutex mutex_;
  Status status_;
  std::thread thread_;
};

}  // namespace rideflow
