// Task: one parallel instance of a stage. It owns the operators of the stage as a tree, its input channels or
// its source, and does once, for all of them, what a dataflow runtime does: minimum of watermarks, alignment
// of barriers, snapshots, back-pressure, counting and timing. What it knows of its inputs is in
// task_inputs.h, what operators could not take yet in held_batches.h, what becomes of a barrier in
// task_snapshots.h.
//
// step() handles one element or one poll, takes well under a millisecond and never blocks; a worker, a test
// or a simulation calls it. Everything slow (writing frozen state, syncing) is offloaded and polled. Barriers
// keep flowing on inputs that have ended. One thread at a time calls step(); the methods marked so may come
// from others.
//
// A task is due when its last step worked, when it was woken (by its channels, readers, sinks, background
// work and the coordinator, through waker()), or at the time next_run() that it asked for. A step of a task
// that is not due finds nothing to do: that is what lets a worker sleep, and what simulations check.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/channel.h"
#include "engine/checkpoint.h"
#include "engine/exchange.h"
#include "engine/held_batches.h"
#include "engine/operator.h"
#include "engine/source_driver.h"
#include "engine/tap_buffer.h"
#include "engine/task_inputs.h"

namespace rideflow {

class TaskBell;
class TaskSnapshots;

// Where one task's keyed state goes at a checkpoint. Implemented in state/ over RocksDB and in memory for
// tests.
class TaskStateBackend {
 public:
  virtual ~TaskStateBackend() = default;
  // The durable cells of one step; `name` is stable over restarts. Owned by the backend.
  virtual Result<StateTable*> table(const std::string& name) = 0;
  // Makes everything applied so far durable as files of this epoch, and names them. Runs in the background,
  // never concurrently with itself.
  virtual Result<std::vector<StateFile>> checkpoint(Epoch epoch) = 0;
};

// What a restored task starts from.
struct TaskRestore {
  Epoch epoch;
  std::map<std::string, std::vector<std::string>> blobs;  // node name -> blobs of the shards that matter
  std::map<std::string, std::vector<std::pair<Epoch, std::string>>>
      pending;                                                             // sink node name -> this shard's
  std::function<Result<StateTable*>(const std::string& node_name)> cells;  // state to read back; may be null
  bool resumed = false;  // the cells are those of the task's own backend: only changes need to be written
};

// Called on the thread that steps the task.
class TaskEvents {
 public:
  virtual ~TaskEvents() = default;
  virtual void on_snapshot(TaskSnapshot snapshot) = 0;
  virtual void on_ended(TaskId task) = 0;
  virtual void on_failed(TaskId task, Status status) = 0;
};

enum class StepResult : uint8_t { worked, idle, blocked, ended };

// What a source task may do where its job reads with care (runtime/careful_reading.h).
enum class SourceTurn : uint8_t {
  free,   // all: nobody takes care
  waits,  // nothing
  rows,   // hand out one chunk; the watermark that comes of it waits
  time,   // let the watermark go as far as the rows have come
};

class Task {
 public:
  struct Target {
    int node = -1;      // index in `nodes`, or
    int exchange = -1;  // index in `exchanges`
    int input_port = 0;
    std::vector<int> keys;  // a fused keyed edge: key_hash is set from these columns
  };
  struct Node {
    std::string name;  // node_name(): identity of state and sinks
    std::string step;
    std::unique_ptr<Operator> op;  // null: the source
    Sink* sink = nullptr;          // op, when it is a sink
    OperatorMetrics* metrics = nullptr;
    TapBuffer* tap = nullptr;
    std::vector<std::vector<Target>> ports;  // targets of every output port
    std::vector<std::string> port_names;
  };
  struct Input {
    std::shared_ptr<Channel> channel;
    int port = 0;
  };
  struct Parts {
    TaskId id;
    OpenContext context;                   // step and metrics are set per node
    std::unique_ptr<SourceDriver> source;  // or
    std::vector<Input> inputs;
    std::vector<Node> nodes;  // nodes[0] is the root
    std::vector<std::unique_ptr<ExchangeWriter>> exchanges;
    TaskMetrics* metrics = nullptr;
    std::shared_ptr<TaskStateBackend> state;  // null: no keyed state in this task
    TaskEvents* events = nullptr;
    int32_t batch_rows = 2048;
  };

  explicit Task(Parts parts);  // and sets itself as the waker of its channels' ends
  ~Task();

  // Opens and restores every node. Called once, before step(), on any thread.
  Status open(const TaskRestore* restore);
  StepResult step();

  bool due(Micros monotonic) const;
  Micros next_run() const { return next_run_; }
  // Any thread, also after the task is gone.
  WakerRef waker() const;
  // Who steps the task, to be told when it is woken. At most once, before the first step.
  void run_by(WakerRef worker);

  // Any thread: a source task starts this epoch's barrier at its next step.
  void trigger_barrier(Epoch epoch);
  // Any thread: holds sources back until the first checkpoint (resolved positions) is durable.
  void hold_source(bool hold);
  // Any thread. A source task whose turn is over waits by itself.
  void set_turn(SourceTurn turn);
  SourceTurn turn() const { return turn_.load(std::memory_order_acquire); }
  // Any thread: the turn to hand out rows that was not used is over; false: it was used.
  bool take_turn_back();
  // Whom the commit of this sink waits for. Any thread.
  Lane commit_lane(const std::string& sink) const;
  // Any thread, through Env::offload: publishes what the sinks prepared.
  Status commit(const std::string& sink, Epoch epoch, const std::string& handle);
  // Any thread.
  void on_checkpoint_complete(Epoch epoch);

  TaskId id() const { return parts_.id; }
  bool is_source() const { return parts_.source != nullptr; }
  SourceDriver* source() { return parts_.source.get(); }
  const std::vector<Node>& nodes() const { return parts_.nodes; }
  // What the source's part in a checkpoint waits for, once that has taken a while. Any thread.
  const WaitNote& unconfirmed() const;

 private:
  class NodeOutput;
  // A signal on its way down the tree; resumable where an operator answered `again`.
  struct Pending {
    int node = 0;
    Micros watermark = kNoTime;
    bool end = false;
  };

  bool exchanges_have_room() const;
  bool has_room() const;
  void book(StepResult result, int64_t begin, int64_t end);
  Micros wanted_run(StepResult result) const;
  StepResult step_inner();
  StepResult step_source();
  StepResult poll_source();
  bool push_source_watermark();
  StepResult step_inputs();
  void handle(size_t input, Element element);
  void deliver(int node, int port, Batch batch);
  void call_process(int node, int input_port, Batch batch);
  bool give(HeldBatch& held);
  bool run_held();
  // Runs `call`, which is the node's, and books its time there, less that of the nodes it calls in turn.
  template <class Call>
  auto timed(int node, const Call& call);
  void update_watermark();
  bool settle_watermark();
  void wake_outputs();
  void push_watermark(Micros watermark);
  void push_end();
  bool run_pending();
  void forward_watermark(int node, Micros watermark);
  void barrier(Epoch epoch);
  void hand_on_snapshots();
  void tick();
  void signal_exchanges(const Element& element);
  void fail(Status status, int node);

  Parts parts_;
  std::shared_ptr<TaskBell> bell_;
  std::unique_ptr<TaskSnapshots> snapshots_;
  std::vector<std::unique_ptr<NodeOutput>> outputs_;
  TaskInputs inputs_;
  size_t next_input_ = 0;
  Epoch last_barrier_{0};
  Micros watermark_ = kNoTime;
  bool idle_sent_ = false;
  bool ended_ = false;
  bool failed_ = false;
  bool ended_reported_ = false;
  Micros next_tick_ = 0;
  Micros next_run_ = 0;
  StepResult last_result_ = StepResult::worked;
  int64_t last_end_nanos_ = 0;  // of the step before
  int64_t nested_nanos_ = 0;    // of the call under way: what nodes that it called took
  HeldBatches held_;            // goes before pending_
  std::deque<Pending> pending_;
  std::atomic<int64_t> triggered_{0};
  std::atomic<int64_t> completed_{0};
  int64_t completed_seen_ = 0;
  std::atomic<bool> source_held_{false};
  std::atomic<SourceTurn> turn_{SourceTurn::free};
};

}  // namespace rideflow
