"""Pictures and pages with figures, for tests."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw

from tools.source import Figure
from tools.worker import read

FILLER = "A reservoir is filled by the rivers that drain the hills around it. " * 12
PROSE = f"<p>{FILLER}</p>"


def drawn(kind: str = "PNG", size: tuple[int, int] = (320, 200), seed: int = 1, **more: Any) -> bytes:
    """A picture with something on it."""
    made = Image.new("RGB", size, (20 * seed % 255, 90, 140))
    pen = ImageDraw.Draw(made)
    for n in range(40):
        x, y = (n * 37 * seed) % size[0], (n * 53) % size[1]
        pen.ellipse([x, y, x + 30, y + 20], fill=((n * 17) % 255, (n * 91 * seed) % 255, 60))
    out = io.BytesIO()
    made.save(out, kind, **more)
    return out.getvalue()


def page(body: str, head: str = "") -> str:
    top = f"<html><head><title>Lakes</title>{head}</head><body><main><h1>Lakes</h1>"
    return f"{top}{PROSE}{body}{PROSE}</main></body></html>"


def of(kind: str, body: str) -> list[Figure]:
    """The figures of a page; the place of each caption is where its words stand."""
    got = read(kind, body.encode())
    found = [Figure(**figure) for figure in got["figures"]]
    for figure in found:
        assert figure.start == figure.end or got["text"][figure.start : figure.end] == figure.caption
    return found


# A thumb as MediaWiki writes it now.
NEW = """<figure class="mw-default-size" typeof="mw:File/Thumb"><a href="/index.php/File:Green_aurora.png"
class="mw-file-description"><img alt="Green bands in the sky" src="/images/9/98/Green_aurora.png" decoding="async"
width="300" height="200" /></a><figcaption>Oxygen atoms emit the green light of an <a href="/index.php/Aurora"
title="Aurora">aurora</a>.</figcaption></figure>"""


def bomb() -> bytes:
    """A PNG of 400 million pixels in under a megabyte."""
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    return out.getvalue()


# What is not shown: the bytes, and what is said of it.
BAD = {
    "figure-svg-script": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "an SVG"),
    "figure-not-a-picture": (b"<html>not a picture</html>", "not a PNG, JPEG, GIF or WebP"),
    "figure-cut-off": (drawn()[:200], "damaged"),
    "figure-bomb": (bomb(), "too many"),
    "icon": (drawn(size=(48, 48)), "an icon"),
    "rule": (drawn(size=(900, 100)), "a rule or a banner"),
}

# What is not fetched: the path, and what is said of it.
FETCHED = {
    "figure-404": ("/missing.png", "HTTP 404"),
    "figure-redirect-metadata": ("/to/metadata", "not a public one"),
    "figure-redirect-file": ("/to/file", "only http and https"),
    "figure-huge": ("/huge.png", "larger than 2 MB"),
    "figure-svg": ("/a.svg", "image/svg+xml"),
    "figure-page": ("/page", "text/html"),
    "figure-robots": ("/private/a.png", "robots.txt asks not to"),
    "figure-metadata": ("http://169.254.169.254/latest/meta-data/x.png", "not a public one"),
    "figure-other-port": ("http://127.0.0.1:9999/x.png", "not a public one"),
}
