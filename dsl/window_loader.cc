#include "dsl/window_loader.h"

#include <fmt/format.h>

#include "dsl/expression_binder.h"
#include "dsl/job_loader.h"
#include "dsl/map_reader.h"
#include "dsl/scalars.h"

namespace rideflow {

namespace {

struct KindName {
  std::string_view name;
  WindowKind kind;
};
constexpr KindName kKinds[] = {{"tumbling", WindowKind::tumbling},
                               {"hopping", WindowKind::hopping},
                               {"session", WindowKind::session},
                               {"cumulating", WindowKind::cumulating},
                               {"global", WindowKind::global}};

class WindowLoader {
 public:
  WindowLoader(const YamlDocument& document, const std::string& path, Diagnostics& diagnostics)
      : document_(document), path_(path), diagnostics_(diagnostics) {}

  std::optional<SpecWindow> run(const YamlEntry& entry) {
    const size_t errors = diagnostics_.errors().size();
    out_.window.pos = entry.key_pos;
    if (entry.value.is_scalar()) {
      const std::string sample = entry.value.text == "global" ? "global: {}" : "tumbling: 1m";
      diagnostics_.error(entry.value.pos, path_,
                         fmt::format("expected keys and values here: write 'window: {{{}}}'", sample));
      return out_;
    }
    MapReader map(entry.value, path_, entry.key_pos, diagnostics_);
    const YamlEntry* kind = find_kind(map, entry);
    const YamlNode nothing;
    const bool nested = kind && kind->value.is_map();
    MapReader inner(nested ? kind->value : nothing, kind ? dotted(path_, kind->key) : path_, entry.key_pos,
                    diagnostics_);
    if (kind) {
      read_kind(*kind, inner);
      common(inner);
      inner.finish();
    }
    common(map);
    map.finish();
    if (kind && diagnostics_.errors().size() == errors) check(*kind);
    return out_;  // also with errors: its step's aggregates may have more
  }

 private:
  void error(TextPos pos, std::string message, std::string_view key = {}) {
    diagnostics_.error(pos, dotted(path_, key), std::move(message));
  }

  const YamlEntry* find_kind(MapReader& map, const YamlEntry& entry) {
    const YamlEntry* found = nullptr;
    for (const KindName& kind : kKinds) {
      const YamlEntry* e = map.find(kind.name);
      if (!e) continue;
      if (found) {
        error(e->key_pos, fmt::format("a window has one kind, here are '{}' and '{}'", found->key, e->key));
        continue;
      }
      found = e;
      out_.window.kind = kind.kind;
    }
    if (!found && (entry.value.is_map() || entry.value.is_null()))
      error(entry.key_pos, "a window needs a kind: tumbling, hopping, session, cumulating or global");
    return found;
  }

  void read_kind(const YamlEntry& kind, MapReader& inner) {
    WindowSpec& window = out_.window;
    const bool short_form = kind.value.is_scalar();
    switch (window.kind) {
      case WindowKind::tumbling:
        if (short_form)
          window.size = span(kind.value, kind.key_pos, kind.key);
        else
          need_span(inner, "size", "write 'tumbling: 1m'", window.size);
        return;
      case WindowKind::hopping:
        if (short_form) break;
        need_span(inner, "size", "write 'hopping: {size: 1h, slide: 5m}'", window.size);
        need_span(inner, "slide", "write 'hopping: {size: 1h, slide: 5m}'", window.slide);
        return;
      case WindowKind::session:
        if (short_form) {
          window.gap = span(kind.value, kind.key_pos, kind.key);
          return;
        }
        need_span(inner, "gap", "write 'session: {gap: 30m}'", window.gap);
        if (const YamlEntry* close = inner.find("close_on"))
          out_.close_on = read_expression(document_, close->value, close->key_pos, inner.path_of("close_on"),
                                          diagnostics_);
        return;
      case WindowKind::cumulating:
        if (short_form) break;
        need_span(inner, "size", "write 'cumulating: {size: 1d, step: 1m}'", window.size);
        need_span(inner, "step", "write 'cumulating: {size: 1d, step: 1m}'", window.step);
        return;
      case WindowKind::global:
        if (short_form) break;
        return;
    }
    error(kind.value.pos, fmt::format("'{}' needs keys and values, found a value", kind.key), kind.key);
  }

  void need_span(MapReader& map, std::string_view key, std::string_view what, Duration& out) {
    const YamlEntry* entry = map.need(key, what);
    if (entry) out = span(entry->value, entry->key_pos, key);
  }

  // A length greater than zero.
  Duration span(const YamlNode& node, TextPos pos, std::string_view key, bool zero = false) {
    if (!need_scalar(node, pos, dotted(path_, key), "a duration", diagnostics_)) return {};
    const Result<Duration> duration = parse_span(node.text);
    if (!duration.ok()) {
      error(node.pos, duration.status().message(), key);
      return {};
    }
    if (*duration == Duration{} && !zero)
      error(node.pos, fmt::format("'{}' must be longer than nothing", key), key);
    return *duration;
  }

  // Words that may stand beside the kind or inside it.
  void common(MapReader& map) {
    WindowSpec& window = out_.window;
    if (const YamlEntry* e = map.find("allowed_lateness"))
      fixed(*e, "allowed_lateness", window.allowed_lateness);
    if (const YamlEntry* e = map.find("offset")) {
      fixed(*e, "offset", window.offset);
      offset_pos_ = e->key_pos;
    }
    if (const YamlEntry* e = map.find("every")) {
      window.every = span(e->value, e->key_pos, "every");
      every_pos_ = e->value.pos;
    }
    if (const YamlEntry* e = map.find("timezone")) {
      if (need_scalar(e->value, e->key_pos, map.path_of("timezone"), "a time zone", diagnostics_)) {
        const Result<const TimeZone*> zone = TimeZone::find(e->value.text);
        if (zone.ok())
          window.zone = *zone;
        else
          error(e->value.pos, zone.status().message(), "timezone");
      }
    }
    if (const YamlEntry* e = map.find("emit")) {
      out_.emit_pos = e->value.pos;
      const std::string text = map.text("emit");
      if (text == "final" || text == "updates")
        emit_ = text == "final" ? Emit::final : Emit::updates;
      else if (e->value.is_scalar())
        error(e->value.pos,
              with_suggestion(fmt::format("'{}' is neither final nor updates", text), text,
                              {"final", "updates"}),
              "emit");
    }
  }

  void fixed(const YamlEntry& entry, std::string_view key, int64_t& out) {
    const Duration duration = span(entry.value, entry.key_pos, key, true);
    if (!duration.is_fixed())
      error(entry.value.pos, "months and years have no fixed length: write days", key);
    else
      out = duration.total_micros();
  }

  void check(const YamlEntry& kind) {
    WindowSpec& window = out_.window;
    if (window.kind == WindowKind::session) {
      if (!window.gap.is_fixed())
        error(kind.key_pos, "months and years have no fixed length: write days", "session");
      if (window.every) error(every_pos_, "sessions have no early results: remove 'every'", "every");
      if (emit_ == Emit::updates)
        error(out_.emit_pos, "sessions give one row when they are complete: 'emit: final' only", "emit");
      if (window.offset != 0) error(offset_pos_, "a session has no grid to shift: remove 'offset'", "offset");
      return;
    }
    if (window.kind == WindowKind::global && window.allowed_lateness != 0)
      error(kind.key_pos, "a global window has no end, so no row is late: remove 'allowed_lateness'",
            "allowed_lateness");
    check_grid(kind);
    const bool early = window.every || window.kind == WindowKind::cumulating;
    if (early && emit_ == Emit::final)
      error(out_.emit_pos, "early results count as updates: remove 'emit: final' or 'every'", "emit");
    const bool updates = early || window.allowed_lateness > 0;
    window.emit = emit_.value_or(updates ? Emit::updates : Emit::final);
  }

  // Slices must fill windows exactly.
  void check_grid(const YamlEntry& kind) {
    const WindowSpec& window = out_.window;
    const auto divides = [](const Duration& part, const Duration& whole) {
      if (!part.is_fixed() || !whole.is_fixed())
        return part.is_fixed() ? part.total_micros() > 0 && int64_t{86'400'000'000} % part.total_micros() == 0
                               : !whole.is_fixed() && part.days == 0 && part.micros == 0 && whole.days == 0 &&
                                     whole.micros == 0 && whole.months % part.months == 0;
      return whole.total_micros() % part.total_micros() == 0;
    };
    if (window.kind == WindowKind::cumulating && !divides(window.step, window.size))
      error(kind.key_pos,
            fmt::format("'size' {} must be a whole number of steps of {}", to_string(window.size),
                        to_string(window.step)),
            "cumulating");
    if (!window.every) return;
    if (window.kind == WindowKind::cumulating)
      error(every_pos_, "a cumulating window gives results every 'step': remove 'every'", "every");
    if (window.kind == WindowKind::hopping) {
      if (!divides(*window.every, window.size) || !divides(*window.every, window.slide))
        error(every_pos_, "'size' and 'slide' must both be a whole number of 'every' periods", "every");
      return;
    }
    const bool fits = window.kind == WindowKind::global || divides(*window.every, window.size);
    if (!fits) error(every_pos_, "the window must be a whole number of 'every' periods", "every");
  }

  const YamlDocument& document_;
  const std::string& path_;
  Diagnostics& diagnostics_;
  SpecWindow out_;
  std::optional<Emit> emit_;
  TextPos every_pos_;
  TextPos offset_pos_;
};

}  // namespace

std::optional<SpecWindow> read_window(const YamlDocument& document, const YamlEntry& entry,
                                      const std::string& path, Diagnostics& diagnostics) {
  return WindowLoader(document, path, diagnostics).run(entry);
}

}  // namespace rideflow
