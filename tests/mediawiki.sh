#!/usr/bin/env bash
# A MediaWiki of four pages and two pictures with SQLite and PHP's own server, for the tests.
#
#   tests/mediawiki.sh start   install the wiki if it is not cached, serve it on loopback, print the URL of its API
#   tests/mediawiki.sh stop    end the server that start began
#
# Needs the Debian packages mediawiki, php-cli, php-sqlite3, php-xml, php-mbstring and php-intl.
# PALIMPSEST_CACHE names the cache folder (default ~/.cache/palimpsest-tests).
set -euo pipefail

cache=${PALIMPSEST_CACHE:-${HOME}/.cache/palimpsest-tests}
code=/usr/share/mediawiki
wiki=$cache/mediawiki-2 # counted up when what build() makes changes
state=$cache/mediawiki.state # "PID PORT" of the running server

die() {
    echo "tests/mediawiki.sh: $*" >&2
    exit 1
}

picture() { # FILE R G B: a PNG of 480 by 320 pixels
    python3 - "$@" <<'PY'
import struct, sys, zlib

def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

red, green, blue = map(int, sys.argv[2:])
rows = b"".join(b"\0" + bytes(c for x in range(480) for c in (red * y // 320, green * x // 480, blue)) for y in range(320))
head = struct.pack(">IIBBBBB", 480, 320, 8, 2, 0, 0, 0)
with open(sys.argv[1], "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
PY
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
    # Licences come into the interface by a hook, as they do on Wikipedia (its extension CommonsMetadata).
    cat >>"$work/LocalSettings.php" <<PHP
\$wgUploadDirectory = '$wiki/images';
\$wgUploadPath = '/images';
\$wgUseImageMagick = \$wgUseImageResize = false; // pictures go out as they are
\$wgHooks['GetExtendedMetadata'][] = function ( &\$meta, \$file, \$context, \$single, &\$max ) {
    if ( \$file->getTitle()->getText() === 'Green aurora.png' ) {
        \$meta['LicenseShortName'] = [ 'value' => 'CC BY-SA 4.0', 'source' => 'test' ];
        \$meta['LicenseUrl'] = [ 'value' => 'https://creativecommons.org/licenses/by-sa/4.0', 'source' => 'test' ];
        \$meta['Artist'] = [ 'value' => '<a href="/x">A. Painter &amp; Sons</a>', 'source' => 'test' ];
        \$meta['Credit'] = [ 'value' => '<span>Own work</span>', 'source' => 'test' ];
    }
};
PHP
    cat >"$wiki/router.php" <<PHP
<?php // Pictures lie beside the wiki's data, everything else where the package has it.
\$path = urldecode( parse_url( \$_SERVER['REQUEST_URI'], PHP_URL_PATH ) );
if ( strncmp( \$path, '/images/', 8 ) !== 0 ) {
    return false;
}
\$file = realpath( '$wiki' . \$path );
if ( \$file === false || strncmp( \$file, realpath( '$wiki/images' ) . '/', strlen( realpath( '$wiki/images' ) ) + 1 ) !== 0 ) {
    http_response_code( 404 );
} else {
    header( 'Content-Type: ' . mime_content_type( \$file ) );
    readfile( \$file );
}
PHP
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
    mkdir -p "$work/pictures" "$wiki/images"
    picture "$work/pictures/Green aurora.png" 40 220 90
    picture "$work/pictures/Red aurora.png" 230 60 40
    MW_CONFIG_FILE=$work/LocalSettings.php php "$code/maintenance/importImages.php" "$work/pictures" \
        >>"$cache/mediawiki.log" 2>&1 || die "the pictures cannot be uploaded, see $cache/mediawiki.log"
    edit "$work" Aurora <<'TEXT'
[[File:Green aurora.png|thumb|alt=Green bands in the sky|Oxygen atoms emit the green light of an [[aurora]] at an
altitude of about 120 kilometres.]]
An '''aurora''' is a glow of the upper atmosphere that charged particles from the Sun cause. The particles follow the
magnetic field of the planet and collide with atoms at high altitude.

== Colours ==
<gallery>
File:Red aurora.png|Nitrogen and high oxygen atoms emit the red light of an aurora.
File:Missing.png|A picture that was never uploaded has a caption as well.
</gallery>
Auroras occur on every planet that has an atmosphere and a strong magnetic field.
TEXT
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
        nohup php -S "127.0.0.1:$port" -t "$code" "$wiki/router.php" >"$cache/mediawiki-serve.log" 2>&1 </dev/null &
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
