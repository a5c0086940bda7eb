# What the README shows is what the executable does: its first job and every command below it.

case_the_first_job_of_the_readme() {
  sed -n '/^## The first job/,/^## /p' "$E2E_ROOT/README.md" >section
  awk '/^```yaml/ {inside = 1; next} /^```/ {inside = 0} inside' section >rides.yaml
  [ -s rides.yaml ] || fail "README.md has no job under 'The first job'"
  ln -s "$E2E_ROOT/jobs" jobs

  local line seen=0
  while read -r line; do
    case $line in
      run* | dev*) line="$line --for 3s" ;;&
      dev*) line="$line --listen 127.0.0.1:0" ;;
    esac
    # Words of the README, with no quotes among them.
    # shellcheck disable=SC2086
    expect 0 $line
    seen=$((seen + 1))
  done < <(sed -nE 's|^    build/release/rideflow ([^#]*[^# ]) *(#.*)?$|\1|p' section)
  [ $seen -ge 4 ] || fail "only $seen commands were found under 'The first job'"
}

case_every_file_that_the_readme_names_is_there() {
  local file
  for file in $(grep -oE '\]\([^)#: ]+\)' "$E2E_ROOT/README.md" | tr -d '])('); do
    [ -e "$E2E_ROOT/$file" ] || fail "README.md names $file, which is not there"
  done
}
