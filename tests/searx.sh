#!/usr/bin/env bash
# A searx server for the tests, with one engine that asks the wiki of tests/mediawiki.sh: nothing leaves the machine.
#
#   tests/searx.sh start API   serve on loopback, with the wiki whose api.php is API; print the URL
#   tests/searx.sh stop        end the server that start began
#
# Needs the Debian package searx. PALIMPSEST_CACHE names the cache folder (default ~/.cache/palimpsest-tests).
set -euo pipefail

cache=${PALIMPSEST_CACHE:-${HOME}/.cache/palimpsest-tests}
state=$cache/searx.state # "PID PORT" of the running server

die() {
    echo "tests/searx.sh: $*" >&2
    exit 1
}

running() {
    [ -f "$state" ] || return 1
    read -r pid port <"$state"
    [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q searx
}

start() {
    local api=$1 port pid
    if running; then
        echo "http://127.0.0.1:$port"
        return
    fi
    command -v searx-run >/dev/null || die "searx is missing: apt-get install searx"
    mkdir -p "$cache"
    port=$(python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
    # Debian's searx has its default settings among the examples; all of its engines go, one of ours comes.
    /usr/bin/python3 - "$api" "$port" >"$cache/searx.yml" <<'PY' || die "the settings cannot be written"
import secrets, sys, yaml

api, port = sys.argv[1:]
with open("/usr/share/doc/searx/examples/settings.yml", encoding="utf-8") as file:
    settings = yaml.safe_load(file)
settings["search"]["formats"] = ["html", "json"]
settings["server"] |= {"port": int(port), "bind_address": "127.0.0.1", "secret_key": secrets.token_hex()}
settings["outgoing"]["request_timeout"] = 10.0
settings["engines"] = [
    {
        "name": "testwiki",
        "engine": "json_engine",
        "shortcut": "tw",
        "categories": "general",
        "enable_http": True,
        "search_url": api + "?action=query&generator=search&prop=info&inprop=url&format=json&formatversion=2"
        "&gsrwhat=text&gsrsearch={query}",
        "results_query": "query/pages",
        "url_query": "fullurl",
        "title_query": "title",
        "content_query": "contentmodel",
    }
]
print(yaml.safe_dump(settings))
PY
    SEARX_SETTINGS_PATH=$cache/searx.yml nohup searx-run >"$cache/searx.log" 2>&1 </dev/null &
    pid=$!
    for _ in $(seq 150); do
        if python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=5)' "http://127.0.0.1:$port/healthz" 2>/dev/null; then
            echo "$pid $port" >"$state"
            echo "http://127.0.0.1:$port"
            return
        fi
        kill -0 "$pid" 2>/dev/null || die "searx ended, see $cache/searx.log"
        sleep 0.2
    done
    kill "$pid"
    die "searx does not answer, see $cache/searx.log"
}

stop() {
    if running; then
        kill "$pid"
    fi
    rm -f "$state"
}

case ${1:-} in
start) start "${2:?name the api.php of a wiki}" ;;
stop) stop ;;
*) die "usage: tests/searx.sh start API | stop" ;;
esac
