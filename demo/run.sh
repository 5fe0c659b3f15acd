#!/usr/bin/env bash
# The story of the README, played with the real psql against a real PostgreSQL.
#
# Everything lives in one temporary folder and is gone at the end, or stays with KEEP=1
# until `make demo-stop`. Needs the release build and what `scripts/setup.sh demo` installs.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
binary=${PORTREEVE_BIN:-$root/target/release/portreeve}
pointer="$root/.test-env/demo"
mkdir -p "$root/.test-env"

# ---------------------------------------------------------------- how it looks

if [ -t 1 ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' off=$'\e[0m'
else
    bold='' dim='' green='' off=''
fi
step_number=0

step() {
    step_number=$((step_number + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$step_number" "$1" "$off"
    shift
    local line
    for line in "$@"; do printf '   %s%s%s\n' "$dim" "$line" "$off"; done
    echo
}

# Shows a command as a person would type it.
typed() { printf '   %s$ %s%s\n' "$green" "$1" "$off"; }

# Shows the output of a command, set in, at most so many lines.
shown() {
    local most=${1:-60}
    awk -v most="$most" '
        NR <= most { print "   " $0 }
        END { if (NR > most) printf "   … %d more lines\n", NR - most }'
}

fail() {
    printf '\ndemo: %s\n' "$*" >&2
    [ ! -s "${dir:-/nonexistent}/gateway.log" ] || { echo "the gateway says:" >&2; tail -n 20 "$dir/gateway.log" >&2; }
    exit 1
}

# The output must hold this; otherwise the story is not true and the demo fails.
expect() {
    case "$2" in
    *"$1"*) ;;
    *) printf '%s\n' "$2" >&2; fail "expected to see: $1" ;;
    esac
}

# Polls until a command succeeds.
await() {
    local what=$1 deadline=$((SECONDS + 30))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fail "$what: not within 30 s"
        kill -0 "${gateway_pid:-$$}" 2>/dev/null || fail "the gateway ended"
        sleep 0.05
    done
}

# ---------------------------------------------------------------- starting and stopping

stop_all() {
    [ -z "${gateway_pid:-}" ] || kill "$gateway_pid" 2>/dev/null || true
    [ -z "${gateway_pid:-}" ] || wait "$gateway_pid" 2>/dev/null || true
    "$root/scripts/private-postgres.sh" stop "$dir/postgres" || true
    rm -rf "$dir" "$pointer"
}

if [ "${1:-}" = stop ]; then
    [ -f "$pointer" ] || { echo "no demo is running"; exit 0; }
    dir=$(cat "$pointer")
    gateway_pid=$(cat "$dir/gateway.pid" 2>/dev/null || true)
    stop_all
    echo "stopped; nothing is left"
    exit 0
fi

[ ! -f "$pointer" ] || { echo "a demo is running in $(cat "$pointer"): run \`make demo-stop\` first" >&2; exit 1; }
[ -x "$binary" ] || fail "no binary at $binary: run \`make demo\`"
dir=$(mktemp -d /tmp/portreeve-demo.XXXXXX)
chmod 755 "$dir"
trap stop_all EXIT
trap 'exit 130' INT TERM

# The ports of demo/portreeve.yaml, or free ones where they are taken.
pick_port() {
    python3 - "$1" <<'PYTHON'
import socket, sys
for wanted in (int(sys.argv[1]), 0):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
}
gateway_port=$(pick_port 15432)
api_port=$(pick_port 8440)
database_port=$(pick_port 15433)

"$root/scripts/private-postgres.sh" start "$dir/postgres" "$database_port"
as_admin() { psql -X -q -v ON_ERROR_STOP=1 -h "$dir/postgres" -p "$database_port" -U postgres "$@"; }
(umask 077 && openssl rand -hex 16 >"$dir/database-password")
as_admin -c "create role portreeve login password '$(cat "$dir/database-password")'" \
    -c "create database shop" -d postgres
as_admin -d shop -f "$root/demo/shop.sql" \
    -c "grant select, insert, update, delete on all tables in schema public to portreeve"

cp -r "$root/demo/policies" "$dir/policies"
cp "$dir/postgres/ca.pem" "$dir/ca.pem"
sed -e "s/127.0.0.1:15432/127.0.0.1:$gateway_port/" -e "s/127.0.0.1:8440/127.0.0.1:$api_port/" \
    -e "s/port: 15433/port: $database_port/" "$root/demo/portreeve.yaml" >"$dir/portreeve.yaml"

# What a person would have in a profile: the configuration and where the API is.
cat >"$dir/portreeve" <<WRAPPER
#!/bin/sh
export PORTREEVE_CONFIG="$dir/portreeve.yaml" PORTREEVE_API="http://127.0.0.1:$api_port"
exec "$binary" "\$@"
WRAPPER
chmod 755 "$dir/portreeve"
export PATH="$dir:$PATH" PORTREEVE_API="http://127.0.0.1:$api_port"
cd "$dir"

portreeve accounts add alice --kind person --group analysts --group reviewers >/dev/null
portreeve accounts add dana --kind person --group reviewers >/dev/null
portreeve accounts add planner --kind actor --group agents >/dev/null
portreeve accounts add sql-agent --kind actor --group agents >/dev/null
# Each on their own machine: a key, of which the operator gets the public half.
for person in alice dana; do
    portreeve accounts enrol "$person" \
        "$(portreeve login --public-key --key "$dir/$person.key" 2>/dev/null)" >/dev/null
done

# Without KEEP the gateway ends with this script; with it, it outlives the terminal.
setsid "$dir/portreeve" gateway --config "$dir/portreeve.yaml" >"$dir/gateway.log" 2>&1 </dev/null &
gateway_pid=$!
echo "$gateway_pid" >"$dir/gateway.pid"
ready() { python3 -c "import urllib.request as u; u.urlopen('$PORTREEVE_API/readyz', timeout=2)"; }
await "the gateway" ready

# ---------------------------------------------------------------- the story

cat <<INTRO
${bold}Portreeve: an agent works with a shop's customers, and a person keeps the say.${off}

   PostgreSQL with 5,000 customers      127.0.0.1:$database_port  (the agent never learns its password)
   the gateway in front of it           127.0.0.1:$gateway_port  (speaks PostgreSQL; config: demo/portreeve.yaml)
   the gateway's API                    127.0.0.1:$api_port

   alice     a person, analyst (and reviewer, but never of her own requests)
   planner   an agent that works for alice and hands tasks to
   sql-agent an agent that talks to the database
   dana      a person, reviewer
INTRO

export PGHOST=127.0.0.1 PGPORT=$gateway_port PGDATABASE=shop PGUSER=sql-agent

step "The agent's password is a short-lived token that names the whole chain." \
    "alice → planner → sql-agent. Policy must allow each of them."
typed "export PGPASSWORD=\$(portreeve token issue alice --act planner --act sql-agent --ttl 15m)"
PGPASSWORD=$(portreeve token issue alice --act planner --act sql-agent --ttl 15m 2>/dev/null)
export PGPASSWORD
typed "echo \$PGPASSWORD | portreeve token inspect --token-file -"
portreeve token inspect --token-file - <<<"$PGPASSWORD" 2>&1 | shown 16

step "It reads customers with plain psql. Personal data arrives masked." \
    "Columns are classified in the configuration; psql and the agent need no change."
select="select id, full_name, email, phone, iban, dob, city from customers order by id limit 3"
typed "psql -c '$select'"
output=$(psql -X -c "$select" 2>&1) || fail "$output"
printf '%s\n' "$output" | shown
expect "(3 rows)" "$output"
case "$output" in *bruno.horvat1@example.com*) fail "an e-mail address came unmasked" ;; esac

step "It renames the column, cuts it up, packs it into JSON: still masked, or refused." \
    "The gateway follows where a value comes from, not what it is called."
for sneaky in "select email as colour from customers where id = 1" \
    "select substr(iban, 1, 10) || '…' from customers where id = 1" \
    "select row_to_json(c) from customers c where id = 1"; do
    typed "psql -c \"$sneaky\""
    output=$(psql -X -c "$sneaky" 2>&1) || true
    printf '%s\n' "$output" | shown 12
    case "$output" in *bruno.horvat1@* | *DE??5001051700*) fail "a value came unmasked" ;; esac
done

step "It tries DROP TABLE: refused with the rule and the next step. The session goes on." \
    "An ordinary SQL error (42501): every driver raises its usual exception."
typed "psql          # one session, two statements"
cat >"$dir/drop.sql" <<'SQL'
drop table orders;
select count(*) as orders_still_there from orders;
SQL
output=$(psql -X -a -f "$dir/drop.sql" 2>&1) || true
printf '%s\n' "$output" | sed "s|psql:$dir/drop.sql:[0-9]*: ||" | shown
expect "ERROR:" "$output"
expect "schema-is-fixed" "$output"
expect "20000" "$output"

step "It exports all customers: more than 1,000 rows. Nothing is released; a person is asked."
export="\\copy (select id, full_name, email, city from customers) to 'export.csv' csv"
typed "psql -c \"$export\"          # waits"
psql -X -c "$export" >"$dir/export.out" 2>&1 &
export_pid=$!
has_review() { grep -q 'rv-' "$dir/export.out"; }
await "the review" has_review
shown <"$dir/export.out"
review=$(grep -o 'rv-[a-z0-9]*' "$dir/export.out" | head -n 1)
[ ! -s "$dir/export.csv" ] || fail "rows were released before the approval"

step "alice may review, but not what her own agent asks for."
typed "PORTREEVE_TOKEN=\$(portreeve login alice --key alice.key) portreeve reviews approve $review"
if output=$(PORTREEVE_TOKEN=$(portreeve login alice --key "$dir/alice.key" 2>/dev/null) portreeve reviews approve "$review" 2>&1); then
    fail "alice approved her own request: $output"
fi
printf '%s\n' "$output" | shown

step "dana looks at it in another terminal, and approves. The waiting psql goes on."
PORTREEVE_TOKEN=$(portreeve login dana --key "$dir/dana.key" 2>/dev/null)
export PORTREEVE_TOKEN
typed "export PORTREEVE_TOKEN=\$(portreeve login dana --key dana.key)"
typed "portreeve reviews show $review"
portreeve reviews show "$review" 2>&1 | shown 25
typed "portreeve reviews approve $review --comment 'monthly report'"
portreeve reviews approve "$review" --comment 'monthly report' 2>&1 | shown
unset PORTREEVE_TOKEN
wait "$export_pid" || fail "$(cat "$dir/export.out")"
echo
typed "psql -c \"\\copy …\"          # the first terminal again"
tail -n 1 "$dir/export.out" | shown
expect "COPY 5000" "$(cat "$dir/export.out")"
typed "head -n 2 export.csv"
head -n 2 "$dir/export.csv" | shown

step "Everything is on record: who, for whom, what, and what came back, as masked."
typed "portreeve sessions ls"
portreeve sessions ls 2>&1 | shown 12
typed "portreeve sessions replay last"
output=$(portreeve sessions replay last 2>&1) || fail "$output"
printf '%s\n' "$output" | shown 16

step "Anyone can check the record, offline, with the gateway off." \
    "Nothing was changed, removed, added or reordered since the gateway signed it."
typed "cp -r portreeve-data/evidence copy && portreeve verify copy"
cp -r "$dir/portreeve-data/evidence" "$dir/copy"
output=$(portreeve verify "$dir/copy" 2>&1) || fail "$output"
printf '%s\n' "$output" | shown 20

step "Somebody changes one byte of the copy. verify says where."
victim=$(python3 "$root/demo/flip-byte.py" "$dir/copy" --pick)
typed "python3 demo/flip-byte.py ${victim#"$dir/"}"
python3 "$root/demo/flip-byte.py" "$victim" | sed "s|$dir/||" | shown
typed "portreeve verify copy"
if output=$(portreeve verify "$dir/copy" 2>&1); then fail "the change was not found: $output"; fi
printf '%s\n' "$output" | sed "s|$dir/||" | shown 20

# ---------------------------------------------------------------- the end

if [ -n "${KEEP:-}" ]; then
    trap - EXIT
    echo "$dir" >"$pointer"
    cat <<STAY

${bold}It stays up.${off} Three lines to paste, each in a terminal of its own:

   PGPASSWORD=\$($dir/portreeve token issue alice --act planner --act sql-agent --ttl 1h) psql -h 127.0.0.1 -p $gateway_port -U sql-agent shop
   PORTREEVE_TOKEN=\$($dir/portreeve token issue alice --act planner --may-act sql-agent --ttl 1h) PORTREEVE_API=http://127.0.0.1:$api_port PGPORT=$gateway_port $root/.test-env/venv/bin/python $root/examples/planner.py
   PORTREEVE_TOKEN=\$($dir/portreeve login dana --key $dir/dana.key --ttl 1h) $dir/portreeve reviews ls

   configuration and policies: $dir    stop: make demo-stop
STAY
else
    printf '\n%sDone; everything is stopped and removed.%s  Keep it running: make demo KEEP=1\n' "$bold" "$off"
fi
