#include "runtime/topic_users.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <set>

#include "engine/source_positions.h"
#include "state/checkpoint_store.h"
#include "state/manifest_reader.h"

namespace rideflow {
namespace {

constexpr std::string_view kSourceRole = "/source";

// What the blobs of a task say about topics. Other nodes' blobs, and sources of other kinds, say nothing.
void collect_reads(const std::map<std::string, std::string>& blobs, std::vector<StoredRead>& out) {
  for (const auto& [node, blob] : blobs) {
    if (!node.ends_with(kSourceRole)) continue;
    const std::string step = node.substr(0, node.size() - kSourceRole.size());
    const Result<StoredSource> source = decode_source(blob, step);
    if (!source.ok()) continue;  // the job itself is told when it is restored
    for (const StoredPartition& p : source->partitions) {
      auto topic = decode_identity(p.position.detail);
      if (topic) out.push_back({step, {*std::move(topic), p.partition, p.position.offset}, p.ended});
    }
  }
}

void add_holds(const std::vector<StoredRead>& reads, std::vector<ReadPosition>& out) {
  for (const StoredRead& read : reads) {
    if (!read.ended) out.push_back(read.position);
  }
}

StoredJob job_from(const std::vector<Checkpoint>& checkpoints) {
  StoredJob job;
  job.job = checkpoints.back().job;
  job.lineage = checkpoints.back().lineage;
  for (const Checkpoint& checkpoint : checkpoints) {
    job.reads.clear();
    for (const TaskSnapshot& task : checkpoint.tasks) collect_reads(task.blobs, job.reads);
    add_holds(job.reads, job.holds);
  }
  return job;
}

class HoldingStorage : public JobStorage {
 public:
  HoldingStorage(std::shared_ptr<JobStorage> storage, std::shared_ptr<TopicStore> topics,
                 std::vector<ReadPosition> holds)
      : storage_(std::move(storage)), topics_(std::move(topics)) {
    kept_.push_back(std::move(holds));
  }

  Result<std::optional<Checkpoint>> load() override { return storage_->load(); }
  Result<Epoch> begin_attempt(const std::string& lineage) override {
    return storage_->begin_attempt(lineage);
  }
  Result<bool> resume(const std::vector<TaskCells>& tasks) override { return storage_->resume(tasks); }
  Result<StateTable*> restored_cells(TaskId task, const std::string& node_name) override {
    return storage_->restored_cells(task, node_name);
  }
  void finish_restore() override { storage_->finish_restore(); }
  Result<std::shared_ptr<TaskStateBackend>> backend(TaskId task) override { return storage_->backend(task); }

  Result<int64_t> publish(const Checkpoint& checkpoint) override {
    RF_ASSIGN(const int64_t bytes, storage_->publish(checkpoint));
    std::vector<StoredRead> reads;
    for (const TaskSnapshot& snapshot : checkpoint.tasks) collect_reads(snapshot.blobs, reads);
    const std::lock_guard lock(mutex_);
    add_holds(reads, kept_.emplace_back());
    // As many as there are checkpoints that a start may fall back to.
    while (kept_.size() > CheckpointStore::kKept) kept_.pop_front();
    std::vector<ReadPosition> all;
    for (const auto& positions : kept_) all.insert(all.end(), positions.begin(), positions.end());
    topics_->set_read_positions(checkpoint.job, std::move(all));
    return bytes;
  }

 private:
  std::shared_ptr<JobStorage> storage_;
  std::shared_ptr<TopicStore> topics_;
  std::mutex mutex_;
  std::deque<std::vector<ReadPosition>> kept_;  // of the last checkpoints, oldest first
};

bool names_topic(const Options& options, const Options& cluster, const std::string& topic) {
  return cluster.text("brokers").empty() && options.text("name") == topic;
}

}  // namespace

Result<std::optional<StoredJob>> stored_job(Env& env, const DataDir& dir, const std::string& job) {
  RF_ASSIGN(const std::vector<Checkpoint> checkpoints, read_manifests(env.fs(), dir.checkpoints(job)));
  return checkpoints.empty() ? std::nullopt : std::optional<StoredJob>(job_from(checkpoints));
}

Result<std::vector<StoredJob>> stored_jobs(Env& env, const DataDir& dir) {
  std::vector<StoredJob> jobs;
  auto entries = env.fs().list(join_path(dir.path(), "jobs"));
  if (!entries.ok() && entries.status().code() == Code::not_found) return jobs;
  if (!entries.ok()) return std::move(entries).status();
  for (const DirEntry& entry : *entries) {
    if (!entry.is_dir) continue;
    RF_ASSIGN(std::optional<StoredJob> job, stored_job(env, dir, entry.name));
    if (job) jobs.push_back(*std::move(job));
  }
  return jobs;
}

void hold_unread(TopicStore& topics, const std::vector<StoredJob>& jobs) {
  for (const StoredJob& job : jobs) topics.set_read_positions(job.job, job.holds);
}

std::vector<TopicUser> users_in_plan(const LogicalPlan& plan, const std::string& topic) {
  std::vector<TopicUser> users;
  for (const LogicalNode& node : plan.nodes) {
    if (const auto* source = std::get_if<SourceNode>(&node.body)) {
      if (source->kind->topic_admin && names_topic(source->config.options, source->config.cluster, topic))
        users.push_back({plan.job, node.step, true, true});
    } else if (const auto* sink = std::get_if<SinkNode>(&node.body)) {
      if (sink->kind->topics && names_topic(sink->config->options, sink->config->cluster, topic))
        users.push_back({plan.job, node.step, false, true});
    }
  }
  return users;
}

std::vector<TopicUser> stored_users(const std::vector<StoredJob>& jobs, TopicStore& topics,
                                    const std::string& topic) {
  TopicIdentity identity{topic, {}};
  std::vector<std::pair<std::string, std::string>> writers;
  // Of one that can't be opened only the name is known.
  if (const auto found = topics.find(topic); found.ok()) {
    identity = (*found)->identity();
    writers = (*found)->writers();
  }
  std::vector<TopicUser> users;
  for (const StoredJob& job : jobs) {
    std::set<std::string> readers;
    for (const StoredRead& read : job.reads) {
      if (!read.ended && is_same_topic(read.position.topic, identity)) readers.insert(read.step);
    }
    for (const std::string& step : readers) users.push_back({job.job, step, true, false});
    for (const auto& [lineage, sink] : writers) {
      if (lineage == job.lineage) users.push_back({job.job, sink, false, false});
    }
  }
  return users;
}

Status check_unused(const std::string& topic, const std::vector<TopicUser>& users) {
  if (users.empty()) return {};
  std::string who;
  for (const TopicUser& user : users) {
    who += fmt::format("{}job '{}' ({}) {} it as '{}'", who.empty() ? "" : ", ", user.job,
                       user.running ? "running" : "at rest", user.reads ? "reads" : "writes", user.step);
  }
  return Status::user(
      Code::failed_precondition,
      fmt::format(
          "Topic '{}' is in use: {}. Deleting it fails a job that runs, and one at rest does not go on "
          "from its checkpoint: do it anyway with --force (HTTP: ?force=true).",
          topic, who));
}

std::shared_ptr<JobStorage> holding_storage(std::shared_ptr<JobStorage> storage,
                                            std::shared_ptr<TopicStore> topics,
                                            std::vector<ReadPosition> holds) {
  return std::make_shared<HoldingStorage>(std::move(storage), std::move(topics), std::move(holds));
}

}  // namespace rideflow
