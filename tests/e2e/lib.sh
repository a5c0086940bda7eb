# Helpers of the cases. A case runs in an empty directory with `set -euo pipefail`; it fails by leaving with a
# code, and is skipped by 77.
. "$E2E_ROOT/tests/e2e/patience.sh"
JOBS=$E2E_ROOT/tests/e2e/jobs
STARTED=()
trap stop_started EXIT

fail() {
  echo "FAILED: $*"
  exit 1
}
skip() {
  echo "skipped: $*"
  exit 77
}

# The executable; no call of a case may hang.
rf() { patiently 300 "$RIDEFLOW" "$@"; }

# expect CODE ARGUMENTS…: runs rideflow, wants this exit code; its two streams are in ./out and ./err.
expect() {
  local wanted=$1 code=0
  shift
  rf "$@" >out 2>err || code=$?
  [ $code = "$wanted" ] && return 0
  cat out err
  fail "'rideflow $*' ended with $code instead of $wanted"
}

# has FILE TEXT: the file holds the text.
has() {
  grep -qF -- "$2" "$1" && return 0
  cat "$1"
  fail "'$2' is missing in $1"
}

is_json() { node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$1" || fail "$1 is no JSON"; }

# json FILE EXPRESSION: prints an expression over the document d.
json() {
  node -e 'const d = JSON.parse(require("fs").readFileSync(process.argv[1])); const v = eval(process.argv[2]);
           console.log(typeof v == "object" ? JSON.stringify(v) : v)' "$1" "$2"
}

# same A B: equal files; the first differences otherwise.
same() {
  cmp -s "$1" "$2" && return 0
  diff "$1" "$2" | head -n 20 || true
  fail "$1 ($(wc -l <"$1") lines) and $2 ($(wc -l <"$2") lines) differ"
}

# until_true SECONDS COMMAND…: waits until the command succeeds, for so many seconds of the machine's own time.
until_true() {
  local left=$(($1 * 1000))
  shift
  while ! "$@"; do
    [ $left -gt 0 ] || return 1
    sleep 0.05
    own_ms 50
    left=$((left - OWN_MS))
  done
}

# start LOG ARGUMENTS…: rideflow in the background; its process is $PID.
start() {
  local log=$1
  shift
  : >"$log"  # at once: what an earlier process wrote must not be taken for this one's
  "$RIDEFLOW" "$@" >>"$log" 2>&1 &
  PID=$!
  STARTED+=("$PID")
}

# finish PID: waits for its end; the exit code is $CODE.
finish() {
  CODE=0
  wait "$1" 2>/dev/null || CODE=$?
}

# stop_well LOG: SIGTERM to $PID, which is to end well.
stop_well() {
  kill -TERM "$PID"
  finish "$PID"
  [ "$CODE" = 0 ] || { cat "$1"; fail "after SIGTERM, ended with $CODE"; }
}

stop_started() {
  local pid
  for pid in "${STARTED[@]:-}"; do
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
  done
}

# start_dev LOG ARGUMENTS…: `rideflow dev` on a free port; its address is $URL.
start_dev() {
  start "$1" dev --listen 127.0.0.1:0 "${@:2}"
  until_true 90 grep -q '^dashboard: ' "$1" || { cat "$1"; fail "dev did not begin"; }
  URL=$(sed -n 's/^dashboard: //p' "$1")
  URL=${URL%/}
}

# request METHOD URL [BODY]: prints the answer; fails when it is not 2xx.
request() {
  node -e 'const [method, url, body] = process.argv.slice(1);
           fetch(url, {method, body, headers: {"Content-Type": "application/json"}}).then(async (r) => {
             process.stdout.write(await r.text()); process.exitCode = r.ok ? 0 : 1; },
             (e) => { console.error(String(e.cause ?? e)); process.exitCode = 1; })' "$@"
}

# parts_only DIR…: nothing but finished files is in the directories of file sinks, if they are there.
parts_only() {
  local strange
  strange=$(find "$@" -mindepth 1 ! -name 'part-*' 2>/dev/null || true)
  [ -z "$strange" ] || fail "whoever reads all files finds $strange"
}

# await_documents SECONDS EXPRESSION URL…: waits until the expression is true of each JSON document; see await.mjs.
await_documents() { node "$E2E_ROOT/tests/e2e/await.mjs" "$@"; }
# What a job's document says when it goes on, three more checkpoints since it was first asked for; and when it waits.
GOES_ON='newest(d) >= newest(first) + 3'
WAITS='d.state == "running" && d.waiting.length > 0'

# ended PID: it runs no more, though nobody may have asked for its exit code yet.
ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

# rides_job NAME RATE: a job of generated rides, but for the connector of its one sink.
rides_job() {
  cat <<END
job: $1
sources:
  rides:
    generator: {kind: rides, seed: 7, rate: $2}
    format: json
    schema: {ride_id: string, city: string, ride_timestamp: timestamp}
sinks:
  out:
    from: rides
    format: json
END
}

# events COUNT SEED [OPTIONS…]: ride events of a fixed day.
events() { rf generate rides --count "$1" --seed "$2" --start 2026-01-01T00:00:00Z "${@:3}"; }

# damaged: of the lines of stdin one in 97 is cut, one in 53 comes twice, one in 71 comes 4,000 lines later.
damaged() {
  awk '{ if (NR % 71 == 0) held[NR + 4000] = $0
         else if (NR % 97 == 0) print substr($0, 1, 60)
         else { print; if (NR % 53 == 0) print }
         if (NR in held) { print held[NR]; delete held[NR] } }
       END { for (n in held) print held[n] | "sort" }'
}

# outputs DATA_DIR DIR: the sorted records of every topic but the inputs, of all part files, and the totals of the
# rollup, in DIR. REQUIRES: the job of DATA_DIR, windows, has finished.
outputs() {
  local topic
  mkdir -p "$2"
  rf topics list --data-dir "$1" --format json >topics.json
  for topic in $(json topics.json 'd.map(t => t.name).join("\n")'); do
    case $topic in ride_events) continue ;; esac
    rf consume "$topic" --data-dir "$1" --from-beginning --until-end | LC_ALL=C sort >"$2/$topic"
  done
  for topic in again raw; do cat "$(dirname "$1")/files/$topic"/part-* | LC_ALL=C sort >"$2/files_$topic"; done
  rollup_totals "$1" >"$2/rollup"
}

# rollup_totals DATA_DIR: what Druid's clients get: every minute, city and status.
rollup_totals() {
  local data job=$JOBS/windows.yaml
  data=$(realpath "$1")
  [ ! -e job.yaml ] || job=$PWD/job.yaml
  cd "$(dirname "$1")"
  start_dev ../query.log "$job" --data-dir "$data" --quiet --watch
  cd "$OLDPWD"
  request POST "$URL/druid/v2" '{"queryType": "groupBy", "dataSource": "live", "granularity": "minute",
    "intervals": ["2000-01-01/2100-01-01"], "dimensions": ["city", "status"],
    "aggregations": [{"type": "longSum", "name": "n", "fieldName": "count"},
      {"type": "doubleSum", "name": "fare", "fieldName": "fare"},
      {"type": "hyperUnique", "name": "rides", "fieldName": "rides"}]}' >answer
  json answer 'd.map(r => JSON.stringify(r)).join("\n")' | LC_ALL=C sort
  kill -TERM "$PID"
  finish "$PID"
}

# small_results DIR LOG: starts the job of job.yaml in DIR again, and prints what it gave in the end.
small_results() {
  cd "$1"
  start_dev "../$2" ../job.yaml --data-dir data --quiet --watch --checkpoint-interval 100ms
  cd ..
  node "$E2E_ROOT/tests/e2e/results.mjs" "$URL" kills "$1/files/raw" || { cat "$2" >&2; return 1; }
  kill -TERM "$PID"
  finish "$PID"
  [ "$CODE" = 0 ] || { cat "$2" >&2; return 1; }
}

# same_outputs A B: what outputs() wrote, compared file by file.
same_outputs() {
  local name
  (cd "$1" && wc -l -- *) | awk '{print $2, $1}' >counts.wanted
  (cd "$2" && wc -l -- *) | awk '{print $2, $1}' >counts.found
  same counts.wanted counts.found
  for name in "$1"/*; do same "$name" "$2/${name##*/}"; done
}

# rows_add_up LOG: polled = decoded + rejected for every source of the summary.
rows_add_up() {
  grep -q '^ *source ' "$1" || fail "no row account in $1"
  tr -d , <"$1" | awk '$1 == "source" && $4 != $6 + $8 { print; bad = 1 } END { exit bad }' ||
    fail "the row account does not add up"
}

# generated_job OPTIONS: the job of every window with a generator of every fault instead of its topic.
generated_job() {
  awk -v options="$1" '
    /^    topic:/ && !done {
      print "    generator: {kind: rides, seed: 7, partitions: 4, disorder: 3s, late: 0.01, duplicates: 0.02,"
      print "      broken: 0.01, " options "}"
      done = skipping = 1
      next
    }
    skipping && /^      / { next }
    skipping && /format: json/ { skipping = 0; next }
    { print }' "$JOBS/windows.yaml"
}
