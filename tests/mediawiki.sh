#!/usr/bin/env bash
# A MediaWiki of three pages with SQLite and PHP's own server, for the tests.
#
#   tests/mediawiki.sh start   install the wiki if it is not cached, serve it on loopback, print the URL of its API
#   tests/mediawiki.sh stop    end the server that start began
#
# Needs the Debian packages mediawiki, php-cli, php-sqlite3, php-xml, php-mbstring and php-intl.
# PALIMPSEST_CACHE names the cache folder (default ~/.cache/palimpsest-tests).
set -euo pipefail

cache=${PALIMPSEST_CACHE:-${HOME}/.cache/palimpsest-tests}
code=/usr/share/mediawiki
wiki=$cache/mediawiki
state=$cache/mediawiki.state # "PID PORT" of the running server

die() {
    echo "tests/mediawiki.sh: $*" >&2
    exit 1
}

edit() { # TITLE: the page's text comes from standard input
    MW_CONFIG_FILE=$1/LocalSettings.php php "$code/maintenance/edit.php" --no-rc --summary test "$2" >/dev/null
}

build() {
    [ -f "$wiki/LocalSettings.php" ] && return
    [ -f "$code/maintenance/install.php" ] || die "MediaWiki is missing: apt-get install mediawiki php-sqlite3"
    local work
    rm -rf "$wiki"
    mkdir -p "$wiki/data"
    work=$(mktemp -d "$cache/build.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    php "$code/maintenance/install.php" --dbtype sqlite --dbpath "$wiki/data" --dbname wiki --server http://127.0.0.1 \
        --scriptpath "" --confpath "$work" --pass "$(head -c 18 /dev/urandom | base64)" "Test wiki" Admin \
        >"$cache/mediawiki.log" 2>&1 || die "the installation failed, see $cache/mediawiki.log"
    # The port is known when the server starts.
    sed -i "s|^\$wgServer = .*|\$wgServer = 'http://127.0.0.1:' . getenv('WIKI_PORT');|" "$work/LocalSettings.php"
    echo "\$wgUsePathInfo = true; \$wgArticlePath = '/index.php/\$1'; \$wgCacheDirectory = '$wiki/data';" \
        >>"$work/LocalSettings.php"
    export WIKI_PORT=80
    edit "$work" Tide <<'TEXT'
'''Tides''' are the rise and fall of sea levels that the gravity of the [[Moon]] and the Sun causes.<ref>A book.</ref>

== Range ==
The tidal range in the Bay of Fundy reaches 16 metres, which is the largest of all bays. Spring tides occur when the
Sun, the Moon and the Earth form a line, and neap tides occur when the Sun and the Moon stand at right angles.

== See also ==
* [[Moon]]
TEXT
    edit "$work" Moon <<'TEXT'
The '''Moon''' is the only natural satellite of the Earth. The Moon orbits the Earth in 27.3 days, and its gravity
raises the tides of the oceans.
TEXT
    edit "$work" "C & A (test)?" <<<"The page of this title holds signs that mean something in markup and in addresses."
    MW_CONFIG_FILE=$work/LocalSettings.php php "$code/maintenance/runJobs.php" >/dev/null
    mv "$work/LocalSettings.php" "$wiki/LocalSettings.php"
}

running() {
    [ -f "$state" ] || return 1
    read -r pid port <"$state"
    [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "php -S 127.0.0.1:$port"
}

start() {
    if running; then
        echo "http://127.0.0.1:$port/api.php"
        return
    fi
    command -v php >/dev/null || die "php is missing: apt-get install php-cli"
    build
    local port pid
    port=$(python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
    MW_CONFIG_FILE=$wiki/LocalSettings.php WIKI_PORT=$port \
        nohup php -S "127.0.0.1:$port" -t "$code" >"$cache/mediawiki-serve.log" 2>&1 </dev/null &
    pid=$!
    for _ in $(seq 150); do
        if python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=10)' "http://127.0.0.1:$port/api.php?action=query&format=json" 2>/dev/null; then
            echo "$pid $port" >"$state"
            echo "http://127.0.0.1:$port/api.php"
            return
        fi
        kill -0 "$pid" 2>/dev/null || die "php ended, see $cache/mediawiki-serve.log"
        sleep 0.2
    done
    kill "$pid"
    die "the wiki does not answer, see $cache/mediawiki-serve.log"
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
*) die "usage: tests/mediawiki.sh start|stop" ;;
esac
