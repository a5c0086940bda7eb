#include "dsl/job_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "dsl/expression_binder.h"
#include "dsl/expression_parser.h"
#include "dsl/map_reader.h"
#include "dsl/restart_loader.h"
#include "dsl/scalars.h"
#include "dsl/window_loader.h"

namespace rideflow {

bool is_job_name(std::string_view name) {
  if (name.empty() || name.size() > 100) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

namespace {

template <class Kind>
std::vector<std::string> names_of(const std::map<std::string, Kind>& kinds) {
  std::vector<std::string> names;
  for (const auto& [name, kind] : kinds) names.push_back(name);
  return names;
}

class Loader {
 public:
  Loader(JobSpec& spec, const Catalog& catalog, Diagnostics& diagnostics)
      : spec_(spec), document_(*spec.document), catalog_(catalog), diagnostics_(diagnostics) {}

  void run() {
    const YamlNode& root = document_.root;
    if (root.is_null()) {
      diagnostics_.error({1, 1}, "", "the file is empty: a job begins with 'job: name'");
      return;
    }
    MapReader map(root, "", root.pos, diagnostics_);
    if (const YamlEntry* job = map.need("job", "a job needs a name")) {
      spec_.job_pos = job->value.pos;
      spec_.job = map.text("job");
      if (job->value.is_scalar()) check_name(spec_.job, job->value.pos, "job", "a job");
    }
    spec_.description = map.text("description");
    if (const YamlEntry* kafka = map.find("kafka")) spec_.kafka = kafka->value;
    if (const YamlEntry* restart = map.find("restart"))
      spec_.restart = read_restart(*restart, map.path_of("restart"), diagnostics_);
    section(map, "sources", [&](const YamlEntry& e, const std::string& path) { source(e, path); });
    section(map, "streams", [&](const YamlEntry& e, const std::string& path) { stream(e, path); });
    section(map, "sinks", [&](const YamlEntry& e, const std::string& path) { sink(e, path); });
    if (const YamlEntry* tests = map.find("tests")) spec_.tests = tests->value;
    misplaced(map);
    map.finish();
    if (root.is_map() && !root.find("sources"))
      diagnostics_.error(root.pos, "", "'sources' is missing: a job reads at least one source");
    if (root.is_map() && !root.find("sinks"))
      diagnostics_.error(root.pos, "", "'sinks' is missing: a job without sinks computes nothing");
  }

 private:
  // Names that stand beside 'streams:' instead of below it.
  void misplaced(MapReader& map) {
    for (const YamlEntry* entry : map.others()) {
      const bool near =
          !did_you_mean(entry->key, {"sources", "streams", "sinks", "tests", "kafka", "restart"}).empty();
      if (!entry->value.is_map() || near) continue;
      map.refuse(*entry,
                 fmt::format("unknown key '{}': the names of sources, streams and sinks stand below these "
                             "words, further to the right",
                             entry->key));
    }
  }

  template <class Read>
  void section(MapReader& map, std::string_view name, Read read) {
    const YamlEntry* entry = map.find(name);
    if (!entry) return;
    if (!entry->value.is_map()) {
      if (!entry->value.is_null())
        diagnostics_.error(
            entry->value.pos, std::string(name),
            fmt::format("expected a map of names here, found {}: write 'NAME:' with its keys below "
                        "it",
                        entry->value.kind_name()));
      return;
    }
    for (const YamlEntry& item : entry->value.entries) {
      const std::string path = dotted(name, item.key);
      check_name(item.key, item.key_pos, path, "a name");
      const auto [other, is_new] = names_.try_emplace(item.key, std::pair(std::string(name), item.key_pos));
      if (!is_new && other->second.first != name)
        diagnostics_.error(
            item.key_pos, path,
            fmt::format("'{}' is already a name under {} (line {}): sources, streams and sinks share "
                        "one name space",
                        item.key, other->second.first, other->second.second.line));
      read(item, path);
    }
  }

  void check_name(const std::string& name, TextPos pos, const std::string& path, std::string_view what) {
    if (is_job_name(name)) return;
    if (name.starts_with('_'))
      diagnostics_.error(pos, path, fmt::format("names beginning with '_' belong to the engine: '{}'", name));
    else
      diagnostics_.error(
          pos, path,
          fmt::format("'{}' can't be {}: it begins with a letter and has letters, digits, '_' and '-' "
                      "only (at most 100)",
                      name, what));
  }

  void error(TextPos pos, const std::string& path, std::string message) {
    diagnostics_.error(pos, path, std::move(message));
  }
  template <class T>
  void assign(T& to, Result<T> result, TextPos pos, const std::string& path) {
    if (result.ok())
      to = *std::move(result);
    else
      error(pos, path, result.status().message());
  }

  // ---- sources
  void source(const YamlEntry& entry, const std::string& path) {
    SpecSource source;
    source.name = entry.key;
    source.pos = entry.key_pos;
    for (const std::string_view taken : {"advance", "end", "wait", "restart"})
      if (entry.key == taken)
        error(entry.key_pos, path,
              fmt::format("'{}' is a word of job tests: name the source otherwise", taken));
    MapReader map(entry.value, path, entry.key_pos, diagnostics_);
    const bool found =
        connector(map, names_of(catalog_.sources()), "a source", entry, path, source.connector);
    source.format = format(map, path);
    if (const YamlEntry* schema = map.find("schema")) read_schema(*schema, map.path_of("schema"), source);
    if (const YamlEntry* time = map.find("event_time")) event_time(*time, map.path_of("event_time"), source);
    bad_records(map, source);
    if (const YamlEntry* validate = map.find("validate")) {
      const std::string text = map.text("validate");
      source.validate_all = text == "all";
      if (text != "all" && text != "used")
        error(validate->value.pos, map.path_of("validate"),
              fmt::format("'{}' is neither 'all' nor 'used'", text));
    }
    for (const YamlEntry* outside : map.others()) {
      const std::string& word = outside->key;
      if (!found || (word != "start" && word != "until")) continue;
      map.refuse(*outside, fmt::format("'{}' stands among the keys of '{}': write '{}: {{…, {}: …}}'", word,
                                       source.connector.kind, source.connector.kind, word));
    }
    map.finish(names_of(catalog_.sources()));
    if (found) start_and_until(path, source);
    spec_.sources.push_back(std::move(source));
  }

  // Exactly one key of `map` names a connector.
  bool connector(MapReader& map, const std::vector<std::string>& kinds, std::string_view what,
                 const YamlEntry& entry, const std::string& path, SpecConnector& out) {
    bool found = false;
    for (const std::string& kind : kinds) {
      const YamlEntry* e = map.find(kind);
      if (!e) continue;
      if (found) {
        error(e->key_pos, dotted(path, kind),
              fmt::format("{} has one connector, here are '{}' and '{}'", what, out.kind, kind));
        continue;
      }
      found = true;
      out = {kind, e->key_pos, e->value};
    }
    if (!found && (entry.value.is_map() || entry.value.is_null())) {
      std::string list;
      for (const std::string& kind : kinds) list += (list.empty() ? "" : ", ") + kind;
      error(entry.key_pos, path, fmt::format("{} needs a connector: one of {}", what, list));
    }
    return found;
  }

  std::optional<SpecConnector> format(MapReader& map, const std::string& path) {
    const YamlEntry* entry = map.find("format");
    if (!entry) return std::nullopt;
    const std::string at = dotted(path, "format");
    SpecConnector out;
    if (entry->value.is_scalar()) {
      out = {entry->value.text, entry->value.pos, {}};
    } else if (entry->value.is_map() && entry->value.entries.size() == 1) {
      const YamlEntry& only = entry->value.entries[0];
      out = {only.key, only.key_pos, only.value};
    } else {
      error(entry->key_pos, at, "write 'format: json' or 'format: {csv: {header: true}}'");
      return std::nullopt;
    }
    if (!catalog_.find_format(out.kind)) {
      error(out.pos, at,
            with_suggestion(fmt::format("unknown format '{}'", out.kind), out.kind,
                            names_of(catalog_.formats())));
      return std::nullopt;
    }
    return out;
  }

  void read_schema(const YamlEntry& entry, const std::string& path, SpecSource& source) {
    source.has_schema = true;
    source.schema_pos = entry.key_pos;
    if (!entry.value.is_map()) {
      error(entry.key_pos, path,
            fmt::format("expected 'column: type' lines here, found {}", entry.value.kind_name()));
      return;
    }
    for (const YamlEntry& column : entry.value.entries) {
      const std::string at = dotted(path, column.key);
      DecodeField field;  // without a type: what reads it has no error of its own
      field.field.name = column.key;
      if (check_column_name(column.key, column.key_pos, at) &&
          need_scalar(column.value, column.key_pos, at, "a type", diagnostics_)) {
        Result<DecodeField> parsed = parse_decode_field(column.key, column.value.text);
        if (parsed.ok()) {
          field = *std::move(parsed);
        } else {
          error(column.value.pos, at, parsed.status().message());
        }
      }
      field.pos = column.key_pos;
      source.schema.push_back(std::move(field));
    }
  }

  bool check_column_name(const std::string& name, TextPos pos, const std::string& path) {
    if (name.empty()) {
      error(pos, path, "a column's name is empty");
      return false;
    }
    if (!name.starts_with('_') && name != "window_start" && name != "window_end") return true;
    error(pos, path,
          fmt::format("'{}': names beginning with '_', window_start and window_end belong to the engine",
                      name));
    return false;
  }

  void event_time(const YamlEntry& entry, const std::string& path, SpecSource& source) {
    source.event_time_pos = entry.key_pos;
    if (entry.value.is_scalar()) {
      error(
          entry.value.pos, path,
          fmt::format("expected keys and values here: write 'event_time: {{column: {}}}'", entry.value.text));
      return;
    }
    MapReader map(entry.value, path, entry.key_pos, diagnostics_);
    if (const YamlEntry* column = map.find("column")) {
      source.event_time.column = map.text("column");
      source.event_time_pos = column->value.pos;
    }
    EventTimeSpec& spec = source.event_time;
    source.max_ahead_given = map.find("max_ahead") != nullptr;
    micros(map, "out_of_order", spec.out_of_order);
    micros(map, "max_ahead", spec.max_ahead, "off");
    micros(map, "idle_after", spec.idle_after);
    micros(map, "idle_advance", spec.idle_advance, "off");
    micros(map, "max_skew", spec.max_skew, "off");
    map.finish();
  }

  // A fixed span in microseconds; the word `none` is 0.
  void micros(MapReader& map, std::string_view key, int64_t& out, std::string_view none = {}) {
    const YamlEntry* entry = map.find(key);
    if (!entry) return;
    const std::string text = map.text(key);
    if (!entry->value.is_scalar()) return;
    if (!none.empty() && text == none) {
      out = 0;
      return;
    }
    Result<Duration> span = parse_span(text);
    if (!span.ok())
      error(entry->value.pos, map.path_of(key), span.status().message());
    else if (!span->is_fixed())
      error(entry->value.pos, map.path_of(key), "months and years have no fixed length: write days");
    else
      out = span->total_micros();
  }

  void bad_records(MapReader& map, SpecSource& source) {
    const YamlEntry* entry = map.find("bad_records");
    if (!entry) return;
    const std::string text = map.text("bad_records");
    if (text == "keep")
      source.bad_records = BadRecords::keep;
    else if (text == "skip")
      source.bad_records = BadRecords::skip;
    else if (text == "fail")
      source.bad_records = BadRecords::fail;
    else if (entry->value.is_scalar())
      error(entry->value.pos, map.path_of("bad_records"),
            with_suggestion(fmt::format("'{}' is not keep, skip or fail", text), text,
                            {"keep", "skip", "fail"}));
  }

  // `start` and `until` stand under the connector and mean the same for every log.
  void start_and_until(const std::string& path, SpecSource& source) {
    const SourceKind* kind = catalog_.find_source(source.connector.kind);
    const auto own = [&](std::string_view name) {
      return std::any_of(kind->options.begin(), kind->options.end(), [&](const OptionSpec& option) {
        return option.name == name && option.type == OptionType::timestamp;
      });
    };
    if (!kind || !source.connector.options.is_map()) return;
    const std::string base = dotted(path, source.connector.kind);
    const YamlNode* start = own("start") ? nullptr : source.connector.options.find("start");
    if (start &&
        need_scalar(*start, start->pos, base + ".start", "earliest, latest or a time", diagnostics_)) {
      if (start->text == "latest") {
        source.start = StartAt::latest;
      } else if (start->text != "earliest") {
        source.start = StartAt::time;
        if (const Result<Micros> time = parse_time(start->text); time.ok())
          source.start_time = *time;
        else
          error(start->pos, base + ".start",
                fmt::format("'{}' is neither earliest, latest nor a time", start->text));
      }
    }
    const YamlNode* until = own("until") ? nullptr : source.connector.options.find("until");
    if (until && need_scalar(*until, until->pos, base + ".until", "latest or a time", diagnostics_)) {
      source.until.kind = UntilSpec::Kind::time;
      if (until->text == "latest")
        source.until.kind = UntilSpec::Kind::latest;
      else if (const Result<Micros> time = parse_time(until->text); time.ok())
        source.until.time = *time;
      else
        error(until->pos, base + ".until", fmt::format("'{}' is neither latest nor a time", until->text));
    }
  }

  // ---- streams
  void stream(const YamlEntry& entry, const std::string& path) {
    SpecStream stream;
    stream.name = entry.key;
    stream.pos = entry.key_pos;
    MapReader map(entry.value, path, entry.key_pos, diagnostics_);
    const YamlEntry* from = map.find("from");
    const YamlEntry* merged = map.find("union");
    if (merged) {
      stream.is_union = true;
      union_of(*merged, map.path_of("union"), stream);
      if (from) error(from->key_pos, map.path_of("from"), "a step has 'from' or 'union', not both");
    } else if (from) {
      stream.from.push_back(stream_ref(*from, map.path_of("from"), "'union: [a, b]' reads several"));
    } else if (entry.value.is_map() || entry.value.is_null()) {
      error(entry.key_pos, path,
            "'from' is missing: a step reads a source or another step ('union' reads several)");
    }
    stream.where = expression(map, "where");
    if (const YamlEntry* select = map.find("select")) {
      stream.has_select = true;
      stream.select = named_list(*select, map.path_of("select"), true);
    }
    if (const YamlEntry* keys = map.find("key_by"))
      stream.key_by = named_list(*keys, map.path_of("key_by"), false);
    const YamlEntry* window = map.find("window");
    if (window) stream.window = read_window(document_, *window, map.path_of("window"), diagnostics_);
    if (const YamlEntry* aggregate = map.find("aggregate"))
      stream.aggregate = named_map(*aggregate, map.path_of("aggregate"));
    stream.having = expression(map, "having");
    if (const YamlEntry* split = map.find("split")) read_split(*split, map.path_of("split"), stream);
    operation(map, path, stream);
    for (const YamlEntry* join : map.others()) {
      if (join->key == "join")
        map.refuse(
            *join,
            "streams can't be joined: 'union' them, 'key_by' what they share, and take last() of each one's "
            "columns in a window");
    }
    map.finish(operator_words());
    check_clauses(map, path, entry, stream, window);
    spec_.streams.push_back(std::move(stream));
  }

  void check_clauses(MapReader& map, const std::string& path, const YamlEntry& entry,
                     const SpecStream& stream, const YamlEntry* window) {
    const YamlEntry* aggregate = map.find("aggregate");
    const YamlEntry* keys = map.find("key_by");
    if (aggregate && !window)
      error(aggregate->key_pos, map.path_of("aggregate"),
            "'aggregate' needs a 'window' (over the whole stream: 'window: {global: {every: 1m}}')");
    if (window && !aggregate)
      error(window->key_pos, map.path_of("window"),
            "'window' needs an 'aggregate': what to compute per window");
    if (window && !keys && entry.value.is_map())
      error(window->key_pos, path,
            "'key_by' is missing: a window is per key (one for all rows: 'key_by: []')");
    if (keys && !window && !stream.operation)
      error(keys->key_pos, map.path_of("key_by"),
            "'key_by' without a 'window' does nothing: remove it or add a window");
    const YamlEntry* having = map.find("having");
    if (having && !aggregate)
      error(having->key_pos, map.path_of("having"), "'having' filters results of 'aggregate': use 'where'");
    if (stream.operation && (window || aggregate))
      error(stream.operation->pos, dotted(path, stream.operation->kind),
            fmt::format("'{}' and 'window' are two steps: give each its own name", stream.operation->kind));
    const YamlEntry* split = map.find("split");
    if (split && (window || aggregate || stream.operation))
      error(split->key_pos, map.path_of("split"), "'split' stands in a step of its own, behind this one");
  }

  std::vector<std::string> operator_words() const {
    std::vector<std::string> words;
    for (const auto& [name, kind] : catalog_.operators())
      if (!kind.of_clauses) words.push_back(name);
    return words;
  }

  void operation(MapReader& map, const std::string& path, SpecStream& stream) {
    for (const std::string& word : operator_words()) {
      const YamlEntry* entry = map.find(word);
      if (!entry) continue;
      if (stream.operation)
        error(
            entry->key_pos, dotted(path, word),
            fmt::format("'{}' and '{}' are two steps: give each its own name", stream.operation->kind, word));
      else
        stream.operation = SpecConnector{word, entry->key_pos, entry->value};
    }
  }

  SpecStreamRef stream_ref(const YamlEntry& entry, const std::string& path, std::string_view several) {
    if (entry.value.is_list()) {
      error(entry.value.pos, path,
            fmt::format("expected the name of a source or step here, found a list: {}", several));
      return {};
    }
    if (!need_scalar(entry.value, entry.key_pos, path, "the name of a source or step", diagnostics_))
      return {};
    return parse_ref(entry.value);
  }
  static SpecStreamRef parse_ref(const YamlNode& node) {
    const size_t dot = node.text.find('.');
    SpecStreamRef ref;
    ref.name = node.text.substr(0, dot);
    ref.port = dot == std::string::npos ? "" : node.text.substr(dot + 1);
    ref.pos = node.pos;
    return ref;
  }

  void union_of(const YamlEntry& entry, const std::string& path, SpecStream& stream) {
    if (!entry.value.is_list() || entry.value.items.size() < 2) {
      error(entry.key_pos, path, "'union' needs a list of at least two streams: [rides, vehicles]");
      return;
    }
    for (const YamlNode& item : entry.value.items)
      if (need_scalar(item, entry.key_pos, path, "the name of a source or step", diagnostics_))
        stream.from.push_back(parse_ref(item));
  }

  SpecExpr expression(MapReader& map, std::string_view key) {
    const YamlEntry* entry = map.find(key);
    if (!entry) return {};
    return read_expression(document_, entry->value, entry->key_pos, map.path_of(key), diagnostics_);
  }

  // [a, b, {c: expression}, "*"] or {a:, c: expression, "*":} or a single name.
  std::vector<SpecNamed> named_list(const YamlEntry& entry, const std::string& path, bool star) {
    std::vector<SpecNamed> out;
    const auto add = [&](SpecNamed named) {
      if (named.name == "*" && !star) {
        error(named.pos, path, "'*' can't be a key: name the columns");
        return;
      }
      const bool twice =
          std::any_of(out.begin(), out.end(), [&](const SpecNamed& o) { return o.name == named.name; });
      if (twice)
        error(named.pos, path, fmt::format("'{}' stands here twice", named.name));
      else
        out.push_back(std::move(named));
    };
    const auto column = [&](const YamlNode& node) {
      SpecNamed named;
      named.name = node.text;
      named.pos = node.pos;
      named.plain = true;
      add(std::move(named));
    };
    const auto pairs = [&](const YamlNode& node) {
      for (const YamlEntry& item : node.entries) add(named_entry(item, path));
    };
    if (entry.value.is_scalar()) {
      column(entry.value);
    } else if (entry.value.is_map()) {
      pairs(entry.value);
    } else if (entry.value.is_list()) {
      for (const YamlNode& item : entry.value.items) {
        if (item.is_scalar())
          column(item);
        else if (item.is_map())
          pairs(item);
        else
          error(item.is_null() ? entry.key_pos : item.pos, path,
                fmt::format("expected a column or 'name: expression' here, found {}", item.kind_name()));
      }
    } else {
      error(entry.key_pos, path, "expected a list of columns or 'name: expression' lines");
    }
    return out;
  }

  SpecNamed named_entry(const YamlEntry& item, const std::string& path) {
    SpecNamed named;
    named.name = item.key;
    named.pos = item.key_pos;
    named.plain = item.value.is_null();
    const std::string at = dotted(path, item.key);
    if (item.key == "*") {
      if (!named.plain) error(item.value.pos, at, "'*' takes all other columns: nothing stands behind it");
      named.plain = true;
    } else if (!named.plain) {
      if (!check_column_name(item.key, item.key_pos, at)) return named;
      named.expr = read_expression(document_, item.value, item.key_pos, at, diagnostics_);
    }
    return named;
  }

  std::vector<SpecNamed> named_map(const YamlEntry& entry, const std::string& path) {
    std::vector<SpecNamed> out;
    if (!entry.value.is_map() || entry.value.entries.empty()) {
      error(entry.value.is_null() ? entry.key_pos : entry.value.pos, path,
            fmt::format("expected 'name: aggregate' lines here, found {}", entry.value.kind_name()));
      return out;
    }
    for (const YamlEntry& item : entry.value.entries) {
      const std::string at = dotted(path, item.key);
      if (!check_column_name(item.key, item.key_pos, at)) continue;
      SpecNamed named;
      named.name = item.key;
      named.pos = item.key_pos;
      named.expr = read_expression(document_, item.value, item.key_pos, at, diagnostics_);
      out.push_back(std::move(named));
    }
    return out;
  }

  void read_split(const YamlEntry& entry, const std::string& path, SpecStream& stream) {
    if (!entry.value.is_map() || entry.value.entries.empty()) {
      error(entry.key_pos, path, "'split' needs 'branch: condition' lines (and 'rest: else')");
      return;
    }
    bool has_else = false;
    for (const YamlEntry& item : entry.value.entries) {
      const std::string at = dotted(path, item.key);
      check_name(item.key, item.key_pos, at, "a branch");
      if (item.key == "rejected" || item.key == "late")
        error(item.key_pos, at,
              fmt::format("'{}' is the name of an output that steps have: choose another", item.key));
      SpecNamed branch;
      branch.name = item.key;
      branch.pos = item.key_pos;
      if (item.value.is_scalar() && !item.value.quoted && item.value.text == "else") {
        if (has_else) error(item.value.pos, at, "a split has one 'else'");
        has_else = true;
        branch.plain = true;
      } else {
        if (has_else) error(item.key_pos, at, "'else' must be the last branch");
        branch.expr = read_expression(document_, item.value, item.key_pos, at, diagnostics_);
      }
      stream.split.push_back(std::move(branch));
    }
  }

  // ---- sinks
  void sink(const YamlEntry& entry, const std::string& path) {
    SpecSink sink;
    sink.name = entry.key;
    sink.pos = entry.key_pos;
    MapReader map(entry.value, path, entry.key_pos, diagnostics_);
    if (const YamlEntry* from = map.need("from", "a sink reads a source or a step"))
      sink.from = stream_ref(*from, map.path_of("from"), "bring them together by a step with 'union'");
    connector(map, names_of(catalog_.sinks()), "a sink", entry, path, sink.connector);
    sink.format = format(map, path);
    const auto word = [&](std::string_view key, const std::vector<std::string>& words, std::string& out,
                          TextPos& pos) {
      const YamlEntry* e = map.find(key);
      if (!e) return;
      out = map.text(key);
      pos = e->value.pos;
      if (e->value.is_scalar() && std::find(words.begin(), words.end(), out) == words.end()) {
        const std::string near = did_you_mean(out, words);
        error(pos, map.path_of(key),
              fmt::format("'{}' is neither {} nor {}{}{}", out, words[0], words[1], near.empty() ? "" : " ",
                          near));
        out.clear();
      }
    };
    word("delivery", {"exactly_once", "at_least_once"}, sink.delivery, sink.delivery_pos);
    word("mode", {"append", "upsert"}, sink.mode, sink.mode_pos);
    map.finish(names_of(catalog_.sinks()));
    spec_.sinks.push_back(std::move(sink));
  }

  JobSpec& spec_;
  const YamlDocument& document_;
  const Catalog& catalog_;
  Diagnostics& diagnostics_;
  std::map<std::string, std::pair<std::string, TextPos>> names_;
};

std::string without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') out += c;
  return out;
}

// Whether YAML ended a value without quotes at a ' #', for a comment.
bool ends_at_comment(const YamlDocument& document, const YamlNode& node) {
  if (node.quoted) return false;
  const std::string_view rest = std::string_view(document.text).substr(node.raw_offset);
  const size_t hash = rest.find(" #");
  const std::string& value = node.written.empty() ? node.text : node.written;
  return hash != std::string_view::npos && without_blanks(rest.substr(0, hash)) == without_blanks(value);
}

}  // namespace

SpecExpr read_expression(const YamlDocument& document, const YamlNode& node, TextPos pos,
                         const std::string& path, Diagnostics& diagnostics) {
  SpecExpr out;
  out.pos = node.is_null() ? pos : node.pos;
  if (!need_scalar(node, pos, path, "an expression", diagnostics)) return out;
  out.text = node.text;
  const std::vector<TextPos> places = document.places(node);
  if (!places.empty()) out.pos = places[0];
  ExpressionError error;
  out.ast = parse_expression(node.text, places, error);
  if (out.ast) return out;
  if (error.at_end && ends_at_comment(document, node))
    error.message += "; for YAML a ' #' begins a comment: put the whole expression in \"…\"";
  diagnostics.error(error.pos, path, error.message);
  return out;
}

JobSpec load_job_spec(std::string_view text, const Catalog& catalog, const VariableLookup& lookup,
                      Diagnostics& diagnostics) {
  JobSpec spec;
  YamlDocument document = parse_yaml(text, diagnostics);
  const bool readable = diagnostics.ok() || !document.root.is_null();
  if (readable) replace_variables(document, lookup, diagnostics);
  spec.document = std::make_shared<const YamlDocument>(std::move(document));
  if (readable) Loader(spec, catalog, diagnostics).run();
  spec.index();
  return spec;
}

}  // namespace rideflow
