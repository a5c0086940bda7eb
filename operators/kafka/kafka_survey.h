// What the brokers say of a topic right now: how many partitions, where each begins and ends. Asked beside
// the task, one survey at a time.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "operators/kafka/kafka_client.h"

namespace rideflow::kafka {

struct Survey {
  struct One {
    int64_t position = 0;    // of the reader when it asked
    bool ask_first = false;  // else only the end
    int64_t first = -1;      // -1: not known
    int64_t end = -1;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  Micros asked_at = kNoTime;
  bool ask_count = false;
  // In: the partitions to ask for. Out: those that are new as well, all or none.
  std::map<Partition, One> partitions;
  int32_t known = 0;                                       // in: how many partitions there were
  int32_t count = -1;                                      // out; -1: not known
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;  // of the question for the count

  // True when nobody answered anything.
  bool unheard() const;
};

// Waits for the answers, at most a few seconds for each of at most three questions.
void take_survey(Client& client, const std::string& topic, Survey& survey);

}  // namespace rideflow::kafka
