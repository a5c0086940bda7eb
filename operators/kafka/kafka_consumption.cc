#include "operators/kafka/kafka_consumption.h"

namespace rideflow::kafka {

Status Consumption::begin(Partition partition, int64_t offset, const std::string& what) {
  failed_.erase(partition);
  const bool fresh = is_free(partition) && consumed_.count(partition) == 0;
  consumed_.insert(partition);
  if (fresh) return client_->consume(partition, offset, what);
  wishes_[partition] = {offset, what};
  go_on();
  return {};
}

void Consumption::stop(Partition partition) {
  failed_.erase(partition);
  if (consumed_.erase(partition) == 0) return;
  wishes_[partition] = {};
  go_on();
}

Result<bool> Consumption::settled(Partition partition) {
  go_on();
  if (!is_free(partition)) return false;
  const auto failed = failed_.find(partition);
  if (failed == failed_.end()) return true;
  Status why = std::move(failed->second);
  failed_.erase(failed);
  return why;
}

// Nothing is asked for or being done to it.
bool Consumption::is_free(Partition partition) {
  return wishes_.count(partition) == 0 && (doing_ == nullptr || work_->wishes.count(partition) == 0);
}

void Consumption::go_on() {
  if (doing_ != nullptr && doing_->done()) {
    const Status ran = doing_->status();  // no thread could be had: nothing was done
    for (const auto& [partition, wish] : work_->wishes) {
      const auto failed = work_->failed.find(partition);
      if (wishes_.count(partition) > 0) continue;  // it is another wish that counts
      if (!ran.ok()) {
        wishes_[partition] = wish;
      } else if (failed != work_->failed.end()) {
        failed_[partition] = failed->second;
      }
    }
    doing_ = nullptr;
    work_ = nullptr;
  }
  if (doing_ != nullptr || wishes_.empty()) return;
  work_ = std::make_shared<Work>();
  work_->wishes.swap(wishes_);
  doing_ = env_->offload(
      [client = client_, work = work_] {
        carry_out(*client, *work);
        return Status();
      },
      Lane::others);
  doing_->wake_when_done(waker_);
}

void Consumption::carry_out(Client& client, Work& work) {
  for (const auto& [partition, wish] : work.wishes) {
    client.stop(partition);
    if (!wish.offset) continue;
    Status begun = client.consume(partition, *wish.offset, wish.what);
    if (!begun.ok()) work.failed[partition] = std::move(begun);
  }
}

}  // namespace rideflow::kafka
