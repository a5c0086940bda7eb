# From Kafka through a job and back, compared with what a program without our code says.

# disordered: moves every 7th line ten lines down: within the job's out_of_order.
disordered() {
  awk '{ if (NR % 7 == 0) held[NR + 10] = $0; else print
         if (NR in held) { print held[NR]; delete held[NR] } }
       END { for (n in held) print held[n] }'
}

# minutes_of_topic: the rows of the sink's topic, each once: a restart may write a row again.
minutes_of_topic() { tool dump "${T}_minutes" | cut -f 4 | sort -u; }

case_results_equal_an_independent_computation() {
  export T BROKERS OUT=$T
  tool make "$T" 3
  rides 1 20000 | disordered >lines
  tool send "$T" -1 <lines
  cut -f 2 lines | node "$E2E_ROOT/tests/kafka/independent.mjs" >wanted
  rf run "$KAFKA_JOBS/results.yaml" --data-dir data --parallelism 2 >log 2>&1 || { cat log; fail "run"; }
  rows_add_up log
  minutes_of_topic | node "$E2E_ROOT/tests/kafka/independent.mjs" --read >found
  same wanted found
  [ "$(tool dump "${T}_minutes" | wc -l)" = "$(wc -l <wanted)" ] || fail "rows are there twice"
  sink_rows files/minutes | node "$E2E_ROOT/tests/kafka/independent.mjs" --read >found
  same wanted found
  # Keys are the column itself, so that other clients find the same city in the same partition.
  tool dump "${T}_minutes" |
    awk -F '\t' '{ split($4, a, "\""); if ($3 != a[4]) { print; bad = 1 } } END { exit bad }' ||
    fail "keys are not the city"
}

# The main job as it is: the same file, KAFKA_BROKERS set.
case_the_main_job_on_kafka() {
  export KAFKA_BROKERS=$BROKERS
  local job=$E2E_ROOT/jobs/ride_metrics/ride_metrics.yaml name
  for name in ride_events vehicle_events users_schema ride_metrics ride_times aggregate_user_ratings late_rides \
    rejected_rides; do
    tool drop $name 2>/dev/null || true
  done
  events 20000 5 --rate 40 >ride_lines
  rf generate vehicles --count 4000 --seed 5 --start 2026-01-01T00:00:00Z --rate 8 >vehicle_lines
  rf generate users_schema --count 2000 --seed 5 --start 2026-01-01T00:00:00Z --rate 4 >user_lines
  # By key, so that every partition comes to the same time: a silent one would hold its source for half a minute.
  spread() {
    tool make "$1" 4
    awk '{print NR "\t" $0}' "$2" | tool send "$1" -1
  }
  spread ride_events ride_lines
  spread vehicle_events vehicle_lines
  spread users_schema user_lines
  start_dev log "$job" --data-dir data
  # Every ride is in the rollup.
  rides_seen() {
    request POST "$URL/druid/v2" '{"queryType": "timeseries", "dataSource": "live_rides", "granularity": "all",
      "intervals": ["2000-01-01/2100-01-01"],
      "aggregations": [{"type": "longSum", "name": "n", "fieldName": "count"}]}' >answer 2>/dev/null &&
      [ "$(json answer 'd[0] ? d[0].result.n : 0')" = 20000 ]
  }
  until_true 120 rides_seen || { cat log answer; fail "not all rides are in the rollup"; }
  node "$E2E_ROOT/tests/kafka/city_minutes.mjs" ride_lines >wanted
  minutes_are_there() {
    tool dump ride_metrics | cut -f 4 | node "$E2E_ROOT/tests/kafka/city_minutes.mjs" --read wanted >found &&
      cmp -s wanted found
  }
  until_true 60 minutes_are_there || { same wanted found; fail "minutes"; }
  ratings_are_there() { [ "$(tool dump aggregate_user_ratings | wc -l)" -gt 10 ]; }
  until_true 60 ratings_are_there || { cat log; fail "no ratings"; }
  [ "$(wc -l <wanted)" -gt 30 ] || fail "only $(wc -l <wanted) minutes were compared"
  stop_well log
  for name in late_rides rejected_rides; do
    [ "$(tool dump $name | wc -l)" = 0 ] || fail "rows in $name"
  done
}
