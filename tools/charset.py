"""The text of bytes whose encoding is declared in three places, wrongly in some."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.I)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Encodings in which plain ASCII is no longer itself: no page declares them in good faith.
_TRICKS = re.compile(r"utf[-_]?7|hz|iso[-_]?2022|punycode|idna|escape|undefined|mbcs|oem", re.I)
_WIDE = re.compile(r"(?:utf|ucs)[-_]?(?:16|32|2|4)", re.I)


def _candidates(body: bytes, header: str) -> Iterator[str]:
    for mark, name in _BOMS:
        if body.startswith(mark):
            yield name
    if header:
        yield header
    meta = _META_CHARSET.search(body[:4096])
    if meta:
        yield meta.group(1).decode("ascii")
    yield "utf-8"


def decode(body: bytes, header: str = "") -> str:
    """Text of bytes: byte-order mark, then the header's charset, the page's own, UTF-8, a guess. Never raises."""
    for name in _candidates(body, header):
        if _TRICKS.search(name) and not name.lower().startswith("iso-2022-jp"):
            continue
        if _WIDE.match(name) and not any(body.startswith(mark) for mark, _ in _BOMS) and b"\x00" not in body[:4096]:
            continue  # text of one byte a letter would come out as Chinese
        with contextlib.suppress(UnicodeDecodeError, LookupError, ValueError):
            return body.decode(name)
    from charset_normalizer import from_bytes

    best = from_bytes(body[:65536]).best()
    return body.decode(best.encoding if best else "cp1252", "replace")
