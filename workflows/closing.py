"""The last lines of a report: how it was searched, what rests on one source, how its citations were checked.

Made from report.json alone, so that every view says the same. Plain text: the
views escape it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Report = dict[str, Any]
NAMED = 3  # headings, parts or words named one by one
# What a search of each kind is for (docs/search.md), in the report's words.
ABOUT = {
    "question": "the question",
    "part": "its parts",
    "failed": "what the evidence had not borne out",
    "feedback": "pages like those cited",
    "thin": "more on {}",
    "one source": "further sources on {}",
    "uncertain": "what the least certain claims speak of",
    "limits": "limits and exceptions",
    "numbers": "numbers",
    "evidence": "what speaks for and against it",
}
VAGUE = {"feedback", "uncertain"}  # told only where a round looked for nothing else
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def lines(report: Report) -> list[str]:
    """Sentences; [] for a report that keeps none of it."""
    return [line for line in (_searched(report), _carried(report), _checked(report)) if line]


def _searched(report: Report) -> str:
    """What each round looked for: "The second search looked for limits and exceptions"."""
    searches: Sequence[Report] = report.get("searches", ())
    rounds = list(dict.fromkeys(int(s["round"]) for s in searches))
    if not rounds:
        return ""
    if len({s["text"] for s in searches}) == 1:
        return "The search asked the question itself" + (f", in {len(rounds)} rounds." if len(rounds) > 1 else ".")
    said: list[str] = []
    for number in rounds:
        which = ORDINALS[number - 1] if number <= len(ORDINALS) else f"{number}th"
        opening = f"The {which} search looked for" if not said else f"the {which} for"
        said.append(f"{opening} {_listed(_wanted([s for s in searches if int(s['round']) == number]))}")
    return "; ".join(said) + "."


def _wanted(searches: Sequence[Report]) -> list[str]:
    """What the searches of one round were for, in a few words each."""
    by: dict[str, list[Report]] = {}
    for s in searches:
        by.setdefault("thing" if s["kind"] == "part" and int(s["round"]) > 1 else s["kind"], []).append(s)
    if set(by) - VAGUE:
        by = {kind: held for kind, held in by.items() if kind not in VAGUE}
    out = []
    for kind, held in by.items():
        named = [f"“{_between(s['why']) or s['text']}”" for s in held][:NAMED]
        if kind == "thing":
            out += named if int(held[0]["round"]) == 1 else [f"{_listed(named)}, of which no claim spoke"]
        elif kind in ABOUT:
            out.append(ABOUT[kind].format(_listed(named)))
    return out


def _between(text: str) -> str:
    """What stands between the first opening quotation mark and the last closing one,
    without what a dash adds to it."""
    return text.partition("“")[2].rpartition("”")[0].partition(" — ")[0]


def _carried(report: Report) -> str:
    """Which sections one source carries alone."""
    origin = {i: e["source"] for i, e in report["evidence"].items()}
    carriers = [{origin[e] for c in s["claims"] for e in c["evidence"] if e in origin} for s in report["sections"]]
    if len(set().union(*carriers)) == 1:
        return "The whole report rests on one source."
    names = [
        s["heading"].partition(" — ")[0] for s, held in zip(report["sections"], carriers, strict=True) if len(held) == 1
    ]
    if not names:
        return ""
    if len(names) == len(carriers) > 1:
        return "Every section rests on one source."
    named = _listed([f"“{n}”" for n in names[:NAMED]] + ([f"{len(names) - NAMED} more"] if len(names) > NAMED else []))
    return f"{named} {'rests on one source' if len(names) == 1 else 'rest on one source each'}."


def _checked(report: Report) -> str:
    found = report.get("citations")
    if not found or not found["citations"]:
        return ""
    return (
        f"Citation recall {found['recall']:.2f}, precision {found['precision']:.2f} (checked by code: numbers, dates,"
        " names, negations and wording against what is cited)."
    )


def _listed(items: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)
