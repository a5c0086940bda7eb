// Patience: how long brokers are asked the same question again. All requests go through here.
//
// What a broker says while it starts is not final: a topic or partition that was there is not known to it
// yet, a partition has no leader, a group no coordinator. Such answers are asked for again, for as long as a
// broker takes to start; only then they are believed.
#pragma once

#include <librdkafka/rdkafka.h>

#include <functional>

#include "engine/ids.h"

namespace rideflow::kafka {

class Reports;

// Whether what is asked for was there before, in this process or by a checkpoint: that it is missing is
// believed only after a while.
enum class Known : uint8_t { no, yes };

inline constexpr int kTimeoutMs = 10'000;  // for the first answer of brokers that nobody has met yet
inline constexpr int kPatienceMs = 30'000;
inline constexpr int kQuestionMs = 3'000;

bool is_missing(rd_kafka_resp_err_t code);  // no such topic or partition
bool is_passing(rd_kafka_resp_err_t code);  // nobody answered, or not the one who knows
bool is_refusal(rd_kafka_resp_err_t code);  // why a connection never came to be: asking again changes nothing
bool is_unheard(rd_kafka_resp_err_t code);  // nobody answered

// Since when an answer has been given that is not final.
class Patience {
 public:
  void begin(Micros now) {
    if (since_ == kNoTime) since_ = now;
  }
  void end() { since_ = kNoTime; }
  Micros since() const { return since_; }  // kNoTime: not at all
  // True when it has been long enough to be believed. Begins by itself.
  bool over(Micros now, int limit_ms = kPatienceMs) {
    begin(now);
    return now - since_ >= limit_ms * Micros{1000};
  }

 private:
  Micros since_ = kNoTime;
};

// Asks again while the answer is not final, each time for at most `question_ms`, which `ask` is given. Not
// once a connection has been refused. Waits: not for the thread of a task.
rd_kafka_resp_err_t ask_patiently(rd_kafka_t* client, Reports& reports, Known known,
                                  const std::function<rd_kafka_resp_err_t(int timeout_ms)>& ask,
                                  int question_ms = kQuestionMs);

}  // namespace rideflow::kafka
