"""Inline markup to plain text: Markdown, reStructuredText, HTML tags, footnote marks, invisible characters."""

from __future__ import annotations

import html
import re
import unicodedata

_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|big|br|center|cite|code|del|dfn|div|em|font|hr|i|img|ins|kbd|mark|p|q|s|samp|small|span|strike"
    r"|strong|sub|sup|tt|u|var|wbr)(?:\s[^<>]{0,400})?/?>",
    re.I,
)
_MARKS = (
    (re.compile(r"<!--.{0,2000}?-->", re.S), " "),
    (re.compile(r"!\[[^\[\]]{0,300}\](?:\([^()\s]{0,1000}(?:\s[^()]{0,200})?\)|\[[^\[\]]{0,100}\])"), " "),
    (
        re.compile(
            r"\[([^\[\]]{1,500})\]\(<?[^()\s]{0,1000}(?:\([^()\s]{0,300}\)[^()\s]{0,300})?>?(?:\s[^()]{0,200})?\)"
        ),
        r"\1",
    ),
    (re.compile(r"\[([^\[\]]{2,300})\]\[[^\[\]]{0,100}\]"), r"\1"),
    (re.compile(r"\[\^[^\[\]\s]{1,40}\]:?"), ""),
    (re.compile(r"(?<![\w_][_\d\])])(?<!\b\w)\s?\[[1-9]\d{0,2}(?:\s?[,;–-]\s?\d{1,3}){0,12}\]"), ""),
    (re.compile(r"\s?\[(?:note|nb|n|ref|fn)\.?\s?\d{1,3}\]", re.I), ""),
    (
        re.compile(
            r"\s?\[(?:citation needed|clarification needed|edit|update|dubious|who\?|when\?|better source needed)\]",
            re.I,
        ),
        "",
    ),
    (re.compile(r"<(https?://[^<>\s]{1,500})>"), r"\1"),
    (re.compile(r"(?<![\w*])(\*{2,3})(?=[^\s*])([^*]{1,500}?)(?<=[^\s*])\1(?![\w*])"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]{1,500}?)(?<=[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)__(?=[^\s_])([^_]{1,300}?\s[^_]{0,300}?)(?<=[^\s_])__(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=[^\s_])([^_]{1,500}?)(?<=[^\s_])_(?![\w_])"), r"\1"),
    (re.compile(r"~~([^~]{1,300})~~"), r"\1"),
    (re.compile(r"(?<=[.,;:!?\"”’)])[¹²³⁰⁴-⁹]{1,3}(?=\s|$)"), ""),
    (re.compile(r"(?<=[a-z]{4})[¹²³⁰⁴-⁹]{1,3}(?=[\s.,;:)]|$)"), ""),
    (re.compile(r"(?<=[\w.,;:!?\"”)])[†‡](?=\s|$)|[¶\uf0c1]"), ""),
    (re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~])"), r"\1"),
)
_ROLE = re.compile(r":(?:[a-z]+:){1,2}`~?!?([^`<>]{1,200}?)(?:\s*<[^`<>]{1,200}>)?`")
_RST_LINK = re.compile(r"`([^`<>]{1,300}?)\s*<[^`<>\s]{1,500}>`__?")
_CODE_SPAN = re.compile(r"(`{1,2})(?!`)([^`]{1,500}?)\1(?!`)_{0,2}")
_PLAIN = re.compile(r"[*`\[<&\\~†‡¶_¹²³⁰⁴-⁹]")  # what any rule above needs to fire


def _characters(text: str) -> str:
    """NFC, with control, format (bidi, zero-width), private and surrogate characters gone."""
    text = unicodedata.normalize("NFC", text)
    if text.isascii() and text.isprintable():
        return text
    out = []
    for ch in text:
        if ch.isalnum() or ch == "\n":
            out.append(ch)
            continue
        kind = unicodedata.category(ch)
        if kind in ("Zs", "Zl", "Zp") or ch in "\t\r\f\v":
            out.append(" ")
        elif kind in ("Cc", "Cf", "Co", "Cs", "Cn") or "\ufe00" <= ch <= "\ufe0f":
            continue
        else:
            out.append(ch)
    return "".join(out)


def clean_inline(text: str) -> str:
    """One string without inline markup, on one line.

    Links keep their words, images go; emphasis, backticks, footnote marks,
    citation brackets, entities and inline tags are resolved; invisible
    characters are dropped and white space is folded. What stood in backticks
    is kept as it was.
    """
    text = _characters(text).replace("\n", " ")
    if _PLAIN.search(text):
        text = _ROLE.sub(r"`\1`", text)
        text = _RST_LINK.sub(r"\1", text)
        parts: list[str] = []
        spans: list[str] = []

        def keep(match: re.Match[str]) -> str:
            spans.append(match.group(2).strip())
            return f"\x00{len(spans) - 1}\x00"

        text = _CODE_SPAN.sub(keep, text)
        text = _characters_keep_nul(html.unescape(text))
        text = _TAG.sub("", text)
        for _ in range(3):  # marks nest: a link in bold in a list
            before = text
            for pattern, by in _MARKS:
                text = pattern.sub(by, text)
            if text == before:
                break
        for i, part in enumerate(text.split("\x00")):
            parts.append(spans[int(part)] if i % 2 and part.isdigit() and int(part) < len(spans) else part)
        text = "".join(parts)
    return re.sub(r"\s+", " ", text).strip()


def _characters_keep_nul(text: str) -> str:
    return "\x00".join(_characters(part).replace("\n", " ") for part in text.split("\x00"))
