"""Figures of pages: which pictures stand with a caption, what the page says of them, and where the caption stands.

HTML: figure and figcaption, the thumbs and galleries of MediaWiki (its parser's old and new markup, which Kiwix's books
have too), the caption classes of WordPress, Sphinx and OpenStax, schema.org's ImageObject as microdata and as JSON-LD
(https://schema.org/ImageObject), rel=license (HTML, section 4.6.7.9). Nothing here trusts the page: it runs inside the
worker process of `tools.extract`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from tools.captions import LABEL, clipped, licence_of, words_of
from tools.html_blocks import FIGURE, Block, render
from tools.source import Figure

MOST = 60  # figures of one page
SMALLEST = 64  # pixels; what a page shows smaller than this is an icon
LONGEST_CAPTION = 1500  # characters
LONGEST_DATA = 10_000  # characters of a data: address; a tag that is longer loses its attributes in html_blocks.parse
LONGEST_URL = 4000
CAPTIONS = 400  # captions of one page that are looked at, and elements around each
OF_PAGE = " (of its page)"  # behind a licence that the page states for itself
NEAR = 3  # blocks on either side of which one must be kept, where the caption itself is not
CAPTION_CLASSES = frozenset(
    (
        "thumbcaption",
        "gallerytext",
        "wp-caption-text",
        "os-caption-container",
        "caption",
        "figure-caption",
        "image-caption",
    )
)
CLIMB = 4  # levels from a caption up to what holds its picture as well
# Names of files that are no pictures of anything.
_ICON = re.compile(
    r"(?:^|[-_. 0-9])(?:icons?|logos?|favicon|sprites?|spacer|placeholder|spinner|avatar|emoji|poweredby)"
    r"(?=$|[-_. 0-9])"
    r"|^(?:blank|pixel|transparent|loading|clear|dot|1x1)\.",
    re.I,
)
_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z", re.I)


@dataclass(frozen=True)
class Found:
    """A figure as its markup has it: `figure` without a place, its url as it is written there."""

    figure: Figure
    said: str = ""  # the caption, where it stands in no block (the title of a Markdown picture)


# ---- HTML ----


def mark(tree: Any) -> list[Found]:
    """The figures of a page's whole tree. Their captions get the attribute FIGURE with the figure's number, by which
    `tools.html_blocks` knows the caption's blocks again once navigation and pictures are gone from the tree."""
    for element in tree.xpath(f"//*[@{FIGURE}]"):
        del element.attrib[FIGURE]
    base = next(iter(tree.xpath("//head/base/@href")), "")
    objects = _objects(tree)
    whole = _page_licence(tree)
    found: list[Found] = []
    taken: set[Any] = set()
    for caption in _captions(tree):
        holder, picture = _holder(caption)
        if picture is None or picture in taken or len(found) >= MOST:
            continue
        src = _source(picture)
        if not src or _small(picture) or is_icon(src):
            continue
        taken.add(picture)
        said = _said(holder)
        for key, value in objects.get(_tail(src), {}).items():
            said.setdefault(key, value)
        if not said.get("licence") and whole[0]:
            said |= {"licence": whole[0] + OF_PAGE, "licence_url": whole[1]}
        caption.set(FIGURE, str(len(found)))
        figure = Figure(
            url=_joined(base, src),
            caption="",
            alt=clipped(picture.get("alt") or "", 300),
            credit=clipped(said.get("credit", ""), 300),
            licence=clipped(said.get("licence", ""), 100),
            licence_url=said.get("licence_url", "")[:300],
            name=_wiki_name(picture, holder),
        )
        found.append(Found(figure))
    return found


def _captions(tree: Any) -> Iterator[Any]:
    """Elements that hold a caption, the innermost of nested ones; CAPTIONS at most."""
    seen = 0
    for element in tree.iter("figcaption", "p", "div"):
        if element.tag != "figcaption" and CAPTION_CLASSES.isdisjoint((element.get("class") or "").split()):
            continue
        seen += 1
        if seen > CAPTIONS:
            return
        if not any(part is not element for part in islice(element.iter("figcaption"), 2)):
            yield element


def _holder(caption: Any) -> tuple[Any, Any | None]:
    """The element that holds a caption and its picture, and the picture; None where that is not one of its own."""
    holder, own = caption, set(islice(caption.iter(), CAPTIONS))
    for _ in range(CLIMB):
        above = holder.getparent()
        if above is None or above.tag in ("body", "html", "main", "article"):
            break
        holder = above
        if sum(1 for _ in islice(holder.iter(), CAPTIONS)) == CAPTIONS:
            break  # a part of the page, not a figure
        pictures = [p for p in holder.iter("img") if p not in own]
        if pictures:
            others = [c for c in _captions(holder) if c is not caption]
            good = [p for p in pictures if _source(p) and not _small(p) and not is_icon(_source(p))]
            return holder, good[0] if good and not others else None
        if holder.tag == "figure" and caption.tag == "figcaption":
            break
    return holder, None


def _source(picture: Any) -> str:
    """The address of an img: what it shows, or would show once a script has run."""
    shown = (picture.get("src") or "").strip()
    if shown and not shown.lower().startswith("data:"):
        return shown
    for name in ("data-src", "data-original", "data-lazy-src"):
        if (picture.get(name) or "").strip():
            return str(picture.get(name)).strip()
    sets = [picture.get("srcset") or picture.get("data-srcset") or ""]
    parent = picture.getparent()
    if parent is not None and parent.tag == "picture":
        sets += [s.get("srcset") or "" for s in parent.iter("source")]
    for offered in sets:
        first = offered.strip().split(",")[0].split()
        if first and not first[0].lower().startswith("data:"):
            return str(first[0])
    return shown


def _small(picture: Any) -> bool:
    """Whether the page shows it as small as an icon."""
    for name in ("width", "height"):
        value = (picture.get(name) or "").strip().removesuffix("px")
        if value.isdecimal() and int(value[:6]) < SMALLEST:
            return True
    return False


def is_icon(url: str) -> bool:
    """Whether the name of a picture's file says that it is an icon, a logo or a spacer."""
    return not url.lower().startswith("data:") and bool(_ICON.search(_tail(url)))


def _said(holder: Any) -> dict[str, str]:
    """Credit and licence in the markup of one figure: microdata and rel=license."""
    out: dict[str, str] = {}
    for element in holder.xpath(".//*[@itemprop or @rel]")[:50]:
        names = (element.get("itemprop") or "").split()
        rel = (element.get("rel") or "").lower().split()
        text = (element.get("content") or element.text_content() or "").strip()
        href = (element.get("href") or "").strip()
        if "license" in rel or "license" in names:
            url = href or (text if text.startswith("http") else "")
            out.setdefault("licence", licence_of(url) or (text if text != url else ""))
            if url.startswith(("http://", "https://")):
                out.setdefault("licence_url", url)
        elif not {"creditText", "creator", "author", "copyrightHolder"}.isdisjoint(names) and text:
            out.setdefault("credit", text)
    return {key: value for key, value in out.items() if value}


def _page_licence(tree: Any) -> tuple[str, str]:
    """Name and address of the licence that the page as a whole states by rel=license, outside its figures."""
    for element in tree.xpath("//*[self::a or self::link][@rel and @href]")[:2000]:
        if "license" in element.get("rel").lower().split() and not any(
            a.tag == "figure" for a in element.iterancestors()
        ):
            url = (element.get("href") or "").strip()
            name = licence_of(url) or clipped(element.text_content() or "", 60)
            if name:
                return name, url if url.startswith(("http://", "https://")) else ""
    return "", ""


def _objects(tree: Any) -> dict[str, dict[str, str]]:
    """What schema.org's ImageObjects in JSON-LD say, by the last part of the picture's address."""
    out: dict[str, dict[str, str]] = {}
    for script in tree.xpath("//script[@type='application/ld+json']")[:10]:
        try:
            found = json.loads((script.text or "")[:200_000])
        except (ValueError, RecursionError):
            continue
        for item in _walk(found):
            kind = item.get("@type")
            if "ImageObject" not in (kind if isinstance(kind, list) else [kind]):
                continue
            url = next((u for u in (item.get("contentUrl"), item.get("url")) if isinstance(u, str) and u), "")
            licence = item.get("license") if isinstance(item.get("license"), str) else ""
            creator = item.get("creator") or item.get("author")
            named = creator.get("name") if isinstance(creator, dict) else creator
            credit = next(
                (c for c in (item.get("creditText"), named, item.get("copyrightNotice")) if isinstance(c, str)), ""
            )
            said = {"credit": credit, "licence": licence_of(licence or "")}
            if licence and licence.startswith(("http://", "https://")):
                said["licence_url"] = licence
                said["licence"] = said["licence"] or licence.split("/")[2]
            if url:
                out.setdefault(_tail(url), {key: value for key, value in said.items() if value})
    return out


def _walk(found: object) -> Iterator[dict[str, Any]]:
    """Every object of a JSON value, 5,000 at most."""
    todo, seen = [found], 0
    while todo and seen < 5_000:
        here = todo.pop()
        seen += 1
        if isinstance(here, dict):
            yield here
            todo += list(here.values())
        elif isinstance(here, list):
            todo += here


def _tail(url: str) -> str:
    try:
        return unquote(urlsplit(url).path.rsplit("/", 1)[-1])
    except ValueError:
        return url[-100:]


def _wiki_name(picture: Any, holder: Any) -> str:
    """The title of the picture's own page, from the link around it, as MediaWiki's parser writes it."""
    classes = {"image", "mw-file-description"}
    for link in picture.iterancestors("a"):
        if classes & set((link.get("class") or "").split()):
            title = _tail(link.get("href") or "").replace("_", " ")
            return title[:300] if ":" in title else ""
        if link is holder:
            break
    return ""


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url) if base else url
    except ValueError:
        return ""


# ---- places ----


def placed(
    found: Sequence[Found], blocks: Sequence[Block], kept: Sequence[Block], text: str, settle: Any
) -> list[Figure]:
    """The figures that stand on the page itself, with the place of their captions in its stored text.

    blocks: all of the page's, kept: those that became `text`, by `settle` (rendered blocks -> stored text). Where a
    caption was left out of the text (as the links of a menu are) but what stands around it was not, the figure stays,
    without a place.
    """
    out: list[Figure] = []
    cursor = 0
    held = {id(block) for block in kept}
    for number, one in enumerate(found):
        own = [(place, block) for place, block in enumerate(blocks) if block.figure == number]
        if one.said and not own:
            caption, place = one.said, None
        else:
            named = [(p, b) for p, b in own if not LABEL.fullmatch(b.text + " ")]
            if not named:
                continue
            place, block = named[0]
            near = blocks[max(0, place - NEAR) : place + NEAR + 1]
            if not any(id(b) in held for b in near):
                continue
            caption = block.text
        line = settle(render([Block("p", caption)])).removeprefix("- ")
        if not line or "\n" in line or len(line) > LONGEST_CAPTION:
            continue
        start, end, credit, licence = words_of(line)
        at = -1
        if place is not None and id(blocks[place]) in held:
            at = _line(text, line, cursor)
        if at >= 0:
            cursor = at + len(line)
        if end - start < 3:
            continue
        said = one.figure
        named_here = said.licence and not said.licence.endswith(OF_PAGE)
        out.append(
            replace(
                said,
                caption=line[start:end],
                start=at + start if at >= 0 else 0,
                end=at + end if at >= 0 else 0,
                credit=said.credit or credit,
                licence=said.licence if named_here or not licence else licence,
                licence_url=said.licence_url if named_here or not licence else "",
            )
        )
    return out


def _line(text: str, line: str, cursor: int) -> int:
    """Where a block of just this line begins in stored text, from `cursor` on; -1 for nowhere."""
    at = text.find(line, cursor)
    while at >= 0:
        before, after = text[max(0, at - 2) : at], text[at + len(line) : at + len(line) + 1]
        if (at == 0 or before.endswith("\n") or (before == "- " and (at == 2 or text[at - 3] == "\n"))) and after in (
            "",
            "\n",
        ):
            return at
        at = text.find(line, at + 1)
    return -1


def resolved(figures: Sequence[Figure], page: str) -> tuple[Figure, ...]:
    """Figures with whole addresses, as seen from the page's own; those that no address may have are left out.

    http and https from any page, file from a page that is a file itself, data: for small PNG, JPEG, GIF and WebP.
    """
    out = []
    for figure in figures:
        if figure.url.lower().startswith("data:"):
            if len(figure.url) <= LONGEST_DATA and _DATA.match(figure.url):
                out.append(figure)
            continue
        try:
            url = urljoin(page, figure.url)
            scheme = urlsplit(url).scheme.lower()
        except ValueError:
            continue
        own = ("file",) if page.startswith("file:") else ()
        if scheme in ("http", "https", *own) and len(url) <= LONGEST_URL:
            out.append(replace(figure, url=url))
    return tuple(out)
