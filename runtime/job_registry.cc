#include "runtime/job_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/byte_codec.h"
#include "engine/hash.h"

namespace rideflow {
namespace {

constexpr std::string_view kMark = "rideflow-job ";
constexpr int kFormat = 1;

Status damaged(std::string_view what) {
  return Status::external(Code::data_loss, fmt::format("it is damaged: {}", what));
}

class FileRegistry : public JobRegistry {
 public:
  FileRegistry(Env& env, std::string dir) : env_(env), dir_(std::move(dir)) {}

  Result<Listing> list() override {
    Listing listing;
    const Result<std::vector<DirEntry>> entries = env_.fs().list(dir_);
    if (!entries.ok()) {
      if (entries.status().code() == Code::not_found) return listing;
      return Status(entries.status());
    }
    for (const DirEntry& entry : *entries) {
      if (!entry.is_dir) continue;
      Result<std::optional<RegisteredJob>> job = read(entry.name);
      if (!job.ok()) {
        listing.damaged.emplace_back(entry.name, job.status());
      } else if (*job) {
        listing.jobs.push_back(**std::move(job));
      }
    }
    return listing;
  }

  Result<int64_t> put(const RegisteredJob& job) override {
    RF_ASSIGN(const std::optional<RegisteredJob> stored, read(job.name));
    const int64_t revision = stored ? stored->revision : 0;
    if (revision != job.revision) {
      return Status(
          Code::aborted, Blame::user, Retry::no,
          fmt::format("somebody else changed the job '{}' meanwhile: look, and try again", job.name));
    }
    RegisteredJob next = job;
    ++next.revision;
    RF_TRY(env_.fs().make_dirs(parent_dir(path(job.name))));
    RF_TRY(write_file_atomic(env_.fs(), path(job.name), encode_job(next)));
    return next.revision;
  }

  Status remove(const std::string& name) override {
    RF_TRY(env_.fs().remove(path(name)));
    const Status synced = env_.fs().sync_dir(parent_dir(path(name)));
    return synced.code() == Code::not_found ? Status() : synced;
  }

 private:
  std::string path(const std::string& name) const { return join_path(join_path(dir_, name), "JOB"); }

  Result<std::optional<RegisteredJob>> read(const std::string& name) {
    const Result<std::string> bytes = read_file(env_.fs(), path(name));
    if (!bytes.ok()) {
      if (bytes.status().code() == Code::not_found) return std::optional<RegisteredJob>();
      return Status(bytes.status());
    }
    Result<RegisteredJob> job = decode_job(*bytes);
    if (job.ok() && job->name != name) job = damaged(fmt::format("it is of the job '{}'", job->name));
    if (!job.ok()) return std::move(job).status().with("'" + path(name) + "'");
    return std::optional<RegisteredJob>(*std::move(job));
  }

  Env& env_;
  const std::string dir_;
};

JobVersion decode_version(ByteReader& in) {
  JobVersion version;
  version.number = in.get<int64_t>();
  version.submitted_at = in.get<Micros>();
  version.parallelism = in.get<int32_t>();
  version.text = in.get_string();
  const auto variables = in.get<uint32_t>();
  for (uint32_t i = 0; i < variables && in.ok(); ++i) {
    std::string name = in.get_string();
    version.variables[std::move(name)] = in.get_string();
  }
  const auto dropped = in.get<uint32_t>();
  for (uint32_t i = 0; i < dropped && in.ok(); ++i) version.drop_state.push_back(in.get_string());
  version.drop_before = Epoch(in.get<int64_t>());
  return version;
}

}  // namespace

std::string_view to_string(WantedState wanted) {
  return wanted == WantedState::running ? "running" : "stopped";
}

const JobVersion* RegisteredJob::find(int64_t number) const {
  const auto found = std::find_if(versions.begin(), versions.end(),
                                  [number](const JobVersion& version) { return version.number == number; });
  return found == versions.end() ? nullptr : &*found;
}

void RegisteredJob::add(JobVersion version) {
  version.number = ++newest;
  current = newest;
  versions.push_back(std::move(version));
  if (versions.size() > kVersions) versions.erase(versions.begin());
}

std::unique_ptr<JobRegistry> file_registry(Env& env, const std::string& jobs_dir) {
  return std::make_unique<FileRegistry>(env, jobs_dir);
}

std::string encode_job(const RegisteredJob& job) {
  ByteWriter out;
  out.put_string(job.name).put(job.revision).put_string(to_string(job.wanted));
  out.put(job.current).put(job.newest).put(static_cast<uint32_t>(job.versions.size()));
  for (const JobVersion& version : job.versions) {
    out.put(version.number).put(version.submitted_at).put(version.parallelism).put_string(version.text);
    out.put(static_cast<uint32_t>(version.variables.size()));
    for (const auto& [name, value] : version.variables) out.put_string(name).put_string(value);
    out.put(static_cast<uint32_t>(version.drop_state.size()));
    for (const std::string& step : version.drop_state) out.put_string(step);
    out.put(version.drop_before.value);
  }
  const std::string body = out.take();
  return fmt::format("{}{} {} {:016x}\n", kMark, kFormat, body.size(), checksum64(body)) + body;
}

Result<RegisteredJob> decode_job(std::string_view bytes) {
  const size_t end = bytes.find('\n');
  if (!bytes.starts_with(kMark) || end == std::string_view::npos) return damaged("its first line");
  const std::string_view head = bytes.substr(kMark.size(), end - kMark.size());
  const std::string_view body = bytes.substr(end + 1);
  int format = 0;
  std::from_chars(head.data(), head.data() + head.size(), format);
  if (format > kFormat) {
    return Status::user(Code::failed_precondition,
                        fmt::format("it has format {}: use the newer Rideflow that wrote it", format));
  }
  if (head != fmt::format("{} {} {:016x}", kFormat, body.size(), checksum64(body)))
    return damaged("its checksum differs");
  ByteReader in(body);
  RegisteredJob job;
  job.name = in.get_string();
  job.revision = in.get<int64_t>();
  const std::string wanted = in.get_string();
  job.wanted = wanted == to_string(WantedState::stopped) ? WantedState::stopped : WantedState::running;
  job.current = in.get<int64_t>();
  job.newest = in.get<int64_t>();
  const auto versions = in.get<uint32_t>();
  for (uint32_t i = 0; i < versions && in.ok(); ++i) job.versions.push_back(decode_version(in));
  RF_TRY(in.finish("a submitted job"));
  if (job.find(job.current) == nullptr) return damaged("the version that counts is missing");
  return job;
}

}  // namespace rideflow
