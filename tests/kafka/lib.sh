# Helpers of the Kafka cases, beside those of tests/e2e/lib.sh. BROKERS is the plain listener of a real broker.
KAFKA_JOBS=$E2E_ROOT/tests/kafka/jobs
# Topics of this case: no other uses the names.
T=${4:-case}_$RANDOM

kafka() { "$E2E_ROOT/scripts/kafka" "$@"; }
tool() { patiently 60 "$TOOL" "$BROKERS" "$@"; }
listener() { kafka address "$BROKER_DIR" "$1"; }
broker_kill() { kafka kill "$BROKER_DIR"; }
broker_start() { kafka start --version "$KAFKA_VERSION" "$BROKER_DIR"; }

# rides FROM TO: rides as JSON lines, keyed: key<TAB>value.
rides() {
  awk -v from="$1" -v to="$2" 'BEGIN {
    for (i = from; i <= to; i++) {
      printf "k%d\t{\"id\": %d, \"city\": \"c%d\", \"fare\": %d.25, \"at\": \"2026-01-01T%02d:%02d:%02dZ\"}\n",
        i % 7, i, i % 5, i % 40, int(i / 3600) % 24, int(i / 60) % 60, i % 60 } }'
}

# sink_rows DIR: the rows of all part files of a file sink, sorted.
sink_rows() { cat "$1"/part-* 2>/dev/null | LC_ALL=C sort; }

# row_count DIR: how many there are now.
row_count() { cat "$1"/part-* 2>/dev/null | wc -l; }
has_rows() { [ "$(row_count "$1")" -ge "$2" ]; }
# rows_come COUNT LOG: waits for them in ./rows.
rows_come() { until_true 90 has_rows rows "$1" || { cat "$2"; fail "only $(row_count rows) of $1 rows"; }; }
# start_copy COUNT [LOG]: starts the job of copy_job and waits until it has copied so many.
start_copy() {
  start "${2:-log}" run job.yaml --data-dir data --checkpoint-interval 200ms
  rows_come "$1" "${2:-log}"
}
# has_ids: the rows in ./rows have just the ids of stdin.
has_ids() {
  cat >wanted_ids
  sink_rows rows | ids >found_ids
  same wanted_ids found_ids
}

# copy_job: a job that copies a topic's rides into ./rows. KAFKA, TOPIC and SELECT hold more lines of these
# sections.
copy_job() {
  cat <<END
job: copy
kafka:
  brokers: "${KAFKA_BROKERS_OF_JOB:-$BROKERS}"
${KAFKA:-}
sources:
  rides:
    topic:
      name: $T
${TOPIC:-}
    format: json
    schema:
      id: int64
      city: string
      fare: double
      at: timestamp
    event_time:
      column: at
streams:
  copied:
    from: rides
    select:
      id:
      city:
      fare:
      partition: _partition
      offset: _offset
${SELECT:-}
sinks:
  rows:
    from: copied
    file: {directory: rows}
    format: json
  bad:
    from: rides.rejected
    file: {directory: bad}
    format: json
END
}
UNTIL_LATEST='      until: latest'

# The sorted ids of the JSON rows of stdin.
ids() { sed 's/.*"id":\([0-9]*\).*/\1/' | sort -n; }
