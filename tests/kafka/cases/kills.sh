# kill -9 of rideflow and of the broker. These cases have a broker of their own, beside that of the others.

# Clients ask soon for a broker that was away, not after up to ten seconds.
SOON='properties: {reconnect.backoff.max.ms: "500"}'

case_a_broker_that_is_killed_and_comes_back() {
  tool make "$T" 2
  rides 1 500 | tool send "$T" -1
  KAFKA="  $SOON" copy_job >job.yaml
  start_copy 500
  broker_kill
  until_true 60 grep -q kafka_waits log || { cat log; fail "the job doesn't say that it waits"; }
  kill -0 "$PID" || { cat log; fail "the job did not outlive the broker"; }
  broker_start
  rides 501 900 | tool send "$T" -1
  rows_come 900 log
  stop_well log
  seq 900 | has_ids
}

# sink_job NAME: generated rides to a topic of its own.
sink_job() {
  rides_job "$1" 200/s
  echo "    topic: {name: ${T}_$1, partitions: 1}"
  [ "$1" = calm ] || printf 'kafka:\n  brokers: "%s"\n  %s\n' "$BROKERS" "$SOON"
}

# The document of a job of the process under test: the address of each.
documents() { printf "$URL/api/v1/jobs/%s\n" "$@"; }

case_jobs_that_wait_for_a_dead_broker_hold_nobody_up() {
  local job before
  for job in one two three calm; do sink_job $job >$job.yaml; done
  start_dev log one.yaml two.yaml three.yaml calm.yaml --data-dir data --quiet --checkpoint-interval 200ms
  await_documents 90 "$GOES_ON" $(documents one two three calm) || { cat log; fail "no checkpoints"; }
  broker_kill
  await_documents 90 "$WAITS" $(documents one two three) || { cat log; fail "the jobs don't say that they wait"; }
  await_documents 60 "$GOES_ON" $(documents calm) || { cat log; fail "a job that needs no broker stands still"; }
  broker_start
  await_documents 90 "$GOES_ON" $(documents one two three) || { cat log; fail "not all went on with the broker"; }
  broker_kill
  await_documents 90 "$WAITS" $(documents one) || fail "one doesn't wait"
  request GET "$(documents one)" >document
  before=$(json document 'Math.max(...d.checkpoints.map(c => c.epoch))')
  kill -TERM "$PID"
  # Five seconds on a machine that does nothing else.
  until_true 30 ended "$PID" || fail "a stop does not end while sinks wait"
  finish "$PID"
  [ "$CODE" = 2 ] || { cat log; fail "ended with $CODE"; }
  has log "without a last checkpoint"
  broker_start
  # Epochs are counted on only from a checkpoint.
  start_dev log one.yaml --data-dir data --quiet --checkpoint-interval 200ms
  await_documents 90 "newest(d) > 0" $(documents one) || { cat log; fail "the next start completes nothing"; }
  request GET "$(documents one)" >document
  [ "$(json document 'Math.min(...d.checkpoints.map(c => c.epoch))')" -ge "$before" ] ||
    { cat document; fail "began anew after epoch $before"; }
  stop_well log
}

# What of the job NAME is EXPRESSION, over its document d.
of_job() {
  request GET "$(documents "$1")" >document
  json document "$2"
}
POLLED='(d.sources.find((s) => s.source == "SOURCE") ?? {}).polled'
stands_still() {
  local before
  before=$(of_job stalled "${POLLED/SOURCE/flood}")
  sleep 0.5
  [ "$(of_job stalled "${POLLED/SOURCE/flood}")" = "$before" ]
}
# Its rows that are due are read: as many as SECONDS of its rate have made since there were FROM.
keeps_its_rate() {
  local source=$1 from=$2 seconds=$3
  echo "${POLLED/SOURCE/$source} >= $((from + 200 * seconds)) &&
        d.sources.find((s) => s.source == '$source').lag <= 400"
}
resident() { request GET "$URL/metrics" | awk '$1 == "rideflow_process_resident_bytes" { printf "%d\n", $2 }'; }

# One thread for each job: what is beside the flood waits on the same thread as the sink that stands still.
case_a_sink_that_stands_still_holds_up_itself_alone() {
  local seconds=5 flood beside calm epoch memory
  [ -z "${RIDEFLOW_LONG:-}" ] || seconds=60
  sink_job calm >calm.yaml
  cat >stalled.yaml <<END
job: stalled
kafka:
  brokers: "$BROKERS"
  $SOON
sources:
  flood:
    generator: {kind: rides, seed: 7, rate: 10000/s}
    format: json
    schema: {ride_id: string, city: string, ride_timestamp: timestamp}
  beside:
    generator: {kind: rides, seed: 8, rate: 200/s}
    format: json
    schema: {ride_id: string, city: string, ride_timestamp: timestamp}
sinks:
  out:
    from: flood
    format: json
    topic:
      name: ${T}_stalled
      partitions: 1
      properties: {queue.buffering.max.kbytes: "4096"}
  kept: {from: beside, discard: }
END
  start_dev log stalled.yaml calm.yaml --data-dir data --quiet --checkpoint-interval 200ms
  await_documents 90 "$GOES_ON" $(documents stalled calm) || { cat log; fail "no checkpoints"; }
  broker_kill
  await_documents 90 "$WAITS" $(documents stalled) || { cat log; fail "the job doesn't say that it waits"; }
  until_true 90 stands_still || fail "a source reads on without end while its sink takes nothing"
  flood=$(of_job stalled "${POLLED/SOURCE/flood}")
  beside=$(of_job stalled "${POLLED/SOURCE/beside}")
  calm=$(of_job calm "${POLLED/SOURCE/rides}")
  epoch=$(of_job calm 'Math.max(...d.checkpoints.map((c) => c.epoch))')
  memory=$(resident)
  # A fifth of the checkpoints that there is time for: the machine may do other things.
  await_documents $((60 + 3 * seconds)) \
    "$(keeps_its_rate rides "$calm" $seconds) && newest(d) >= $((epoch + seconds))" $(documents calm) ||
    { cat log; fail "a job beside it does not keep its rate or its checkpoints"; }
  await_documents 60 "$(keeps_its_rate beside "$beside" $seconds)" $(documents stalled) ||
    { cat log; fail "a source on the same thread does not keep its rate"; }
  [ "$(of_job stalled "${POLLED/SOURCE/flood}")" = "$flood" ] || fail "what is behind the sink grows without end"
  memory=$(($(resident) - memory))
  echo "$seconds s: resident memory grew by $((memory / 1024)) KiB; the longest steps:"
  [ $memory -lt $((32 << 20)) ] || fail "memory grew by $memory bytes while the sink stood still"
  request GET "$URL/metrics" >metrics
  grep '^rideflow_operator_longest_step' metrics
  broker_start
  await_documents 90 "$GOES_ON" $(documents stalled) || { cat log; fail "it does not go on with the broker"; }
  stop_well log
}

# results_of DIR OUT: all that must not depend on kills, of the job whose data is in DIR.
results_of() {
  mkdir -p "$2"
  tool dump "${T}_$1_minutes" | cut -f 4 | LC_ALL=C sort -u >"$2/topic"
  sink_rows "$1/files/minutes" >"$2/minutes"
  sink_rows "$1/files/rides" >"$2/rides"
}

RUNS=0
run_results() {
  RUNS=$((RUNS + 1))
  cd "$1"
  export OUT=${T}_$1
  start "../$1.$RUNS.log" run "$KAFKA_JOBS/results.yaml" --data-dir data --quiet --checkpoint-interval 100ms --for 10m
  cd ..
}

case_random_kills_change_nothing() {
  export T BROKERS
  RANDOM=$((SEED % 32768))
  tool make "$T" 3
  rides 1 "${KILL_EVENTS:-30000}" | tool send "$T" -1
  mkdir calm
  local begin took left=$KILLS round=0 delay kills dead
  begin=$(date +%s%N)
  run_results calm
  finish "$PID"
  [ $CODE = 0 ] || { cat calm.*.log; fail "undisturbed, the job ends with $CODE"; }
  took=$((($(date +%s%N) - begin) / 1000000))
  results_of calm wanted
  [ "$(wc -l <wanted/rides)" = "${KILL_EVENTS:-30000}" ] || fail "undisturbed: $(wc -l <wanted/rides) rides"
  while [ "$left" -gt 0 ]; do
    round=$((round + 1)) kills=""
    mkdir round$round
    while [ "$left" -gt 0 ]; do
      dead=rideflow delay=$((20 + (RANDOM * 32768 + RANDOM) % took))
      [ $((left % 2)) = 0 ] || dead=broker
      run_results round$round
      sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
      if ! kill -0 "$PID" 2>/dev/null; then
        finish "$PID"
        [ "$CODE" = 0 ] || { cat round$round.*.log; fail "round $round ended with $CODE after$kills"; }
        break
      fi
      left=$((left - 1)) kills="$kills $dead at $delay ms,"
      if [ $dead = broker ]; then
        broker_kill
        sleep 0.$((RANDOM % 10))
        broker_start
        # Half of the time rideflow dies as well, somewhere in the broker's first moments.
        if [ $((RANDOM % 2)) = 0 ]; then
          to_the_end round$round "$kills"
          break
        fi
      fi
      kill -KILL "$PID" 2>/dev/null || true
      finish "$PID"
    done
    echo "round $round:$kills"
    run_results round$round
    to_the_end round$round "$kills"
    results_of round$round found$round
    wc -l found$round/*
    for name in topic minutes rides; do same wanted/$name found$round/$name; done
  done
}

# to_the_end DIR KILLS: waits for the end of the job in DIR; fails when it is no good end. A start that meets no broker
# for ten seconds is told and ends; whoever supervises it starts it again.
to_the_end() {
  local again
  finish "$PID"
  for again in 1 2 3; do
    [ $CODE = 2 ] && grep -q "are the brokers running" "$1.$RUNS.log" || break
    echo "$1: start $again found no broker"
    run_results "$1"
    finish "$PID"
  done
  [ "$CODE" = 0 ] || { cat "$1".*.log; fail "$1 ended with $CODE after$2"; }
}
