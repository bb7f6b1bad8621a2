"""Pictures made safe to show: known by their first bytes, measured before they are unfolded, drawn anew.

What comes out holds pixels and nothing else: no metadata, no colour profile, no script, no second frame. It needs
Pillow (the extra `palimpsest[figures]`) and runs inside the worker process of `tools.extract`, whose limits on memory
and processor time end what gets past the checks here. SVG is refused: it can hold scripts and addresses, and drawing
one safely would take a renderer of its own (a wiki's interface gives its SVGs as PNG).
"""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 40_000_000  # of a picture as it comes
LONGEST_EDGE = 1200  # pixels of a picture as it is shown
SMALLEST = 100  # pixels of its shorter edge; what is smaller is an icon
FLATTEST = 6.0  # times that one edge is longer than the other; beyond is a rule or a banner
PLAIN_COLOURS = 256  # up to which a picture is a drawing, and kept without loss
QUALITY = 85  # of JPEG
KINDS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF87a": "GIF", b"GIF89a": "GIF"}


class Missing(RuntimeError):
    """Pillow is not installed; one line that says what to do."""


@dataclass(frozen=True)
class Shown:
    """A picture that is ours: its bytes, ".png" or ".jpg", and its size in pixels."""

    data: bytes
    suffix: str
    width: int
    height: int


def check() -> None:
    """Raise Missing unless pictures can be read here. Imports nothing."""
    if importlib.util.find_spec("PIL") is None:
        raise Missing("--figures needs Pillow, which is not installed: pip install 'palimpsest[figures]'")


def kind_of(data: bytes) -> str:
    """PNG, JPEG, GIF or WEBP by the first bytes. Raises ValueError for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for first, kind in KINDS.items():
        if data.startswith(first):
            return kind
    if b"<svg" in data[:2000].lower():
        raise ValueError("an SVG, which is not drawn")
    raise ValueError("not a PNG, JPEG, GIF or WebP")


def cleaned(data: bytes) -> Shown:
    """The picture, drawn anew on white and at most LONGEST_EDGE pixels long. Raises ValueError with the reason."""
    kind = kind_of(data)
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as opened:
            width, height = opened.size
            if width * height > MOST_PIXELS:
                raise ValueError("its pixels are too many")
            if min(width, height) < SMALLEST:
                raise ValueError(f"{width} by {height} pixels, as small as an icon")
            if max(width, height) > FLATTEST * min(width, height):
                raise ValueError(f"{width} by {height} pixels, as flat as a rule or a banner")
            if kind == "JPEG":
                opened.draft("RGB", (LONGEST_EDGE, LONGEST_EDGE))
            turned = ImageOps.exif_transpose(opened)
            drawn = _on_white(turned)
    except Image.DecompressionBombError as error:
        raise ValueError("its pixels are too many") from error
    except (UnidentifiedImageError, OSError, SyntaxError, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"a damaged {kind}") from error
    drawn.thumbnail((LONGEST_EDGE, LONGEST_EDGE), Image.Resampling.LANCZOS)
    few = drawn.getcolors(PLAIN_COLOURS) is not None
    jpeg, png = io.BytesIO(), io.BytesIO()
    drawn.save(png, "PNG", optimize=True)
    if not few:
        drawn.save(jpeg, "JPEG", quality=QUALITY, optimize=True)
    # A drawing stays without loss; a photograph as PNG would be many times as large.
    if few or (kind in ("PNG", "GIF") and len(png.getvalue()) <= 2 * len(jpeg.getvalue())):
        return Shown(png.getvalue(), ".png", drawn.width, drawn.height)
    return Shown(jpeg.getvalue(), ".jpg", drawn.width, drawn.height)


def _on_white(picture: Image) -> Image:
    """The first frame as RGB and nothing but pixels; what is transparent is white."""
    from PIL import Image as images

    whole = picture.convert("RGBA")
    out = images.new("RGB", whole.size, "white")
    out.paste(whole, mask=whole.getchannel("A"))
    return out
