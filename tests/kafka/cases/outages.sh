# Brokers that are away for long, and topics that are not what they were.

# waits_for_brokers URL JOB: the job runs and says what it waits for.
waits_for_brokers() {
  request GET "$1/api/v1/jobs/$2" >document 2>/dev/null &&
    [ "$(json document 'd.state == "running" && d.waiting.length > 0')" = true ]
}
# checkpoints_go_on URL JOB: another one was completed since the epoch in $EPOCH.
newest_epoch() {
  request GET "$1/api/v1/jobs/$2" >document &&
    json document 'Math.max(0, ...d.checkpoints.filter(c => c.state == "complete").map(c => c.epoch))'
}
checkpoints_go_on() { [ "$(newest_epoch "$1" "$2")" -ge $((EPOCH + 3)) ]; }

# sink_job NAME: a job that writes generated rides to a topic of its own.
sink_job() {
  cat <<END
job: $1
kafka: {brokers: "$BROKERS"}
sources:
  rides:
    generator: {kind: rides, seed: 5, rate: 200/s}
    format: json
    schema: {ride_id: string, city: string, ride_timestamp: timestamp}
sinks:
  out:
    from: rides
    topic: {name: ${T}_$1, partitions: 1}
    format: json
END
}

case_jobs_that_wait_for_a_dead_broker_hold_nobody_up() {
  local job
  for job in one two three; do sink_job $job >$job.yaml; done
  sed -e 's/^job: .*/job: calm/' -e '/^kafka:/d' -e "s/name: .*, part/name: calm, part/" one.yaml >calm.yaml
  start_dev log one.yaml two.yaml three.yaml calm.yaml --data-dir data --quiet --checkpoint-interval 200ms
  for job in one two three calm; do
    EPOCH=0
    until_true 90 checkpoints_go_on "$URL" $job || { cat log; fail "$job has no checkpoints"; }
  done
  broker_kill
  for job in one two three; do
    until_true 90 waits_for_brokers "$URL" $job || { cat log document; fail "$job doesn't say that it waits"; }
  done
  EPOCH=$(newest_epoch "$URL" calm)
  until_true 60 checkpoints_go_on "$URL" calm || { cat log; fail "a job that needs no broker stands still"; }
  broker_start
  for job in one two three; do
    EPOCH=$(newest_epoch "$URL" $job)
    until_true 90 checkpoints_go_on "$URL" $job || { cat log; fail "$job did not go on with the broker"; }
  done
  broker_kill
  until_true 90 waits_for_brokers "$URL" one || fail "one doesn't wait"
  local before
  before=$(newest_epoch "$URL" one)
  kill -TERM "$PID"
  # Five seconds on a machine that does nothing else.
  until_true 30 ended "$PID" || fail "a stop does not end while sinks wait"
  finish "$PID"
  [ "$CODE" = 2 ] || { cat log; fail "ended with $CODE"; }
  has log "without a last checkpoint"
  broker_start
  start log run one.yaml --data-dir data --quiet --checkpoint-interval 200ms --for 3s
  finish "$PID"
  [ "$CODE" = 0 ] || { cat log; fail "the next start ended with $CODE"; }
  # Epochs are counted on only from a checkpoint.
  [ "$(sed -n 's/^ *checkpoints \([0-9]*\),.*/\1/p' log)" -gt "$before" ] ||
    { cat log; fail "began anew after epoch $before"; }
}
ended() { ! kill -0 "$1" 2>/dev/null; }

# made_again PARTITIONS FROM TO [SECONDS]: the topic is deleted, stays away for so long, and is made again and filled.
made_again() {
  tool drop "$T"
  until_true 30 topic_is_gone || fail "the topic is still there"
  sleep "${4:-0}"
  tool make "$T" "$1"
  rides "$2" "$3" | tool send "$T" -1
}
topic_is_gone() { ! rf topics list --brokers "$BROKERS" | grep -qw "$T"; }

case_a_topic_made_again_while_stopped_is_refused() {
  local again
  for again in "1 5001 5200" "1 5001 5600" "1 5001 9000"; do
    rm -rf data rows bad
    tool drop "$T" 2>/dev/null || true
    tool make "$T" 1
    rides 1 600 | tool send "$T" -1
    copy_job >job.yaml
    start log run job.yaml --data-dir data --quiet --checkpoint-interval 100ms
    until_true 60 has_rows rows 600 || { cat log; fail "only $(row_count rows) rows"; }
    kill -TERM "$PID"
    finish "$PID"
    [ "$CODE" = 0 ] || { cat log; fail "ended with $CODE"; }
    made_again $again
    expect 1 run job.yaml --data-dir data --quiet --for 60s
    has err "'$T'"
    has err "deleted and made again"
    has err "--drop-state rides"
    [ "$(row_count rows)" = 600 ] || fail "rows of the new topic were read"
    TOPIC=$UNTIL_LATEST copy_job >job.yaml
    expect 0 run job.yaml --data-dir data --quiet --drop-state rides
    sink_rows rows >found
    ids found | tail -n 1 | grep -qx "${again##* }" || fail "the new topic was not read: $(tail -n 3 found)"
  done
}

case_a_topic_with_fewer_partitions_is_refused() {
  tool make "$T" 3
  rides 1 600 | tool send "$T" -1
  copy_job >job.yaml
  start log run job.yaml --data-dir data --quiet --checkpoint-interval 100ms
  until_true 60 has_rows rows 600 || { cat log; fail "only $(row_count rows) rows"; }
  kill -TERM "$PID"
  finish "$PID"
  made_again 1 1 600
  expect 1 run job.yaml --data-dir data --quiet --for 90s
  has err "deleted and made again"
}

case_a_topic_deleted_under_a_job_ends_it_by_name() {
  tool make "$T" 2
  rides 1 500 | tool send "$T" -1
  copy_job >job.yaml
  start log run job.yaml --data-dir data --quiet --checkpoint-interval 200ms
  until_true 60 has_rows rows 500 || { cat log; fail "only $(row_count rows) rows"; }
  tool drop "$T"
  until_true 120 ended "$PID" || { cat log; fail "the job goes on without its topic, or hangs"; }
  finish "$PID"
  [ "$CODE" = 1 ] || { cat log; fail "ended with $CODE"; }
  has log "'$T'"
  has log "deleted and made again"
  # The data directory is free.
  expect 1 run job.yaml --data-dir data --quiet --for 90s
  has err "deleted and made again"
}

case_a_topic_made_again_under_a_job_ends_it_by_name() {
  tool make "$T" 1
  rides 1 500 | tool send "$T" -1
  copy_job >job.yaml
  start log run job.yaml --data-dir data --quiet --checkpoint-interval 200ms
  until_true 60 has_rows rows 500 || { cat log; fail "only $(row_count rows) rows"; }
  # A job looks once a second; a topic that is away for less than that is not missed (docs/kafka.md).
  made_again 1 2001 4000 6
  until_true 120 ended "$PID" || { cat log; fail "the job goes on in another topic, $(row_count rows) rows"; }
  finish "$PID"
  [ "$CODE" = 1 ] || { cat log; fail "ended with $CODE"; }
  has log "deleted and made again"
  [ "$(row_count rows)" = 500 ] || fail "rows of the new topic were read as those of the old"
}
