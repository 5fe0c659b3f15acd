#!/usr/bin/env bash
# Runs the tests: `test.sh all`, `test.sh e2e [pytest arguments]`, `test.sh soak [… ]`.
#
# The last line is `N passed, N failed`: cargo's tests and the end-to-end tests together.
# Ends with 0 only when nothing failed and something ran.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
what=${1:-all}
shift || true
cd "$root" || exit 1
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0
failed=0

# Adds up what runners say at the end: nextest, cargo test, pytest.
count() {
    local found
    found=$(python3 "$root/scripts/count-tests.py" "$1") || exit 1
    passed=$((passed + ${found% *}))
    failed=$((failed + ${found#* }))
}

# Runs a stage with its output shown and kept; a stage that fails without a failed test
# (a lint, a build) counts as one failure.
stage() {
    local name=$1 before=$failed started=$SECONDS status
    shift
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee "$logs/$name.log"
    status=${PIPESTATUS[0]}
    count "$logs/$name.log"
    if [ "$status" -ne 0 ] && [ "$failed" -eq "$before" ]; then failed=$((failed + 1)); fi
    printf '== %s: %s in %d s\n' "$name" "$([ "$status" -eq 0 ] && echo ok || echo FAILED)" $((SECONDS - started))
}

# The verifier apart, so that it is built without what writes a log.
binaries() {
    "$root/scripts/cargo.sh" build "$@" -p portreeve &&
        "$root/scripts/cargo.sh" build "$@" -p portreeve-verifier
}

end_to_end() {
    "$root/.test-env/venv/bin/python" -m pytest "$root/tests/e2e" --durations=10 "$@"
}

ready=yes
stage setup scripts/setup.sh test
[ "$failed" -eq 0 ] || ready=no

if [ "$ready" = yes ]; then
    case "$what" in
    all)
        stage ci scripts/cargo.sh xtask ci
        stage build binaries
        stage e2e end_to_end
        ;;
    e2e)
        stage build binaries
        stage e2e end_to_end "$@"
        ;;
    soak)
        stage build binaries --release
        export PORTREEVE_BIN="$root/target/release/portreeve"
        stage e2e end_to_end --soak "$@"
        ;;
    *)
        echo "usage: test.sh all|e2e|soak [pytest arguments]" >&2
        exit 2
        ;;
    esac
fi

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
