# What earlier releases left on the disk: the present one goes on from it as if it had been there from the start.
. "$E2E_ROOT/tests/golden/halves.sh"

# Also at another parallelism than that of the archive, whose keys move then.
case_checkpoints_of_every_release_are_gone_on_from() {
  local archive name p found=0
  mkdir whole
  open_windows >whole/job.yaml
  (cd whole && golden_halves && run_half first 1 && run_half second 1)
  rows_of_all whole wanted
  for archive in "$E2E_ROOT"/tests/golden/*.tar.gz; do
    for p in 2 3; do
      name=$(basename "$archive" .tar.gz)-$p
      mkdir "$name"
      tar -C "$name" -xzf "$archive"
      (cd "$name" && golden_halves && run_half second $p)
      rows_of_all "$name" "found-$name"
      same_outputs wanted "found-$name"
      found=$((found + 1))
    done
  done
  [ $found -gt 0 ] || fail "there is no archive"
}
# The outputs without the times at which records of the input were produced.
rows_of_all() {
  local file
  outputs "$1/data" "$2"
  for file in "$2"/*; do
    sed -E 's/"_timestamp":"[^"]*"//' "$file" | LC_ALL=C sort >sorted
    mv sorted "$file"
  done
}
