// generate: events of the main job's shapes, as JSON lines.
#include <fmt/format.h>

#include "dsl/scalars.h"
#include "engine/time.h"
#include "runtime/cli/cli_command.h"
#include "runtime/cli/generator_flags.h"
#include "runtime/posix_process.h"

namespace rideflow {
namespace {

constexpr int32_t kBatch = 4096;

Result<double> rate_of(const ParsedArgs& args) {
  if (!args.has("rate")) return 0.0;
  const Result<double> rate = parse_rate(args.get("rate"));
  if (!rate.ok() || *rate > 1e8) {
    return Status::user(
        Code::invalid_argument,
        fmt::format("--rate wants events per second, such as 5000/s, up to 100M/s, or max, not "
                    "'{}'",
                    args.get("rate")));
  }
  return rate;
}

Result<std::unique_ptr<RecordReader>> open_generator(CliContext& context, const ParsedArgs& args) {
  const SourceKind* kind = context.catalog->find_source("generator");
  if (!kind) return Status::internal("the catalog has no generator");
  RF_ASSIGN(const int64_t seed, args.integer("seed", 1, 0, INT64_MAX));
  RF_ASSIGN(const double rate, rate_of(args));
  SourceConfig config;
  config.source = args.arguments[0];
  FeedOptions feed;
  feed.seed = static_cast<uint64_t>(seed);
  feed.pace = 1;
  RF_TRY(read_generator_flags(args, feed));
  RF_TRY(read_spacing_flags(args, feed));
  config.options = generator_options(args.arguments[0], feed, rate);
  if (args.has("count")) {
    OptionValue count;
    RF_ASSIGN(count.integer, args.integer("count", 0, 0, INT64_MAX));
    count.text = args.get("count");
    config.options.set("count", count);
  }
  if (args.has("start")) {
    const std::optional<Micros> start = parse_timestamp(args.get("start"));
    if (!start) {
      return Status::user(
          Code::invalid_argument,
          fmt::format("--start wants a time such as 2026-01-01T00:00:00Z, not '{}'", args.get("start")));
    }
    OptionValue value;
    value.integer = *start;
    value.text = args.get("start");
    config.options.set("start", value);
  }
  RF_ASSIGN(auto reader, kind->make(config));
  OpenContext open;
  open.env = context.env;
  RF_TRY(reader->open(open));
  RF_ASSIGN(const Position begin, reader->resolve(Partition(0), StartAt::earliest, 0));
  RF_TRY(reader->assign(Partition(0), begin));
  return reader;
}

Status generate(CliContext& context, const ParsedArgs& args) {
  RF_ASSIGN(const auto reader, open_generator(context, args));
  catch_stop_signals();
  std::string out;
  while (!stop_signal_received()) {
    RF_ASSIGN(const Poll poll, reader->poll(Partition(0), kBatch));
    if (poll.chunk) {
      out.clear();
      for (const RecordOrigin& record : poll.chunk->records) out.append(record.payload).push_back('\n');
      print(out);
    } else if (poll.state == Poll::State::ended) {
      break;
    } else {
      sleep_ms(5);
    }
  }
  return {};
}

}  // namespace

std::vector<Command> event_commands() {
  CommandSpec spec = {
      "generate",
      "rides|vehicles|users|users_schema",
      "Write generated events to stdout, one JSON object a line.",
      1,
      1,
      {{"count", "N", "stop after N events (default: go on)", false},
       {"seed", "S", "the same seed and start give the same bytes (default 1)", false},
       {"rate", "R", "events per second, each when it is due (default, 0 and max: as fast as possible)",
        false},
       {"start", "TIME", "time of the first event (default now)", false}}};
  for (FlagSpec& flag : spacing_flags()) spec.flags.push_back(std::move(flag));
  for (FlagSpec& flag : generator_flags("1")) spec.flags.push_back(std::move(flag));
  return {Command(std::move(spec),
                  [](CliContext& context, const ParsedArgs& args) {
                    const Status status = generate(context, args);
                    if (!status.ok()) print_error(status);
                    return exit_code(status);
                  }),
          tap_command()};
}

}  // namespace rideflow
