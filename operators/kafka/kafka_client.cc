#include "operators/kafka/kafka_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "engine/secret.h"

namespace rideflow::kafka {
namespace {

constexpr int kMetadataMs = 500;  // short, so that a refused connection is soon seen

constexpr std::array<std::string_view, 46> kAllowed = {
    "acks",
    "api.version.request.timeout.ms",
    "batch.num.messages",
    "batch.size",
    "broker.address.family",
    "check.crcs",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "compression.codec",
    "compression.level",
    "compression.type",
    "connections.max.idle.ms",
    "delivery.timeout.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.wait.max.ms",
    "group.id",
    "isolation.level",
    "linger.ms",
    "max.in.flight",
    "max.partition.fetch.bytes",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.max.age.ms",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "receive.message.max.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retries",
    "retry.backoff.ms",
    "security.protocol",
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.nagle.disable",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "socket.timeout.ms",
    "ssl.endpoint.identification.algorithm",
    "topic.metadata.refresh.interval.ms",
};

void on_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
  if (opaque != nullptr) static_cast<Reports*>(opaque)->error(static_cast<rd_kafka_resp_err_t>(code), reason);
}

void on_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  void* const opaque = rd_kafka_opaque(client);
  if (opaque != nullptr) static_cast<Reports*>(opaque)->log(level, facility, text);
}

int on_connect(int socket, const struct sockaddr* address, int size, const char* broker, void* opaque) {
  return static_cast<Reports*>(opaque)->connect(socket, address, static_cast<size_t>(size), broker);
}

Status set_properties(rd_kafka_conf_t* conf, const Options& options) {
  const OptionValue* properties = options.find("properties");
  if (properties == nullptr) return {};
  if (!properties->secrets.empty()) {
    return Status::user(
        Code::invalid_argument,
        fmt::format("Kafka property '{}' can't be a secret: use kafka.username and kafka.password",
                    properties->secrets[0].first));
  }
  for (const auto& [name, value] : properties->map) {
    if (!is_allowed_property(name)) {
      return Status::user(Code::permission_denied,
                          fmt::format("Kafka property '{}' is not among those that a job may set{}", name,
                                      name.starts_with("sasl.") || name.starts_with("ssl.")
                                          ? "; see kafka.security, mechanism, username, password, ca_file"
                                          : ""));
    }
    RF_TRY(set(conf, name.c_str(), value));
  }
  return {};
}

// Read here and not by librdkafka: a job names files only where it may.
Result<std::string> read_ca_file(const Resources* resources, const std::string& path) {
  const auto files = resources == nullptr ? nullptr : resources->find<FileSystem>("job files");
  if (files == nullptr) return Status::user(Code::failed_precondition, "kafka.ca_file can't be read here");
  Result<std::string> text = read_file(*files, path);
  if (!text.ok()) return Status::user(text.status().code(), "kafka.ca_file: " + text.status().message());
  if (text->find("-----BEGIN ") == std::string::npos) {
    return Status::user(Code::invalid_argument,
                        fmt::format("kafka.ca_file: '{}' holds no certificate in PEM form", path));
  }
  return text;
}

Status set_security(rd_kafka_conf_t* conf, const Options& cluster, const Resources* resources) {
  const std::pair<const char*, const char*> plain[] = {
      {"security", "security.protocol"}, {"mechanism", "sasl.mechanism"}, {"username", "sasl.username"}};
  for (const auto& [option, property] : plain) {
    if (!cluster.text(option).empty()) RF_TRY(set(conf, property, cluster.text(option)));
  }
  if (!cluster.text("ca_file").empty()) {
    RF_ASSIGN(const std::string certificates, read_ca_file(resources, cluster.text("ca_file")));
    RF_TRY(set(conf, "ssl.ca.pem", certificates));
  }
  const OptionValue* password = cluster.find("password");
  if (password == nullptr) return {};
  RF_ASSIGN(const std::string secret, resolve_secret(resources, password->secret));
  return set(conf, "sasl.password", secret);
}

// Whether `code` explains less than `known`: a refusal is followed by "disconnected", then "all brokers are
// down".
bool says_less(rd_kafka_resp_err_t code, rd_kafka_resp_err_t known) {
  if (known == RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return true;
  return is_refusal(known) && !is_refusal(code);
}

}  // namespace

void Reports::error(rd_kafka_resp_err_t code, const char* reason) {
  if (is_missing(code) || is_unheard(code)) doubts_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    if (!says_less(code, code_)) {
      code_ = code;
      reason_ = reason == nullptr ? "" : reason;
    }
  }
  if (env_ == nullptr) return;
  env_->warn("kafka_error", {{"code", rd_kafka_err2name(code)}, {"reason", reason == nullptr ? "" : reason}});
}

void Reports::log(int level, const char* facility, const char* text) {
  if (env_ == nullptr) return;
  constexpr int kWarning = 4;
  const LogField fields[] = {{"facility", facility}, {"text", text}};
  env_->log(level <= kWarning ? LogLevel::warn : LogLevel::debug, "kafka_client", fields);
}

bool Reports::refused() {
  const std::lock_guard lock(mutex_);
  return is_refusal(code_) || !forbidden_.ok();
}

int Reports::connect(int socket, const void* address, size_t size, const char* broker) {
  const int error = outgoing_->connect(socket, address, size, broker);
  if (error != EPERM) return error;
  Status why = outgoing_->check(broker);
  if (why.ok()) {
    // The name is allowed, what it stands for is not.
    why = Status::user(Code::permission_denied,
                       fmt::format("'{}' resolves to an address that jobs may not connect to here", broker));
  }
  const std::lock_guard lock(mutex_);
  forbidden_ = std::move(why);
  return error;
}

Micros Reports::monotonic() const {
  return env_ == nullptr ? kNoTime : env_->monotonic();
}

Status Reports::forbidden() {
  const std::lock_guard lock(mutex_);
  return forbidden_;
}

rd_kafka_resp_err_t Reports::take_error(std::string& reason) {
  const std::lock_guard lock(mutex_);
  reason = std::move(reason_);
  reason_.clear();
  return std::exchange(code_, RD_KAFKA_RESP_ERR_NO_ERROR);
}

std::vector<std::string> allowed_properties() {
  return {kAllowed.begin(), kAllowed.end()};
}

bool is_allowed_property(std::string_view name) {
  return std::find(kAllowed.begin(), kAllowed.end(), name) != kAllowed.end();
}

Status set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char why[512] = {};
  if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof(why)) == RD_KAFKA_CONF_OK) return {};
  // The text of librdkafka may quote the value, which may be a secret.
  const bool secret = std::string_view(name).find("password") != std::string_view::npos;
  return Status::user(Code::invalid_argument, fmt::format("Kafka property '{}' is not accepted: {}", name,
                                                          secret ? "bad value" : why));
}

Result<Handle<rd_kafka_conf_t>> make_conf(const Options& cluster, const Options& connector,
                                          const Resources* resources, Reports* reports) {
  Handle<rd_kafka_conf_t> conf(rd_kafka_conf_new());
  RF_TRY(set(conf.get(), "bootstrap.servers", cluster.text("brokers")));
  RF_TRY(set(conf.get(), "client.id", cluster.text("client_id", "rideflow")));
  RF_TRY(set_security(conf.get(), cluster, resources));
  RF_TRY(set_properties(conf.get(), cluster));
  RF_TRY(set_properties(conf.get(), connector));
  rd_kafka_conf_set_opaque(conf.get(), reports);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  const auto outgoing = resources == nullptr ? nullptr : resources->find<OutgoingAddresses>("");
  if (outgoing != nullptr && reports != nullptr) {
    reports->confine(outgoing);
    rd_kafka_conf_set_connect_cb(conf.get(), on_connect);
  }
  return conf;
}

Result<Handle<rd_kafka_t>> make_client(rd_kafka_type_t type, Handle<rd_kafka_conf_t> conf) {
  char why[512] = {};
  rd_kafka_t* const client = rd_kafka_new(type, conf.get(), why, sizeof(why));
  if (client == nullptr) return Status::user(Code::invalid_argument, fmt::format("Kafka client: {}", why));
  (void)conf.release();  // the client's now
  return Handle<rd_kafka_t>(client);
}

Client::~Client() {
  if (handle_ == nullptr) return;
  // In a structure of its own: whoever runs it, or drops it, takes all of it down in this order.
  struct Remains {
    std::unique_ptr<Reports> reports;
    WakerRef waker;
    std::shared_ptr<void> kept;
    Handle<rd_kafka_t> handle;
    Handle<rd_kafka_topic_t> topic;
    std::set<int32_t> consumed;
    void take_down() {
      for (const int32_t partition : consumed) rd_kafka_consume_stop(topic.get(), partition);
      consumed.clear();
      topic.reset();
      // Nobody joined a group: there is none to leave.
      rd_kafka_destroy_flags(handle.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    ~Remains() {
      if (handle != nullptr) take_down();
    }
  };
  auto remains = std::make_shared<Remains>();
  remains->reports = std::move(reports_);
  remains->waker = std::move(waker_);
  remains->kept = std::move(kept_);
  remains->handle = std::move(handle_);
  remains->topic = std::move(topic_);
  remains->consumed = std::move(consumed_);
  if (env_ == nullptr) return;  // by its destructor
  (void)env_->offload(
      [remains] {
        remains->take_down();
        return Status();
      },
      Lane::others);
}

Status Client::open(rd_kafka_type_t type, Handle<rd_kafka_conf_t> conf) {
  RF_ASSIGN(handle_, make_client(type, std::move(conf)));
  return {};
}

Status Client::open_topic(const std::string& name) {
  topic_.reset(rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr));
  if (topic_ != nullptr) return {};
  return to_status(rd_kafka_last_error(), fmt::format("topic '{}'", name), reports_.get());
}

void Client::set_waker(WakerRef waker) {
  waker_ = std::move(waker);
  if (waker_ != nullptr) wake_by(Handle<rd_kafka_queue_t>(rd_kafka_queue_get_main(handle_.get())));
}

// When something comes into the queue while it is empty, by a thread of librdkafka.
void Client::wake_by(const Handle<rd_kafka_queue_t>& queue) {
  if (queue == nullptr) return;
  rd_kafka_queue_cb_event_enable(
      queue.get(), [](rd_kafka_t*, void* waker) { static_cast<Waker*>(waker)->wake(); }, waker_.get());
}

Status Client::consume(Partition partition, int64_t offset, const std::string& what) {
  stop(partition);
  if (rd_kafka_consume_start(topic_.get(), partition.value, offset) != 0)
    return to_status(rd_kafka_last_error(), what, reports_.get());
  {
    const std::lock_guard lock(mutex_);
    consumed_.insert(partition.value);
  }
  if (waker_ == nullptr) return {};
  wake_by(Handle<rd_kafka_queue_t>(
      rd_kafka_queue_get_partition(handle_.get(), rd_kafka_topic_name(topic_.get()), partition.value)));
  return {};
}

void Client::stop(Partition partition) {
  {
    const std::lock_guard lock(mutex_);
    if (consumed_.erase(partition.value) == 0) return;
  }
  rd_kafka_consume_stop(topic_.get(), partition.value);
}

Status to_status(rd_kafka_resp_err_t code, const std::string& what, Reports* reports) {
  std::string reason = rd_kafka_err2str(code);
  if (reports != nullptr) {
    std::string told;
    const rd_kafka_resp_err_t last = reports->take_error(told);
    // "All brokers down" and time-outs say less than what a connection told before.
    const bool vague = code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT;
    const Status forbidden = reports->forbidden();
    if (!forbidden.ok()) {
      return Status::user(forbidden.code(), fmt::format("Kafka, {}: {}", what, forbidden.message()));
    }
    if (vague && last != RD_KAFKA_RESP_ERR_NO_ERROR) {
      code = last;
      reason = told;
    }
  }
  const auto message = [&](std::string_view hint) {
    return fmt::format("Kafka, {}: {}{}", what, reason, hint);
  };
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return Status::user(Code::not_found, message("; does the topic exist on these brokers?"));
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return Status::user(Code::permission_denied,
                          message("; check kafka.username and kafka.password. SCRAM against Kafka 4 needs "
                                  "librdkafka 2.6.1 or later"));
    case RD_KAFKA_RESP_ERR__SSL:
      return Status::user(Code::permission_denied, message("; check kafka.ca_file and the host name"));
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return Status::user(Code::permission_denied, message("; this user needs the right on the brokers"));
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return Status::user(Code::already_exists, message(""));
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return Status::user(Code::invalid_argument, message(""));
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return Status::external(
          Code::unavailable,
          message("; are the brokers running, and is their address right (kafka.brokers)?"), Retry::backoff);
    default:
      return Status::external(Code::unavailable, message(""), Retry::backoff);
  }
}

Result<Handle<const rd_kafka_metadata_t>> ask_metadata(rd_kafka_t* client, const std::string& what,
                                                       Reports& reports) {
  Handle<const rd_kafka_metadata_t> metadata;
  const auto error = ask_patiently(
      client, reports, Known::no,
      [&](int timeout_ms) {
        const rd_kafka_metadata_t* raw = nullptr;
        const auto answer = rd_kafka_metadata(client, 1, nullptr, &raw, timeout_ms);
        metadata.reset(raw);
        return answer;
      },
      kMetadataMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return to_status(error, what, &reports);
  return metadata;
}

rd_kafka_resp_err_t ask_offsets(rd_kafka_t* client, rd_kafka_topic_partition_list_t* list, int64_t time_ms,
                                int timeout_ms) {
  for (int i = 0; i < list->cnt; ++i) {
    list->elems[i].offset = time_ms;
    list->elems[i].err = RD_KAFKA_RESP_ERR__TIMED_OUT;  // an answer replaces it
  }
  return rd_kafka_offsets_for_times(client, list, timeout_ms);
}

rd_kafka_resp_err_t ask_count_once(rd_kafka_t* client, const std::string& topic, int timeout_ms,
                                   int32_t& count) {
  const Handle<rd_kafka_topic_t> handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (handle == nullptr) return rd_kafka_last_error();
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(client, 0, handle.get(), &raw, timeout_ms);
  const Handle<const rd_kafka_metadata_t> metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  if (metadata->topic_cnt != 1) return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return found.err;
  if (found.partition_cnt == 0) return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  count = found.partition_cnt;
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

Result<int32_t> partition_count(rd_kafka_t* client, const std::string& topic, Reports& reports, Known known,
                                int32_t at_least) {
  int32_t count = 0;
  const auto error = ask_patiently(
      client, reports, known,
      [&](int timeout_ms) {
        count = 0;
        const auto answer = ask_count_once(client, topic, timeout_ms, count);
        const bool fewer = answer == RD_KAFKA_RESP_ERR_NO_ERROR && count < at_least;
        return fewer ? RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION : answer;
      },
      kMetadataMs);
  if (count > 0) return count;  // fewer than there were, too: it was asked for long enough
  return to_status(error, fmt::format("topic '{}'", topic), &reports);
}

Result<int32_t> ensure_topic(rd_kafka_t* client, const std::string& topic, int32_t partitions,
                             Reports& reports) {
  Result<int32_t> count = partition_count(client, topic, reports);
  if (count.ok() || count.status().code() != Code::not_found) return count;
  const Status created = create_topic(client, topic, partitions, reports);
  // Somebody else may have been quicker.
  if (!created.ok() && created.code() != Code::already_exists) {
    if (created.retry() != Retry::no) return created;
    return Status::user(Code::not_found,
                        fmt::format("Kafka has no topic '{}' and it can't be made here ({}): create it first",
                                    topic, created.message()));
  }
  return partition_count(client, topic, reports, Known::yes);  // the brokers tell each other
}

namespace {

// Waits for the one result of an admin request.
template <class GetResults>
rd_kafka_resp_err_t admin_result(rd_kafka_queue_t* queue, int timeout_ms, GetResults results) {
  const Handle<rd_kafka_event_t> event(rd_kafka_queue_poll(queue, timeout_ms));
  if (event == nullptr) return RD_KAFKA_RESP_ERR__TIMED_OUT;
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  size_t count = 0;
  const rd_kafka_topic_result_t** const all = results(event.get(), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(all[i]);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t ask_to_create(rd_kafka_t* client, rd_kafka_NewTopic_t* topic, int timeout_ms) {
  const Handle<rd_kafka_queue_t> queue(rd_kafka_queue_new(client));
  rd_kafka_CreateTopics(client, &topic, 1, nullptr, queue.get());
  return admin_result(queue.get(), timeout_ms, [](rd_kafka_event_t* event, size_t* count) {
    return rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), count);
  });
}

}  // namespace

rd_kafka_resp_err_t ask_for_topic(rd_kafka_t* client, Reports& reports,
                                  const std::function<rd_kafka_resp_err_t(int timeout_ms)>& create) {
  bool again = false;
  return ask_patiently(client, reports, Known::no, [&](int timeout_ms) {
    const rd_kafka_resp_err_t error = create(timeout_ms);
    // The answer to the request before may be what was lost.
    const bool made = again && error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    again = true;
    return made ? RD_KAFKA_RESP_ERR_NO_ERROR : error;
  });
}

Status create_topic(rd_kafka_t* client, const std::string& topic, int32_t partitions, Reports& reports) {
  char why[256] = {};
  // -1: the brokers' default replication.
  const Handle<rd_kafka_NewTopic_t> request(
      rd_kafka_NewTopic_new(topic.c_str(), partitions, -1, why, sizeof(why)));
  if (request == nullptr)
    return Status::user(Code::invalid_argument, fmt::format("topic '{}': {}", topic, why));
  const auto error = ask_for_topic(
      client, reports, [&](int timeout_ms) { return ask_to_create(client, request.get(), timeout_ms); });
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return to_status(error, fmt::format("create topic '{}'", topic), &reports);
}

Status delete_topic(rd_kafka_t* client, const std::string& topic, Reports& reports) {
  const Handle<rd_kafka_DeleteTopic_t> request(rd_kafka_DeleteTopic_new(topic.c_str()));
  bool again = false;
  const auto error = ask_patiently(client, reports, Known::no, [&](int timeout_ms) {
    const Handle<rd_kafka_queue_t> queue(rd_kafka_queue_new(client));
    rd_kafka_DeleteTopic_t* requests[] = {request.get()};
    rd_kafka_DeleteTopics(client, requests, 1, nullptr, queue.get());
    const auto answer = admin_result(queue.get(), timeout_ms, [](rd_kafka_event_t* event, size_t* count) {
      return rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), count);
    });
    const bool gone = again && is_missing(answer);
    again = true;
    return gone ? RD_KAFKA_RESP_ERR_NO_ERROR : answer;
  });
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return to_status(error, fmt::format("delete topic '{}'", topic), &reports);
}

}  // namespace rideflow::kafka
