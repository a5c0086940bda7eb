# Jobs that are submitted to `rideflow serve`.

# start_serve LOG ARGUMENTS…: on a free port; its address is $URL.
start_serve() {
  start "$1" serve --listen 127.0.0.1:0 --data-dir data --checkpoint-interval 200ms "${@:2}"
  until_true 90 grep -q 'takes jobs' "$1" || { cat "$1"; fail "serve did not begin"; }
  URL=$(sed -n 's/ takes jobs.*//p' "$1")
}

# copy_job NAME [LINE]: copies the topic `lines` into of_NAME.
copy_job() {
  cat <<END
job: $1
${2:-}
sources:
  lines:
    topic: {name: lines, start: earliest}
    format: json
    schema: {n: int64}
sinks:
  out: {from: lines, topic: {name: of_$1}}
END
}

numbers() { seq "$1" "$2" | sed 's/.*/{"n":&}/'; }
records_of() {
  request GET "$URL/api/v1/topics/$1" >topic.json && json topic.json d.records
}
has_records() { [ "$(records_of "$1" 2>/dev/null)" = "$2" ]; }
state_is() {
  rf status "$1" --data-dir data --format json >state.json 2>/dev/null && [ "$(json state.json d.state)" = "$2" ]
}

case_served_jobs_survive_kills() {
  local job round last=0
  for job in one two three paused; do copy_job $job >$job.yaml; done
  start_serve serve.0.log
  rf topics create lines --data-dir data
  for job in one two three paused; do
    rf submit $job.yaml --data-dir data --wait || { cat serve.0.log; fail "$job"; }
  done
  rf stop paused --data-dir data
  for round in 1 2 3 4 5; do
    numbers $((last + 1)) $((last + 2000)) >more
    last=$((last + 2000))
    rf produce lines more --data-dir data
    sleep "0.$((RANDOM % 10))"
    kill -KILL "$PID"
    finish "$PID"
    start_serve serve.$round.log
  done
  for job in one two three; do
    until_true 120 has_records of_$job $last ||
      { cat serve.5.log; fail "$job has $(records_of of_$job) of $last rows"; }
  done
  state_is paused stopped || fail "paused is $(cat state.json)"
  rf start paused --data-dir data
  until_true 120 has_records of_paused $last || fail "paused has $(records_of of_paused) of $last rows"
  kill -TERM "$PID"
  finish "$PID"
  [ "$CODE" = 0 ] || { cat serve.5.log; fail "ended with $CODE"; }
  numbers 1 $last | LC_ALL=C sort >wanted
  for job in one two three paused; do
    rf consume of_$job --data-dir data --from-beginning --until-end | LC_ALL=C sort >found
    same wanted found
  done
}

case_the_verbs_of_a_server() {
  start_serve log
  copy_job mine >job.yaml
  rf topics create lines --data-dir data
  sed 's/int64/int46/' job.yaml >wrong.yaml
  expect 1 submit wrong.yaml --data-dir data
  has err "wrong.yaml:7:17"
  expect 0 submit job.yaml --data-dir data --dry-run
  has out "mine: version 1 would be new"
  expect 0 list --data-dir data
  [ ! -s out ] || fail "a dry run left something: $(cat out)"
  expect 0 submit job.yaml --data-dir data --wait
  has out "mine: running"
  expect 0 submit job.yaml --data-dir data
  has out "mine: version 1, as before"
  copy_job mine 'description: better' >job.yaml
  expect 0 submit job.yaml --data-dir data --wait
  has out "mine: version 2 is new"
  expect 0 logs mine --data-dir data
  has out "restored from checkpoint"
  expect 0 versions mine --data-dir data
  has out "*    2"
  expect 0 versions mine --data-dir data --text 2
  same job.yaml out
  expect 0 rollback mine --data-dir data --wait
  has out "mine: version 1 again"
  expect 0 stop mine --data-dir data
  expect 0 list --data-dir data
  has out "wanted stopped"
  expect 0 start mine --data-dir data
  expect 0 cancel mine --data-dir data
  expect 1 status mine --data-dir data
  has err "There is no job 'mine'"
  kill -TERM "$PID"
  finish "$PID"
  [ "$CODE" = 0 ] || { cat log; fail "ended with $CODE"; }
  expect 1 list --data-dir data
  has err "rideflow serve"
}

# Whose token may only read or operate brings no jobs; and no job reads what is the server's.
case_a_server_keeps_its_own() {
  local role
  for role in read operate admin; do
    printf '%s sha256:%s %s\n' $role "$(printf 'token-of-%s-0123' $role | sha256sum | cut -d' ' -f1)" $role
  done >tokens
  echo "the canary of the file" >canary
  CANARY=the-canary-of-the-environment start_serve log --tokens tokens
  copy_job mine >job.yaml
  RIDEFLOW_TOKEN=token-of-admin-0123 rf topics create lines --data-dir data
  RIDEFLOW_TOKEN=token-of-operate-0123 expect 1 submit job.yaml --data-dir data
  RIDEFLOW_TOKEN=token-of-admin-0123 expect 0 submit job.yaml --data-dir data --wait
  RIDEFLOW_TOKEN=token-of-read-0123 expect 1 stop mine --data-dir data
  RIDEFLOW_TOKEN=token-of-operate-0123 expect 0 stop mine --data-dir data
  RIDEFLOW_TOKEN=token-of-operate-0123 expect 1 cancel mine --data-dir data
  copy_job env 'description: ${CANARY}' >env.yaml
  RIDEFLOW_TOKEN=token-of-admin-0123 expect 1 submit env.yaml --data-dir data
  has err "CANARY"
  sed -e "s|topic: {name: lines, start: earliest}|file: {path: $PWD/canary}|" -e 's/^job: .*/job: file/' \
    job.yaml >file.yaml
  RIDEFLOW_TOKEN=token-of-admin-0123 expect 1 submit file.yaml --data-dir data
  has err "--file-root"
  kill -TERM "$PID"
  finish "$PID"
  ! grep -rqF "canary of the" log data || fail "the canary is out"
  ! grep -rqF "canary-of-the" log data || fail "the canary is out"
}

case_a_server_answers_for_jobs_that_have_ended() {
  cp "$JOBS/kills.yaml" job.yaml
  events 2000 23 --rate 0.2 >lines
  rf produce ride_events lines --data-dir data
  rf run job.yaml --data-dir data --quiet >run.log 2>&1 || { cat run.log; fail "the job"; }
  start_serve log
  request GET "$URL/druid/v2/datasources" >names
  [ "$(json names 'd.length > 0')" = true ] || fail "no rollup: $(cat names)"
  request POST "$URL/druid/v2" "{\"queryType\": \"timeseries\", \"dataSource\": \"$(json names 'd[0]')\",
    \"granularity\": \"all\", \"intervals\": [\"2000-01-01/2100-01-01\"],
    \"aggregations\": [{\"type\": \"count\", \"name\": \"rows\"}]}" >answer
  [ "$(json answer 'd[0].result.rows > 0')" = true ] || fail "no rows: $(cat answer)"
  kill -TERM "$PID"
  finish "$PID"
  [ "$CODE" = 0 ] || { cat log; fail "ended with $CODE"; }
}
