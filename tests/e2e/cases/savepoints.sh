# Savepoints: a job goes on from what its owner kept, elsewhere or under another name.

# rides_of NAME OUT: windows and sessions over the files that come into in/, into files.
rides_of() {
  cat <<END
job: $1
sources:
  rides:
    file: {path: "$PWD/in/*.jsonl", watch: true}
    format: json
    schema: {ride_id: string, city: string, fare: "double?", ride_timestamp: timestamp}
    event_time: {column: ride_timestamp, out_of_order: 2s}
streams:
  totals:
    from: rides
    key_by: [city]
    window: {tumbling: 10s}
    aggregate: {n: count(), fare: sum(fare), q: "approx_quantile(fare, 0.9)"}
  sessions:
    from: rides
    key_by: [ride_id]
    window: {session: {gap: 20s}}
    aggregate: {n: count()}
sinks:
  totals_out: {from: totals, file: {directory: "$PWD/$2/totals"}, format: json}
  sessions_out: {from: sessions, file: {directory: "$PWD/$2/sessions"}, format: json}
  raw_out: {from: rides, file: {directory: "$PWD/$2/raw"}, format: json}
END
}
# run_up_to ROWS OUT DATA_DIR ARGUMENTS…: `run` until so many rows are written, then a pause.
run_up_to() {
  start run.log run "${@:4}" --data-dir "$3" --quiet --checkpoint-interval 100ms
  until_true 60 grep -qw "$PID" "$3/LOCK" 2>/dev/null || { cat run.log; fail "it did not begin"; }
  until_true 60 has_rows "$2" "$1" || { cat run.log; fail "$2 has not $1 rows"; }
  stop_well run.log
}
has_rows() { [ "$(find "$1/raw" -name 'part-*' -exec cat {} + 2>/dev/null | wc -l)" -ge "$2" ]; }
# rows_of DIR: what the sinks beneath it wrote, sorted.
rows_of() { find "$1" -name 'part-*' -exec cat {} + | LC_ALL=C sort; }

start_serve() {
  start serve.log serve --listen 127.0.0.1:0 --data-dir data --checkpoint-interval 200ms --file-root "$PWD"
  until_true 90 grep -q 'takes jobs' serve.log || { cat serve.log; fail "serve did not begin"; }
}
has_polled() {
  rf status "$1" --data-dir data --format json >state.json 2>/dev/null &&
    [ "$(json state.json 'd.sources.reduce((n, s) => n + s.polled, 0)')" = "$2" ]
}

# Two files of events, the second of which comes after the savepoint; wanted/ is what one run of both gives.
two_halves() {
  mkdir in later
  events 4000 5 --rate 100 >all
  head -n 2000 all >in/1.jsonl
  tail -n +2001 all >later/2.jsonl
  cp later/2.jsonl in/
  rides_of whole wanted >whole.yaml
  run_up_to 4000 wanted whole whole.yaml
  rm in/2.jsonl
  rows_of wanted >wanted.rows
  [ -s wanted.rows ] || fail "no rows"
}

case_a_stopped_job_goes_on_from_its_savepoint_elsewhere() {
  two_halves
  start_serve
  rides_of mine results >job.yaml
  rf submit job.yaml --data-dir data --wait
  until_true 60 has_polled mine 2000 || { cat state.json; fail "the first half was not read"; }
  expect 0 stop mine --savepoint --to "$PWD/kept/one" --data-dir data
  has out "mine: savepoint of checkpoint"
  stop_well serve.log
  # Nothing of where it ran is left.
  rm -rf data
  mkdir elsewhere && mv kept/one elsewhere/
  cmp job.yaml elsewhere/one/JOB.yaml || fail "the savepoint lacks the job's text"
  is_json elsewhere/one/SAVEPOINT.json
  cp later/2.jsonl in/
  run_up_to 4000 results data2 job.yaml --from elsewhere/one
  rows_of results >found.rows
  same wanted.rows found.rows
  # Again: it has checkpoints of its own now, and goes on from them.
  expect 1 run job.yaml --from elsewhere/one --data-dir data2 --quiet
  has err "has checkpoints here"
  run_up_to 4000 results data2 job.yaml
  rows_of results >found.rows
  same wanted.rows found.rows
}

case_a_savepoint_of_a_running_job_is_a_fork_for_another() {
  two_halves
  start_serve
  rides_of mine results >job.yaml
  rf submit job.yaml --data-dir data --wait
  until_true 60 has_polled mine 2000 || { cat state.json; fail "the first half was not read"; }
  expect 0 savepoint mine --data-dir data --to early
  has out "data/savepoints/early"
  expect 2 savepoint mine --data-dir data --to early
  has err "holds a savepoint already"
  expect 1 savepoint mine --data-dir data --to /nowhere/of/mine
  expect 2 savepoint mine --data-dir data --to "gs://elsewhere"
  has err "neither a directory nor s3://"
  local place
  for place in "$PWD/data/jobs/mine/state/x" "$PWD/data/rollups/x/y" "$PWD/../x"; do
    expect 1 savepoint mine --data-dir data --to "$place"
    [ ! -e "$place" ] || fail "$place was made"
  done
  expect 1 savepoint mine --data-dir data --to "s3://bucket/x?endpoint=http://127.0.0.1:1"
  expect 1 savepoint ../../else/jobs/mine --data-dir data
  has err "no job"
  expect 1 savepoint yours --data-dir data
  has err "no job 'yours'"
  cp later/2.jsonl in/
  until_true 60 has_polled mine 4000 || { cat state.json; fail "the second half was not read"; }
  stop_well serve.log
  cp -r data/savepoints/early early
  # The same rows come once more under another name, into a directory of its own.
  rides_of other fork >other.yaml
  run_up_to 2000 fork data3 other.yaml --from early
  rows_of fork/totals >fork.rows
  rows_of wanted/totals >totals.rows
  # Windows that closed before the savepoint are not in it.
  comm -13 totals.rows fork.rows >strange
  [ ! -s strange ] || { head -n 3 strange; fail "a fork gives rows that one run does not"; }
  [ "$(tail -n 1 <(LC_ALL=C sort totals.rows))" = "$(tail -n 1 fork.rows)" ] || fail "the fork lacks the newest window"
}

case_savepoints_at_rest_and_damaged_ones() {
  two_halves
  rides_of mine results >job.yaml
  expect 1 savepoint mine --data-dir data
  has err "There is no data directory 'data'"
  start run.log run job.yaml --data-dir data --quiet --checkpoint-interval 100ms
  until_true 60 has_rows results 2000 || { cat run.log; fail "the first half was not written"; }
  kill -KILL "$PID"
  finish "$PID"
  expect 0 savepoint mine --data-dir data --to "$PWD/kept"
  expect 1 savepoint other --data-dir data
  has err "has no checkpoint"
  rm -rf data
  cp later/2.jsonl in/
  # A byte of any of its files: refused by name, and nothing was begun.
  local file
  for file in $(find kept -type f ! -name SAVEPOINT.json ! -name JOB.yaml); do
    cp "$file" whole.file
    flip "$file"
    expect 2 run job.yaml --from kept --data-dir data --quiet
    [ -z "$(find data/jobs -name 'manifest-*' 2>/dev/null)" ] || fail "$file: damaged, and yet a checkpoint was made"
    cp whole.file "$file.new" && mv "$file.new" "$file"
  done
  rm kept/files/*
  expect 2 run job.yaml --from kept --data-dir data --quiet
  expect 1 run job.yaml --from nowhere --data-dir data --quiet
  has err "'nowhere' does not exist"
}
# flip FILE: another byte in its middle. In a file of its own: others may be links to it.
flip() {
  node -e 'const fs = require("fs"); const [path] = process.argv.slice(1); const b = fs.readFileSync(path);
           b[b.length >> 1] ^= 0x20; fs.unlinkSync(path); fs.writeFileSync(path, b)' "$1"
}

# The same of a file, of a savepoint and of a job that runs; what needs a word ends with 1, and names it.
case_a_plan_tells_what_an_edit_does_to_the_state() {
  two_halves
  rides_of mine results >old.yaml
  sed 's/n: count(), fare: sum(fare)/fare: sum(fare), n: count(), most: max(fare)/' old.yaml >grown.yaml
  sed 's/tumbling: 10s/tumbling: 20s/' old.yaml >other.yaml
  start_serve
  rf submit old.yaml --data-dir data --wait
  until_true 60 has_polled mine 2000 || { cat state.json; fail "the first half was not read"; }
  rf savepoint mine --data-dir data --to kept
  local old
  for old in old.yaml data/savepoints/kept mine; do
    expect 0 plan $old old.yaml --data-dir data
    ! grep -v '^same' out || fail "nothing changes"
    expect 0 plan $old grown.yaml --data-dir data
    has out "changed  streams.totals"
    has out "state of 'totals' kept, but: 'most' (max(fare: double)) starts empty"
    expect 1 plan $old other.yaml --data-dir data
    has err "--drop-state totals"
    has out "its window changed"
  done
  expect 1 plan nowhere old.yaml --data-dir data
  has err "'nowhere' is no job file, no savepoint, and no job"
  expect 1 plan old.yaml other.yaml --format json
  is_json out
  # The server says the same before it takes the job.
  expect 0 submit other.yaml --data-dir data --dry-run
  has out "only with --drop-state totals"
  expect 0 submit grown.yaml --data-dir data --wait
  rf logs mine --data-dir data >log
  has log "starts empty"
}
