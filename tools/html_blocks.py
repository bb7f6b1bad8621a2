"""HTML to stored text: one pass over the tree makes blocks, trafilatura says which of them are the page.

trafilatura is good at telling a page from its surroundings and less good at keeping sentences whole: definition
lists and inline code come out with words moved or joined. So the blocks are cut from the tree here, with every
inline word in its place, and a block stays if trafilatura kept its words. Runs inside the worker process of
`tools.extract`; nothing here trusts the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lxml.html
from lxml import etree


def _words_in(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Never part of the text.
DROP_TAGS = _words_in(
    "script style noscript template nav aside footer iframe object embed video audio canvas map svg form button select"
    " input textarea label dialog menu head img picture source"
)
DROP_ROLES = _words_in("navigation search banner contentinfo complementary menu menubar toolbar alert dialog")
# Class and id words of navigation, edit links and apparatus: Sphinx, MediaWiki, Kiwix, MkDocs, common blogs.
DROP_WORDS = _words_in(
    "headerlink sphinxsidebar sphinxsidebarwrapper related footnote-reference toctree-wrapper copybutton viewcode-link"
    " mw-editsection mw-jump-link mw-cite-backlink reflist references mw-references-wrap navbox navbox-styles"
    " catlinks printfooter hatnote shortdescription metadata ambox noprint toc mw-empty-elt sistersitebox portalbox"
    " authority-control infobox sidebar vertical-navbox kiwixtoolbar kiwixfooter breadcrumb breadcrumbs pagination"
    " skip-link skiplink sr-only visually-hidden share sharing social-share newsletter cookie-banner cookie-consent"
    " md-source-file md-clipboard md-sidebar anchor-link admonition-title linenos lineno linenodiv"
)
FIGURE = "data-palimpsest-figure"  # on the caption of a figure: its number (tools/figures.py)
BLOCK_TAGS = _words_in(
    "html body main article section div header hgroup p ul ol li dl dt dd blockquote figure figcaption table caption"
    " thead tbody tfoot tr td th details summary address center fieldset h1 h2 h3 h4 h5 h6 hr pre"
)
CODE_TAGS = frozenset(("code", "tt", "samp", "kbd"))
HEADINGS = {f"h{level}": level for level in range(1, 7)}
ANCHORS = frozenset(("¶", "§", "#", "🔗", "⚓"))  # the whole text of a link that only marks its own place
# A MediaWiki article's closing apparatus; nothing under these headings is prose.
APPARATUS = frozenset(
    ("see also", "references", "external links", "further reading", "notes", "bibliography", "citations", "sources")
)
MAIN_PATHS = (
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' mw-parser-output ')]",
    "//*[@id='mw-content-text']",
    "//main",
    "//*[@role='main']",
    "//article",
)
MAIN_WORDS = 40  # a declared main part with fewer words is an empty shell
SUPERSCRIPTS = str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ")
_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"\s+")
# One start tag of more than 10,000 characters: attributes by the thousand, which a parser takes seconds over.
_FAT_TAG = re.compile(r"<([A-Za-z][\w:-]*)\s[^<>]{10000,}>")
# Fifty and more openings with nothing between: a tree deeper than any parser keeps.
_DEEP_RUN = re.compile(
    r"(?:<(?:div|span|section|font|center|[bi]|em|strong|ul|li|blockquote)\b[^<>]{0,200}>\s*){50,}", re.I
)
_VERSION_NOTE = frozenset(("versionadded", "versionchanged", "deprecated", "deprecated-removed", "versionremoved"))


@dataclass
class Block:
    """One block of a page. kind: heading, p, item, code or row; linked: characters of text inside links; figure: the
    number of the figure whose caption it is, -1 for none."""

    kind: str
    text: str
    level: int = 0
    linked: int = 0
    figure: int = -1


def parse(html: str) -> Any:
    """The tree of a page, with the two known ways to stall a parser defused. Raises ValueError for no tree."""
    html = _FAT_TAG.sub(r"<\1>", html)
    html = _DEEP_RUN.sub("<div>", html).replace("\x00", "")
    parser = lxml.html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        return lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise ValueError("the page is empty") from error
    finally:
        if any(entry.type == etree.ErrorTypes.ERR_NO_MEMORY for entry in parser.error_log):
            raise MemoryError  # half a tree is no page


def _words(element: Any) -> set[str]:
    return set(f"{element.get('class') or ''} {element.get('id') or ''}".lower().split())


def _dropped(element: Any) -> bool:
    tag = element.tag
    if not isinstance(tag, str) or tag in DROP_TAGS or element.get("role") in DROP_ROLES:
        return True
    if element.get("hidden") is not None or "display:none" in (element.get("style") or "").replace(" ", "").lower():
        return tag not in ("math", "html", "body")
    if tag == "a" and (element.text_content() or "").strip() in ANCHORS:
        return True
    words = _words(element)
    if tag == "sup" and "reference" in words:
        return True  # MediaWiki's footnote mark; on other tags Sphinx means a plain link by it
    return tag not in ("html", "body", "main", "article") and not DROP_WORDS.isdisjoint(words)


def prune(tree: Any) -> None:
    """Removes from the tree, in place, what is never text; the words that follow a removed element stay."""
    # The page's own header holds menus, an article's header holds its title.
    for header in tree.xpath("/html/body/header"):
        header.tag = "nav"
    doomed = []
    walker = etree.iterwalk(tree, events=("start",))
    for _, element in walker:
        if element.tag == "head" and element.getparent() is tree:
            walker.skip_subtree()
        elif _dropped(element) and element is not tree:
            doomed.append(element)
            walker.skip_subtree()
    for element in doomed:
        # A form around most of the page is a layout, not a form.
        if element.tag == "form" and len(element.text_content()) > 2000:
            element.tag = "div"
        else:
            _close_up(element)
            element.drop_tree()


def _close_up(element: Any) -> None:
    """A footnote mark goes together with the space before it, where a stop or comma follows."""
    if element.tag not in ("a", "sup") or not re.match(r"\s*[.,;:!?)]", element.tail or ""):
        return
    element.tail = element.tail.lstrip()
    before, parent = element.getprevious(), element.getparent()
    if before is not None:
        before.tail = (before.tail or "").rstrip() or None
    else:
        parent.text = (parent.text or "").rstrip() or None


def declared_main(tree: Any) -> Any | None:
    """The element that the page itself names as its main part, or None."""
    for path in MAIN_PATHS:
        found = tree.xpath(path)
        if len(found) > 1 and path == "//article":
            return None  # a list of teasers
        if found and len(_WORD.findall(found[0].text_content())) >= MAIN_WORDS:
            return found[0]
    return None


def _math(element: Any) -> str:
    """The alternative text of a formula, without the LaTeX wrapper that MediaWiki puts around it."""
    text = element.get("alttext") or ""
    if not text:
        notes = element.xpath(".//*[local-name()='annotation']")
        text = (notes[0].text or "") if notes else element.text_content()
    return re.sub(r"^\s*\{\\(?:display|text)style\s*(.*?)\}\s*$", r"\1", text.strip(), flags=re.S)


def _layout(table: Any) -> bool:
    """A table that only places blocks on the page."""
    if table.get("role") in ("presentation", "none") or table.find(".//table") is not None:
        return True
    return any(len(cell.xpath("./p | ./div | ./h2 | ./h3 | ./ul")) > 2 for cell in table.iter("td"))


def _code_term(term: Any) -> bool:
    """A definition-list term that is a signature."""
    if "sig" in _words(term):
        return True
    marked = [part for part in term.iter("code", "tt") if part.getparent().tag not in ("code", "tt")]
    code = sum(len(part.text_content()) for part in marked)
    return code > 0 and code >= 0.8 * len(term.text_content().strip())


class _Builder:
    """Takes the walk's events, gives blocks."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.parts: list[str] = []
        self.kind = "p"
        self.level = 0
        self.linked = 0
        self.links = 0  # depth of open <a>
        self.figure = -1
        self.heads = 1  # level of the last heading

    def say(self, text: str | None) -> None:
        if text:
            self.parts.append(text)
            if self.links:
                self.linked += len(text.strip())

    def flush(self, kind: str = "p", level: int = 0) -> None:
        """Ends the block at hand; the next one is a `kind`."""
        text = _SPACE.sub(" ", "".join(self.parts)).strip()
        if text:
            self.blocks.append(Block(self.kind, text, self.level, self.linked, self.figure))
        self.parts.clear()
        self.kind, self.level, self.linked = kind, level, 0

    def verbatim(self, text: str) -> None:
        """A code block, its lines as they stand."""
        self.flush()
        text = text.replace("\r\n", "\n").strip("\n").rstrip()
        if text.strip():
            self.blocks.append(Block("code", text.replace("```", "'''")))

    def table(self, table: Any) -> None:
        self.flush()
        for row in table.iter("tr"):
            filled = [blocks_of(cell) for cell in row if cell.tag in ("td", "th")]
            cells = [_SPACE.sub(" ", " ".join(block.text for block in cell)) for cell in filled]
            if any(cells):
                linked = sum(len(link.text_content()) for link in row.iter("a"))
                self.blocks.append(Block("row", "| " + " | ".join(c.replace("|", "/") for c in cells), 0, linked))


def blocks_of(root: Any) -> list[Block]:
    """Blocks of a pruned tree in reading order. One linear walk, no recursion."""
    out = _Builder()
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        tag = element.tag
        if event == "start":
            if _open(out, tag, element):
                walker.skip_subtree()
            else:
                if element.get(FIGURE):
                    out.figure = int(element.get(FIGURE))
                out.say(element.text)
            continue
        if tag == "a":
            out.links = max(0, out.links - 1)
        if tag in BLOCK_TAGS:
            # Loose text after a paragraph of the same item or quotation is a paragraph of its own.
            out.flush()
        if element.get(FIGURE):
            out.figure = -1
        if element is not root:
            out.say(element.tail)
    out.flush()
    return out.blocks


def _open(out: _Builder, tag: str, element: Any) -> bool:
    """Handles the start of an element. True: it was taken whole, skip what is inside."""
    if tag == "a":
        out.links += 1
    elif tag in HEADINGS:
        out.flush("heading", HEADINGS[tag])
        out.heads = HEADINGS[tag]
    elif tag == "pre":
        out.verbatim(element.text_content())
        return True
    elif tag == "table" and not _layout(element):
        out.table(element)
        return True
    elif tag == "dt":
        if _code_term(element):
            for br in element.iter("br"):  # two ways to write an option, each on a line of its own
                br.tail = f"\u2028{br.tail or ''}"  # line feeds of the page's source are spaces
            lines = (_SPACE.sub(" ", line).strip() for line in element.text_content().split("\u2028"))
            out.verbatim("\n".join(filter(None, lines)))
            return True
        out.flush("item")
    elif tag == "li" or tag == "figcaption" or tag == "caption":
        out.flush("item")
    elif tag == "p":
        words = _words(element)
        if "rubric" in words or "topic-title" in words:
            out.flush("heading", min(6, out.heads + 1))
        elif not (out.kind == "item" and not "".join(out.parts).strip()):
            out.flush()  # the first paragraph of an item is the item
    elif tag in BLOCK_TAGS:
        # A note on a version names no subject of its own: an item, so that it is never read on with the prose.
        out.flush("item" if not _VERSION_NOTE.isdisjoint(_words(element)) else "p")
    elif tag == "br":
        out.say("\n")
    elif tag in CODE_TAGS:
        code = _SPACE.sub(" ", element.text_content()).strip()
        out.say(f"`{code}`" if code and "`" not in code and len(code) < 500 else code)
        return True
    elif tag == "math":
        out.say(_math(element))
        return True
    elif tag == "sup":
        power = (element.text_content() or "").strip()
        if re.fullmatch(r"\[[^\]]{0,12}\]", power):
            return True  # a footnote mark
        if re.fullmatch(r"[-+−]?[0-9n]+", power):
            out.say(power.translate(SUPERSCRIPTS))  # 10<sup>6</sup> is not 106
            return True
    return False


# ---- which blocks are the page ----


def _trigrams(text: str) -> Iterator[tuple[str, str, str]]:
    words = [word.lower() for word in _WORD.findall(text)]
    return zip(words, words[1:], words[2:], strict=False)


def chosen(blocks: list[Block], extracted: str) -> list[bool]:
    """Per block: did the extractor keep it? By shared word triples (half of them), short blocks by whole line."""
    kept = set(_trigrams(extracted))
    lines = {"".join(_WORD.findall(line)).lower() for line in extracted.splitlines()}
    result = []
    for block in blocks:
        grams = list(_trigrams(block.text))
        if len(grams) < 3:
            result.append("".join(_WORD.findall(block.text)).lower() in lines)
        else:
            result.append(sum(gram in kept for gram in grams) * 2 >= len(grams))
    return result


def _linky(block: Block) -> bool:
    return block.kind != "code" and block.linked * 2 > len(block.text)


def _weight(blocks: list[Block], flags: list[bool] | None = None) -> int:
    return sum(
        len(block.text)
        for index, block in enumerate(blocks)
        if block.kind in ("p", "item") and not _linky(block) and (flags is None or flags[index])
    )


def select(blocks: list[Block], flags: list[bool], declared: bool) -> list[Block]:
    """The blocks of the page itself.

    Where the page declares its main part and the extractor lost more than a tenth of its unlinked prose, the page
    is believed. Else the extractor is, and single blocks it lost between blocks it kept come back: code, headings
    and rows go with the prose around them.
    """
    if declared and _weight(blocks, flags) < 0.9 * _weight(blocks):
        flags = [not _linky(block) or flags[i] for i, block in enumerate(blocks)]
    near: list[bool] = []
    for index, block in enumerate(blocks):
        around = flags[max(0, index - 2) : index], flags[index + 1 : index + 3]
        reach = any(around[0]) and any(around[1])
        loose = block.kind in ("code", "heading", "row") and (any(around[0]) or any(around[1]))
        near.append(flags[index] or (not _linky(block) and (reach or loose)))
    kept = [block for block, keep in zip(blocks, near, strict=True) if keep]
    return _without_empty_headings(kept)


def _without_empty_headings(blocks: list[Block]) -> list[Block]:
    """Drops headings with nothing under them but a heading of the same or a higher rank."""
    result: list[Block] = []
    for block in reversed(blocks):
        empty = not result or (result[-1].kind == "heading" and result[-1].level <= block.level)
        if block.kind == "heading" and empty:
            continue
        result.append(block)
    return result[::-1]


def without_apparatus(blocks: list[Block]) -> list[Block]:
    """Drops the closing sections of an encyclopedia article (references, external links and the like)."""
    result: list[Block] = []
    closed = 0
    for block in blocks:
        if block.kind == "heading":
            if closed and block.level <= closed:
                closed = 0
            if not closed and block.text.strip().lower() in APPARATUS:
                closed = block.level
        if not closed:
            result.append(block)
    return result


def readable(blocks: list[Block]) -> bool:
    """Is there anything but headings and links?"""
    return any(block.kind != "heading" and not _linky(block) for block in blocks)


def paragraphs(blocks: list[Block]) -> list[Block]:
    """The plain way, where no judge is at hand: everything but link lists, once there is a sentence at all."""
    kept = [block for block in blocks if not _linky(block)]
    if not any(block.kind in ("p", "item") and len(_WORD.findall(block.text)) >= 4 for block in kept):
        return []
    return _without_empty_headings(kept)


def render(blocks: list[Block]) -> str:
    """Blocks as the light Markdown that `dlm_core.segment.tidy` makes stored text of.

    Inline code stands in backticks here, so that its signs are not taken for emphasis. Link-heavy short lines become
    items, which are never read on as prose.
    """
    lines = []
    for block in blocks:
        text = block.text
        if block.kind == "heading":
            lines.append("#" * block.level + " " + text.lstrip("# "))
        elif block.kind == "item" or (block.kind == "p" and _linky(block) and len(text) < 120):
            lines.append("- " + text)
        elif block.kind == "code":
            lines.append(f"```\n{text}\n```")
        else:
            lines.append(text)
    return "\n\n".join(lines)
