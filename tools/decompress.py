"""Bodies out of their Content-Encoding, a piece at a time, so that a bomb stops at the reader's limit."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip, deflate"
PIECE = 65_536  # bytes that one step gives at most
GZIP = b"\x1f\x8b"


class BadBody(ValueError):
    """A body that is not what its Content-Encoding says; the message is the reason."""


def pieces(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The body in pieces of at most PIECE bytes, whatever the compression made of it.

    encoding: the Content-Encoding header. Raises BadBody for one that was not asked for, for several upon each other
    (no page needs that, and each multiplies) and for bytes that do not fit it.
    """
    names = [name.strip().lower() for name in encoding.split(",") if name.strip().lower() not in ("", "identity")]
    if len(names) > 1:
        raise BadBody("the body is compressed more than once")
    if not names:
        for chunk in chunks:
            for start in range(0, len(chunk), PIECE):
                yield chunk[start : start + PIECE]
        return
    if names[0] not in ("gzip", "x-gzip", "deflate"):
        raise BadBody("the body is compressed in a way that was not asked for")
    try:
        yield from _inflated(chunks, names[0] == "deflate")
    except zlib.error as error:
        raise BadBody("the body is not what its Content-Encoding says") from error


def _inflated(chunks: Iterator[bytes], deflate: bool) -> Iterator[bytes]:
    inflate = None
    for data in chunks:
        while data or inflate is not None:
            if inflate is None:
                # "deflate" means zlib's format, but some servers send it bare.
                bare = deflate and data[0] & 0x0F != 8
                inflate = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)
            made = inflate.decompress(data, PIECE)
            if made:
                yield made
            if inflate.eof:
                # Another member may follow; what else follows is no part of the body.
                data, inflate = inflate.unused_data, None
                if data and not data.startswith(GZIP):
                    return
                continue
            data = inflate.unconsumed_tail
            if not data and len(made) < PIECE:
                break
    if inflate is not None:
        raise BadBody("the body is cut off")
