#include "runtime/savepoints.h"

#include <fmt/format.h>

#include <algorithm>

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

// Links to the files of the checkpoint, which may go at any moment.
Status link_files(FileSystem& fs, const Checkpoint& checkpoint, const std::string& files_dir,
                  const std::string& work_dir) {
  RF_TRY(fs.make_dirs(work_dir));
  for (const TaskSnapshot& task : checkpoint.tasks) {
    for (const StateFile& file : task.files) {
      const std::string to = join_path(work_dir, file.name);
      const Result<DirEntry> there = fs.stat(to);
      if (!there.ok()) RF_TRY(fs.link(join_path(files_dir, file.name), to));
    }
  }
  return {};
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

Result<Checkpoint> take_savepoint(Env& env, const SavepointSource& source, ObjectStore& to, int64_t* bytes) {
  RF_ASSIGN(std::vector<Checkpoint> checkpoints, read_manifests(env.fs(), source.checkpoints_dir));
  if (source.published) {
    std::erase_if(checkpoints, [&](const Checkpoint& one) { return one.epoch > *source.published; });
  }
  if (checkpoints.empty()) {
    return Status::user(
        Code::not_found,
        fmt::format("job '{}' has no checkpoint that a savepoint could be made of", source.job));
  }
  Checkpoint savepoint = std::move(checkpoints.back());
  if (source.published) {
    for (TaskSnapshot& task : savepoint.tasks) task.prepared.clear();
  }
  RF_TRY(link_files(env.fs(), savepoint, join_path(source.checkpoints_dir, "files"), source.work_dir));
  auto written = write_savepoint(savepoint, source.work_dir, to);
  const Status removed = env.fs().remove_tree(source.work_dir);
  if (!written.ok()) return std::move(written).status();
  RF_TRY(removed);
  *bytes = *written;
  return savepoint;
}

Result<int64_t> Savepoints::ask(const std::string& job, const std::string& to) {
  RF_ASSIGN(const std::optional<Checkpoint> checkpoint, host_->newest_checkpoint(job));
  if (!host_->find(job) && !checkpoint) {
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
  if (to.find('/') != std::string::npos) {
    RF_TRY(may_write_(to));
    return to;
  }
  std::string name = to;
  if (name.empty()) {
    name = fmt::format("{}-{}", job, format_timestamp(host_->env().now()));
    std::replace(name.begin(), name.end(), ':', '-');
  }
  if (name.starts_with('.'))
    return Status::user(Code::invalid_argument, fmt::format("'{}' is no name for a savepoint", to));
  return join_path(join_path(host_->data_dir(), "savepoints"), name);
}

void Savepoints::look() {
  const std::lock_guard lock(mutex_);
  for (Request& request : requests_) {
    if (request.view.state == SavepointView::State::waiting) wait_for_checkpoint(request);
    if (request.view.state == SavepointView::State::writing && request.work->done()) finish(request);
  }
}

void Savepoints::wait_for_checkpoint(Request& request) {
  const std::optional<HostedJob> hosted = host_->find(request.view.job);
  const std::shared_ptr<JobExecution> execution = hosted ? hosted->job->execution() : nullptr;
  if (!hosted || hosted->job->over()) {
    // Of one that was paused or finished everything is published.
    std::optional<Epoch> published;
    if (execution && execution->result().ok() && execution->status().unpublished.empty())
      published = execution->status().last_complete;
    return write(request, published);
  }
  if (!execution) return;  // between two attempts
  const CoordinatorState state = execution->status();
  if (request.asked.lock() != execution) {
    request.asked = execution;
    request.after = newest_begun(state);
  }
  if (!state.history.empty() && state.history.front().epoch > request.after)
    return write(request, state.history.front().epoch);
  if (newest_begun(state) == request.after && !state.current) execution->request_checkpoint();
}

void Savepoints::write(Request& request, std::optional<Epoch> published) {
  SavepointSource source = host_->savepoint_source(request.view.job);
  source.published = published;
  request.view.state = SavepointView::State::writing;
  request.written = std::make_shared<Written>();
  request.work = host_->env().offload(
      [&env = host_->env(), source = std::move(source), to = request.view.to,
       written = request.written]() -> Status {
        RF_ASSIGN(const auto store, open_place(env, to));
        RF_ASSIGN(const Checkpoint made, take_savepoint(env, source, *store, &written->bytes));
        written->epoch = made.epoch;
        return {};
      },
      Lane::others);
}

void Savepoints::finish(Request& request) {
  const Status status = request.work->status();
  request.work.reset();
  request.view.state = status.ok() ? SavepointView::State::complete : SavepointView::State::failed;
  request.view.epoch = request.written->epoch;
  request.view.bytes = request.written->bytes;
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
