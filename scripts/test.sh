#!/usr/bin/env bash
# Runs the tests: `test.sh all`, `test.sh e2e [pytest arguments]`, `test.sh soak [… ]`.
#
# The last line is `N passed, N failed`: cargo's tests and the end-to-end tests together.
# Ends with 0 only when nothing failed and something ran. The steps are in xtask/src/ci; this
# sees to it that they can be compiled at all.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
what=${1:-all}
shift || true

cannot() {
    printf '\n%s\n\n0 passed, 1 failed\n' "$1"
    exit 1
}

case "$what" in
all) command=(ci) ;;
e2e) command=(e2e) ;;
soak) command=(e2e --soak) ;;
*)
    echo "usage: test.sh all|e2e|soak [pytest arguments]" >&2
    exit 2
    ;;
esac
scripts/setup.sh build || cannot 'what compiles is missing'
[ "$what" = all ] || scripts/setup.sh test || cannot 'what the tests need is missing'
scripts/cargo.sh xtask help >/dev/null || cannot 'the chores do not compile'
exec scripts/cargo.sh xtask "${command[@]}" "$@"
