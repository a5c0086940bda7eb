#include "engine/job_graph.h"

#include <fmt/format.h>

namespace rideflow {
namespace {

// Channels of one exchange: channels[producer][consumer].
using ChannelGrid = std::vector<std::vector<std::shared_ptr<Channel>>>;

const Stage::Exchange* find_exchange(const Stage& stage, NodeId from, int port, int to_port) {
  for (const auto& input : stage.inputs) {
    if (input.from_node == from && input.from_port == port && input.to_port == to_port) return &input;
  }
  return nullptr;
}

class Builder {
 public:
  Builder(const PhysicalPlan& plan, const GraphContext& context,
          std::vector<std::unique_ptr<TapBuffer>>& taps, std::vector<std::unique_ptr<TaskCounters>>& counters)
      : plan_(plan), logical_(*plan.logical), context_(context), taps_(taps), counters_(counters) {}

  Result<std::vector<std::unique_ptr<Task>>> build() {
    make_channels();
    make_peers();
    std::vector<std::unique_ptr<Task>> tasks;
    for (const Stage& stage : plan_.stages) {
      for (int32_t shard = 0; shard < stage.parallelism; ++shard) {
        RF_ASSIGN(auto task, make_task(stage, Shard(shard), TaskId(static_cast<int32_t>(tasks.size()))));
        tasks.push_back(std::move(task));
      }
    }
    return tasks;
  }

 private:
  void make_channels() {
    for (const Stage& stage : plan_.stages) {
      for (const auto& input : stage.inputs) {
        const int32_t producers = plan_.stages[static_cast<size_t>(input.from_stage)].parallelism;
        ChannelGrid grid(static_cast<size_t>(producers));
        for (int32_t p = 0; p < producers; ++p) {
          for (int32_t c = 0; c < stage.parallelism; ++c) {
            grid[static_cast<size_t>(p)].push_back(std::make_shared<Channel>(context_.channel_bytes));
          }
        }
        grids_[&input] = std::move(grid);
      }
    }
  }

  // One task alone has nobody to wait for.
  void make_peers() {
    size_t tasks = 0;
    for (const Stage& stage : plan_.stages) {
      if (stage.inputs.empty()) tasks += static_cast<size_t>(stage.parallelism);
    }
    if (tasks > 1) peers_ = std::make_shared<SourcePeers>(tasks);
  }

  Result<std::unique_ptr<Task>> make_task(const Stage& stage, Shard shard, TaskId id) {
    auto counters = std::make_unique<TaskCounters>();
    counters->id = id;
    counters->stage = stage.id;
    counters->shard = shard;
    Task::Parts parts;
    parts.id = id;
    parts.metrics = &counters->task;
    parts.events = context_.events;
    parts.batch_rows = context_.batch_rows;
    fill_context(stage, shard, parts.context);
    add_inputs(stage, shard, parts);
    bool stateful = false;
    std::map<int32_t, int> index;  // node id -> place in the task
    for (const NodeId node : stage.nodes) {
      index[node.value] = static_cast<int>(parts.nodes.size());
      counters->nodes.push_back(node);
      counters->operators.push_back(std::make_unique<OperatorMetrics>());
      RF_ASSIGN(auto made, make_node(node, *counters, parts));
      made.metrics = counters->operators.back().get();
      const auto* op = std::get_if<OperatorNode>(&logical_.nodes[static_cast<size_t>(node.value)].body);
      stateful = stateful || (op && op->kind->stateful);
      parts.nodes.push_back(std::move(made));
    }
    add_edges(stage, shard, index, parts);
    if (stateful && context_.state) {
      RF_ASSIGN(parts.state, context_.state(id));
    }
    counters_.push_back(std::move(counters));
    return std::make_unique<Task>(std::move(parts));
  }

  void fill_context(const Stage& stage, Shard shard, OpenContext& context) const {
    context.env = context_.env;
    context.resources = context_.resources;
    context.job = logical_.job;
    context.lineage = context_.lineage;
    context.data_dir = context_.data_dir;
    context.shard = shard;
    context.parallelism = stage.parallelism;
    context.key_groups = plan_.key_groups;
    context.range = key_group_range(plan_.key_groups, stage.parallelism, shard.value);
    context.batch_rows = context_.batch_rows;
    context.job_test = context_.job_test;
  }

  void add_inputs(const Stage& stage, Shard shard, Task::Parts& parts) {
    for (const auto& input : stage.inputs) {
      const ChannelGrid& grid = grids_.at(&input);
      const auto producers = static_cast<int32_t>(grid.size());
      for (int32_t p = 0; p < producers; ++p) {
        // Without keys, producer p serves only consumer p modulo the consumers.
        if (input.keys.empty() && p % stage.parallelism != shard.value) continue;
        parts.inputs.push_back(
            {grid[static_cast<size_t>(p)][static_cast<size_t>(shard.value)], input.to_port});
      }
    }
  }

  Result<Task::Node> make_node(NodeId id, TaskCounters& counters, Task::Parts& parts) {
    const LogicalNode& logical = logical_.nodes[static_cast<size_t>(id.value)];
    Task::Node node;
    node.name = node_name(logical_, id);
    node.step = logical.step;
    node.tap = taps_[static_cast<size_t>(id.value)].get();
    node.ports.resize(logical.outputs.size());
    node.port_names = logical.ports;
    node.port_names.resize(logical.outputs.size());
    if (const auto* source = std::get_if<SourceNode>(&logical.body)) {
      parts.source =
          std::make_unique<SourceDriver>(*source, logical.step, logical.outputs[0], &counters.source);
      if (peers_) parts.source->set_peers(peers_, next_peer_++);
    } else if (const auto* op = std::get_if<OperatorNode>(&logical.body)) {
      Result<std::unique_ptr<Operator>> made = op->kind->make(op->config);
      if (!made.ok()) return std::move(made).status().with(logical.step);
      node.op = *std::move(made);
    } else {
      const auto& sink = std::get<SinkNode>(logical.body);
      Result<std::unique_ptr<Sink>> made = sink.kind->make(sink.config);
      if (!made.ok()) return std::move(made).status().with(logical.step);
      node.sink = made->get();
      node.op = *std::move(made);
    }
    return node;
  }

  // Edges that leave the stage become exchange writers, those that stay become direct calls.
  void add_edges(const Stage& stage, Shard shard, const std::map<int32_t, int>& index, Task::Parts& parts) {
    for (const LogicalNode& user : logical_.nodes) {
      for (size_t port = 0; port < user.inputs.size(); ++port) {
        const NodeInput& input = user.inputs[port];
        const auto producer = index.find(input.node.value);
        if (producer == index.end()) continue;
        Task::Target target;
        target.input_port = static_cast<int>(port);
        const auto inside = index.find(user.id.value);
        if (inside != index.end()) {
          target.node = inside->second;
          target.keys = user.exchange_keys;
        } else {
          target.exchange = static_cast<int>(parts.exchanges.size());
          parts.exchanges.push_back(make_exchange(stage, shard, input, user.id, static_cast<int>(port)));
        }
        parts.nodes[static_cast<size_t>(producer->second)].ports[static_cast<size_t>(input.port)].push_back(
            std::move(target));
      }
    }
  }

  std::unique_ptr<ExchangeWriter> make_exchange(const Stage& from, Shard shard, const NodeInput& input,
                                                NodeId user, int to_port) {
    for (const Stage& stage : plan_.stages) {
      if (stage.nodes.front() != user || stage.id == from.id) continue;
      const Stage::Exchange* exchange = find_exchange(stage, input.node, input.port, to_port);
      if (!exchange) continue;
      auto channels = grids_.at(exchange)[static_cast<size_t>(shard.value)];
      if (exchange->keys.empty()) channels = {channels[static_cast<size_t>(shard.value % stage.parallelism)]};
      return std::make_unique<ExchangeWriter>(std::move(channels), exchange->keys, plan_.key_groups);
    }
    RF_CHECK(false && "an edge that leaves a stage has an exchange");
    return nullptr;
  }

  const PhysicalPlan& plan_;
  const LogicalPlan& logical_;
  const GraphContext& context_;
  std::vector<std::unique_ptr<TapBuffer>>& taps_;
  std::vector<std::unique_ptr<TaskCounters>>& counters_;
  std::map<const Stage::Exchange*, ChannelGrid> grids_;
  std::shared_ptr<SourcePeers> peers_;
  size_t next_peer_ = 0;
};

}  // namespace

std::string node_name(const LogicalPlan& plan, NodeId id) {
  const LogicalNode& node = plan.nodes[static_cast<size_t>(id.value)];
  int ordinal = 1;
  for (const LogicalNode& other : plan.nodes) {
    if (other.id == id) break;
    if (other.step == node.step && other.role == node.role) ++ordinal;
  }
  std::string name = node.step + "/" + node.role;
  if (ordinal > 1) name += fmt::format("#{}", ordinal);
  return name;
}

Result<std::unique_ptr<JobGraph>> JobGraph::build(std::shared_ptr<const PhysicalPlan> plan,
                                                  const GraphContext& context) {
  auto graph = std::unique_ptr<JobGraph>(new JobGraph());
  graph->plan_ = std::move(plan);
  for (size_t i = 0; i < graph->plan_->logical->nodes.size(); ++i) {
    graph->taps_.push_back(std::make_unique<TapBuffer>());
  }
  Builder builder(*graph->plan_, context, graph->taps_, graph->counters_);
  RF_ASSIGN(graph->tasks_, builder.build());
  return graph;
}

std::vector<Task*> JobGraph::stage_tasks(int32_t stage) const {
  std::vector<Task*> found;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    if (counters_[i]->stage == stage) found.push_back(tasks_[i].get());
  }
  return found;
}

}  // namespace rideflow
