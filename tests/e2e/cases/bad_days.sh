# Bad days: each has one clear message with the place and the way out, and nothing is lost.

# rows_job: a job that sends on what decodes, and what does not, with why.
rows_job() {
  cat >job.yaml <<'Y'
job: bad
sources:
  rides:
    topic: {name: ride_events, start: earliest, until: latest}
    format: json
    schema:
      ride_id: string
      city: string
      n: int?
      fare: double?
      ride_timestamp: timestamp
    event_time:
      column: ride_timestamp
      out_of_order: 2s
sinks:
  good_out:
    from: rides
    topic: {name: good}
  bad_out:
    from: rides.rejected
    topic: {name: bad}
Y
}

case_a_mistake_in_the_job_touches_nothing() {
  rows_job
  cat >>job.yaml <<'Y'
  third:
    from: far
    topic: {name: third}
streams:
  far:
    from: rides
    where: far > 3
  sum:
    from: rides
    select: {s: city + 1}
Y
  expect 1 run job.yaml --data-dir data --quiet
  has err "job.yaml:28:12  streams.far.where: unknown column 'far' (did you mean 'fare'?)"
  grep -q '^job.yaml:31:22 .*string' err || { cat err; fail "the wrong type is not told with its place"; }
  has err "job.yaml has "
  [ ! -e data ] || fail "a data directory was made"
}

case_a_topic_that_is_not_there() {
  echo '{}' >line
  rf produce ride_events line --data-dir data >log
  local command
  for command in "topics describe" "topics delete" "consume --from-beginning --until-end"; do
    # shellcheck disable=SC2086  # words
    expect 1 ${command%% --*} ride_evnts ${command#"${command%% --*}"} --data-dir data
    has err "There is no topic 'ride_evnts' here: \`rideflow topics list\` names those that are."
  done
}

case_a_misspelt_data_directory_is_not_made() {
  local command
  for command in "topics list" "topics describe t" "topics delete t" "consume t --from-beginning --until-end"; do
    # shellcheck disable=SC2086  # words
    expect 1 $command --data-dir dta
    has err "There is no data directory 'dta': --data-dir names another one"
    [ ! -e dta ] || fail "'$command' made it"
  done
}

case_a_job_file_of_2_mb() {
  rows_job
  node -e 'console.log("# padding\n".repeat(210000))' >>job.yaml
  expect 1 run job.yaml --data-dir data --quiet
  has err "job.yaml  the file has 21"
  has err "at most 1048576 are read"
}

case_files_that_are_no_files() {
  rows_job
  sed -i 's/topic: {name: ride_events.*/file: {path: fifo}/' job.yaml
  mkfifo fifo
  # A FIFO would wait for ever, a device would have no end.
  expect 1 run job.yaml --data-dir data --quiet --for 60s
  has err "'fifo': it is a device, a pipe or a socket"
  sed -i 's/path: fifo/path: \/dev\/zero/' job.yaml
  expect 1 run job.yaml --data-dir data --quiet --for 60s
  has err "'/dev/zero' lies outside of what jobs may read and write here"
  expect 1 run job.yaml --data-dir data --quiet --for 60s --file-root /dev
  has err "it is a device"
  expect 1 check fifo
  has err "fifo"
}

# Records of any shape go to the good rows or, with why, to the rejected ones. None is lost, none ends the job.
strange_records() {
  node -e '
    const good = (o) => JSON.stringify({ ride_id: "r", city: "Rome", n: 1, fare: 1.5,
                                         ride_timestamp: "2026-01-01T00:00:00Z", ...o });
    const mib = (size) => good({ city: "x".repeat(size - good({ city: "" }).length) });
    const out = [good({}), mib(1 << 20), mib((1 << 20) + 1), good({}).replace(":1,", ":99999999999999999999,"),
      Buffer.from(good({ city: "@@" }).replace("@@", "\xff\xfe"), "latin1"), good({}).replace(":1.5", ":1e999"),
      good({}).replace(":1,", ":-3000000000,"), good({}).replace("2026-01", "9999999-01"),
      good({}).replace("\"Rome\"", "[".repeat(100000) + "]".repeat(100000)), "[".repeat(200000),
      "{\"a\":".repeat(2000) + "1" + "}".repeat(2000), "null", "\0", "{}", good({ ride_id: "last" })];
    process.stdout.write(Buffer.concat(out.flatMap((b) => [Buffer.from(b), Buffer.from("\n")])));'
}

case_strange_records_are_rejected_with_their_reason() {
  rows_job
  strange_records >lines
  expect 0 produce ride_events lines --data-dir data
  has out "15 records produced"
  # Behind a key a record may be empty.
  sed 's/^job: bad/job: other/; s/ride_events/nothing/' job.yaml >other.yaml
  start_dev dev.log other.yaml --data-dir data --quiet --watch
  request POST "$URL/api/v1/topics/ride_events/records?separator=%3D" 'key=' >answer
  kill -TERM "$PID"
  finish "$PID"
  expect 0 run job.yaml --data-dir data --quiet
  rows_add_up err
  rf consume good --data-dir data --from-beginning --until-end >good
  rf consume bad --data-dir data --from-beginning --until-end >bad
  [ $(($(wc -l <good) + $(wc -l <bad))) = 16 ] || fail "$(wc -l <good) good and $(wc -l <bad) rejected of 16"
  [ "$(wc -l <good)" = 3 ] || { cut -c1-200 good; fail "not the three good rows"; }
  grep -q '"ride_id":"last"' good || fail "the last record is lost"
  grep -o '"_reason":"[^"]*"' bad >reasons
  local reason
  for reason in "field 'n': expected a whole number" "field 'fare': expected a number in the range" \
    "field 'ride_timestamp': expected a timestamp" "field 'ride_id' is missing" "not valid UTF-8" \
    "nested deeper than 128" "larger than 1 MiB" "the record is empty"; do
    has reasons "$reason"
  done
}

case_a_data_directory_that_may_not_be_written() {
  rows_job
  mkdir data && chmod 555 data
  local code=0 plain=()
  # Root may write everywhere until its capabilities are taken away.
  [ "$(id -u)" != 0 ] || plain=(setpriv --bounding-set=-all --inh-caps=-all)
  "${plain[@]}" "$RIDEFLOW" run job.yaml --data-dir data --quiet >out 2>err || code=$?
  [ $code = 1 ] || { cat err; fail "ended with $code"; }
  has err "The data directory 'data' can't be written (Cannot lock 'data/LOCK': Permission denied.)"
  has err "choose another one with --data-dir"
}

case_a_full_disk() {
  mkdir small
  mount -t tmpfs -o size=60m tmpfs small 2>/dev/null || skip "a small disk can't be mounted here"
  # shellcheck disable=SC2064
  trap "stop_started; umount -l '$PWD/small'" EXIT
  cp "$JOBS/kills.yaml" small/job.yaml
  events 12000 23 --rate 0.2 >lines
  rf produce ride_events lines --data-dir small/data
  cp -r small calm
  (cd calm && rf run job.yaml --data-dir data --quiet) >calm.log
  mount -o remount,size=$(($(df --output=used small | tail -n 1) + 300))k small
  # What the commands say is written elsewhere: there is no room for it, too.
  local code=0
  echo 'restart: never' >>small/job.yaml
  (cd small && rf run job.yaml --data-dir data --quiet --checkpoint-interval 20ms) >out 2>err || code=$?
  [ $code = 2 ] || { cat out err; fail "a job on a full disk ended with $code"; }
  has err "No space left on device. Make room there"
  code=0
  (cd small && rf produce ride_events ../lines --data-dir data) >out 2>err || code=$?
  [ $code = 2 ] || { cat out err; fail "produce on a full disk ended with $code"; }
  has err "No space left on device. Make room there"
  # With room again it goes on, and gives what it would have given; what was produced meanwhile comes on top.
  mount -o remount,size=120m small
  rf consume ride_events --data-dir small/data --from-beginning --until-end >kept
  [ "$(wc -l <kept)" -ge 12000 ] || fail "records were lost: $(wc -l <kept)"
  [ "$(LC_ALL=C sort -u kept | LC_ALL=C comm -3 - <(LC_ALL=C sort -u lines) | wc -l)" = 0 ] || fail "strange records"
  rm -rf calm
  mkdir calm && cp small/job.yaml calm
  rf produce ride_events kept --data-dir calm/data
  local place
  for place in calm small; do
    (cd $place && rf run job.yaml --data-dir data --quiet) >$place.log
    cat $place/files/raw/part-* | LC_ALL=C sort >$place.raw
  done
  same calm.raw small.raw
}

# checkpointed: a job that is killed in the middle of its input, so that a checkpoint holds state.
checkpointed() {
  cp "$JOBS/kills.yaml" job.yaml
  events 4000 23 --rate 0.2 >lines
  rf produce ride_events lines --data-dir data
  cp -r data calm
  RIDEFLOW_KILL_AT=manifest_after_write:2 rf run job.yaml --data-dir data --quiet --checkpoint-interval 1ms \
    >log 2>&1 || true
  CHECKPOINTS=data/jobs/kills/checkpoints
  [ "$(ls $CHECKPOINTS/manifest-* | wc -l)" = 2 ] || fail "no two checkpoints"
}

case_every_damage_of_a_checkpoint_is_found() {
  checkpointed
  mv files files.kept
  local file class damage code
  ls $CHECKPOINTS/manifest-* | tail -n 1 >files_of_classes
  for class in .sst CURRENT MANIFEST OPTIONS; do
    ls $CHECKPOINTS/files/* 2>/dev/null | grep -- "$class" | tail -n 1 >>files_of_classes || true
  done
  [ "$(wc -l <files_of_classes)" -ge 4 ] || { ls -R $CHECKPOINTS; fail "where are the files of the state?"; }
  while read -r file; do
    for damage in flip truncate delete; do
      rm -rf broken files
      cp -r data broken
      cp -r files.kept files
      damage_$damage "broken${file#data}"
      code=0
      rf run job.yaml --data-dir broken --quiet >log 2>&1 || code=$?
      # Before the newest checkpoint's sinks had committed, the older one is as good; else it is refused.
      case $code in
        0)
          # A manifest that is gone is no checkpoint; everything else is named.
          if [ $damage != delete ] || [[ $file != */manifest-* ]]; then
            grep checkpoint_damaged log >told || { cat log; fail "$damage of $file is not told"; }
            has told "$(basename "$file")"
          fi
          cat files/raw/part-* | LC_ALL=C sort >raw
          [ "$(wc -l <raw)" = 4000 ] || fail "$damage of $file: $(wc -l <raw) rows of 4000"
          ;;
        1 | 2)
          has log "checkpoint"
          has log "$(basename "$file")"
          ;;
        *) cat log; fail "$damage of $file: ended with $code" ;;
      esac
    done
  done <files_of_classes
  # The files as they were: nothing was changed that a restored copy would need.
  rm -rf files
  cp -r files.kept files
  expect 0 run job.yaml --data-dir data --quiet
  cat files/raw/part-* | LC_ALL=C sort >raw
  [ "$(wc -l <raw)" = 4000 ] || fail "$(wc -l <raw) rows of 4000"
}

# One file of each class in a data directory: names that differ in their numbers only are a class, and the last one is
# taken. Not LOCK, which says who holds it.
file_classes() {
  find "$1" -type f ! -name LOCK | LC_ALL=C sort |
    awk '{ c = $0; gsub(/[0-9a-f]{16}/, "#", c); gsub(/[0-9]+/, "#", c); last[c] = $0 }
         END { for (c in last) print last[c] }' | LC_ALL=C sort
}

in_turn() { echo flip truncate delete | cut -d' ' -f$(($1 % 3 + 1)); }

# Each class has one of three damages, in turn; a long run tries them all.
case_every_damaged_file_of_a_data_directory_is_found() {
  checkpointed
  mkdir calm.run
  cp -r calm calm.run/data
  small_results calm.run calm.log >wanted || fail "the undisturbed run"
  mv files files.kept
  local file damage code number=0 refused=0
  file_classes data >classes
  [ "$(wc -l <classes)" -ge 15 ] || { cat classes; fail "where are the files?"; }
  while read -r file; do
    number=$((number + 1))
    for damage in flip truncate delete; do
      [ -n "${RIDEFLOW_LONG:-}" ] || [ $damage = "$(in_turn $number)" ] || continue
      rm -rf broken
      mkdir broken
      cp -r data broken/data
      cp -r files.kept broken/files
      [ -s "broken/$file" ] || [ $damage = delete ] || continue
      damage_$damage "broken/$file"
      code=0
      (cd broken && rf run ../job.yaml --data-dir data --quiet) >log 2>&1 || code=$?
      case $code in
        0)
          small_results broken results.log >results || { cat log results.log; fail "$damage of $file: no results"; }
          same wanted results || fail "$damage of $file: other results"
          ;;
        1 | 2)
          refused=$((refused + 1))
          grep -qF -e "$(basename "$file")" -e "$(dirname "$file")" log ||
            { cat log; fail "$damage of $file is not named"; }
          ;;
        *) cat log; fail "$damage of $file: ended with $code" ;;
      esac
    done
  done <classes
  echo "$number classes of files, $refused refusals"
  [ $refused -ge 5 ] || fail "hardly anything was found"
}

damage_flip() {
  local middle
  middle=$(($(stat -c %s "$1") / 2))
  node -e 'const fs = require("fs"), [file, at] = process.argv.slice(1), b = fs.readFileSync(file);
           b[at] ^= 0x40; fs.writeFileSync(file, b);' "$1" $middle
}
damage_truncate() { truncate -s $(($(stat -c %s "$1") / 2)) "$1"; }
damage_delete() { rm "$1"; }
