#include "dsl/job_spec.h"

#include <fmt/format.h>

#include <algorithm>

namespace rideflow {

namespace {

std::string span(int64_t micros) {
  return rideflow::to_string(Duration{0, 0, micros});
}

// Options as written. Of a secret they have the name of its variable or file: the loader lets no other pass.
void print_node(std::string& out, const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return;
    case YamlNode::Kind::scalar:
      out += node.text;
      return;
    case YamlNode::Kind::list:
      out += "[";
      for (size_t i = 0; i < node.items.size(); ++i) {
        if (i) out += ", ";
        print_node(out, node.items[i]);
      }
      out += "]";
      return;
    case YamlNode::Kind::map:
      out += "{";
      for (size_t i = 0; i < node.entries.size(); ++i) {
        out += (i ? ", " : "") + node.entries[i].key + ": ";
        print_node(out, node.entries[i].value);
      }
      out += "}";
      return;
  }
}

std::string text_of(const SpecConnector& connector) {
  std::string out = connector.kind + " ";
  print_node(out, connector.options);
  return out;
}

std::string text_of(const std::vector<SpecNamed>& list) {
  std::string out;
  for (const SpecNamed& named : list) {
    out += (out.empty() ? "" : ", ") + named.name;
    if (named.expr) out += ": " + named.expr.text;
  }
  return out;
}

std::string text_of(const SpecWindow& window) {
  const WindowSpec& w = window.window;
  std::string out(to_string(w.kind));
  const auto add = [&](std::string_view name, const Duration& d) {
    if (!(d == Duration{})) out += fmt::format(" {} {}", name, rideflow::to_string(d));
  };
  add("size", w.size);
  add("slide", w.slide);
  add("step", w.step);
  add("gap", w.gap);
  if (w.every) add("every", *w.every);
  if (w.offset) out += " offset " + span(w.offset);
  if (w.zone) out += " timezone " + w.zone->name();
  if (w.allowed_lateness) out += " allowed_lateness " + span(w.allowed_lateness);
  if (window.close_on) out += " close_on " + window.close_on.text;
  return out + (w.emit == Emit::final ? " emit final" : " emit updates");
}

void print(std::string& out, const SpecSource& source) {
  out += fmt::format("  {}: {}\n", source.name, text_of(source.connector));
  out += "    format: " + (source.format ? text_of(*source.format) : std::string("json")) + "\n";
  for (const DecodeField& column : source.schema)
    out += fmt::format("    column {}: {}{}\n", column.field.name, column.field.type.to_string(),
                       column.field.nullable ? "?" : "");
  const EventTimeSpec& time = source.event_time;
  out += fmt::format(
      "    event_time: {} out_of_order {} max_ahead {} idle_after {} idle_advance {} max_skew {}\n",
      time.column.empty() ? "_timestamp" : time.column, span(time.out_of_order), span(time.max_ahead),
      span(time.idle_after), span(time.idle_advance), span(time.max_skew));
  if (source.bad_records != BadRecords::keep)
    out += source.bad_records == BadRecords::skip ? "    bad_records: skip\n" : "    bad_records: fail\n";
}

void print(std::string& out, const RestartSpec& restart) {
  const auto line = [&](std::string_view key, const std::optional<int64_t>& micros) {
    if (micros) out += fmt::format("    {}: {}\n", key, span(*micros));
  };
  if (restart.max_failures == 0) {
    out += "restart: never\n";
    return;
  }
  const bool paced = restart.within || restart.first_pause || restart.longest_pause;
  if (!restart.max_failures && !paced && !restart.poison) return;
  out += "restart\n";
  if (restart.max_failures)
    out += *restart.max_failures < 0 ? "    max_failures: unlimited\n"
                                     : fmt::format("    max_failures: {}\n", *restart.max_failures);
  line("within", restart.within);
  line("first_pause", restart.first_pause);
  line("longest_pause", restart.longest_pause);
  if (restart.poison)
    out += *restart.poison == Poison::stop ? "    poison: stop\n" : "    poison: set_aside\n";
}

void print(std::string& out, const SpecStream& stream) {
  std::string from;
  for (const SpecStreamRef& ref : stream.from) from += (from.empty() ? "" : ", ") + ref.text();
  out += fmt::format("  {}: {} {}\n", stream.name, stream.is_union ? "union of" : "from", from);
  const auto line = [&](std::string_view key, const std::string& text) {
    if (!text.empty()) out += fmt::format("    {}: {}\n", key, text);
  };
  line("where", stream.where.text);
  line("select", text_of(stream.select));
  line("key_by", text_of(stream.key_by));
  if (stream.window) line("window", text_of(*stream.window));
  for (const SpecNamed& aggregate : stream.aggregate)
    line("aggregate " + aggregate.name, aggregate.expr.text);
  line("having", stream.having.text);
  for (const SpecNamed& branch : stream.split)
    line("split " + branch.name, branch.plain ? "else" : branch.expr.text);
  if (stream.operation) line("operator", text_of(*stream.operation));
}

void print(std::string& out, const SpecSink& sink) {
  out += fmt::format("  {}: from {} to {}\n", sink.name, sink.from.text(), text_of(sink.connector));
  if (sink.format) out += "    format: " + text_of(*sink.format) + "\n";
  if (!sink.delivery.empty()) out += "    delivery: " + sink.delivery + "\n";
  if (!sink.mode.empty()) out += "    mode: " + sink.mode + "\n";
}

}  // namespace

void JobSpec::index() {
  const auto fill = [](const auto& list, Places& places) {
    for (size_t i = 0; i < list.size(); ++i) places.try_emplace(list[i].name, i);
  };
  fill(sources, source_places_);
  fill(streams, stream_places_);
  fill(sinks, sink_places_);
}

const SpecSource* JobSpec::find_source(std::string_view name) const {
  const auto it = source_places_.find(name);
  return it == source_places_.end() ? nullptr : &sources[it->second];
}

const SpecStream* JobSpec::find_stream(std::string_view name) const {
  const auto it = stream_places_.find(name);
  return it == stream_places_.end() ? nullptr : &streams[it->second];
}

const SpecSink* JobSpec::find_sink(std::string_view name) const {
  const auto it = sink_places_.find(name);
  return it == sink_places_.end() ? nullptr : &sinks[it->second];
}

std::string to_string(const JobSpec& spec) {
  std::string out = "job " + spec.job + "\n";
  if (!spec.description.empty()) out += "  " + spec.description + "\n";
  print(out, spec.restart);
  if (!spec.kafka.is_null()) {
    out += "kafka ";
    print_node(out, spec.kafka);
    out += "\n";
  }
  if (!spec.sources.empty()) out += "sources\n";
  for (const SpecSource& source : spec.sources) print(out, source);
  if (!spec.streams.empty()) out += "streams\n";
  for (const SpecStream& stream : spec.streams) print(out, stream);
  if (!spec.sinks.empty()) out += "sinks\n";
  for (const SpecSink& sink : spec.sinks) print(out, sink);
  return out;
}

std::vector<StepText> step_texts(const JobSpec& spec) {
  std::vector<StepText> all;
  const auto add = [&](const char* section, const auto& steps) {
    for (const auto& step : steps) {
      std::string text;
      print(text, step);
      all.push_back({section, step.name, std::move(text)});
    }
  };
  add("sources", spec.sources);
  add("streams", spec.streams);
  add("sinks", spec.sinks);
  return all;
}

}  // namespace rideflow
