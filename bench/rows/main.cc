// bench_rows [--smoke] [--spoil] [--only NAME] [--repeats N] [--events N] [--root DIR] [--work-dir DIR]
//            [--rideflow FILE] [--json FILE]
// Runs the rows of bench/report; the last line is "N passed, N failed, N skipped".
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>

#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

struct Group {
  const char* name;
  Status (*run)(const Catalog&, Report&);
};
constexpr Group kGroups[] = {{"ride_window", ride_window},
                             {"ride_window_shapes", ride_window_shapes},
                             {"ride_window_batches", ride_window_batches}};

int run(const Options& options, const std::string& only, const std::string& json) {
  Catalog catalog;
  register_all(catalog);
  Report report(options);
  for (const Group& group : kGroups) {
    if (!only.empty() && only != group.name) continue;
    const Status status = group.run(catalog, report);
    if (!status.ok()) report.fail(group.name, status);
  }
  std::fputs(report.table().c_str(), stdout);
  if (!json.empty()) {
    std::ofstream out(json);
    out << report.json();
    if (!out.flush()) std::fprintf(stderr, "cannot write %s\n", json.c_str());
  }
  std::printf("%d passed, %d failed, %d skipped\n", report.passed(), report.failed(), report.skipped());
  return report.failed() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace rideflow::bench

int main(int argc, char** argv) {
  rideflow::bench::Options options;
  std::string only;
  std::string json;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (arg == "--smoke") {
      options.smoke = true;
      options.repeats = 1;
    } else if (arg == "--spoil") {
      options.spoil = true;
    } else if (value == nullptr) {
      std::fprintf(stderr, "bench_rows: unknown argument, or one without its value: %s\n", argv[i]);
      return 2;
    } else if (arg == "--only") {
      only = argv[++i];
    } else if (arg == "--repeats") {
      options.repeats = std::max(1, std::atoi(argv[++i]));
    } else if (arg == "--events") {
      options.events = std::max(100'000, std::atoi(argv[++i]));
    } else if (arg == "--root") {
      options.root = argv[++i];
    } else if (arg == "--work-dir") {
      options.work_dir = argv[++i];
    } else if (arg == "--rideflow") {
      options.rideflow = argv[++i];
    } else if (arg == "--json") {
      json = argv[++i];
    } else {
      std::fprintf(stderr, "bench_rows: unknown argument %s\n", argv[i]);
      return 2;
    }
  }
  return rideflow::bench::run(options, only, json);
}
