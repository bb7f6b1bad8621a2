"""Whole reports on held-out questions, the product's and its peers'.

    python -m bench.reports --data ../shared/data [--kiwix URL] [--peer build/peers] [--cache build/bench-reports]

docs/reports-bench.md says what is asked, who writes, and how it is measured. Prints
one JSON line a figure. Every report is kept in --cache, so a run that was cut off
goes on; --again SYSTEM writes that system's reports anew, --only ID takes some
questions.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.line import line
from bench.measures import Draft, cut, measure
from bench.plan import interval
from bench.questions import Gold, Question, QuestionError, gold, questions
from bench.revision import revised
from bench.writers import (
    BenchError,
    Reader,
    base_chat,
    base_folder,
    by_meaning,
    by_words,
    causal,
    extractive,
    keep,
    kept,
    load_reader,
    our_draft,
    ours,
    where_gold_went,
)
from dlm_core.checkpoint import CheckpointError
from dlm_core.embed import Embedder
from dlm_core.fetch_base import BaseError
from tools.library import Library

OURS = "ours"
PEERS = ("bm25", "minilm", "causal", "base")
AHEAD = ("gold_share", "coverage_rouge1", "coverage_sentences")
UNITS = {"seconds": "s of processor", "gold_share": "share", "coverage_rouge1": "share", "coverage_sentences": "share"}
UNITS |= {
    "repeated_4grams": "share",
    "pool_gold_share": "share",
    "revision_outside": "share",
    "revision_inside": "share",
}
TOTALS = ("invalid_citations", "unsupported", "unsupported_in_span")  # summed over questions, not averaged

Measured = dict[str, float | None]


@dataclass
class Bench:
    """What all questions share; heavy things are opened when they are first needed."""

    data: Path
    kiwix: str
    cache: Path
    peer: Path
    base: str | None
    again: frozenset[str]
    revised: frozenset[str] = frozenset()  # ids of questions whose report is revised too

    @cached_property
    def embedder(self) -> Embedder:
        return Embedder()

    @cached_property
    def base_folder(self) -> Path:
        return base_folder(self.base)

    @cached_property
    def causal_reader(self) -> Reader:
        if not any(self.peer.glob("adapter-*.safetensors")):
            raise BenchError(f"no causal adapter in {self.peer}: make one with `make bench-peers`")
        return load_reader(self.base_folder, self.peer)

    @cached_property
    def base_reader(self) -> Reader:
        return load_reader(self.base_folder, None)

    def vectors(self, texts: list[str]) -> np.ndarray:
        return self.embedder(texts)


def drafts(bench: Bench, question: Question, where: Gold, systems: Sequence[str]) -> dict[str, Draft]:
    """The question's report by each system, from the cache or written now; the peers' cut to the length of ours."""
    folder = bench.cache / question.id
    folder.mkdir(parents=True, exist_ok=True)
    mine = folder / "ours.json"
    if OURS in bench.again or not mine.is_file():
        shutil.rmtree(folder / "library", ignore_errors=True)  # what was read is what this run reads
        made = ours(question.question, where.source, folder, bench.base_folder)
        mine.with_suffix(".part").write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
        mine.with_suffix(".part").replace(mine)
    made = json.loads(mine.read_text(encoding="utf-8"))
    with Library(folder / "library", bench.embedder) as library:
        pages = [s.id for s in library.sources()]
        out = {OURS: our_draft(made, library, where_gold_went(made, folder, library, where.holds))}
        words = sum(s.words for s in out[OURS].sentences)
        for name, write in _peers(bench, question.question, library, pages).items():
            if name not in systems:
                continue
            file = folder / f"{name}.json"
            draft = None if name in bench.again else kept(file, pages)
            if draft is None:
                draft = write()
                keep(draft, pages, file)
            out[name] = changed(draft, sentences=cut(draft.sentences, words))
    if question.id in bench.revised:  # the library is closed now: a revision opens it
        out[OURS] = changed(out[OURS], extra=out[OURS].extra | _revised(bench, folder))
    return out


def _revised(bench: Bench, folder: Path) -> dict[str, float]:
    """Figures of a revision of one section, kept until the report is written anew."""
    file = folder / "revision.json"
    if not file.is_file() or file.stat().st_mtime < (folder / "ours.json").stat().st_mtime:
        try:
            file.write_text(json.dumps(revised(folder, bench.base_folder)), encoding="utf-8")
        except BenchError as error:
            print(f"bench.reports: {error}; its figures are missing", file=sys.stderr)
            return {}
    return dict(json.loads(file.read_text(encoding="utf-8")))


def _peers(bench: Bench, question: str, library: Library, pages: list[str]) -> dict[str, Callable[[], Draft]]:
    embedder = bench.embedder
    return {
        "bm25": lambda: extractive(question, library, pages, lambda found: by_words(question, found)),
        "minilm": lambda: extractive(
            question, library, pages, lambda found: by_meaning(question, found, library, embedder)
        ),
        "causal": lambda: causal(question, library, pages, embedder, bench.causal_reader),
        "base": lambda: base_chat(question, library, pages, bench.base_reader),
    }


def figures(measured: Mapping[str, Sequence[Measured]]) -> list[tuple[str, float, str, str | None, bool | None]]:
    """(name, value, unit, goal, met) of every figure. measured: by system, one entry a
    question, the questions in one order."""
    out: list[tuple[str, float, str, str | None, bool | None]] = []
    mean: dict[tuple[str, str], float] = {}
    for system, rows in measured.items():
        for name in dict.fromkeys(n for row in rows for n in row):
            values = [v for row in rows if (v := row.get(name)) is not None]
            if values:
                mean[system, name] = float(sum(values) if name in TOTALS else np.mean(values))
    extracts = [s for s in ("bm25", "minilm") if s in measured]
    for (system, name), value in mean.items():
        goal, met = None, None
        if system == OURS and name in ("invalid_citations", "unsupported", "revision_outside"):
            goal, met = "0", value == 0
        elif system == OURS and name in ("repeated_4grams", "near_duplicates") and extracts:
            least = min(mean[s, name] for s in extracts)
            goal, met = f"at most {least:.4g}, the extractive reports'", value <= least
        out.append((f"{name}_{system}", value, UNITS.get(name, "count"), goal, met))
        if name in AHEAD:
            low, high = interval(np.array([v for row in measured[system] if (v := row[name]) is not None]))
            out += [(f"{name}_{system}_low", low, "share", None, None)]
            out += [(f"{name}_{system}_high", high, "share", None, None)]
    for system in measured:
        for name in AHEAD if system != OURS else ():
            pairs = [
                (a, b)
                for x, y in zip(measured[OURS], measured[system], strict=True)
                if (a := x[name]) is not None and (b := y[name]) is not None
            ]
            if not pairs:
                continue
            gaps = np.array([a - b for a, b in pairs])
            low, high = interval(gaps)
            out.append((f"{name}_gap_{system}", float(gaps.mean()), "share", "over 0", bool(gaps.mean() > 0)))
            out.append((f"{name}_gap_{system}_low", low, "share", "over 0", low > 0))
            out.append((f"{name}_gap_{system}_high", high, "share", None, None))
    return out


COLUMNS = {
    "gold_share": "claims on gold pages",
    "coverage_rouge1": "ROUGE-1 recall",
    "coverage_sentences": "summary sentences covered",
    "invalid_citations": "invalid citations",
    "unsupported": "unsupported facts",
    "repeated_4grams": "repeated 4-grams",
    "near_duplicates": "near-duplicate pairs",
    "sources_per_section": "sources a section",
    "words": "words",
    "seconds": "processor seconds",
}


def table(measured: Mapping[str, Sequence[Measured]]) -> str:
    """The means by system as a Markdown table; intervals for what has them."""
    found = {name: (value, unit) for name, value, unit, _, _ in figures(measured)}
    lines = ["| system | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for system in measured:
        cells = []
        for name in COLUMNS:
            value, unit = found.get(f"{name}_{system}", (float("nan"), ""))
            text = f"{value:.3f}" if unit == "share" else f"{value:.4g}"
            if f"{name}_{system}_low" in found:
                text += f" ({found[f'{name}_{system}_low'][0]:.2f}–{found[f'{name}_{system}_high'][0]:.2f})"
            cells.append(text)
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def run(args: argparse.Namespace) -> dict[str, list[Measured]]:
    """Measures by system, one entry a question; also one JSON line a question in cache/measured.jsonl."""
    revised = frozenset(q.id for q in questions()[: args.revisions])
    bench = Bench(args.data, args.kiwix, args.cache, args.peer, args.base, frozenset(args.again), revised)
    chosen = questions(args.only)
    if not args.kiwix:
        left = [q.id for q in chosen if not q.shard]
        chosen = [q for q in chosen if q.shard]
        if left:
            print(f"bench.reports: without --kiwix {', '.join(left)} are left out", file=sys.stderr)
    if not chosen:
        raise QuestionError("no question is left: see bench/report_questions.json for --only")
    systems = (OURS, *args.peers)
    out: dict[str, list[Measured]] = {s: [] for s in systems}
    lines = []
    for question in chosen:
        print(f"bench.reports: {question.id}", file=sys.stderr, flush=True)
        where = gold(question, args.data, args.kiwix, args.cache)
        for system, draft in drafts(bench, question, where, systems).items():
            found = measure(draft, where.holds, where.summary, bench.vectors)
            out[system].append(found)
            lines.append(json.dumps({"question": question.id, "system": system, **found}))
    (args.cache / "measured.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return out


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.reports", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of training text")
    parser.add_argument("--kiwix", default="", help="server with the Python documentation (tests/kiwix.sh start)")
    parser.add_argument("--peer", type=Path, default=Path("build/peers"), help="folder of the causal adapter")
    parser.add_argument("--cache", type=Path, default=Path("build/bench-reports"), help="folder for reports")
    parser.add_argument("--base", default=None, help="base weights: a .gguf file or a Hugging Face folder")
    parser.add_argument("--only", nargs="*", default=[], metavar="ID", help="questions whose id begins so")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS, help="peers that write (all)")
    parser.add_argument("--again", nargs="*", default=[], choices=(OURS, *PEERS), help="systems that write anew")
    parser.add_argument("--revisions", type=int, default=4, metavar="N", help="reports that are revised too (4)")
    parser.add_argument("--table", type=Path, help="a file to write the Markdown table to")
    args = parser.parse_args(arguments)
    try:
        measured = run(args)
    except (QuestionError, BenchError, CheckpointError, BaseError, OSError) as error:
        print(f"bench.reports: {error}", file=sys.stderr)
        return 1
    for name, value, unit, goal, met in figures(measured):
        line("reports", name, value, unit, goal, met)
    if args.table:
        args.table.write_text(table(measured), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
