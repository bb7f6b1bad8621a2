"""Questions that need two pages: do both come to be cited, with the gap-driven search and without?

    python -m bench.gaps --kiwix URL [--cache build/bench-gaps] [--setting on off] [--only ID ...] [--seconds N]

bench/two_pages.json holds the questions and the two pages each needs (Debian's python3-doc, served by
`tests/kiwix.sh start`). A page counts where a claim of the finished report that passes verification cites evidence of
it; the stricter figure asks that such a claim also speaks of the fact the page is needed for, by the question's words.
With the setting off the same number of rounds and pages goes to the question alone. Reports are kept in --cache, so a
run that was cut off goes on, and --seconds begins no further report after so long. One JSON line a figure.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench.line import line
from dlm_core import lists
from dlm_core.models import Models, load_models
from dlm_core.support import problems
from tools.providers import open_providers
from tools.settings import load
from workflows.terminal import Reporter

FILE = Path(__file__).parent / "two_pages.json"
SETTINGS = ("on", "off")
GOAL = 0.7  # share of the questions
LOWER = 0.15  # by which the share must be lower with the setting off: three questions of twenty


@dataclass(frozen=True)
class Page:
    """A page that an answer needs: its path, what is needed from it, and words of a claim that speaks of that."""

    page: str
    fact: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    id: str
    question: str
    gold: tuple[Page, ...]


def questions(only: Sequence[str] = (), file: Path = FILE) -> list[Question]:
    """The questions of the file, or those named by `only`."""
    raw = json.loads(file.read_text(encoding="utf-8"))["questions"]
    made = [
        Question(q["id"], q["question"], tuple(Page(p["page"], p["fact"], tuple(p["words"])) for p in q["gold"]))
        for q in raw
    ]
    return [q for q in made if not only or q.id in only]


def supported(question: Question, report: dict[str, Any]) -> list[dict[str, Any]]:
    """For each gold page: how many verified claims rest on it, and whether one of them speaks of the fact."""
    out = []
    for page in question.gold:
        mine = {i for i, s in report["sources"].items() if s["url"].endswith("/" + page.page)}
        said = []
        for claim in (c for s in report["sections"] for c in s["claims"]):
            held = [report["evidence"][e] for e in claim["evidence"]]
            if any(e["source"] in mine for e in held) and not problems(
                claim["text"], [lists.said(e["text"]) for e in held]
            ):
                said.append(claim["text"].lower())
        spoken = any(word in text for word in page.words for text in said)
        out.append({"page": page.page, "claims": len(said), "fact": spoken})
    return out


class Clock(Reporter):
    """Seconds spent in each node of the graph."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._node, self._since = "", time.monotonic()

    def step(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        if self._node:
            self.spent[self._node] = round(self.spent.get(self._node, 0.0) + now - self._since, 2)
        self._node, self._since = event["node"], now


def write(question: Question, setting: str, kiwix: str, models: Models, cache: Path, effort: float) -> dict[str, Any]:
    """One report with the product's own graph; what is kept of it."""
    from workflows import runs
    from workflows.context import Context
    from workflows.research import research

    began = time.monotonic()
    out = cache / f"{question.id}.{setting}"
    run = runs.record(
        runs.Run(
            "",
            question.question,
            (f"kiwix:{kiwix}",),
            str(out),
            str(cache),
            force=True,
            library=str(cache / "library"),  # shared: a page is embedded once; a run sees its own pages alone
            settings={"gaps": setting},
            effort=effort,
        )
    )
    clock = Clock()
    context = Context(run, open_providers(list(run.sources), load(run.settings)[0]), clock)
    context.models, context.embedder = models, models.embedder
    try:
        research(context)
    finally:
        context.close()
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return {
        "id": question.id,
        "setting": setting,
        "gold": supported(question, report),
        "claims": sum(len(s["claims"]) for s in report["sections"]),
        "citations": report["citations"],
        "seconds": round(time.monotonic() - began, 1),
        "effort": effort,
        "nodes": clock.spent,
    }


def kept(question: Question, setting: str, cache: Path) -> dict[str, Any] | None:
    """What an earlier run left of a question, measured anew from its report."""
    file, report = cache / f"{question.id}.{setting}.json", cache / f"{question.id}.{setting}" / "report.json"
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found | {"gold": supported(question, json.loads(report.read_text(encoding="utf-8")))}
    except (OSError, ValueError):
        return None


def figures(found: dict[str, list[dict[str, Any]]], every: int) -> None:
    """Print the figures of the settings that are whole; others are said to be unfinished."""
    shares: dict[str, float] = {}
    for setting, rows in found.items():
        line("gaps", f"questions_done_{setting}", len(rows), "count", str(every), len(rows) == every)
        if not rows:
            continue
        both = [all(g["claims"] for g in r["gold"]) for r in rows]
        shares[setting] = mean(both)
        goal = f"at least {GOAL}" if setting == "on" else None
        line("gaps", f"both_pages_{setting}", shares[setting], "share", goal, shares[setting] >= GOAL if goal else None)
        facts = mean(all(g["fact"] for g in r["gold"]) for r in rows)
        line("gaps", f"both_facts_{setting}", facts, "share")
        line("gaps", f"pages_{setting}", mean(bool(g["claims"]) for r in rows for g in r["gold"]), "share")
        line("gaps", f"claims_{setting}", mean(r["claims"] for r in rows), "count")
        line("gaps", f"citation_recall_{setting}", mean(r["citations"]["recall"] for r in rows), "share")
        line("gaps", f"citation_precision_{setting}", mean(r["citations"]["precision"] for r in rows), "share")
        line("gaps", f"seconds_{setting}", median(r["seconds"] for r in rows), "s")
    if len(shares) == 2 and all(len(rows) == every for rows in found.values()):
        gain = shares["on"] - shares["off"]
        line("gaps", "both_pages_gain", gain, "share", f"at least {LOWER}", gain >= LOWER)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kiwix", required=True, help="server with the Python documentation (tests/kiwix.sh start)")
    parser.add_argument("--cache", type=Path, default=Path("build/bench-gaps"), help="folder for reports")
    parser.add_argument("--setting", nargs="*", default=list(SETTINGS), choices=SETTINGS, help="settings that run")
    parser.add_argument("--only", nargs="*", default=[], metavar="ID", help="some of the questions")
    parser.add_argument("--base", default=None, help="base weights: a .gguf file or a Hugging Face folder")
    parser.add_argument("--effort", type=float, default=0.5, help="as of palimpsest --effort; 0 is fast (default 0.5)")
    parser.add_argument("--seconds", type=float, default=0.0, help="begin no further report after so long; 0: all")
    args = parser.parse_args(arguments)
    asked = questions(args.only)
    if not asked:
        parser.error(f"--only names none of {', '.join(q.id for q in questions())}")
    began = time.monotonic()
    args.cache.mkdir(parents=True, exist_ok=True)
    os.environ["PALIMPSEST_HOME"] = str((args.cache / "home").resolve())
    cache, models = args.cache.resolve(), None
    found: dict[str, list[dict[str, Any]]] = {setting: [] for setting in args.setting}
    for question in asked:
        for setting in args.setting:
            row = kept(question, setting, cache)
            if row is None and not 0 < args.seconds <= time.monotonic() - began:
                models = models or load_models(base=args.base, quiet=True)
                row = write(question, setting, args.kiwix, models, cache, args.effort)
                (cache / f"{question.id}.{setting}.json").write_text(json.dumps(row), encoding="utf-8")
                pages = ", ".join(f"{g['page']} {g['claims']}" for g in row["gold"])
                print(
                    f"{question.id} {setting}: {pages} ({row['seconds']:g} s, {row['nodes']})",
                    file=sys.stderr,
                    flush=True,
                )
            if row is not None:
                found[setting].append(row)
    figures(found, len(asked))
    return 0


if __name__ == "__main__":
    sys.exit(main())
