// What the Kafka source, sink and commands share: settings by allow-list, handles, errors in our words.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "engine/catalog.h"
#include "engine/job_access.h"
#include "operators/kafka/kafka_patience.h"

namespace rideflow::kafka {

struct Destroy {
  void operator()(rd_kafka_t* rk) const { rd_kafka_destroy(rk); }
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
  void operator()(rd_kafka_DeleteTopic_t* topic) const { rd_kafka_DeleteTopic_destroy(topic); }
};
template <class T>
using Handle = std::unique_ptr<T, Destroy>;

// What librdkafka told its callbacks, from its own threads.
class Reports {
 public:
  explicit Reports(Env* env) : env_(env) {}  // null: nobody is told but the caller
  void error(rd_kafka_resp_err_t code, const char* reason);
  void log(int level, const char* facility, const char* text);
  // True when the brokers refused this client (a wrong password, a certificate that is not trusted), or the
  // process refused the connection.
  bool refused();
  // Whether a broker has answered this client before.
  bool met() const { return met_.load(std::memory_order_relaxed); }
  void set_met() { met_.store(true, std::memory_order_relaxed); }
  // Counts what may mean that a topic is another one than it was: connections that broke, a topic or
  // partition that a broker did not know.
  int64_t doubts() const { return doubts_.load(std::memory_order_relaxed); }
  // Connections go where these allow: the addresses of the job as well as those that brokers advertise.
  void confine(std::shared_ptr<const OutgoingAddresses> outgoing) { outgoing_ = std::move(outgoing); }
  int connect(int socket, const void* address, size_t size, const char* broker);
  Micros monotonic() const;  // kNoTime: no clock here
  // Not ok: a connection was refused here.
  Status forbidden();
  // The one that says most since the last call, and forgets it. NO_ERROR: none.
  rd_kafka_resp_err_t take_error(std::string& reason);

 private:
  Env* env_;
  std::atomic<bool> met_{false};
  std::atomic<int64_t> doubts_{0};
  std::mutex mutex_;
  rd_kafka_resp_err_t code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string reason_;
  std::shared_ptr<const OutgoingAddresses> outgoing_;
  Status forbidden_;
};

// True for a librdkafka property that a job may set. Everything else is refused: some of them run programs or
// load code.
bool is_allowed_property(std::string_view name);
std::vector<std::string> allowed_properties();

// A configuration from the job's `kafka:` section and a connector's own `properties`. Secrets are resolved
// here. `reports` must outlive the client.
Result<Handle<rd_kafka_conf_t>> make_conf(const Options& cluster, const Options& connector,
                                          const Resources* resources, Reports* reports);
Status set(rd_kafka_conf_t* conf, const char* name, const std::string& value);
// Takes the configuration.
Result<Handle<rd_kafka_t>> make_client(rd_kafka_type_t type, Handle<rd_kafka_conf_t> conf);

// A client, a topic of it and what its callbacks use; shared by a connector and its work in the background.
// When the last of them lets go of it, it is taken down beside (Lane::others): rd_kafka_destroy() waits for
// the threads of librdkafka, which may take long and, for a topic that is gone, for ever.
class Client {
 public:
  enum class Voice : uint8_t { logs, quiet };
  // `env` null: no clock, no logs, taken down on the spot.
  explicit Client(Env* env, Voice voice = Voice::logs)
      : env_(env), reports_(std::make_unique<Reports>(voice == Voice::logs ? env : nullptr)) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Status open(rd_kafka_type_t type, Handle<rd_kafka_conf_t> conf);
  Status open_topic(const std::string& name);
  rd_kafka_t* get() const { return handle_.get(); }
  rd_kafka_topic_t* topic() const { return topic_.get(); }
  Reports& reports() { return *reports_; }
  // Of one partition, one call at a time. What is consumed already is stopped first, which waits for a thread
  // of librdkafka: tasks ask for it through kafka_consumption.h.
  Status consume(Partition partition, int64_t offset, const std::string& what);
  void stop(Partition partition);
  // Woken when the client has something to tell (rd_kafka_poll), and when records come of the partitions that
  // are consumed from then on. After open(); null: nobody sleeps.
  void set_waker(WakerRef waker);
  // What the callbacks of messages use, kept as long as the client.
  void keep(std::shared_ptr<void> what) { kept_ = std::move(what); }

 private:
  void wake_by(const Handle<rd_kafka_queue_t>& queue);

  Env* env_;
  std::unique_ptr<Reports> reports_;
  WakerRef waker_;  // the queues' callbacks have it
  std::shared_ptr<void> kept_;
  Handle<rd_kafka_t> handle_;
  Handle<rd_kafka_topic_t> topic_;
  std::mutex mutex_;
  std::set<int32_t> consumed_;  // under mutex_
};

// A sentence with a way out. `what`: "topic 'rides'"; `reports` may know more than the code.
Status to_status(rd_kafka_resp_err_t code, const std::string& what, Reports* reports = nullptr);

// What the brokers know of all topics.
Result<Handle<const rd_kafka_metadata_t>> ask_metadata(rd_kafka_t* client, const std::string& what,
                                                       Reports& reports);
// One question to each broker for the offsets of the list's partitions at `time_ms`, or at librdkafka's
// special times RD_KAFKA_OFFSET_BEGINNING and _END. Every entry gets an offset or an error of its own:
// librdkafka calls it no error that a broker did not answer in time, and leaves the entry as it was, the time
// in the place of the offset.
rd_kafka_resp_err_t ask_offsets(rd_kafka_t* client, rd_kafka_topic_partition_list_t* list, int64_t time_ms,
                                int timeout_ms);
// How many partitions a topic has; one question.
rd_kafka_resp_err_t ask_count_once(rd_kafka_t* client, const std::string& topic, int timeout_ms,
                                   int32_t& count);
// The same, with patience; not_found (user) when there is no such topic. Of one that was there before with
// more than `at_least` partitions, so many are waited for.
Result<int32_t> partition_count(rd_kafka_t* client, const std::string& topic, Reports& reports,
                                Known known = Known::no, int32_t at_least = 1);
// The same; a missing topic is made first, with `partitions`.
Result<int32_t> ensure_topic(rd_kafka_t* client, const std::string& topic, int32_t partitions,
                             Reports& reports);
// Asks for a topic to be made. One that is there already when it is asked again is made: the connection may
// have broken behind the first request.
rd_kafka_resp_err_t ask_for_topic(rd_kafka_t* client, Reports& reports,
                                  const std::function<rd_kafka_resp_err_t(int timeout_ms)>& create);
Status create_topic(rd_kafka_t* client, const std::string& topic, int32_t partitions, Reports& reports);
Status delete_topic(rd_kafka_t* client, const std::string& topic, Reports& reports);

}  // namespace rideflow::kafka
