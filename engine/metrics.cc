#include "engine/metrics.h"

#include <utility>

namespace rideflow {

namespace {

constexpr MetricInfo kTable[] = {
    {"rideflow_build_info", "gauge", "flag", "The version that runs, as a label; always 1."},
    {"rideflow_process_resident_bytes", "gauge", "bytes", "Memory of the process that is in RAM."},
    {"rideflow_job_attempts_total", "counter", "attempts",
     "How often the job was begun by this process: 1, and one more for each restart after a failure."},
    {"rideflow_checkpoint_completed_microseconds", "gauge", "microseconds",
     "When the job's newest checkpoint was complete, since 1970 UTC; absent before the first."},
    {"rideflow_checkpoint_duration_microseconds", "gauge", "microseconds",
     "How long the job's newest complete checkpoint took."},
    {"rideflow_checkpoint_bytes", "gauge", "bytes", "Bytes that the job's newest complete checkpoint wrote."},
    {"rideflow_checkpoint_epoch", "gauge", "epochs", "Number of the job's newest complete checkpoint."},
    {"rideflow_rollup_rows", "gauge", "rows", "Rows that the rollup holds: one per time and dimensions."},
    {"rideflow_rollup_parts", "gauge", "parts", "Segments of the rollup and blocks of rows in memory."},
    {"rideflow_rollup_memory_bytes", "gauge", "bytes",
     "Memory that the rollup has allocated: rows that are in no segment, with their dictionaries and hash "
     "tables, "
     "and what its open segments keep beside their mapped files."},
    {"rideflow_rollup_segment_bytes", "gauge", "bytes", "Size of the rollup's segment files."},
    {"rideflow_rollup_complete_to_microseconds", "gauge", "microseconds",
     "Event time up to which the rollup has all rows; absent before the first checkpoint."},
    {"rideflow_http_answers_total", "counter", "answers",
     "Answers of the HTTP server by the class of their status."},
    {"rideflow_queries_total", "counter", "queries", "Native queries that were answered, failed ones too."},
    {"rideflow_queries_failed_total", "counter", "queries", "Native queries whose answer is an error."},
    {"rideflow_query_nanoseconds_total", "counter", "nanoseconds", "Time spent in answering native queries."},
    {"rideflow_query_memory_bytes", "gauge", "bytes",
     "Memory of native queries that run and of answers that are not sent yet, as counted for their limits."},
    {"rideflow_requests_running", "gauge", "requests",
     "Requests that have a place in the lanes, queries mostly."},
    {"rideflow_requests_waiting", "gauge", "requests", "Requests that wait for a place in the light lane."},
    {"rideflow_requests_paused", "gauge", "requests",
     "Heavy requests that have begun and wait for a place in the heavy lane."},
    {"rideflow_requests_refused_total", "counter", "requests",
     "Requests answered 429, because --query-queue others ran or waited."},
    {"rideflow_http_connections", "gauge", "connections", "Open connections of the HTTP server."},
    {"rideflow_http_connections_closed_idle_total", "counter", "connections",
     "Idle connections that were closed to make room for new ones."},
    {"rideflow_http_connections_refused_total", "counter", "connections",
     "Connections refused with 503, because --max-connections others were busy."},
    {"rideflow_operator_rows_in_total", "counter", "rows",
     "Rows that came into the operator, and rows that a checkpoint brought back into it."},
    {"rideflow_operator_rows_out_total", "counter", "rows", "Rows that left by the operator's main output."},
    {"rideflow_operator_batches_in_total", "counter", "batches", "Batches that came into the operator."},
    {"rideflow_operator_rows_filtered_total", "counter", "rows",
     "Rows dropped because a condition was not true, or because they lie between hopping windows."},
    {"rideflow_operator_rows_absorbed_total", "counter", "rows",
     "Rows that went into an aggregate or out to a sink."},
    {"rideflow_operator_rows_late_total", "counter", "rows", "Rows that were late for all their windows."},
    {"rideflow_operator_rows_rejected_total", "counter", "rows", "Rows on which an expression failed."},
    {"rideflow_operator_rows_held", "gauge", "rows",
     "Rows inside the operator, neither out nor absorbed yet."},
    {"rideflow_operator_busy_nanoseconds_total", "counter", "nanoseconds", "Time spent in the operator."},
    {"rideflow_operator_longest_step_nanoseconds", "gauge", "nanoseconds",
     "The longest time that the operator kept its thread at once, since the job's start."},
    {"rideflow_operator_watermark_microseconds", "gauge", "microseconds",
     "The operator's watermark, since 1970 UTC; absent before the first."},
    {"rideflow_operator_state_keys", "gauge", "keys", "Keys in the operator's state."},
    {"rideflow_operator_state_bytes", "gauge", "bytes", "Memory of the operator's state."},
    {"rideflow_task_busy_nanoseconds_total", "counter", "nanoseconds", "Time of steps that did work."},
    {"rideflow_task_idle_nanoseconds_total", "counter", "nanoseconds", "Time without anything to do."},
    {"rideflow_task_blocked_nanoseconds_total", "counter", "nanoseconds",
     "Time in which a full output kept the task from working (back-pressure)."},
    {"rideflow_task_longest_step_nanoseconds", "gauge", "nanoseconds",
     "The longest step of the task since the job's start: how long others on its thread waited for it."},
    {"rideflow_task_input_watermark_microseconds", "gauge", "microseconds",
     "The least watermark of the task's inputs, since 1970 UTC."},
    {"rideflow_partition_position", "gauge", "records", "Position of the next record, or byte of a file."},
    {"rideflow_partition_end_position", "gauge", "records",
     "Position behind the last record known to exist; lag is this minus the position."},
    {"rideflow_partition_watermark_microseconds", "gauge", "microseconds",
     "The partition's own watermark, since 1970 UTC."},
    {"rideflow_partition_idle", "gauge", "flag", "1 when the partition does not hold the watermark."},
    {"rideflow_partition_paused", "gauge", "flag",
     "1 when the partition is not read because it is max_skew ahead of a slower one of its source."},
    {"rideflow_partition_paused_microseconds", "gauge", "microseconds",
     "How long the partition's pause under way has lasted; 0 when it is read."},
    {"rideflow_source_watermark_waits", "gauge", "flag",
     "1 when the watermark waits for an idle source to prove again that it is at its end."},
    {"rideflow_source_files", "gauge", "files",
     "Files of the source by their state: found (not begun), reading, done, refused."},
    {"rideflow_source_records_polled_total", "counter", "records",
     "Records read: decoded and rejected ones."},
    {"rideflow_source_records_decoded_total", "counter", "records", "Records that became rows."},
    {"rideflow_source_records_rejected_total", "counter", "records", "Records that could not become rows."},
    {"rideflow_source_records_set_aside_total", "counter", "records",
     "Of the rejected ones, records at which the job failed again and again."},
    {"rideflow_source_bytes_total", "counter", "bytes", "Bytes of the records read."},
    {"rideflow_source_rows_late_idle_total", "counter", "rows",
     "Rows behind the watermark only because their partition had counted as idle."},
    {"rideflow_source_rows_late_new_partition_total", "counter", "rows",
     "Rows behind the watermark only because their partition appeared later."},
};

}  // namespace

std::span<const MetricInfo> metric_table() {
  return kTable;
}

void WaitNote::set(std::string what, Micros since) {
  const std::lock_guard lock(mutex_);
  view_ = {std::move(what), since};
  waits_.store(true, std::memory_order_relaxed);
}

void WaitNote::clear() {
  if (!waits()) return;
  const std::lock_guard lock(mutex_);
  view_ = {};
  waits_.store(false, std::memory_order_relaxed);
}

std::optional<WaitNote::View> WaitNote::get() const {
  if (!waits()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (!waits()) return std::nullopt;
  return view_;
}

}  // namespace rideflow
