# What the process says when its surroundings are wrong: the place, and the way out.

case_a_data_directory_has_one_owner() {
  sed 's/until: latest/on_gap: fail/' "$JOBS/windows.yaml" >job.yaml
  start first run job.yaml --data-dir data --quiet
  local owner=$PID
  until_true 90 grep -qs '^address http:' data/LOCK || fail "the first process did not begin"
  expect 1 run job.yaml --data-dir data --quiet
  has err "belongs to process $owner"
  has err "--data-dir"
  # Dead owners own nothing.
  kill -KILL "$owner"
  finish "$owner"
  rf run job.yaml --data-dir data --quiet --for 100ms >log 2>&1
  has log "windows: stopped"
}

case_a_port_in_use() {
  sed 's/until: latest/on_gap: fail/' "$JOBS/windows.yaml" >job.yaml
  start_dev first job.yaml --data-dir one --quiet
  expect 1 dev job.yaml --data-dir two --quiet --listen "${URL#http://}"
  has err "${URL#http://}"
  has err "use"
}

case_files_that_are_not_there() {
  expect 1 run missing.yaml --data-dir data
  has err "missing.yaml"
  expect 1 check missing.yaml
  has err "missing.yaml: no such file or directory"
  mkdir empty
  expect 1 check empty
  has err "no job file"
  expect 1 produce ride_events missing.txt --data-dir data
  has err "missing.txt"
  expect 1 consume nothing --data-dir data --from-beginning --until-end
  has err "nothing"
}

case_a_data_directory_that_cannot_be_written() {
  echo "a file" >taken
  expect 1 run "$JOBS/windows.yaml" --data-dir taken/data --quiet
  has err "taken/data"
}

case_a_newer_format_is_refused_by_name() {
  mkdir data
  echo "rideflow-data 99" >data/FORMAT
  expect 1 run "$JOBS/windows.yaml" --data-dir data --quiet
  has err "has format 99"
  [ "$(cat data/FORMAT)" = "rideflow-data 99" ] || fail "FORMAT was changed"
  echo "somebody's notes" >data/FORMAT
  expect 1 run "$JOBS/windows.yaml" --data-dir data --quiet
  has err "is not a data directory of Rideflow"
}

# A job stopped in the middle of its input, with several checkpoints.
stopped_job() {
  generated_job "count: 9000, rate: 3000/s, start: $(date -u +%Y-%m-%dT%H:%M:%SZ)" |
    sed '/_out:/,$d' >job.yaml
  cat >>job.yaml <<'Y'
  tumbling_out:
    from: tumbling
    topic: {name: out_tumbling}
Y
  start log run job.yaml --data-dir data --quiet --checkpoint-interval 100ms
  # shellcheck disable=SC2016
  until_true 90 bash -c '[ $(ls data/jobs/windows/checkpoints 2>/dev/null | grep -c manifest) -ge 2 ]' ||
    fail "no two checkpoints"
  kill -TERM "$PID"
  finish "$PID"
  [ "$CODE" = 0 ] || fail "did not stop"
  NEWEST=$(ls data/jobs/windows/checkpoints/manifest* | sort | tail -n 1)
}

case_a_damaged_newest_checkpoint_is_told() {
  stopped_job
  printf 'XXXX' | dd of="$NEWEST" bs=1 seek=20 conv=notrunc status=none
  local code=0
  rf run job.yaml --data-dir data --quiet >log 2>&1 || code=$?
  # Going on from an older one is right only where the sinks have published nothing since; else it is refused.
  case $code in
    0) has log "checkpoint_damaged" ;;
    *) grep -q 'checkpoint' log || { cat log; fail "no sentence about the checkpoint"; } ;;
  esac
  [ $code -lt 128 ] || fail "died of a signal"
}

case_without_any_readable_checkpoint_the_job_is_refused() {
  stopped_job
  local file
  for file in data/jobs/windows/checkpoints/manifest*; do : >"$file"; done
  local code=0
  rf run job.yaml --data-dir data --quiet >log 2>&1 || code=$?
  [ $code = 1 ] || [ $code = 2 ] || { cat log; fail "ended with $code"; }
  has log "No checkpoint of this job can be read"
}

case_a_changed_key_needs_a_word() {
  stopped_job
  sed -i 's/key_by: \[city, status\]/key_by: [city]/' job.yaml
  expect 1 run job.yaml --data-dir data --quiet
  has err "--drop-state"
  has err "tumbling"
  expect 0 run job.yaml --data-dir data --quiet --drop-state tumbling
}
