// A sink as a task drives it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/catalog.h"
#include "engine/virtual_env.h"

namespace rideflow::test {

class NoOutput : public Output {
 public:
  void emit(int, Batch) override {}
  bool has_room() const override { return true; }
};

// Rows of {city string?, n int64} with event times one second apart, from "city:n" texts ("" is null).
Batch city_rows(const std::vector<std::string>& texts);
SchemaRef city_schema();

struct SinkWorld {
  VirtualEnv env;
  Resources resources;
  OperatorMetrics metrics;

  SinkWorld() { env.set_auto_offload(true); }
  OpenContext context(int shard = 0, int parallelism = 1);
  std::shared_ptr<SinkConfig> config(const std::string& kind, const Options& options,
                                     const std::string& format = "json");
  // Made by the catalog and opened; not recovered.
  std::unique_ptr<Sink> sink(const std::string& kind, const Options& options,
                             const std::string& format = "json", int shard = 0, int parallelism = 1);
};

void write(Sink& sink, const std::vector<std::string>& rows);
// Prepared and durable; the handle.
std::string prepare(Sink& sink, int64_t epoch);

}  // namespace rideflow::test
