"""The quality of the trained weights in one table, peers included: plan, text, error detection, retrieval.

    python -m bench.quality --data ../shared/data [--peer build/peers] [--table README.md]

Runs bench.plan, bench.text and bench.retrieval as processes of one thread, as
many at once as there are cores, with fixed numbers of cases. Prints every figure
as a JSON line, then a Markdown table with date and commit. --table writes the
table to a file: between the markers where the file has them, else as the whole
file. A part that fails is named, the others stand, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- bench-quality -->", "<!-- /bench-quality -->"
CASES = 300
Figures = Mapping[str, Mapping[str, Any]]  # by "bench figure": the JSON line


def parts(args: argparse.Namespace) -> dict[str, list[str]]:
    """What runs, the longest first: name -> arguments of python -m."""
    data, cases = ["--data", str(args.data)], ["--cases", str(args.cases)]
    base = ["--base", args.base] if args.base else []
    text = ["bench.text", *data, *cases, *base, "--peer", str(args.peer), "--part"]
    return {
        "plan": ["bench.plan", *data, *cases, "--cache", str(args.cache / "plan"), "--drafts", "1"],
        "text errors": [*text, "errors"],
        "text claims": [*text, "claims"],
        "retrieval": ["bench.retrieval", *data, *cases, "--threads", "1"],
        "text infilling": [*text, "infilling"],
    }


def run(name: str, arguments: Sequence[str], log: Path) -> tuple[str, list[dict[str, Any]], float]:
    """(why it failed or "", its figures, seconds) of one part."""
    began = time.monotonic()
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as errors:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**os.environ, **threads},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            check=False,
        )
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    why = ""
    if done.returncode:
        said = log.read_text(encoding="utf-8").strip().splitlines()
        why = f"{name} ended with {done.returncode}: {said[-1] if said else 'no word why'} ({log})"
    return why, told, time.monotonic() - began


def commit() -> str:
    """The commit of the tree, with a plus where files differ from it; "unknown" outside a repository."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


# --- the table ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A line of the table. ours and peers: figures by name; `goal` in words; lead: (peer's figure, least lead over it)
    pairs; verdicts: figures whose goals the bench itself judged. Without all of them nothing is said to be met."""

    what: str
    bench: str
    ours: str
    peers: tuple[tuple[str, str], ...] = ()
    goal: str = ""
    lead: tuple[tuple[str, float], ...] = ()
    verdicts: tuple[str, ...] = ()


def _named(pattern: str, *names: str) -> tuple[tuple[str, str], ...]:
    labels = {
        "bm25": "BM25",
        "bm25_mmr": "BM25+MMR",
        "tfidf_mmr": "TF-IDF+MMR",
        "tfidf": "TF-IDF",
        "lexrank": "LexRank",
    }
    labels |= {"minilm": "MiniLM", "minilm_mmr": "MiniLM+MMR", "minilm_sentence": "best sentence by MiniLM"}
    labels |= {
        "oracle_sentence": "oracle sentence",
        "base_chat": "prompted base",
        "causal": "causal adapter",
        "gold": "gold",
    }
    labels |= {"bm25_document": "BM25 in document order", "minilm_document": "MiniLM in document order"}
    return tuple((labels.get(n, n), pattern.format(n)) for n in names)


SELECTORS = ("bm25", "bm25_mmr", "tfidf_mmr", "lexrank", "minilm", "minilm_mmr")
WRITERS = ("minilm_sentence", "base_chat", "causal")
ROWS = (
    Row(
        "Plan: F1 of the evidence chosen",
        "plan",
        "plan_f1",
        _named("{}_f1", *SELECTORS),
        "10 points over BM25+MMR and LexRank, 3 over MiniLM+MMR",
        (
            ("bm25_mmr_f1", 0.1),
            ("lexrank_f1", 0.1),
            ("minilm_mmr_f1", 0.03),
        ),
    ),
    Row(
        "Plan: order, Kendall's tau",
        "plan",
        "order_tau_plan",
        _named("order_tau_{}", "bm25_document", "minilm_document", "bm25", "minilm"),
        "over every peer",
        (("order_tau_bm25_document", 0.0), ("order_tau_minilm_document", 0.0)),
    ),
    Row("Plan: error of the count of claims", "plan", "count_error_plan", (("constant mean", "count_error_mean"),)),
    Row(
        "Claims: ROUGE-L",
        "text",
        "diffusion_rouge_l",
        _named("{}_rouge_l", *WRITERS, "oracle_sentence"),
        "over MiniLM's sentence and the prompted base; at most 2 points under the causal adapter",
        verdicts=("rouge_l_gap_minilm_sentence_low", "rouge_l_gap_base_chat_low", "rouge_l_gap_causal"),
    ),
    Row(
        "Claims with a number, date or name that is not in the evidence, before verification",
        "text",
        "diffusion_unchecked_unsupported",
        _named("{}_unsupported", "base_chat", "causal"),
    ),
    Row("The same, after verification", "text", "diffusion_unsupported"),
    Row("Foreign content words", "text", "diffusion_foreign_content", _named("{}_foreign_content", *WRITERS, "gold")),
    Row("Numbers copied right", "text", "diffusion_copied_numbers", _named("{}_copied_numbers", "base_chat", "causal")),
    Row("Names copied right", "text", "diffusion_copied_names", _named("{}_copied_names", "base_chat", "causal")),
    Row(
        "Claims that are one run of the evidence", "text", "diffusion_verbatim", _named("{}_verbatim", "causal", "gold")
    ),
    Row("Base's loss on claims over that on gold sentences", "text", "diffusion_loss_ratio"),
    Row("AUROC of the reading: swapped numbers", "text", "number_auroc_reading"),
    Row("The same, in summary sentences", "text", "reworded_number_auroc_reading"),
    Row("AUROC: subject and object exchanged", "text", "exchange_auroc_reading"),
    Row("The same, in summary sentences", "text", "reworded_exchange_auroc_reading"),
    Row("AUROC: one sentence's beginning, another's end", "text", "splice_auroc_reading"),
    Row("Verifier: recall, swapped numbers", "text", "number_verifier_recall"),
    Row("Verifier: recall, swapped names", "text", "name_verifier_recall"),
    Row("Verifier: recall, dropped negations", "text", "negation_verifier_recall"),
    Row("Verifier: recall, exchanges", "text", "exchange_verifier_recall"),
    Row("Verifier: recall, moved attributes", "text", "attribute_verifier_recall"),
    Row("Verifier: recall, one sentence's beginning, another's end", "text", "splice_verifier_recall"),
    Row("Verifier: recall, dropped hedges", "text", "hedge_verifier_recall"),
    Row("Verifier: false alarms on true edits", "text", "verifier_false_alarms"),
    Row("Verifier: false alarms on the books' own summaries", "text", "verifier_false_alarms_reworded"),
    Row("Doubted claims left as they were", "text", "doubted_left_standing"),
    *(
        Row(
            f"Search, {where}: nDCG@10",
            "retrieval",
            f"{shelf}_ndcg_fused",
            _named(shelf + "_ndcg_{}", "bm25", "tfidf", "minilm"),
            "over each part",
            tuple((f"{shelf}_ndcg_{way}", 0.0) for way in ("bm25", "tfidf", "minilm")),
        )
        for shelf, where in (("shelf", "600 passages"), ("book", "1,500 passages"))
    ),
    *(
        Row(
            f"Search, {where}: recall@10",
            "retrieval",
            f"{shelf}_recall_fused",
            _named(shelf + "_recall_{}", "bm25", "tfidf", "minilm"),
        )
        for shelf, where in (("shelf", "600 passages"), ("book", "1,500 passages"))
    ),
)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def rows(found: Figures) -> Iterator[list[str]]:
    """The cells of each line for which there is a figure."""
    for row in ROWS:
        here = {name.split(" ", 1)[1]: line for name, line in found.items() if name.startswith(f"{row.bench} ")}
        ours = here.get(row.ours)
        if ours is None:
            continue
        cell = _number(ours["value"])
        if f"{row.ours}_low" in here:
            low, high = (_number(here[f"{row.ours}_{end}"]["value"]) for end in ("low", "high"))
            cell += f" ({low}–{high})"
        peers = [f"{label} {_number(here[name]['value'])}" for label, name in row.peers if name in here]
        goal, met = row.goal or ours["goal"] or "", ours["met"]
        if row.lead or row.verdicts:
            found_lead = [ours["value"] - here[name]["value"] > least for name, least in row.lead if name in here]
            said = [*found_lead, *(bool(here[name]["met"]) for name in row.verdicts if name in here)]
            whole = len(said) == len(row.lead) + len(row.verdicts)
            met = False if not all(said) else True if whole else None
        if row.ours == "count_error_plan" and "count_error_mean" in here:
            ahead = "count_gap_low" in here and here["count_gap_low"]["value"] > 0
            goal, met = "below the constant's, beyond chance", ahead
        yield [row.what, cell, ", ".join(peers), goal, {True: "yes", False: "**no**"}.get(met, "")]


def table(found: Figures, minutes: float) -> str:
    """The figures as Markdown, with date, commit and how long it took."""
    day = datetime.date.today().isoformat()
    lines = [f"`make bench-quality`, {day}, commit {commit()}, {minutes:.0f} minutes on {os.cpu_count()} cores:", ""]
    lines += ["| figure | Palimpsest | peers | goal | met |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows(found)]
    return "\n".join(lines) + "\n"


def put(text: str, file: Path) -> None:
    """Write the table between the markers of `file`, or as the whole of it. ValueError where one marker is missing."""
    old = file.read_text(encoding="utf-8") if file.is_file() else ""
    if (BEGIN in old) != (END in old) or old.find(END) < old.find(BEGIN):
        raise ValueError(f"{file} has one marker without the other: it needs {BEGIN} and, after it, {END}")
    if BEGIN in old:
        head, rest = old.split(BEGIN, 1)
        text = f"{head}{BEGIN}\n{text}{END}{rest.split(END, 1)[1]}"
    file.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of training text")
    parser.add_argument("--peer", type=Path, default=Path("build/peers"), help="folder of the causal adapter")
    parser.add_argument("--base", default=None, help="base weights: a .gguf file or a Hugging Face folder")
    parser.add_argument("--cache", type=Path, default=Path("build/bench-quality"), help="folder for vectors and logs")
    parser.add_argument("--cases", type=int, default=CASES, help="cases a figure, where there are so many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="parts at once")
    parser.add_argument("--only", nargs="*", default=[], metavar="PART", help="parts whose name begins so")
    parser.add_argument("--table", type=Path, help="a file to write the Markdown table to")
    args = parser.parse_args(arguments)
    for name in ("data", "peer", "cache"):
        setattr(args, name, getattr(args, name).resolve())  # the parts run in the tree's own folder
    chosen = {n: a for n, a in parts(args).items() if not args.only or n.startswith(tuple(args.only))}
    if not chosen:
        print(f"bench.quality: no part begins so; there are {', '.join(parts(args))}", file=sys.stderr)
        return 2
    began = time.monotonic()
    found: dict[str, Mapping[str, Any]] = {}
    failed = False
    with ThreadPoolExecutor(max(1, args.jobs)) as pool:
        logs = {n: args.cache / f"{n.replace(' ', '-')}.log" for n in chosen}
        running = {n: pool.submit(run, n, a, logs[n]) for n, a in chosen.items()}
        for name, job in running.items():
            why, told, seconds = job.result()
            failed = failed or bool(why)
            print(f"bench.quality: {why or f'{name}: {seconds:.0f} s'}", file=sys.stderr, flush=True)
            for line in told:
                found[f"{line['bench']} {line['figure']}"] = line
                print(json.dumps(line, ensure_ascii=False), flush=True)
    made = table(found, (time.monotonic() - began) / 60)
    print(f"\n{made}", end="")
    if args.table and not failed:
        try:
            put(made, args.table)
        except (OSError, ValueError) as error:
            print(f"bench.quality: {error}", file=sys.stderr)
            return 1
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
