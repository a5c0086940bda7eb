# SIGTERM and SIGINT are a pause: a last checkpoint, exit code 0, and the next run goes on.

case_sigterm_is_a_pause_without_loss_or_double() {
  # The schedule begins now, so the job takes four seconds on any machine; its events are those of the schedule.
  generated_job "count: 12000, rate: 3000/s, pace: 20, start: $(date -u +%Y-%m-%dT%H:%M:%SZ)" >job.yaml
  mkdir paused calm
  local signal pauses=0 before
  raw_rows() { cat paused/files/raw/part-* 2>/dev/null | wc -l || true; }
  rows_grew() { [ "$(raw_rows)" -gt "$before" ] || ended "$PID"; }
  for signal in TERM INT TERM; do
    before=$(raw_rows)
    cd paused
    start ../paused.log run ../job.yaml --data-dir data --quiet --checkpoint-interval 200ms
    cd ..
    until_true 90 rows_grew || fail "the job does not go on"
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

# Queries that take long: 80 sums over expressions of 1,300 terms, for every row.
# heavy_queries: six of them run or wait their turn, over the rollup of windows.
heavy_queries() {
  counted() {
    request POST "$URL/druid/v2" '{"queryType": "timeseries", "dataSource": "live", "granularity": "all",
      "intervals": ["2000-01-01/2100-01-01"], "aggregations": [{"type": "count", "name": "n"}]}' >count &&
      [ "$(json count 'd.length && d[0].result.n > 100')" = true ]
  }
  until_true 90 counted || { cat dev.log count; fail "no rows in the rollup"; }
  node -e 'const terms = "fare*0.5+".repeat(1300) + "1";
    const sums = Array.from({length: 80}, (_, i) => ({type: "doubleSum", name: "s" + i, expression: terms + "+" + i}));
    console.log(JSON.stringify({queryType: "groupBy", dataSource: "live", granularity: "second",
      dimensions: ["city", "status"], intervals: ["2000-01-01/2100-01-01"], aggregations: sums}))' >heavy
  local i
  for i in 1 2 3 4 5 6; do
    post_file "$URL/druid/v2" heavy >"heavy$i" 2>&1 &
  done
  heavy_under_way() {
    request GET "$URL/metrics" >metrics && grep -Eq '^rideflow_requests_paused\{\} [1-9]' metrics
  }
  until_true 60 heavy_under_way || { cat metrics heavy1; fail "the heavy queries were over before the signal"; }
}

case_sigterm_does_not_wait_for_queries() {
  sed 's/until: latest/on_gap: fail/' "$JOBS/windows.yaml" >job.yaml
  events 20000 7 --rate 10 >lines
  rf produce ride_events lines --data-dir data
  start_dev dev.log job.yaml --data-dir data --quiet
  heavy_queries
  counted || fail "a light query was not answered beside heavy ones"
  kill -TERM "$PID"
  # The jobs' last checkpoint takes its time on a busy machine; a heavy query would take until its limit.
  until_true 25 ended "$PID" || { cat dev.log; fail "it waits for queries"; }
  finish "$PID"
  [ "$CODE" = 0 ] || { cat dev.log; fail "ended with $CODE"; }
  for i in 1 2 3 4 5 6; do until_true 10 test -s "heavy$i" || fail "query $i was left without an answer"; done
  grep -l 'Rideflow is stopping' heavy[1-6] >/dev/null || { cat heavy[1-6]; fail "no query was told why"; }
}

# post_file URL FILE: prints the answer, or why there is none.
post_file() {
  node -e 'fetch(process.argv[1], {method: "POST", body: require("fs").readFileSync(process.argv[2]),
             headers: {"Content-Type": "application/json"}}).then(async (r) => console.log(await r.text()),
             (e) => console.log(String(e.cause ?? e)))' "$@"
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
  # As many pauses as it takes to read everything: one, unless the machine is busy.
  local polled=0
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    rf run job.yaml --data-dir data --for 2s --quiet >log 2>&1
    has log "windows: stopped"
    polled=$((polled + $(sed -n 's/^ *source rides *polled *\([0-9,]*\).*/\1/p' log | tr -d ,)))
    [ $polled -lt 3000 ] || break
  done
  [ $polled = 3000 ] || fail "$polled of 3000 records were polled"
}

# open_ends URL: connections that never come to an end: half a header, half a body, answers that nobody reads.
open_ends() {
  node -e 'const {hostname, port} = new URL(process.argv[1]);
    const send = (text) => require("net").connect(port, hostname).on("error", () => {}).write(text);
    send("GET /api/v1/jobs HTTP/1.1\r\nHost: loc");
    send("POST /druid/v2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
         "Content-Length: 5000\r\n\r\n{");
    for (let i = 0; i < 100; ++i) send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200));
    console.log("open"); setInterval(() => {}, 1000);' "$1" >open 2>&1 &
  STARTED+=("$!")
  until_true 60 grep -q open open || fail "no connections"
}

# Each stage of a stop at its worst: a job that waits for its reader and can't be taken down meanwhile, heavy queries,
# connections that stay. All together have five seconds.
case_a_stop_takes_five_seconds_whatever_holds_it() {
  sed 's/until: latest/on_gap: fail/' "$JOBS/windows.yaml" >job.yaml
  # A job whose console nobody reads: it waits for others, as for brokers that are away.
  { rides_job shown 20000/s; echo '    console: {}'; } >shown.yaml
  events 20000 7 --rate 10 >lines
  rf produce ride_events lines --data-dir data
  mkfifo pipe
  exec 9<>pipe
  "$RIDEFLOW" dev --listen 127.0.0.1:0 job.yaml shown.yaml --data-dir data --quiet >pipe 2>dev.log &
  PID=$!
  STARTED+=("$PID")
  has_address() { URL=$(grep -o 'http://[0-9.:]*' data/LOCK 2>/dev/null); }
  until_true 90 has_address || { cat dev.log; fail "dev did not begin"; }
  await_documents 90 "$WAITS" "$URL/api/v1/jobs/shown" || { cat dev.log; fail "the job doesn't wait for its reader"; }
  heavy_queries
  open_ends "$URL"
  kill -TERM "$PID"
  until_true 6 ended "$PID" || { cat dev.log; fail "a stop takes longer than five seconds"; }
  finish "$PID"
  exec 9>&-
  # The data directory is whole and free, and its other job goes on.
  rf run job.yaml --data-dir data --quiet --for 1s >log 2>&1
  has log "windows: stopped"
}
