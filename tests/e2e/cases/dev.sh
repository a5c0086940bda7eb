# A running `dev`: other commands reach it by its port, and saving the job's file restarts it from its checkpoint.

live_job() {
  cat >job.yaml <<'Y'
job: live
sources:
  rides:
    topic: {name: ride_events, start: earliest}
    format: json
    schema:
      ride_id: string
      city: string
      status: string
      fare: double?
      ride_timestamp: timestamp
    event_time:
      column: ride_timestamp
      out_of_order: 1s
streams:
  asked:
    from: rides
    where: status = 'requested'
  totals:
    from: rides
    key_by: [status]
    window:
      global:
        every: 1s
    aggregate:
      n: count()
sinks:
  asked_out:
    from: asked
    topic: {name: out_asked}
  totals_out:
    from: totals
    topic: {name: out_totals}
Y
}

case_commands_reach_a_running_process() {
  live_job
  start_dev dev.log job.yaml --data-dir data --quiet --checkpoint-interval 100ms
  expect 0 topics create extra --partitions 2 --data-dir data
  expect 0 topics describe extra --data-dir data --format json
  [ "$(json out 'd.partitions.length')" = 2 ] || fail "not two partitions"
  events 3000 5 --rate 1000 >lines
  expect 0 produce ride_events lines --data-dir data
  has out "3000 records produced"
  local wanted
  wanted=$(grep -c '"status":"requested"' lines)
  rf consume out_asked --from-beginning --count "$wanted" --data-dir data >asked
  [ "$(wc -l <asked)" = "$wanted" ] || fail "$(wc -l <asked) of $wanted rows came"
  expect 0 consume out_asked --from-beginning --until-end --data-dir data --format json
  head -n 1 out >line
  is_json line
  expect 0 topics list --data-dir data --format json
  [ "$(json out "d.find(t => t.name == 'ride_events').records")" = 3000 ] || fail "records are miscounted"
  # A tap shows what comes after it.
  patiently 120 "$RIDEFLOW" tap live asked --count 5 --data-dir data >tapped 2>tap.err &
  local tap=$!
  until_true 90 bash -c "grep -q '' tapped || '$RIDEFLOW' produce ride_events lines --data-dir data >/dev/null &&
    grep -q '' tapped" || { cat tap.err; fail "the tap shows nothing"; }
  wait $tap || { cat tap.err; fail "tap"; }
  [ "$(wc -l <tapped)" = 5 ] || fail "not 5 rows tapped"
  expect 1 tap live askd --data-dir data
  has err "(did you mean 'asked'?)"
  expect 0 topics delete extra --data-dir data
  request GET "$URL/api/v1/jobs/live" >doc
  [ "$(json doc 'd.state')" = running ] || fail "the job does not run"
  [ "$(json doc 'd.sources.every(s => s.polled == s.decoded + s.rejected)')" = true ] || fail "row account"
  request GET "$URL/metrics" >metrics
  has metrics "# TYPE"
  stop_well dev.log
  has dev.log "live: stopped"
  # Without a process, the same commands open the directory themselves.
  expect 0 consume out_asked --from-beginning --until-end --data-dir data
  [ "$(wc -l <out)" -ge "$wanted" ] || fail "rows are gone"
  expect 1 tap live asked --data-dir data
  has err "Nothing runs on 'data'"
}

case_topic_in_use_is_not_deleted_without_a_word() {
  live_job
  start_dev dev.log job.yaml --data-dir data --quiet --checkpoint-interval 100ms
  events 500 5 --rate 1000 >lines
  expect 0 produce ride_events lines --data-dir data
  rf consume out_asked --from-beginning --count 1 --data-dir data >asked
  local topic
  for topic in ride_events out_asked; do
    expect 1 topics delete $topic --data-dir data
    has err "job 'live' (running)"
    has err "--force"
  done
  [ "$(node -e 'fetch(process.argv[1], {method: "DELETE"}).then(r => console.log(r.status))' \
    "$URL/api/v1/topics/ride_events")" = 409 ] || fail "the port deletes it"
  request GET "$URL/api/v1/jobs/live" >doc
  [ "$(json doc 'd.state')" = running ] || fail "the job does not run"
  expect 0 topics delete ride_events --data-dir data --force
  finish "$PID"
  [ "$CODE" = 1 ] || { cat dev.log; fail "dev ended with $CODE"; }
  has dev.log "Topic 'ride_events' was deleted while it was in use"
  # At rest: the job is refused by name, the topic is not made, and the word is told.
  expect 1 run job.yaml --data-dir data --quiet
  has err "topic 'ride_events', which the job has read, was deleted"
  has err "--drop-state rides"
  expect 1 topics describe ride_events --data-dir data
  expect 1 run job.yaml --data-dir data --quiet --drop-state ridess
  has err "(did you mean 'rides'?)"
  expect 0 run job.yaml --data-dir data --quiet --drop-state rides --for 1s
  expect 1 topics delete out_asked --data-dir data
  has err "job 'live' (at rest) writes it as 'asked_out'"
  expect 0 topics delete out_asked --data-dir data --force
}

# Sources that end end `run`, but not `dev`: what was computed can be asked for.
case_dev_goes_on_when_sources_end() {
  cat >job.yaml <<'Y'
job: short
sources:
  rides: {generator: {kind: rides, count: 500, start: 2026-01-01T00:00:00Z}}
sinks:
  live: {from: rides, rollup: {datasource: live, granularity: hour, dimensions: [city], metrics: {n: count()}}}
Y
  start_dev dev.log job.yaml --data-dir data --quiet
  until_true 60 grep -q 'all sources have ended; .* goes on serving until Ctrl-C (--exit ends' dev.log ||
    { cat dev.log; fail "the end was not told"; }
  request GET "$URL/api/v1/jobs/short" >doc
  [ "$(json doc 'd.state')" = finished ] || fail "the job is not finished"
  request POST "$URL/druid/v2" '{"queryType": "timeseries", "dataSource": "live", "granularity": "all",
    "intervals": ["2026-01-01/2026-01-02"],
    "aggregations": [{"type": "longSum", "name": "n", "fieldName": "n"}]}' >answer
  [ "$(json answer 'd[0].result.n')" = 500 ] || { cat answer; fail "the rollup is not served"; }
  stop_well dev.log
  has dev.log "short: finished"
  expect 0 dev job.yaml --data-dir again --quiet --listen 127.0.0.1:0 --exit
  expect 0 run job.yaml --data-dir third --quiet
}

# An edit that a plain restart takes is one that a saved file takes.
case_watched_rollup_may_get_a_metric() {
  cat >job.yaml <<'Y'
job: growing
sources:
  rides:
    topic: {name: ride_events, start: earliest}
    format: json
    schema: {city: string, ride_timestamp: timestamp}
    event_time: {column: ride_timestamp}
sinks:
  live: {from: rides, rollup: {datasource: live, granularity: hour, dimensions: [city], metrics: {n: count()}}}
Y
  start_dev dev.log job.yaml --data-dir data --quiet --watch --checkpoint-interval 100ms
  events 300 5 --rate 1000 >lines
  expect 0 produce ride_events lines --data-dir data
  sums() {
    request POST "$URL/druid/v2" '{"queryType": "timeseries", "dataSource": "live", "granularity": "all",
      "intervals": ["2026-01-01/2026-01-02"], "aggregations": [{"type": "longSum", "name": "n", "fieldName": "n"},
      {"type": "longSum", "name": "m", "fieldName": "m"}]}' >answer &&
      [ "$(json answer 'd[0]?.result.n + " " + (d[0]?.result.m ?? 0)')" = "$1" ]
  }
  until_true 60 sums "300 0" || { cat answer; fail "the rows did not come"; }
  sed -i 's/n: count()/n: count(), m: count()/' job.yaml
  until_true 60 grep -q 'restored from checkpoint' dev.log || { cat dev.log; fail "the edit was refused"; }
  expect 0 produce ride_events lines --data-dir data
  until_true 60 sums "600 300" || { cat answer dev.log; fail "the new metric does not count"; }
}

# last_total STATUS: the newest count of a status in out_totals.
last_total() {
  rf consume out_totals --from-beginning --until-end --data-dir data |
    sed -n "s/.*\"status\":\"$1\".*\"n\":\([0-9]*\).*/\1/p" | sort -n | tail -n 1
}
total_is() { [ "$(last_total "$1")" = "$2" ]; }

case_a_saved_job_goes_on_from_its_checkpoint() {
  live_job
  start_dev dev.log job.yaml --data-dir data --quiet --watch --checkpoint-interval 100ms
  events 4000 5 --rate 1000 >lines
  head -n 2000 lines >first
  tail -n 2000 lines >second
  rf produce ride_events first --data-dir data
  rf consume out_asked --from-beginning --count "$(grep -c '"requested"' first)" --data-dir data >asked
  # Another step is changed: the state of `totals` stays.
  sed -i "s/where: status = 'requested'/where: status = 'requested' and fare > 20/" job.yaml
  until_true 90 grep -q 'job.yaml: ' dev.log || { cat dev.log; fail "the edit was not seen"; }
  rf produce ride_events second --data-dir data
  # An event far ahead, so that the slices before it are complete; its own status is counted in none.
  tail -n 1 lines | sed 's/"status":"[a-z_]*"/"status":"none"/; s/T00:00:0[0-9.]*Z/T00:01:00.000Z/' >ahead
  local i
  for i in 1 2 3 4 5 6 7 8; do cat ahead; done >aheads
  rf produce ride_events aheads --data-dir data
  local wanted
  wanted=$(grep -c '"status":"requested"' lines)
  until_true 90 total_is requested "$wanted" ||
    { cat dev.log; fail "requested: $(last_total requested) instead of $wanted: state was lost, or rows"; }
  # An aggregate more, in front of the other: it starts empty, and the counts go on.
  sed -i "s/^      n: count()/      fares: count(fare)\n      n: count()/" job.yaml
  until_true 90 grep -q "state of 'totals' kept, but: 'fares' (count(fare: double)) starts empty" dev.log ||
    { cat dev.log; fail "what starts empty was not told"; }
  rf produce ride_events second --data-dir data
  sed 's/T00:01:00/T00:02:00/' aheads >later
  rf produce ride_events later --data-dir data
  local again
  again=$(grep -c '"status":"requested"' second)
  until_true 90 total_is requested $((wanted + again)) ||
    { cat dev.log; fail "requested: $(last_total requested) instead of $((wanted + again)): the count was lost"; }
  # Rows of several partitions come in any order: its total finds it.
  rf consume out_totals --from-beginning --until-end --data-dir data |
    grep "\"status\":\"requested\".*\"n\":$((wanted + again))," >last
  [ "$(json last 'd.fares')" = "$again" ] || { cat last; fail "the new aggregate does not start empty"; }
  # Another argument under the old name: the message says both, and the counts go on again.
  sed -i "s/fares: count(fare)/fares: count(fare + 1)/" job.yaml
  until_true 90 grep -q "'fares' starts empty: it was count(fare: double) and is count(fare + 1" dev.log ||
    { cat dev.log; fail "the changed aggregate was not told"; }
  # Another key: the whole state goes, and dev says so.
  sed -i "s/key_by: \[status\]/key_by: [status, city]/" job.yaml
  until_true 90 grep -q "state of 'totals' dropped: its keys changed" dev.log ||
    { cat dev.log; fail "the drop was not told"; }

  # A broken edit is told, here and by the port, and the job goes on as it was.
  sed -i 's/count(fare + 1)/count(farre + 1)/' job.yaml
  until_true 90 grep -q 'live goes on as it was' dev.log || { cat dev.log; fail "the broken edit was not told"; }
  request GET "$URL/api/v1/jobs/live" >doc
  [ "$(json doc 'd.state')" = running ] || fail "the old job does not run"
  [ "$(json doc 'String(d.error)')" != null ] || fail "the port does not show the error"
  sed -i 's/count(farre + 1)/count(fare + 1)/' job.yaml
  await_documents 90 'd.error === null' "$URL/api/v1/jobs/live" || fail "the mended job still shows an error"
  stop_well dev.log
}

case_dev_generates_events() {
  live_job
  start_dev dev.log job.yaml --data-dir data --quiet --generate 500/s --seed 3 --checkpoint-interval 100ms
  rf consume out_asked --from-beginning --count 20 --data-dir data >asked
  [ "$(wc -l <asked)" = 20 ] || fail "no rows"
  stop_well dev.log
  has dev.log "events generated"
}

# Held rows of the sessions come back from the checkpoint, and in = absorbed + held.
SESSIONS_ADD_UP='d.nodes.filter(n => n.role == "session" && n.rows_in > 0 && n.absorbed > 0 &&
  n.rows_in == n.absorbed + n.late + n.rejected + n.held).length == 1'

case_the_row_account_adds_up_after_a_restart() {
  local job=$E2E_ROOT/jobs/ride_metrics/ride_metrics.yaml
  start_dev first.log "$job" --data-dir data --quiet --generate 500/s --seed 7
  await_documents 60 "$SESSIONS_ADD_UP" "$URL/api/v1/jobs/ride_metrics" || fail "the account of the first run"
  stop_well first.log
  start_dev second.log "$job" --data-dir data --quiet --generate 500/s --seed 8
  await_documents 60 "$SESSIONS_ADD_UP" "$URL/api/v1/jobs/ride_metrics" || fail "after a restart"
}

# Every answer of the list from the first one on names the job: nobody is told to start it.
case_a_job_is_listed_before_it_runs() {
  local port=$((20000 + RANDOM % 20000))
  rf dev "$E2E_ROOT/jobs/ride_metrics/ride_metrics.yaml" --data-dir data --quiet --listen 127.0.0.1:$port >log 2>&1 &
  STARTED+=($!)
  until_true 30 request GET "http://127.0.0.1:$port/api/v1/jobs" >list || fail "no answer"
  has list '"job":"ride_metrics"'
  request GET "http://127.0.0.1:$port/api/v1/jobs/ride_metrics" >doc || fail "no document"
  has doc '"state"'
}

case_generated_events_can_be_late_and_broken() {
  rf generate rides --count 3000 --seed 1 --start 2026-01-01T00:00:00Z >plain
  rf generate rides --count 3000 --seed 1 --start 2026-01-01T00:00:00Z --pace 1 >same_pace
  cmp plain same_pace || fail "--pace 1 is the default of generate"
  rf generate rides --count 3000 --seed 1 --start 2026-01-01T00:00:00Z --late 0.1 --broken 0.05 >faults
  node -e '
    const lines = require("fs").readFileSync("faults", "latin1").trim().split("\n");
    const time = (l) => { try { return Date.parse(JSON.parse(l).ride_timestamp); } catch { return NaN; } };
    const times = lines.map(time), broken = times.filter(Number.isNaN).length;
    let max = 0, late = 0;
    for (const t of times) { if (t < max - 50000) late++; if (t > max) max = t; }
    if (broken < 75 || late < 30) { console.log({ broken, late }); process.exit(1); }' || fail "no faults"
  expect 1 generate rides --late 2 --count 1
  has err "--late wants a number from 0 to 1"
  expect 1 generate rides --pace slow --count 1
  has err "--pace wants a number"
}

# From the answer that a record is durable until a query counts it. A busy machine may hold one up: the best of five.
case_queries_see_rows_within_250_ms() {
  cat >job.yaml <<'Y'
job: fresh
sources:
  rides:
    topic: {name: ride_events, start: earliest}
    format: json
    schema: {city: string, t: timestamp}
    event_time: {column: t}
sinks:
  live: {from: rides, rollup: {datasource: live, granularity: second, dimensions: [city], metrics: {n: count()}}}
Y
  start_dev dev.log job.yaml --data-dir data --quiet
  node - "$URL" <<'JS' >took || { cat took dev.log; fail "rows are not seen in time"; }
const url = process.argv[2];
const post = async (path, body) => {
  const headers = {'Content-Type': 'application/json'};
  const r = await fetch(url + path, {method: 'POST', headers, body: JSON.stringify(body)});
  if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`);
  return r.json();
};
const query = {queryType: 'timeseries', dataSource: 'live', intervals: ['2026-01-01/2026-01-02'], granularity: 'all',
  aggregations: [{type: 'longSum', name: 'n', fieldName: 'n'}]};
const seen = async () => Number((await post('/druid/v2', query).catch(() => []))[0]?.result?.n ?? 0);
const run = async () => {
  const took = [];
  for (let i = 1; i <= 5; i++) {
    await post('/api/v1/topics/ride_events/records', {city: 'Lyon', t: `2026-01-01T00:00:0${i}Z`});
    const begin = performance.now();
    while ((await seen()) < i) if (performance.now() - begin > 30000) throw new Error('never seen');
    took.push(performance.now() - begin);
  }
  console.log(took.map((t) => t.toFixed(1)).join(' '));
  process.exitCode = Math.min(...took) <= 250 ? 0 : 1;
};
run().catch((e) => { console.log(String(e)); process.exitCode = 1; });
JS
}
