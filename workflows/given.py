"""A report that is given to be revised: ours with its report.json, or anybody's Markdown.

Whatever lies there is data. report.json is checked first (workflows/checked.py);
what does not fit is refused in one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.brief import LONGEST
from dlm_core.canvas import Canvas, Cause, Kind, Revision, Slot
from dlm_core.code_names import plain
from dlm_core.lists import said
from dlm_core.segment import Evidence
from dlm_core.standalone import standalone
from tools.source import Source, source_id
from workflows import foreign
from workflows.checked import GivenError, contents, read, unusable
from workflows.foreign import OPEN_ENDS, Page, Sentence
from workflows.report import Numbers, Report, markdown, paragraphs
from workflows.terminal import safe

MARKDOWN = (".md", ".markdown", ".mdown", ".txt", "")


@dataclass(frozen=True)
class Given:
    """path: its folder, or the Markdown file. text: its Markdown as it stands. report: report.json's object, None
    where there is none. page: its sentences by place, where the text is not rendered from `report`; places: the
    sentence of each claim there."""

    path: Path
    text: str
    report: Report | None
    canvas: Canvas
    evidence: dict[str, Evidence]
    sources: dict[str, Source]
    page: Page | None = None
    places: dict[str, Sentence] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)  # section slot -> place in page.sections

    @property
    def ours(self) -> bool:
        return self.page is None

    @property
    def title(self) -> str:
        return str(self.report["title"]) if self.report is not None else self.canvas.question


def load(path: Path, name: str = "") -> Given:
    """The report that a path names: a folder, a report.json or a Markdown file. name:
    of one without any heading, where it is not the path's. Raises GivenError."""
    if not path.exists():
        raise GivenError(f"{path}: no such file or folder")
    markdown_file, data_file = _files(path)
    report = read(data_file) if data_file is not None else None
    text = _text(markdown_file) if markdown_file is not None else ""
    if report is not None:
        try:
            rendered = markdown(report)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise unusable(data_file, f"{type(error).__name__}: {error}") from None
        text = text if markdown_file is not None else rendered
        if text == rendered and "markdown" not in report:
            return _ours(path if path.is_dir() else path.parent, text, report)
    where = path.parent if report is not None and not path.is_dir() else path
    return _somebodys(where, text, report, name or path.stem)


def _files(path: Path) -> tuple[Path | None, Path | None]:
    """(Markdown, report.json) of what a path names."""
    if path.is_dir():
        found = path / "report.md", path / "report.json"
        if not found[0].is_file() and not found[1].is_file():
            raise GivenError(f"{path} holds no report: name a folder with report.md, or a Markdown file")
        return found[0] if found[0].is_file() else None, found[1] if found[1].is_file() else None
    suffix = path.suffix.lower()
    if suffix == ".json":
        beside = path.with_name("report.md")
        return beside if path.name == "report.json" and beside.is_file() else None, path
    if suffix not in MARKDOWN or not path.is_file():
        raise GivenError(f"{path} is not a report: name a report.json, a Markdown file, or a folder that holds one")
    beside = path.with_name("report.json")
    return path, beside if path.name == "report.md" and beside.is_file() else None


def _text(file: Path) -> str:
    data = contents(file)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise GivenError(f"{file} is not UTF-8 text: convert it first (iconv -t UTF-8)") from None
    if "\x00" in text:
        raise GivenError(f"{file} is not a text file")
    return text


# --- a report of ours -----------------------------------------------------------------


def _ours(path: Path, text: str, report: Report) -> Given:
    evidence, sources = held(report)
    numbers = report.get("numbers") or Numbers(report).order
    breaks = [p[0]["id"] for s in report["sections"] for p in _claims_only(paragraphs(s, report))[1:] if p]
    return Given(
        path,
        text,
        report,
        replace(canvas_of(report), numbers=dict(numbers), breaks=tuple(breaks)),
        evidence,
        sources,
    )


def _claims_only(told: list[list[Report]]) -> list[list[Report]]:
    return [[s for s in paragraph if "evidence" in s] for paragraph in told]


def held(report: Report) -> tuple[dict[str, Evidence], dict[str, Source]]:
    """Evidence and sources of a checked report.json; a source's text is not in it."""
    evidence = {}
    for name, e in report["evidence"].items():
        reason = standalone(plain(said(e["text"])))
        evidence[name] = Evidence(
            name, e["source"], "", e.get("heading", ""), e["start"], e["end"], e["text"], "", not reason, reason
        )
    sources = {
        name: Source(name, s["url"], s["title"], "", s["accessed"], s.get("date", ""))
        for name, s in report["sources"].items()
    }
    return evidence, sources


def canvas_of(report: Report) -> Canvas:
    """The canvas of a checked report.json, without tokens. What a claim names and is
    not there it does not rest on."""
    age: dict[str, int] = {}
    used = [0]
    revisions = []
    for r in report["revisions"]:
        c = r["cause"]
        cause = Cause(
            c.get("reason", ""), tuple(c["evidence"]), tuple(c["tokens"]), float(c["shift"]), float(c["threshold"])
        )
        revisions.append(Revision(r["number"], r["kind"], cause, {i: (t[0], t[1]) for i, t in r["slots"].items()}))
        age |= dict.fromkeys(r["slots"], r["number"])
        used += [int(i[1:]) for i in r["slots"]]
        draft = r.get("draft", {"summary": [], "sections": []})
        used += [int(i[1:]) for i in draft["summary"]]
        used += [int(x["id"][1:]) for s in draft["sections"] for x in (s, *s["claims"], *s["links"])]
    for section in report["sections"]:
        used += [int(x["id"][1:]) for x in (*section["claims"], *section["links"])]
        used += [int(section["id"][1:])] if "id" in section else []
    fresh = max(used)
    slots: list[Slot] = []
    for section in report["sections"]:
        if "id" not in section:
            fresh += 1
        name = section.get("id", f"s{fresh}")
        slots.append(Slot(name, Kind.SECTION, text=section["heading"], age=age.get(name, 1)))
        links: dict[str, list[Slot]] = {}
        for link in section["links"]:
            links.setdefault(link["before"], []).append(Slot(link["id"], Kind.LINK, text=link["text"]))
        for c in section["claims"]:
            slots += links.get(c["id"], [])
            on = tuple(dict.fromkeys(e for e in c["evidence"] if e in report["evidence"]))
            slots.append(
                Slot(
                    c["id"],
                    Kind.CLAIM,
                    on,
                    c["text"],
                    origin=c["origin"] if on else "given",
                    pinned=c["pinned"],
                    disputed=c["disputed"],
                    age=age.get(c["id"], 1),
                    plan_confidence=float(c["confidence"]),
                )
            )
    # A summary sentence has no id in report.json; the draft of the last revision has them in order.
    last = report["revisions"][-1].get("draft", {}).get("summary", []) if report["revisions"] else []
    claims = {s.id for s in slots if s.kind == Kind.CLAIM}
    summary = []
    for n, sentence in enumerate(report["summary"]):
        name = last[n] if len(last) == len(report["summary"]) and last[n] not in claims else ""
        if not name:
            fresh += 1
            name = f"s{fresh}"
        on = tuple(c for c in sentence["claims"] if c in claims)
        if on:
            summary.append(Slot(name, Kind.CLAIM, on, sentence["text"], age=age.get(name, 1)))
    return Canvas(report["question"], tuple(slots), tuple(summary), tuple(revisions), fresh + 1)


def holding(canvas: Canvas, text: str, span: Sequence[str] | None = None) -> list[Slot]:
    """The claims that hold a text, or that it holds: as it reads, without citation
    marks, escapes and line breaks."""
    wanted = folded(text)
    claims = [s for s in canvas.claims() if s.text and (span is None or s.id in span)]
    found = [s for s in claims if wanted and wanted in folded(s.text)]
    return found or [s for s in claims if len(folded(s.text)) > 20 and folded(s.text) in wanted]


def folded(text: str) -> str:
    text = re.sub(r"\s?\[\^?\d{1,3}(?:[,–-]\s?\d{1,3})*\]", "", text)
    return " ".join(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text).split())


# --- anybody's Markdown -----------------------------------------------------------------


def _somebodys(path: Path, text: str, report: Report | None, name: str) -> Given:
    page = foreign.parse(text)
    title = next((s.heading for s in page.sections if s.heading and s.level == 1), "")
    title = title or next((s.heading for s in page.sections if s.heading), "") or name
    old = canvas_of(report) if report is not None else None
    evidence, sources = held(report) if report is not None else ({}, {})
    # The sentences above the first section may be the summary of a report of ours.
    condensed = {folded(s.text): s for s in (old.summary if old is not None else ())}
    summary: list[Slot] = []
    known: dict[str, list[Slot]] = {}
    for slot in old.claims() if old is not None else ():
        known.setdefault(folded(slot.text), []).append(slot)
    heads = {h.text: h.id for h, _ in old.sections()} if old is not None else {}
    number = old.next_id if old is not None else 1
    slots: list[Slot] = []
    places: dict[str, Sentence] = {}
    head_of: dict[str, int] = {}
    for n, section in enumerate(page.sections):
        found = [s for b in section.blocks for s in b.sentences]
        if section.level < 2:
            for sentence in list(found):
                lead = condensed.pop(folded(sentence.plain), None)
                if lead is not None:
                    summary.append(lead)
                    places[lead.id] = sentence
                    found.remove(sentence)
        if (
            section.heading == OPEN_ENDS
            or foreign.REFERENCES.fullmatch(section.heading)
            or not found
            and section.level < 2
        ):
            continue
        name = heads.pop(section.heading or safe(title), "")
        if not name:
            name, number = f"s{number}", number + 1
        slots.append(Slot(name, Kind.SECTION, text=section.heading or title))
        head_of[name] = n
        for sentence in found:
            same = known.get(folded(sentence.plain), [])
            if same:
                slot = replace(same.pop(0), text=sentence.plain)
            else:
                slot, number = Slot(f"s{number}", Kind.CLAIM, text=sentence.plain, origin="given"), number + 1
            slots.append(slot)
            places[slot.id] = sentence
    question = safe(report["question"] if report is not None else title)[:LONGEST] or "Report"
    entries = {}
    for entry in page.references.values():
        name = reference_id(entry)
        entries[name] = entry.number
        if name not in sources:
            words = safe(foreign.clean_inline(entry.words))[:200]
            sources[name] = Source(name, entry.target or words or "reference", words, "", "")
    if report is not None and "numbers" in report:
        entries = {**entries, **report["numbers"]}
        by_number: dict[int, str] = {}
        for name, n in entries.items():  # what report.json says is bound holds
            by_number[n] = name
        entries = {name: n for n, name in by_number.items()}
    canvas = Canvas(
        question,
        tuple(slots),
        tuple(summary),
        old.revisions if old is not None else (),
        number,
        numbers=entries,
        breaks=(),
    )
    return Given(path, text, report, _logged(canvas), evidence, sources, page, places, head_of)


def _logged(canvas: Canvas) -> Canvas:
    """The canvas with a log that gives the texts it has: what no revision wrote was given."""
    told: dict[str, str] = {}
    for r in canvas.revisions:
        told |= {i: after for i, (_, after) in r.slots.items()}
    now = {s.id: s.text for s in (*canvas.slots, *canvas.summary)}
    changed = {i: (told.get(i, ""), now.get(i, "")) for i in {**told, **now} if told.get(i, "") != now.get(i, "")}
    if not changed:
        return canvas
    first = not canvas.revisions
    reason = "the report as it was given" if first else "changed by hand, or rendered by another version"
    made = Revision(len(canvas.revisions) + 1, "draft" if first else "local", Cause(reason), changed)
    return replace(canvas, revisions=(*canvas.revisions, made))


def reference_id(entry: foreign.Reference) -> str:
    """The id of the source that an entry of a list of references names."""
    return source_id(entry.target or f"reference:{entry.number}:{entry.words}")
