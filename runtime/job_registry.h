// JobRegistry: the jobs that were submitted, all their versions, and whether each should run. It is what a
// process that was killed goes on from.
//
// An interface of few verbs: a directory here, a cluster's store later. Whoever changes an entry gives the
// revision that he saw, so that of two at the same time one is told. Thread-safety: one call at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/env.h"

namespace rideflow {

// What was submitted, as it was: never planned or resolved, so that a later Rideflow reads it its own way.
struct JobVersion {
  int64_t number = 0;  // from 1 on
  Micros submitted_at = 0;
  std::string text;
  std::map<std::string, std::string> variables;  // for ${NAME}
  int32_t parallelism = 1;
  // Steps whose state its first start gives up where it doesn't fit (--drop-state), and from which epoch on
  // that is done; 0: not yet.
  std::vector<std::string> drop_state;
  Epoch drop_before = {};
  bool same_as(const JobVersion& other) const {
    return text == other.text && variables == other.variables && parallelism == other.parallelism;
  }
};

enum class WantedState : uint8_t { running, stopped };
std::string_view to_string(WantedState wanted);

struct RegisteredJob {
  static constexpr size_t kVersions = 20;  // the newest; the one that counts is never dropped
  std::string name;
  int64_t revision = 0;  // counts its changes; 0: it was never stored
  WantedState wanted = WantedState::running;
  int64_t current = 0;               // the version that counts
  int64_t newest = 0;                // the last number that was given
  std::vector<JobVersion> versions;  // oldest first

  const JobVersion* find(int64_t number) const;
  // Gives it the next number and makes it the one that counts; drops the oldest when there are too many.
  void add(JobVersion version);
};

class JobRegistry {
 public:
  virtual ~JobRegistry() = default;

  struct Listing {
    std::vector<RegisteredJob> jobs;                      // by name
    std::vector<std::pair<std::string, Status>> damaged;  // name, why it can't be read
  };
  virtual Result<Listing> list() = 0;
  // Durable when it returns the new revision. aborted: the stored revision is another than `job.revision`.
  virtual Result<int64_t> put(const RegisteredJob& job) = 0;
  virtual Status remove(const std::string& name) = 0;  // ok when missing
};

// In the folder of each job beneath `jobs_dir`: the file JOB, written aside and renamed, with a checksum.
std::unique_ptr<JobRegistry> file_registry(Env& env, const std::string& jobs_dir);

std::string encode_job(const RegisteredJob& job);
Result<RegisteredJob> decode_job(std::string_view bytes);  // data_loss

}  // namespace rideflow
