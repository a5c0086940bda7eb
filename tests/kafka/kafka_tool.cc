// A foreign client for the Kafka suite, built by tests/kafka/run: makes topics, grows them, writes records in
// ways that Rideflow does not, and reads without any code of Rideflow's.
//
//   kafka_tool BROKERS [-X NAME=VALUE]… make|grow TOPIC PARTITIONS
//   kafka_tool BROKERS [-X NAME=VALUE]… drop TOPIC
//   kafka_tool BROKERS [-X NAME=VALUE]… swap TOPIC PARTITIONS     drops it, makes it again as soon as the
//                                                                 brokers let it, and fills it: as send … -1
//   kafka_tool BROKERS [-X NAME=VALUE]… send TOPIC PARTITION      lines of stdin: value, or key<TAB>value, or
//                                                                 key<TAB>value<TAB>name=value…; -1: by the
//                                                                 key
//   kafka_tool BROKERS [-X NAME=VALUE]… transact TOPIC PARTITION  the same, between lines 'begin', 'commit',
//                                                                 'abort'; what is open at the end stays
//                                                                 open. 'flush': it is at the brokers, which
//                                                                 stdout says
//   kafka_tool BROKERS [-X NAME=VALUE]… dump TOPIC                partition, offset, key, value of all that
//   is
//                                                                 committed, separated by tabs
#include <librdkafka/rdkafka.h>

#include <cstdlib>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int kTimeoutMs = 30'000;

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "kafka_tool: " << what << '\n';
  std::exit(1);
}

void check(rd_kafka_resp_err_t code, const std::string& what) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) fail(what + ": " + rd_kafka_err2str(code));
}

void check(rd_kafka_error_t* error, const std::string& what) {
  if (error != nullptr) fail(what + ": " + rd_kafka_error_string(error));
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  // What a transaction took back was never to be seen.
  if (message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE && message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    check(message->err, "a record was not delivered");
}

class Client {
 public:
  Client(const std::string& brokers, const std::vector<std::string>& properties)
      : conf_(rd_kafka_conf_new()) {
    set("bootstrap.servers", brokers);
    for (const std::string& property : properties) {
      const size_t equals = property.find('=');
      set(property.substr(0, equals), property.substr(equals + 1));
    }
  }
  ~Client() {
    if (rk_ != nullptr) rd_kafka_destroy(rk_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void set(const std::string& name, const std::string& value) {
    char why[512];
    if (rd_kafka_conf_set(conf_, name.c_str(), value.c_str(), why, sizeof(why)) != RD_KAFKA_CONF_OK)
      fail(why);
  }
  rd_kafka_t* open(rd_kafka_type_t type) {
    char why[512];
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf_, on_delivery);
    rk_ = rd_kafka_new(type, conf_, why, sizeof(why));
    if (rk_ == nullptr) fail(why);
    return rk_;
  }

 private:
  rd_kafka_conf_t* conf_;
  rd_kafka_t* rk_ = nullptr;
};

enum class Change { make, grow, drop };

// The first error; NO_ERROR when it was done.
rd_kafka_resp_err_t try_change(rd_kafka_t* rk, Change what, const std::string& topic, int partitions) {
  char why[512];
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(rk);
  if (what == Change::make) {
    rd_kafka_NewTopic_t* request = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, why, sizeof(why));
    rd_kafka_CreateTopics(rk, &request, 1, nullptr, queue);
  } else if (what == Change::grow) {
    rd_kafka_NewPartitions_t* request =
        rd_kafka_NewPartitions_new(topic.c_str(), static_cast<size_t>(partitions), why, sizeof(why));
    rd_kafka_CreatePartitions(rk, &request, 1, nullptr, queue);
  } else {
    rd_kafka_DeleteTopic_t* request = rd_kafka_DeleteTopic_new(topic.c_str());
    rd_kafka_DeleteTopics(rk, &request, 1, nullptr, queue);
  }
  rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, kTimeoutMs);
  if (event == nullptr) fail(topic + ": no answer");
  check(rd_kafka_event_error(event), topic);
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      what == Change::make
          ? rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
      : what == Change::grow
          ? rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count)
          : rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (size_t i = 0; i < count && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    error = rd_kafka_topic_result_error(results[i]);
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  return error;
}

void change(rd_kafka_t* rk, Change what, const std::string& topic, int partitions) {
  check(try_change(rk, what, topic, partitions), topic);
}

void swap(rd_kafka_t* rk, const std::string& topic, int partitions) {
  change(rk, Change::drop, topic, 0);
  rd_kafka_resp_err_t made = RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
  while (made == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
    made = try_change(rk, Change::make, topic, partitions);
  check(made, topic);
}

void send(rd_kafka_t* rk, const std::string& topic, int partition, const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, '\t');) fields.push_back(field);
  const bool keyed = fields.size() > 1;
  const std::string value = fields.empty() ? "" : fields[keyed ? 1 : 0];
  rd_kafka_headers_t* const headers = rd_kafka_headers_new(4);
  for (size_t i = 2; i < fields.size(); ++i) {
    const size_t equals = fields[i].find('=');
    const std::string name = fields[i].substr(0, equals);
    if (equals == std::string::npos)
      rd_kafka_header_add(headers, name.c_str(), -1, nullptr, 0);
    else
      rd_kafka_header_add(headers, name.c_str(), -1, fields[i].data() + equals + 1, -1);
  }
  for (;;) {
    rd_kafka_headers_t* const copy = rd_kafka_headers_copy(headers);
    const auto error =
        rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                          RD_KAFKA_V_KEY(keyed ? fields[0].data() : nullptr, keyed ? fields[0].size() : 0),
                          RD_KAFKA_V_HEADERS(copy), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(copy);
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      check(error, topic);
      break;
    }
    rd_kafka_poll(rk, 10);
  }
  rd_kafka_headers_destroy(headers);
  rd_kafka_poll(rk, 0);
}

void send_all(rd_kafka_t* rk, const std::string& topic, int partition) {
  for (std::string line; std::getline(std::cin, line);) send(rk, topic, partition, line);
  check(rd_kafka_flush(rk, kTimeoutMs), "flush");
}

void transact(rd_kafka_t* rk, const std::string& topic, int partition) {
  check(rd_kafka_init_transactions(rk, kTimeoutMs), "init_transactions");
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "begin") {
      check(rd_kafka_begin_transaction(rk), line);
    } else if (line == "commit") {
      check(rd_kafka_commit_transaction(rk, kTimeoutMs), line);
    } else if (line == "abort") {
      // The rows are at the brokers first: an aborted batch is in the log, with its marker.
      check(rd_kafka_flush(rk, kTimeoutMs), "flush");
      check(rd_kafka_abort_transaction(rk, kTimeoutMs), line);
    } else if (line == "flush") {
      check(rd_kafka_flush(rk, kTimeoutMs), line);
      std::cout << "flushed" << std::endl;
    } else {
      send(rk, topic, partition, line);
    }
  }
  check(rd_kafka_flush(rk, kTimeoutMs), "flush");
}

void dump(rd_kafka_t* rk, const std::string& topic) {
  rd_kafka_topic_t* const handle = rd_kafka_topic_new(rk, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  check(rd_kafka_metadata(rk, 0, handle, &metadata, kTimeoutMs), topic);
  check(metadata->topics[0].err, topic);
  rd_kafka_topic_partition_list_t* const all = rd_kafka_topic_partition_list_new(4);
  std::set<int> open;
  for (int p = 0; p < metadata->topics[0].partition_cnt; ++p) {
    rd_kafka_topic_partition_list_add(all, topic.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    open.insert(p);
  }
  rd_kafka_metadata_destroy(metadata);
  check(rd_kafka_assign(rk, all), topic);
  while (!open.empty()) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(rk, kTimeoutMs);
    if (message == nullptr) fail(topic + ": no answer");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      open.erase(message->partition);
    } else {
      check(message->err, topic);
      std::cout << message->partition << '\t' << message->offset << '\t'
                << std::string(static_cast<const char*>(message->key), message->key_len) << '\t'
                << std::string(static_cast<const char*>(message->payload), message->len) << '\n';
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_topic_partition_list_destroy(all);
  rd_kafka_topic_destroy(handle);
  rd_kafka_consumer_close(rk);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words;
  std::vector<std::string> properties;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "-X" && i + 1 < argc)
      properties.emplace_back(argv[++i]);
    else
      words.emplace_back(argv[i]);
  }
  if (words.size() < 3) fail("see the top of tests/kafka/kafka_tool.cc");
  const std::string& command = words[1];
  const std::string& topic = words[2];
  const int number = words.size() > 3 ? std::stoi(words[3]) : 0;
  Client client(words[0], properties);
  if (command == "dump") {
    client.set("group.id", "kafka_tool");
    client.set("enable.partition.eof", "true");
    client.set("enable.auto.commit", "false");
    dump(client.open(RD_KAFKA_CONSUMER), topic);
    return 0;
  }
  client.set("partitioner", "murmur2_random");
  client.set("enable.idempotence", "true");  // a broker that was slow must not get a record twice
  rd_kafka_t* const rk = client.open(RD_KAFKA_PRODUCER);
  if (command == "make") {
    change(rk, Change::make, topic, number);
  } else if (command == "grow") {
    change(rk, Change::grow, topic, number);
  } else if (command == "drop") {
    change(rk, Change::drop, topic, 0);
  } else if (command == "swap") {
    swap(rk, topic, number);
    send_all(rk, topic, -1);
  } else if (command == "send") {
    send_all(rk, topic, number);
  } else if (command == "transact") {
    transact(rk, topic, number);
  } else {
    fail("unknown command " + command);
  }
}
