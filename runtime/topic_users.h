// Who uses the topics of a data directory, and how far they have read them: jobs that run in this process,
// and those whose checkpoints say so. So that retention holds what a job has not read, and a topic in use is
// not deleted without a word.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "runtime/job_storage.h"
#include "state/data_dir.h"
#include "topics/topic_store.h"

namespace rideflow {

struct TopicUser {
  std::string job;
  std::string step;  // the source or sink
  bool reads = false;
  bool running = false;
};

// A job's reading as one checkpoint has it.
struct StoredRead {
  std::string step;
  ReadPosition position;
  bool ended = false;  // a bounded source that has all it wants
};
// A job as its checkpoints have it.
struct StoredJob {
  std::string job;
  std::string lineage;
  std::vector<StoredRead> reads;    // of the newest checkpoint
  std::vector<ReadPosition> holds;  // of all checkpoints that are kept: it may be restored from any of them
};
// Nothing when the job has no checkpoint.
Result<std::optional<StoredJob>> stored_job(Env& env, const DataDir& dir, const std::string& job);
Result<std::vector<StoredJob>> stored_jobs(Env& env, const DataDir& dir);
// Tells the store how far the jobs have read.
void hold_unread(TopicStore& topics, const std::vector<StoredJob>& jobs);

// Sources and sinks of the plan that use this topic of the data directory.
std::vector<TopicUser> users_in_plan(const LogicalPlan& plan, const std::string& topic);
// Those among the stored jobs: who has read it, up to where it must go on, and who has written into it.
std::vector<TopicUser> stored_users(const std::vector<StoredJob>& jobs, TopicStore& topics,
                                    const std::string& topic);
// failed_precondition (user) that names them, unless there are none.
Status check_unused(const std::string& topic, const std::vector<TopicUser>& users);

// The storage of a job that runs: after every checkpoint retention is told how far the job has read.
// `holds`: what the job's earlier checkpoints say.
std::shared_ptr<JobStorage> holding_storage(std::shared_ptr<JobStorage> storage,
                                            std::shared_ptr<TopicStore> topics,
                                            std::vector<ReadPosition> holds);

}  // namespace rideflow
