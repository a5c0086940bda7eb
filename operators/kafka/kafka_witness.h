// Whether a topic is still the one that was read, asked while the job reads on.
//
// What a log holds at an offset never changes: while a record that was read is there, everything that was
// read since was of the same topic. A consumer of its own looks at one such record of each partition; that of
// the job is elsewhere in the log.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "operators/kafka/kafka_client.h"
#include "operators/kafka/kafka_incarnation.h"
#include "operators/kafka/kafka_survey.h"

namespace rideflow::kafka {

class Witness {
 public:
  // `client` is not open; `conf` is that of the job's consumer, for a second one. `source`: its name in the
  // job.
  Witness(Env* env, std::shared_ptr<Client> client, Handle<rd_kafka_conf_t> conf, std::string topic,
          std::string source);

  using Wanted = std::map<Partition, std::vector<RecordMark>>;  // newest first; the next where one is gone
  // data_loss (user) when another record is in the place of one, or none; ok when all that are still there
  // are the same. Waits for brokers as long as it takes: not for the thread of a task, and one at a time. The
  // first call opens the client.
  Status look(Wanted wanted);
  // Any thread: look() shall end soon, whatever it knows.
  void stop() { stopped_.store(true, std::memory_order_relaxed); }

 private:
  struct Open {
    std::vector<RecordMark> marks;
    Patience missing;
  };

  Status open();
  Status read_round();
  void nudge();
  Status take(const rd_kafka_message_t& message, rd_kafka_queue_t* queue);
  Status ask_round();
  Status take_answer(Partition partition, const Survey::One& one);
  // The record is not there any more: the next one decides.
  void next_mark(Partition partition);
  Status begin(Partition partition, rd_kafka_queue_t* queue);
  void end(Partition partition);
  std::string what(Partition partition) const;
  Status refuse(Partition partition, const std::string& found) const;

  Env* env_;
  std::shared_ptr<Client> client_;
  Handle<rd_kafka_conf_t> conf_;
  std::string topic_;
  std::string source_;
  std::map<Partition, Open> open_;  // without an answer
  std::set<Partition> consumed_;    // in this round
  std::set<Partition> told_;        // nothing to compare was there, which has been said
  std::atomic<bool> stopped_{false};
};

// A consumer that reads single records here and there, transactions or not, and no more than it must.
Status make_sparing(rd_kafka_conf_t* conf);

}  // namespace rideflow::kafka
