# Limits that hold on a busy machine: a second counts as what a fair share of it is, by the load. Sourced.

# own_ms MS: how much of the machine's own time this much of the clock is now: all of it while there are processors for
# everybody, a quarter when four times as many want them.
OWN_CPUS=$(nproc)
own_ms() {
  local load
  read -r load _ </proc/loadavg
  load=$((10#${load%.*} / OWN_CPUS))
  OWN_MS=$(($1 / (load > 1 ? load : 1)))
}

# patiently SECONDS COMMAND…: runs the command; after so many seconds of the machine's own time it is killed.
patiently() {
  local left=$(($1 * 1000)) code=0 pid watcher
  shift
  "$@" <&0 &
  pid=$!
  (
    trap - EXIT
    while [ $left -gt 0 ]; do
      sleep 1
      kill -0 $pid || exit
      own_ms 1000
      left=$((left - OWN_MS))
    done
    kill -KILL -- -$pid || kill -KILL $pid  # with all that it started, where it is a group of its own
  ) </dev/null >/dev/null 2>&1 &
  watcher=$!
  wait $pid || code=$?
  kill $watcher 2>/dev/null || true
  return $code
}
