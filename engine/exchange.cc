#include "engine/exchange.h"

#include <utility>

#include "engine/key_encoder.h"

namespace rideflow {

ExchangeWriter::ExchangeWriter(std::vector<std::shared_ptr<Channel>> channels, std::vector<int> keys,
                               int32_t key_groups)
    : channels_(std::move(channels)),
      keys_(std::move(keys)),
      key_groups_(key_groups),
      selections_(channels_.size()) {}

void ExchangeWriter::set_producer(const WakerRef& producer) {
  for (const auto& channel : channels_) channel->set_producer(producer);
}

bool ExchangeWriter::has_room() const {
  for (const auto& channel : channels_) {
    if (!channel->has_room()) return false;
  }
  return true;
}

void ExchangeWriter::send(Batch batch) {
  if (batch.rows == 0) return;
  batch.origin = nullptr;
  batch.origin_row = {};
  if (keys_.empty()) {
    channels_[0]->push(std::move(batch));
    return;
  }
  if (!batch.key_hash) batch.key_hash = hash_keys(batch, keys_);
  const auto parallelism = static_cast<int32_t>(channels_.size());
  if (parallelism == 1) {
    channels_[0]->push(std::move(batch));
    return;
  }
  for (auto& selection : selections_) selection.clear();
  const uint64_t* hashes = batch.key_hash.as<uint64_t>();
  for (int32_t row = 0; row < batch.rows; ++row) {
    const KeyGroup group = key_group_of(hashes[row], key_groups_);
    selections_[static_cast<size_t>(task_of(group, key_groups_, parallelism))].push_back(row);
  }
  for (size_t i = 0; i < channels_.size(); ++i) {
    const auto& selection = selections_[i];
    if (!selection.empty()) {
      channels_[i]->push(take(batch, selection.data(), static_cast<int32_t>(selection.size())));
    }
  }
}

void ExchangeWriter::signal(const Element& element) {
  for (const auto& channel : channels_) {
    if (std::holds_alternative<Watermark>(element))
      channel->push(std::get<Watermark>(element));
    else if (std::holds_alternative<Barrier>(element))
      channel->push(std::get<Barrier>(element));
    else if (std::holds_alternative<Idle>(element))
      channel->push(Idle{});
    else if (std::holds_alternative<End>(element))
      channel->push(End{});
  }
}

}  // namespace rideflow
