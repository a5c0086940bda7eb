# The input of the golden jobs in two halves, and the way to run one of them. For tests/golden/make and cases/golden.sh,
# behind tests/e2e/lib.sh.

# The job of every window over a topic that does not end.
open_windows() { grep -v '^ *until: latest' "$JOBS/windows.yaml"; }

golden_halves() {
  events 3000 17 --rate 15 | damaged >all
  head -n "$(($(wc -l <all) / 2))" all >first
  tail -n "+$(($(wc -l <all) / 2 + 1))" all >second
  rm all
}

# run_half HALF PARALLELISM: hands the records over, and runs job.yaml in this directory until all of them are read.
run_half() {
  # Of one partition, so that the last watermark does not depend on who got which record.
  [ -d data/topics/ride_events ] || rf topics create ride_events --partitions 1 --data-dir data
  rf produce ride_events "$1" --data-dir data
  start run.log run job.yaml --data-dir data --quiet --checkpoint-interval 100ms --parallelism "$2" --listen 127.0.0.1:0
  until_true 90 has_read "$(wc -l <"$1")" || { cat run.log; fail "the half was not read"; }
  stop_well run.log
  rm run.log address job.json
}
has_read() {
  sed -n 's/.*\(127\.0\.0\.1:[0-9]*\).*/\1/p' data/LOCK >address
  [ -s address ] && request GET "http://$(cat address)/api/v1/jobs/windows" >job.json 2>/dev/null &&
    [ "$(json job.json 'd.sources.reduce((n, s) => n + s.polled, 0)')" = "$1" ]
}
