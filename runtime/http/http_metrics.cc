// GET /metrics: every metric of metric_table() in Prometheus text, one sample per operator, task, source
// shard or partition of every job of this process.
#include <fmt/format.h>

#include "generated/version.h"
#include "rollup/rollup_store.h"
#include "runtime/http/http_druid.h"
#include "runtime/http/http_json.h"
#include "runtime/http/http_services.h"
#include "runtime/job_directory.h"
#include "runtime/posix_process.h"

namespace rideflow {
namespace {

std::string escaped(std::string_view label) {
  std::string out;
  for (const char c : label) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

// Samples by metric name, filled job by job and printed by metric, as the format wants them.
class Samples {
 public:
  void add(std::string_view metric, const std::string& labels, int64_t value) {
    by_metric_[std::string(metric)] += fmt::format("{}{{{}}} {}\n", metric, labels, value);
  }
  void add_time(std::string_view metric, const std::string& labels, Micros time) {
    if (time != 0 && is_printable_time(time)) add(metric, labels, time);
  }
  std::string print() const {
    std::string out;
    for (const MetricInfo& info : metric_table()) {
      const auto found = by_metric_.find(info.name);
      if (found == by_metric_.end()) continue;
      out += fmt::format("# HELP {} {}\n# TYPE {} {}\n{}", info.name, info.help, info.name, info.type,
                         found->second);
    }
    return out;
  }

 private:
  std::map<std::string, std::string, std::less<>> by_metric_;
};

struct OperatorField {
  std::string_view metric;
  Counter OperatorMetrics::*field;
};

constexpr OperatorField kOperatorFields[] = {
    {"rideflow_operator_rows_in_total", &OperatorMetrics::rows_in},
    {"rideflow_operator_rows_out_total", &OperatorMetrics::rows_out},
    {"rideflow_operator_batches_in_total", &OperatorMetrics::batches_in},
    {"rideflow_operator_rows_filtered_total", &OperatorMetrics::rows_filtered},
    {"rideflow_operator_rows_absorbed_total", &OperatorMetrics::rows_absorbed},
    {"rideflow_operator_rows_late_total", &OperatorMetrics::rows_late},
    {"rideflow_operator_rows_rejected_total", &OperatorMetrics::rows_rejected},
    {"rideflow_operator_rows_held", &OperatorMetrics::rows_held},
    {"rideflow_operator_busy_nanoseconds_total", &OperatorMetrics::busy_nanos},
    {"rideflow_operator_longest_step_nanoseconds", &OperatorMetrics::longest_nanos},
    {"rideflow_operator_state_keys", &OperatorMetrics::state_keys},
    {"rideflow_operator_state_bytes", &OperatorMetrics::state_bytes},
};

struct SourceField {
  std::string_view metric;
  Counter SourceMetrics::*field;
};

constexpr SourceField kSourceFields[] = {
    {"rideflow_source_records_polled_total", &SourceMetrics::polled},
    {"rideflow_source_records_decoded_total", &SourceMetrics::decoded},
    {"rideflow_source_records_rejected_total", &SourceMetrics::rejected},
    {"rideflow_source_records_set_aside_total", &SourceMetrics::set_aside},
    {"rideflow_source_bytes_total", &SourceMetrics::bytes},
    {"rideflow_source_rows_late_idle_total", &SourceMetrics::late_idle},
    {"rideflow_source_rows_late_new_partition_total", &SourceMetrics::late_new_partition},
};

void add_source(Samples& samples, const std::string& labels, const TaskCounters& task,
                const SourceDriver& driver) {
  for (const SourceField& field : kSourceFields) {
    samples.add(field.metric, fmt::format("{},shard=\"{}\"", labels, task.shard.value),
                (task.source.*field.field).get());
  }
  for (const SourceDriver::PartitionView& view : driver.partition_views()) {
    const std::string of = fmt::format("{},partition=\"{}\"", labels, view.partition.value);
    samples.add("rideflow_partition_position", of, view.position);
    if (view.end >= 0) samples.add("rideflow_partition_end_position", of, view.end);
    samples.add_time("rideflow_partition_watermark_microseconds", of, view.watermark);
    samples.add("rideflow_partition_idle", of, view.idle ? 1 : 0);
    samples.add("rideflow_partition_paused", of, view.waits_for ? 1 : 0);
    samples.add("rideflow_partition_paused_microseconds", of, view.paused_for);
  }
  const std::string shard = fmt::format("{},shard=\"{}\"", labels, task.shard.value);
  samples.add("rideflow_source_watermark_waits", shard, driver.unproven_peer().empty() ? 0 : 1);
  if (const auto files = driver.files()) {
    const auto add = [&](std::string_view state, int64_t n) {
      samples.add("rideflow_source_files", fmt::format("{},state=\"{}\"", shard, state), n);
    };
    add("found", files->found);
    add("reading", files->reading);
    add("done", files->done);
    add("refused", files->refused);
  }
}

void add_task(Samples& samples, const std::string& job, JobExecution& execution, const TaskCounters& task) {
  const LogicalPlan& plan = *execution.graph().plan().logical;
  for (size_t i = 0; i < task.nodes.size(); ++i) {
    const LogicalNode& node = plan.nodes[static_cast<size_t>(task.nodes[i].value)];
    const std::string labels =
        fmt::format("job=\"{}\",step=\"{}\",role=\"{}\",node=\"{}\",shard=\"{}\"", job, escaped(node.step),
                    escaped(node.role), node.id.value, task.shard.value);
    for (const OperatorField& field : kOperatorFields) {
      samples.add(field.metric, labels, ((*task.operators[i]).*field.field).get());
    }
    samples.add_time("rideflow_operator_watermark_microseconds", labels, task.operators[i]->watermark.get());
  }
  const std::string labels = fmt::format("job=\"{}\",task=\"{}\",stage=\"{}\",shard=\"{}\"", job,
                                         task.id.value, task.stage, task.shard.value);
  samples.add("rideflow_task_busy_nanoseconds_total", labels, task.task.busy_nanos.get());
  samples.add("rideflow_task_idle_nanoseconds_total", labels, task.task.idle_nanos.get());
  samples.add("rideflow_task_blocked_nanoseconds_total", labels, task.task.blocked_nanos.get());
  samples.add("rideflow_task_longest_step_nanoseconds", labels, task.task.longest_nanos.get());
  samples.add_time("rideflow_task_input_watermark_microseconds", labels, task.task.input_watermark.get());
  Task& running = *execution.graph().tasks()[static_cast<size_t>(task.id.value)];
  if (running.is_source() && !task.nodes.empty()) {
    const LogicalNode& node = plan.nodes[static_cast<size_t>(task.nodes[0].value)];
    add_source(samples, fmt::format("job=\"{}\",source=\"{}\"", job, escaped(node.step)), task,
               *running.source());
  }
}

void add_checkpoint(Samples& samples, const std::string& job, const JobExecution& execution) {
  const CoordinatorState state = execution.status();
  if (state.history.empty()) return;
  const CheckpointRecord& newest = state.history.front();
  const std::string labels = fmt::format("job=\"{}\"", job);
  samples.add("rideflow_checkpoint_completed_microseconds", labels, newest.completed_at);
  samples.add("rideflow_checkpoint_duration_microseconds", labels, newest.completed_at - newest.started_at);
  samples.add("rideflow_checkpoint_bytes", labels, newest.bytes);
  samples.add("rideflow_checkpoint_epoch", labels, newest.epoch.value);
}

void add_rollups(Samples& samples, RollupStore& rollups) {
  for (const std::string& name : rollups.datasources()) {
    const std::shared_ptr<const RollupSnapshot> snapshot = rollups.snapshot(name);
    if (!snapshot) continue;  // dropped in between
    const std::string labels = fmt::format("datasource=\"{}\"", escaped(name));
    samples.add("rideflow_rollup_rows", labels, snapshot->rows());
    samples.add("rideflow_rollup_parts", labels, static_cast<int64_t>(snapshot->parts.size()));
    samples.add("rideflow_rollup_memory_bytes", labels, rollups.memory_bytes(name));
    samples.add("rideflow_rollup_segment_bytes", labels, snapshot->segment_bytes());
    if (snapshot->complete_to != kNoTime) {
      samples.add_time("rideflow_rollup_complete_to_microseconds", labels, snapshot->complete_to);
    }
  }
}

void add_http(Samples& samples, const HttpMeter& meter) {
  for (size_t i = 0; i < HttpMeter::kClasses; ++i) {
    samples.add("rideflow_http_answers_total", fmt::format("status=\"{}xx\"", i + 1), meter.answers[i]);
  }
  samples.add("rideflow_queries_total", "", meter.queries);
  samples.add("rideflow_queries_failed_total", "", meter.queries_failed);
  samples.add("rideflow_query_nanoseconds_total", "", meter.query_nanos);
  samples.add("rideflow_requests_running", "", meter.running);
  samples.add("rideflow_requests_waiting", "", meter.waiting);
  samples.add("rideflow_requests_paused", "", meter.paused);
  samples.add("rideflow_requests_refused_total", "", meter.refused);
  samples.add("rideflow_http_connections", "", meter.connections);
  samples.add("rideflow_http_connections_closed_idle_total", "", meter.connections_closed_idle);
  samples.add("rideflow_http_connections_refused_total", "", meter.connections_refused);
}

std::string prometheus_text(const HttpServices& services) {
  Samples samples;
  samples.add("rideflow_build_info", fmt::format("version=\"{}\"", escaped(RIDEFLOW_VERSION)), 1);
  samples.add("rideflow_process_resident_bytes", "", resident_bytes());
  add_http(samples, *services.meter);
  const bool queries = services.queries && services.queries->memory_bytes;
  samples.add("rideflow_query_memory_bytes", "",
              queries ? static_cast<int64_t>(services.queries->memory_bytes()) : 0);
  if (services.rollups) add_rollups(samples, *services.rollups);
  if (services.jobs) {
    for (const std::string& name : services.jobs->jobs()) {
      const std::optional<JobEntry> entry = services.jobs->find(name);
      if (entry && !entry->attempts.empty()) {
        samples.add("rideflow_job_attempts_total", fmt::format("job=\"{}\"", escaped(name)),
                    entry->attempts.front().number);
      }
      if (!entry || !entry->execution) continue;
      add_checkpoint(samples, escaped(name), *entry->execution);
      for (const auto& task : entry->execution->graph().counters()) {
        add_task(samples, escaped(name), *entry->execution, *task);
      }
    }
  }
  return samples.print();
}

}  // namespace

void add_metrics_routes(HttpRouter& router, const HttpServices& services) {
  HttpRoute route;
  route.method = "GET";
  route.pattern = "/metrics";
  route.handler = [services](const HttpRequest&) {
    HttpResponse response = text_response(prometheus_text(services));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  };
  router.add(std::move(route));
}

}  // namespace rideflow
