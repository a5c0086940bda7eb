#include "runtime/job_access.h"

#include <fmt/format.h>

#include <algorithm>

#include "dsl/option_checker.h"
#include "runtime/net_outgoing.h"
#include "runtime/object_places.h"
#include "runtime/posix_confined_fs.h"
#include "runtime/posix_process.h"
#include "runtime/posix_secret.h"

namespace rideflow {
namespace {

// A file source may name its files by a pattern.
std::string without_pattern(const std::string& path) {
  const std::string last = path.substr(path.rfind('/') + 1);
  return last.find_first_of("*?") == std::string::npos ? path : parent_dir(path);
}

// Looks through the options of one node.
class AccessSearch {
 public:
  AccessSearch(const std::function<Status(const std::string&)>& check_file,
               std::function<Status(const std::string&)> check_variable, const OutgoingAddresses& addresses,
               std::vector<OptionSpec> cluster_specs, std::vector<Diagnostic>& found)
      : check_file_(check_file),
        check_variable_(std::move(check_variable)),
        addresses_(addresses),
        cluster_specs_(std::move(cluster_specs)),
        found_(found) {}

  void options(const std::string& path, const std::vector<OptionSpec>& specs, const Options& options) {
    for (const auto& [name, value] : options.all()) {
      const std::string at = dotted(path, name);
      if (is_path(specs, name)) refuse(value.pos, at, check_file_(value.text));
      check(value.pos, at, value.secret);
      for (const auto& [key, secret] : value.secrets) check(value.pos, dotted(at, key), secret);
    }
  }

  // The job's `kafka:` section.
  void cluster(const Options& cluster) {
    options("kafka", cluster_specs_, cluster);
    const OptionValue* brokers = cluster.find("brokers");
    if (brokers == nullptr) return;
    for (std::string_view rest = brokers->text; !rest.empty();) {
      std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      while (one.starts_with(' ')) one.remove_prefix(1);
      while (one.ends_with(' ')) one.remove_suffix(1);
      if (!one.empty()) refuse(brokers->pos, "kafka.brokers", addresses_.check(one));
    }
  }

 private:
  void check(TextPos pos, const std::string& path, const SecretRef& secret) {
    if (!secret.file.empty()) refuse(pos, path, check_file_(secret.file));
    if (!secret.env.empty()) refuse(pos, path, check_variable_(secret.env));
  }
  static bool is_path(const std::vector<OptionSpec>& specs, const std::string& name) {
    for (const OptionSpec& spec : specs) {
      if (spec.name == name) return spec.type == OptionType::path;
    }
    return false;
  }
  void refuse(TextPos pos, const std::string& path, const Status& status) {
    if (status.ok()) return;
    for (const Diagnostic& known : found_) {
      if (known.path == path && known.message == status.message()) return;
    }
    found_.push_back({pos, path, status.message()});
  }

  const std::function<Status(const std::string&)>& check_file_;
  const std::function<Status(const std::string&)> check_variable_;
  const OutgoingAddresses& addresses_;
  const std::vector<OptionSpec> cluster_specs_;
  std::vector<Diagnostic>& found_;
};

}  // namespace

Result<std::shared_ptr<const JobAccess>> JobAccess::make(const JobAccessOptions& options,
                                                         const std::string& data_dir) {
  ConfinedFsOptions confined;
  confined.roots = options.file_roots;
  for (const char* folder : {"topics", "jobs", "rollups", "savepoints"}) {
    if (!data_dir.empty()) confined.closed.push_back(join_path(data_dir, folder));
  }
  auto access = std::make_shared<JobAccess>();
  access->environment_ = options.environment;
  RF_ASSIGN(const std::shared_ptr<ConfinedFs> files, make_confined_fs(confined));
  access->files_ = files;
  access->check_file_ = [files](const std::string& path) { return files->check(without_pattern(path)); };
  RF_ASSIGN(access->addresses_, outgoing_addresses(options.addresses));
  return std::shared_ptr<const JobAccess>(std::move(access));
}

Result<std::shared_ptr<const JobAccess>> JobAccess::unconfined(FileSystem& fs) {
  auto access = std::make_shared<JobAccess>();
  access->files_ = std::shared_ptr<FileSystem>(&fs, [](FileSystem*) {});
  access->check_file_ = [](const std::string&) { return Status(); };
  RF_ASSIGN(access->addresses_, outgoing_addresses({}));
  return std::shared_ptr<const JobAccess>(std::move(access));
}

void JobAccess::add_to(Resources& resources) const {
  resources.add<FileSystem>("job files", files_);
  auto secrets = posix_secrets(*files_);
  secrets->resolve = [all = secrets->resolve, self = *this](const SecretRef& secret) -> Result<std::string> {
    if (!secret.env.empty()) RF_TRY(self.check_variable(secret.env));
    return all(secret);
  };
  resources.add<SecretResolver>("", secrets);
  resources.add<OutgoingAddresses>("", addresses_);
}

Status JobAccess::check_variable(const std::string& name) const {
  if (!environment_ || std::find(environment_->begin(), environment_->end(), name) != environment_->end())
    return {};
  return Status::user(Code::permission_denied,
                      fmt::format("jobs may not read the variable {} of this server: start it with "
                                  "--allow-env {}",
                                  name, name));
}

Status JobAccess::make_place(const std::string& place) const {
  const auto refuse = [&](std::string_view why) {
    return Status::user(Code::permission_denied, fmt::format("'{}' {}", place, why));
  };
  if (is_bucket(place)) {
    // Who asks may choose the bucket, and not whose server it is on.
    if (place.find('?') != std::string::npos) return refuse("names a server: the process's own is used");
    RF_ASSIGN(const std::string address, bucket_address(place));
    return addresses_->check(address);
  }
  if (("/" + place + "/").find("/../") != std::string::npos) return refuse("has a '..' in it");
  RF_TRY(files_->make_dirs(place));  // by what confines the jobs
  return check_file_(place);
}

std::optional<std::string> JobAccess::variable(const std::string& name) const {
  return check_variable(name).ok() ? posix_variable(name) : std::nullopt;
}

void JobAccess::refuse(LoadedJob& job, const Catalog& catalog) const {
  AccessSearch search(
      check_file_, [this](const std::string& name) { return check_variable(name); }, *addresses_,
      kafka_option_specs(catalog), job.errors);
  for (const LogicalNode& node : job.plan->nodes) {
    if (const auto* source = std::get_if<SourceNode>(&node.body)) {
      search.options(fmt::format("sources.{}.{}", node.step, source->kind->name), source->kind->options,
                     source->config.options);
      search.cluster(source->config.cluster);
    } else if (const auto* sink = std::get_if<SinkNode>(&node.body)) {
      search.options(fmt::format("sinks.{}.{}", node.step, sink->kind->name), sink->kind->options,
                     sink->config->options);
      search.cluster(sink->config->cluster);
    }
  }
  if (!job.errors.empty()) job.plan = nullptr;
}

std::vector<FlagSpec> access_flags() {
  return {
      {"file-root", "DIR",
       "jobs may name files beneath it; may be repeated (default: this directory and the job file's)", true},
      {"allow-address", "HOST[:PORT]",
       "jobs may connect to it, or to ADDRESS/BITS; may be repeated (default: anywhere but link-local)",
       true}};
}

JobAccessOptions access_options(const ParsedArgs& args, const std::vector<std::string>& job_files) {
  JobAccessOptions options;
  options.addresses = args.all("allow-address");
  if (args.has("file-root")) {
    options.file_roots = args.all("file-root");
    return options;
  }
  for (const std::string& file : job_files) {
    if (parent_dir(file) != ".") options.file_roots.push_back(parent_dir(file));
  }
  return options;
}

JobAccessOptions served_access_options(const ParsedArgs& args) {
  JobAccessOptions options;
  options.addresses = args.all("allow-address");
  options.file_roots = args.all("file-root");
  options.environment = args.all("allow-env");
  return options;
}

}  // namespace rideflow
