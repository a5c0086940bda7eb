// The jobs we ship and the language's sample against the catalog of this build: every kind, function and
// option that they name is there, with the options that they give. And every function's example is an
// expression that holds.
#include <fmt/format.h>

#include <algorithm>

#include "dsl/expression_binder.h"
#include "dsl/job.h"
#include "tests/support/source_tree.h"

namespace rideflow::test {
namespace real_catalog_test {

const Catalog& catalog() {
  static const Catalog all = [] {
    Catalog made;
    register_all(made);
    return made;
  }();
  return all;
}

TEST(RealCatalog, TheMainJob) {
  const LoadedJob job =
      load_job(read_file("jobs/ride_metrics/ride_metrics.yaml"), "ride_metrics.yaml", catalog());
  EXPECT_TRUE(job.ok()) << format_diagnostics(job);
  EXPECT_EQ(format_diagnostics(job), "");
}

TEST(RealCatalog, TheSample) {
  const LoadedJob job = load_job(read_file("tests/dsl/sample.yaml"), "sample.yaml", catalog());
  EXPECT_TRUE(job.ok()) << format_diagnostics(job);
}

TEST(RealCatalog, OperatorsOfTheLanguageAreFunctions) {
  for (const char* symbol :
       {"+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "||", "like", "negate", "extract"})
    EXPECT_TRUE(find_operator_function(catalog(), symbol)) << symbol;
}

// What would be said of a source or sink: "line:column  path: message" of each error.
std::string said_of(const std::string& source, const std::string& sink = "{from: r, discard: }") {
  const LoadedJob job =
      load_job("job: x\nsources:\n  r: " + source + "\nsinks:\n  o: " + sink + "\n", "", catalog());
  return format_diagnostics(job);
}
std::string said_of_sink(const std::string& connector) {
  return said_of("{generator: {kind: rides}}", "{from: r, " + connector + "}");
}

// Said of a source's option alone: the rest of the source may be wrong.
std::string said_of_option(const std::string& kind, const std::string& option, const std::string& text) {
  const std::string all = said_of(fmt::format("{{{}: {{{}: {}}}}}", kind, option, text));
  const std::string mine = fmt::format("sources.r.{}.{}:", kind, option);
  return all.find(mine) == std::string::npos ? "" : all;
}

// A bound as a job would write it, in every way that it may be written.
std::vector<std::string> texts_of(OptionType type, double bound) {
  const std::string number = fmt::format("{}", bound);
  if (type == OptionType::duration)
    return bound == 0 ? std::vector<std::string>{"0s", "0", "0ms", "0d"}
                      : std::vector<std::string>{fmt::format("{}ms", bound * 1'000)};
  if (type == OptionType::rate) return {number, number + "/s", fmt::format("{}/m", bound * 60)};
  if (type == OptionType::size_bytes) return {number, number + "B"};
  return {number};
}

// What a message calls the range is the range: its ends are taken, a step beyond them is not.
TEST(RealCatalog, TheBoundsThatMessagesNameAreTaken) {
  int tried = 0;
  const auto look = [&](const std::string& kind, const std::vector<OptionSpec>& specs) {
    for (const OptionSpec& spec : specs) {
      for (const auto& bound : {spec.limits.least, spec.limits.most}) {
        if (!bound) continue;
        for (const std::string& text : texts_of(spec.type, *bound)) {
          const std::string said = said_of_option(kind, spec.name, text);
          EXPECT_EQ(said, "") << kind << "." << spec.name << ": " << text;
          ++tried;
        }
      }
    }
  };
  for (const auto& [name, kind] : catalog().sources()) look(name, kind.options);
  EXPECT_GT(tried, 30);
}

TEST(RealCatalog, OptionsOutOfRangeAreToldAtTheirPlace) {
  EXPECT_EQ(said_of("{generator: {late: 5}}"),
            ":3:25  sources.r.generator.late: '5' is out of range: write a number from 0 to 1\n");
  EXPECT_EQ(said_of("{generator: {count: -1}}"),
            ":3:26  sources.r.generator.count: '-1' is out of range: write a whole number 0 or more\n");
  EXPECT_EQ(said_of("{generator: {disorder: 2h}}"),
            ":3:29  sources.r.generator.disorder: '2h' is out of range: write a duration from 0s to 3600s\n");
  // All at once, each at its place.
  const std::string many = said_of("{generator: {broken: -1, pace: 0, partitions: 0}}");
  EXPECT_EQ(std::count(many.begin(), many.end(), '\n'), 3) << many;
  EXPECT_NE(said_of("{generator: {partitions: 100000}}").find("from 1 to 1024"), std::string::npos);
  EXPECT_NE(
      said_of("{generator: {duplicates: 0.5, broken: 0.5}}").find(":3:44  sources.r.generator.broken: "),
      std::string::npos);
  const std::string file = "{file: {path: a, max_ratio: 0, partitions: 0}, schema: {a: string}}";
  EXPECT_EQ(said_of(file),
            ":3:34  sources.r.file.max_ratio: '0' is out of range: write a number 1 or more\n"
            ":3:49  sources.r.file.partitions: '0' is out of range: write a whole number from 1 to 1024\n");
  EXPECT_EQ(said_of_sink("topic: {name: t, partitions: 0}"),
            ":5:45  sinks.o.topic.partitions: '0' is out of range: write a whole number from 1 to 1024\n");
  EXPECT_EQ(said_of_sink("rollup: {metrics: {n: count()}, retain: 0s}"),
            ":5:56  sinks.o.rollup.retain: '0s' is out of range: write a duration 1s or more\n");
}

TEST(RealCatalog, TextsThatFitNoPatternAreToldAtTheirPlace) {
  for (const std::string name : {"a b", "", ".", ".."}) {
    const std::string rule = "can't stand here: write 1 to 249 letters, digits, '.', '_' and '-'";
    const std::string source = said_of("{topic: {name: '" + name + "'}, schema: {a: string}}");
    EXPECT_TRUE(source.starts_with(":3:21  sources.r.topic.name: '" + name + "' " + rule)) << source;
    const std::string sink = said_of_sink("topic: {name: '" + name + "'}");
    EXPECT_TRUE(sink.starts_with(":5:30  sinks.o.topic.name: '" + name + "' " + rule)) << sink;
  }
  EXPECT_EQ(said_of("{topic: {name: '...a-B_9'}, schema: {a: string}}"), "");
  const std::string file = said_of("{file: {path: ''}, schema: {a: string}}");
  EXPECT_TRUE(file.starts_with(":3:20  sources.r.file.path: ")) << file;
  for (const std::string path : {"a/b/", "a/*.json", "?", "/", "a*/b.json", "a?/b", "a/**", "**/b"})
    EXPECT_EQ(said_of("{file: {path: '" + path + "'}, schema: {a: string}}"), "") << path;
  EXPECT_TRUE(said_of_sink("file: {directory: ''}").starts_with(":5:34  sinks.o.file.directory: "));
  EXPECT_TRUE(said_of_sink("rollup: {datasource: a/b, metrics: {n: count()}}")
                  .starts_with(":5:37  sinks.o.rollup.datasource: 'a/b' can't stand here: "));
}

TEST(RealCatalog, ConditionsThatNoRowCanMeetAreTold) {
  const auto said = [](const std::string& where) {
    return format_diagnostics(
        load_job("job: x\nsources:\n  r: {topic: {name: t}, schema: {a: int64}}\n"
                 "streams:\n  s: {from: r, where: \"" +
                     where + "\"}\nsinks:\n  o: {from: s, discard: {}}\n",
                 "", catalog()));
  };
  for (const std::string never : {"1 = 2", "false", "not true", "1 > null", "true and 'a' = 'b'"}) {
    EXPECT_TRUE(said(never).find("no row can meet this condition") != std::string::npos)
        << never << ": " << said(never);
  }
  for (const std::string may : {"a = 2", "true", "1 = 1", "a > 1 and false"}) EXPECT_EQ(said(may), "") << may;
}

TEST(RealCatalog, FormatsSayWhatTheyCannotHold) {
  const auto csv = [](const std::string& options, const std::string& type) {
    return said_of("{file: {path: a}, format: {csv: {" + options + "}}, schema: {a: " + type + "}}");
  };
  for (const std::string wrong : {"delimiter: ab", "delimiter: ''", "quote: ''", "quote: é"})
    EXPECT_NE(csv(wrong, "string").find("write one ASCII character, or tab"), std::string::npos) << wrong;
  for (const std::string right : {"delimiter: tab", "delimiter: ';'", "quote: \"'\""})
    EXPECT_EQ(csv(right, "string"), "") << right;
  EXPECT_EQ(csv("quote: ','", "string"),
            ":3:46  sources.r.format.csv.quote: csv: 'delimiter' and 'quote' must differ\n");
  EXPECT_TRUE(
      csv("", "struct(b int64)").starts_with(":3:52  sources.r.schema.a: a field of CSV can't hold a struct"))
      << csv("", "struct(b int64)");
  EXPECT_NE(said_of_sink("file: {directory: d}, format: {csv: {quote: ','}}").find("must differ"),
            std::string::npos);
}

TEST(RealCatalog, KafkaTakesOnlyKnownProperties) {
  const std::string job = R"(job: x
kafka: {brokers: 'b:9092', properties: {plugin.library.paths: x}}
sources: {r: {topic: {name: t, properties: {linger.msx: "5"}}, schema: {a: string}}}
sinks: {o: {from: r, discard: }}
)";
  const std::string said = format_diagnostics(load_job(job, "", catalog()));
  EXPECT_TRUE(
      said.starts_with(":2:41  kafka.properties.plugin.library.paths: 'plugin.library.paths' can't be set "
                       "here: only safe properties can"))
      << said;
  EXPECT_NE(said.find(":3:45  sources.r.topic.properties.linger.msx: 'linger.msx' can't be set here"),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("(did you mean 'linger.ms'?)"), std::string::npos) << said;
}

TEST(RealCatalog, ARollupsErrorsStandAtItsOptions) {
  const auto rollup = [](const std::string& options) { return said_of_sink("rollup: {" + options + "}"); };
  EXPECT_TRUE(rollup("granularity: minut, metrics: {n: count()}")
                  .starts_with(":5:38  sinks.o.rollup.granularity: 'minut' is not a granularity"));
  EXPECT_TRUE(rollup("metrics: {a: count(), b: avg(fare_eur)}").find("unknown column") != std::string::npos);
  EXPECT_TRUE(
      rollup("metrics: {a: count(), b: avg(fare)}")
          .starts_with(":5:47  sinks.o.rollup.metrics.b: the metric 'b': an average can't be rolled up"))
      << rollup("metrics: {a: count(), b: avg(fare)}");
  EXPECT_TRUE(rollup("dimensions: [status, ride_id], metrics: {ride_id: count()}")
                  .starts_with(":5:66  sinks.o.rollup.metrics.ride_id: a rollup has one column 'ride_id'"))
      << rollup("dimensions: [status, ride_id], metrics: {ride_id: count()}");
}

}  // namespace real_catalog_test
}  // namespace rideflow::test
