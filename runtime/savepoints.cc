#include "runtime/savepoints.h"

#include <fmt/format.h>

#include <algorithm>

#include "dsl/job.h"
#include "engine/presence.h"
#include "runtime/object_places.h"
#include "state/manifest_reader.h"

namespace rideflow {
namespace {

constexpr size_t kUnderWay = 16;
constexpr size_t kKeptRequests = 50;

bool ended(const SavepointView& view) {
  return view.state == SavepointView::State::complete || view.state == SavepointView::State::failed;
}

Epoch newest_begun(const CoordinatorState& state) {
  return state.current ? state.current->epoch : state.last_complete;
}

}  // namespace

std::string_view to_string(SavepointView::State state) {
  switch (state) {
    case SavepointView::State::waiting:
      return "waiting";
    case SavepointView::State::writing:
      return "writing";
    case SavepointView::State::complete:
      return "complete";
    case SavepointView::State::failed:
      break;
  }
  return "failed";
}

SavepointSource savepoint_source(Env& env, const DataDir& dir, const std::string& job) {
  SavepointSource source;
  source.job = job;
  source.checkpoints_dir = dir.checkpoints(job);
  source.work_dir = join_path(dir.savepoint_work(), fmt::format("{:016x}", env.random()));
  return source;
}

// ---- HeldCheckpoint

namespace {

// Of a job that nobody runs: with all its files as they were written.
Result<Checkpoint> newest_whole(Env& env, const SavepointSource& source) {
  RF_ASSIGN(const bool there, exists(env.fs(), source.checkpoints_dir));
  std::optional<LoadedCheckpoint> loaded;
  if (there) {
    RF_ASSIGN(const auto store, CheckpointStore::open(env, source.checkpoints_dir));
    RF_ASSIGN(loaded, store->load());
  }
  if (loaded) return std::move(loaded->checkpoint);
  return Status::user(
      Code::not_found,
      fmt::format("job '{}' has no checkpoint that a savepoint could be made of", source.job));
}

Result<Checkpoint> checkpoint_of(Env& env, const SavepointSource& source, Epoch epoch) {
  RF_ASSIGN(const std::vector<Checkpoint> all, read_manifests(env.fs(), source.checkpoints_dir));
  for (const Checkpoint& one : all) {
    if (one.epoch == epoch) return one;
  }
  return Status::external(Code::not_found, fmt::format("checkpoint {} of job '{}' is gone or can't be read",
                                                       epoch.value, source.job));
}

}  // namespace

Result<std::shared_ptr<HeldCheckpoint>> HeldCheckpoint::hold(Env& env, const SavepointSource& source,
                                                             std::optional<Epoch> epoch) {
  std::shared_ptr<HeldCheckpoint> held(new HeldCheckpoint(env, source.work_dir));
  RF_ASSIGN(held->checkpoint_, epoch ? checkpoint_of(env, source, *epoch) : newest_whole(env, source));
  RF_TRY(held->link_files(join_path(source.checkpoints_dir, "files")));
  return held;
}

HeldCheckpoint::~HeldCheckpoint() {
  const Status removed = env_.fs().remove_tree(dir_);
  if (!removed.ok()) env_.warn("savepoint_work_not_removed", {{"dir", dir_}, {"error", removed.to_string()}});
}

Status HeldCheckpoint::link_files(const std::string& files_dir) {
  FileSystem& fs = env_.fs();
  RF_TRY(fs.make_dirs(dir_));
  for (const StateFile& file : files_of(checkpoint_))
    RF_TRY(fs.link(join_path(files_dir, file.name), join_path(dir_, file.name)));
  return {};
}

void HeldCheckpoint::set_published() {
  for (TaskSnapshot& task : checkpoint_.tasks) task.prepared.clear();
}

Result<int64_t> HeldCheckpoint::write(ObjectStore& to) const {
  return write_savepoint(checkpoint_, dir_, to);
}

Result<std::string> savepoint_place(Env& env, const std::string& savepoints_dir, const std::string& job,
                                    const std::string& to) {
  if (to.find('/') != std::string::npos) return to;
  std::string name = to;
  if (name.empty()) {
    name = fmt::format("{}-{}", job, format_timestamp(env.now()));
    std::replace(name.begin(), name.end(), ':', '-');
  }
  if (name.starts_with('.'))
    return Status::user(Code::invalid_argument, fmt::format("'{}' is no name for a savepoint", to));
  return join_path(savepoints_dir, name);
}

// ---- Savepoints

// What a piece of background work leaves.
struct Savepoints::Work {
  std::shared_ptr<Completion> done;
  std::shared_ptr<HeldCheckpoint> held;
  bool published = false;  // known when it is held
  int64_t bytes = 0;
};

Result<int64_t> Savepoints::ask(const std::string& job, const std::string& to) {
  const bool known = is_job_name(job) && host_->find(job).has_value();
  bool has_run = false;
  if (!known && is_job_name(job)) {
    RF_ASSIGN(const std::optional<Checkpoint> checkpoint, host_->newest_checkpoint(job));
    has_run = checkpoint.has_value();
  }
  if (!known && !has_run) {
    return Status::user(Code::not_found, fmt::format("There is no job '{}'.", job));
  }
  RF_ASSIGN(const std::string place, place_of(job, to));
  const std::lock_guard lock(mutex_);
  const auto under_way = std::count_if(requests_.begin(), requests_.end(),
                                       [](const Request& request) { return !ended(request.view); });
  if (static_cast<size_t>(under_way) >= kUnderWay) {
    return Status::external(Code::unavailable, "Too many savepoints are under way: try again later.",
                            Retry::backoff);
  }
  while (requests_.size() >= kKeptRequests && ended(requests_.front().view)) requests_.pop_front();
  Request& request = requests_.emplace_back();
  request.view.id = ++last_;
  request.view.job = job;
  request.view.to = place;
  request.view.asked_at = host_->env().now();
  return request.view.id;
}

Result<std::string> Savepoints::place_of(const std::string& job, const std::string& to) const {
  RF_ASSIGN(std::string place, savepoint_place(host_->env(), host_->dir().savepoints(), job, to));
  if (place == to) RF_TRY(may_write_(place));
  return place;
}

void Savepoints::look() {
  const std::lock_guard lock(mutex_);
  for (Request& request : requests_) {
    if (ended(request.view)) continue;
    if (request.work && request.work->done->done()) finish(request);
    if (request.work || ended(request.view)) continue;
    request.held ? wait_until_published(request) : wait_for_checkpoint(request);
  }
}

void Savepoints::wait_for_checkpoint(Request& request) {
  const std::optional<HostedJob> hosted = host_->find(request.view.job);
  const std::shared_ptr<JobExecution> execution = hosted ? hosted->job->execution() : nullptr;
  if (!hosted || hosted->job->over()) {
    // Of one that was paused or finished everything is published.
    const bool published = execution && execution->result().ok() && execution->status().unpublished.empty();
    return published ? hold(request, execution->status().last_complete, true)
                     : hold(request, std::nullopt, false);
  }
  if (!execution) return;  // between two attempts
  const CoordinatorState state = execution->status();
  if (request.asked.lock() != execution) {
    request.asked = execution;
    request.after = newest_begun(state);
  }
  if (state.last_complete > request.after) return hold(request, state.last_complete, false);
  if (!state.current) execution->request_checkpoint();
}

// A new attempt does again what the last one had not published, under other epochs: the savepoint begins
// anew.
void Savepoints::wait_until_published(Request& request) {
  const std::shared_ptr<JobExecution> execution = request.asked.lock();
  const std::optional<HostedJob> hosted = host_->find(request.view.job);
  if (!execution || !hosted || hosted->job->execution() != execution) return request.held.reset();
  const CoordinatorState state = execution->status();
  if (!state.history.empty() && state.history.front().epoch >= request.held->epoch()) {
    request.held->set_published();
    return write(request);
  }
  if (hosted->job->over()) request.held.reset();
}

void Savepoints::hold(Request& request, std::optional<Epoch> epoch, bool published) {
  auto work = std::make_shared<Work>();
  work->published = published;
  work->done = host_->env().offload([&env = host_->env(),
                                     source = savepoint_source(host_->env(), host_->dir(), request.view.job),
                                     epoch, out = std::weak_ptr<Work>(work)]() -> Status {
    RF_ASSIGN(auto held, HeldCheckpoint::hold(env, source, epoch));
    if (const auto at = out.lock()) at->held = std::move(held);
    return {};
  });
  request.work = std::move(work);
}

void Savepoints::write(Request& request) {
  request.view.state = SavepointView::State::writing;
  request.view.epoch = request.held->epoch();
  auto work = std::make_shared<Work>();
  work->held = std::exchange(request.held, nullptr);
  work->done = host_->env().offload(
      [&env = host_->env(), held = work->held, to = request.view.to,
       out = std::weak_ptr<Work>(work)]() -> Status {
        RF_ASSIGN(const auto store, open_place(env, to));
        RF_ASSIGN(const int64_t bytes, held->write(*store));
        if (const auto at = out.lock()) at->bytes = bytes;
        return {};
      },
      Lane::others);
  request.work = std::move(work);
}

void Savepoints::finish(Request& request) {
  const std::shared_ptr<Work> work = std::exchange(request.work, nullptr);
  const Status status = work->done->status();
  const bool writing = request.view.state == SavepointView::State::writing;
  if (status.ok() && !writing) {
    request.held = work->held;
    if (work->published) request.held->set_published();
    const std::optional<HostedJob> hosted = host_->find(request.view.job);
    const bool runs = hosted && !hosted->job->over();
    if (work->published || !runs) write(request);
    return;
  }
  // Pushed out by later checkpoints before it was held: the next one, then.
  if (!writing && status.code() == Code::not_found && status.blame() == Blame::external) return;
  request.view.state = status.ok() ? SavepointView::State::complete : SavepointView::State::failed;
  request.view.bytes = work->bytes;
  if (!status.ok()) {
    request.view.error = status.to_string();
    host_->env().warn("savepoint_failed", {{"job", request.view.job}, {"why", request.view.error}});
    return;
  }
  host_->env().info("savepoint_written", {{"job", request.view.job},
                                          {"checkpoint", std::to_string(request.view.epoch.value)},
                                          {"to", request.view.to}});
}

std::vector<SavepointView> Savepoints::of(const std::string& job) const {
  const std::lock_guard lock(mutex_);
  std::vector<SavepointView> all;
  for (auto request = requests_.rbegin(); request != requests_.rend(); ++request) {
    if (request->view.job == job) all.push_back(request->view);
  }
  return all;
}

}  // namespace rideflow
