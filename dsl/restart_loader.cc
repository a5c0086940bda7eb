#include "dsl/restart_loader.h"

#include <fmt/format.h>

#include "dsl/map_reader.h"
#include "dsl/scalars.h"

namespace rideflow {

namespace {

constexpr int32_t kMostFailures = 1'000'000;
constexpr int32_t kAnyNumber = -1;

class RestartLoader {
 public:
  RestartLoader(const YamlEntry& entry, const std::string& path, Diagnostics& diagnostics)
      : map_(entry.value, path, entry.key_pos, diagnostics), diagnostics_(diagnostics) {}

  RestartSpec run() {
    max_failures();
    span("within", spec_.within);
    span("first_pause", spec_.first_pause);
    span("longest_pause", spec_.longest_pause);
    poison();
    map_.finish();
    const YamlEntry* first = map_.find("first_pause");
    if (first && spec_.first_pause && spec_.longest_pause && *spec_.first_pause > *spec_.longest_pause)
      error(*first, "first_pause", "it is longer than longest_pause");
    return spec_;
  }

 private:
  void max_failures() {
    const YamlEntry* entry = map_.find("max_failures");
    if (!entry) return;
    const std::string text = map_.text("max_failures");
    if (!entry->value.is_scalar()) return;
    const Result<int64_t> number = parse_integer(text);
    if (text == "unlimited")
      spec_.max_failures = kAnyNumber;
    else if (number.ok() && *number >= 0 && *number <= kMostFailures)
      spec_.max_failures = static_cast<int32_t>(*number);
    else
      error(*entry, "max_failures",
            fmt::format("'{}' is neither a number from 0 to {} nor 'unlimited'", text, kMostFailures));
  }

  void poison() {
    const YamlEntry* entry = map_.find("poison");
    if (!entry) return;
    const std::string text = map_.text("poison");
    if (!entry->value.is_scalar()) return;
    if (text == "set_aside")
      spec_.poison = Poison::set_aside;
    else if (text == "stop")
      spec_.poison = Poison::stop;
    else
      error(*entry, "poison", fmt::format("'{}' is neither 'set_aside' nor 'stop'", text));
  }

  void span(std::string_view key, std::optional<int64_t>& out) {
    const YamlEntry* entry = map_.find(key);
    if (!entry) return;
    const std::string text = map_.text(key);
    if (!entry->value.is_scalar()) return;
    const Result<Duration> span = parse_span(text);
    if (!span.ok())
      error(*entry, key, span.status().message());
    else if (!span->is_fixed() || span->total_micros() < kMicrosPerSecond / 1000)
      error(*entry, key, fmt::format("'{}' is not a fixed time of 1ms or more", text));
    else
      out = span->total_micros();
  }

  void error(const YamlEntry& entry, std::string_view key, std::string message) {
    diagnostics_.error(entry.value.pos, map_.path_of(key), std::move(message));
  }

  MapReader map_;
  Diagnostics& diagnostics_;
  RestartSpec spec_;
};

}  // namespace

RestartSpec read_restart(const YamlEntry& entry, const std::string& path, Diagnostics& diagnostics) {
  if (!entry.value.is_scalar()) return RestartLoader(entry, path, diagnostics).run();
  RestartSpec spec;
  spec.max_failures = 0;
  if (entry.value.text != "never")
    diagnostics.error(entry.value.pos, path,
                      fmt::format("'{}' is not 'never': write 'restart: never' or a map, such as "
                                  "'restart: {{max_failures: 5, within: 10m}}'",
                                  entry.value.text));
  return spec;
}

}  // namespace rideflow
