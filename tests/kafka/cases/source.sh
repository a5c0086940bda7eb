# What the source makes of a real broker's topics.

case_decode_and_offsets() {
  tool make "$T" 3
  rides 1 3000 | tool send "$T" -1
  printf 'k\tno json\nk\t{"id": "text"}\n' | tool send "$T" 1
  TOPIC=$UNTIL_LATEST copy_job >job.yaml
  rf run job.yaml --data-dir data >log 2>&1
  rows_add_up log
  # Partition and offset of every row, as a client without our code sees them.
  sink_rows rows | node -e '
    for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n")) {
      const r = JSON.parse(line); console.log([r.partition, r.offset, r.id].join(" ")); }' | sort >found
  tool dump "$T" | node -e '
    for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n")) {
      const [partition, offset, , value] = line.split("\t");
      let id; try { id = JSON.parse(value).id; } catch { continue; }
      if (typeof id == "number") console.log([partition, offset, id].join(" ")); }' | sort >wanted
  same wanted found
  [ "$(wc -l <found)" = 3000 ] || fail "$(wc -l <found) rows"
  [ "$(row_count bad)" = 2 ] || fail "$(row_count bad) rejected records"
}

case_a_restart_goes_on_at_its_offsets() {
  tool make "$T" 2
  rides 1 500 | tool send "$T" -1
  copy_job >job.yaml
  start_copy 500
  stop_well log
  rides 501 800 | tool send "$T" -1
  start_copy 800 log2
  stop_well log2
  seq 800 | has_ids
}

case_metadata_columns() {
  tool make "$T" 1
  local before after
  before=$(date +%s%3N)
  {
    rides 1 1 | sed 's/$/\tsource=app\ttrace=1\ttrace=2\tempty/'
    rides 2 2
    rides 3 3 | cut -f 2
  } | tool send "$T" 0
  after=$(date +%s%3N)
  SELECT='      topic: _topic
      key: _key
      headers: _headers
      written: _timestamp' TOPIC=$UNTIL_LATEST copy_job >job.yaml
  rf run job.yaml --data-dir data >log 2>&1 || { cat log; fail "run"; }
  sink_rows rows >found
  node -e '
    const [topic, before, after] = process.argv.slice(1);
    const rows = require("fs").readFileSync("found", "utf8").trim().split("\n").map((l) => JSON.parse(l));
    rows.sort((a, b) => a.id - b.id);
    const want = (what, is, should) => {
      if (JSON.stringify(is) != JSON.stringify(should)) { console.log(what, is, should); process.exit(1); } };
    want("rows", rows.length, 3);
    for (const [i, row] of rows.entries()) {
      want("topic", row.topic, topic); want("partition", row.partition, 0); want("offset", row.offset, i);
      const written = Date.parse(row.written);
      want("timestamp", written >= before && written <= after, true);
    }
    want("keys", rows.map((r) => r.key), ["k1", "k2", null]);
    const text = (h) => [h.key, h.value === null ? null : Buffer.from(h.value, "base64").toString()];
    want("headers", rows.map((r) => r.headers.map(text)),
         [[["source", "app"], ["trace", "1"], ["trace", "2"], ["empty", null]], [], []]);
  ' "$T" "$before" "$after" || fail "metadata differ: $(cat found)"
}

case_partitions_that_are_added_are_read_from_their_beginning() {
  tool make "$T" 1
  rides 1 100 | tool send "$T" 0
  copy_job >job.yaml
  start_copy 100
  tool grow "$T" 3
  rides 101 200 | tool send "$T" 1
  rides 201 300 | tool send "$T" 2
  rows_come 300 log
  stop_well log
  seq 300 | has_ids
}

case_every_codec_is_read() {
  tool make "$T" 1
  local codec from=1
  for codec in lz4 zstd snappy gzip; do
    rides $from $((from + 999)) | tool -X compression.codec=$codec -X linger.ms=200 send "$T" 0
    from=$((from + 1000))
  done
  # They really are compressed: what lies in the broker's files says so.
  kafka run --version "$KAFKA_VERSION" kafka.tools.DumpLogSegments \
    --files "$BROKER_DIR/data/$T-0/00000000000000000000.log" >dump 2>dump.err || { cat dump.err; fail "no dump"; }
  for codec in lz4 zstd snappy gzip; do
    grep -q "compresscodec: $codec" dump || { head -n 20 dump; fail "no batch is compressed with $codec"; }
  done
  ! grep -q 'compresscodec: none' dump || fail "some batches are not compressed"
  TOPIC=$UNTIL_LATEST copy_job >job.yaml
  rf run job.yaml --data-dir data >log 2>&1 || { cat log; fail "run"; }
  seq 4000 | has_ids
}

case_rows_of_aborted_transactions_are_not_seen() {
  tool make "$T" 2
  {
    echo begin; rides 1 50; echo commit
    echo begin; rides 51 150; echo abort
    echo begin; rides 151 200; echo commit
    echo begin; rides 201 260; echo abort
  } | tool -X transactional.id="$T" transact "$T" -1
  TOPIC=$UNTIL_LATEST copy_job >job.yaml
  rf run job.yaml --data-dir data >log 2>&1 || { cat log; fail "run"; }
  { seq 1 50; seq 151 200; } | has_ids
}

case_rows_of_an_open_transaction_wait_for_its_end() {
  tool make "$T" 2
  rides 1 10 | tool send "$T" 0
  copy_job >job.yaml
  start_copy 10
  mkfifo steps
  tool -X transactional.id="$T" transact "$T" 0 <steps >told &
  local writer=$!
  exec 4>steps
  { echo begin; rides 11 20; echo flush; } >&4
  until_true 60 grep -q flushed told || fail "the rows are not at the broker"
  # What was written later is read, from the other partition; what is open is not.
  rides 101 105 | tool send "$T" 1
  rows_come 15 log
  { seq 10; seq 101 105; } | has_ids
  echo commit >&4
  exec 4>&-
  wait $writer
  rows_come 25 log
  { seq 20; seq 101 105; } | has_ids
  stop_well log
}
