# SIGTERM and SIGINT are a pause: a last checkpoint, exit code 0, and the next run goes on.

case_sigterm_is_a_pause_without_loss_or_double() {
  # The schedule begins now, so the job takes four seconds on any machine; its events are those of the schedule.
  generated_job "count: 12000, rate: 3000/s, pace: 20, start: $(date -u +%Y-%m-%dT%H:%M:%SZ)" >job.yaml
  mkdir paused calm
  local signal pauses=0
  for signal in TERM INT TERM; do
    cd paused
    start ../paused.log run ../job.yaml --data-dir data --quiet --checkpoint-interval 200ms
    cd ..
    until_true 90 test -e paused/files/raw || fail "the job did not begin"
    sleep 0.5
    kill -$signal "$PID" 2>/dev/null || true
    finish "$PID"
    [ "$CODE" = 0 ] || { cat paused.log; fail "SIG$signal: ended with $CODE"; }
    if grep -q 'windows: stopped' paused.log; then pauses=$((pauses + 1)); fi
    rows_add_up paused.log
  done
  [ $pauses -gt 0 ] || fail "the job was over before the first signal: nothing was tested"
  (cd paused && rf run ../job.yaml --data-dir data --quiet) >paused.log 2>&1
  has paused.log "windows: finished"
  outputs paused/data found
  (cd calm && rf run ../job.yaml --data-dir data --quiet) >calm.log 2>&1
  outputs calm/data wanted
  same_outputs wanted found
}

case_a_finished_job_gives_nothing_twice() {
  events 5000 31 --rate 1000 >lines
  rf produce ride_events lines --data-dir data
  rf run "$JOBS/windows.yaml" --data-dir data --quiet >log 2>&1
  outputs data once
  rf run "$JOBS/windows.yaml" --data-dir data --quiet >log 2>&1
  outputs data twice
  same_outputs once twice
}

case_for_is_a_pause_too() {
  sed 's/until: latest/on_gap: fail/' "$JOBS/windows.yaml" >job.yaml
  events 3000 5 --rate 1000 >lines
  rf produce ride_events lines --data-dir data
  rf run job.yaml --data-dir data --for 2s --quiet >log 2>&1
  has log "windows: stopped"
  has log "polled        3,000"
}
