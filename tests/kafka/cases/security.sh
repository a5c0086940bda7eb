# SASL and TLS through the job's `kafka:` section; refusals with a name and a way out.
export RIDER_PASSWORD=sesame WRONG_PASSWORD=canary-of-a-wrong-password

# kafka_section LISTENER LINES: the section's lines for copy_job.
kafka_section() {
  cp "$BROKER_DIR/ca.pem" ca.pem  # where a job may read it
  KAFKA_BROKERS_OF_JOB=$(listener "$1")
  KAFKA=$(printf '  %s\n' "${@:2}")
}
sasl() { kafka_section "$1" "security: $1" "mechanism: $2" "username: rider" "password: {env: $3}" "${@:4}"; }

copies_three() {
  rm -rf rows bad data
  TOPIC=$UNTIL_LATEST copy_job >job.yaml
  rf run job.yaml --data-dir data >log 2>&1 || { cat job.yaml log; fail "$1: the job fails"; }
  [ "$(row_count rows)" = 3 ] || { cat log; fail "$1: $(row_count rows) rows"; }
}

# refused WHAT TEXT…: the job ends at once, with one message that holds the texts.
refused() {
  local text code=0
  rm -rf rows bad data
  TOPIC=$UNTIL_LATEST copy_job >job.yaml
  patiently 40 "$RIDEFLOW" run job.yaml --data-dir data >log 2>&1 || code=$?
  [ $code = 1 ] || { cat log; fail "$1: ended with $code"; }
  for text in "${@:2}"; do has log "$text"; done
  [ "$(grep -c '^error: ' log)" = 1 ] || { cat log; fail "$1: not one message"; }
  ! grep -qr "$WRONG_PASSWORD" log data || fail "$1: the password is shown"
}

case_plain_scram_and_tls() {
  tool make "$T" 1
  rides 1 3 | tool send "$T" 0
  kafka_section ssl "security: ssl" "ca_file: ca.pem"
  copies_three "TLS"
  sasl sasl_ssl PLAIN RIDER_PASSWORD "ca_file: ca.pem"
  copies_three "PLAIN over TLS"
  # SCRAM of Kafka 4 needs a newer librdkafka than Debian 12 has.
  [[ $KAFKA_VERSION != 4.* ]] || return 0
  local mechanism
  for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
    sasl sasl_ssl $mechanism RIDER_PASSWORD "ca_file: ca.pem"
    copies_three "$mechanism"
  done
}

case_the_password_of_a_file_and_the_sink_use_the_same_section() {
  tool make "$T" 1
  rides 1 3 | tool send "$T" 0
  printf sesame >password
  sasl sasl_ssl PLAIN RIDER_PASSWORD "ca_file: ca.pem"
  TOPIC=$UNTIL_LATEST copy_job | sed "s!{env: RIDER_PASSWORD}!{file: $PWD/password}!
    s!file: {directory: rows}!topic: {name: ${T}_out}!" >job.yaml
  rf run job.yaml --data-dir data >log 2>&1 || { cat log; fail "run"; }
  [ "$(tool dump "${T}_out" | wc -l)" = 3 ] || fail "rows are missing in the sink's topic"
  # The commands, through the same section.
  rf consume "${T}_out" --job job.yaml --from-beginning --until-end >read
  [ "$(wc -l <read)" = 3 ] || { cat read; fail "consume --job"; }
}

case_refusals_have_names() {
  tool make "$T" 1
  rides 1 3 | tool send "$T" 0
  sasl sasl_ssl PLAIN WRONG_PASSWORD "ca_file: ca.pem"
  refused "wrong password" "uthentication" "kafka.username and kafka.password" "$T"
  if [[ $KAFKA_VERSION == 4.* ]]; then
    sasl sasl_ssl SCRAM-SHA-256 RIDER_PASSWORD "ca_file: ca.pem"
    refused "SCRAM against Kafka 4" "SCRAM against Kafka 4 needs librdkafka 2.6.1"
  else
    sasl sasl_ssl SCRAM-SHA-256 WRONG_PASSWORD "ca_file: ca.pem"
    refused "wrong password" "uthentication" "kafka.username and kafka.password"
  fi
  # A file that the job may not name, and one that it may when that is said.
  sasl sasl_ssl PLAIN RIDER_PASSWORD "ca_file: $BROKER_DIR/ca.pem"
  refused "a file elsewhere" "kafka.ca_file" "--file-root"
  TOPIC=$UNTIL_LATEST copy_job >job.yaml
  expect 0 run job.yaml --data-dir data --file-root "$BROKER_DIR" --file-root .
  # Brokers advertise an address of their own, which may be allowed or not.
  TOPIC=$UNTIL_LATEST copy_job | sed 's/127.0.0.1:/localhost:/' >job.yaml
  expect 1 run job.yaml --data-dir data2 --file-root "$BROKER_DIR" --file-root . --allow-address localhost
  cat out err >log
  has log "jobs may not connect to '127.0.0.1:"
  expect 0 run job.yaml --data-dir data3 --file-root "$BROKER_DIR" --file-root . --allow-address 127.0.0.0/8 \
    --allow-address ::1
  # Another authority than the broker's.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj "/CN=another" -keyout other.key \
    -out other.pem 2>/dev/null
  sasl sasl_ssl PLAIN RIDER_PASSWORD "ca_file: $PWD/other.pem"
  refused "wrong CA" "certificate verify failed" "kafka.ca_file"
  sasl sasl_ssl PLAIN RIDER_PASSWORD "ca_file: $PWD/none.pem"
  refused "no CA file" "kafka.ca_file" "none.pem"
  sasl sasl_ssl PLAIN NO_SUCH_VARIABLE "ca_file: ca.pem"
  refused "a secret that is not set" "NO_SUCH_VARIABLE"
}

case_properties_outside_the_allow_list_are_refused_by_name() {
  local property
  for property in plugin.library.paths sasl.kerberos.kinit.cmd ssl.ca.location debug; do
    KAFKA="  properties: {$property: x}" copy_job >job.yaml
    expect 1 run job.yaml --data-dir data
    cat out err >log
    has log "'$property'"
  done
}
