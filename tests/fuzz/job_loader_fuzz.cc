// Any bytes as a job file: an answer, whatever it is, within the limits, and places that are in the file.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dsl/graph.h"
#include "dsl/job.h"

namespace {

const rideflow::Catalog& catalog() {
  static const rideflow::Catalog all = [] {
    rideflow::Catalog made;
    rideflow::register_all(made);
    return made;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const rideflow::LoadedJob job = rideflow::load_job(text, "fuzz", catalog());
  if (job.ok() != job.errors.empty()) std::abort();
  if (job.ok() && to_string(*job.plan).empty()) std::abort();
  if (job.ok() && rideflow::to_mermaid(*job.plan).empty()) std::abort();
  if (format_diagnostics_json(job).size() < 2) std::abort();
  return 0;
}
