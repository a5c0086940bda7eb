// Jobs that are submitted: POST /api/v1/jobs and what is done with them afterwards. See docs/serve.md.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/http/http_json.h"
#include "runtime/http/http_services.h"
#include "runtime/job_service.h"

namespace rideflow {
namespace {

constexpr size_t kMaxJob = size_t{4} << 20;  // a job's text of 1 MiB, quoted, and its variables

Status bad_request(std::string message) {
  return Status::user(Code::invalid_argument, std::move(message));
}

// Each `drop_state=STEP` of the query.
std::vector<std::string> dropped_steps(const HttpRequest& request) {
  std::vector<std::string> steps;
  for (const auto& [name, value] : request.query) {
    if (name == "drop_state") steps.push_back(value);
  }
  return steps;
}

// {"text": "job: …", "variables": [{"name", "value"}], "parallelism": 2}
Result<JobSubmission> submission_from(const HttpRequest& request) {
  RF_ASSIGN(const JsonObject object, parse_json_object(request.body));
  JobSubmission submission;
  const auto* text = json_member<std::string>(object, "text");
  if (text == nullptr) return bad_request(R"(The body lacks "text", the job's text.)");
  submission.text = *text;
  if (object.count("parallelism") > 0) {
    const auto* parallelism = json_member<int64_t>(object, "parallelism");
    if (parallelism == nullptr || *parallelism < 1 || *parallelism > kDefaultKeyGroups)
      return bad_request(
          fmt::format(R"("parallelism" must be a whole number from 1 to {}.)", kDefaultKeyGroups));
    submission.parallelism = static_cast<int32_t>(*parallelism);
  }
  if (request.body.find("\"variables\"") != std::string::npos) {
    RF_ASSIGN(const std::vector<JsonObject> variables, parse_json_objects(request.body, "variables"));
    for (const JsonObject& variable : variables) {
      const auto* name = json_member<std::string>(variable, "name");
      const auto* value = json_member<std::string>(variable, "value");
      if (name == nullptr || value == nullptr)
        return bad_request(R"("variables" must be a list of {"name": "…", "value": "…"}.)");
      submission.variables[*name] = *value;
    }
  }
  submission.drop_state = dropped_steps(request);
  const std::string dry = request.query_value("dry_run").value_or("false");
  if (dry != "true" && dry != "false")
    return bad_request(fmt::format("dry_run is true or false, not '{}'.", dry));
  submission.dry_run = dry == "true";
  return submission;
}

void write_diagnostics(JsonWriter& json, std::string_view name, const std::vector<Diagnostic>& all) {
  json.key(name).begin_array();
  for (const Diagnostic& one : all) {
    json.begin_object().field("line", int64_t{one.pos.line}).field("column", int64_t{one.pos.column});
    json.field("path", one.path).field("message", one.message).end_object();
  }
  json.end_array();
}

HttpResponse answer_of(const SubmissionAnswer& answer, bool dry_run) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().field("job", answer.job).field("version", answer.version);
  json.field("changed", answer.changed).key("steps").begin_array();
  for (const StepEvolution& step : answer.steps) {
    json.begin_object().field("section", step.change.section).field("step", step.change.name);
    json.field("change", to_string(step.change.kind)).field("needs_drop", step.needs_drop);
    json.field("state", fmt::format("{}", fmt::join(step.state, "; "))).end_object();
  }
  json.end_array();
  write_diagnostics(json, "errors", answer.errors);
  write_diagnostics(json, "warnings", answer.warnings);
  json.end_object();
  if (!answer.errors.empty()) return json_response(std::move(body), 422);
  return json_response(std::move(body), answer.changed && !dry_run ? 201 : 200);
}

HttpResponse submit(JobService& service, const HttpRequest& request) {
  const Result<JobSubmission> submission = submission_from(request);
  if (!submission.ok()) return error_response(submission.status());
  const Result<SubmissionAnswer> answer = service.submit(*submission);
  return answer.ok() ? answer_of(*answer, submission->dry_run) : error_response(answer.status());
}

// What was asked is written down; the job follows.
HttpResponse accepted(const Status& status) {
  return status.ok() ? json_response("{}", 202) : error_response(status);
}

HttpResponse rollback(JobService& service, const HttpRequest& request) {
  std::optional<int64_t> version;
  if (request.query_value("version")) {
    const Result<int64_t> given = request.query_integer("version", 0, 1, INT64_MAX);
    if (!given.ok()) return error_response(given.status());
    version = *given;
  }
  const Result<int64_t> now = service.rollback(request.parameter("job"), version, dropped_steps(request));
  if (!now.ok()) return error_response(now.status());
  return json_response(fmt::format("{{\"version\":{}}}", *now), 202);
}

// Values of variables are kept from those who may only read.
HttpResponse versions(JobService& service, const HttpRequest& request) {
  const Result<RegisteredJob> job = service.registered(request.parameter("job"));
  if (!job.ok()) return error_response(job.status());
  std::string body;
  JsonWriter json(body);
  json.begin_array();
  for (auto version = job->versions.rbegin(); version != job->versions.rend(); ++version) {
    json.begin_object().field("version", version->number).field("current", version->number == job->current);
    time_or_null(json.key("submitted_at"), version->submitted_at);
    json.field("parallelism", version->parallelism).key("variables").begin_array();
    for (const auto& [name, value] : version->variables) json.string(name);
    json.end_array().field("text", version->text).end_object();
  }
  json.end_array();
  return json_response(std::move(body));
}

}  // namespace

void add_submission_routes(HttpRouter& router, const HttpServices& services) {
  using Handler = std::function<HttpResponse(JobService&, const HttpRequest&)>;
  const auto route_of = [&](const char* method, const char* pattern, HttpRole role, const char* summary,
                            Handler handler) {
    HttpRoute route;
    route.method = method;
    route.pattern = pattern;
    route.role = role;
    route.summary = summary;
    route.handler = [service = services.submitted, handler](const HttpRequest& r) {
      return handler(*service, r);
    };
    return route;
  };
  // What a job may reach is what the server may reach for it: only admins bring or take away jobs.
  HttpRoute submission =
      route_of("POST", "/api/v1/jobs", HttpRole::admin,
               "Submits a job, or its next version; the same again changes nothing.", submit);
  submission.max_body = kMaxJob;
  submission.query = {{"dry_run", "boolean"}, {"drop_state"}};
  submission.body = {{"text", "string"}, {"variables", "array"}, {"parallelism", "integer"}};
  router.add(std::move(submission));
  HttpRoute back =
      route_of("POST", "/api/v1/jobs/{job}/rollback", HttpRole::admin,
               "Makes an earlier version the one that runs: the one before, or `version`.", rollback);
  back.query = {{"version", "integer"}, {"drop_state"}};
  router.add(std::move(back));
  router.add(route_of("DELETE", "/api/v1/jobs/{job}", HttpRole::admin,
                      "Ends a job without a last checkpoint and forgets its versions; what it wrote stays.",
                      [](JobService& service, const HttpRequest& r) {
                        return accepted(service.cancel(r.parameter("job")));
                      }));
  router.add(route_of("POST", "/api/v1/jobs/{job}/start", HttpRole::operate,
                      "Lets a job run again, from its checkpoint.",
                      [](JobService& service, const HttpRequest& r) {
                        return accepted(service.want(r.parameter("job"), WantedState::running));
                      }));
  router.add(route_of("POST", "/api/v1/jobs/{job}/stop", HttpRole::operate,
                      "Pauses a job behind a last checkpoint.",
                      [](JobService& service, const HttpRequest& r) {
                        return accepted(service.want(r.parameter("job"), WantedState::stopped));
                      }));
  router.add(route_of("GET", "/api/v1/jobs/{job}/versions", HttpRole::read,
                      "What was submitted as this job, newest first.", versions));
}

}  // namespace rideflow
