# The same input gives the same results, whatever the parallelism.

case_topic_input_at_parallelism_1_2_3() {
  events 30000 11 --rate 1000 | damaged >lines
  rf produce ride_events lines --data-dir base/data
  local p
  for p in 1 2 3; do
    cp -r base run$p
    (cd run$p && rf run "$JOBS/windows.yaml" --data-dir data --quiet --parallelism $p) >log$p 2>&1
    rows_add_up log$p
    outputs run$p/data results$p
  done
  local name
  for name in out_tumbling out_hopping out_gaps out_sessions out_early out_late out_rejected files_raw files_again \
    _late.windows rollup; do
    [ -s results1/$name ] || fail "$name is empty: the input does not reach it"
  done
  same_outputs results1 results2
  same_outputs results1 results3
}

case_generator_with_every_fault_at_parallelism_1_2_3() {
  generated_job "count: 30000, rate: 5000/s, pace: 50, start: 2026-01-01T00:00:00Z" >job.yaml
  local p
  for p in 1 2 3; do
    mkdir -p run$p
    (cd run$p && rf run ../job.yaml --data-dir data --quiet --parallelism $p) >log$p 2>&1
    rows_add_up log$p
    outputs run$p/data results$p
  done
  local name
  for name in out_tumbling out_gaps out_sessions out_early out_late out_rejected files_raw files_again rollup; do
    [ -s results1/$name ] || fail "$name is empty: the input does not reach it"
  done
  same_outputs results1 results2
  same_outputs results1 results3
}

case_the_records_of_a_topic_are_all_accounted_for() {
  events 5000 3 --rate 1000 | damaged >lines
  rf produce ride_events lines --data-dir data
  rf run "$JOBS/windows.yaml" --data-dir data --quiet >log
  outputs data results
  local all good bad
  all=$(wc -l <lines) good=$(wc -l <results/files_raw) bad=$(wc -l <results/out_rejected)
  [ "$bad" -gt 0 ] || fail "nothing was rejected"
  [ $((good + bad)) = "$all" ] || fail "$all records, $good in files and $bad rejected"
}
