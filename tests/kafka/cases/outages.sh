# Topics that are not what they were.

# made_again PARTITIONS FROM TO: the topic is deleted, made again at once, and filled.
made_again() { rides "$2" "$3" | tool swap "$T" "$1"; }

case_a_topic_made_again_while_stopped_is_refused() {
  local again
  for again in "1 5001 5200" "1 5001 5600" "1 5001 9000"; do
    rm -rf data rows bad
    tool drop "$T" 2>/dev/null || true
    tool make "$T" 1
    rides 1 600 | tool send "$T" -1
    copy_job >job.yaml
    start_copy 600
    stop_well log
    made_again $again
    expect 1 run job.yaml --data-dir data --quiet --for 60s
    has err "'$T'"
    has err "deleted and made again"
    has err "--drop-state rides"
    [ "$(row_count rows)" = 600 ] || fail "rows of the new topic were read"
    TOPIC=$UNTIL_LATEST copy_job >job.yaml
    expect 0 run job.yaml --data-dir data --quiet --drop-state rides
    sink_rows rows | ids >found
    tail -n 1 found | grep -qx "${again##* }" || fail "the new topic was not read: $(tail -n 3 found)"
  done
}

case_a_topic_with_fewer_partitions_is_refused() {
  tool make "$T" 3
  rides 1 600 | tool send "$T" -1
  copy_job >job.yaml
  start_copy 600
  stop_well log
  made_again 1 1 600
  expect 1 run job.yaml --data-dir data --quiet --for 90s
  has err "deleted and made again"
}

case_a_topic_deleted_under_a_job_ends_it_by_name() {
  tool make "$T" 2
  rides 1 500 | tool send "$T" -1
  copy_job >job.yaml
  start_copy 500
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

# Whatever the job was doing then, and however quick it was: no row of the new topic is ever confirmed.
case_a_topic_made_again_under_a_job_ends_it_by_name() {
  local round partitions
  tool make "$T" 1
  copy_job >job.yaml
  for round in 1 2 3 4; do
    partitions=$((1 + round % 2))
    rm -rf data rows bad
    made_again $partitions 1 500
    start_copy 500
    # One that stands still meanwhile sees the new topic only when it is as long as the old one.
    [ $round -gt 2 ] || kill -STOP "$PID"
    made_again $partitions 2001 6000
    kill -CONT "$PID" 2>/dev/null || true
    until_true 120 ended "$PID" || { cat log; fail "the job goes on in another topic, $(row_count rows) rows"; }
    finish "$PID"
    [ "$CODE" = 1 ] || { cat log; fail "ended with $CODE"; }
    has log "'$T'"
    has log "deleted and made again"
    has log "--drop-state rides"
    seq 500 | has_ids
  done
}
