"""A web site on loopback for the tests: real sockets, real HTTP, pages as a function says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Request(BaseHTTPRequestHandler):
    """One request. `reply` sends a whole answer; a page that wants to misbehave writes to `wfile` itself."""

    protocol_version = "HTTP/1.1"
    pages: Callable[[Request], None]

    def reply(self, body: bytes | str, kind: str = "text/html; charset=utf-8", status: int = 200, **more: str) -> None:
        """A whole answer; `more` are further headers, with _ for -."""
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        try:
            type(self).pages(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def site(pages: Callable[[Request], None], kind: type[Request] = Request) -> Iterator[str]:
    """Serves `pages` while open, by a `kind` of request; gives the site's URL without a closing slash."""
    handler = type("Handler", (kind,), {"pages": staticmethod(pages)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
