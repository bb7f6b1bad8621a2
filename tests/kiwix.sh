#!/usr/bin/env bash
# A Kiwix server over Debian's Python documentation, for the tests.
#
#   tests/kiwix.sh start   build the ZIM if it is not cached, serve it on loopback, print the URL
#   tests/kiwix.sh stop    end the server that start began
#   tests/kiwix.sh build   build the ZIM only, print its path
#
# Needs the Debian packages kiwix-tools, zim-tools and python3-doc.
# PALIMPSEST_CACHE names the cache folder (default ~/.cache/palimpsest-tests),
# PALIMPSEST_KIWIX_PORT a port (default: a free one).
set -euo pipefail

cache=${PALIMPSEST_CACHE:-${HOME}/.cache/palimpsest-tests}
zim=$cache/python-doc.zim
state=$cache/kiwix.state # "PID PORT" of the running server

die() {
    echo "tests/kiwix.sh: $*" >&2
    exit 1
}

docs_folder() {
    local folder
    for folder in /usr/share/doc/python3-doc/html /usr/share/doc/python3.*-doc/html; do
        if [ -f "$folder/library/asyncio-task.html" ]; then
            readlink -f "$folder"
            return
        fi
    done
    die "no Python documentation found: apt-get install python3-doc"
}

build() {
    [ -s "$zim" ] && return
    command -v zimwriterfs >/dev/null || die "zimwriterfs is missing: apt-get install zim-tools"
    local docs work
    docs=$(docs_folder)
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/build.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    # The page sources and Sphinx's own search index double the size and are no pages.
    cp -rL "$docs" "$work/html"
    rm -rf "$work/html/_sources" "$work/html/searchindex.js" "$work/html/objects.inv"
    find "$work/html" -name '*.gz' -delete
    # zimwriterfs wants a 48x48 PNG as the book's illustration.
    python3 - "$work/html/illustration.png" <<'PY'
import struct, sys, zlib

def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

rows = b"".join(b"\0" + b"\x30\x69\x98" * 48 for _ in range(48))
head = struct.pack(">IIBBBBB", 48, 48, 8, 2, 0, 0, 0)
with open(sys.argv[1], "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
PY
    # Written beside the final name, then moved: a build that was cut off leaves no ZIM behind.
    zimwriterfs --welcome=index.html --illustration=illustration.png --language=eng \
        --title="Python documentation" --description="The documentation of Python" \
        --name=python-doc --creator="Python Software Foundation" --publisher=Palimpsest \
        "$work/html" "$work/python-doc.zim" >"$cache/build.log" 2>&1 ||
        die "zimwriterfs failed, see $cache/build.log"
    mv "$work/python-doc.zim" "$zim"
}

running() {
    [ -f "$state" ] || return 1
    read -r pid port <"$state"
    [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q kiwix-serve
}

start() {
    if running; then
        echo "http://127.0.0.1:$port"
        return
    fi
    command -v kiwix-serve >/dev/null || die "kiwix-serve is missing: apt-get install kiwix-tools"
    build
    local port=${PALIMPSEST_KIWIX_PORT:-} pid
    [ -n "$port" ] || port=$(python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
    nohup kiwix-serve --port="$port" --address=127.0.0.1 "$zim" >"$cache/serve.log" 2>&1 </dev/null &
    pid=$!
    for _ in $(seq 100); do
        if python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=2)' "http://127.0.0.1:$port/" 2>/dev/null; then
            echo "$pid $port" >"$state"
            echo "http://127.0.0.1:$port"
            return
        fi
        kill -0 "$pid" 2>/dev/null || die "kiwix-serve ended, see $cache/serve.log"
        sleep 0.1
    done
    kill "$pid"
    die "kiwix-serve does not answer on port $port, see $cache/serve.log"
}

stop() {
    if running; then
        kill "$pid"
    fi
    rm -f "$state"
}

case ${1:-} in
start) start ;;
stop) stop ;;
build)
    build
    echo "$zim"
    ;;
*) die "usage: tests/kiwix.sh start|stop|build" ;;
esac
