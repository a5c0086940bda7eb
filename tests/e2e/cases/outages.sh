# What is not there for a while: readers of pipes, room, files.

ended() { ! kill -0 "$1" 2>/dev/null; }

console_job() {
  cat <<'END'
job: shown
sources:
  rides:
    generator: {kind: rides, seed: 7, rate: 20000/s}
    format: json
    schema: {ride_id: string, city: string, ride_timestamp: timestamp}
sinks:
  out:
    from: rides
    console: {}
    format: json
END
}

# Both streams may be the pipe: `rideflow … 2>&1 | less`.
case_a_stop_ends_although_nobody_reads_the_output() {
  local both pipe
  console_job >job.yaml
  mkfifo pipe
  exec 9<>pipe
  for both in no yes; do
    if [ $both = yes ]; then
      "$RIDEFLOW" run job.yaml --data-dir data >pipe 2>&1 &
    else
      "$RIDEFLOW" run job.yaml --data-dir data --quiet >pipe 2>err &
    fi
    PID=$!
    STARTED+=("$PID")
    until_true 90 test -e data/jobs/shown/checkpoints || fail "the job did not begin"
    sleep 2  # the pipe is full by then
    kill -TERM "$PID"
    until_true 30 ended "$PID" || fail "a stop doesn't end the process"
    finish "$PID"
    [ "$CODE" != 0 ] || fail "nobody read the rows, and the end is a good one"
  done
  has err "the reader of standard output"
  exec 9>&-
  # The data directory is free, and the job goes on.
  rf run job.yaml --data-dir data --quiet --for 1s >rows 2>err
  has err "shown: stopped"
  [ -s rows ] || fail "no rows"
}

job_failed() { grep -q 'is started again from its newest checkpoint' "$1"; }
job_is_back() { grep -q 'job_started_again' "$1"; }

case_a_job_that_failed_for_what_passes_is_started_again() {
  command -v prlimit >/dev/null || skip "no prlimit here"
  cat >job.yaml <<'END'
job: back
sources:
  rides:
    generator: {kind: rides, seed: 7, rate: 2000/s}
    format: json
    schema: {ride_id: string, city: string, ride_timestamp: timestamp}
sinks:
  out:
    from: rides
    file: {directory: rows}
    format: json
END
  local how
  for how in dev run; do
    rm -rf data rows
    if [ $how = dev ]; then
      start_dev $how.log job.yaml --data-dir data --quiet --checkpoint-interval 200ms
    else
      start $how.log run job.yaml --data-dir data --quiet --checkpoint-interval 200ms
    fi
    until_true 90 has_part rows || { cat $how.log; fail "$how: no rows"; }
    prlimit --pid "$PID" --nofile=3:
    until_true 90 job_failed $how.log || { cat $how.log; fail "$how: the job doesn't say that it comes back"; }
    prlimit --pid "$PID" --nofile=1024:
    until_true 90 job_is_back $how.log || { cat $how.log; fail "$how: the job was not started again"; }
    if [ $how = dev ]; then
      request GET "$URL/api/v1/jobs/back" >doc
      [ "$(json doc 'd.state')" != failed ] || fail "the job is failed"
      [ "$(json doc 'd.attempts.length > 1 && d.attempts.at(-1).error.includes("Too many open files")')" = true ] ||
        fail "$(json doc 'd.attempts')"
    fi
    kill -TERM "$PID"
    finish "$PID"
    [ "$CODE" = 0 ] || { cat $how.log; fail "$how: ended with $CODE"; }
    # An event has its own time: nothing is there twice.
    cat rows/part-* | LC_ALL=C sort >found
    [ "$(uniq -d <found | wc -l)" = 0 ] || fail "$how: rows came twice: $(uniq -d <found | head -n 3)"
  done
}

case_a_job_that_is_not_to_be_started_again_ends() {
  command -v prlimit >/dev/null || skip "no prlimit here"
  { console_job | sed '/^sinks:/,$d'
    printf 'restart: never\nsinks:\n  out:\n    from: rides\n    file: {directory: rows}\n    format: json\n'
  } >job.yaml
  start log run job.yaml --data-dir data --quiet --checkpoint-interval 200ms
  until_true 90 has_part rows || { cat log; fail "no rows"; }
  prlimit --pid "$PID" --nofile=3:
  until_true 90 ended "$PID" || { cat log; fail "it goes on"; }
  finish "$PID"
  [ "$CODE" = 2 ] || { cat log; fail "ended with $CODE"; }
  has log "Too many open files"
}
has_part() { ls "$1"/part-* >/dev/null 2>&1; }
