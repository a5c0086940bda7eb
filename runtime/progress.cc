#include "runtime/progress.h"

#include <fmt/format.h>

#include <cstdio>

#include "engine/time.h"

namespace rideflow {
namespace {

constexpr Micros kPipePeriod = 10 * kMicrosPerSecond;

std::string with_commas(int64_t n) {
  std::string digits = fmt::format("{}", n);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string time_text(Micros t) {
  if (t == kNoTime) return "none yet";
  if (t == kEndOfTime) return "end";
  return format_timestamp(t / kMicrosPerSecond * kMicrosPerSecond);
}

// "  checkpoints 12, the last of 1.2 MB in 31 ms, watermark 2026-01-01T12:00:00Z"
std::string checkpoint_line(const JobView& view) {
  for (const CheckpointRecord& record : view.checkpoints) {
    if (record.completed_at == 0) continue;
    return fmt::format("  checkpoints {}, the last of {} kB in {} ms, watermark {}\n", record.epoch.value,
                       with_commas((record.bytes + 999) / 1000),
                       with_commas((record.completed_at - record.started_at) / 1000),
                       time_text(view.watermark));
  }
  return "  checkpoints 0\n";
}

}  // namespace

std::string progress_line(const JobView& view) {
  int64_t rows = 0, lag = 0;
  double rate = 0;
  for (const SourceView& source : view.sources) {
    rows += source.polled;
    lag += source.lag;
  }
  for (const NodeView& node : view.nodes) {
    if (node.role == "source") rate += node.rows_per_second;
  }
  const int64_t epoch = view.checkpoints.empty() ? 0 : view.checkpoints.front().epoch.value;
  std::string line = fmt::format("{}  {}  rows {} ({}/s)  watermark {}  lag {}  checkpoint {}", view.job,
                                 view.state, with_commas(rows), with_commas(static_cast<int64_t>(rate)),
                                 time_text(view.watermark), with_commas(lag), epoch);
  if (!view.waiting.empty())
    line += fmt::format("  waits since {} for {}", time_text(view.waiting[0].since), view.waiting[0].what);
  return line;
}

std::string summary(const JobView& view) {
  std::string out = fmt::format("{}: {}\n", view.job, view.state);
  int64_t read = 0, written = 0, rejected = 0, late = 0, silent = 0;
  for (const SourceView& s : view.sources) {
    out += fmt::format("  source {:<24} polled {:>12}  decoded {:>12}  rejected {:>8}\n", s.source,
                       with_commas(s.polled), with_commas(s.decoded), with_commas(s.rejected));
    read += s.polled;
    rejected += s.rejected;
  }
  for (const NodeView& n : view.nodes) {
    if (n.role == "source") continue;
    late += n.late;
    rejected += n.rejected;
    if (n.role == "sink") {
      // What the planner keeps by itself for rows that nobody asked for says something only when there are
      // any.
      if (n.rows_in == 0 && n.step.starts_with('_')) {
        ++silent;
        continue;
      }
      written += n.rows_in;
      out += fmt::format("  sink   {:<24} rows   {:>12}\n", n.step, with_commas(n.rows_in));
    } else if (n.late > 0 || n.rejected > 0) {
      out += fmt::format("  step   {:<24} late   {:>12}  rejected {:>8}\n", n.step, with_commas(n.late),
                         with_commas(n.rejected));
    }
  }
  out += fmt::format("  total  {} records read, {} rows written, {} late, {} rejected\n", with_commas(read),
                     with_commas(written), with_commas(late), with_commas(rejected));
  if (silent > 0) out += fmt::format("  empty  {} outputs for late and rejected rows\n", silent);
  return out + checkpoint_line(view);
}

void ProgressDisplay::show(const std::vector<JobView>& jobs, Micros now) {
  if (now < next_) return;
  next_ = now + (terminal_ ? kMicrosPerSecond / 2 : kPipePeriod);
  std::string text;
  for (const JobView& job : jobs) {
    if (!text.empty()) text += terminal_ ? "  |  " : "\n";
    text += progress_line(job);
  }
  std::fprintf(stderr, terminal_ ? "\r\033[K%s" : "%s\n", text.c_str());
  open_line_ = terminal_;
}

void ProgressDisplay::clear() {
  if (open_line_) std::fputs("\n", stderr);
  open_line_ = false;
}

}  // namespace rideflow
