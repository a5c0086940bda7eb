# kill -9 of rideflow and of the broker.

case_a_broker_that_is_killed_and_comes_back() {
  tool make "$T" 2
  rides 1 500 | tool send "$T" -1
  copy_job >job.yaml
  start log run job.yaml --data-dir data --checkpoint-interval 200ms
  until_true 60 has_rows rows 500 || { cat log; fail "only $(row_count rows) rows"; }
  broker_kill
  until_true 60 grep -q kafka_waits log || { cat log; fail "the job doesn't say that it waits"; }
  kill -0 "$PID" || { cat log; fail "the job did not outlive the broker"; }
  broker_start
  rides 501 900 | tool send "$T" -1
  until_true 60 has_rows rows 900 || { cat log; fail "after the broker's return, only $(row_count rows) rows"; }
  kill -TERM "$PID"
  finish "$PID"
  [ $CODE = 0 ] || { cat log; fail "ended with $CODE"; }
  sink_rows rows >found
  ids found >found_ids
  seq 900 >wanted_ids
  same wanted_ids found_ids
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
