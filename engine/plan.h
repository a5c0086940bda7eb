// The three plans: what was asked, what it means, what runs where. Plain data, printable (`rideflow
// explain`).
//
// JobSpec is the job's text, resolved (${VAR}, defaults) and still with its places; dsl/ makes it and turns
// it into a LogicalPlan of typed nodes. The physical planner (engine/physical_planner.cc) cuts that into
// stages at the exchanges. Plans are immutable once made and shared by all tasks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/catalog.h"
#include "engine/ids.h"
#include "engine/text_pos.h"

namespace rideflow {

// Event time of a source (docs/semantics.md, Time).
struct EventTimeSpec {
  std::string column;                          // empty: the record's own _timestamp
  int64_t out_of_order = 0;                    // microseconds
  int64_t max_ahead = 300 * kMicrosPerSecond;  // 0: off
  int64_t idle_after = 30 * kMicrosPerSecond;
  int64_t idle_advance = 0;  // 0: off
  int64_t max_skew = 300 * kMicrosPerSecond;
};

struct UntilSpec {
  enum class Kind : uint8_t { none, latest, time } kind = Kind::none;
  Micros time = 0;
};

enum class BadRecords : uint8_t { keep, skip, fail };

// A metadata column that the job reads: appended after the decoded columns of the source's schema.
enum class Metadata : uint8_t { topic, partition, offset, timestamp, key, headers };

struct SourceNode {
  const SourceKind* kind = nullptr;
  SourceConfig config;
  const FormatKind* format = nullptr;
  Options format_options;
  DecoderSpec decoder;
  std::vector<Metadata> metadata;  // in order, after the decoder's columns in the node's output schema
  EventTimeSpec event_time;
  StartAt start = StartAt::earliest;
  Micros start_time = 0;
  UntilSpec until;
  BadRecords bad_records = BadRecords::keep;
};

struct OperatorNode {
  const OperatorKind* kind = nullptr;
  std::shared_ptr<const StepConfig> config;
};

struct SinkNode {
  const SinkKind* kind = nullptr;
  std::shared_ptr<const SinkConfig> config;
};

struct NodeInput {
  NodeId node;
  int port = 0;  // output port of `node`
};

struct LogicalNode {
  NodeId id;
  std::string step;  // the user's name: "rides", "city_minute", "by_minute"; several nodes may share one
  std::string role;  // "source", "filter", "project", "window", "late_split", "union", "split", "sink", …
  std::vector<NodeInput> inputs;
  std::vector<SchemaRef> outputs;  // by port; sources: 0 rows, 1 rejected; empty for sinks
  std::vector<std::string> ports;  // names, same length
  std::variant<SourceNode, OperatorNode, SinkNode> body;
  // Columns of the input by which rows are routed to tasks; empty: rows stay in the task they are in. The
  // stage boundary computes key_hash from them.
  std::vector<int> exchange_keys;
  bool has_event_time = true;
  bool updates = false;  // rows are revisions
  TextPos pos;
};

// What is done about a record at which the job fails again and again.
enum class Poison : uint8_t {
  set_aside,  // it goes to `.rejected` of its source, and the job goes on
  stop,
};

// The job's `restart:`, as far as it says something; the process knows the rest (runtime/job_attempts.h).
struct RestartSpec {
  std::optional<int32_t> max_failures;  // 0: never; -1: however often
  std::optional<int64_t> within, first_pause, longest_pause;
  std::optional<Poison> poison;
};

struct LogicalPlan {
  std::string job;
  std::string text;  // as it was loaded, without the values of its variables
  std::string description;
  RestartSpec restart;
  std::vector<LogicalNode> nodes;  // every input comes before its user; id = index
  std::vector<std::string> warnings;
  std::vector<std::shared_ptr<const void>> owned;  // kinds that are not the catalog's, kept alive by the plan
};
std::string to_string(const LogicalPlan& plan);

// A stage: nodes that run in one task, a tree rooted at a source or at an exchange; `parallelism` equal
// tasks.
struct Stage {
  int32_t id = 0;
  std::vector<NodeId> nodes;  // in plan order; the first is the root
  int32_t parallelism = 1;
  // Exchanges into the root, one per input of it; empty for sources.
  struct Exchange {
    int32_t from_stage = 0;
    NodeId from_node;
    int from_port = 0;
    int to_port = 0;        // input port of the root
    std::vector<int> keys;  // empty: task i sends to task i (modulo)
  };
  std::vector<Exchange> inputs;
};

struct PhysicalPlan {
  std::shared_ptr<const LogicalPlan> logical;
  int32_t key_groups = kDefaultKeyGroups;
  std::vector<Stage> stages;  // sources first
};
// Cuts the plan at keyed inputs and at nodes with several inputs. With parallelism 1 a keyed node with one
// input stays in its producer's stage: no channel. user error when parallelism > key_groups.
Result<PhysicalPlan> make_physical_plan(std::shared_ptr<const LogicalPlan> logical, int32_t parallelism,
                                        int32_t key_groups = kDefaultKeyGroups);
std::string to_string(const PhysicalPlan& plan);

}  // namespace rideflow
