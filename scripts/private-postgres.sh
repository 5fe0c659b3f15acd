#!/usr/bin/env bash
# A private PostgreSQL server: `private-postgres.sh start DIR [PORT]`, `… stop DIR`; and a hot
# standby of one that was started with POSTGRES_EXTRA_HBA='local replication all trust':
# `… follow DIR PRIMARY_DIR`.
#
# It lives in DIR alone, listens on 127.0.0.1 only, wants TLS and SCRAM, and is thrown
# away afterwards, so it does not wait for the disk. What a client needs lands in DIR:
# `port`, `password` (of the superuser `postgres`) and `ca.pem`.
# Not for data that anybody wants to keep.
set -euo pipefail

action=${1:?start, follow or stop}
dir=${2:?directory}
port=${3:-}
connections=${POSTGRES_CONNECTIONS:-100}

# POSTGRES_BIN: where the programs of another version are.
bin=${POSTGRES_BIN:-$(dirname "$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)")}
[ -x "$bin/initdb" ] || { echo "no PostgreSQL server below /usr/lib/postgresql" >&2; exit 1; }

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else (cd / && "$@"); fi
}

make_certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj "/CN=private test CA" -keyout "$dir/ca.key" -out "$dir/ca.pem" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
        -keyout "$dir/server.key" -out "$dir/server.csr" 2>/dev/null
    openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
        -CAcreateserial -days 2 -out "$dir/server.pem" -extfile <(
            printf '%s\n' "subjectAltName=DNS:localhost,IP:127.0.0.1" \
                "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
                "extendedKeyUsage=serverAuth" "authorityKeyIdentifier=keyid"
        ) 2>/dev/null
    chmod 600 "$dir"/*.key
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() {
    mkdir -p "$dir"
    [ -n "$port" ] || port=$(free_port)
    make_certificates
    (umask 077 && openssl rand -hex 16 >"$dir/password")
    [ "$(id -u)" != 0 ] || chown -R postgres "$dir"
    as_postgres "$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C.UTF-8 -N \
        --auth-local=trust --auth-host=scram-sha-256 --pwfile="$dir/password" >"$dir/initdb.log"
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir'
max_connections = $connections
ssl = on
ssl_cert_file = '$dir/server.pem'
ssl_key_file = '$dir/server.key'
fsync = off
synchronous_commit = off
full_page_writes = off
log_statement = '${POSTGRES_LOG_STATEMENT:-none}'
CONF
    cat >"$dir/data/pg_hba.conf" <<HBA
local   all all                trust
hostssl all all 127.0.0.1/32   scram-sha-256
${POSTGRES_EXTRA_HBA:-}
HBA
    serve
}

follow() {
    primary=$1
    mkdir -p "$dir"
    port=$(free_port)
    cp -p "$primary"/{password,ca.pem,server.pem,server.key} "$dir"
    [ "$(id -u)" != 0 ] || chown -R postgres "$dir"
    as_postgres "$bin/pg_basebackup" -D "$dir/data" -h "$primary" -p "$(cat "$primary/port")" \
        -U postgres -R -X stream -c fast --no-sync
    # Its certificate is the primary's.
    cat >>"$dir/data/postgresql.conf" <<CONF
port = $port
unix_socket_directories = '$dir'
CONF
    serve
}

serve() {
    as_postgres "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 start >/dev/null ||
        { tail -n 20 "$dir/server.log" >&2; exit 1; }
    # The certificate is public; the folder must let its readers through.
    chmod 755 "$dir"
    chmod 644 "$dir/ca.pem"
    printf '%s\n' "$port" >"$dir/port"
}

stop() {
    [ ! -f "$dir/data/postmaster.pid" ] ||
        as_postgres "$bin/pg_ctl" -D "$dir/data" -m immediate -w -t 30 stop >/dev/null 2>&1 || true
    rm -rf "$dir"
}

case "$action" in
start) start ;;
follow) follow "${3:?directory of the primary}" ;;
stop) stop ;;
*) echo "usage: private-postgres.sh start DIR [PORT] | follow DIR PRIMARY_DIR | stop DIR" >&2; exit 2 ;;
esac
