"""What a URL says, and what an address is: checked before anything is asked of it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit

LONGEST = 4000  # characters of a URL that is fetched
NAT64 = ipaddress.ip_network("64:ff9b::/96")
GLOBAL_V6 = ipaddress.ip_network("2000::/3")


class BadURL(ValueError):
    """A URL that is not fetched; the message is the reason, in a few words."""


def checked_url(url: str) -> str:
    """The URL without its fragment and without a user name. Raises BadURL unless it is http or https with a host."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadURL("not a URL that can be fetched") from error
    if parts.scheme not in ("http", "https"):
        raise BadURL("only http and https are fetched")
    if not host or "\\" in parts.netloc or any(ord(c) < 33 or c == "%" for c in host):
        raise BadURL("the URL names no host")
    if len(url) > LONGEST:
        raise BadURL("the URL is too long")
    where = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, f"{where}:{port}" if port else where, parts.path or "/", parts.query, ""))


def place(url: str) -> tuple[str, int]:
    """Host (lower case, IDNA) and port of a checked URL, as the HTTP client reads them. BadURL if it cannot."""
    import httpx

    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii").lower().rstrip(".")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise BadURL("not a URL that can be fetched") from error
    return host, parsed.port or (443 if parsed.scheme == "https" else 80)


def origin(url: str) -> str:
    """Scheme, host and port of a checked URL, without a path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def public(address: str) -> bool:
    """Is this IP address one of the public internet? False for what is no address.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, Teredo, NAT64) is judged by both.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast
    if ip.ipv4_mapped is not None:
        return public(str(ip.ipv4_mapped))
    if ip in NAT64:
        return public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    inside = [ip.sixtofour, *(ip.teredo or ())]
    if any(v4 is not None and not public(str(v4)) for v4 in inside):
        return False
    return ip in GLOBAL_V6 and ip.is_global


def loopback(host: str) -> bool:
    """Does the host name this machine, by what it says alone?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def printable(text: str, limit: int) -> str:
    """Printable characters only, at most `limit`: fit for one line on a terminal."""
    return "".join(c for c in text if c.isprintable())[:limit]
