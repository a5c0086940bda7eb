// /api/v1/topics: the embedded topics, for the command line of other processes and for whoever speaks HTTP.
#include <fmt/format.h>

#include "engine/time.h"
#include "runtime/http/http_json.h"
#include "runtime/http/http_services.h"
#include "runtime/name_value.h"
#include "runtime/topic_users.h"
#include "topics/topic_store.h"

namespace rideflow {
namespace {

constexpr size_t kMaxRecordsBody = size_t{16} << 20;
constexpr size_t kMaxAnswer = size_t{16} << 20;
constexpr int64_t kMaxLimit = 10'000;

using TopicRef = std::shared_ptr<Topic>;

void write_topic(JsonWriter& json, const Topic& topic) {
  json.begin_object().field("name", topic.name()).field("partitions", topic.partitions());
  json.field("records", topic.records()).field("bytes", topic.bytes()).end_object();
}

HttpResponse list(TopicStore& store) {
  const Result<std::vector<std::string>> names = store.list();
  if (!names.ok()) return error_response(names.status());
  std::string body;
  JsonWriter json(body);
  json.begin_array();
  for (const std::string& name : *names) {
    const Result<TopicRef> topic = store.find(name);
    if (topic.ok()) write_topic(json, **topic);
  }
  json.end_array();
  return json_response(std::move(body));
}

// Names beginning with '_' belong to the engine: read them, don't write them.
Status check_own_name(const std::string& name) {
  if (!name.starts_with('_')) return {};
  return Status::user(Code::invalid_argument,
                      fmt::format("'{}' begins with '_': such topics belong to the engine.", name));
}

Result<TopicRef> create_from(TopicStore& store, std::string_view body) {
  RF_ASSIGN(const JsonObject object, parse_json_object(body));
  const auto* name = json_member<std::string>(object, "name");
  if (!name) return Status::user(Code::invalid_argument, R"(The body lacks "name", the topic's name.)");
  RF_TRY(check_own_name(*name));
  TopicConfig config;
  if (object.count("partitions") > 0) {
    const auto* partitions = json_member<int64_t>(object, "partitions");
    if (!partitions || *partitions < 1 || *partitions > 100'000) {
      return Status::user(Code::invalid_argument, R"("partitions" must be a whole number from 1 on.)");
    }
    config.partitions = static_cast<int32_t>(*partitions);
  }
  return store.create(*name, config);
}

HttpResponse create(TopicStore& store, const HttpRequest& request) {
  const Result<TopicRef> topic = create_from(store, request.body);
  if (!topic.ok()) return error_response(topic.status());
  std::string body;
  JsonWriter json(body);
  write_topic(json, **topic);
  return json_response(std::move(body), 201);
}

HttpResponse describe(TopicStore& store, const HttpRequest& request) {
  const Result<TopicRef> topic = store.find(request.parameter("name"));
  if (!topic.ok()) return error_response(topic.status());
  std::string body;
  JsonWriter json(body);
  json.begin_object().field("name", (*topic)->name()).field("records", (*topic)->records());
  json.field("bytes", (*topic)->bytes()).key("partitions").begin_array();
  for (int32_t p = 0; p < (*topic)->partitions(); ++p) {
    json.begin_object().field("partition", p);
    json.field("first_offset", (*topic)->first_offset(Partition(p)));
    json.field("end_offset", (*topic)->end_offset(Partition(p))).end_object();
  }
  json.end_array().end_object();
  return json_response(std::move(body));
}

Status remove(const HttpServices& services, const HttpRequest& request) {
  const std::string& name = request.parameter("name");
  const std::string force = request.query_value("force").value_or("false");
  if (force != "true" && force != "false")
    return Status::user(Code::invalid_argument, fmt::format("force is true or false, not '{}'.", force));
  RF_TRY(services.topics->find(name).status());
  if (services.topic_users && force == "false") {
    RF_ASSIGN(const std::vector<TopicUser> users, services.topic_users(name));
    RF_TRY(check_unused(name, users));
  }
  return services.topics->remove(name);
}

// One record a line, of no bytes where the line is empty; with `separator`, what stands before it in a line
// is the key. Views into the body.
Result<std::vector<TopicRecord>> split_records(std::string_view body, const std::string& separator) {
  std::vector<TopicRecord> records;
  for (int64_t number = 1; !body.empty(); ++number) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(line.size() + 1, body.size()));
    TopicRecord record;
    record.payload = line;
    if (!separator.empty()) {
      const size_t at = line.find(separator);
      if (at == std::string_view::npos) {
        return Status::user(Code::invalid_argument,
                            fmt::format("Line {} has no separator between key and value.", number));
      }
      record.key = line.substr(0, at);
      record.payload = line.substr(at + separator.size());
    }
    records.push_back(record);
  }
  return records;
}

// Each `header=NAME=VALUE` of the query: every record of the request gets them.
Result<std::string> headers_from(const HttpRequest& request) {
  Headers headers;
  for (const auto& [parameter, text] : request.query) {
    if (parameter != "header") continue;
    auto header = split_name_value(text);
    if (!header)
      return Status::user(Code::invalid_argument, fmt::format("header is '{}': give NAME=VALUE.", text));
    headers.emplace_back(std::move(header->first), std::move(header->second));
  }
  return encode_headers(headers);
}

Result<size_t> append_from(TopicStore& store, const HttpRequest& request) {
  const std::string& name = request.parameter("name");
  RF_TRY(check_own_name(name));
  RF_ASSIGN(const std::string headers, headers_from(request));
  RF_ASSIGN(auto records, split_records(request.body, request.query_value("separator").value_or("")));
  for (TopicRecord& record : records) record.headers = headers;
  std::optional<Partition> partition;
  if (request.query_value("partition")) {
    RF_ASSIGN(const int64_t number, request.query_integer("partition", 0, 0, INT32_MAX));
    partition = Partition(static_cast<int32_t>(number));
  }
  RF_ASSIGN(const TopicRef topic, store.find_or_create(name));
  if (!records.empty()) RF_TRY(topic->append_now(records, partition));
  return records.size();
}

HttpResponse append(TopicStore& store, const HttpRequest& request) {
  const Result<size_t> count = append_from(store, request);
  if (!count.ok()) return error_response(count.status());
  return json_response(fmt::format("{{\"records\":{}}}", *count));
}

bool is_utf8(std::string_view bytes) {
  std::string quoted;
  append_json_string(quoted, bytes);
  return quoted.find("\xEF\xBF\xBD") == std::string::npos ||
         bytes.find("\xEF\xBF\xBD") != std::string_view::npos;
}

// Bytes that are no text go as base64, and the line says so.
void write_record(std::string& out, Partition partition, const RecordOrigin& record,
                  std::span<const RecordHeader> headers) {
  bool text = is_utf8(record.payload) && is_utf8(record.key);
  for (const RecordHeader& header : headers) text = text && is_utf8(header.name) && is_utf8(header.value);
  const auto written = [text](std::string_view s) { return text ? std::string(s) : base64_encode(s); };
  JsonWriter json(out);
  json.begin_object().field("partition", partition.value).field("offset", record.position).key("timestamp");
  time_or_null(json, record.timestamp).key("key");
  if (record.key.data() == nullptr) {
    json.null();
  } else {
    json.string(written(record.key));
  }
  json.key("value");
  if (record.payload.data() == nullptr) {
    json.null();
  } else {
    json.string(written(record.payload));
  }
  if (!headers.empty()) {
    json.key("headers").begin_array();
    for (const RecordHeader& header : headers) {
      json.begin_object().field("key", written(header.name)).key("value");
      if (header.value.data() == nullptr) {
        json.null();
      } else {
        json.string(written(header.value));
      }
      json.end_object();
    }
    json.end_array();
  }
  if (!text) json.field("encoding", "base64");
  json.end_object();
  out += '\n';
}

Result<HttpResponse> read_from(TopicStore& store, const HttpRequest& request) {
  RF_ASSIGN(const TopicRef topic, store.find(request.parameter("name")));
  RF_ASSIGN(const int64_t number, request.query_integer("partition", 0, 0, topic->partitions() - 1));
  RF_ASSIGN(const int64_t limit, request.query_integer("limit", 100, 1, kMaxLimit));
  const Partition partition(static_cast<int32_t>(number));
  RF_ASSIGN(int64_t offset, request.query_integer("offset", topic->first_offset(partition), 0, INT64_MAX));
  const std::unique_ptr<PartitionReader> reader = topic->reader(partition, offset);
  HttpResponse response;
  response.content_type = "application/x-ndjson";
  for (int64_t rows = 0; rows < limit && response.body.size() < kMaxAnswer;) {
    RF_ASSIGN(const TopicPoll poll, reader->poll(static_cast<int32_t>(limit - rows)));
    if (poll.chunk) {
      for (size_t i = 0; i < poll.chunk->records.size(); ++i) {
        write_record(response.body, partition, poll.chunk->records[i], poll.chunk->headers_of(i));
      }
      rows += static_cast<int64_t>(poll.chunk->records.size());
    }
    if (poll.at_end || !poll.chunk) break;
  }
  response.headers.emplace_back("X-Rideflow-Next", std::to_string(reader->offset()));
  response.headers.emplace_back("X-Rideflow-End", std::to_string(topic->end_offset(partition)));
  return response;
}

HttpResponse read(TopicStore& store, const HttpRequest& request) {
  Result<HttpResponse> response = read_from(store, request);
  return response.ok() ? *std::move(response) : error_response(response.status());
}

}  // namespace

void add_topic_routes(HttpRouter& router, const HttpServices& services) {
  using Handler = HttpResponse (*)(TopicStore&, const HttpRequest&);
  const auto add = [&](const char* method, const char* pattern, HttpRole role, const char* summary,
                       Handler handler) {
    HttpRoute route;
    route.summary = summary;
    route.method = method;
    route.pattern = pattern;
    route.role = role;
    if (handler == append) route.max_body = kMaxRecordsBody;
    route.handler = [store = services.topics, handler](const HttpRequest& r) { return handler(*store, r); };
    router.add(std::move(route));
  };
  add("GET", "/api/v1/topics", HttpRole::read, "The topics of the data directory.",
      [](TopicStore& store, const HttpRequest&) { return list(store); });
  add("POST", "/api/v1/topics", HttpRole::operate, "Makes a topic.", create);
  add("GET", "/api/v1/topics/{name}", HttpRole::read, "A topic and its partitions.", describe);
  HttpRoute deletion;
  deletion.summary = "Deletes a topic that no job uses, or any by `force`.";
  deletion.query = {{"force", "boolean"}};
  deletion.method = "DELETE";
  deletion.pattern = "/api/v1/topics/{name}";
  deletion.role = HttpRole::admin;
  deletion.handler = [services](const HttpRequest& request) {
    const Status removed = remove(services, request);
    return removed.ok() ? json_response("{}") : error_response(removed);
  };
  router.add(std::move(deletion));
  add("POST", "/api/v1/topics/{name}/records", HttpRole::operate, "Appends records, one a line.", append);
  add("GET", "/api/v1/topics/{name}/records", HttpRole::read, "Records of a partition, a JSON object a line.",
      read);
}

}  // namespace rideflow
