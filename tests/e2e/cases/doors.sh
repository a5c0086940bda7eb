# Doors and secrets: what a job file, a request or a look at the disk must not give.

# kafka_job PASSWORD [PROPERTY]: a job whose broker does not answer.
kafka_job() {
  cat <<Y
job: guarded
kafka:
  brokers: "127.0.0.1:1"
  security: sasl_plaintext
  mechanism: PLAIN
  username: somebody
  password: $1
  $([ -z "${2:-}" ] || echo "properties: {$2: x}")
sources:
  rides:
    topic: {name: ride_events, start: earliest}
    format: json
    schema:
      ride_id: string
      t: timestamp
    event_time:
      column: t
      out_of_order: 2s
sinks:
  out:
    from: rides
    file: {directory: out}
    format: json
Y
}

case_a_secret_is_shown_nowhere() {
  local canary="canary-$RANDOM-5e2f" way
  mkdir secrets
  echo "$canary" >secrets/password
  for way in "{env: CANARY}" "{file: secrets/password}"; do
    kafka_job "$way" >job.yaml
    rf check job.yaml >check.log 2>&1
    rf explain job.yaml >explain.log 2>&1
    CANARY=$canary rf run job.yaml --data-dir data --quiet --for 3s >run.log 2>&1 || true
    [ -s run.log ] || fail "the run says nothing"
    # A running process is asked for all it tells.
    CANARY=$canary start dev.log dev job.yaml --data-dir data --quiet --listen 127.0.0.1:0 --watch
    if until_true 10 grep -q '^dashboard: ' dev.log; then
      URL=$(sed -n 's/^dashboard: //p' dev.log)
      for path in status api/v1/jobs api/v1/jobs/guarded api/v1/topics metrics; do
        request GET "${URL%/}/$path" >>answers 2>&1 || true
      done
    fi
    kill -TERM "$PID" 2>/dev/null || true
    finish "$PID"
  done
  [ -s answers ] || echo "the process ended before it could be asked"
  ! grep -rlF --exclude-dir=secrets -- "$canary" . || fail "the secret is in the files above"
  # In the job file itself it is refused, and not repeated.
  kafka_job "\"$canary\"" >literal.yaml
  expect 1 check literal.yaml
  has out "write {env: NAME} or {file: path}"
  ! grep -qF -- "$canary" out err || fail "the refusal repeats the secret"
}

# abort_in ENVIRONMENT…: a job with a secret in the directory ./$1, ended by SIGABRT with core files switched on.
abort_in() {
  mkdir "$1"
  cd "$1"
  (ulimit -c unlimited 2>/dev/null || true
    exec env CANARY="$CANARY" "${@:2}" "$RIDEFLOW" dev ../job.yaml --data-dir data --quiet --watch \
      --listen 127.0.0.1:0) >../dev.log 2>&1 &
  PID=$!
  STARTED+=("$PID")
  cd ..
  # The source has opened, and waits for its broker: the secret is in memory.
  until_true 30 grep -q 'kafka_error' dev.log || { cat dev.log; fail "the job did not open its source"; }
  grep '^Max core file size' "/proc/$PID/limits" >"$1.limits"
  kill -ABRT "$PID"
  finish "$PID"
  [ "$CODE" = 134 ] || fail "SIGABRT: ended with $CODE"
}

case_a_core_file_holds_no_secret() {
  CANARY="canary-$RANDOM-c0de"
  kafka_job "{env: CANARY}" >job.yaml
  abort_in plain RIDEFLOW_NOTHING=1
  has plain.limits "Max core file size        0                    0 "
  [ -z "$(find plain -name 'core*')" ] || fail "there is a core file"
  # Where the system writes core files at all, one that was asked for holds the secret: this test can see it.
  abort_in asked RIDEFLOW_CORE_FILES=yes
  local core
  core=$(find asked -name 'core*')
  if [ -n "$core" ]; then
    grep -qaF -- "$CANARY" $core || fail "the secret is not in the core file that was asked for"
  else
    echo "no core files in this directory here ($(cat /proc/sys/kernel/core_pattern)): only the limit was checked"
  fi
}

# copying_job SOURCE SINK: a job from one connector to another.
copying_job() {
  cat <<Y
job: reaching
sources:
  lines:
    file: $1
    format: json
    schema:
      a: string?
sinks:
  out:
    from: lines
    file: $2
    format: json
  bad:
    from: lines.rejected
    file: {directory: bad}
    format: json
Y
}

case_a_job_names_only_files_that_it_may() {
  echo '{"a": "canary-file"}' >outside.txt
  mkdir work && cd work
  mkdir in rows data
  echo '{"a": "inside"}' >in/a.json
  ln -s ../../outside.txt in/link.json
  ln -s "$PWD/../outside.txt" in/absolute.json
  ln -s .. up
  local path
  for path in "$PWD/../outside.txt" ../outside.txt in/../../outside.txt in/link.json in/absolute.json up/outside.txt \
    "'../*.txt'" "'up/*.txt'" /etc/passwd /proc/self/environ; do
    copying_job "{path: $path}" "{directory: rows}" >job.yaml
    expect 1 run job.yaml --data-dir data --quiet
    grep -qE '^job.yaml:4:18  sources.lines.file.path: ' err || { cat err; fail "$path: no place is named"; }
    has err "--file-root"
    ! grep -rq 'canary-file' rows bad data 2>/dev/null || fail "$path was read"
  done
  # Links in a directory that is read as a whole are passed by.
  copying_job "{path: in}" "{directory: rows}" >job.yaml
  expect 0 run job.yaml --data-dir data --quiet
  [ "$(cat rows/part-* | wc -l)" = 1 ] || { cat rows/part-*; fail "not only the row that is inside"; }
  ! grep -rq canary-file rows bad || fail "a link was followed"
  # Nor does it write there, or into the data directory.
  for path in ../rows "$PWD/../rows" up/rows data/topics data/jobs/reaching; do
    copying_job "{path: in}" "{directory: $path}" >job.yaml
    expect 1 run job.yaml --data-dir data --quiet
    grep -qE '^job.yaml:11:23  sinks.out.file.directory: ' err || { cat err; fail "$path: no place is named"; }
    [ ! -e ../rows ] || fail "$path was made"
  done
  # What is allowed aloud: then that alone.
  copying_job "{path: ../outside.txt}" "{directory: rows2}" >job.yaml
  expect 0 run job.yaml --data-dir data2 --quiet --file-root .. --file-root .
  grep -q canary-file rows2/part-* || fail "an allowed file was not read"
  expect 1 run job.yaml --data-dir data3 --quiet --file-root in
  expect 1 run job.yaml --data-dir data3 --quiet --file-root nowhere
  has err "nowhere"
  [ ! -e data3 ] || fail "a data directory was made"
}

case_a_job_names_only_secrets_that_it_may() {
  echo canary-file >outside.txt
  mkdir work && cd work
  ln -s ../outside.txt link
  local path
  for path in ../outside.txt link /etc/hostname; do
    kafka_job "{file: $path}" >job.yaml
    expect 1 run job.yaml --data-dir data --quiet --for 3s
    grep -qE '^job.yaml:[0-9]+:[0-9]+  kafka.password: ' err || { cat err; fail "$path: no place is named"; }
    has err "--file-root"
  done
  # The folder of the job file counts as well as the working directory.
  mkdir jobs && echo pass >jobs/password
  kafka_job "{file: $PWD/jobs/password}" >jobs/job.yaml
  mkdir in && cd in
  expect 2 run ../jobs/job.yaml --data-dir data --quiet --for 3s
  ! grep -q 'file-root' err || { cat err; fail "the job file's own folder is refused"; }
}

case_a_job_connects_only_where_it_may() {
  kafka_job "{env: CANARY}" >job.yaml
  export CANARY=x
  expect 1 run job.yaml --data-dir data --quiet --allow-address kafka.example:9092
  grep -qE '^job.yaml:[0-9]+:[0-9]+  kafka.brokers: ' err || { cat err; fail "no place is named"; }
  has err "--allow-address 127.0.0.1:1"
  [ ! -e data ] || fail "a data directory was made"
  # Where machines of a cloud keep their secrets, without any rule.
  sed -i 's/127.0.0.1:1/169.254.169.254:80/' job.yaml
  expect 1 run job.yaml --data-dir data --quiet
  has err "169.254.169.254:80"
  # A name is asked again for what it stands for.
  sed -i 's/169.254.169.254:80/localhost:1/' job.yaml
  expect 1 run job.yaml --data-dir data --quiet --for 3s --allow-address 10.0.0.0/8
  has err "'localhost:1' resolves to an address that jobs may not connect to here"
  # Allowed, it gets as far as the connection.
  expect 2 run job.yaml --data-dir data --quiet --for 3s --allow-address 127.0.0.0/8 --allow-address ::1
  ! grep -q 'allow-address' err || { cat err; fail "an allowed address is refused"; }
}

case_properties_that_run_code_are_refused_by_name() {
  local property
  for property in plugin.library.paths sasl.kerberos.kinit.cmd ssl.engine.location sasl.oauthbearer.config \
    ssl.key.location debug; do
    kafka_job "{env: CANARY}" "$property" >job.yaml
    local code=0
    CANARY=x rf run job.yaml --data-dir data --quiet --for 1s >out 2>&1 || code=$?
    [ $code = 1 ] || { cat out; fail "$property: ended with $code"; }
    has out "$property"
  done
}

case_other_machines_are_refused_without_a_token() {
  generated_job "count: 10, start: 2026-01-01T00:00:00Z" >job.yaml
  expect 1 dev job.yaml --data-dir data --quiet --listen 0.0.0.0:0
  has err "--insecure"
  has err "0.0.0.0"
}

# raw TEXT: what the server of $URL answers to these bytes.
raw() {
  node -e 'const [url, text] = process.argv.slice(1), { hostname, port } = new URL(url);
    const s = require("net").connect(port, hostname, () => s.write(text.replaceAll("\\r\\n", "\r\n")));
    s.on("data", (d) => process.stdout.write(d)).on("error", () => {}).setTimeout(15000, () => s.destroy());' \
    "$URL" "$1"
}

case_paths_hosts_and_framing_are_checked() {
  generated_job "count: 10, start: 2026-01-01T00:00:00Z" >job.yaml
  mkdir ui && echo '<html></html>' >ui/index.html && echo "canary-file" >secret.txt
  start_dev dev.log job.yaml --data-dir data --quiet --watch --ui-dir ui
  local host=${URL#http://} path
  for path in /../secret.txt /%2e%2e/secret.txt /%2e%2e%2fsecret.txt /..%2fsecret.txt /..%5csecret.txt \
    /.%2e/secret.txt /%252e%252e/secret.txt /ui/../../secret.txt //secret.txt /./../secret.txt \
    /%c0%ae%c0%ae/secret.txt /..%00/secret.txt /api/v1/jobs/..%2f..%2fsecret.txt "/$PWD/secret.txt"; do
    raw "GET $path HTTP/1.1\\r\\nHost: $host\\r\\nConnection: close\\r\\n\\r\\n" >answer
    [ -s answer ] || fail "$path: no answer"
    ! grep -q canary-file answer || fail "$path leads out of the folder"
  done
  raw "GET /api/v1/jobs HTTP/1.1\\r\\nHost: evil.example\\r\\nConnection: close\\r\\n\\r\\n" >answer
  grep -qE '^HTTP/1.1 4[0-9][0-9]' answer || { cat answer; fail "a foreign host is served"; }
  raw "POST /druid/v2 HTTP/1.1\\r\\nHost: $host\\r\\nContent-Type: application/json\\r\\nContent-Length: 2\\r\\n\
Transfer-Encoding: chunked\\r\\n\\r\\n{}" >answer
  grep -q '^HTTP/1.1 400' answer || { cat answer; fail "two framings are accepted"; }
  raw "GET /$(printf 'a%.0s' $(seq 9000)) HTTP/1.1\\r\\nHost: $host\\r\\nConnection: close\\r\\n\\r\\n" >answer
  grep -qE '^HTTP/1.1 4[0-9][0-9]' answer || { cat answer; fail "a long address is accepted"; }
  # A header that never ends is cut off, and the server goes on.
  raw "GET /api/v1/jobs HTTP/1.1\\r\\nHost: $host\\r\\nX: " >answer
  request GET "$URL/api/v1/jobs" >answer || fail "the server is gone"
}
