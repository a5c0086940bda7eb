// topics, produce, consume: the embedded topics (or Kafka's) from the command line.
#include <fmt/format.h>

#include <cstdio>

#include "engine/json_writer.h"
#include "engine/time.h"
#include "engine/utf8.h"
#include "runtime/cli/cli_command.h"
#include "runtime/name_value.h"
#include "runtime/posix_process.h"
#include "runtime/topic_open.h"

namespace rideflow {
namespace {

constexpr size_t kProduceBatch = 1000;

Status list_topics(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(const auto topics, open_topics(context, args, TopicUse::read));
  RF_ASSIGN(const std::vector<TopicInfo> all, topics->list());
  std::string out;
  if (context.json(args)) {
    JsonWriter json(out);
    json.begin_array();
    for (const TopicInfo& topic : all) {
      json.begin_object().field("name", topic.name).field("partitions", topic.partitions);
      json.field("records", topic.records).field("bytes", topic.bytes).end_object();
    }
    json.end_array();
    out += '\n';
  } else {
    out = fmt::format("{:<32} {:>10} {:>14} {:>16}\n", "topic", "partitions", "records", "bytes");
    for (const TopicInfo& topic : all) {
      out += fmt::format("{:<32} {:>10} {:>14} {:>16}\n", topic.name, topic.partitions, topic.records,
                         topic.bytes);
    }
  }
  print(out);
  return {};
}

Status describe_topic(CliContext& context, const ParsedArgs& args) {
  const std::string& name = args.arguments[0];
  RF_ASSIGN(const auto topics, open_topics(context, args, TopicUse::read));
  RF_ASSIGN(const int32_t partitions, topics->partitions(name));
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("name", name).key("partitions").begin_array();
  std::string text = fmt::format("{}: {} partitions\n", name, partitions);
  for (int32_t p = 0; p < partitions; ++p) {
    RF_ASSIGN(const int64_t first, topics->first_offset(name, p));
    RF_ASSIGN(const int64_t end, topics->end_offset(name, p));
    json.begin_object().field("partition", p).field("first_offset", first).field("end_offset", end);
    json.end_object();
    text += fmt::format("  partition {:>4}  first offset {:>10}  end offset {:>10}\n", p, first, end);
  }
  json.end_array().end_object();
  print(context.json(args) ? out + "\n" : text);
  return {};
}

Status create_topic(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(const auto topics, open_topics(context, args, TopicUse::write));
  RF_ASSIGN(const int64_t partitions, args.integer("partitions", 4, 1, 1024));
  RF_TRY(topics->create(args.arguments[0], static_cast<int32_t>(partitions)));
  if (!context.json(args)) {
    print(fmt::format("created {} with {} partitions\n", args.arguments[0], partitions));
    return {};
  }
  std::string out;
  JsonWriter(out)
      .begin_object()
      .field("created", args.arguments[0])
      .field("partitions", partitions)
      .end_object();
  print(out + "\n");
  return {};
}

Status delete_topic(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(const auto topics, open_topics(context, args, TopicUse::read));
  RF_TRY(topics->remove(args.arguments[0], args.has("force")));
  if (!context.json(args)) {
    print(fmt::format("deleted {}\n", args.arguments[0]));
    return {};
  }
  std::string out;
  JsonWriter(out).begin_object().field("deleted", args.arguments[0]).end_object();
  print(out + "\n");
  return {};
}

// Lines of stdin or of a file, handed on in batches. A line break ends a record, so an empty line is one of
// no bytes, and nothing behind the last line break is none.
Status for_each_line(CliContext& context, const ParsedArgs& args,
                     const std::function<Status(std::vector<std::string>&)>& use) {
  std::vector<std::string> lines;
  std::string line;
  const auto add = [&](std::string_view chunk) -> Status {
    for (const char c : chunk) {
      if (c != '\n') {
        line += c;
        continue;
      }
      lines.push_back(std::move(line));
      line.clear();
      if (lines.size() < kProduceBatch) continue;
      RF_TRY(use(lines));
      lines.clear();
    }
    return {};
  };
  std::string buffer(size_t{64} << 10, '\0');
  if (args.arguments.size() > 1 && args.arguments[1] != "-") {
    auto opened = context.env->fs().open(args.arguments[1]);
    if (!opened.ok()) return Status::user(opened.status().code(), opened.status().message());
    const auto file = *std::move(opened);
    for (int64_t at = 0;;) {
      RF_ASSIGN(const size_t n, file->read(at, buffer.size(), buffer.data()));
      if (n == 0) break;
      RF_TRY(add({buffer.data(), n}));
      at += static_cast<int64_t>(n);
    }
  } else {
    while (const size_t n = std::fread(buffer.data(), 1, buffer.size(), stdin))
      RF_TRY(add({buffer.data(), n}));
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines.empty() ? Status() : use(lines);
}

Result<RecordHeaders> headers_of(const ParsedArgs& args) {
  RecordHeaders headers;
  for (const std::string& text : args.all("header")) {
    auto header = split_name_value(text);
    if (!header)
      return Status::user(Code::invalid_argument, fmt::format("--header wants NAME=VALUE, not '{}'", text));
    headers.push_back(*std::move(header));
  }
  return headers;
}

Status produce(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(const RecordHeaders headers, headers_of(args));
  RF_ASSIGN(const auto topics, open_topics(context, args, TopicUse::write));
  int64_t records = 0;
  const Status status = for_each_line(context, args, [&](std::vector<std::string>& lines) -> Status {
    RF_TRY(topics->produce(args.arguments[0], lines, headers));
    records += static_cast<int64_t>(lines.size());
    return {};
  });
  if (!status.ok() && records == 0) return status;
  if (!status.ok()) {
    Status told = status;
    return std::move(told.with(fmt::format("after {} records, which are kept", records)));
  }
  print(fmt::format("{} records produced to {}\n", records, args.arguments[0]));
  return {};
}

// Under `name` as text, or as base64 under a name that says so.
void write_bytes(JsonWriter& writer, const std::string& name, std::string_view bytes) {
  if (is_valid_utf8(bytes)) {
    writer.field(name, bytes);
  } else {
    writer.field(name + "_base64", base64_encode(bytes));
  }
}

void print_line(const TopicLine& line, bool json) {
  if (!json) {
    print(line.value + "\n");
    return;
  }
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("partition", line.partition).field("offset", line.offset);
  writer.field("timestamp", format_timestamp(line.timestamp));
  if (line.has_key)
    write_bytes(writer, "key", line.key);
  else
    writer.key("key").null();
  if (line.has_value)
    write_bytes(writer, "value", line.value);
  else
    writer.key("value").null();  // a tombstone
  if (!line.headers.empty()) {
    writer.key("headers").begin_array();
    for (const auto& [name, value] : line.headers) {
      writer.begin_object();
      write_bytes(writer, "key", name);
      if (value)
        write_bytes(writer, "value", *value);
      else
        writer.key("value").null();
      writer.end_object();
    }
    writer.end_array();
  }
  writer.end_object();
  print(out + "\n");
}

Status consume(CliContext& context, const ParsedArgs& args) {
  const std::string& name = args.arguments[0];
  RF_ASSIGN(const auto topics, open_topics(context, args, TopicUse::read));
  RF_ASSIGN(const int64_t count, args.integer("count", -1, 0, INT64_MAX));
  RF_ASSIGN(const int32_t partitions, topics->partitions(name));
  std::vector<int64_t> next(static_cast<size_t>(partitions), 0);
  for (int32_t p = 0; p < partitions; ++p) {
    RF_ASSIGN(next[static_cast<size_t>(p)],
              args.has("from-beginning") ? topics->first_offset(name, p) : topics->end_offset(name, p));
  }
  catch_stop_signals();
  int64_t printed = 0;
  while (!stop_signal_received() && printed != count) {
    bool any = false;
    for (int32_t p = 0; p < partitions && printed != count; ++p) {
      int64_t& offset = next[static_cast<size_t>(p)];
      const auto limit = static_cast<int32_t>(count < 0 ? 1000 : std::min<int64_t>(1000, count - printed));
      RF_ASSIGN(const std::vector<TopicLine> lines, topics->read(name, p, offset, limit));
      for (const TopicLine& line : lines) print_line(line, context.json(args));
      printed += static_cast<int64_t>(lines.size());
      if (!lines.empty()) offset = lines.back().offset + 1;
      any = any || !lines.empty();
    }
    if (!any && args.has("until-end")) break;
    if (!any) sleep_ms(50);
  }
  return {};
}

Command make(CommandSpec spec, Status (*run)(CliContext&, const ParsedArgs&)) {
  for (FlagSpec& flag : topic_flags()) spec.flags.push_back(std::move(flag));
  return {std::move(spec),
          [run](CliContext& context, const ParsedArgs& args) { return finish(run(context, args)); }};
}

}  // namespace

std::vector<Command> topic_commands() {
  return {
      make({"topics list", "", "List topics.", 0, 0, {format_flag()}}, list_topics),
      make({"topics create",
            "TOPIC",
            "Create a topic.",
            1,
            1,
            {format_flag(), {"partitions", "N", "how many (default 4)", false}}},
           create_topic),
      make({"topics describe", "TOPIC", "Show a topic's partitions.", 1, 1, {format_flag()}}, describe_topic),
      make({"topics delete",
            "TOPIC",
            "Delete a topic and its records.",
            1,
            1,
            {format_flag(),
             {"force", "", "although jobs use it: they fail, and do not go on from their checkpoints",
              false}}},
           delete_topic),
      make({"produce",
            "TOPIC [FILE]",
            "Write the lines of a file, or of stdin, to a topic, each as a record; durable at the end.",
            1,
            2,
            {{"header", "NAME=VALUE", "a header of every record; may be repeated", true}}},
           produce),
      make({"consume",
            "TOPIC",
            "Print a topic's records as they come.",
            1,
            1,
            {format_flag(),
             {"from-beginning", "", "from the first record on (default: only new ones)", false},
             {"count", "N", "stop after N records", false},
             {"until-end", "", "stop when there are no more", false}}},
           consume),
  };
}

}  // namespace rideflow
