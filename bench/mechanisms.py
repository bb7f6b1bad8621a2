"""What parts of the engine buy that bench.dial does not switch: thresholds by role, guidance and exclusive pointers of
the plan, required terms, and two scales against one flat canvas.

    python -m bench.mechanisms --held FILE --plans CACHE [--only PARTS] [--cases N]

Files as for bench.dial; plans are of the books that no planner learned from and no bench chooses by (HELD_OUT). One
JSON line a figure, each a mean over the same cases.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.dial import held_out, overlap
from bench.line import line
from bench.loops import flat
from bench.plan import cases as pools
from bench.plan import interval
from dlm_core import planning
from dlm_core.canvas import Canvas, Role, Wanted, holds
from dlm_core.denoise import Step, step
from dlm_core.effort import Effort
from dlm_core.job import Job
from dlm_core.models import Models, load_models
from dlm_core.phrases import words
from dlm_core.pool import Pool
from dlm_core.revise import outline
from dlm_core.segment import Evidence
from dlm_core.support import problems
from dlm_core.tokenizer import FUNCTION_WORDS
from dlm_core.train.plan import measure
from dlm_core.train.plan_data import HELD_OUT
from dlm_core.train.plan_examples import Example as PlanExample
from dlm_core.train.plan_examples import set_f1

SURE = 0.9  # probability from which a fact is committed, in the variant with thresholds by role
FLAT = 4  # sentences on one flat canvas


def tell(figure: str, value: float, unit: str) -> None:
    line("mechanisms", figure, value, unit)


# --- masks and thresholds by role --------------------------------------------------------


@contextmanager
def by_role(models: Models) -> Iterator[None]:
    """Facts (numbers, dates, names) are committed from SURE on, all else as the effort says."""
    from dlm_core import write

    tokenizer = models.writer.tokenizer

    def careful(**given: Any) -> Step:
        choice = given["logits"].argmax(-1).tolist()
        roles = tokenizer.roles(choice)
        limit = [SURE if role == Role.FACT else float(given["threshold"]) for role in roles]
        return step(**{**given, "threshold": torch.tensor(limit)})

    write.step = careful
    try:
        yield
    finally:
        write.step = step


def roles(models: Models, given: argparse.Namespace) -> None:
    """Sentences written from nothing but masks, their evidence as context."""
    cases = held_out(given.held, ["clean", "brief", "keep"], given.cases)
    decode = models.writer.tokenizer.decode

    def run(name: str) -> None:
        began = time.perf_counter()
        jobs = [Job.blank(e.context, e.room + 2) for e in cases]
        for n, job in enumerate(jobs):
            job.generator = torch.Generator().manual_seed(n)
        done = models.writer.write(jobs, effort=Effort())
        spent = time.perf_counter() - began
        texts = [decode(j.text_tokens()).strip() for j in done]
        targets = [decode(e.target).strip() for e in cases]
        fine = [not problems(t, [decode(e.source).strip()]) for t, e in zip(texts, cases, strict=True)]
        tell(f"{name}_overlap", float(np.mean([overlap(a, b) for a, b in zip(texts, targets, strict=True)])), "share")
        tell(f"{name}_valid", float(np.mean(fine)), "share")
        tell(f"{name}_seconds", spent / len(cases), "s/case")

    run("roles_one_threshold")
    with by_role(models):
        run("roles_facts_from_0.9")


# --- the plan ---------------------------------------------------------------------------


@contextmanager
def shared_pointers() -> Iterator[None]:
    """Several claims may point at one piece of evidence."""

    def free(**given: Any) -> Step:
        return step(**{**given, "exclusive": None})

    planning.step = free
    try:
        yield
    finally:
        planning.step = step


def plans(models: Models, given: argparse.Namespace) -> None:
    held = pools(given.plans, list(HELD_OUT), 2 * given.cases)

    def run(name: str, guidance: float, shortlist: float = planning.SHORTLIST) -> np.ndarray:
        made, found = measure(models.planner, held, guidance=guidance, shortlist=shortlist)
        for key in ("f1", "precision", "recall", "coherence"):
            tell(f"plan_{name}_{key}", getattr(made, key), f"share, {len(held)} cases")
        twice = [1 - len(set(p.claims())) / max(1, len(p.claims())) for p in found]
        tell(f"plan_{name}_pointed_at_again", float(np.mean(twice)), "share")
        return np.array([set_f1(p.claims(), c.plan.claims()) for p, c in zip(found, held, strict=True)])

    default = run("default", planning.GUIDANCE)
    for name, guidance, shortlist in (
        ("no_guidance", 1e-6, planning.SHORTLIST),
        ("no_shortlist", planning.GUIDANCE, 0.0),
        ("neither", 0.0, 0.0),
    ):
        gap = default - run(name, guidance, shortlist)
        low, high = interval(gap)
        tell(f"plan_{name}_lost_f1", float(gap.mean()), f"share, {low:.3f} to {high:.3f}")
    with shared_pointers():
        run("shared_pointers", planning.GUIDANCE)


def pool_of(case: PlanExample) -> Pool:
    """The pool of a plan example as evidence; its offsets are places, not characters of a stored text."""
    held = {}
    for n, text in enumerate(case.texts):
        source, start = f"page{case.page[n]}", int(case.place[n])
        name = f"{source}.e{start}"
        held[name] = Evidence(name, source, source, "", start, start + len(text), text, "", True, "")
    rows = {f"page{case.page[n]}.e{int(case.place[n])}": n for n in range(len(case.texts))}
    return Pool(held, np.stack([case.vectors[rows[i]] for i in held]).astype(np.float32))


def wanted(models: Models, given: argparse.Namespace) -> None:
    """Terms that one to three sentences of a pool have and the plan made without asking does not: how often a plan
    holds one when it is asked for before denoising, and what that costs the rest."""
    held = pools(given.plans, list(HELD_OUT), given.cases)
    asked = there = 0
    kept: list[float] = []
    by_chance = 0
    for n, case in enumerate(held):
        pool = pool_of(case)
        before = outline(Canvas(case.asked), pool, models, seed=n)
        cited = " ".join(pool.texts(before.cited()))
        term = next((t for t in _terms(pool) if not holds(cited, t)), None)
        if term is None:
            continue
        asked += 1
        after = outline(Canvas(case.asked, wanted=Wanted(require=(term,))), pool, models, seed=n)
        there += holds(" ".join(pool.texts(after.cited())), term)
        other = outline(Canvas(case.asked), pool, models, seed=n + 1000)
        by_chance += holds(" ".join(pool.texts(other.cited())), term)
        kept.append(set_f1(_leads(after, pool), _leads(before, pool)))
    tell("wanted_cases", asked, "count")
    tell("wanted_term_is_planned", there / max(1, asked), "share")
    tell("wanted_off_term_is_planned", by_chance / max(1, asked), "share")
    tell("wanted_rest_of_plan_f1", float(np.mean(kept)), "share")


def _leads(canvas: Canvas, pool: Pool) -> list[int]:
    return [pool.row(s.pointers[0]) for s in canvas.claims() if s.pointers]


def _terms(pool: Pool) -> Iterator[str]:
    """Words of eight letters or more that one to three pieces of evidence have, in order."""
    texts = [e.text for e in pool.evidence.values()]
    for text in texts:
        for word in words(text):
            long = len(word) >= 8 and word.isalpha() and word.islower() and word not in FUNCTION_WORDS
            if long and sum(holds(t, word) for t in texts) <= 3:
                yield word


# --- two scales against one --------------------------------------------------------------


def one_scale(models: Models, given: argparse.Namespace) -> None:
    """FLAT sentences of which the evidence is known, written as slots, and as one sequence of masks behind all their
    contexts by the plain loop, one token a step: how much of the target's words, and where the compute goes."""
    cases = held_out(given.held, ["clean", "brief", "keep"], FLAT * max(1, given.cases // 6))
    decode, writer = models.writer.tokenizer.decode, models.writer
    two, one, positions = [], [], [0, 0]
    seconds = [0.0, 0.0]
    tokens = 0
    for at in range(0, len(cases) - FLAT + 1, FLAT):
        group = cases[at : at + FLAT]
        targets = [decode(e.target).strip() for e in group]
        writer.forget()
        began = time.perf_counter()
        made = writer.write([Job.blank(e.context, len(e.target) + 1) for e in group], effort=Effort())
        seconds[0] += time.perf_counter() - began
        positions[0] += writer.passes["context"] + writer.passes["canvas"] + writer.passes["read"]
        texts = [decode(j.text_tokens()).strip() for j in made]
        two.append(overlap(" ".join(texts), " ".join(targets)))
        prompt = [t for e in group for t in e.context]
        length = sum(len(e.target) for e in group)
        began = time.perf_counter()
        done = flat(writer.model, prompt, length)
        seconds[1] += time.perf_counter() - began
        positions[1] += done.positions
        one.append(overlap(decode(done.tokens).strip(), " ".join(targets)))
        tokens += length
    for n, (name, scores) in enumerate((("two_scales", two), ("flat_canvas", one))):
        tell(f"{name}_overlap", float(np.mean(scores)), f"share, {len(scores)} canvases of {FLAT} sentences")
        tell(f"{name}_positions_a_token", positions[n] / tokens, "positions")
        tell(f"{name}_seconds_a_token", seconds[n] / tokens, "s")


PARTS: dict[str, Callable[[Models, argparse.Namespace], None]] = {
    "roles": roles,
    "plans": plans,
    "wanted": wanted,
    "one_scale": one_scale,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--held", type=Path, required=True, help="examples-*.json of a training folder")
    parser.add_argument("--plans", type=Path, required=True, help="cache of prepared documents (python -m bench.plan)")
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=tuple(PARTS))
    parser.add_argument("--cases", type=int, default=30, help="cases of a kind (30)")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    models = load_models(quiet=True, threads=given.threads)
    for part in given.only:
        PARTS[part](models, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
