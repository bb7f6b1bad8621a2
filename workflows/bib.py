"""The sources of a report as a bibliography: BibTeX and CSL-JSON.

Only what is known is written: title, address, the day it was read, its own date,
and the DOI or arXiv number that stands in the address.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, unquote

from workflows.report import Numbers, Report
from workflows.terminal import safe

# What TeX would take as its own, in a text and in an address.
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}
# BibTeX counts braces, those with a backslash too, so some without a partner go by name.
_LONE = {"{": r"\textbraceleft{}", "}": r"\textbraceright{}"}
_ADDRESS = re.compile(r"(?:https?|file)://")
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/)(10\.\d{4,9}/\S+)", re.I)
_ARXIV = re.compile(
    r"https?://(?:www\.)?arxiv\.org/(?:abs|pdf|html)/(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})", re.I
)


def _tex(text: str) -> str:
    text = safe(text)
    table = _TEX if _balanced(text) else {**_TEX, **_LONE}
    return "".join(table.get(ch, ch) for ch in text)


def _balanced(text: str) -> bool:
    depth = 0
    for ch in text:
        depth += (ch == "{") - (ch == "}")
        if depth < 0:
            return False
    return depth == 0


def _url(url: str) -> str:
    """An address that neither TeX nor BibTeX can take for anything else; "" for one not to click on."""
    return quote(safe(url), safe="%/:?#[]@!$&'()*+,;=-._~") if _ADDRESS.match(url) else ""


def _key(source: dict[str, Any], taken: set[str]) -> str:
    """A citation key of the title's first words and the year; a letter is added where one is taken."""
    words = [w for w in re.findall(r"[a-z0-9]+", source["title"].lower()) if w not in ("a", "an", "the", "of")]
    base = "-".join([*(words[:3] or ["source"]), *([source["date"][:4]] if source.get("date") else [])])
    key, number = base, 1
    while key in taken:
        number += 1
        key = f"{base}-{number}"
    taken.add(key)
    return key


def _entries(report: Report) -> list[tuple[str, dict[str, Any]]]:
    """(key, source) of the cited sources, by number."""
    taken: set[str] = set()
    sources = [report["sources"][name] for name in Numbers(report).order]
    return [(_key(s, taken), s) for s in sources]


def bibtex(report: Report) -> str:
    """The cited sources as @misc entries, which BibTeX and biblatex both know, in UTF-8."""
    out = []
    for key, source in _entries(report):
        url = _url(source["url"])
        fields = {"title": "{" + (_tex(source["title"]) or "Untitled") + "}"}
        if date := source.get("date", ""):
            fields["year"] = date[:4]
            if date[5:7]:
                fields["month"] = str(int(date[5:7]))
        if match := _DOI.match(source["url"]):
            fields["doi"] = _tex(unquote(match.group(1)))
        if match := _ARXIV.match(source["url"]):
            fields |= {"eprint": match.group(1), "archiveprefix": "arXiv"}
        if url:
            # Braces of an address are percent signs by now; a lone percent sign is none to BibTeX.
            fields["url"] = url
        fields |= {"urldate": source["accessed"], "note": f"Accessed {_tex(source['accessed'])}"}
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        out.append(f"@misc{{{key},\n{lines}\n}}\n")
    return "\n".join(out)


def csl(report: Report) -> str:
    """The cited sources as CSL-JSON (items of type webpage)."""
    items = []
    for key, source in _entries(report):
        item: dict[str, Any] = {"id": key, "type": "webpage", "title": safe(source["title"]) or "Untitled"}
        if url := _url(source["url"]):
            item["URL"] = url
        if match := _DOI.match(source["url"]):
            item["DOI"] = unquote(match.group(1))
        if parts := _parts(source.get("date", "")):
            item["issued"] = {"date-parts": [parts]}
        if parts := _parts(source["accessed"]):
            item["accessed"] = {"date-parts": [parts]}
        items.append(item)
    return json.dumps(items, ensure_ascii=False, indent=1) + "\n"


def _parts(date: str) -> list[int]:
    """The numbers of an ISO date; [] for anything else."""
    return [int(part) for part in date.split("-")] if re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", date) else []
