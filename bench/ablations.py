"""What each part of the plan scale's training adds: one thing changed at a time, at equal steps.

    python -m bench.ablations --cache FOLDER --out FOLDER [--steps 2000] [--seed 0] [--only NAME ...]

FOLDER of --cache holds prepared documents (`dlm_core.train.plan` makes it: OUT/plan-cache). Every run draws its
weights from the same seed and sees as many examples; what is measured are held-out books with all their anchors, so a
run that learned from fewer is judged by the same plans. One JSON line a figure, with the gap of each case to the run
that has everything: two runs of that one from two seeds say how far chance alone goes. A run checkpoints into --out and
goes on where it was cut off; finished ones are not run again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from bench.line import line
from bench.plan import interval
from dlm_core.embed import Embedder
from dlm_core.train import plan_data
from dlm_core.train.plan import Run, held_loss, measure
from dlm_core.train.plan_books import shelve
from dlm_core.train.plan_data import Page
from dlm_core.train.plan_draws import RECIPE, Recipe, examples, stream
from dlm_core.train.plan_examples import Corpus, Example, coherence, set_f1

CASES = 200  # held-out examples, half of them with questions put to whole books
SAVE_EVERY = 120.0  # seconds


def no_summaries(page: Page) -> Page:
    """The page as if its author had written no summary and no glossary."""
    return replace(page, cover=np.zeros_like(page.cover))


def no_headings(page: Page) -> Page:
    """The page as one section of runs of paragraphs, with no heading."""
    one = np.zeros_like(page.section)
    return replace(page, headings=[""] * len(page.texts), section=one)


def no_objectives(page: Page) -> Page:
    """The page asked for by its title alone, not by objectives and headings."""
    return replace(page, questions=page.questions[:1], asked=page.asked[:1])


Anchor = Callable[[Page], Page]
WHOLE, FIRST = "all", 0  # the run the others are compared with, and its seed
AS_IS: tuple[Recipe, Anchor | None] = (RECIPE, None)
VARIANTS: dict[str, tuple[Recipe, Anchor | None]] = {
    WHOLE: AS_IS,
    "two masks drawn apart": (replace(RECIPE, complementary=False), None),
    "timesteps even over 0..1": (replace(RECIPE, concentrated=False), None),
    "no uniform noise": (replace(RECIPE, repoint=0.0, recast=0.0), None),
    "no masks as in drafting": (replace(RECIPE, drafted=False), None),
    "vectors never turned": (replace(RECIPE, turned=0.0), None),
    "no summaries, no glossaries": (RECIPE, no_summaries),
    "no headings": (RECIPE, no_headings),
    "no objectives": (RECIPE, no_objectives),
}


def corpus_of(cache: Path, part: str, anchor: Anchor | None, *, drop: list[str]) -> Corpus:
    """The documents under cache/part but for the files `drop`, each page as `anchor` leaves it, with their books."""
    groups = [g for g in plan_data.load_groups(cache / part) if g.file not in drop]
    if anchor is not None:
        groups = [replace(g, pages=[anchor(p) for p in g.pages]) for g in groups]
    made = Corpus(groups)
    shelve(made, plan_data.place_vectors(made.groups, cache / f"places-{part}.npz", Embedder()))
    return made


def trained(corpus: Corpus, recipe: Recipe, steps: int, seed: int, file: Path) -> Run:
    """A run of `steps` steps from drawn weights, or what `file` has of it and the rest."""
    run = Run(seed)
    if file.is_file():
        run.restore(file)
    draws = stream(corpus, seed, recipe=recipe)
    saved = time.monotonic()
    while run.step < steps:
        run.advance(draws, run.step / steps)
        if time.monotonic() - saved > SAVE_EVERY or run.step == steps:
            run.save(file)
            saved = time.monotonic()
    return run


@dataclass(frozen=True)
class Judged:
    """What a run's averaged weights do on held-out examples: figures, and the F1 of each example in their order."""

    figures: dict[str, float]
    f1: list[float]

    def gap(self, whole: Judged) -> tuple[float, float, float]:
        """F1 of these plans less those of `whole` on the same examples: the mean and its 95% interval."""
        apart = np.array(self.f1) - np.array(whole.f1)
        return float(apart.mean()), *interval(apart)


def judged(run: Run, held: list[Example]) -> Judged:
    """The run's averaged weights, measured on held-out examples."""
    planner = run.averaged()
    _, plans = measure(planner, held, guidance=0.0)
    f1 = np.array([set_f1(p.claims(), c.plan.claims()) for p, c in zip(plans, held, strict=True)])
    pairs = [coherence(p, c.part) for p, c in zip(plans, held, strict=True)]
    told = [(p, c) for p, c in zip(plans, held, strict=True) if (c.covers > 0).sum() >= 4]
    said = [set_f1(p.claims(), np.flatnonzero(c.covers > 0).tolist()) for p, c in told]
    low, high = interval(f1)
    figures = {
        "held_points": held_loss(planner, held),
        "f1": float(f1.mean()),
        "f1_low": low,
        "f1_high": high,
        "together": sum(a for a, _ in pairs) / max(1, sum(b for _, b in pairs)),
        "minutes": run.seconds / 60,
    }
    if said:
        figures["summary_f1"] = float(np.mean(said))
    return Judged(figures, f1.tolist())


def file_of(out: Path, name: str, steps: int, seed: int) -> Path:
    """Where the figures of a run are kept."""
    stem = name.replace(" ", "-").replace(",", "").replace(".", "")
    return out / f"{stem}-{steps}-{seed}.json"


def read(file: Path) -> Judged:
    return Judged(**json.loads(file.read_text(encoding="utf-8")))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, required=True, help="folder with train/ and held/, embedded documents")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and figures")
    parser.add_argument("--steps", type=int, default=2000, help="of each run, 8 examples a step (2000)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=FIRST)
    parser.add_argument("--only", nargs="*", default=[], choices=tuple(VARIANTS), metavar="NAME")
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    never = plan_data.validation_files(args.data)
    others = corpus_of(args.cache, "held", None, drop=never)
    held = examples(others, CASES, np.random.default_rng(3))
    for name in args.only or VARIANTS:
        recipe, anchor = VARIANTS[name]
        done = file_of(args.out, name, args.steps, args.seed)
        if not done.is_file():
            corpus = corpus_of(args.cache, "train", anchor, drop=never)
            run = trained(corpus, recipe, args.steps, args.seed, done.with_suffix(".ckpt"))
            done.write_text(json.dumps(asdict(judged(run, held))), encoding="utf-8")
        made = read(done)
        for figure, value in made.figures.items():
            unit = "minutes" if figure == "minutes" else "nats" if figure == "held_points" else "share"
            line("ablations", f"{name}: {figure}", value, unit)
        whole = file_of(args.out, WHOLE, args.steps, FIRST)
        if whole.is_file() and whole != done:
            for figure, value in zip(("f1_gap", "f1_gap_low", "f1_gap_high"), made.gap(read(whole)), strict=True):
                line("ablations", f"{name}: {figure}", value, "share")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
