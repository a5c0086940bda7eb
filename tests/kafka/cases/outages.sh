# Brokers that are away for long, and topics that are not what they were.

ended() { ! kill -0 "$1" 2>/dev/null; }

# made_again PARTITIONS FROM TO: the topic is deleted, and made again with these rides.
made_again() {
  tool drop "$T"
  until_true 30 topic_is_gone || fail "the topic is still there"
  tool make "$T" "$1"
  rides "$2" "$3" | tool send "$T" -1
}
topic_is_gone() { ! rf topics list --brokers "$BROKERS" | grep -qw "$T"; }

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

