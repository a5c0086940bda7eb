// `rideflow run` as a process: from its start to the first result, and the memory that the ride job takes.
#include <fmt/format.h>
#include <simdjson.h>

#include <fstream>
#include <sstream>

#include "bench/rows/child.h"
#include "bench/rows/quiet_env.h"
#include "bench/rows/ride_rows.h"
#include "bench/rows/rows.h"
#include "bench/rows/topic_data.h"
#include "engine/time.h"

namespace rideflow::bench {
namespace {

constexpr double kMostResidentMib = 100;
constexpr double kLongestStartMs = 500;
constexpr int64_t kDrivers = 1'000;

// ride_window, with what its topic has, and rows on standard output.
Result<std::string> job_file(const Report& report) {
  std::ifstream in(report.options().root + "/bench/jobs/ride_window.yaml");
  std::stringstream text;
  text << in.rdbuf();
  std::string job = text.str();
  const std::pair<std::string_view, std::string_view> changes[] = {
      {"      name: ride_events\n", "      name: ride_events\n      until: latest\n"},
      {"    discard:\n", "    console:\n      names: false\n"}};
  for (const auto& [from, to] : changes) {
    const size_t at = job.find(from);
    if (at == std::string::npos) return Status::internal("ride_window.yaml is not what process rows expect");
    job.replace(at, from.size(), to);
  }
  const std::string path = report.options().work_dir + "/ride_console.yaml";
  std::ofstream(path) << job;
  return path;
}

Result<WindowRow> row_of_line(simdjson::dom::parser& parser, const std::string& line) {
  simdjson::dom::element row;
  std::string_view start;
  std::string_view key;
  WindowRow out;
  if (parser.parse(line).get(row) || row["window_start"].get(start) || row["driver_id"].get(key) ||
      row["rides"].get(out.count)) {
    return Status::internal("no row of ride_window: " + line);
  }
  if (row["fares"].get(out.sum)) out.sum = 0;
  out.key = key;
  const auto time = parse_timestamp(start);
  if (!time) return Status::internal("no time: " + std::string(start));
  out.window_start = *time;
  return out;
}

struct ProcessRun {
  double first_ms = 0;
  int64_t resident = 0;
  std::vector<WindowRow> rows;
};

Result<ProcessRun> run_once(const Report& report, const std::string& job, const std::string& data_dir) {
  ProcessRun run;
  const int64_t begin = wall_nanos();
  RF_ASSIGN(Child child,
            Child::start(report.options().rideflow,
                         {"run", job, "--data-dir", data_dir, "--listen", "127.0.0.1:0", "--quiet"},
                         report.options().work_dir + "/process.log"));
  simdjson::dom::parser parser;
  std::string line;
  while (child.read_line(line)) {
    if (!line.starts_with('{')) continue;  // what the command says of the job's end
    if (run.rows.empty()) run.first_ms = static_cast<double>(wall_nanos() - begin) / 1e6;
    RF_ASSIGN(WindowRow row, row_of_line(parser, line));
    run.rows.push_back(std::move(row));
    run.resident = std::max(run.resident, child.peak_resident_bytes());
  }
  run.resident = std::max(run.resident, child.peak_resident_bytes());
  const int code = child.wait();
  if (code == 0) return run;
  return Status::internal(fmt::format("rideflow run ended with {}: see process.log", code));
}

// Runs over the same topic as often as asked, each from its beginning.
Status measure(const Report& report, const RideData& data, const std::string& name,
               std::vector<double>& first, std::vector<double>& resident, std::string& note) {
  LoopResult loop = ride_loop(data);
  if (report.options().spoil) loop.rows.back().count += 1;
  RF_ASSIGN(const std::string job, job_file(report));
  for (int i = 0; i < report.options().repeats && note.empty(); ++i) {
    const std::string dir = fmt::format("{}/{}_{}", report.options().work_dir, name, i);
    PosixEnv env(quiet());
    RF_TRY(write_topic(env, dir + "/topics", data));
    RF_ASSIGN(ProcessRun run, run_once(report, job, dir));
    note = difference(std::move(run.rows), loop.rows);
    first.push_back(run.first_ms);
    resident.push_back(static_cast<double>(run.resident) / (1 << 20));
    RF_TRY(env.fs().remove_tree(dir));
  }
  return {};
}

void add(Report& report, Row row, const std::vector<double>& values, const std::string& note) {
  row.note = note;
  report.add_figure(std::move(row), median(values), note.empty());
}

}  // namespace

Status process(const Catalog&, Report& report) {
  if (loop_skipped("process", report)) return {};
  if (report.options().rideflow.empty()) {
    report.skip("process", "no --rideflow FILE was given");
    return {};
  }
  std::vector<double> first;
  std::vector<double> resident;
  std::string note;
  RideOptions few = ride_options(report, kDrivers);
  few.events = 20'000;  // two windows
  few.rate = 1'000;
  RF_ASSIGN(const RideData start_data, RideData::make(few));
  RF_TRY(measure(report, start_data, "process_start", first, resident, note));
  add(report, row_of("process_first_result", "ms", Aim::at_most, kLongestStartMs), first, note);
  resident.clear();
  RF_ASSIGN(const RideData data, RideData::make(ride_options(report, kDrivers)));
  RF_TRY(measure(report, data, "process_memory", first, resident, note));
  add(report, row_of("process_resident", "MiB", Aim::at_most, kMostResidentMib), resident, note);
  return {};
}

}  // namespace rideflow::bench
