// Whole jobs to logical plans.
#include <fmt/format.h>

#include "dsl/job.h"
#include "tests/dsl/fake_catalog.h"
#include "tests/support/source_tree.h"

namespace rideflow::test {
namespace planner_test {

LoadedJob load(const std::string& text) {
  return load_job(text, "job.yaml", fake_catalog());
}

// The shape of a plan: "step/role <- inputs" per node.
std::vector<std::string> shape(const LogicalPlan& plan) {
  std::vector<std::string> out;
  for (const LogicalNode& node : plan.nodes) {
    std::string line = node.step + "/" + node.role;
    for (const NodeInput& input : node.inputs) {
      const LogicalNode& from = plan.nodes[static_cast<size_t>(input.node.value)];
      line += " <- " + from.step + "/" + from.role;
      if (input.port > 0) line += "." + from.ports[static_cast<size_t>(input.port)];
    }
    out.push_back(line);
  }
  return out;
}

const LogicalNode& find(const LogicalPlan& plan, std::string_view step, std::string_view role) {
  for (const LogicalNode& node : plan.nodes)
    if (node.step == step && node.role == role) return node;
  ADD_FAILURE() << step << "/" << role << " is not in\n" << to_string(plan);
  return plan.nodes[0];
}

constexpr std::string_view kRides = R"(job: test
sources:
  rides:
    topic: {name: ride_events}
    schema:
      ride_id: string
      city: string
      status: string
      fare: double?
      money: decimal(10,2)?
      place: struct(lat double, lon double)?
      at: timestamp
    event_time: {column: at, out_of_order: 5s}
)";

std::string job(std::string_view rest) {
  return std::string(kRides) + std::string(rest);
}

const SinkConfig& sink_of(const LogicalPlan& plan, std::string_view step) {
  return *std::get<SinkNode>(find(plan, step, "sink").body).config;
}

// A chain of 3,000 steps, in any order, is planned in well under a second; it took 20 minutes when each
// step's demand was carried up once per step.
TEST(Planner, AJobOfThousandsOfSteps) {
  constexpr int kSteps = 3000;
  const auto step = [](int i) {
    const std::string from = i == 0 ? "rides" : fmt::format("s{}", i - 1);
    return fmt::format("  s{}: {{from: {}, where: fare > {}}}\n", i, from, i);
  };
  for (const int stride : {1, kSteps - 1, 1009}) {  // forwards, backwards, mixed
    std::string streams;
    for (int i = 0, at = stride == 1 ? 0 : kSteps - 1; i < kSteps; ++i, at = (at + stride) % kSteps)
      streams += step(at);
    const LoadedJob loaded = load(
        job("streams:\n" + streams + fmt::format("sinks: {{o: {{from: s{}, discard: }}}}\n", kSteps - 1)));
    ASSERT_TRUE(loaded.ok()) << format_diagnostics(loaded).substr(0, 500);
    EXPECT_EQ(loaded.plan->nodes.size(), kSteps + 3U) << stride;
    EXPECT_TRUE(sink_of(*loaded.plan, "o").input->find("at"));  // the sink's demand has reached the source
  }
}

TEST(Planner, MetadataThatAStepSelectsIsWritten) {
  const LoadedJob loaded = load(job(R"(streams:
  named: {from: rides, select: ["*", _topic, _offset]}
  again: {from: named, where: _offset > 1, select: ["*", twice: _offset * 2]}
  renamed: {from: rides, select: {city: , _partition: }}
  hidden: {from: rides, where: _timestamp is not null}
  both: {union: [named, rides]}
  starred: {from: hidden, select: ["*"]}
sinks:
  named_out: {from: named, discard: }
  again_out: {from: again, discard: }
  renamed_out: {from: renamed, discard: }
  hidden_out: {from: hidden, discard: }
  both_out: {from: both, discard: }
  starred_out: {from: starred, discard: }
)"));
  ASSERT_TRUE(loaded.ok()) << format_diagnostics(loaded);
  const auto metadata = [&](std::string_view sink) {
    std::string names;
    for (const Field& field : sink_of(*loaded.plan, sink).input->fields())
      if (field.name.starts_with('_')) names += field.name;
    return names;
  };
  EXPECT_EQ(metadata("named_out"), "_topic_offset");
  EXPECT_EQ(metadata("again_out"), "_topic_offset");
  EXPECT_EQ(metadata("renamed_out"), "_partition");
  EXPECT_EQ(metadata("hidden_out"), "");
  EXPECT_EQ(metadata("both_out"), "_topic_offset");
  EXPECT_EQ(metadata("starred_out"), "");
}

TEST(Planner, TheMainJob) {
  const LoadedJob job = load(read_file("jobs/ride_metrics/ride_metrics.yaml"));
  ASSERT_TRUE(job.ok()) << format_diagnostics(job);
  EXPECT_EQ(format_diagnostics(job), "");
  const LogicalPlan& plan = *job.plan;
  const LogicalNode& window = find(plan, "city_minute", "window");
  EXPECT_EQ(window.exchange_keys, std::vector<int>{0});
  EXPECT_EQ(window.outputs[0]->to_string().substr(0, 12), "city string,") << window.outputs[0]->to_string();
  EXPECT_EQ(find(plan, "live_rides", "sink").inputs.size(), 1U);
  for (const LogicalNode& node : plan.nodes)
    for (const NodeInput& input : node.inputs) EXPECT_LT(input.node.value, node.id.value) << to_string(plan);
}

TEST(Planner, TheSampleOfTheLanguage) {
  const LoadedJob job = load(read_file("tests/dsl/sample.yaml"));
  ASSERT_TRUE(job.ok()) << format_diagnostics(job);
  EXPECT_EQ(format_diagnostics(job), "");
  ASSERT_EQ(job.tests.size(), 1U);
  EXPECT_TRUE(find(*job.plan, "city_minute", "window").updates);
  EXPECT_EQ(find(*job.plan, "late_rides", "sink").inputs[0].node.value,
            find(*job.plan, "city_minute", "late").id.value);
}

TEST(Planner, EverySpelling) {
  const LoadedJob job = load(read_file("tests/dsl/spellings.yaml"));
  ASSERT_TRUE(job.ok()) << format_diagnostics(job);
  EXPECT_EQ(format_diagnostics(job), "");
  const LogicalPlan& plan = *job.plan;
  EXPECT_EQ(
      find(plan, "priced", "project").outputs[0]->to_string(),
      "city string, euro_per_km double?, cell string?, ride_id string, fare double?, distance_km double?, "
      "pickup_location struct(lat double, lon double)?, at timestamp");
  EXPECT_EQ(find(plan, "all_events", "union").inputs.size(), 2U);
  EXPECT_EQ(find(plan, "by_hour", "window").exchange_keys, (std::vector<int>{0, 1}));
  EXPECT_TRUE(find(plan, "by_hour", "window").updates);
  EXPECT_TRUE(find(plan, "day_so_far", "window").updates);
  const auto& rides = std::get<SourceNode>(find(plan, "rides", "source").body);
  EXPECT_EQ(rides.start, StartAt::time);
  EXPECT_EQ(rides.until.kind, UntilSpec::Kind::latest);
  EXPECT_EQ(rides.event_time.max_ahead, 0);
  EXPECT_EQ(rides.event_time.idle_advance, 60 * kMicrosPerSecond);
  EXPECT_EQ(rides.bad_records, BadRecords::skip);
  EXPECT_TRUE(rides.decoder.validate_all);
  EXPECT_EQ(std::get<SourceNode>(find(plan, "files", "source").body).event_time.max_ahead, 0);
  EXPECT_FALSE(std::get<SinkNode>(find(plan, "d", "sink").body).config->exactly_once);
  EXPECT_NE(to_string(job.spec), "");
  EXPECT_NE(to_string(plan), "");
}

TEST(Planner, AWindowedStep) {
  const LoadedJob loaded = load(job(R"(streams:
  finished: {from: rides, where: status = 'done'}
  minute:
    from: finished
    key_by: [city]
    window: {tumbling: 1m, allowed_lateness: 30s, emit: final}
    aggregate:
      n: count()
      revenue: sum(fare) filter (where fare > 0)
      p50: approx_quantile(fare, 0.5)
      p90: approx_quantile(fare, 0.9)
sinks:
  out: {from: minute, topic: {name: out, key: [city, window_start]}}
)"));
  ASSERT_TRUE(loaded.ok()) << format_diagnostics(loaded);
  const LogicalPlan& plan = *loaded.plan;
  EXPECT_EQ(shape(plan),
            (std::vector<std::string>{
                "rides/source", "finished/filter <- rides/source", "minute/late_split <- finished/filter",
                "minute/pre_project <- minute/late_split", "minute/window <- minute/pre_project",
                "out/sink <- minute/window",
                "_rejected/rejected <- rides/source.rejected <- "
                "minute/window.rejected",
                "_rejected/sink <- _rejected/rejected", "_late.minute/sink <- minute/late_split.late",
                "_late_idle.minute/sink <- minute/window.late"}))
      << to_string(plan);
  const auto& window = *std::get<OperatorNode>(find(plan, "minute", "window").body).config;
  EXPECT_EQ(window.input->to_string(), "city string, fare double?, _arg2 bool?");
  EXPECT_EQ(window.aggregates[2].share, window.aggregates[3].share);
  EXPECT_NE(window.aggregates[2].share, "");
  EXPECT_EQ(window.window->emit, Emit::final);
}

TEST(Planner, OnlyUsedColumnsAreDecoded) {
  const LoadedJob loaded = load(job(R"(streams:
  cheap: {from: rides, where: place.lat > 3 and _partition = 0, select: [city]}
sinks:
  out: {from: cheap, discard: }
)"));
  ASSERT_TRUE(loaded.ok()) << format_diagnostics(loaded);
  const LogicalNode& source = find(*loaded.plan, "rides", "source");
  EXPECT_EQ(source.outputs[0]->to_string(),
            "city string, place struct(lat double, lon double)?, at timestamp, _partition int32");
  const auto& body = std::get<SourceNode>(source.body);
  EXPECT_EQ(body.decoder.columns.size(), 7U);
  EXPECT_EQ(body.decoder.used, (std::vector<bool>{false, true, false, false, false, true, true}));
  EXPECT_EQ(body.metadata, std::vector<Metadata>{Metadata::partition});
}

// An aggregate's name stands for its expression in those that follow.
TEST(Planner, AggregatesThatNameOthersAreBounded) {
  const auto doubled = [](int n, const std::string& of) {
    std::string text = "streams:\n  all:\n    from: rides\n    key_by: [city]\n    window: {tumbling: 1m}\n";
    text += "    aggregate:\n      a0: sum(fare)\n";
    for (int i = 1; i <= n; ++i) {
      const std::string before = "a" + std::to_string(i - 1);
      text += "      a" + std::to_string(i) + ": " + before + of + before + "\n";
    }
    return load(job(text + "sinks:\n  out: {from: all, discard: }\n"));
  };
  EXPECT_TRUE(doubled(8, " + ").ok()) << format_diagnostics(doubled(8, " + "));
  for (const std::string of : {" + ", " * ", " - 1 + "}) {
    const LoadedJob loaded = doubled(40, of);
    EXPECT_FALSE(loaded.ok());
    EXPECT_NE(format_diagnostics(loaded).find("more than 65536 parts"), std::string::npos)
        << format_diagnostics(loaded);
  }
}

TEST(Planner, ExpressionsOverAggregates) {
  const LoadedJob loaded = load(job(R"(streams:
  trips:
    from: rides
    key_by: [ride_id]
    window: {session: {gap: 2h, close_on: status = 'done'}}
    aggregate:
      wait: first(at) filter (where status = 'a') - first(at) filter (where status = 'b')
      again: first(at) filter (where status = 'b')
      done: count_if(status = 'done') > 0
      fine: done and again is not null
    having: done
sinks:
  out: {from: trips, discard: }
)"));
  ASSERT_TRUE(loaded.ok()) << format_diagnostics(loaded);
  const LogicalPlan& plan = *loaded.plan;
  const auto& session = *std::get<OperatorNode>(find(plan, "trips", "session").body).config;
  EXPECT_EQ(session.aggregates.size(), 3U) << "equal calls are computed once";
  ASSERT_TRUE(session.window->close_on);
  EXPECT_EQ(session.window->close_on->op, ExprOp::column);
  EXPECT_EQ(find(plan, "trips", "post_project").outputs[0]->to_string(),
            "ride_id string, window_start timestamp, window_end timestamp, wait interval?, again timestamp?, "
            "done bool, "
            "fine bool");
  EXPECT_EQ(find(plan, "trips", "having").inputs[0].node.value, find(plan, "trips", "post_project").id.value);
}

TEST(Planner, LateRowsOfTheWindowJoinThoseOfItsInput) {
  const LoadedJob loaded = load(job(R"(streams:
  minute:
    from: rides
    key_by:
      - city
      - fare: date_trunc('hour', at)
    window: {tumbling: 1m}
    aggregate: {twice: sum(fare * 2), n: sum(money)}
sinks:
  out: {from: minute, discard: }
  late: {from: minute.late, discard: }
)"));
  ASSERT_TRUE(loaded.ok()) << format_diagnostics(loaded);
  const LogicalNode& late = find(*loaded.plan, "minute", "late_project");
  const LogicalNode& split = find(*loaded.plan, "minute", "late_split");
  // The step's input columns, whatever the window needs of them; the key of a column's name is not that
  // column.
  for (const Field& field : split.outputs[1]->fields()) {
    const auto at = late.outputs[0]->find(field.name);
    ASSERT_TRUE(at) << field.name;
    EXPECT_EQ(late.outputs[0]->field(*at).type, field.type) << field.name;
  }
  EXPECT_EQ(late.outputs[0]->size(), split.outputs[1]->size()) << "computed columns are not the input's";
  EXPECT_EQ(find(*loaded.plan, "minute", "late").inputs.size(), 2U);
  EXPECT_EQ(find(*loaded.plan, "late", "sink").inputs[0].node.value,
            find(*loaded.plan, "minute", "late").id.value);
}

TEST(Planner, RejectedRowsGoWhereSomebodyReadsThem) {
  const LoadedJob loaded = load(job(R"(streams:
  a: {from: rides, select: {x: fare + 1}}
  b: {from: rides, select: {x: fare + 2}}
  c: {from: rides.rejected, where: _step = 'a'}
sinks:
  a: {from: a, discard: }
)"));
  EXPECT_FALSE(loaded.ok()) << "a name twice";
  const LoadedJob good = load(job(R"(streams:
  a: {from: rides, select: {x: fare + 1}}
  b: {from: rides, select: {x: fare + 2}}
  c: {from: rides.rejected, where: _step = 'a'}
sinks:
  out_a: {from: a, discard: }
  out_b: {from: b, discard: }
  bad_b: {from: b.rejected, discard: }
  bad: {from: c, discard: }
)"));
  ASSERT_TRUE(good.ok()) << format_diagnostics(good);
  EXPECT_EQ(shape(*good.plan),
            (std::vector<std::string>{
                "rides/source", "a/project <- rides/source", "b/project <- rides/source",
                "rides/rejected <- rides/source.rejected <- a/project.rejected", "c/filter <- rides/rejected",
                "out_a/sink <- a/project", "out_b/sink <- b/project", "bad_b/sink <- b/project.rejected",
                "bad/sink <- c/filter"}));
}

TEST(Planner, ARollupGetsItsColumnsOnly) {
  const LoadedJob loaded = load(job(R"(sinks:
  live:
    from: rides
    rollup:
      datasource: live
      dimensions: [city]
      metrics: {n: count(), far: sum(fare * 2), q: approx_quantile(fare)}
)"));
  ASSERT_TRUE(loaded.ok()) << format_diagnostics(loaded);
  const LogicalNode& sink = find(*loaded.plan, "live", "sink");
  const SinkConfig& config = *std::get<SinkNode>(sink.body).config;
  EXPECT_EQ(config.input->to_string(), "city string, _arg1 double?, fare double?");
  const OptionValue* metrics = config.options.find("metrics");
  ASSERT_TRUE(metrics);
  EXPECT_EQ(metrics->aggregates[1].args[0]->op, ExprOp::column);
  EXPECT_EQ(metrics->aggregates[1].args[0]->index, 1);
  EXPECT_EQ(config.options.find("dimensions")->columns, std::vector<int>{0});
  EXPECT_TRUE(config.exactly_once);
}

TEST(Planner, LateRowsOfARollup) {
  const LoadedJob kept = load(job(R"(sinks:
  live: {from: rides, rollup: {datasource: live, dimensions: [city], metrics: {n: count()}}}
)"));
  ASSERT_TRUE(kept.ok()) << format_diagnostics(kept);
  EXPECT_EQ(find(*kept.plan, "_late.live", "sink").inputs[0].node.value,
            find(*kept.plan, "live", "sink").id.value);
  const LoadedJob read = load(job(R"(sinks:
  expired: {from: few.rejected, discard: }
  old: {from: few, discard: }
  live: {from: rides, rollup: {datasource: live, dimensions: [city], metrics: {n: count(), x: sum(fare + 1)}}}
  bad: {from: live.rejected, discard: }
streams:
  few: {from: live.late, where: length(city) > 3}
)"));
  ASSERT_TRUE(read.ok()) << format_diagnostics(read);
  EXPECT_EQ(shape(*read.plan),
            (std::vector<std::string>{
                "rides/source", "live/project <- rides/source", "live/sink <- live/project",
                "few/filter <- live/sink", "expired/sink <- few/filter.rejected", "old/sink <- few/filter",
                "bad/sink <- live/project.rejected", "_rejected/sink <- rides/source.rejected"}));
}

TEST(Planner, SplitUnionAndKeylessWindows) {
  const LoadedJob loaded = load(job(R"(streams:
  parts: {from: rides, split: {big: fare > 100, rest: else}}
  both: {union: [parts.big, parts.rest]}
  all: {from: both, key_by: [], window: {global: {every: 1m}}, aggregate: {n: count()}}
sinks:
  out: {from: all, console: }
)"));
  ASSERT_TRUE(loaded.ok()) << format_diagnostics(loaded);
  const LogicalNode& window = find(*loaded.plan, "all", "window");
  EXPECT_TRUE(window.updates);
  EXPECT_EQ(window.exchange_keys.size(), 1U) << "all rows meet in one task";
  EXPECT_EQ(find(*loaded.plan, "all", "post_project").outputs[0]->to_string(),
            "window_start timestamp, window_end timestamp, n int64, _revision int64");
  EXPECT_EQ(find(*loaded.plan, "both", "union").inputs[1].port, 1);
}

}  // namespace planner_test
}  // namespace rideflow::test
