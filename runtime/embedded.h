// Rideflow as a library: jobs in your own process, with operators, functions and sinks of your own.
//
//   rideflow::Catalog catalog;
//   rideflow::register_all(catalog);               // everything that Rideflow ships
//   catalog.add(my_function_kind());               // and yours
//   rideflow::add_callback_sink(catalog, "results", [](const rideflow::Batch& rows) { … });
//   auto engine = rideflow::EmbeddedEngine::open(catalog, {.data_dir = "state"});
//   rideflow::Status status = (*engine)->run(job_text);
//
// One engine owns its data directory, like a process of its own. Thread-safety: an engine belongs to one
// thread; its jobs run on threads of their own, and callbacks are called on those. Errors are Status; nothing
// is thrown.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/catalog.h"
#include "engine/status.h"

namespace rideflow {

struct EmbeddedOptions {
  std::string data_dir = ".rideflow";
  int32_t parallelism = 1;
  int64_t checkpoint_interval = 10 * kMicrosPerSecond;
  std::vector<std::string> file_roots = {"."};  // directories beneath which jobs may name files
};

class JobHost;
class TopicStore;
class RollupQueries;

class EmbeddedEngine {
 public:
  // `catalog` must outlive the engine. user error when the data directory is in use.
  static Result<std::unique_ptr<EmbeddedEngine>> open(const Catalog& catalog, const EmbeddedOptions& options);
  ~EmbeddedEngine();  // pauses what still runs, with a checkpoint

  // Runs a job until its sources end. A job that ran before under this name goes on from its checkpoint. A
  // bad job gives all its errors, a line each, as one user error.
  Status run(std::string_view job_text);
  // The same without waiting; stop() asks every job for a checkpoint and a pause, and waits.
  Status start(std::string_view job_text);
  Status stop();

  // What jobs write to and queries read from.
  TopicStore& topics();
  RollupQueries& queries();

 private:
  struct Impl;
  explicit EmbeddedEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A sink kind of this name that hands every batch to `use`, from the job's threads, one call at a time. Rows
// come at least once: after a crash those since the last checkpoint come again.
void add_callback_sink(Catalog& catalog, const std::string& name, std::function<void(const Batch&)> use);

}  // namespace rideflow
