// bench_rows [--smoke] [--spoil] [--curves] [--only NAME] [--repeats N] [--events N] [--root DIR]
//            [--work-dir DIR] [--rideflow FILE] [--kafka BROKERS] [--json FILE]
// bench_rows --write-events DIR [--events N]
// Runs the rows of bench/report, or writes the events of two of them for others to read. The last line of the
// rows is "N passed, N failed, N skipped".
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "bench/rows/ride_rows.h"
#include "bench/rows/rows.h"

namespace rideflow::bench {
namespace {

struct Group {
  const char* name;
  Status (*run)(const Catalog&, Report&);
  const char* rows;    // what it adds to the report
  bool curve = false;  // only where asked for
};
constexpr Group kGroups[] = {
    {"ride_window", ride_window,
     "ride_window_1k ride_window_allocations ride_window_1m ride_window_state_per_key "
     "ride_window_longest_step"},
    {"ride_window_shapes", ride_window_shapes,
     "ride_window_reordered ride_window_optional ride_window_escaped"},
    {"ride_window_topic", ride_window_topic, "ride_window_topic"},
    {"ride_window_two_threads", ride_window_two_threads, "ride_window_two_threads"},
    {"ride_window_kafka", ride_window_kafka, "ride_window_kafka"},
    {"ride_keys", ride_keys, "firing_1m_keys checkpoint_1m_keys checkpoint_1m_keys_wall"},
    {"state_costs", state_costs, "checkpoint_1m_keys_duration restore_1m_keys"},
    {"windows_fired", windows_fired, "windows_fired windows_fired_longest_step"},
    {"ride_metrics", ride_metrics, "ride_metrics"},
    {"rollup_ingest", rollup_ingest, "rollup_ingest"},
    {"rollup_scan", rollup_scan, "rollup_scan_memory rollup_scan_sealed rollup_group_by_sealed"},
    {"process", process, "process_first_result process_resident"},
    {"visible", visible, "visible_capacity visible_p50 visible_p999"},
    {"idle", idle, "idle_topic idle_ride_metrics"},
    {"expressions", expressions,
     "expression_in expression_less expression_and expression_equals expression_divide expression_add "
     "expression_case expression_date_trunc expression_like expression_upper"},
    {"ride_window_batches", ride_window_batches,
     "ride_window_batch_64 ride_window_batch_512 ride_window_batch_16384", true},
    {"curve_keys", curve_keys, "curve_keys_1k curve_keys_100k curve_keys_1m curve_keys_10m", true},
    {"curve_columns", curve_columns, "curve_columns_1 curve_columns_10 curve_columns_100", true},
    {"curve_slices", curve_slices, "curve_slices_10 curve_slices_100 curve_slices_1000", true},
};

// A row's name stands for the group that measures it.
bool names(const Group& group, const std::string& name) {
  return name == group.name ||
         (" " + std::string(group.rows) + " ").find(" " + name + " ") != std::string::npos;
}

bool known(const std::string& name) {
  return std::any_of(std::begin(kGroups), std::end(kGroups), [&](const Group& g) { return names(g, name); });
}

void refuse(const std::string& name) {
  std::fprintf(stderr, "bench_rows: there is no row '%s'. What --only takes, a group or one of its rows:\n",
               name.c_str());
  for (const Group& group : kGroups) std::fprintf(stderr, "  %s: %s\n", group.name, group.rows);
}

// What ride_window_1k and _1m read, as lines of two files.
int write_events(const Options& options, const std::string& dir) {
  const std::pair<const char*, int64_t> files[] = {{"/1k.jsonl", 1'000}, {"/1m.jsonl", 1'000'000}};
  for (const auto& [name, drivers] : files) {
    const auto data = RideData::make(ride_options(Report(options), drivers));
    std::ofstream out(dir + name);
    for (int64_t i = 0; data.ok() && i < data->events(); ++i) out << data->event(i) << '\n';
    if (data.ok() && out.flush()) continue;
    std::fprintf(stderr, "bench_rows: cannot write %s%s\n", dir.c_str(), name);
    return 1;
  }
  return 0;
}

int run(const Options& options, const std::string& only, const std::string& json) {
  Catalog catalog;
  register_all(catalog);
  Report report(options);
  for (const Group& group : kGroups) {
    const bool left_out = group.curve && !options.curves && !options.smoke;
    if (only.empty() ? left_out : !names(group, only)) continue;
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
  std::string events_dir;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (arg == "--smoke") {
      options.smoke = true;
      options.repeats = 1;
    } else if (arg == "--spoil") {
      options.spoil = true;
    } else if (arg == "--curves") {
      options.curves = true;
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
    } else if (arg == "--write-events") {
      events_dir = argv[++i];
    } else if (arg == "--kafka") {
      options.kafka = argv[++i];
    } else if (arg == "--json") {
      json = argv[++i];
    } else {
      std::fprintf(stderr, "bench_rows: unknown argument %s\n", argv[i]);
      return 2;
    }
  }
  if (!events_dir.empty()) return rideflow::bench::write_events(options, events_dir);
  if (!only.empty() && !rideflow::bench::known(only)) {
    rideflow::bench::refuse(only);
    return 2;
  }
  return rideflow::bench::run(options, only, json);
}
