// Every kind of window in every combination of its words, over sources that end and that don't: what gives
// nothing while the job runs, as a run of it shows, is told by the linter, and nothing else is.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "dsl/job.h"
#include "runtime/job_test.h"
#include "tests/support/long_run.h"
#include "tests/support/operator_contract.h"

namespace rideflow::test {
namespace silent_window_test {

struct Source {
  std::string text;
  bool ends = false;
};
const std::vector<Source> kSources{{"topic: {name: t}", false},
                                   {"topic: {name: t, until: latest}", true},
                                   {"topic: {name: t, until: 2030-01-01T00:00:00Z}", true},
                                   {"file: {path: in.json}", true},
                                   {"file: {path: in, watch: true}", false}};

const std::vector<std::string> kKinds{"tumbling: 1m",
                                      "tumbling: 200y",
                                      "hopping: {size: 1h, slide: 5m}",
                                      "hopping: {size: 200y, slide: 100y}",
                                      "hopping: {size: 200y, slide: 1mo}",
                                      "session: {gap: 30m}",
                                      "session: {gap: 73000d}",
                                      "session: {gap: 30m, close_on: k = 'end'}",
                                      "cumulating: {size: 1d, step: 1m}",
                                      "cumulating: {size: 400y, step: 200y}",
                                      "global: {}"};
const std::vector<std::string> kEmit{"", ", emit: final", ", emit: updates"};
const std::vector<std::string> kEvery{"", ", every: 5m", ", every: 200y"};
const std::vector<std::string> kLateness{"", ", allowed_lateness: 73000d"};
const std::vector<std::string> kEventTime{"", ", idle_after: 1h", ", out_of_order: 5s"};

std::string job_text(const Source& source, const std::string& window, const std::string& event_time,
                     bool open) {
  return fmt::format(R"(job: silent
sources:
  s:
    {}
    format: json
    schema: {{k: string, time: timestamp}}
    event_time: {{column: time{}}}
streams:
  w: {{from: s, key_by: [k], window: {{{}}}, aggregate: {{n: count()}}}}
sinks:
  out: {{from: w, discard: {{}}}}
tests:
  - name: nothing comes out
    feed:
      - s:
          - {{k: a, time: "2026-01-01T00:00:10Z"}}
          - {{k: b, time: "2026-01-01T00:00:20Z"}}
      - advance: {{s: "2026-05-01T00:00:00Z"}}
    open: {}
    expect:
      out: []
)",
                     source.text, event_time, window, open);
}

struct Verdict {
  bool refused = false;
  bool warned = false;
  std::string text;
  std::optional<LoadedJob> job;
};

Verdict check(const Source& source, const std::string& window, const std::string& event_time, bool open) {
  Verdict verdict;
  verdict.job = load_job(job_text(source, window, event_time, open), "job.yaml", full_catalog());
  verdict.text = format_diagnostics(*verdict.job);
  verdict.refused = !verdict.job->ok();
  for (const Diagnostic& warning : verdict.job->warnings) {
    verdict.warned = verdict.warned || warning.message.find("when its sources end") != std::string::npos;
  }
  return verdict;
}

// Whether no row comes out. What the source is in the world does not matter to a test.
bool is_silent(const Verdict& verdict) {
  EXPECT_EQ(verdict.job->tests.size(), 1U);
  return run_job_test(*verdict.job->plan, verdict.job->tests.at(0)).ok();
}

void check_window(const std::string& window, bool only_at_the_end, bool asks_for_updates,
                  const std::vector<std::string>& event_times) {
  for (const std::string& event_time : event_times) {
    std::optional<bool> silent;
    // Two sources for every combination, all of them where there are several event times.
    const size_t sources = event_times.size() > 1 ? kSources.size() : 2;
    for (size_t i = 0; i < sources; ++i) {
      const Source& source = kSources[i];
      const Verdict verdict = check(source, window, event_time, /*open=*/true);
      if (verdict.refused) continue;
      if (!silent) silent = is_silent(verdict);
      // Over a source that ends it may wait for the end, unless it was asked for updates.
      const bool may_wait = source.ends && only_at_the_end && !asks_for_updates;
      ASSERT_EQ(verdict.warned, *silent && !may_wait) << source.text << ", " << window << event_time << "\n"
                                                      << verdict.text;
    }
  }
}

constexpr int kEach = kSanitized ? 7 : 1;

TEST(SilentWindow, IsToldInEveryCombination) {
  int combination = 0;
  for (const std::string& kind : kKinds) {
    for (const std::string& emit : kEmit) {
      for (const std::string& every : kEvery) {
        for (const std::string& lateness : kLateness) {
          if (combination++ % kEach != 0) continue;
          const bool plain = emit.empty() && every.empty() && lateness.empty();
          check_window(kind + emit + every + lateness, kind == "global: {}" && every.empty(),
                       emit == ", emit: updates",
                       plain ? kEventTime : std::vector<std::string>{kEventTime[0]});
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(SilentWindow, GivesItsRowsWhenItsSourcesEnd) {
  for (const std::string& kind : kKinds) {
    for (const std::string& lateness : kLateness) {
      if (kind == "global: {}" && !lateness.empty()) continue;
      const Verdict verdict = check(kSources[3], kind + lateness, "", /*open=*/false);
      ASSERT_FALSE(verdict.refused) << verdict.text;
      EXPECT_FALSE(is_silent(verdict)) << kind << lateness;
    }
  }
}

TEST(SilentWindow, IsToldWithPlaceAndWayOut) {
  const auto first = [](const std::string& source, const std::string& window) {
    return check({source, false}, window, "", true).text;
  };
  const std::string global = first("topic: {name: t}", "global: {}, emit: updates");
  EXPECT_NE(global.find("job.yaml:9:"), std::string::npos) << global;
  EXPECT_NE(global.find("streams.w.window"), std::string::npos) << global;
  EXPECT_NE(global.find("'s' at 3:3"), std::string::npos) << global;
  EXPECT_NE(global.find("every: 1m"), std::string::npos) << global;
  const std::string disorder = check(kSources[0], "tumbling: 1m", ", out_of_order: 73000d", true).text;
  EXPECT_NE(disorder.find("sources.s.event_time.out_of_order"), std::string::npos) << disorder;
  const std::string updates = first("file: {path: a}", "global: {}, emit: updates");
  EXPECT_NE(updates.find("streams.w.window.emit"), std::string::npos) << updates;
}

}  // namespace silent_window_test
}  // namespace rideflow::test
