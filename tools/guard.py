"""The network as pages may use it: every connection goes to an address that was looked at.

A name is resolved once a connection, here; each of its addresses is judged, and the connection is made to one of
those, so a second answer of the name server is never asked for. TLS still names and checks the host, because the
HTTP client takes the server name from the URL. Redirects open connections in the same way, so they pass here too.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any

import httpcore
import httpx

from tools.urls import printable, public

CONNECTIONS = httpx.Limits(max_connections=4, max_keepalive_connections=2)
TRIED = 3  # addresses of one name that are tried
WEB_PORTS = (80, 443)  # below 1024, what a host that the user did not name is asked at


class Refused(Exception):
    """A connection that is not made; the message is the reason, in a few words."""


def resolve(host: str, port: int, timeout: float | None = None) -> list[str]:
    """Addresses of a host, in the system's order. OSError if there are none, or none within `timeout` seconds."""
    found: list[str] = []
    trouble: list[OSError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except OSError as error:
            trouble.append(error)
        except UnicodeError:
            trouble.append(OSError("not a host name"))

    # getaddrinfo knows no timeout; a thread that is left behind does no harm.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    if trouble:
        raise trouble[0]
    if not found:
        raise OSError("the name server does not answer" if thread.is_alive() else "the host has no address")
    return found


Resolver = Callable[[str, int, float | None], list[str]]


class Guard(httpcore.NetworkBackend):
    """Sockets to public addresses, or, with `named`, to just those hosts and ports, wherever they are."""

    def __init__(self, named: Collection[tuple[str, int]] | None = None, resolver: Resolver = resolve) -> None:
        self._named = named
        self._resolver = resolver
        self._backend = httpcore.SyncBackend()

    def addresses(self, host: str, port: int, timeout: float | None = None) -> list[str]:
        """Addresses that may be connected to. Raises Refused, or OSError where the name has none."""
        host = host.lower().rstrip(".")
        if self._named is not None:
            if (host, port) not in self._named:
                raise Refused("an address inside this network that was not named")
            return self._resolver(host, port, timeout)
        if port < 1024 and port not in WEB_PORTS:
            raise Refused(f"port {port} is not one that pages are served at")
        found = self._resolver(host, port, timeout)
        # All of them: a name with one public and one private address is a trick.
        if not all(public(address) for address in found):
            raise Refused("the address is not a public one, and it was not named as a source")
        return found

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = self.addresses(host, port, timeout)
        except OSError as error:
            raise httpcore.ConnectError(printable(str(error), 100)) from error
        *first, last = found[:TRIED]
        for address in first:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
        return self._backend.connect_tcp(last, port, timeout, local_address, socket_options)

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
        raise Refused("sockets of this machine are not pages")

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class Transport(httpx.HTTPTransport):
    """HTTP/1.1 and HTTP/2 over guarded connections. `proxy`: a proxy's URL; the guard then judges names beforehand."""

    def __init__(self, guard: Guard, context: ssl.SSLContext, proxy: str | None = None) -> None:
        super().__init__(verify=context, http2=True, limits=CONNECTIONS, proxy=proxy)
        self._guard = guard
        self._proxied = proxy is not None
        if not isinstance(getattr(self, "_pool", None), httpcore.ConnectionPool):
            raise RuntimeError("this version of httpx cannot be guarded")  # never unguarded instead
        if not self._proxied:
            self._pool = httpcore.ConnectionPool(
                ssl_context=context,
                max_connections=CONNECTIONS.max_connections,
                max_keepalive_connections=CONNECTIONS.max_keepalive_connections,
                http1=True,
                http2=True,
                network_backend=guard,
            )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._proxied:
            url = request.url
            # A name that only the proxy can resolve is left to it.
            with contextlib.suppress(OSError):
                self._guard.addresses(url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80))
        response = super().handle_request(request)
        if response.status_code == 304:
            # It has no body, whatever the server sends: the cache would read all of it.
            response.close()
            return httpx.Response(304, headers=response.headers, stream=httpx.ByteStream(b""), request=request)
        return response
