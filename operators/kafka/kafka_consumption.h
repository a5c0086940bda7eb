// Consumption: which partitions a reader's client consumes, and from where.
//
// rd_kafka_consume_stop() waits for a thread of librdkafka, which may be busy with brokers that do not
// answer. So what is consumed is stopped, and begun elsewhere, in the background, one piece of work at a time
// however many partitions there are. One thread; it is woken, as the client's waker, when something is
// settled.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "operators/kafka/kafka_client.h"

namespace rideflow::kafka {

class Consumption {
 public:
  Consumption(Env* env, std::shared_ptr<Client> client, WakerRef waker)
      : env_(env), client_(std::move(client)), waker_(std::move(waker)) {}

  // From `offset`: at once where nothing of the partition is consumed, else soon, and in the place of that.
  Status begin(Partition partition, int64_t offset, const std::string& what);
  void stop(Partition partition);
  // False: what was asked for last is yet to be done, and messages may be older than that. Why it could not
  // be done is told once.
  Result<bool> settled(Partition partition);

 private:
  struct Wish {
    std::optional<int64_t> offset;  // none: stop
    std::string what;
  };
  struct Work {
    std::map<Partition, Wish> wishes;
    std::map<Partition, Status> failed;
  };
  static void carry_out(Client& client, Work& work);
  bool is_free(Partition partition);
  void go_on();

  Env* env_;
  std::shared_ptr<Client> client_;
  WakerRef waker_;
  std::set<Partition> consumed_;        // or about to be
  std::map<Partition, Wish> wishes_;    // for the next piece of work
  std::map<Partition, Status> failed_;  // yet to be told
  std::shared_ptr<Work> work_;
  std::shared_ptr<Completion> doing_;  // null: no piece is under way
};

}  // namespace rideflow::kafka
