"""The cache on disk, conditional requests, HTTP/2, TLS to a pinned address: real sockets, a public address stood in.

There is no network here, so connections to one public address are led to a server on loopback; everything above the
socket is what a run uses.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import httpcore
import pytest

from tests.support import need
from tests.web import Request, site
from tools.clients import cache_file
from tools.fetch import Fetched, Fetcher
from tools.settings import Settings
from tools.source import Skipped

PUBLIC = "93.184.215.14"
QUICK = Settings(attempts=1, deadline=10.0, delay=0.0)
BODY = "<p>The tide rises twice a day.</p>"
seen: list[tuple[str, Message]] = []


def led_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections to PUBLIC end at this port of loopback."""
    connect = httpcore.SyncBackend.connect_tcp

    def turned(
        self: httpcore.SyncBackend, host: str, at: int, *more: object, **named: object
    ) -> httpcore.NetworkStream:
        return connect(self, *(("127.0.0.1", port) if host == PUBLIC else (host, at)), *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", turned)


def fetcher(settings: Settings = QUICK) -> Fetcher:
    return Fetcher(settings, lambda host, port, timeout: [PUBLIC if host.endswith(".example") else "127.0.0.1"])


def _pages(request: Request) -> None:
    seen.append((request.path, request.headers))
    if request.path == "/fresh":
        request.reply(BODY, Cache_Control="max-age=600")
    elif request.path == "/tagged" and request.headers.get("If-None-Match") == '"one"':
        request.reply("", status=304, ETag='"one"', Cache_Control="no-cache")
    elif request.path == "/tagged":
        request.reply(BODY, ETag='"one"', Cache_Control="no-cache")
    elif request.path == "/private":
        request.reply(BODY, Cache_Control="no-store")
    elif request.path.startswith("/keyed"):
        request.reply("{}", "application/json", Cache_Control="max-age=600")


@pytest.fixture()
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    del seen[:]
    with site(_pages) as url:
        led_to(int(url.rsplit(":", 1)[1]), monkeypatch)
        yield url


def text(got: Fetched | Skipped) -> str:
    assert isinstance(got, Fetched), got
    return got.text


def test_what_is_fresh_is_not_asked_for_again_by_any_run(web: str) -> None:
    for _ in range(2):
        one = fetcher()
        assert text(one.get("http://tide.example/fresh")) == BODY
        one.close()
    assert [path for path, _ in seen] == ["/fresh"]
    assert cache_file().is_file()


def test_what_may_have_changed_is_asked_for_on_condition(web: str) -> None:
    one = fetcher()
    assert text(one.get("http://tide.example/tagged")) == BODY
    assert text(one.get("http://tide.example/tagged")) == BODY
    one.close()
    assert [headers.get("If-None-Match") for _, headers in seen] == [None, '"one"']


def test_what_is_not_to_be_kept_is_not(web: str) -> None:
    """no-store, requests with a key, answers from this network, and everything with cache_mb = 0."""
    one = fetcher()
    one.name(web)
    for _ in range(2):
        text(one.get("http://tide.example/private"))
        text(one.get("http://tide.example/keyed?key=s3cret", accept=("application/json",), secret=True))
        text(one.get(web + "/fresh"))
    one.close()
    assert len(seen) == 6, [path for path, _ in seen]
    stored = b"".join(file.read_bytes() for file in cache_file().parent.iterdir())
    assert b"s3cret" not in stored and b"tide rises" not in stored
    none = fetcher(QUICK.model_copy(update={"cache_mb": 0.0}))
    for _ in range(2):
        text(none.get("http://tide.example/fresh"))
    none.close()
    assert len(seen) == 8


def test_a_damaged_cache_costs_time_only(web: str, capfd: pytest.CaptureFixture[str]) -> None:
    cache_file().parent.mkdir(parents=True)
    cache_file().write_bytes(b"this is no database" * 100)
    one = fetcher()
    assert text(one.get("http://tide.example/fresh")) == BODY
    one.close()
    assert capfd.readouterr().err == ""


# ---- TLS and HTTP/2 ----


class Secure:
    """One TLS server on loopback that speaks HTTP/2 and notes the names it is asked for."""

    def __init__(self, folder: Path, name: str) -> None:
        self.names: list[str | None] = []
        self.paths: list[str] = []
        self.cert, key = folder / "cert.pem", folder / "key.pem"
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
            ]
            + [
                "-subj",
                f"/CN={name}",
                "-addext",
                f"subjectAltName=DNS:{name}",
                "-out",
                str(self.cert),
                "-keyout",
                str(key),
            ],
            check=True,
            capture_output=True,
        )
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.cert, key)
        self._context.set_alpn_protocols(["h2"])
        self._context.sni_callback = lambda sock, asked, context: self.names.append(asked)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
                self._talk(self._context.wrap_socket(raw, server_side=True))
            except ssl.SSLError:
                continue  # a client that does not trust us
            except OSError:
                return

    def _talk(self, sock: ssl.SSLSocket) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        sock.sendall(connection.data_to_send())
        while data := sock.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.paths += [str(value) for name, value in event.headers or [] if name == ":path"]
                    connection.send_headers(event.stream_id or 1, [(":status", "200"), ("content-type", "text/html")])
                    connection.send_data(event.stream_id or 1, BODY.encode(), end_stream=True)
            sock.sendall(connection.data_to_send())

    def close(self) -> None:
        self._listener.close()


@pytest.fixture()
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secure]:
    need(shutil.which("openssl") is not None, "openssl is not installed")
    made = Secure(tmp_path, "tide.example")
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    led_to(made.port, monkeypatch)
    yield made
    made.close()


def test_http2_to_a_pinned_address_names_and_checks_the_host(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.cert))
    one = fetcher()
    assert text(one.get("https://tide.example/page")) == BODY
    one.close()
    assert secure.names == ["tide.example"] and secure.paths == ["/page"]


def test_a_certificate_for_another_host_is_not_accepted(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.cert))
    for url in ("https://other.example/page", "https://tide.example/page"):
        if url.startswith("https://tide"):
            monkeypatch.delenv("SSL_CERT_FILE")  # the right name, signed by nobody that is known
        one = fetcher()
        got = one.get(url)
        assert isinstance(got, Skipped) and "cannot be reached" in got.reason and "certificate" in got.reason.lower()
        one.close()
    assert secure.paths == []
