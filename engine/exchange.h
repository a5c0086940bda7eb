// ExchangeWriter: the producing end of an exchange. It splits batches by key group over the channels of the
// consuming stage, or hands them to one channel unsplit, and repeats signals to all of them.
#pragma once

#include <memory>
#include <vector>

#include "engine/channel.h"
#include "engine/key_group.h"

namespace rideflow {

class ExchangeWriter {
 public:
  // `keys`: columns to route by; empty: everything goes to channels[0]. key_hash is computed here once for
  // all users downstream. One thread.
  ExchangeWriter(std::vector<std::shared_ptr<Channel>> channels, std::vector<int> keys, int32_t key_groups);

  // Whom to wake when there is room again. Before either side runs.
  void set_producer(const WakerRef& producer);
  bool has_room() const;
  void send(Batch batch);
  void signal(const Element& element);  // REQUIRES: not a Batch

 private:
  std::vector<std::shared_ptr<Channel>> channels_;
  std::vector<int> keys_;
  int32_t key_groups_;
  std::vector<std::vector<int32_t>> selections_;  // scratch: rows for each channel
};

}  // namespace rideflow
