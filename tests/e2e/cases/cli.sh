# The command line: what every command answers, and how mistakes are told.

case_every_command_has_help() {
  rf --help >all
  awk '/^commands:/ { on = 1; next } on && NF == 0 { exit } on { print substr($0, 3, 16) }' all >names
  [ "$(wc -l <names)" -ge 16 ] || fail "only $(wc -l <names) commands"
  local name
  while read -r name; do
    # shellcheck disable=SC2086  # 'topics list' is two words
    expect 0 $name --help
    has out "usage: rideflow $name"
  done <names
  expect 0 topics --help
  has out "topics create"
}

case_mistakes_are_told_with_a_suggestion() {
  expect 1 chek
  has err "unknown command 'chek' (did you mean 'check'?)"
  expect 1 topics lst
  has err "unknown command 'topics lst' (did you mean 'topics list'?)"
  expect 1 run --paralelism 2 job.yaml
  has err "unknown option --paralelism (did you mean '--parallelism'?)"
  expect 1 run
  has err "missing argument"
  expect 1 run --parallelism many "$JOBS/windows.yaml"
  has err "--parallelism wants a whole number"
  expect 1 run --parallelism
  has err "--parallelism wants a value"
  expect 1 run "$JOBS/windows.yaml" --quiet --quiet
  has err "given twice"
  expect 1 check --format xml "$JOBS/windows.yaml"
  has err "--format wants text or json"
}

case_check_tells_every_error_with_its_place() {
  cat >broken.yaml <<'Y'
job: broken
sources:
  rides:
    generator: {kind: rides, count: 10}
streams:
  one:
    from: ridez
  two:
    from: rides
    where: farre > 1
sinks:
  out:
    from: two
    topic: {nam: x}
Y
  expect 1 check broken.yaml
  has out "broken.yaml:7:11  streams.one.from: unknown source or step 'ridez' (did you mean 'rides'?)"
  has out "broken.yaml:10:"
  has out "(did you mean 'fare'?)"
  has out "broken.yaml:14:"
  has out "(did you mean 'name'?)"
  expect 1 check --format json broken.yaml
  is_json out
  [ "$(json out 'd.length >= 3 && d.every(e => e.file && e.line > 0 && e.column > 0 && e.message)')" = true ] ||
    fail "the errors lack their places"
  expect 1 run broken.yaml --data-dir data
  has err "broken.yaml has"
}

case_check_passes_on_the_shipped_jobs() {
  expect 0 check "$E2E_ROOT/jobs" "$JOBS/windows.yaml"
  has out "windows.yaml: ok"
  expect 0 check --format json "$E2E_ROOT/jobs"
  is_json out
  [ "$(cat out)" = "[]" ] || fail "errors or warnings in jobs/"
}

case_shipped_jobs_pass_their_tests() {
  expect 0 test "$E2E_ROOT/jobs"
  has out " 0 failed"
}

case_a_job_is_explained_and_drawn() {
  expect 0 explain "$JOBS/windows.yaml" --parallelism 3
  local word
  for word in "job windows" "logical plan" "exchange by city" "early"; do has out "$word"; done
  expect 0 graph "$JOBS/windows.yaml"
  has out "flowchart"
  has out "tumbling"
}

case_schema_docs_and_version() {
  expect 0 schema
  is_json out
  expect 0 docs pages
  local file
  while read -r file; do [ -s "$file" ] || fail "$file is empty"; done <out
  has pages/connectors.md "topic"
  expect 0 version
  has out "rideflow "
  expect 0 version --format json
  is_json out
}

case_output_that_nobody_reads_ends_a_command() {
  local code
  code=$(
    timeout 20 "$RIDEFLOW" generate rides 2>/dev/null | head -n 1 >/dev/null
    echo "${PIPESTATUS[0]}"
  )
  [ $code = 0 ] || fail "generate ended with $code after its reader had gone"
  timeout 20 "$RIDEFLOW" generate rides >/dev/full 2>err && code=0 || code=$?
  [ $code = 2 ] || fail "generate ended with $code on a full device"
  has err "standard output can't be written: No space left on device"
}

case_generated_events_depend_on_seed_and_start_only() {
  events 2000 7 >one
  events 2000 7 --rate 1000/s >paced
  events 2000 7 >two
  events 2000 8 >other
  same one two
  ! cmp -s one other || fail "seeds 7 and 8 give the same events"
  [ "$(wc -l <paced)" = 2000 ] || fail "not 2000 events"
  local kind
  for kind in rides vehicles users users_schema; do
    rf generate $kind --count 50 --start 2026-01-01T00:00:00Z >lines
    node -e 'for (const l of require("fs").readFileSync("lines", "utf8").trim().split("\n")) JSON.parse(l)'
  done
}

case_headers_go_with_their_records() {
  printf '{"a": 1}\n' >one
  printf '{"a": 2}\n' >two
  printf '{"a": 3}\n' | rf produce t --data-dir data --header trace=gone >log
  expect 0 produce t one --data-dir data --header trace=abc --header trace=x=y
  expect 0 produce t two --data-dir data
  expect 1 produce t two --data-dir data --header nothing
  has err "--header wants NAME=VALUE"
  cat >job.yaml <<'Y'
job: headers
sources:
  in:
    topic: {name: t, until: latest}
    format: json
    schema:
      a: int64
streams:
  seen:
    from: in
    where: a < 3
    select:
      a:
      headers: _headers
sinks:
  out:
    from: seen
    file: {directory: rows}
    format: json
Y
  expect 0 run job.yaml --data-dir data --quiet
  cat rows/part-* | sort >found
  printf '%s\n' '{"a":1,"headers":[{"key":"trace","value":"YWJj"},{"key":"trace","value":"eD15"}]}' \
    '{"a":2,"headers":[]}' >wanted
  same wanted found
  expect 0 consume t --data-dir data --from-beginning --until-end --format json
  sort -t: -k2 out | grep -o '"value":.*' | sort >direct
  has direct '"value":"{\"a\": 1}","headers":[{"key":"trace","value":"abc"},{"key":"trace","value":"x=y"}]}'
  # The same from a process that owns the data directory.
  start_dev dev.log job.yaml --data-dir data --quiet --watch
  expect 0 consume t --data-dir data --from-beginning --until-end --format json
  grep -o '"value":.*' out | sort >through
  same direct through
  expect 0 produce t two --data-dir data --header 'name=ü &='
  expect 0 consume t --data-dir data --from-beginning --until-end --format json
  has out '"headers":[{"key":"name","value":"ü &="}]'
  kill -TERM "$PID"
  finish "$PID"
}

case_a_file_of_tests_is_no_job() {
  cp "$JOBS/windows.yaml" one.yaml
  printf 'job: windows\ntests: []\n' >one.test.yaml
  expect 0 check one.yaml one.test.yaml
  has out "one.test.yaml: ok"
  printf 'job: windows\ntests:\n  - name: wrong\n    feed: [{nosuch: []}]\n' >one.test.yaml
  expect 1 check one.test.yaml
  has out "one.test.yaml:"
  has out "nosuch"
}

case_help_and_version_by_their_usual_flags() {
  expect 0 -h
  has out "usage: rideflow COMMAND"
  expect 0 check -h
  has out "usage: rideflow check"
  expect 0 --version
  has out "rideflow "
  expect 1 check --frmat json x.yaml
  has err "unknown option --frmat (did you mean '--format'?)"
}

case_errors_are_json_where_json_is_asked_for() {
  expect 1 check --format json nofile.yaml
  [ "$(json out 'd.error.includes("nofile.yaml")')" = true ] || fail "check says nothing of nofile.yaml"
  expect 1 check --format json
  [ "$(json out 'd.error.includes("missing argument")')" = true ] || fail "check says nothing of its arguments"
  echo "job: x" >wrong.yaml
  expect 1 test --format json wrong.yaml
  [ "$(json out 'd.length == 1 && !d[0].passed && d[0].errors[0].line == 1 && d[0].file')" = wrong.yaml ] ||
    fail "test says nothing of wrong.yaml"
}

case_a_failing_test_says_what_went_in_and_each_difference_once() {
  cat >t.yaml <<'Y'
job: t
sources: {r: {topic: {name: in}, schema: {city: string, n: "int64?", at: timestamp}, event_time: {column: at}}}
sinks: {o: {from: r, topic: {name: out}}}
tests:
  - name: one of two is wrong
    parallelism: [1, 2, 3]
    feed:
      - r: [{city: "L'Île", at: 2026-01-01T00:00:00Z}, {city: Nice, n: 2, at: 2026-01-01T00:00:01Z}]
    expect:
      o: [{city: Nice, n: 2}, {city: Lyon, n: null}]
Y
  expect 1 test t.yaml
  has out 'r: {"city": "L'"'"'Île", "at": "2026-01-01T00:00:00Z"}'
  has out "sink 'o', in all 6 runs:"
  has out 'line 10: expected and not found: {"city": "Lyon", "n": null}'
  [ "$(grep -c 'expected and not found' out)" = 1 ] || fail "the difference is there more than once"
  expect 1 test --format json t.yaml
  [ "$(json out 'd[0].failures[0].runs.length')" = 6 ] || fail "the runs are missing"
  [ "$(json out 'd[0].failures[0].sink + d[0].failures[0].missing[0].row.city + d[0].failures[0].unexpected[0].city')" \
    = "oLyonL'Île" ] || fail "the difference is not data"
  # What was found can be pasted into the test.
  local row
  expect 1 test t.yaml
  row=$(sed -n 's/.*found and not expected: //p' out)
  sed "s|{city: Lyon, n: null}|$row|" t.yaml >pasted.yaml
  expect 0 test pasted.yaml
  printf 'job: none\nsources: {r: {generator: {kind: rides}}}\nsinks: {o: {from: r, discard: }}\n' >none.yaml
  expect 0 test none.yaml
  has out "none.yaml: no tests in it"
}

case_csv_that_we_write_is_csv_that_we_read() {
  cat >w.yaml <<'Y'
job: w
sources: {r: {file: {path: in.json}, schema: {a: string, b: int64}}}
sinks: {o: {from: r, file: {directory: csv}, format: {csv: {header: true}}}}
Y
  cat >r.yaml <<'Y'
job: r
sources: {r: {file: {path: csv}, format: {csv: {header: true}}, schema: {a: string, b: int64}}}
sinks: {o: {from: r, file: {directory: json}}}
Y
  printf '%s\n' '{"a":"two\nlines, \"quoted\"","b":1}' '{"a":"\n\n","b":2}' '{"a":"plain","b":3}' >in.json
  expect 0 run w.yaml --data-dir data --listen 127.0.0.1:0 --quiet
  expect 0 run r.yaml --data-dir data --listen 127.0.0.1:0 --quiet
  cat json/part-* | diff - in.json || fail "the rows are others"
  # A row of one null is an empty line; an interval may be negative.
  sed -e 's/a: string, b: int64/v: "interval?"/' -e 's/in\.json/one.json/' \
    -e 's/: csv}/: csv1}/; s/job: w/job: w1/' w.yaml >w1.yaml
  sed -e 's/a: string, b: int64/v: "interval?"/' \
    -e 's/: csv}/: csv1}/; s/: json}/: json1}/; s/job: r/job: r1/' r.yaml >r1.yaml
  printf '%s\n' '{"v":null}' '{"v":"-PT1H"}' '{"v":null}' '{"v":null}' >one.json
  expect 0 run w1.yaml --data-dir data --listen 127.0.0.1:0 --quiet
  expect 0 run r1.yaml --data-dir data --listen 127.0.0.1:0 --quiet
  cat json1/part-* | diff - one.json || fail "the rows of one column are others"
}

case_bad_records_fail_says_which_record() {
  cat >f.yaml <<'Y'
job: f
sources: {r: {file: {path: in.json}, schema: {a: string}, bad_records: fail}}
streams: {s: {from: r, select: {n: cast(a as int64)}}}
sinks: {o: {from: s, discard: }}
Y
  echo '{"a":"x"}' >in.json
  expect 1 run f.yaml --data-dir data --listen 127.0.0.1:0 --quiet
  has err "s: select.n: "
  has err 'record 0 of partition 0 of '"'in.json'"', "{\"a\":\"x\"}"'
  has err "from a source with bad_records: fail; keep would put it aside"
  echo '{"a":7}' >in.json
  expect 1 run f.yaml --data-dir other --listen 127.0.0.1:0 --quiet
  has err 'record 0 of partition 0 of '"'in.json'"', "{\"a\":7}"'
}

case_an_empty_line_is_a_record_of_no_bytes() {
  printf '\n{"a":1}\n\n' >lines
  expect 0 produce t lines --data-dir data
  has out "3 records produced"
  printf '{"a":2}' | rf produce t --data-dir data >out
  has out "1 records produced"
  : | rf produce t --data-dir data >out
  has out "0 records produced"
  cat >j.yaml <<'Y'
job: j
sources: {r: {topic: {name: t, until: latest}, schema: {a: int64}}}
sinks:
  good: {from: r, topic: {name: good}}
  bad: {from: r.rejected, topic: {name: bad}}
Y
  expect 0 run j.yaml --data-dir data --quiet
  rf consume bad --data-dir data --from-beginning --until-end >bad
  [ "$(grep -c '"_reason":"the record is empty: expected a JSON object"' bad)" = 2 ] || { cat bad; fail "not both"; }
  # The same through the process that owns the directory.
  start_dev dev.log j.yaml --data-dir data --quiet --watch
  expect 0 produce t lines --data-dir data
  has out "3 records produced"
  expect 0 consume t --data-dir data --from-beginning --until-end
  [ "$(grep -c '^$' out)" = 4 ] || { cat out; fail "empty records are missing"; }
  kill -TERM "$PID"
  finish "$PID"
}

case_the_rows_of_a_console_sink_have_stdout_for_themselves() {
  cat >j.yaml <<'Y'
job: j
sources: {r: {file: {path: in.json}, schema: {a: int64}}}
sinks: {o: {from: r, console: {names: false}}}
Y
  printf '%s\n' '{"a":1}' '{"a":2}' >in.json
  expect 0 run j.yaml --data-dir data --quiet
  same out in.json
  rows_add_up err
  has err "data: data"
}

case_plans_pictures_and_topics_are_json_where_it_is_asked_for() {
  cat >j.yaml <<'Y'
job: j
kafka: {brokers: "127.0.0.1:1", username: me, password: {env: CANARY}, mechanism: PLAIN, security: sasl_plaintext}
sources: {r: {topic: {name: in}, schema: {city: string, at: timestamp}, event_time: {column: at}}}
streams: {w: {from: r, key_by: [city], window: {tumbling: 1m}, aggregate: {n: count()}}}
sinks: {o: {from: w, topic: {name: out}, delivery: at_least_once}}
Y
  CANARY=kept-secret expect 0 explain j.yaml --parallelism 2 --format json
  is_it() { [ "$(json out "$1")" = "$2" ] || { cat out; fail "$1 is not $2"; }; }
  is_it 'd.kafka.brokers' 127.0.0.1:1
  is_it 'd.kafka.password' '{"env":"CANARY"}'
  is_it 'd.nodes.find(n => n.role == "window").exchange_by' '["city"]'
  is_it 'd.stages.some(s => s.parallelism == 2 && s.inputs.some(i => i.by_key_group_of == "city"))' true
  ! grep -q kept-secret out || fail "the password is shown"
  CANARY=kept-secret expect 0 explain j.yaml
  has out "kafka {brokers: 127.0.0.1:1, username: me, password: {env: CANARY}"
  expect 0 graph j.yaml --format json
  is_it 'd.steps.slice(0, 3).map(s => s.name + " " + s.kind)' '["r source topic","w window","o sink topic"]'
  is_it 'd.edges.filter(e => e.from == "n0" && e.to == "n1").map(e => e.port)' '["rows"]'
  expect 0 topics create t --partitions 3 --data-dir data --format json
  is_it 'd.created + d.partitions' t3
  expect 0 topics delete t --data-dir data --format json
  is_it 'd.deleted' t
}

case_rows_between_hopping_windows_are_in_none_and_never_late() {
  cat >j.yaml <<'Y'
job: j
sources: {r: {topic: {name: in, until: latest}, schema: {city: string, at: timestamp}, event_time: {column: at}}}
streams:
  office:
    from: r
    key_by: [city]
    window: {hopping: {size: 8h, slide: 1d}, timezone: Europe/Paris, offset: 9h}
    aggregate: {n: count()}
sinks: {o: {from: office, console: {names: false}}, late: {from: office.late, discard: }}
tests:
  - name: office hours, whatever the time of the year
    parallelism: [1, 3]
    feed:
      - r:
          - {city: Lyon, at: 2026-01-05T07:59:59Z}
          - {city: Lyon, at: 2026-01-05T08:00:00Z}
          - {city: Nice, at: 2026-01-05T15:59:59Z}
          - {city: Lyon, at: 2026-01-05T16:00:00Z}
      - restart
      - r:
          - {city: Lyon, at: 2026-01-05T15:59:59Z}
          - {city: Lyon, at: 2026-07-06T06:59:59Z}
          - {city: Lyon, at: 2026-01-06T20:00:00Z}
          - {city: Lyon, at: 2026-07-06T07:00:00Z}
    expect:
      o:
        - {city: Lyon, window_start: 2026-01-05T08:00:00Z, window_end: 2026-01-05T16:00:00Z, n: 1}
        - {city: Nice, window_start: 2026-01-05T08:00:00Z, n: 1}
        - {city: Lyon, window_start: 2026-07-06T07:00:00Z, window_end: 2026-07-06T15:00:00Z, n: 1}
      late:
        - {city: Lyon, at: 2026-01-05T15:59:59Z, window_start: 2026-01-05T08:00:00Z}
Y
  expect 0 test j.yaml
  # In a run of its own: what is in no window is counted as filtered, and nothing is late.
  cat >lines <<'L'
{"city":"Lyon","at":"2026-01-05T07:59:59Z"}
{"city":"Lyon","at":"2026-01-05T08:00:00Z"}
{"city":"Lyon","at":"2026-01-05T20:00:00Z"}
L
  rf produce in lines --data-dir data >log
  expect 0 run j.yaml --data-dir data --quiet
  echo '{"city":"Lyon","window_start":"2026-01-05T08:00:00Z","window_end":"2026-01-05T16:00:00Z","n":1}' >wanted
  same wanted out
  has err "3 records read, 1 rows written, 0 late, 0 rejected"
}

case_a_csv_header_without_a_declared_column_is_one_error_of_the_file() {
  cat >j.yaml <<'Y'
job: j
sources: {r: {file: {path: in}, format: {csv: {header: true}}, schema: {city: string, fare: double, tip: "double?"}}}
sinks: {o: {from: r, console: {names: false}}}
Y
  mkdir in
  printf '\xef\xbb\xbfcity,fare\r\nLyon,1\r\n' >in/a.csv
  printf 'City,fare\nNice,2\n' >in/b.csv
  expect 1 run j.yaml --data-dir data --quiet
  has err "in/b.csv: the header has no column 'city'; it has 'City', 'fare'. Name the column in the schema"
  [ "$(grep -c 'has no column' err)" = 1 ] || { cat err; fail "the error is told more than once"; }
  # The job goes on once the file is right, or gone.
  printf 'fare,city\n2,Nice\n' >in/b.csv
  expect 0 run j.yaml --data-dir data --quiet
  has out '{"city":"Nice","fare":2.0,"tip":null}'
}
