#include "bench/rows/report.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>

#include "engine/json_writer.h"

namespace rideflow::bench {
namespace {

int64_t nanos_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

std::string number(double v) {
  if (v >= 1e6) return fmt::format("{:.2f} M", v / 1e6);
  return v >= 100 ? fmt::format("{:.0f}", v) : fmt::format("{:.3g}", v);
}

std::string target_of(const Row& row) {
  if (row.aim == Aim::none) return "";
  const char* const sign = row.aim == Aim::at_least ? ">=" : "<=";
  return fmt::format("{} {}{}", sign, number(row.target), row.targets_ratio() ? "x" : "");
}

std::string verdict(const Row& row) {
  if (!row.checked) return "WRONG";
  if (row.aim == Aim::none) return "ok";
  const double figure = row.targets_ratio() ? row.ratio() : row.value;
  const bool met = row.aim == Aim::at_least ? figure >= row.target : figure <= row.target;
  return met ? "met" : "not met";
}

}  // namespace

void Report::add_figure(Row row, double value, bool checked) {
  row.value = value;
  row.checked = checked && !options_.spoil;
  add(std::move(row));
}

void Report::fail(const std::string& name, const Status& why) {
  Row row;
  row.name = name;
  row.note = why.to_string();
  rows_.push_back(std::move(row));
}

void Report::skip(const std::string& name, const std::string& why) {
  skipped_.emplace_back(name, why);
}

int Report::passed() const {
  return static_cast<int>(std::count_if(rows_.begin(), rows_.end(), [](const Row& r) { return r.checked; }));
}

std::string Report::table() const {
  std::string out = fmt::format("{:<36} {:>10} {:<10} {:>10} {:>7}  {:<10} {}\n", "row", "value", "unit",
                                "limit", "ratio", "target", "");
  for (const Row& row : rows_) {
    out +=
        fmt::format("{:<36} {:>10} {:<10} {:>10} {:>7}  {:<10} {}\n", row.name,
                    row.checked ? number(row.value) : "-", row.unit, row.limit == 0 ? "" : number(row.limit),
                    row.limit == 0 ? "" : fmt::format("{:.2f}", row.ratio()), target_of(row), verdict(row));
    if (!row.note.empty()) out += fmt::format("    {}\n", row.note);
  }
  for (const auto& [name, why] : skipped_) out += fmt::format("{:<36} skipped: {}\n", name, why);
  return out;
}

std::string Report::json() const {
  std::string out = "[";
  for (const Row& row : rows_) {
    out += out.size() == 1 ? "\n  " : ",\n  ";
    out += "{\"name\": ";
    append_json_string(out, row.name);
    out += fmt::format(", \"value\": {}, \"unit\": ", row.checked ? row.value : 0);
    append_json_string(out, row.unit);
    out += fmt::format(", \"limit\": {}, \"ratio\": {}, \"checked\": {}, \"target\": ", row.limit,
                       row.ratio(), row.checked);
    append_json_string(out, target_of(row));
    out += ", \"verdict\": ";
    append_json_string(out, verdict(row));
    out += "}";
  }
  return out + "\n]\n";
}

double to_ms(int64_t nanos) {
  return static_cast<double>(nanos) / 1e6;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double per_second(int64_t events, int64_t nanos) {
  return static_cast<double>(events) * 1e9 / static_cast<double>(std::max<int64_t>(nanos, 1));
}

Row row_of(std::string name, std::string unit, Aim aim, double target) {
  Row row;
  row.name = std::move(name);
  row.unit = std::move(unit);
  row.aim = aim;
  row.target = target;
  return row;
}

int64_t wall_nanos() {
  return nanos_of(CLOCK_MONOTONIC);
}

int64_t thread_cpu_nanos() {
  return nanos_of(CLOCK_THREAD_CPUTIME_ID);
}

int64_t process_cpu_nanos() {
  return nanos_of(CLOCK_PROCESS_CPUTIME_ID);
}

}  // namespace rideflow::bench
