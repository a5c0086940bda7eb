# What is not there for a while: readers of pipes, room, files.

# A full pipe takes no byte without waiting; one that is not full takes this one, which nobody reads.
pipe_is_full() { ! dd if=/dev/zero of=pipe oflag=nonblock bs=1 count=1 2>/dev/null; }

# Both streams may be the pipe: `rideflow … 2>&1 | less`.
case_a_stop_ends_although_nobody_reads_the_output() {
  local both pipe
  { rides_job shown 20000/s; echo '    console: {}'; } >job.yaml
  mkfifo pipe
  exec 9<>pipe
  for both in no yes; do
    if [ $both = yes ]; then
      "$RIDEFLOW" run job.yaml --data-dir data >pipe 2>&1 &
    else
      "$RIDEFLOW" run job.yaml --data-dir data --quiet >pipe 2>err &
    fi
    PID=$!
    STARTED+=("$PID")
    until_true 90 pipe_is_full || fail "the job writes nothing"
    kill -TERM "$PID"
    until_true 30 ended "$PID" || fail "a stop doesn't end the process"
    finish "$PID"
    [ "$CODE" != 0 ] || fail "nobody read the rows, and the end is a good one"
    dd if=pipe of=/dev/null iflag=nonblock bs=64k 2>/dev/null || true  # until it is empty
  done
  has err "the reader of standard output"
  exec 9>&-
  # The data directory is free, and the job goes on.
  rf run job.yaml --data-dir data --quiet --for 1s >rows 2>err
  has err "shown: stopped"
  [ -s rows ] || fail "no rows"
}

job_failed() { grep -q 'is started again from its newest checkpoint' "$1"; }
job_is_back() { grep -q 'job_started_again' "$1"; }

case_a_job_that_failed_for_what_passes_is_started_again() {
  command -v prlimit >/dev/null || skip "no prlimit here"
  { rides_job back 2000/s; echo '    file: {directory: rows}'; } >job.yaml
  local how
  for how in dev run; do
    rm -rf data rows
    if [ $how = dev ]; then
      start_dev $how.log job.yaml --data-dir data --quiet --checkpoint-interval 200ms
    else
      start $how.log run job.yaml --data-dir data --quiet --checkpoint-interval 200ms
    fi
    until_true 90 has_part rows || { cat $how.log; fail "$how: no rows"; }
    prlimit --pid "$PID" --nofile=3:
    until_true 90 job_failed $how.log || { cat $how.log; fail "$how: the job doesn't say that it comes back"; }
    prlimit --pid "$PID" --nofile=1024:
    until_true 90 job_is_back $how.log || { cat $how.log; fail "$how: the job was not started again"; }
    if [ $how = dev ]; then
      request GET "$URL/api/v1/jobs/back" >doc
      [ "$(json doc 'd.state')" != failed ] || fail "the job is failed"
      [ "$(json doc 'd.attempts.length > 1 && d.attempts.at(-1).error.includes("Too many open files")')" = true ] ||
        fail "$(json doc 'd.attempts')"
    fi
    stop_well $how.log
    # An event has its own time: nothing is there twice.
    cat rows/part-* | LC_ALL=C sort >found
    [ "$(uniq -d <found | wc -l)" = 0 ] || fail "$how: rows came twice: $(uniq -d <found | head -n 3)"
  done
}

case_a_job_that_is_not_to_be_started_again_ends() {
  command -v prlimit >/dev/null || skip "no prlimit here"
  { rides_job once 20000/s; printf '    file: {directory: rows}\nrestart: never\n'; } >job.yaml
  start log run job.yaml --data-dir data --quiet --checkpoint-interval 200ms
  until_true 90 has_part rows || { cat log; fail "no rows"; }
  prlimit --pid "$PID" --nofile=3:
  until_true 90 ended "$PID" || { cat log; fail "it goes on"; }
  finish "$PID"
  [ "$CODE" = 2 ] || { cat log; fail "ended with $CODE"; }
  has log "Too many open files"
}
has_part() { ls "$1"/part-* >/dev/null 2>&1; }

job_doc() { request GET "$URL/api/v1/jobs/windows" >doc 2>/dev/null; }
# job_failed_for WHY TIMES
job_failed_for() {
  job_doc && [ "$(json doc "d.attempts.filter(a => (a.error ?? '').includes('$1')).length >= $2")" = true ]
}
job_state() { job_doc && [ "$(json doc 'd.state')" = "$1" ]; }

# full WAY and roomy WAY: no byte can be written in small, and again. A limit is for all files of the process.
full() {
  case $1 in
    disk) dd if=/dev/zero of=small/filler bs=64k 2>/dev/null || true ;;
    limit) prlimit --pid "$PID" --fsize=0:unlimited ;;
  esac
}
roomy() {
  case $1 in
    disk) rm small/filler ;;
    limit) prlimit --pid "$PID" --fsize=unlimited:unlimited ;;
  esac
}

# room_comes_back WAY WHY: a job of `dev` whose disk is full for a while, and what it says then.
room_comes_back() {
  cd small
  start_dev ../dev.log ../job.yaml --data-dir data --quiet --checkpoint-interval 200ms
  cd ..
  until_true 90 has_part small/files/raw || { cat dev.log; fail "$1: no rows"; }
  full "$1"
  # The first new start finds no room either.
  until_true 90 job_failed_for "$2" 2 || { cat dev.log doc; fail "$1: it is not tried again, or not by name"; }
  roomy "$1"
  until_true 180 job_state finished || { cat dev.log doc; fail "$1: the job does not go on when there is room"; }
  stop_well dev.log
}

# On a small disk where one can be mounted, and by a limit of the process everywhere.
case_a_job_of_dev_goes_on_when_a_full_disk_has_room_again() {
  command -v prlimit >/dev/null || skip "no prlimit here"
  local way ways=limit
  mkdir small
  if mount -t tmpfs -o size=60m tmpfs small 2>/dev/null; then
    ways="disk limit"
    # shellcheck disable=SC2064
    trap "stop_started; umount -l '$PWD/small' 2>/dev/null || true" EXIT
  fi
  for way in $ways; do
    # The schedule begins now: the disk is full in the middle of it.
    generated_job "count: 24000, rate: 4000/s, pace: 20, start: $(date -u +%Y-%m-%dT%H:%M:%SZ)" >job.yaml
    case $way in
      disk) room_comes_back disk 'No space left on device' ;;
      limit) room_comes_back limit 'File too large' ;;
    esac
    outputs small/data "found.$way"
    mkdir calm
    (cd calm && rf run ../job.yaml --data-dir data --quiet) >calm.log 2>&1
    outputs calm/data wanted
    same_outputs wanted "found.$way"
    [ "$way" != disk ] || umount -l small
    rm -rf calm wanted small/data small/files
  done
}
