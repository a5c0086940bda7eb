#include "dsl/silent_windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace rideflow {
namespace {

// Nobody waits for a result that long.
constexpr double kMicrosPerYear = 365.25 * 86'400e6;
constexpr double kLongestYears = 100;

double years(const Duration& d) {
  return d.months / 12.0 +
         (static_cast<double>(d.days) * 86'400e6 + static_cast<double>(d.micros)) / kMicrosPerYear;
}
double years(int64_t micros) {
  return static_cast<double>(micros) / kMicrosPerYear;
}

class SilentWindows {
 public:
  SilentWindows(const JobSpec& spec, const std::function<std::optional<bool>(const SpecSource&)>& ends,
                Diagnostics& diagnostics)
      : spec_(spec), ends_(ends), diagnostics_(diagnostics) {}

  void run() {
    for (const SpecStream& stream : spec_.streams) {
      if (stream.window) check(stream, *stream.window);
    }
  }

 private:
  void check(const SpecStream& stream, const SpecWindow& window) {
    const std::string path = "streams." + stream.name + ".window";
    const WindowSpec& w = window.window;
    const std::vector<const SpecSource*> sources = sources_of(stream);
    if (w.kind == WindowKind::global && !w.every) {
      only_at_the_end(window, path, sources);
      return;
    }
    const double wait = years_to_wait(w);
    double disorder = 0;
    const SpecSource* slowest = nullptr;
    for (const SpecSource* source : sources) {
      if (years(source->event_time.out_of_order) <= disorder) continue;
      disorder = years(source->event_time.out_of_order);
      slowest = source;
    }
    if (wait + disorder < kLongestYears) return;
    const bool by_source = disorder > wait;
    diagnostics_.warning(
        by_source ? slowest->event_time_pos : w.pos,
        by_source ? "sources." + slowest->name + ".event_time.out_of_order" : path,
        fmt::format(
            "'{}' gives its first result after up to {:.0f} years of event time, so only when its sources "
            "end: {}",
            stream.name, wait + disorder,
            by_source ? "shorten 'out_of_order'"
                      : "shorten the window, or say 'every' for results before its end"));
  }

  // How much event time passes before the first result of a row.
  static double years_to_wait(const WindowSpec& w) {
    const bool waits_for_late_rows = w.emit == Emit::final || w.kind == WindowKind::session;
    const double lateness = waits_for_late_rows ? years(w.allowed_lateness) : 0;
    if (w.every) return years(*w.every) + lateness;
    switch (w.kind) {
      case WindowKind::session:
        return years(w.gap) + lateness;
      case WindowKind::cumulating:
        return years(w.step) + lateness;
      case WindowKind::hopping:
        return std::min(years(w.size), years(w.slide)) + lateness;  // of the first window that has the row
      default:
        return years(w.size) + lateness;
    }
  }

  void only_at_the_end(const SpecWindow& window, const std::string& path,
                       const std::vector<const SpecSource*>& sources) {
    const auto endless =
        std::find_if(sources.begin(), sources.end(), [&](const SpecSource* s) { return ends_(*s) == false; });
    if (endless != sources.end()) {
      diagnostics_.warning(
          window.window.pos, path,
          fmt::format("this window gives nothing while the job runs: a global window without 'every' gives "
                      "its rows when its sources end, and '{}' at {}:{} does not: say 'every: 1m' here, or "
                      "give the source an end",
                      (*endless)->name, (*endless)->pos.line, (*endless)->pos.column));
      return;
    }
    if (window.window.emit != Emit::updates || window.emit_pos.line == 0) return;
    diagnostics_.warning(
        window.emit_pos, path + ".emit",
        "there are no updates: a global window without 'every' gives its rows once, when its "
        "sources end: say 'every: 1m' for results before that");
  }

  // All that the step's rows come from, in the order of the file.
  std::vector<const SpecSource*> sources_of(const SpecStream& stream) const {
    std::set<std::string> seen;
    std::vector<std::string> open;
    for (const SpecStreamRef& ref : stream.from) open.push_back(ref.name);
    while (!open.empty()) {
      const std::string name = std::move(open.back());
      open.pop_back();
      if (!seen.insert(name).second) continue;
      if (const SpecStream* from = spec_.find_stream(name)) {
        for (const SpecStreamRef& ref : from->from) open.push_back(ref.name);
      } else if (const SpecSink* sink = spec_.find_sink(name)) {
        open.push_back(sink->from.name);
      }
    }
    std::vector<const SpecSource*> sources;
    for (const SpecSource& source : spec_.sources) {
      if (seen.contains(source.name)) sources.push_back(&source);
    }
    return sources;
  }

  const JobSpec& spec_;
  const std::function<std::optional<bool>(const SpecSource&)>& ends_;
  Diagnostics& diagnostics_;
};

}  // namespace

void warn_of_silent_windows(const JobSpec& spec,
                            const std::function<std::optional<bool>(const SpecSource&)>& ends,
                            Diagnostics& diagnostics) {
  SilentWindows(spec, ends, diagnostics).run();
}

}  // namespace rideflow
