#include "dsl/job_test_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "dsl/expression_binder.h"
#include "dsl/map_reader.h"
#include "dsl/scalars.h"
#include "dsl/typed_value.h"

namespace rideflow {

namespace {

class TestReader {
 public:
  TestReader(const LogicalPlan& plan, std::string_view file, Diagnostics& diagnostics, const JobSpec* spec)
      : plan_(plan), file_(file), diagnostics_(diagnostics), spec_(spec) {}

  std::vector<JobTest> run(const YamlNode& tests) {
    std::vector<JobTest> out;
    if (tests.is_null()) return out;
    if (!tests.is_list()) {
      diagnostics_.error(tests.pos, "tests",
                         fmt::format("expected a list of tests, found {}", tests.kind_name()));
      return out;
    }
    std::set<std::string> names;
    for (size_t i = 0; i < tests.items.size(); ++i) {
      out.push_back(test(tests.items[i], fmt::format("tests[{}]", i)));
      if (!out.back().name.empty() && !names.insert(out.back().name).second)
        error(out.back().pos, fmt::format("tests[{}]", i),
              fmt::format("the test '{}' stands here twice", out.back().name));
    }
    return out;
  }

 private:
  void error(TextPos pos, const std::string& path, std::string message) {
    diagnostics_.error(pos, path, std::move(message));
  }

  JobTest test(const YamlNode& node, const std::string& path) {
    JobTest out;
    out.file = file_;
    out.pos = node.pos;
    MapReader map(node, path, node.pos, diagnostics_);
    if (map.need("name", "a test says in its name what it shows")) out.name = map.text("name");
    if (const YamlEntry* feed = map.need("feed", "what the sources receive, step by step"))
      read_feed(feed->value, feed->key_pos, map.path_of("feed"), out);
    if (const YamlEntry* expect = map.need("expect", "the rows that sinks must have got"))
      read_expect(expect->value, expect->key_pos, map.path_of("expect"), out);
    if (const YamlEntry* parallelism = map.find("parallelism"))
      read_parallelism(parallelism->value, map.path_of("parallelism"), out);
    if (const YamlEntry* open = map.find("open")) {
      const Result<bool> value = parse_boolean(map.text("open"));
      if (value.ok())
        out.open = *value;
      else
        error(open->value.pos, map.path_of("open"), value.status().message());
    }
    map.finish();
    return out;
  }

  void read_parallelism(const YamlNode& node, const std::string& path, JobTest& out) {
    const std::vector<YamlNode> one = {node};
    out.parallelism.clear();
    for (const YamlNode& item : node.is_list() ? node.items : one) {
      const Result<int64_t> n = parse_integer(item.text);
      if (n.ok() && *n >= 1 && *n <= 128)
        out.parallelism.push_back(static_cast<int32_t>(*n));
      else
        error(item.pos, path, fmt::format("'{}' is not a number of tasks from 1 to 128", item.text));
    }
    if (out.parallelism.empty()) out.parallelism = {1};
  }

  // ---- feed
  void read_feed(const YamlNode& node, TextPos pos, const std::string& path, JobTest& out) {
    if (!node.is_list()) {
      error(node.is_null() ? pos : node.pos, path,
            "expected a list: '- source: [rows]', '- advance: {source: time}', …");
      return;
    }
    ended_.clear();
    for (size_t i = 0; i < node.items.size(); ++i) {
      const YamlNode& item = node.items[i];
      const std::string at = fmt::format("{}[{}]", path, i);
      FeedStep step;
      step.pos = item.pos;
      if (item.is_scalar() && item.text == "restart") {
        step.kind = FeedStep::Kind::restart;
        out.feed.push_back(std::move(step));
        continue;
      }
      if (!item.is_map() || item.entries.size() != 1) {
        error(item.is_null() ? pos : item.pos, at,
              "a step of 'feed' is one key: a source, advance, end, wait or restart");
        continue;
      }
      const YamlEntry& entry = item.entries[0];
      feed_step(entry, dotted(at, entry.key), step);
      out.feed.push_back(std::move(step));
    }
  }

  void feed_step(const YamlEntry& entry, const std::string& path, FeedStep& step) {
    if (entry.key == "restart") {
      step.kind = FeedStep::Kind::restart;
      if (!entry.value.is_null()) error(entry.value.pos, path, "nothing stands behind 'restart'");
    } else if (entry.key == "advance") {
      advance(entry, path, step);
    } else if (entry.key == "end") {
      step.kind = FeedStep::Kind::end;
      const std::vector<YamlNode> one = {entry.value};
      for (const YamlNode& item : entry.value.is_list() ? entry.value.items : one) {
        if (!need_scalar(item, entry.key_pos, path, "the name of a source", diagnostics_)) continue;
        if (!find_source(item.text, item.pos, path)) continue;
        step.end.push_back(item.text);
        ended_.try_emplace(item.text, item.pos);
      }
    } else if (entry.key == "wait") {
      step.kind = FeedStep::Kind::wait;
      if (!need_scalar(entry.value, entry.key_pos, path, "a duration", diagnostics_)) return;
      const Result<Duration> span = parse_span(entry.value.text);
      if (span.ok() && span->is_fixed())
        step.wait_micros = span->total_micros();
      else
        error(entry.value.pos, path, fmt::format("'{}' is not a duration of fixed length", entry.value.text));
    } else if (const LogicalNode* source = find_source(entry.key, entry.key_pos, path)) {
      step.source = entry.key;
      check_open(entry.key, entry.key_pos, path, "rows");
      read_rows(entry, path, std::get<SourceNode>(source->body), step);
    }
  }

  void advance(const YamlEntry& entry, const std::string& path, FeedStep& step) {
    step.kind = FeedStep::Kind::advance;
    if (!entry.value.is_map()) {
      error(entry.key_pos, path, "write 'advance: {source: time}'");
      return;
    }
    for (const YamlEntry& item : entry.value.entries) {
      const std::string at = dotted(path, item.key);
      if (!find_source(item.key, item.key_pos, at)) continue;
      check_open(item.key, item.key_pos, at, "an advance");
      if (!need_scalar(item.value, item.key_pos, at, "a time", diagnostics_)) continue;
      const Result<Micros> time = parse_time(item.value.text);
      if (time.ok())
        step.advance.emplace_back(item.key, *time);
      else
        error(item.value.pos, at, time.status().message());
    }
  }

  // What would come behind the end of a source would never be read.
  void check_open(const std::string& source, TextPos pos, const std::string& path, std::string_view what) {
    const auto end = ended_.find(source);
    if (end == ended_.end()) return;
    error(pos, path,
          fmt::format("{} for '{}' behind its end (line {}): a source that has ended gets nothing more, move "
                      "the 'end' behind this",
                      what, source, end->second.line));
  }

  const LogicalNode* find_source(const std::string& name, TextPos pos, const std::string& path) {
    std::vector<std::string> names = {"advance", "end", "wait", "restart"};
    for (const LogicalNode& node : plan_.nodes) {
      if (!std::holds_alternative<SourceNode>(node.body)) continue;
      if (node.step == name) return &node;
      names.push_back(node.step);
    }
    if (spec_ && spec_->find_source(name)) return nullptr;
    error(pos, path,
          with_suggestion(fmt::format("'{}' is no source that this job reads", name), name, names));
    return nullptr;
  }

  void read_rows(const YamlEntry& entry, const std::string& path, const SourceNode& source, FeedStep& step) {
    const std::vector<YamlNode> one = {entry.value};
    if (entry.value.is_null()) {
      error(entry.key_pos, path, "expected rows here, found nothing");
      return;
    }
    const std::vector<YamlNode>& items = entry.value.is_list() ? entry.value.items : one;
    for (size_t i = 0; i < items.size(); ++i) {
      const std::string at = fmt::format("{}[{}]", path, i);
      FeedRow row;
      row.pos = items[i].pos;
      if (items[i].is_scalar()) {
        row.raw = items[i].text;
      } else if (items[i].is_map()) {
        feed_row(items[i], at, source, row);
      } else {
        error(items[i].is_null() ? entry.key_pos : items[i].pos, at,
              fmt::format("expected a row {{column: value, …}}, found {}", items[i].kind_name()));
      }
      step.rows.push_back(std::move(row));
    }
  }

  void feed_row(const YamlNode& node, const std::string& path, const SourceNode& source, FeedRow& row) {
    MapReader map(node, path, node.pos, diagnostics_);
    metadata(map, row);
    std::vector<std::string> names;
    for (const DecodeField& column : source.decoder.columns) {
      const Field& field = column.field;
      names.push_back(field.name);
      const YamlEntry* cell = map.find(field.name);
      if (!cell) {
        row.values.push_back(default_value(field.type, field.nullable));
        continue;
      }
      Result<Value> value = value_of(cell->value, field.type, field.nullable);
      if (!value.ok())
        error(cell->value.is_null() ? cell->key_pos : cell->value.pos, map.path_of(field.name),
              value.status().message());
      row.values.push_back(value.ok() ? *std::move(value) : Value::null());
    }
    for (const YamlEntry* cell : map.others())
      error(cell->key_pos, map.path_of(cell->key),
            with_suggestion(fmt::format("'{}' is no column of the source", cell->key), cell->key, names));
  }

  void metadata(MapReader& map, FeedRow& row) {
    const auto read = [&](std::string_view name, Kind kind) -> std::optional<Value> {
      const YamlEntry* cell = map.find(name);
      if (!cell) return std::nullopt;
      Result<Value> value = value_of(cell->value, Type(kind), false);
      if (value.ok()) return *std::move(value);
      error(cell->key_pos, map.path_of(name), value.status().message());
      return std::nullopt;
    };
    if (const auto partition = read("_partition", Kind::int32))
      row.partition = static_cast<int32_t>(partition->integer);
    if (const auto time = read("_timestamp", Kind::timestamp)) row.timestamp = time->integer;
    if (const auto key = read("_key", Kind::string)) row.key = key->text;
    if (row.partition < 0 || row.partition > 1023)
      error(row.pos, map.path_of("_partition"), "a partition is a number from 0 to 1023");
  }

  // ---- expect
  void read_expect(const YamlNode& node, TextPos pos, const std::string& path, JobTest& out) {
    if (!node.is_map()) {
      error(node.is_null() ? pos : node.pos, path, "expected 'sink: [rows]' lines here");
      return;
    }
    for (const YamlEntry& entry : node.entries) {
      const std::string at = dotted(path, entry.key);
      const SinkConfig* sink = find_sink(entry, at);
      if (!sink) continue;
      ExpectedRows rows;
      rows.sink = entry.key;
      rows.pos = entry.key_pos;
      if (!entry.value.is_list()) {
        error(entry.value.is_null() ? entry.key_pos : entry.value.pos, at,
              "expected a list of rows here ([] for none)");
        continue;
      }
      const std::vector<Field> columns = sink_columns(*sink);
      for (size_t i = 0; i < entry.value.items.size(); ++i)
        rows.rows.push_back(expected_row(entry.value.items[i], fmt::format("{}[{}]", at, i), columns));
      out.expect.push_back(std::move(rows));
    }
  }

  const SinkConfig* find_sink(const YamlEntry& entry, const std::string& path) {
    std::vector<std::string> names;
    for (const LogicalNode& node : plan_.nodes) {
      const SinkNode* sink = std::get_if<SinkNode>(&node.body);
      if (!sink) continue;
      if (node.step == entry.key) return sink->config.get();
      names.push_back(node.step);
    }
    if (spec_ && spec_->find_sink(entry.key)) return nullptr;
    error(entry.key_pos, path,
          with_suggestion(fmt::format("unknown sink '{}'", entry.key), entry.key, names));
    return nullptr;
  }

  ExpectedRow expected_row(const YamlNode& node, const std::string& path, const std::vector<Field>& columns) {
    ExpectedRow row;
    row.pos = node.pos;
    if (!node.is_map()) {
      error(node.pos, path, fmt::format("expected a row {{column: value, …}}, found {}", node.kind_name()));
      return row;
    }
    std::vector<std::string> names;
    for (const Field& field : columns) names.push_back(field.name);
    for (const YamlEntry& cell : node.entries) {
      const std::string at = dotted(path, cell.key);
      const auto field =
          std::find_if(columns.begin(), columns.end(), [&](const Field& f) { return f.name == cell.key; });
      if (field == columns.end()) {
        error(cell.key_pos, at,
              with_suggestion(fmt::format("'{}' is no column of the sink", cell.key), cell.key, names));
        continue;
      }
      Result<Value> value = value_of(cell.value, field->type, true);
      if (!value.ok()) {
        error(cell.value.pos, at, value.status().message());
        continue;
      }
      row.cells.push_back({cell.key, *std::move(value), field->type, cell.value.pos});
    }
    return row;
  }

  const LogicalPlan& plan_;
  const std::string file_;
  Diagnostics& diagnostics_;
  const JobSpec* spec_;                   // null: the plan has all
  std::map<std::string, TextPos> ended_;  // sources of the test that is read, and where they ended
};

}  // namespace

std::vector<Field> sink_columns(const SinkConfig& config) {
  std::vector<Field> fields;
  bool rollup = false;
  for (const auto& [name, option] : config.options.all()) {
    for (const AggregateCall& call : option.aggregates) {
      rollup = true;
      fields.push_back({call.name, call.aggregate->result_type(), call.aggregate->result_nullable()});
    }
  }
  if (!rollup) return config.input->fields();
  for (const auto& [name, option] : config.options.all())
    for (const int column : option.columns) fields.push_back(config.input->field(column));
  fields.push_back({"__time", Type(Kind::timestamp), false});
  return fields;
}

std::vector<JobTest> read_tests(const YamlNode& tests, std::string_view file, const LogicalPlan& plan,
                                Diagnostics& diagnostics, const JobSpec* spec) {
  return TestReader(plan, file, diagnostics, spec).run(tests);
}

std::vector<JobTest> load_test_file(std::string_view text, std::string_view file, const LogicalPlan& plan,
                                    const VariableLookup& lookup, Diagnostics& diagnostics) {
  YamlDocument document = parse_yaml(text, diagnostics);
  if (!diagnostics.ok()) return {};
  replace_variables(document, lookup, diagnostics);
  MapReader map(document.root, "", document.root.pos, diagnostics);
  if (const YamlEntry* job = map.find("job")) {
    if (map.text("job") != plan.job)
      diagnostics.error(
          job->value.pos, "job",
          fmt::format("these tests are for the job '{}', not for '{}'", map.text("job"), plan.job));
  }
  const YamlEntry* tests = map.need("tests", "a file beside a job holds its tests");
  map.finish();
  return tests ? read_tests(tests->value, file, plan, diagnostics) : std::vector<JobTest>{};
}

}  // namespace rideflow
