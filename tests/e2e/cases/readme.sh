# What the README shows is what the executable does: its first job and every command below it.

case_the_first_job_of_the_readme() {
  sed -n '/^## The first job/,/^## /p' "$E2E_ROOT/README.md" >section
  awk '/^```yaml/ {inside = 1; next} /^```/ {inside = 0} inside' section >rides.yaml
  [ -s rides.yaml ] || fail "README.md has no job under 'The first job'"
  ln -s "$E2E_ROOT/jobs" jobs

  local line seen=0
  while read -r line; do
    case $line in
      run* | dev* | serve*) line="$line --for 3s" ;;&
      dev* | serve*) line="$line --listen 127.0.0.1:0" ;;
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

# Of what the pages call in backticks: scripts are there and run, commands are in --help, options in the script.
case_every_command_that_the_pages_name_is_there() {
  local page word script option seen=0
  rf --help >commands
  for page in "$E2E_ROOT"/README.md "$E2E_ROOT"/docs/*.md; do
    while read -r script rest; do
      case $script in *[A-Z\<*]*) continue ;; esac
      [ -e "$E2E_ROOT/$script" ] || fail "$page names $script, which is not there"
      [ -x "$E2E_ROOT/$script" ] || continue
      for option in $(grep -oE -- '--[a-z-]+' <<<"$rest"); do
        grep -qe "$option" "$E2E_ROOT/$script" || fail "$page names $script $option, which it does not know"
      done
      seen=$((seen + 1))
    done < <(grep -ohE '`((\./|scripts/|tests/|bench/|\.ci/)[^`]*)`' "$page" | tr -d '`')
    while read -r word; do
      grep -qE "^  $word( |$)" commands || fail "$page names 'rideflow $word'"
      seen=$((seen + 1))
    done < <(grep -ohE '`rideflow [a-z]+( (list|create|describe|delete))?' "$page" | sed 's/`rideflow //')
  done
  [ $seen -ge 15 ] || fail "only $seen commands were found in the pages"
}

# What ctest just ran, counted: tests that failed, and programs that failed although their tests passed (a sanitizer
# had something to say) or that left no results.
case_a_program_that_fails_is_counted() {
  mkdir -p Testing/Temporary results
  printf '"%s" start time: now\n' fine warned one_failed crashed replay >Testing/Temporary/LastTest.log
  printf '%s\n' 2:warned 3:one_failed 4:crashed >Testing/Temporary/LastTestsFailed.log
  echo '"result": "COMPLETED"' | tee results/fine.json results/warned.json >results/one_failed.json
  echo '"failures": [' >>results/one_failed.json
  printf '%s passed, %s failed, 0 skipped\n' 1 0 1 1 0 1 0 1 1 0 >wanted
  "$E2E_ROOT/scripts/count-tests" . >counts
  same wanted counts
}
