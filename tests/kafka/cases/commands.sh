# topics, produce and consume on brokers.

case_topics_produce_and_consume() {
  expect 0 topics create "$T" --partitions 3 --brokers "$BROKERS"
  expect 1 topics create "$T" --brokers "$BROKERS"
  has err "already exists"
  rides 1 1500 | cut -f 2 >lines
  expect 0 produce "$T" lines --brokers "$BROKERS"
  has out "1500 records produced"
  tool dump "$T" | cut -f 4 | sort >written
  sort lines >wanted
  same wanted written
  expect 0 consume "$T" --brokers "$BROKERS" --from-beginning --until-end
  sort out >found
  same wanted found
  expect 0 topics list --brokers "$BROKERS" --format json
  [ "$(json out "d.find((t) => t.name == '$T').records")" = 1500 ] || { cat out; fail "list"; }
  [ "$(json out "d.find((t) => t.name == '$T').partitions")" = 3 ] || { cat out; fail "list"; }
  expect 0 topics describe "$T" --brokers "$BROKERS" --format json
  [ "$(json out 'd.partitions.reduce((n, p) => n + p.end_offset - p.first_offset, 0)')" = 1500 ] ||
    { cat out; fail "describe"; }
  expect 0 topics delete "$T" --brokers "$BROKERS"
  expect 1 topics describe "$T" --brokers "$BROKERS"
  has err "no topic '$T' on $BROKERS"
}

case_kafka_brokers_of_the_environment_and_the_data_directory() {
  export KAFKA_BROKERS=$BROKERS
  rides 1 5 | cut -f 2 >lines
  expect 0 produce "$T" lines
  [ "$(tool dump "$T" | wc -l)" = 5 ] || fail "not in Kafka"
  expect 0 consume "$T" --count 2 --from-beginning --format json
  [ "$(wc -l <out)" = 2 ] || { cat out; fail "--count"; }
  # An empty --brokers means the data directory, whatever the environment says.
  expect 1 consume "$T" --brokers "" --from-beginning --until-end
  ! grep -q Kafka err || { cat err; fail "asked Kafka"; }
}

case_consume_follows_new_records() {
  tool make "$T" 2
  rides 1 5 | tool send "$T" -1
  start followed consume "$T" --brokers "$BROKERS" --count 3
  # Only what comes after it began: sent until it has seen three.
  has_ended_or_gets_one() {
    ! ended "$PID" || return 0
    rides 100 100 | tool send "$T" -1
    return 1
  }
  until_true 60 has_ended_or_gets_one || { cat followed; fail "it follows nothing"; }
  finish "$PID"
  [ $CODE = 0 ] || { cat followed; fail "ended with $CODE"; }
  [ "$(grep -c '"id": 100,' followed)" = 3 ] || { cat followed; fail "not the new records"; }
}

case_a_missing_topic_and_brokers_that_are_not_there() {
  expect 1 consume nothing_$T --brokers "$BROKERS"
  has err "no topic 'nothing_$T' on $BROKERS"
  has err "topics list"
  expect 1 topics delete nothing_$T --brokers "$BROKERS"
  has err "nothing_$T"
  # A port that nobody listens at.
  local code=0
  patiently 30 "$RIDEFLOW" topics list --brokers 127.0.0.1:1 >out 2>err || code=$?
  [ $code != 0 ] || fail "brokers that are not there are no error"
  has err "127.0.0.1:1"
  has err "kafka.brokers"
  KAFKA_BROKERS_OF_JOB=127.0.0.1:1 copy_job >job.yaml
  code=0
  rf run job.yaml --data-dir data >out 2>&1 || code=$?
  [ $code != 0 ] || fail "a job without brokers ran"
  has out "127.0.0.1:1"
  has out "$T"
}
