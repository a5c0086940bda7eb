// GET /api/v1/jobs, and of each its document, its log and the rows of its steps: see docs/http-api.md.
#include <fmt/format.h>

#include "dsl/expression_binder.h"
#include "runtime/http/http_json.h"
#include "runtime/http/http_services.h"
#include "runtime/job_monitor.h"
#include "runtime/tap_hub.h"

namespace rideflow {
namespace {

constexpr size_t kCheckpoints = 50;

JsonWriter& time_field(JsonWriter& json, std::string_view name, Micros time) {
  return time_or_null(json.key(name), time);
}

// Three digits are plenty for a share or a rate, and keep the document small.
double rounded(double value) {
  return std::round(value * 1000.0) / 1000.0;
}

void write_node(JsonWriter& json, const NodeView& node) {
  json.begin_object().field("id", node.id.value).field("step", node.step).field("role", node.role);
  json.field("parallelism", node.parallelism).field("rows_in", node.rows_in);
  json.field("rows_out", node.rows_out).field("rows_per_second", rounded(node.rows_per_second));
  json.field("filtered", node.filtered).field("absorbed", node.absorbed).field("late", node.late);
  json.field("rejected", node.rejected).field("held", node.held).field("busy", rounded(node.busy));
  json.field("blocked", rounded(node.blocked)).field("idle", rounded(node.idle));
  time_field(json, "watermark", node.watermark);
  json.field("state_keys", node.state_keys).field("state_bytes", node.state_bytes).end_object();
}

std::string_view state_name(FileProgress::State state) {
  switch (state) {
    case FileProgress::State::found:
      return "found";
    case FileProgress::State::reading:
      return "reading";
    case FileProgress::State::done:
      return "done";
    case FileProgress::State::refused:
      break;
  }
  return "refused";
}

void write_files(JsonWriter& json, const SourceFiles& files) {
  json.begin_object().field("found", files.found).field("reading", files.reading);
  json.field("done", files.done).field("refused", files.refused).key("list").begin_array();
  for (const FileProgress& file : files.files) {
    json.begin_object().field("path", file.path).field("state", state_name(file.state));
    json.field("read", file.read).field("size", file.size).key("note");
    file.note.empty() ? json.null() : json.string(file.note);
    json.end_object();
  }
  json.end_array().end_object();
}

void write_source(JsonWriter& json, const SourceView& source) {
  json.begin_object().field("source", source.source).field("polled", source.polled);
  json.field("decoded", source.decoded).field("rejected", source.rejected).field("bytes", source.bytes);
  json.field("late_idle", source.late_idle).field("late_new_partition", source.late_new_partition);
  json.field("lag", source.lag).key("partitions").begin_array();
  for (const PartitionView& partition : source.partitions) {
    json.begin_object().field("partition", partition.partition).field("position", partition.position);
    json.field("end", partition.end);
    time_field(json, "watermark", partition.watermark).field("idle", partition.idle);
    json.field("paused", partition.waits_for >= 0).key("waits_for");
    partition.waits_for >= 0 ? json.number(int64_t{partition.waits_for}) : json.null();
    json.field("paused_ms", partition.paused_for / 1000).end_object();
  }
  json.end_array().key("watermark_waits_for").begin_array();
  for (const std::string& peer : source.unproven_peers) json.string(peer);
  json.end_array().key("files");
  source.files ? write_files(json, *source.files) : void(json.null());
  json.end_object();
}

void write_checkpoint(JsonWriter& json, const CheckpointRecord& checkpoint) {
  const bool durable = checkpoint.durable_at != 0;
  const bool complete = checkpoint.completed_at != 0;
  json.begin_object().field("epoch", checkpoint.epoch.value);
  time_field(json, "started_at", checkpoint.started_at);
  if (complete) {
    json.field("duration_ms", static_cast<double>(checkpoint.completed_at - checkpoint.started_at) / 1000.0);
  } else {
    json.key("duration_ms").null();
  }
  json.key("bytes");
  durable ? json.number(checkpoint.bytes) : json.null();
  json.field("state", complete ? "complete" : durable ? "publishing" : "in_progress").end_object();
}

void write_attempt(JsonWriter& json, const AttemptRecord& attempt) {
  json.begin_object().field("attempt", attempt.number);
  time_field(json, "started_at", attempt.started_at);
  time_field(json, "ended_at", attempt.ended_at == 0 ? kNoTime : attempt.ended_at).key("error");
  attempt.cause.ok() ? json.null() : json.string(attempt.cause.to_string());
  json.end_object();
}

std::string job_document(const JobView& view) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().field("job", view.job).field("description", view.description);
  json.field("state", view.state).field("lineage", view.lineage);
  time_field(json, "started_at", view.started_at).field("parallelism", view.parallelism).key("error");
  view.error.empty() ? json.null() : json.string(view.error);
  time_field(json, "watermark", view.watermark).key("watermark_held_by");
  if (view.holder) {
    json.begin_object().field("source", view.holder->source).field("partition", view.holder->partition);
    time_field(json, "watermark", view.holder->watermark).end_object();
  } else {
    json.null();
  }
  json.key("waiting").begin_array();
  for (const JobExecution::Waiting& one : view.waiting) {
    json.begin_object().field("step", one.step).field("for", one.what);
    time_field(json, "since", one.since).end_object();
  }
  json.end_array().key("nodes").begin_array();
  for (const NodeView& node : view.nodes) write_node(json, node);
  json.end_array().key("edges").begin_array();
  for (const EdgeView& edge : view.edges) {
    json.begin_object().field("from", edge.from.value).field("to", edge.to.value).field("port", edge.port);
    json.field("exchange", edge.exchange).end_object();
  }
  json.end_array().key("sources").begin_array();
  for (const SourceView& source : view.sources) write_source(json, source);
  json.end_array().key("checkpoints").begin_array();
  for (size_t i = 0; i < std::min(view.checkpoints.size(), kCheckpoints); ++i) {
    write_checkpoint(json, view.checkpoints[i]);
  }
  json.end_array().key("attempts").begin_array();
  for (const AttemptRecord& attempt : view.attempts) write_attempt(json, attempt);
  json.end_array();
  if (!view.wanted.empty()) {
    json.field("wanted", view.wanted).field("version", view.version);
    json.field("started_version", view.started_version);
  }
  json.end_object();
  return body;
}

struct Jobs {
  Env* env = nullptr;
  std::shared_ptr<const JobDirectory> directory;
  std::shared_ptr<JobMonitor> monitor;
  TapHub taps;

  HttpResponse list() const {
    std::string body;
    JsonWriter json(body);
    json.begin_array();
    for (const std::string& name : directory->jobs()) {
      const std::optional<JobEntry> entry = directory->find(name);
      if (!entry) continue;
      json.begin_object().field("job", name).field("state", state_of(*entry));
      if (!entry->wanted.empty()) json.field("wanted", entry->wanted).field("version", entry->version);
      json.end_object();
    }
    json.end_array();
    return json_response(std::move(body));
  }

  // The entry of the path's {job}; otherwise fills `refusal`.
  std::optional<JobEntry> find(const HttpRequest& request, HttpResponse& refusal) const {
    const std::string& name = request.parameter("job");
    std::optional<JobEntry> entry = directory->find(name);
    if (!entry) {
      const std::string message = fmt::format("There is no job '{}'", name);
      refusal = error_response(404, with_suggestion(message, name, directory->jobs()) + ".");
    }
    return entry;
  }

  HttpResponse document(const HttpRequest& request) const {
    HttpResponse refusal;
    const std::optional<JobEntry> entry = find(request, refusal);
    if (!entry) return refusal;
    return json_response(job_document(monitor->view(*entry, env->monotonic())));
  }

  HttpResponse log(const HttpRequest& request) const {
    HttpResponse response;
    const std::optional<JobEntry> entry = find(request, response);
    if (!entry) return response;
    const auto from = request.query_integer("from", 0, 0, INT64_MAX);
    if (!from.ok()) return error_response(from.status());
    int64_t next = *from;
    response.content_type = "text/plain; charset=utf-8";
    for (const JobLogLine& line : directory->log_lines(entry->job, *from)) {
      response.body += line.text + "\n";
      next = line.number;
    }
    response.headers.emplace_back("X-Rideflow-Next", std::to_string(next));
    return response;
  }

  HttpResponse tap(const HttpRequest& request) {
    HttpResponse response;
    const std::optional<JobEntry> entry = find(request, response);
    if (!entry) return response;
    const auto limit = request.query_integer("limit", 100, 1, static_cast<int64_t>(TapHub::kRows));
    if (!limit.ok()) return error_response(limit.status());
    const auto from = request.query_integer("from", 0, 0, INT64_MAX);
    if (!from.ok()) return error_response(from.status());
    Result<TapRows> rows = taps.rows(*entry, request.parameter("step"), *limit, *from, env->monotonic());
    if (!rows.ok()) return error_response(rows.status());
    response.content_type = "application/x-ndjson";
    response.body = std::move(rows->lines);
    response.headers.emplace_back("X-Rideflow-Next", std::to_string(rows->next));
    return response;
  }
};

HttpRoute get_route(std::string pattern, std::string summary, std::vector<HttpQueryParameter> query,
                    HttpHandler handler) {
  HttpRoute route;
  route.summary = std::move(summary);
  route.query = std::move(query);
  route.method = "GET";
  route.pattern = std::move(pattern);
  route.handler = std::move(handler);
  return route;
}

}  // namespace

std::function<void()> add_job_routes(HttpRouter& router, const HttpServices& services,
                                     const std::shared_ptr<JobMonitor>& monitor) {
  auto jobs = std::make_shared<Jobs>();
  jobs->env = services.env;
  jobs->directory = services.jobs;
  jobs->monitor = monitor;
  router.add(get_route("/api/v1/jobs", "The jobs and their states.", {},
                       [jobs](const HttpRequest&) { return jobs->list(); }));
  router.add(get_route("/api/v1/jobs/{job}", "All about a job.", {},
                       [jobs](const HttpRequest& r) { return jobs->document(r); }));
  router.add(get_route("/api/v1/jobs/{job}/log", "Lines that the job logged behind line `from`, as text.",
                       {{"from", "integer"}}, [jobs](const HttpRequest& r) { return jobs->log(r); }));
  router.add(get_route("/api/v1/jobs/{job}/tap/{step}", "The newest rows of a step, a JSON object a line.",
                       {{"limit", "integer"}, {"from", "integer"}},
                       [jobs](const HttpRequest& r) { return jobs->tap(r); }));
  return [jobs] {
    const Micros now = jobs->env->monotonic();
    jobs->monitor->sample(*jobs->directory, now);
    jobs->taps.tick(now);
  };
}

}  // namespace rideflow
