"""A hand-made report with everything a report can have: four revisions of three kinds, texts written, rewritten and
taken out, a link, a pin, a dispute, and a source whose words try to be markup."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator

from dlm_core.canvas import Canvas, Cause, Kind, Revision, Slot
from dlm_core.segment import Evidence, split, tidy
from tests.support import ROOT
from tools.source import Source, source_id
from workflows import report

HOSTILE = "</title></style><script>window.owned=1</script><img src=http://127.0.0.1:9/x onerror=owned=1> {{7*7}} & more"
PAGES = {
    "https://example.org/tides": (
        "Tides",
        "2021-03-04",
        "# Tides\n\n## Causes\n\nTides are caused by the gravity of the Moon and of the Sun itself."
        " The Moon causes about 68 percent of the tide. Spring tides occur when the Sun, the Moon and the Earth lie"
        " on one line.\n\n## Range\n\nThe tidal range in the Bay of Fundy reaches 16 metres."
        " Most coasts see a tidal range of 1 to 2 metres.",
    ),
    "file:///home/someone/neap%20tides.md": (
        HOSTILE,
        "",
        "# Neap tides\n\nNeap tides occur when the Moon is at its first or third quarter."
        " The tidal range is smallest at neap tide. The Moon causes about 70 percent of the tide."
        " <b>Markup</b> in a <script>window.owned=2</script> sentence stays a sentence.",
    ),
    "javascript:alert(document.domain)": (
        "Tidal power",
        "2024-11-30",
        "# Tidal power\n\nTidal power stations turn the movement of water into electricity."
        " The first large tidal power station opened on the Rance in 1966.",
    ),
}


def library() -> tuple[dict[str, Source], list[Evidence]]:
    """The pages as sources by id, and their sentences in order."""
    sources, evidence = {}, []
    for url, (title, date, text) in PAGES.items():
        name = source_id(url)
        sources[name] = Source(name, url, title, tidy(text), "2026-01-02", date)
        evidence += [e for e in split(sources[name].text, name)[1] if e.reason != "heading"]
    return sources, evidence


def _claim(number: int, text: str, *on: Evidence, sure: float = 0.9, **more: Any) -> Slot:
    return Slot(f"s{number}", Kind.CLAIM, tuple(e.id for e in on), text, (5, 6), (sure, sure), **more)


def _head(number: int, text: str) -> Slot:
    return Slot(f"s{number}", Kind.SECTION, text=text)


def canvases() -> tuple[list[Canvas], list[Evidence], dict[str, Source]]:
    """The canvas after each of the four revisions, their evidence and their sources."""
    sources, e = library()
    cause = "Tides are caused by the gravity of the Moon."
    said = next(x for x in e if "68 percent" in x.text)
    newer = next(x for x in e if "70 percent" in x.text)
    gravity, spring, fundy, neap, small, markup, power, rance = (
        next(x for x in e if words in x.text)
        for words in ("gravity", "Spring", "Fundy", "quarter", "smallest", "Markup", "electricity", "Rance")
    )
    summary = (Slot("s6", Kind.CLAIM, ("s2",), cause, (5,), (0.9,)),)
    first = [
        _head(1, "What causes tides"),
        _claim(2, cause, gravity, sure=0.97),
        _claim(3, said.text, said, sure=0.72),
        _claim(4, spring.text, spring, sure=0.88),
        _claim(5, fundy.text, fundy, sure=0.41),
    ]
    second = [
        *first[:4],
        Slot("s7", Kind.LINK, text="The weakest tides follow a week later."),
        _claim(8, neap.text, neap, sure=0.93),
        _claim(9, small.text, small, sure=0.64),
        first[4],
    ]
    third = [
        first[0],
        first[1],
        _claim(3, newer.text, newer, said, sure=0.91, disputed=True),
        first[3],
        *second[4:7],
        _head(10, "Tidal power"),
        _claim(11, power.text, power, sure=0.96),
        _claim(12, markup.text, markup, sure=0.55),
    ]
    fourth = [
        *third[:-1],
        replace(third[-1], text=markup.text, confidence=(0.83, 0.83)),
        _claim(13, rance.text, rance, sure=0.99, pinned=True),
    ]
    causes = [
        Cause("first draft"),
        Cause("new evidence adds to “What causes tides”", (neap.id, small.id), (), 0.4, 1.5),
        Cause("2 key tokens from [2] moved 3 claims", (newer.id,), ("70", "percent"), 2.61237, 1.5),
        Cause("new evidence adds to “Tidal power”", (rance.id,), (), 0.2, 1.5),
    ]
    kinds = ["draft", "local", "reconstruct", "local"]
    out: list[Canvas] = []
    revisions: tuple[Revision, ...] = ()
    texts: dict[str, str] = {}
    for n, slots in enumerate((first, second, third, fourth)):
        now = {s.id: s.text for s in (*slots, *summary)}
        changed = {
            i: (texts.get(i, ""), now.get(i, "")) for i in {**texts, **now} if texts.get(i, "") != now.get(i, "")
        }
        revisions += (Revision(n + 1, kinds[n], causes[n], changed),)
        out.append(Canvas("What causes tides?", tuple(slots), summary, revisions, next_id=14))
        texts = now
    return out, e, sources


def rich() -> report.Report:
    """report.json's object of the fourth canvas."""
    made, evidence, sources = canvases()
    said = next(e for e in evidence if "68 percent" in e.text)
    newer = next(e for e in evidence if "70 percent" in e.text)
    return report.build(
        made[-1],
        title="What causes tides",
        names={"base": "base", "adapter": "adapter", "planner": "planner"},
        seed=7,
        evidence={e.id: e for e in evidence},
        sources=sources,
        missing=["The sources gave nothing close to the question “How old are tides?”."],
        disputes=[(said.id, newer.id)],
        drafts={c.revisions[-1].number: c for c in made},
    )


def wrong(made: report.Report) -> list[str]:
    """Where a report is not what its published schema says."""
    schema = json.loads((ROOT / "workflows" / "report.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(made)]
