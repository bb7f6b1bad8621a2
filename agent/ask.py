"""What `--ask` understands, parsed by code: a model must not guess what a user wants of a report.

docs/revise.md lists the phrases. An instruction is one wish, or several joined
by ";", ", " or " and " where each part is a wish by itself; a wish may end with
"in section H" or "in claim N".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KNOWN = (
    "shorter, longer, simpler, more about X, without X, add numbers, merge, split, reorder"
    ' (each may end with "in section H" or "in claim N")'
)
LONGEST = 300  # characters


class AskError(ValueError):
    """The instruction is not understood; one line that says what is."""


@dataclass(frozen=True)
class Ask:
    """One wish. kind: shorter | longer | simpler | more | without | numbers | merge | split | reorder. about: X of
    "more about X" and "without X"; "sections" or "claims" for reorder, "" for both. section, claims: where."""

    kind: str
    about: str = ""
    section: str = ""
    claims: tuple[int, ...] = ()

    def __str__(self) -> str:
        said = {"more": f"more about {self.about}", "without": f"without {self.about}", "numbers": "add numbers"}
        return said.get(self.kind, f"{self.kind} {self.about}".strip())


_IT = (
    r"(?:(?:it|this|the (?:report|text|whole|rest)|everything|all(?: of it)?|(?:the |these |those )?"
    r"(?:claims?|sentences?))\b)"
)
_MAKE = rf"(?:please )?(?:(?:make|keep|write|say|put) (?:{_IT} )?)?(?:(?:a (?:bit|little|lot)|much|far|more|be) )*"
_NUMBERS = r"(?:numbers?|figures?|numerals?|data|statistics|dates)"
_FORMS: tuple[tuple[str, str], ...] = (
    (
        "numbers",
        rf"(?:please )?(?:add|with|use|give|include|more)(?: (?:more|some|the))? {_NUMBERS}(?: (?:to|in) {_IT})?",
    ),
    (
        "more",
        r"(?:please )?(?:say |write |add |give |tell |include )?(?:me )?(?:something |some |a (?:bit|little) )?more"
        r" (?:about|on|detail (?:about|on)) (?P<about>.+)",
    ),
    ("more", r"(?:please )?(?:expand|elaborate) (?:on|upon) (?P<about>.+)"),
    (
        "without",
        r"(?:please )?(?:without|(?:leave|take|cut) out|remove|drop|delete|omit|nothing (?:about|on)|no)"
        r"(?: (?:anything|everything|all|(?:the |any )?(?:claims?|sentences?|parts?)) (?:about|on))? (?P<about>.+)",
    ),
    ("shorter", rf"{_MAKE}(?:shorter|briefer|more concise|concise|tighter|brief|short)(?: {_IT})?"),
    ("shorter", rf"(?:please )?(?:shorten|cut|trim|tighten|condense|abridge)(?: {_IT})?(?: down)?"),
    ("longer", rf"{_MAKE}(?:longer|(?:more )?detailed|more detail)(?: {_IT})?"),
    ("longer", rf"(?:please )?(?:lengthen|expand|extend)(?: {_IT})?|(?:add )?more details?"),
    ("simpler", rf"{_MAKE}(?:simpler|plainer|easier(?: to read)?|simple|plain)(?: {_IT})?"),
    ("simpler", rf"(?:please )?simplify(?: {_IT})?"),
    ("merge", rf"(?:please )?(?:merge|join|combine)(?: {_IT})?"),
    ("split", rf"(?:please )?(?:split|divide|break up)(?: (?:the )?(?:long )?{_IT})?(?: up)?"),
    ("reorder", r"(?:please )?(?:re-?order|re-?arrange|sort)(?: (?:the )?(?P<about>sections|claims|sentences))?"),
)
_COMPILED = tuple((kind, re.compile(form, re.I)) for kind, form in _FORMS)
_SECTION = re.compile(r"\s+(?:in|of|from|to)\s+(?:the\s+)?section\s+[“\"']?(?P<section>.+?)[”\"']?$", re.I)
_CLAIM = re.compile(
    r"\s+(?:(?:in|of|from)\s+)?claims?\s+(?P<claims>\d{1,4}(?:(?:\s*,\s*(?:and\s+)?|\s+(?:and|with)\s+)\d{1,4})*)$",
    re.I,
)


def parse(text: str) -> list[Ask]:
    """The wishes of an instruction, in order. Raises AskError."""
    line = " ".join(text.split()).rstrip(".!").strip()
    if not line or len(line) > LONGEST:
        raise AskError(f"--ask takes {KNOWN}")
    found = _parts(line)
    if found is None:
        shown = line if len(line) <= 60 else line[:57] + "…"
        raise AskError(f"--ask “{shown}” is not understood; it takes {KNOWN}")
    return found


def _parts(line: str) -> list[Ask] | None:
    """The whole line as one wish, or cut where both sides are wishes."""
    # "more about shorter and simpler" is one wish; "without X and shorter" is two.
    for m in re.finditer(r"\s*;\s*|,\s+(?:and\s+|then\s+)?|\s+(?:and|then)\s+", line):
        left, right = _one(line[: m.start()]), _parts(line[m.end() :])
        if left is not None and right is not None:
            return [left, *right]
    whole = _one(line)
    return None if whole is None else [whole]


def _one(line: str) -> Ask | None:
    section = ""
    claims: tuple[int, ...] = ()
    m = _SECTION.search(line)
    if m:
        section, line = m["section"], line[: m.start()]
    m = _CLAIM.search(line)
    if m:
        claims, line = tuple(int(n) for n in re.findall(r"\d+", m["claims"])), line[: m.start()]
    for kind, form in _COMPILED:
        m = form.fullmatch(line)
        if m is None:
            continue
        about = (m.groupdict().get("about") or "").strip(" “”\"'")
        if kind == "reorder":
            about = {"sections": "sections", "claims": "claims", "sentences": "claims"}.get(about.lower(), "")
        elif "about" in m.groupdict() and not re.search(r"\w", about):
            return None
        return Ask(kind, about, section, claims)
    return None
