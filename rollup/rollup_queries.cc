#include "rollup/rollup_queries.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/json_writer.h"
#include "rollup/free_memory.h"
#include "rollup/query/query.h"

namespace rideflow {

using rollup::find;
using rollup::Json;
using rollup::JsonObject;
using rollup::Query;

namespace {

constexpr size_t kMaxJsonDepth = 32;

struct ErrorShape {
  Code code;
  int status;
  std::string_view error;
  std::string_view error_class;
};
constexpr std::string_view kUnknown = "Unknown exception";
constexpr ErrorShape kShapes[] = {
    {Code::invalid_argument, 400, kUnknown, "com.fasterxml.jackson.databind.exc.ValueInstantiationException"},
    {Code::not_found, 400, kUnknown, "com.fasterxml.jackson.databind.exc.InvalidTypeIdException"},
    {Code::out_of_range, 400, kUnknown, "com.fasterxml.jackson.core.JsonParseException"},
    {Code::failed_precondition, 400, "Query context parse failed",
     "org.apache.druid.query.BadQueryContextException"},
    {Code::resource_exhausted, 400, "Resource limit exceeded",
     "org.apache.druid.query.ResourceLimitExceededException"},
    {Code::unimplemented, 501, "Unsupported operation", "org.apache.druid.java.util.common.UOE"},
    {Code::unavailable, 503, kUnknown, "org.apache.druid.query.QueryInterruptedException"},
    {Code::aborted, 504, "Query timeout", "org.apache.druid.query.QueryTimeoutException"},
};
// A query that another request stopped; its status is aborted too.
constexpr ErrorShape kCancelled = {Code::aborted, 500, "Query cancelled",
                                   "org.apache.druid.query.QueryInterruptedException"};

ErrorShape shape_of(const Status& status, bool cancelled) {
  if (cancelled && status.code() == kCancelled.code) return kCancelled;
  for (const ErrorShape& shape : kShapes) {
    if (shape.code == status.code()) return shape;
  }
  return {Code::internal, 500, kUnknown, "java.lang.RuntimeException"};
}

QueryAnswer error_answer(const Status& status, bool cancelled = false) {
  const ErrorShape shape = shape_of(status, cancelled);
  QueryAnswer answer;
  answer.status = shape.status;
  JsonWriter out(answer.body);
  out.begin_object().field("error", shape.error).field("errorMessage", status.message());
  out.field("errorClass", shape.error_class).key("host").null();
  if (shape.error != kUnknown) {
    const bool input = shape.status < 500;
    out.field("errorCode", "legacyQueryException").field("persona", "OPERATOR");
    out.field("category",
              input ? "INVALID_INPUT"
                    : (shape.status == 504 ? "TIMEOUT" : (cancelled ? "CANCELED" : "RUNTIME_FAILURE")));
    out.key("context").begin_object().key("host").null().field("errorClass", shape.error_class);
    out.field("legacyErrorCode", shape.error).end_object();
  }
  out.end_object();
  return answer;
}

struct QueryType {
  std::string_view name;
  Result<std::string> (*run)(const JsonObject&, Query&);
};
constexpr QueryType kTypes[] = {
    {"timeseries", rollup::run_timeseries},
    {"topN", rollup::run_top_n},
    {"groupBy", rollup::run_group_by},
    {"timeBoundary", rollup::run_time_boundary},
    {"dataSourceMetadata", rollup::run_datasource_metadata},
    {"segmentMetadata", rollup::run_segment_metadata},
    {"scan", rollup::run_scan},
};

// The datasource's name, and the filter that a filtered datasource adds.
Result<std::string> source_name(const Json* source, const std::string& type, const Json** filter,
                                int depth = 0) {
  if (source == nullptr)
    return rollup::bad_query("query." + rollup::query_class(type), "dataSource can't be null");
  if (source->is_array() && source->get_array().size() == 1) source = &source->get_array()[0];
  const JsonObject* object = source->if_object();
  if (object == nullptr && source->is_string()) return rollup::text(source).value_or("");
  const std::string kind = object == nullptr ? "union" : rollup::text(*object, "type", "table");
  if (kind == "table") return rollup::text(*object, "name");
  if (kind == "union" && object != nullptr) {
    const auto names = rollup::items(find(*object, "dataSources"));
    if (names.size() == 1) return rollup::text(names.front()).value_or("");
  }
  if (kind == "filter" && depth == 0) {
    *filter = find(*object, "filter");
    return source_name(find(*object, "base"), type, filter, 1);
  }
  return Status::user(Code::unimplemented,
                      fmt::format("Queries over a datasource of type '{}' are not supported.", kind));
}

Status set_deadline(const JsonObject& context, QueryControl& control) {
  const auto timeout = rollup::integer(find(context, "timeout"));
  if (timeout && *timeout < 0) {
    return Status::user(Code::failed_precondition,
                        fmt::format("Timeout [timeout] must be a non negative value, but was {}", *timeout));
  }
  int64_t most = control.limits().timeout_us;
  if (timeout && *timeout > 0 && *timeout < most / 1000) most = *timeout * 1000;
  control.set_deadline(control.started() + most);
  return {};
}

void add_context(QueryAnswer& answer, const RollupSnapshot& snapshot) {
  std::string body;
  JsonWriter out(body);
  out.begin_object().key("completeTo");
  snapshot.complete_to == kNoTime
      ? out.null()
      : out.string(format_timestamp_millis(snapshot.complete_to, TimeZone::utc()));
  out.end_object();
  answer.headers.emplace_back("X-Druid-Response-Context", std::move(body));
}

// The query with the filter of its datasource.
JsonObject with_filter(const JsonObject& json, const Json& filter) {
  JsonObject out = json;
  const Json* own = find(json, "filter");
  boost::json::array fields = {filter};
  if (own != nullptr) fields.push_back(*own);
  out["filter"] = JsonObject{{"type", "and"}, {"fields", std::move(fields)}};
  return out;
}

}  // namespace

RollupQueries::RollupQueries(Env* env, std::shared_ptr<RollupStore> store, QueryLimits limits)
    : env_(env),
      store_(std::move(store)),
      limits_(limits),
      memory_(std::make_shared<QueryMemory>(limits.all_memory_bytes)) {}

QueryAnswer RollupQueries::post(std::string_view body, QueryTurn* turn) const {
  constexpr size_t kLarge = size_t{64} << 20;
  size_t most_held = 0;
  QueryAnswer answer;
  {
    QueryControl control(env_, limits_, memory_, turn);
    answer = run(body, control);
    if (answer.status == 200) {
      if (control.hold(answer.body.capacity())) {
        answer.memory = control.keep(answer.body.capacity());
      } else {
        answer = error_answer(control.status(), control.cancelled().load());
      }
    }
    most_held = control.most_held();
  }
  if (most_held > kLarge) rollup::give_back_free_memory();
  return answer;
}

QueryAnswer RollupQueries::run(std::string_view body, QueryControl& control) const {
  if (body.size() > limits_.body_bytes) {
    QueryAnswer answer =
        error_answer(Status::user(Code::resource_exhausted, "The query's body is too large."));
    answer.status = 413;
    return answer;
  }
  // A parsed body is larger than its text: a value takes two bytes of it or more, and 16 to 24 of memory.
  constexpr size_t kParsed = 12;
  if (!control.hold(body.size() * kParsed)) return error_answer(control.status());
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::system::error_code error;
  const Json parsed =
      boost::json::parse(boost::json::string_view(body.data(), body.size()), error, {}, options);
  const JsonObject* json = error ? nullptr : parsed.if_object();
  if (json == nullptr) {
    return error_answer(Status::user(Code::out_of_range, error ? "The body is not JSON: " + error.message()
                                                               : "The body must be a JSON object."));
  }
  const std::string type = rollup::text(*json, "queryType");
  const auto* known =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& t) { return t.name == type; });
  if (type.empty()) {
    return error_answer(
        Status::user(Code::not_found,
                     "Could not resolve subtype of [simple type, class org.apache.druid.query.Query]: "
                     "missing type id property 'queryType'"));
  }
  if (known == std::end(kTypes)) {
    return error_answer(rollup::unknown_type(
        type, "query.Query",
        "dataSourceMetadata, groupBy, scan, segmentMetadata, timeBoundary, timeseries, topN"));
  }
  const Json* source_filter = nullptr;
  const Result<std::string> name = source_name(find(*json, "dataSource"), type, &source_filter);
  if (!name.ok()) return error_answer(name.status());

  Query query;
  query.type = type;
  query.control = &control;
  query.snapshot = store_->snapshot(*name);
  const bool exists = query.snapshot != nullptr;
  if (!exists) {
    auto empty = std::make_shared<RollupSnapshot>();
    empty->spec = std::make_shared<const RollupSpec>();
    query.snapshot = std::move(empty);
  }
  query.columns = std::make_unique<rollup::QueryColumns>(query.snapshot->spec, control);
  if (const JsonObject* context = rollup::find_object(*json, "context")) query.context = *context;
  if (const Status status = set_deadline(query.context, control); !status.ok()) return error_answer(status);
  const Micros came = env_->now() - (env_->monotonic() - control.started());
  const RunningQueries::Entry entry(*running_, rollup::text(query.context, "queryId"), control, came);
  const JsonObject filtered = source_filter ? with_filter(*json, *source_filter) : JsonObject();
  const Status begun = control.check();
  Result<std::string> result = begun.ok() ? known->run(source_filter ? filtered : *json, query) : begun;
  // What broke off for want of time or memory may have left another error, or half an answer.
  if (control.stopped()) result = control.status();
  if (!result.ok()) return error_answer(result.status(), control.cancelled().load());
  QueryAnswer answer;
  answer.body = exists ? std::move(*result) : "[]";
  add_context(answer, *query.snapshot);
  return answer;
}

QueryAnswer RollupQueries::datasources() const {
  QueryAnswer answer;
  JsonWriter out(answer.body);
  out.begin_array();
  for (const std::string& name : store_->datasources()) out.string(name);
  out.end_array();
  return answer;
}

QueryAnswer RollupQueries::datasource(const std::string& name) const {
  QueryAnswer answer;
  const auto snapshot = store_->snapshot(name);
  JsonWriter out(answer.body);
  out.begin_object().key("dimensions").begin_array();
  if (snapshot) {
    for (const RollupDimension& d : snapshot->spec->dimensions) out.string(d.name);
  }
  out.end_array().key("metrics").begin_array();
  if (snapshot) {
    for (const RollupMetric& m : snapshot->spec->metrics) out.string(m.name);
  }
  out.end_array().end_object();
  return answer;
}

}  // namespace rideflow
