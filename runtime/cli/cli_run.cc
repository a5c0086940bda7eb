// run, dev and serve: jobs in this process until they end or a signal comes.
#include <fmt/format.h>

#include <cstdio>

#include "dsl/scalars.h"
#include "runtime/cli/generator_flags.h"
#include "runtime/hosted_jobs.h"
#include "runtime/http/http_druid.h"
#include "runtime/http/http_flags.h"
#include "runtime/http/http_server.h"
#include "runtime/job_files.h"
#include "runtime/job_host.h"
#include "runtime/job_service.h"
#include "runtime/kept_rows_alarm.h"
#include "runtime/object_places.h"
#include "runtime/posix_exit.h"
#include "runtime/posix_process.h"
#include "runtime/progress.h"
#include "runtime/savepoints.h"
#include "runtime/worker_feed.h"

namespace rideflow {
namespace {

constexpr int kLoopMs = 100;
constexpr int kEnded = 2;  // the exit code of a process that had to be ended
// What a stop may take where nothing goes on, all stages together. With what run_cli() gives to those who
// still wait for others (kSettleMs), five seconds.
constexpr int kStopMs = 4'500;
// And as long as a last checkpoint goes on: what ends processes for good usually waits 30 seconds.
constexpr int kProgressMs = 20'000;
constexpr Micros kAlarmPeriod = 10 * kMicrosPerSecond;

// A file that is watched for edits.
struct WatchedJob {
  std::string file;
  std::string name;
  Micros modified = 0;
  int64_t size = 0;
};

// What people read goes to stderr: stdout has the rows of console sinks, which a program may read.
void tell(const std::string& text) {
  std::fputs(text.c_str(), stderr);
}

enum class Mode : uint8_t {
  run,
  dev,
  serve,  // jobs come by being submitted
};

// One invocation.
class Session {
 public:
  Session(CliContext& context, const ParsedArgs& args, Mode mode)
      : context_(context), args_(args), dev_(mode == Mode::dev), serve_(mode == Mode::serve) {}

  Status run() {
    RF_TRY(read_options());
    RF_ASSIGN(const LoadOptions load, load_options(context_, args_));
    load_ = load;
    std::vector<LoadedJob> jobs;
    RF_ASSIGN(const std::vector<std::string> files, job_files(context_.env->fs(), args_.arguments));
    const JobAccessOptions access = serve_ ? served_access_options(args_) : access_options(args_, files);
    RF_ASSIGN(access_, JobAccess::make(access, args_.get("data-dir", ".rideflow")));
    for (const std::string& file : files) {
      RF_ASSIGN(LoadedJob job, load_for_running(context_, file, load_, access_.get()));
      jobs.push_back(std::move(job));
    }
    catch_stop_signals();
    watch_ = std::make_unique<ExitWatch>(kStopMs, kProgressMs);
    RF_ASSIGN(const QueryLimits limits, query_limits(args_));
    RF_ASSIGN(host_, JobHost::open(*context_.env, args_.get("data-dir", ".rideflow"), access_, limits));
    jobs_ = std::make_shared<HostedJobs>(host_.get());
    savepoints_ = std::make_shared<Savepoints>(
        host_.get(), [access = access_](const std::string& path) { return access->make_place(path); });
    directory_ = jobs_;
    if (serve_) RF_TRY(open_service());
    for (const LoadedJob& job : jobs) jobs_->announce(job.plan->job);  // before anybody can ask
    RF_TRY(listen());
    RF_TRY(start_feed());
    RF_TRY(check_drop_state(jobs));
    for (size_t i = 0; i < jobs.size(); ++i) {
      RF_TRY(host_->start(jobs[i].plan, options_for(*jobs[i].plan)).with(files[i]));
      watched_.push_back(stamp(files[i], jobs[i].plan->job));
    }
    options_.from.reset();
    options_.drop_state.clear();  // an edit that is watched keeps its positions
    if (dev_) print(fmt::format("\ndashboard: {}\n\n", server_->url()));
    if (serve_) tell(fmt::format("{} takes jobs: `rideflow submit FILE`\n", server_->url()));
    loop();
    return end();
  }

  // The error of run() was printed.
  bool told() const { return told_; }
  // All that is left is to take down what there is.
  void end_with(int code) {
    if (watch_) watch_->expect("taking down what the jobs used", code);
  }

 private:
  Status read_options() {
    RF_ASSIGN(const int64_t parallelism, args_.integer("parallelism", 1, 1, kDefaultKeyGroups));
    options_.parallelism = static_cast<int32_t>(parallelism);
    options_.checkpoint_interval = (dev_ ? 5 : 10) * kMicrosPerSecond;
    if (args_.has("checkpoint-interval")) {
      RF_ASSIGN(const Duration interval, parse_duration(args_.get("checkpoint-interval")));
      options_.checkpoint_interval = interval.total_micros();
    }
    options_.drop_state = args_.all("drop-state");
    options_.drop_changed_state = dev_;
    // Somebody watches, and may be about to make room.
    if (dev_) options_.restart.max_failures = RestartPolicy::kUnlimited;
    if (args_.has("from")) {
      RF_ASSIGN(options_.from,
                open_savepoint(*context_.env, args_.get("from"), args_.get("data-dir", ".rideflow")));
    }
    if (args_.has("for")) {
      RF_ASSIGN(const Duration time, parse_duration(args_.get("for")));
      stop_at_ = context_.env->monotonic() + time.total_micros();
    }
    return {};
  }

  // Where there are several jobs, each is told of its own steps. A single one is asked when it is restored:
  // its checkpoint may know steps that the file no longer has.
  RunOptions options_for(const LogicalPlan& plan) const {
    RunOptions options = options_;
    if (!dev_) return options;
    std::erase_if(options.drop_state, [&](const std::string& step) { return !has_step(plan, step); });
    return options;
  }
  static bool has_step(const LogicalPlan& plan, const std::string& step) {
    return std::any_of(plan.nodes.begin(), plan.nodes.end(),
                       [&](const LogicalNode& node) { return node.step == step; });
  }
  Status check_drop_state(const std::vector<LoadedJob>& jobs) const {
    if (!dev_) return {};
    std::vector<std::string> known;
    for (const LoadedJob& job : jobs) {
      for (const LogicalNode& node : job.plan->nodes) known.push_back(node.step);
    }
    for (const std::string& step : options_.drop_state) RF_TRY(check_drop_step(step, known));
    return {};
  }

  Status open_service() {
    service_ = std::make_shared<JobService>(host_.get(), context_.catalog, access_,
                                            file_registry(*context_.env, host_->jobs_dir()), options_);
    directory_ = service_;
    return service_->open();
  }

  Status listen() {
    RF_ASSIGN(HttpOptions http, http_options(args_));
    // `run` answers other commands, such as consume and tap, on any free port unless told which.
    if (!dev_ && !serve_ && !args_.has("listen")) http.listen = "127.0.0.1:0";
    HttpServices services;
    services.env = context_.env;
    services.jobs = directory_;
    services.submitted = service_;
    services.queries = std::make_shared<DruidQueries>(druid_queries(host_->queries()));
    services.topics = host_->topics();
    services.topic_users = [this](const std::string& topic) { return host_->topic_users(topic); };
    services.rollups = host_->rollups();
    services.savepoints = savepoints_;
    services.ui_dir =
        args_.has("ui-dir") ? args_.get("ui-dir") : find_console(context_.env->fs(), executable_dir());
    RF_ASSIGN(server_, HttpServer::start(http, services));
    RF_TRY(host_->publish_address(server_->url()));
    return {};
  }

  Status start_feed() {
    if (!args_.has("generate")) return {};
    FeedOptions feed;
    const Result<double> rate = parse_rate(args_.get("generate"));
    if (!rate.ok() || !(*rate > 0) || *rate > 1e7) {
      return Status::user(
          Code::invalid_argument,
          fmt::format("--generate wants ride events per second, such as 1000/s: more than 0, up "
                      "to 10M/s, not '{}'",
                      args_.get("generate")));
    }
    feed.rate = *rate;
    feed.seed = context_.env->random() >> 16;
    if (args_.has("seed")) {
      RF_ASSIGN(const int64_t seed, args_.integer("seed", 1, 0, INT64_MAX));
      feed.seed = static_cast<uint64_t>(seed);
    }
    RF_TRY(read_generator_flags(args_, feed));
    RF_ASSIGN(feed_, EventFeed::start(*context_.env, *context_.catalog, host_->topics(), feed));
    return {};
  }

  WatchedJob stamp(const std::string& file, const std::string& name) const {
    WatchedJob watched;
    watched.file = file;
    watched.name = name;
    const Result<DirEntry> entry = context_.env->fs().stat(file);
    if (entry.ok()) {
      watched.modified = entry->modified;
      watched.size = entry->size;
    }
    return watched;
  }

  std::vector<JobView> views() {
    const Micros now = context_.env->monotonic();
    monitor_.sample(*directory_, now);
    std::vector<JobView> views;
    for (const std::string& name : directory_->jobs()) {
      if (const auto entry = directory_->find(name)) views.push_back(monitor_.view(*entry, now));
    }
    return views;
  }

  bool all_over() const {
    const std::vector<HostedJob> jobs = host_->jobs();
    return std::all_of(jobs.begin(), jobs.end(), [](const HostedJob& job) { return job.job->over(); });
  }
  bool any_finished() const {
    const std::vector<HostedJob> jobs = host_->jobs();
    return std::any_of(jobs.begin(), jobs.end(), [](const HostedJob& job) {
      return job.job->state() == to_string(JobPhase::finished);
    });
  }

  // What jobs have computed can still be asked for when their sources have ended; where all failed, there is
  // an error to be seen instead.
  bool goes_on(ProgressDisplay& progress) {
    if (serve_ || args_.has("watch")) return true;
    if (!dev_ || args_.has("exit") || !any_finished()) return false;
    if (!told_of_end_) {
      progress.clear();
      tell(fmt::format(
          "all sources have ended; {} goes on serving until Ctrl-C (--exit ends with the sources)\n",
          server_->url()));
    }
    told_of_end_ = true;
    return true;
  }

  void loop() {
    ProgressDisplay progress(stderr_is_terminal());
    while (!stop_signal_received()) {
      const Micros now = context_.env->monotonic();
      if (stop_at_ > 0 && now >= stop_at_) break;
      if (service_) service_->look();
      savepoints_->look();
      if (all_over() && !goes_on(progress)) break;
      if (!args_.has("quiet") && !serve_) progress.show(views(), now);
      if (args_.has("watch")) look_for_edits(progress);
      if (now >= next_alarm_) {
        next_alarm_ = now + kAlarmPeriod;
        alarm_.look(*context_.env, *host_->topics());
      }
      sleep_ms(kLoopMs);
    }
    progress.clear();
  }

  void look_for_edits(ProgressDisplay& progress) {
    for (WatchedJob& watched : watched_) {
      const WatchedJob now = stamp(watched.file, watched.name);
      if (now.modified == watched.modified && now.size == watched.size) continue;
      progress.clear();
      watched = now;
      const Status status = restart(watched);
      jobs_->set_error(watched.name, status.ok() ? std::string() : status.to_string());
      if (!status.ok()) {
        print_error(status);
        std::fprintf(stderr, "%s goes on as it was\n", watched.name.c_str());
      }
    }
  }

  Status restart(const WatchedJob& watched) {
    RF_ASSIGN(const LoadedJob job, load_for_running(context_, watched.file, load_, access_.get()));
    if (job.plan->job != watched.name) {
      return Status::user(
          Code::invalid_argument,
          fmt::format("the job is now called '{}': its name is its identity, so start it anew",
                      job.plan->job));
    }
    RF_TRY(host_->restart(job.plan, options_for(*job.plan)));
    const auto hosted = host_->find(watched.name);
    const auto execution = hosted->job->execution();
    if (!execution) return {};  // it failed already
    for (const std::string& note : execution->notes()) {
      tell(fmt::format("{}: {}\n", watched.file, note));
    }
    return {};
  }

  Status end() {
    watch_->expect("stopping the jobs", kEnded,
                   [this] { return context_.disk_progress() + host_->progress(); });
    if (feed_) feed_->stop();
    if (service_) service_->close();
    server_->cancel_queries();  // the jobs' last checkpoints do not share the machine with them
    Status status = host_->stop_all();
    // Told before anything is taken down, which may take long.
    watch_->expect("taking down what the jobs used", status.ok() ? 0 : exit_code(status));
    if (!status.ok()) print_error(status);
    told_ = !status.ok();
    for (const JobView& view : views()) tell(summary(view));
    if (feed_) tell(fmt::format("{} events generated\n", feed_->events()));
    tell(fmt::format("data: {} (the next start goes on from there)\n", args_.get("data-dir", ".rideflow")));
    server_->stop(watch_->left_ms() / 2);  // the rest is for what comes after it
    return status;
  }

  CliContext& context_;
  const ParsedArgs& args_;
  const bool dev_;
  const bool serve_;
  RunOptions options_;
  LoadOptions load_;
  Micros stop_at_ = 0;
  std::unique_ptr<ExitWatch> watch_;  // goes last
  std::shared_ptr<const JobAccess> access_;
  std::unique_ptr<JobHost> host_;
  std::shared_ptr<HostedJobs> jobs_;
  std::shared_ptr<Savepoints> savepoints_;
  std::shared_ptr<JobService> service_;            // null but for serve
  std::shared_ptr<const JobDirectory> directory_;  // one of the two
  std::unique_ptr<EventFeed> feed_;
  std::unique_ptr<HttpServer> server_;
  JobMonitor monitor_;
  std::vector<WatchedJob> watched_;
  KeptRowsAlarm alarm_;
  Micros next_alarm_ = 0;
  bool told_ = false;         // how the jobs ended
  bool told_of_end_ = false;  // and that this goes on serving
};

std::vector<FlagSpec> shared_flags() {
  std::vector<FlagSpec> flags = http_flags();
  const std::vector<FlagSpec> more = {
      data_dir_flag(),
      {"parallelism", "N", "tasks a stage (default 1)", false},
      set_flag(),
      {"checkpoint-interval", "TIME", "such as 10s", false},
      {"drop-state", "STEP",
       "give up the state of a step that changed, the position of a source, which then begins at its start "
       "again, or what a sink had prepared; may be repeated",
       true},
      {"for", "TIME", "stop by itself after this time", false},
      {"quiet", "", "no progress, only a summary at the end (on stderr)", false}};
  flags.insert(flags.begin(), more.begin(), more.end());
  for (FlagSpec& flag : access_flags()) flags.push_back(std::move(flag));
  return flags;
}

int run_session(CliContext& context, const ParsedArgs& args, Mode mode) {
  Session session(context, args, mode);
  const Status status = session.run();
  if (!status.ok() && !session.told()) {
    print_error(status);
  }
  session.end_with(exit_code(status));
  return exit_code(status);
}

}  // namespace

std::vector<Command> run_commands() {
  CommandSpec run{"run", "FILE", "Run a job until its sources end or a signal comes.", 1, 1, shared_flags()};
  CommandSpec dev{"dev", "FILES…", "Run jobs with the console and the dashboard, until a signal comes.",
                  1,     -1,       shared_flags()};
  dev.flags.push_back({"exit", "", "end when the sources of all jobs have ended", false});
  dev.flags.push_back({"watch", "", "restart a job from its checkpoint when its file is saved", false});
  dev.flags.push_back(
      {"generate", "RATE", "make events for the topics of the main job, such as 1000/s", false});
  dev.flags.push_back({"seed", "S", "of the generated events (default: another one each time)", false});
  for (FlagSpec& flag : generator_flags("20")) dev.flags.push_back(std::move(flag));
  CommandSpec serve{"serve", "", "Run the jobs that are submitted, and answer queries, until a signal comes.",
                    0,       0,  shared_flags()};
  std::erase_if(serve.flags, [](const FlagSpec& flag) {
    return flag.name == "set" || flag.name == "drop-state" || flag.name == "quiet" ||
           flag.name == "file-root";
  });
  serve.flags.push_back(
      {"file-root", "DIR", "jobs may name files beneath it; may be repeated (default: none)", true});
  serve.flags.push_back({"allow-env", "NAME",
                         "jobs may read this variable of the server's environment; may be repeated", true});
  run.flags.push_back(
      {"from", "PLACE", "begin with the savepoint there; the job must have no checkpoint of its own", false});
  std::vector<Command> commands;
  commands.emplace_back(std::move(run), [](CliContext& context, const ParsedArgs& args) {
    return run_session(context, args, Mode::run);
  });
  commands.emplace_back(std::move(dev), [](CliContext& context, const ParsedArgs& args) {
    return run_session(context, args, Mode::dev);
  });
  commands.emplace_back(std::move(serve), [](CliContext& context, const ParsedArgs& args) {
    return run_session(context, args, Mode::serve);
  });
  return commands;
}

}  // namespace rideflow
