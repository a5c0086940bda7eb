// What is written from plans and catalogs: the picture, the printed plan, the JSON Schema, the reference
// pages.
#include "dsl/graph.h"
#include "dsl/job.h"
#include "dsl/json_schema.h"
#include "dsl/reference.h"
#include "tests/dsl/fake_catalog.h"
#include "tests/support/source_tree.h"

namespace rideflow::test {
namespace outputs_test {

constexpr std::string_view kJob = R"(job: test
description: A small one.
sources:
  rides: {generator: {kind: rides}}
streams:
  minute: {from: rides, where: fare > 1, key_by: [ride_id], window: {tumbling: 1m}, aggregate: {n: count()}}
sinks:
  out: {from: minute, topic: {name: out}}
  late: {from: minute.late, discard: }
)";

TEST(Outputs, TheGraph) {
  const LoadedJob job = load_job(kJob, "j", fake_catalog());
  ASSERT_TRUE(job.ok()) << format_diagnostics(job);
  EXPECT_EQ(to_mermaid(*job.plan), R"(flowchart LR
  n0(["rides<br/>generator"])
  n1["minute<br/>window"]
  n2[("out<br/>topic")]
  n3[("late<br/>discard")]
  n4["_rejected"]
  n5[("_rejected<br/>topic")]
  n0 --> n1
  n1 --> n2
  n1 -.->|late| n3
  n0 -.->|rejected| n4
  n1 -.->|rejected| n4
  n4 --> n5
)");
}

TEST(Outputs, ThePrintedPlans) {
  const LoadedJob job = load_job(kJob, "j", fake_catalog());
  ASSERT_TRUE(job.ok()) << format_diagnostics(job);
  EXPECT_EQ(to_string(job.spec), R"(job test
  A small one.
sources
  rides: generator {kind: rides}
    format: json
    event_time: _timestamp out_of_order 0s max_ahead 5m idle_after 30s idle_advance 0s max_skew 5m
streams
  minute: from rides
    where: fare > 1
    key_by: ride_id
    window: tumbling size 1m emit final
    aggregate n: count()
sinks
  out: from minute to topic {name: out}
  late: from minute.late to discard )"
                                 "\n");
  EXPECT_TRUE(to_string(*job.plan).starts_with(R"(logical plan of test: 10 nodes
    0 rides/source
        generator kind=rides json event_time _timestamp out_of_order 0s
        -> ride_id string, fare double?
    1 minute/filter <- 0
        filter fare > 1
        -> ride_id string, fare double?
)")) << to_string(*job.plan);
}

TEST(Outputs, TheJsonSchemaNamesWhatTheCatalogKnows) {
  const std::string schema = job_json_schema(fake_catalog());
  for (const char* word :
       {"\"tumbling\"", "\"deduplicate\"", "\"rollup\"", "\"datasource\"", "\"event_time\"",
        "\"granularity\":{\"description\":\"what it says\",\"default\":\"minute\",\"enum\":"
        "[\"second\",\"minute\",\"hour\",\"day\"]}",
        "draft-07"})
    EXPECT_NE(schema.find(word), std::string::npos) << word;
  EXPECT_EQ(schema.find("late_split"), std::string::npos) << "no step names it";
  EXPECT_EQ(std::count(schema.begin(), schema.end(), '{'), std::count(schema.begin(), schema.end(), '}'));
}

TEST(Outputs, TheReferencePages) {
  const std::vector<ReferencePage> pages = reference_pages(fake_catalog());
  ASSERT_EQ(pages.size(), 7U);
  EXPECT_EQ(pages[0].file, "jobs.md");
  EXPECT_EQ(pages[1].file, "connectors.md");
  EXPECT_NE(
      pages[1].text.find("| `granularity` | one of second, minute, hour, day | `minute` | what it says |"),
      std::string::npos)
      << pages[1].text;
  for (const ReferencePage& page : pages) EXPECT_FALSE(page.text.ends_with("\n\n")) << page.file;
}

}  // namespace outputs_test
}  // namespace rideflow::test
