#include "runtime/job_service.h"

#include <fmt/format.h>

#include "dsl/expression_binder.h"
#include "runtime/hosted_jobs.h"

namespace rideflow {

JobService::JobService(JobHost* host, const Catalog* catalog, std::shared_ptr<const JobAccess> access,
                       std::unique_ptr<JobRegistry> registry, RunOptions options)
    : host_(host),
      catalog_(catalog),
      access_(std::move(access)),
      registry_(std::move(registry)),
      options_(std::move(options)) {}

Status JobService::open() {
  RF_ASSIGN(JobRegistry::Listing listing, registry_->list());
  const std::lock_guard lock(mutex_);
  for (RegisteredJob& job : listing.jobs) {
    const std::string name = job.name;
    entries_[name].job = std::move(job);
  }
  for (auto& [name, status] : listing.damaged) {
    host_->env().warn("job_registry_damaged", {{"job", name}, {"why", status.to_string()}});
    Entry& entry = entries_[name];
    entry.job.name = name;
    entry.damage = std::move(status);
  }
  return {};
}

void JobService::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

LoadedJob JobService::load(const JobVersion& version) const {
  LoadOptions options;
  options.lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto given = version.variables.find(std::string(name));
    return given != version.variables.end() ? given->second : access_->variable(std::string(name));
  };
  LoadedJob job = load_job(version.text, "job", *catalog_, options);
  if (job.ok()) access_->refuse(job, *catalog_);
  return job;
}

Result<JobService::Entries::iterator> JobService::find_entry(const std::string& job) {
  const auto found = entries_.find(job);
  if (found != entries_.end() && !found->second.cancelled) {
    if (!found->second.damage.ok()) return found->second.damage;
    return found;
  }
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  const std::string message = with_suggestion(fmt::format("There is no job '{}'", job), job, names);
  return Status::user(Code::not_found, message + ".");
}

Result<std::vector<StateFinding>> JobService::survey(const LoadedJob& job) const {
  RF_ASSIGN(const std::optional<Checkpoint> before, host_->newest_checkpoint(job.plan->job));
  if (!before) return std::vector<StateFinding>();
  return survey_state(host_->env(), *before, job.plan);
}

Status JobService::store(Entry& entry, const RegisteredJob& next) {
  const Result<int64_t> revision = registry_->put(next);
  if (revision.ok()) {
    entry.job = next;
    entry.job.revision = *revision;
    return {};
  }
  // It may be there in spite of an error, or have been changed by somebody else: what it says now holds.
  const Result<JobRegistry::Listing> listing = registry_->list();
  if (!listing.ok()) return revision.status();
  for (const RegisteredJob& job : listing->jobs) {
    if (job.name == next.name) entry.job = job;
  }
  return revision.status();
}

// ---- What people ask for

Result<SubmissionAnswer> JobService::submit(const JobSubmission& submission) {
  JobVersion version;
  version.text = submission.text;
  version.variables = submission.variables;
  version.drop_state = submission.drop_state;
  version.submitted_at = host_->env().now();
  const LoadedJob loaded = load(version);
  SubmissionAnswer answer;
  answer.job = loaded.spec.job;
  answer.errors = loaded.errors;
  answer.warnings = loaded.warnings;

  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(answer.job);
  const bool known = found != entries_.end();
  if (known && found->second.cancelled && !submission.dry_run) {
    return Status::user(
        Code::failed_precondition,
        fmt::format("The job '{}' is being cancelled: submit it when it is gone.", answer.job));
  }
  if (known && !found->second.damage.ok()) return found->second.damage;
  const JobVersion* before = known ? found->second.job.find(found->second.job.current) : nullptr;
  version.parallelism = submission.parallelism.value_or(before ? before->parallelism : options_.parallelism);
  answer.changed = before == nullptr || !before->same_as(version);
  answer.version = known ? found->second.job.current : 0;
  std::vector<StepChange> steps;
  if (before != nullptr) {
    const LoadedJob old = load(*before);
    steps = job_difference(&old.spec, loaded.spec);
  } else {
    steps = job_difference(nullptr, loaded.spec);
  }
  std::vector<StateFinding> findings;
  if (submission.dry_run && loaded.ok()) {
    RF_ASSIGN(findings, survey(loaded));
  }
  answer.steps = job_evolution(steps, findings);
  if (!answer.errors.empty()) return answer;
  if (answer.changed) answer.version = (known ? found->second.job.newest : 0) + 1;
  if (submission.dry_run) return answer;

  Entry& entry = known ? found->second : entries_[answer.job];
  RegisteredJob next = entry.job;
  next.name = answer.job;
  next.wanted = WantedState::running;
  if (answer.changed) next.add(std::move(version));
  Status stored;
  if (answer.changed || next.wanted != entry.job.wanted) stored = store(entry, next);
  if (!stored.ok()) {
    if (!known) entries_.erase(answer.job);
    return stored;
  }
  if (answer.changed) entry.error.clear();
  return answer;
}

Status JobService::want(const std::string& job, WantedState wanted) {
  const std::lock_guard lock(mutex_);
  RF_ASSIGN(const auto found, find_entry(job));
  Entry& entry = found->second;
  if (entry.job.wanted != wanted) {
    RegisteredJob next = entry.job;
    next.wanted = wanted;
    RF_TRY(store(entry, next));
  }
  // One that ended by itself is started once more.
  const std::optional<HostedJob> hosted = host_->find(job);
  if (wanted == WantedState::running && (!hosted || hosted->job->over())) {
    entry.started = 0;
    entry.error.clear();
  }
  return {};
}

Status JobService::cancel(const std::string& job) {
  const std::lock_guard lock(mutex_);
  const auto damaged = entries_.find(job);
  if (damaged == entries_.end() || damaged->second.damage.ok()) RF_TRY(find_entry(job).status());
  RF_TRY(registry_->remove(job));
  entries_[job].cancelled = true;
  return {};
}

Result<int64_t> JobService::rollback(const std::string& job, std::optional<int64_t> version,
                                     const std::vector<std::string>& drop_state) {
  const std::lock_guard lock(mutex_);
  RF_ASSIGN(const auto found, find_entry(job));
  RegisteredJob next = found->second.job;
  int64_t to = 0;
  for (const JobVersion& one : next.versions) {
    if (version ? one.number == *version : one.number < next.current) to = one.number;
  }
  if (to == 0) {
    return Status::user(
        Code::not_found,
        version ? fmt::format("The job '{}' has no version {}: `rideflow versions {}` lists them.", job,
                              *version, job)
                : fmt::format("The job '{}' has no version before {}.", job, next.current));
  }
  const LoadedJob loaded = load(*next.find(to));
  if (!loaded.ok()) return Status::user(Code::failed_precondition, format_diagnostics(loaded));
  for (JobVersion& one : next.versions) {
    if (one.number != to) continue;
    one.drop_state = drop_state;
    one.drop_before = {};
  }
  next.current = to;
  next.wanted = WantedState::running;
  RF_TRY(store(found->second, next));
  found->second.error.clear();
  return to;
}

Result<RegisteredJob> JobService::registered(const std::string& job) const {
  const std::lock_guard lock(mutex_);
  RF_ASSIGN(const auto found, const_cast<JobService*>(this)->find_entry(job));
  return found->second.job;
}

// ---- What is made of it

void JobService::look() {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  for (auto it = entries_.begin(); it != entries_.end();) {
    const std::optional<HostedJob> hosted = host_->find(it->first);
    if (it->second.cancelled && (!hosted || hosted->job->over())) {
      host_->forget(it->first);
      it = entries_.erase(it);
      continue;
    }
    if (it->second.damage.ok() || it->second.cancelled) look_at(it->second, hosted);
    ++it;
  }
}

void JobService::look_at(Entry& entry, const std::optional<HostedJob>& hosted) {
  const bool active = hosted && !hosted->job->over();
  if (active && hosted->job->execution()) entry.worked = entry.started;
  const bool should = !entry.cancelled && entry.job.wanted == WantedState::running;
  if (active && should && entry.started == entry.job.current) return;
  if (active) {
    if (entry.cancelled) {
      hosted->job->stop_at_once();
    } else if (!entry.asked_to_stop) {
      hosted->job->stop();
    }
    entry.asked_to_stop = true;
    return;
  }
  if (entry.asked_to_stop || !should) entry.started = 0;  // its end was asked for
  entry.asked_to_stop = false;
  if (!should) return;
  if (entry.started != entry.job.current) return start(entry);
  if (!hosted || hosted->job->state() != "failed") return;
  if (fall_back(entry, *hosted) || entry.told) return;
  entry.told = true;
  host_->env().warn("job_failed", {{"job", entry.job.name}, {"why", hosted->job->error()}});
}

void JobService::start(Entry& entry) {
  const JobVersion& version = *entry.job.find(entry.job.current);
  entry.started = version.number;
  entry.told = false;
  const LoadedJob loaded = load(version);
  if (!loaded.ok()) {
    // Written by an earlier Rideflow, or started with less access.
    entry.error = format_diagnostics(loaded);
    return;
  }
  RunOptions options = options_;
  options.parallelism = version.parallelism;
  options.drop_state = version.drop_state;
  options.drop_before = version.drop_before;
  if (!version.drop_state.empty()) {
    options.begun = [this, job = entry.job.name, number = version.number](Epoch first) {
      return note_drop(job, number, first);
    };
  }
  const Status started = host_->start_soon(loaded.plan, options);
  entry.error = started.ok() ? std::string() : started.to_string();
}

// Written down before the version's first checkpoint: a start after that one gives up nothing once more.
Status JobService::note_drop(const std::string& job, int64_t version, Epoch first) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(job);
  if (found == entries_.end()) return {};
  RegisteredJob next = found->second.job;
  for (JobVersion& one : next.versions) {
    if (one.number == version) one.drop_before = first;
  }
  return store(found->second, next);
}

// A new version that can't even be built, such as one that its state does not fit, is not better than the one
// that ran before it. True: that one counts again.
bool JobService::fall_back(Entry& entry, const HostedJob& failed) {
  if (entry.worked == 0 || entry.worked == entry.job.current || failed.job->execution()) return false;
  if (entry.job.find(entry.worked) == nullptr) return false;
  const std::string text = fmt::format("version {} can't be started: {}; version {} goes on",
                                       entry.job.current, failed.job->error(), entry.worked);
  RegisteredJob next = entry.job;
  next.current = entry.worked;
  if (!store(entry, next).ok()) return false;
  host_->env().warn("job_version_refused", {{"job", entry.job.name}, {"why", text}});
  start(entry);
  if (entry.error.empty()) entry.error = text;
  return true;
}

// ---- What is to be seen

std::vector<std::string> JobService::jobs() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

std::optional<JobEntry> JobService::find(const std::string& job) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(job);
  if (found == entries_.end()) return std::nullopt;
  const Entry& entry = found->second;
  JobEntry out;
  out.job = job;
  out.version = entry.job.current;
  out.started_version = entry.started;
  out.wanted = entry.cancelled ? "cancelled" : to_string(entry.job.wanted);
  out.error = entry.damage.ok() ? entry.error : entry.damage.to_string();
  const std::optional<HostedJob> hosted = host_->find(job);
  if (hosted) {
    describe(*hosted, out);
  } else if (!out.error.empty()) {
    out.state = "failed";
  } else {
    out.state = entry.job.wanted == WantedState::running ? "starting" : "stopped";
  }
  return out;
}

std::vector<JobLogLine> JobService::log_lines(const std::string& job, int64_t from) const {
  return host_->log_lines(job, from);
}

}  // namespace rideflow
