#include "operators/kafka/kafka_patience.h"

#include "operators/kafka/kafka_client.h"

namespace rideflow::kafka {

bool is_refusal(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
         code == RD_KAFKA_RESP_ERR__SSL;
}

bool is_missing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
         code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

bool is_unheard(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return true;
    default:
      return false;
  }
}

bool is_passing(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:  // of a new topic, before the brokers have registered
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
      return true;
    default:
      return is_unheard(code);
  }
}

rd_kafka_resp_err_t ask_patiently(rd_kafka_t* client, Reports& reports, Known known,
                                  const std::function<rd_kafka_resp_err_t(int timeout_ms)>& ask,
                                  int question_ms) {
  constexpr int kPauseMs = 100;
  // Without a clock, by the number of questions: those that reach nobody take their whole time-out.
  Micros counted = 0;
  Patience patience;
  for (;;) {
    if (reports.monotonic() != kNoTime) patience.begin(reports.monotonic());
    const rd_kafka_resp_err_t answer = ask(question_ms);
    const bool unheard = is_unheard(answer);
    if (!unheard) reports.set_met();
    const bool final = is_missing(answer) ? known == Known::no : !is_passing(answer);
    if (final || reports.refused()) return answer;
    counted += (unheard ? question_ms : kPauseMs) * Micros{1000};
    const Micros clock = reports.monotonic();
    const int limit_ms = unheard && !reports.met() ? kTimeoutMs : kPatienceMs;
    if (clock == kNoTime ? counted >= limit_ms * Micros{1000} : patience.over(clock, limit_ms)) return answer;
    rd_kafka_poll(client, kPauseMs);  // what the connections had to say
  }
}

}  // namespace rideflow::kafka
