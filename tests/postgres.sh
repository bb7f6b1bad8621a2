#!/usr/bin/env bash
# A PostgreSQL server of its own for the tests.
#
#   tests/postgres.sh start   make a database in the cache folder, serve it on loopback, print its URL
#   tests/postgres.sh stop    end the server that start began
#
# Needs the Debian package postgresql. PALIMPSEST_CACHE names the cache folder (default ~/.cache/palimpsest-tests).
# The server takes no password from this machine and listens to no other.
set -euo pipefail

cache=${PALIMPSEST_CACHE:-${HOME}/.cache/palimpsest-tests}
data=$cache/postgres
state=$cache/postgres.state # the port of the running server
user=palimpsest

die() {
    echo "tests/postgres.sh: $*" >&2
    exit 1
}

tool() { # NAME: where Debian keeps it
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin/"$1" 2>/dev/null | sort -V | tail -1)
    [ -n "$found" ] || found=$(command -v "$1") || die "$1 is missing: apt-get install postgresql"
    echo "$found"
}

as() { # COMMAND...: PostgreSQL will not run as root
    if [ "$(id -u)" = 0 ]; then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@")
    else
        "$@"
    fi
}

running() {
    [ -f "$state" ] || return 1
    read -r port <"$state"
    "$(tool pg_isready)" -q -h 127.0.0.1 -p "$port" -U "$user" -d postgres
}

url() {
    echo "postgres://$user@127.0.0.1:$port/postgres"
}

start() {
    if running; then
        url
        return
    fi
    local port
    if [ "$(id -u)" = 0 ] && ! as test -x "$cache"; then
        # root's own folder is closed to the server's user
        data=/var/tmp/palimpsest-postgres
    fi
    if [ ! -f "$data/PG_VERSION" ]; then
        mkdir -p "$cache" "$data"
        [ "$(id -u)" = 0 ] && chown postgres "$data"
        chmod 700 "$data"
        as "$(tool initdb)" -D "$data" -U "$user" -A trust -E UTF8 --no-sync >"$cache/postgres.log" 2>&1 ||
            die "initdb failed, see $cache/postgres.log"
    fi
    port=$(python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
    as "$(tool pg_ctl)" -D "$data" -w -t 30 -l "$data/server.log" \
        -o "-p $port -h 127.0.0.1 -k '' -F -c shared_buffers=16MB -c max_connections=20" start >>"$cache/postgres.log" 2>&1 ||
        die "the server does not start, see $data/server.log"
    echo "$port" >"$state"
    url
}

stop() {
    for place in "$data" /var/tmp/palimpsest-postgres; do
        [ -f "$place/postmaster.pid" ] && as "$(tool pg_ctl)" -D "$place" -m fast -w stop >/dev/null 2>&1
    done
    rm -f "$state"
}

case ${1:-} in
start) start ;;
stop) stop ;;
*) die "usage: tests/postgres.sh start|stop" ;;
esac
