// Operator: the contract of everything that reacts to batches. One method is required.
//
// The task loop (engine/task.h) does alignment of barriers, the minimum of watermarks, counting, timing and
// back-pressure for every operator; an operator never sees a barrier and never asks which input a row came
// from unless it declares several input ports. All calls come from one thread at a time; none may block.
// Anything slow goes through Env::offload. An operator that can't go on says so and is left alone until it
// wakes its task: ready() answers false, or process() answers Progress::again and gets the same batch again.
// Its task sleeps meanwhile, and no other does.
//
// Emission is bounded: process() emits at most a few batches per batch it was given, and is only called when
// the output has room. What may emit without bound (a window that fires) checks Output::has_room() between
// batches and returns Progress::again; the loop calls it again with the same arguments when there is room.
#pragma once

#include <any>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <typeindex>
#include <vector>

#include "engine/element.h"
#include "engine/env.h"
#include "engine/key_group.h"
#include "engine/metrics.h"
#include "engine/state_table.h"
#include "engine/waker.h"

namespace rideflow {

enum class Progress : uint8_t { done, again };

// Where an operator's rows go, by output port: 0 is the main one, the others are those its kind declares, in
// order
// ("late", "rejected", the branches of a split).
class Output {
 public:
  virtual ~Output() = default;
  virtual void emit(int port, Batch batch) = 0;
  // False: stop emitting as soon as you can and return Progress::again.
  virtual bool has_room() const = 0;
};

// Things that a sink and a server share (a rollup store, a topic store), found by type and name. The engine
// does not know what they are.
class Resources {
 public:
  template <class T>
  void add(const std::string& name, std::shared_ptr<T> resource) {
    items_[{std::type_index(typeid(T)), name}] = std::move(resource);
  }
  template <class T>
  std::shared_ptr<T> find(const std::string& name) const {
    const auto it = items_.find({std::type_index(typeid(T)), name});
    return it == items_.end() ? nullptr : std::static_pointer_cast<T>(it->second);
  }

 private:
  std::map<std::pair<std::type_index, std::string>, std::shared_ptr<void>> items_;
};

// What an operator is told once, before anything else. Everything referred to outlives the operator.
struct OpenContext {
  Env* env = nullptr;
  const Resources* resources = nullptr;
  OperatorMetrics* metrics = nullptr;  // for what only the operator knows: filtered, held, late
  // Wakes the operator's task: something came that it waits for. Null where nobody sleeps.
  WakerRef waker;
  std::string job;
  std::string lineage;   // id of the job's first start; part of markers and file names
  std::string step;      // "city_minute"
  std::string data_dir;  // of the process; "" when there is none
  Shard shard;           // which of `parallelism` instances this is
  int32_t parallelism = 1;
  int32_t key_groups = kDefaultKeyGroups;
  KeyGroupRange range{0, kDefaultKeyGroups};
  int32_t batch_rows = 2048;  // rows that emitted batches should have, at most
  bool job_test = false;      // virtual clock, no outside world
  bool restored = false;      // of sources: positions of a checkpoint follow, so what they name was there
};

class Operator {
 public:
  virtual ~Operator() = default;

  virtual Status open(const OpenContext& context) {
    (void)context;
    return {};
  }
  // `batch` may be moved from. Progress::again: not now; the loop keeps what is left in `batch` and calls
  // with it again once the task was woken. Until then nothing else comes to this operator: no later batch, no
  // watermark, no barrier.
  virtual Result<Progress> process(int input_port, Batch& batch, Output& out) = 0;
  // False: its task gets no more input until it is, which is back-pressure. Asked before every step of the
  // task, so it may try to make room (and must not wait for it), and must wake the task when it can; a batch
  // that is under way still comes.
  virtual bool ready() { return true; }

  // The operator's watermark (least over its inputs that are not idle) moved to `watermark`. Afterwards the
  // loop sends output_watermark(watermark) downstream.
  virtual Result<Progress> on_watermark(Micros watermark, Output& out) {
    (void)watermark;
    (void)out;
    return Progress::done;
  }
  virtual Micros output_watermark(Micros watermark) const { return watermark; }
  // All inputs ended; called after on_watermark(kEndOfTime). Called once, until it returns done.
  virtual Result<Progress> on_end(Output& out) {
    (void)out;
    return Progress::done;
  }
  // Called now and then with the wall clock, for what must happen although no row comes (flush, refresh).
  virtual Status on_tick(Micros now, Output& out) {
    (void)now;
    (void)out;
    return {};
  }

  // A barrier reached this operator on all inputs. Null: no keyed state. O(1): see FrozenState.
  virtual std::unique_ptr<FrozenState> freeze(Epoch epoch) {
    (void)epoch;
    return nullptr;
  }
  // State of all cells in the context's range. Called after open(), before the first process().
  virtual Status restore(StateTable& table) {
    (void)table;
    return {};
  }
  // Small state that is not by key (a position, a watermark, a counter): bytes kept in the manifest, given
  // back to the same shard; when parallelism changed every new shard gets all of them.
  virtual std::string small_state() { return {}; }
  virtual Status restore_small_state(std::span<const std::string> blobs) {
    (void)blobs;
    return {};
  }
};

// Sink: an operator that publishes its rows outside, epoch by epoch (docs/exactly-once.md).
//
// prepare(n) closes epoch n: its rows are durable and unseen once `durable` is done, and `handle` is all that
// a fresh process needs to publish them. commit(handle) publishes; it runs through Env::offload, never
// concurrently with another commit of this sink but possibly with process(); it is idempotent, and may come
// again after a crash from a process that never saw process(). Several prepared epochs may be pending.
struct Prepared {
  std::string handle;                   // empty: nothing to commit in this epoch
  std::shared_ptr<Completion> durable;  // null: already durable
};

class Sink : public Operator {
 public:
  virtual Result<Prepared> prepare(Epoch epoch) = 0;
  virtual Status commit(Epoch epoch, const std::string& handle) = 0;
  // Whom commit() waits for. One that asks a server says `others`: a dead server must not hold a thread that
  // other jobs' checkpoints need.
  virtual Lane commit_lane() const { return Lane::disk; }
  // Called once after open() and before the first process(): `pending` are the handles of prepared epochs
  // that the restored checkpoint lists, in order of epoch; the sink commits those that its markers lack and
  // drops everything prepared above `restored`. Fails with aborted when a marker is above it: a replay would
  // publish twice.
  virtual Status recover(Epoch restored, const std::vector<std::pair<Epoch, std::string>>& pending) {
    (void)restored;
    (void)pending;
    return {};
  }
};

}  // namespace rideflow
