// Any bytes as a native query over a small rollup, part of it sealed: parser and evaluator, under limits of
// time and memory. Whatever is asked, the answer is JSON and its status says whose fault it was; the fault is
// never ours, and no memory stays held.
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "engine/virtual_env.h"
#include "rollup/rollup_queries.h"
#include "runtime/posix_env.h"
#include "tests/support/fuzz_rollup.h"

namespace {

struct World {
  rideflow::VirtualEnv disk{1};
  rideflow::PosixEnv clock;  // so that a query that is asked too much ends
  std::shared_ptr<rideflow::RollupStore> store = rideflow::test::fuzz_rollup(disk, true);
};

rideflow::QueryLimits limits() {
  rideflow::QueryLimits out;
  out.timeout_us = 2 * rideflow::kMicrosPerSecond;
  out.max_groups = 5'000;
  out.max_result_bytes = size_t{1} << 20;
  out.max_memory_bytes = size_t{32} << 20;
  out.all_memory_bytes = size_t{32} << 20;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  static const rideflow::RollupQueries queries(&world.clock, world.store, limits());
  rideflow::QueryAnswer answer = queries.post(std::string_view(reinterpret_cast<const char*>(data), size));
  boost::system::error_code error;
  (void)boost::json::parse(answer.body, error);
  const bool known = answer.status == 200 || answer.status == 400 || answer.status == 413 ||
                     answer.status == 501 || answer.status == 504;
  if (error || !known) std::fprintf(stderr, "%d %s\n", answer.status, answer.body.c_str());
  RF_CHECK(!error && known);
  answer.memory = nullptr;
  RF_CHECK(queries.memory().used() == 0);
  return 0;
}
