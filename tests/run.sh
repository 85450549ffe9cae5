#!/bin/sh
# Runs each test program given, one after another ($RUN: by that command); prints a line for each and,
# for one that fails, all of its output.  Closes with the counts over all of them.
set -u
# Threads that spin while they wait make tests slow on a busy machine.
export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-3000}"
passed=0 failed=0 skipped=0 bad=""
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for t in "$@"; do
    name=$(basename "$t")
    if timeout "${TEST_TIMEOUT:-900}" ${RUN:-} "$t" >"$log" 2>&1; then verdict=ok; else verdict=FAILED; fi
    p=$(grep -c '^\[       OK \]' "$log")
    f=$(grep -c '^\[  FAILED  \] [^0-9]' "$log")
    s=$(grep -c '^\[  SKIPPED \] [^0-9]' "$log")
    [ "$verdict" = FAILED ] && [ "$f" -eq 0 ] && f=1
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '%-28s %-6s %4d passed' "$name" "$verdict" "$p"
    [ "$s" -gt 0 ] && printf ', %d skipped' "$s"
    echo
    grep '^skipped:' "$log"
    if [ "$verdict" = FAILED ]; then
        bad="$bad $name"
        cat "$log"
    fi
done
[ -n "$bad" ] && echo "failed:$bad"
echo "$passed passed, $failed failed, $skipped skipped"
[ -z "$bad" ]
