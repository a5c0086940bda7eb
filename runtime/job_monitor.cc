#include "runtime/job_monitor.h"

#include <algorithm>
#include <cmath>

namespace rideflow {
namespace {

constexpr Micros kWindow = kMicrosPerSecond;
constexpr Micros kKeep = 5 * kMicrosPerSecond;

bool is_source(const LogicalNode& node) {
  return std::holds_alternative<SourceNode>(node.body);
}

// A counter that nobody set yet is 0, which is no watermark that a job could have had.
Micros watermark_of(const Counter& counter) {
  return counter.get() == 0 ? kNoTime : counter.get();
}

void add_task(const JobGraph& graph, const TaskCounters& task, std::vector<NodeView>& nodes) {
  const int32_t parallelism = graph.plan().stages[static_cast<size_t>(task.stage)].parallelism;
  for (size_t i = 0; i < task.nodes.size(); ++i) {
    NodeView& node = nodes[static_cast<size_t>(task.nodes[i].value)];
    const OperatorMetrics& from = *task.operators[i];
    const bool first = task.shard.value == 0;
    node.parallelism = parallelism;
    node.rows_in += from.rows_in.get();
    node.rows_out += from.rows_out.get();
    node.filtered += from.rows_filtered.get();
    node.absorbed += from.rows_absorbed.get();
    node.late += from.rows_late.get();
    node.rejected += from.rows_rejected.get();
    node.held += from.rows_held.get();
    node.state_keys += from.state_keys.get();
    node.state_bytes += from.state_bytes.get();
    const Micros watermark = watermark_of(from.watermark);
    node.watermark = first ? watermark : std::min(node.watermark, watermark);
  }
}

std::vector<NodeView> nodes_of(const JobGraph& graph) {
  std::vector<NodeView> nodes;
  for (const LogicalNode& logical : graph.plan().logical->nodes) {
    NodeView node;
    node.id = logical.id;
    node.step = logical.step;
    node.role = logical.role;
    nodes.push_back(std::move(node));
  }
  for (const auto& task : graph.counters()) add_task(graph, *task, nodes);
  return nodes;
}

std::vector<EdgeView> edges_of(const JobGraph& graph) {
  const LogicalPlan& plan = *graph.plan().logical;
  std::vector<int32_t> stage_of(plan.nodes.size(), 0);
  for (const Stage& stage : graph.plan().stages) {
    for (const NodeId node : stage.nodes) stage_of[static_cast<size_t>(node.value)] = stage.id;
  }
  std::vector<EdgeView> edges;
  for (const LogicalNode& node : plan.nodes) {
    for (const NodeInput& input : node.inputs) {
      const LogicalNode& from = plan.nodes[static_cast<size_t>(input.node.value)];
      EdgeView edge;
      edge.from = from.id;
      edge.to = node.id;
      if (static_cast<size_t>(input.port) < from.ports.size()) {
        edge.port = from.ports[static_cast<size_t>(input.port)];
      }
      edge.exchange =
          stage_of[static_cast<size_t>(from.id.value)] != stage_of[static_cast<size_t>(node.id.value)];
      edges.push_back(std::move(edge));
    }
  }
  return edges;
}

void add_files(SourceView& source, const SourceFiles& files) {
  if (!source.files) source.files.emplace();
  SourceFiles& sum = *source.files;
  sum.found += files.found;
  sum.reading += files.reading;
  sum.done += files.done;
  sum.refused += files.refused;
  sum.files.insert(sum.files.end(), files.files.begin(), files.files.end());
}

void add_source(SourceView& source, const TaskCounters& counters, const SourceDriver& driver) {
  source.polled += counters.source.polled.get();
  source.decoded += counters.source.decoded.get();
  source.rejected += counters.source.rejected.get();
  source.bytes += counters.source.bytes.get();
  source.late_idle += counters.source.late_idle.get();
  source.late_new_partition += counters.source.late_new_partition.get();
  for (const SourceDriver::PartitionView& from : driver.partition_views()) {
    PartitionView partition;
    partition.partition = from.partition.value;
    partition.position = from.position;
    partition.end = from.end;
    partition.watermark = from.watermark;
    partition.idle = from.idle;
    if (from.waits_for) partition.waits_for = from.waits_for->value;
    partition.paused_for = from.paused_for;
    if (from.end >= 0) source.lag += std::max<int64_t>(0, from.end - from.position);
    source.partitions.push_back(partition);
  }
  const std::string peer = driver.unproven_peer();
  auto& peers = source.unproven_peers;
  if (!peer.empty() && std::find(peers.begin(), peers.end(), peer) == peers.end()) peers.push_back(peer);
  if (const auto files = driver.files()) add_files(source, *files);
}

std::vector<SourceView> sources_of(const JobGraph& graph) {
  const LogicalPlan& plan = *graph.plan().logical;
  std::vector<SourceView> sources;
  for (const LogicalNode& node : plan.nodes) {
    if (!is_source(node)) continue;
    SourceView source;
    source.source = node.step;
    for (const auto& counters : graph.counters()) {
      if (counters->nodes.empty() || counters->nodes.front() != node.id) continue;
      Task& task = *graph.tasks()[static_cast<size_t>(counters->id.value)];
      if (task.is_source()) add_source(source, *counters, *task.source());
    }
    std::sort(source.partitions.begin(), source.partitions.end(),
              [](const PartitionView& a, const PartitionView& b) { return a.partition < b.partition; });
    sources.push_back(std::move(source));
  }
  return sources;
}

// The partition with the least watermark among those that count.
std::optional<WatermarkHolder> holder_of(const std::vector<SourceView>& sources) {
  std::optional<WatermarkHolder> holder;
  for (const SourceView& source : sources) {
    for (const PartitionView& partition : source.partitions) {
      if (partition.idle || partition.watermark == kEndOfTime) continue;
      if (holder && holder->watermark <= partition.watermark) continue;
      holder = WatermarkHolder{source.source, partition.partition, partition.watermark};
    }
  }
  return holder;
}

double share(int64_t nanos, Micros window, int tasks) {
  return std::clamp(static_cast<double>(nanos) / 1000.0 / static_cast<double>(window) / tasks, 0.0, 1.0);
}

}  // namespace

JobMonitor::Sample JobMonitor::take(const JobExecution& execution, Micros monotonic) {
  const JobGraph& graph = execution.graph();
  const LogicalPlan& plan = *graph.plan().logical;
  Sample sample;
  sample.at = monotonic;
  sample.node_rows.assign(plan.nodes.size(), 0);
  for (const auto& task : graph.counters()) {
    for (size_t i = 0; i < task->nodes.size(); ++i) {
      const auto node = static_cast<size_t>(task->nodes[i].value);
      const OperatorMetrics& metrics = *task->operators[i];
      sample.node_rows[node] += (is_source(plan.nodes[node]) ? metrics.rows_out : metrics.rows_in).get();
    }
    sample.tasks.emplace_back(task->task.busy_nanos.get(), task->task.blocked_nanos.get());
  }
  return sample;
}

void JobMonitor::sample(const JobDirectory& jobs, Micros monotonic) {
  const std::vector<std::string> names = jobs.jobs();
  for (const std::string& name : names) {
    const std::optional<JobEntry> entry = jobs.find(name);
    if (entry) sample(*entry, monotonic);
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(history_, [&](const auto& item) {
    return std::find(names.begin(), names.end(), item.first) == names.end();
  });
}

void JobMonitor::sample(const JobEntry& entry, Micros monotonic) {
  if (!entry.execution) return;
  Sample sample = take(*entry.execution, monotonic);
  const std::lock_guard lock(mutex_);
  History& history = history_[entry.job];
  if (history.execution.lock() != entry.execution) {
    history.execution = entry.execution;
    history.samples.clear();
  }
  history.samples.push_back(std::move(sample));
  while (history.samples.front().at < monotonic - kKeep) history.samples.pop_front();
}

// The youngest sample that is at least a second old, or the oldest there is.
std::optional<JobMonitor::Sample> JobMonitor::before(const JobEntry& entry, Micros monotonic) const {
  const std::lock_guard lock(mutex_);
  const auto found = history_.find(entry.job);
  if (found == history_.end() || found->second.execution.lock() != entry.execution) return std::nullopt;
  const std::deque<Sample>& samples = found->second.samples;
  for (auto it = samples.rbegin(); it != samples.rend(); ++it) {
    if (it->at <= monotonic - kWindow) return *it;
  }
  if (samples.empty() || samples.front().at >= monotonic) return std::nullopt;
  return samples.front();
}

JobView JobMonitor::view(const JobEntry& entry, Micros monotonic) const {
  JobView view;
  view.job = entry.job;
  view.error = entry.error;
  view.state = state_of(entry);
  view.attempts = entry.attempts;
  view.wanted = entry.wanted;
  view.version = entry.version;
  view.started_version = entry.started_version;
  if (!entry.execution) return view;
  const JobExecution& execution = *entry.execution;
  const JobGraph& graph = execution.graph();
  const CoordinatorState state = execution.status();
  view.description = graph.plan().logical->description;
  view.lineage = execution.lineage();
  view.started_at = execution.started_at();
  if (view.error.empty() && state.failure) view.error = state.failure->to_string();
  for (const Stage& stage : graph.plan().stages)
    view.parallelism = std::max(view.parallelism, stage.parallelism);
  view.waiting = execution.waiting();
  view.nodes = nodes_of(graph);
  view.edges = edges_of(graph);
  view.sources = sources_of(graph);
  view.holder = holder_of(view.sources);
  if (state.current) view.checkpoints.push_back(*state.current);
  for (auto one = state.unpublished.rbegin(); one != state.unpublished.rend(); ++one)
    view.checkpoints.push_back(one->record);
  view.checkpoints.insert(view.checkpoints.end(), state.history.begin(), state.history.end());

  bool first_source = true;
  for (const NodeView& node : view.nodes) {
    if (!is_source(graph.plan().logical->nodes[static_cast<size_t>(node.id.value)])) continue;
    view.watermark = first_source ? node.watermark : std::min(view.watermark, node.watermark);
    first_source = false;
  }

  const std::optional<Sample> then = before(entry, monotonic);
  if (!then) return view;
  const Sample now = take(execution, monotonic);
  const Micros window = now.at - then->at;
  for (NodeView& node : view.nodes) {
    const auto id = static_cast<size_t>(node.id.value);
    node.rows_per_second =
        static_cast<double>(now.node_rows[id] - then->node_rows[id]) * 1e6 / static_cast<double>(window);
    int64_t busy = 0;
    int64_t blocked = 0;
    for (const auto& task : graph.counters()) {
      if (std::find(task->nodes.begin(), task->nodes.end(), node.id) == task->nodes.end()) continue;
      const auto index = static_cast<size_t>(task->id.value);
      busy += now.tasks[index].first - then->tasks[index].first;
      blocked += now.tasks[index].second - then->tasks[index].second;
    }
    node.busy = share(busy, window, node.parallelism);
    node.blocked = std::min(share(blocked, window, node.parallelism), 1.0 - node.busy);
    node.idle = 1.0 - node.busy - node.blocked;
  }
  return view;
}

}  // namespace rideflow
