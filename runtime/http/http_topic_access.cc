#include "runtime/http/http_topic_access.h"

#include <fmt/format.h>

#include "engine/time.h"
#include "runtime/http/http_client.h"
#include "runtime/http/http_json.h"

namespace rideflow {
namespace {

constexpr size_t kMaxBody = size_t{15} << 20;  // the server takes 16 MiB

int64_t integer(const JsonObject& object, std::string_view name) {
  const auto* value = json_member<int64_t>(object, name);
  return value ? *value : 0;
}

std::string text(const JsonObject& object, std::string_view name) {
  const auto* value = json_member<std::string>(object, name);
  return value ? *value : std::string();
}

Status read_headers(std::string_view line, bool base64, TopicLine& out) {
  RF_ASSIGN(const std::vector<JsonObject> headers, parse_json_objects(line, "headers"));
  const auto plain = [base64](const std::string& s) { return base64 ? base64_decode(s).value_or("") : s; };
  for (const JsonObject& header : headers) {
    auto& [name, value] = out.headers.emplace_back(plain(text(header, "key")), std::nullopt);
    const auto* given = json_member<std::string>(header, "value");
    if (given != nullptr) value = plain(*given);
  }
  return {};
}

Result<TopicLine> parse_line(std::string_view line) {
  RF_ASSIGN(const JsonObject object, parse_json_object(line));
  TopicLine out;
  out.partition = static_cast<int32_t>(integer(object, "partition"));
  out.offset = integer(object, "offset");
  out.timestamp = parse_timestamp(text(object, "timestamp")).value_or(0);
  out.has_key = json_member<std::string>(object, "key") != nullptr;
  out.key = text(object, "key");
  out.has_value = json_member<std::string>(object, "value") != nullptr;
  out.value = text(object, "value");
  const bool base64 = text(object, "encoding") == "base64";
  // Most records have none: the text is looked at a second time only for those that do.
  if (line.find("\"headers\":[") != std::string_view::npos) RF_TRY(read_headers(line, base64, out));
  if (base64) {
    out.key = base64_decode(out.key).value_or("");
    out.value = base64_decode(out.value).value_or("");
  }
  return out;
}

class HttpTopicAccess : public TopicAccess {
 public:
  explicit HttpTopicAccess(std::unique_ptr<HttpClient> client) : client_(std::move(client)) {}

  Result<std::vector<TopicInfo>> list() override {
    RF_ASSIGN(const std::string body, client_->text("GET", "/api/v1/topics"));
    RF_ASSIGN(const std::vector<JsonObject> objects, parse_json_objects(body));
    std::vector<TopicInfo> topics;
    for (const JsonObject& object : objects) {
      TopicInfo info;
      info.name = text(object, "name");
      info.partitions = static_cast<int32_t>(integer(object, "partitions"));
      info.records = integer(object, "records");
      info.bytes = integer(object, "bytes");
      topics.push_back(std::move(info));
    }
    return topics;
  }

  Status create(const std::string& topic, int32_t partitions) override {
    std::string body;
    JsonWriter(body).begin_object().field("name", topic).field("partitions", partitions).end_object();
    return client_->text("POST", "/api/v1/topics", body).status();
  }

  Status remove(const std::string& topic, bool force) override {
    return client_->text("DELETE", path(topic) + (force ? "?force=true" : "")).status();
  }

  Status produce(const std::string& topic, const std::vector<std::string>& records,
                 const RecordHeaders& headers) override {
    std::string body;
    const std::string to = path(topic) + "/records" + query_of(headers);
    for (const std::string& record : records) {
      if (!body.empty() && body.size() + record.size() >= kMaxBody) {
        RF_TRY(client_->text("POST", to, body).status());
        body.clear();
      }
      body += record;
      body += '\n';
    }
    return body.empty() ? Status() : client_->text("POST", to, body).status();
  }

  Result<std::vector<TopicLine>> read(const std::string& topic, int32_t partition, int64_t offset,
                                      int32_t limit) override {
    RF_ASSIGN(const std::string body,
              client_->text("GET", fmt::format("{}/records?partition={}&offset={}&limit={}", path(topic),
                                               partition, offset, limit)));
    std::vector<TopicLine> lines;
    for (std::string_view rest = body; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      RF_ASSIGN(TopicLine parsed, parse_line(line));
      lines.push_back(std::move(parsed));
    }
    return lines;
  }

  Result<int32_t> partitions(const std::string& topic) override {
    RF_ASSIGN(const std::vector<JsonObject> all, describe(topic));
    return static_cast<int32_t>(all.size());
  }

  Result<int64_t> first_offset(const std::string& topic, int32_t partition) override {
    return offset(topic, partition, "first_offset");
  }
  Result<int64_t> end_offset(const std::string& topic, int32_t partition) override {
    return offset(topic, partition, "end_offset");
  }

 private:
  Result<int64_t> offset(const std::string& topic, int32_t partition, const char* which) {
    RF_ASSIGN(const std::vector<JsonObject> all, describe(topic));
    if (partition < 0 || static_cast<size_t>(partition) >= all.size()) {
      return Status::user(Code::out_of_range, fmt::format("{} has {} partitions.", topic, all.size()));
    }
    return integer(all[static_cast<size_t>(partition)], which);
  }
  static std::string query_of(const RecordHeaders& headers) {
    std::string query;
    for (const auto& [name, value] : headers) {
      query += (query.empty() ? "?header=" : "&header=") + percent_encode(name + "=" + value);
    }
    return query;
  }
  static std::string path(const std::string& topic) { return "/api/v1/topics/" + percent_encode(topic); }
  Result<std::vector<JsonObject>> describe(const std::string& topic) {
    RF_ASSIGN(const std::string body, client_->text("GET", path(topic)));
    return parse_json_objects(body, "partitions");
  }

  std::unique_ptr<HttpClient> client_;
};

}  // namespace

Result<std::unique_ptr<TopicAccess>> open_http_topics(const std::string& address, const std::string& token) {
  RF_ASSIGN(auto client, HttpClient::make(address, token));
  return std::unique_ptr<TopicAccess>(std::make_unique<HttpTopicAccess>(std::move(client)));
}

}  // namespace rideflow
