#!/usr/bin/env bash
# Measures the server: what it takes and passes on per CPU second, beside bare sockets and SQLite, and many clients at once.
#
#   tools/livestore-load/measure.sh [fanout] [ack] [load]
#
# Without arguments all of it. Builds both programs first. SECONDS_EACH (10) is how long each run of the first two lasts, LOAD_SECONDS
# (60) how long one of the last; ROUNDS (3) how often fan-out and ceiling take turns. NO_BUILD and NO_BENCH leave out what they say. Data goes to
# a directory below TMPDIR that is removed.
set -euo pipefail
cd "$(dirname "$0")/../.."

parts="${*:-fanout ack load}"
each="${SECONDS_EACH:-10}" lasts="${LOAD_SECONDS:-60}" rounds="${ROUNDS:-3}"
[ -n "${NO_BUILD:-}" ] || cargo build --quiet --release -p livestore-server -p livestore-load
target="${CARGO_TARGET_DIR:-target}/release"
work="$(mktemp -d)"
server_pid= postgres_pid=

stop() { # PID SIGNAL
    [ -z "$1" ] && return
    kill -"$2" "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

finish() {
    stop "$server_pid" TERM
    stop "$postgres_pid" INT
    rm -rf "$work"
}
trap finish EXIT

# Starts a server with these arguments for its storage; sets `url` and `server_pid`.
serve() {
    stop "$server_pid" TERM
    "$target/livestore-server" serve --listen 127.0.0.1:0 --connections-per-address 3000 \
        --push-rate 100000000 --store-push-rate 100000000 "$@" 2>"$work/log" &
    server_pid=$!
    for _ in $(seq 100); do
        url="$(sed -n 's/.*listening on \(ws:[^ ]*\).*/\1/p' "$work/log" | sed 's/\x1b\[[0-9;]*m//g')"
        [ -n "$url" ] && return
        sleep 0.1
    done
    cat "$work/log" >&2
    return 1
}

sqlite() { # NORMAL or FULL
    rm -rf "$work/data"
    serve --data "$work/data" --synchronous "$1"
}

# A PostgreSQL of its own, with the durability that it has by default; sets `database`.
postgres() {
    local bin as=()
    bin="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)"
    [ -n "$bin" ] || { echo "no PostgreSQL here: left out"; return 1; }
    [ -n "$postgres_pid" ] && return
    mkdir "$work/postgres"
    if [ "$(id -u)" = 0 ]; then
        chmod 755 "$work"
        chown postgres "$work/postgres"
        as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    fi
    "${as[@]}" "$bin/initdb" -A trust -U postgres -E UTF8 -D "$work/postgres/data" >/dev/null
    local port=$((20000 + RANDOM % 20000))
    "${as[@]}" "$bin/postgres" -D "$work/postgres/data" -p "$port" -k "$work/postgres" >/dev/null 2>&1 &
    postgres_pid=$!
    until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do sleep 0.1; done
    database="postgres://postgres@127.0.0.1:$port/postgres"
}

load() {
    "$target/livestore-load" "$url" --server-pid "$server_pid" "$@" 2>/dev/null || echo "  NOT CLEAN"
}

fanout() {
    for round in $(seq "$rounds"); do
        for readers in 0 10 100; do
            sqlite normal
            echo "pushes of 100 to $readers readers, round $round:"
            load -n 1 --blind --readers "$readers" --saturate 100 --duration "$each" | grep -E 'per CPU second|missing|wrong|this tool'
        done
        [ -n "${NO_BENCH:-}" ] || cargo bench --quiet -p livestore-load
    done
}

ack() {
    for mode in normal full; do
        sqlite "$mode"
        echo "one event at a time, SQLite $mode:"
        load -n 1 --saturate 1 --duration "$each" | grep -E 'ack|missing|wrong|per CPU second'
    done
}

many() { # WHAT
    echo "200 clients, 50 events a second each, 20 stores, $lasts s, $1:"
    load -n 200 --stores 20 --rate 50 --duration "$lasts"
}

load_all() {
    for mode in normal full; do
        sqlite "$mode"
        many "SQLite $mode"
    done
    if postgres; then
        serve --storage "$database"
        many PostgreSQL
    fi
}

echo "$(date -u +%FT%TZ) $(git rev-parse --short HEAD), load of the machine $(cut -d' ' -f1-3 /proc/loadavg)"
for part in $parts; do
    case "$part" in
        fanout) fanout ;;
        ack) ack ;;
        load) load_all ;;
        *) echo "no part is called \`$part\`: fanout, ack or load" >&2; exit 2 ;;
    esac
done
