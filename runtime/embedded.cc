#include "runtime/embedded.h"

#include <fmt/format.h>

#include <mutex>

#include "dsl/job.h"
#include "runtime/job_host.h"
#include "runtime/posix_env.h"
#include "runtime/posix_process.h"

namespace rideflow {
namespace {

class CallbackSink : public Sink {
 public:
  struct Shared {
    std::mutex mutex;
    std::function<void(const Batch&)> use;
  };
  explicit CallbackSink(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  Status open(const OpenContext& context) override {
    metrics_ = context.metrics;
    return {};
  }
  Result<Progress> process(int, Batch& batch, Output&) override {
    metrics_->rows_absorbed.add(batch.rows);
    const std::lock_guard lock(shared_->mutex);
    shared_->use(batch);
    return Progress::done;
  }
  Result<Prepared> prepare(Epoch) override { return Prepared{}; }
  Status commit(Epoch, const std::string&) override { return {}; }

 private:
  std::shared_ptr<Shared> shared_;
  OperatorMetrics* metrics_ = nullptr;
};

}  // namespace

struct EmbeddedEngine::Impl {
  const Catalog& catalog;
  EmbeddedOptions options;
  PosixEnv env;
  std::shared_ptr<const JobAccess> access;
  std::unique_ptr<JobHost> host;

  Impl(const Catalog& c, const EmbeddedOptions& o) : catalog(c), options(o), env(quiet()) {}
  static PosixEnvOptions quiet() {
    PosixEnvOptions options;
    options.log_level = LogLevel::warn;
    return options;
  }
};

EmbeddedEngine::EmbeddedEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedEngine::~EmbeddedEngine() = default;

Result<std::unique_ptr<EmbeddedEngine>> EmbeddedEngine::open(const Catalog& catalog,
                                                             const EmbeddedOptions& options) {
  auto impl = std::make_unique<Impl>(catalog, options);
  JobAccessOptions access;
  access.file_roots = options.file_roots;
  RF_ASSIGN(impl->access, JobAccess::make(access, options.data_dir));
  RF_ASSIGN(impl->host, JobHost::open(impl->env, options.data_dir, impl->access));
  return std::unique_ptr<EmbeddedEngine>(new EmbeddedEngine(std::move(impl)));
}

Status EmbeddedEngine::start(std::string_view job_text) {
  LoadOptions load;
  load.lookup = [](std::string_view name) { return posix_variable(std::string(name)); };
  LoadedJob job = load_job(job_text, "job", impl_->catalog, load);
  if (job.ok()) impl_->access->refuse(job, impl_->catalog);
  if (!job.ok()) return Status::user(Code::invalid_argument, format_diagnostics(job));
  RunOptions run;
  run.parallelism = impl_->options.parallelism;
  run.checkpoint_interval = impl_->options.checkpoint_interval;
  return impl_->host->start(job.plan, run);
}

Status EmbeddedEngine::run(std::string_view job_text) {
  RF_TRY(start(job_text));
  for (const HostedJob& hosted : impl_->host->jobs()) RF_TRY(hosted.job->wait().with(hosted.name));
  return {};
}

Status EmbeddedEngine::stop() {
  return impl_->host->stop_all();
}
TopicStore& EmbeddedEngine::topics() {
  return *impl_->host->topics();
}
RollupQueries& EmbeddedEngine::queries() {
  return *impl_->host->queries();
}

void add_callback_sink(Catalog& catalog, const std::string& name, std::function<void(const Batch&)> use) {
  auto shared = std::make_shared<CallbackSink::Shared>();
  shared->use = std::move(use);
  SinkKind kind;
  kind.name = name;
  kind.doc = "Hands rows to the program that embeds Rideflow.";
  kind.exactly_once = false;
  kind.make = [shared](std::shared_ptr<const SinkConfig>) -> Result<std::unique_ptr<Sink>> {
    return std::unique_ptr<Sink>(std::make_unique<CallbackSink>(shared));
  };
  catalog.add(std::move(kind));
}

}  // namespace rideflow
