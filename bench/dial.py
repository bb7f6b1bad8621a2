"""What each mechanism of the engine buys, and the curve of the effort dial, on held-out text.

    python -m bench.dial --held FILE [--plans CACHE] [--only PARTS] [--cases N] [--draw docs/pictures]

prints one JSON line a figure. --held is the file of examples that training keeps
(examples-*.json in its --out; `python -m dlm_core.train` makes it), of which only
the held-out part is read; --plans is the cache of `bench.plan`. Every figure is a
mean over the same cases, whose count stands beside it; cases are few, so a
difference of one or two of them is noise.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench.line import line
from dlm_core.canvas import Kind
from dlm_core.checkpoint import CheckpointError
from dlm_core.effort import Effort
from dlm_core.embed import EmbedError
from dlm_core.fetch_base import BaseError
from dlm_core.job import Job
from dlm_core.models import Models, load_models
from dlm_core.phrases import words
from dlm_core.planner import Logits, Planner, PlannerError
from dlm_core.sentences import HEADING_ROOM, Task, write_texts
from dlm_core.support import heading_problems, problems
from dlm_core.tokenizer import EMPTY
from dlm_core.train.draws import Example
from dlm_core.train.plan_data import HELD_OUT

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


def tell(figure: str, value: float, unit: str) -> None:
    line("dial", figure, value, unit)


def held_out(file: Path, kinds: Sequence[str], count: int) -> list[Example]:
    """The first `count` held-out examples of some kinds."""
    made = [Example(**e) for e in json.loads(file.read_text())["held"]]
    return [e for e in made if e.task in kinds][:count]


def overlap(text: str, target: str) -> float:
    """F1 of the words two texts share, 0..1."""
    a, b = Counter(w.lower() for w in words(text)), Counter(w.lower() for w in words(target))
    return 2 * sum((a & b).values()) / max(1, sum(a.values()) + sum(b.values()))


# --- what is measured --------------------------------------------------------------------


def filled(models: Models, cases: Sequence[Example], effort: Effort) -> dict[str, float]:
    """Headings and sentences written from nothing but masks."""
    writer = models.writer
    decode = writer.tokenizer.decode
    writer.read([(tuple(e.context), e.target) for e in cases])
    before = writer.passes["steps"]
    began = time.perf_counter()
    jobs = [Job.blank(e.context, HEADING_ROOM if not e.source else e.room + 2) for e in cases]
    done = writer.write(jobs, effort=effort)
    spent = time.perf_counter() - began
    steps = writer.passes["steps"] - before
    texts = [decode(j.text_tokens()).strip() for j in done]
    told = [decode(e.context) for e in cases]
    fine = [
        not (heading_problems(t, [c]) if not e.source else problems(t, [decode(e.source).strip()]))
        for t, c, e in zip(texts, told, cases, strict=True)
    ]
    count = sum(len(j.text_tokens()) for j in done)
    return {
        "overlap": sum(overlap(t, decode(e.target)) for t, e in zip(texts, cases, strict=True)) / len(cases),
        "valid": sum(fine) / len(cases),
        "reading": sum(j.score() for j in done if j.reading) / max(1, sum(bool(j.reading) for j in done)),
        "steps_per_token": steps / max(1, count),
        "seconds": spent / len(cases),
    }


def edited(models: Models, cases: Sequence[Example], effort: Effort) -> dict[str, float]:
    """Claims edited from their evidence, as the product does it."""
    decode = models.writer.tokenizer.decode
    sources = [decode(e.source).strip() for e in cases]
    targets = [decode(e.target).strip() for e in cases]
    tasks = [
        Task(str(n), tuple(e.context), (s,), tuple(e.source))
        for n, (e, s) in enumerate(zip(cases, sources, strict=True))
    ]
    models.writer.forget()
    began = time.perf_counter()
    made = write_texts(tasks, models, seed=0, effort=effort, check=lambda text, t: problems(text, t.evidence))
    spent = time.perf_counter() - began
    texts = [made[t.slot].text if t.slot in made else s for t, s in zip(tasks, sources, strict=True)]
    return {
        "overlap": sum(overlap(a, b) for a, b in zip(texts, targets, strict=True)) / len(cases),
        "exact": sum(a == b for a, b in zip(texts, targets, strict=True)) / len(cases),
        "valid": len(made) / len(cases),
        "length": sum(len(words(a)) for a in texts) / sum(len(words(b)) for b in sources),
        "seconds": spent / len(cases),
    }


def show(name: str, made: dict[str, float], count: int) -> None:
    units = {"seconds": "s/case", "reading": "nats/token", "steps_per_token": "canvas passes/token"}
    for key, value in made.items():
        tell(f"{name}_{key}", value, units.get(key, f"0..1, {count} cases"))


# --- mechanisms off ----------------------------------------------------------------------


@contextmanager
def without_copying(models: Models) -> Iterator[None]:
    bias = models.writer.model.copy.gate_bias
    kept = bias.detach().clone()
    with torch.no_grad():
        bias.fill_(-1e4)
    try:
        yield
    finally:
        with torch.no_grad():
            bias.copy_(kept)


@contextmanager
def without_empty(models: Models) -> Iterator[None]:
    """No position of a canvas may turn out to hold nothing."""
    writer, real = models.writer, models.writer.probabilities

    def full(jobs: Sequence[Job], where: torch.Tensor) -> torch.Tensor:
        probability = real(jobs, where)
        probability[:, EMPTY] = 0.0
        return probability / probability.sum(-1, keepdim=True)

    writer.probabilities = full  # type: ignore[method-assign]
    try:
        yield
    finally:
        writer.probabilities = real  # type: ignore[method-assign]


class NoEmptySlots(Planner):
    """The same planner, whose slots are never EMPTY."""

    def look(self, *args: Any) -> Logits:
        made = super().look(*args)
        made.kinds[..., Kind.EMPTY] = -1e4
        return made


# --- parts -------------------------------------------------------------------------------


def fill(models: Models, given: argparse.Namespace) -> None:
    cases = held_out(given.held, ["heading"], given.cases * 2 // 3) + held_out(
        given.held, ["clean", "brief"], given.cases // 3
    )
    base = Effort()
    variants: dict[str, Effort] = {
        "default": base,
        "one_a_step": replace(base, threshold=2.0),
        "no_entropy_bound": replace(base, entropy_bound=float("inf")),
        "window_4": replace(base, window=4),
        "left_to_right": replace(base, window=1),
        "soft_masks": replace(base, soft=1.0),
        "no_remask": replace(base, rounds=0),
        "remask_4": replace(base, rounds=4),
        "no_edits": replace(base, edits=0),
    }
    for name, effort in variants.items():
        show(f"fill_{name}", filled(models, cases, effort), len(cases))
    with without_copying(models):
        show("fill_no_copying", filled(models, cases, base), len(cases))
    with without_empty(models):
        show("fill_no_empty", filled(models, cases, base), len(cases))


def edit(models: Models, given: argparse.Namespace) -> None:
    cases = held_out(given.held, ["clean", "brief", "keep"], given.cases * 2)
    for looks in (0, 1, 3, 6):
        show(f"edit_{looks}_looks", edited(models, cases, replace(Effort(), edits=looks)), len(cases))
    for sure in (0.3, 0.8):
        show(f"edit_sure_{sure:g}", edited(models, cases, replace(Effort(), sure=sure)), len(cases))


def timed(models: Models, given: argparse.Namespace) -> None:
    """Readings reused and canvases computed together, against neither: the same texts, so time alone. Best of three."""
    cases = held_out(given.held, ["clean", "brief", "keep"], given.cases)
    writer, real = models.writer, models.writer.look

    def anew(jobs: Sequence[Job]) -> list[torch.Tensor]:
        writer.forget()
        return real(jobs)

    def together() -> float:
        return edited(models, cases, Effort())["seconds"]

    def singly() -> float:
        return sum(edited(models, [e], Effort())["seconds"] for e in cases) / len(cases)

    def not_kept() -> float:
        writer.look = anew  # type: ignore[method-assign]
        try:
            return together()
        finally:
            writer.look = real  # type: ignore[method-assign]

    ways = {"default": together, "one_by_one": singly, "nothing_reused": not_kept}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, way in ways.items():
            found[name].append(way())
    for name, times in found.items():
        tell(f"time_{name}_seconds", min(times), "s/case")


def plan(models: Models, given: argparse.Namespace) -> None:
    from bench.plan import cases as pools
    from dlm_core.planning import GUIDANCE
    from dlm_core.train.plan import measure

    held = pools(given.plans, list(HELD_OUT), given.cases)
    full = NoEmptySlots(models.planner.config)
    full.load_state_dict(models.planner.state_dict())
    for name, planner in (("default", models.planner), ("no_empty_slots", full.eval())):
        made, _ = measure(planner, held, guidance=GUIDANCE)
        for key in ("f1", "precision", "recall", "claims", "count_error", "seconds"):
            tell(f"plan_{name}_{key}", getattr(made, key), "s/plan" if key == "seconds" else f"{len(held)} cases")
    made, _ = measure(models.planner, held, guidance=GUIDANCE, threshold=2.0)
    tell("plan_one_a_step_f1", made.f1, f"{len(held)} cases")
    tell("plan_one_a_step_seconds", made.seconds, "s/plan")


def curve(models: Models, given: argparse.Namespace) -> None:
    """Quality against seconds at five efforts: headings from noise, claims from their evidence, plans."""
    headings = held_out(given.held, ["heading"], given.cases)
    claims = held_out(given.held, ["clean", "brief", "keep"], given.cases * 2)
    found: list[dict[str, float]] = []
    edited(models, claims, Effort())  # libraries settle
    for level in LEVELS:
        effort = Effort.at(level)
        a, b = filled(models, headings, effort), edited(models, claims, effort)
        point = {
            "effort": level,
            "heading_overlap": a["overlap"],
            "heading_valid": a["valid"],
            "heading_seconds": a["seconds"],
            "claim_overlap": b["overlap"],
            "claim_exact": b["exact"],
            "claim_seconds": b["seconds"],
        }
        found.append(point)
        _point(point)
    if given.plans:
        for point in found:
            made = planned(models, given, Effort.at(point["effort"]))
            _point({"effort": point["effort"], **made})
            point |= made
    if given.draw:
        draw(found, given.draw)


def _point(point: dict[str, float]) -> None:
    for key, value in point.items():
        if key != "effort":
            tell(f"curve_{point['effort']:g}_{key}", value, "s/case" if key.endswith("seconds") else "0..1")


def planned(models: Models, given: argparse.Namespace, effort: Effort) -> dict[str, float]:
    """The best of `effort.plans` plans a pool, by the coherence that the product chooses by."""
    import numpy as np

    from bench.plan import cases as pools
    from dlm_core.planning import plan as sample
    from dlm_core.train.plan_examples import coherence, set_f1

    held = pools(given.plans, list(HELD_OUT), max(8, given.cases // 2))
    began, scores, together, pairs = time.perf_counter(), [], 0, 0
    for i, case in enumerate(held):
        generator = torch.Generator().manual_seed(i)
        kin = case.vectors @ case.vectors.T

        def worth(made: Any, kin: np.ndarray = kin) -> float:
            inside = [kin[np.ix_(s, s)].mean() for s in made.sections() if s]
            return float(np.mean(inside)) if inside else -1.0

        best = max(
            (
                sample(
                    models.planner,
                    brief=torch.from_numpy(case.question),
                    evidence=torch.from_numpy(case.vectors),
                    features=torch.from_numpy(case.features),
                    slots=models.planner.config.slots,
                    generator=generator,
                )
                for _ in range(effort.plans)
            ),
            key=worth,
        )
        a, b = coherence(best, case.part)
        together, pairs = together + a, pairs + b
        scores.append(set_f1(best.claims(), case.plan.claims()))
    return {
        "plan_f1": float(np.mean(scores)),
        "plan_coherence": together / max(pairs, 1),
        "plan_seconds": (time.perf_counter() - began) / len(held),
    }


def draw(found: Sequence[dict[str, float]], folder: Path) -> None:
    """docs/pictures/effort.svg: quality against seconds, a panel for claims, headings and plans."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    panels = [
        (
            "claims",
            "claim_seconds",
            {"claim_overlap": "words as in the target (F1)", "claim_exact": "exactly the target"},
        ),
        (
            "headings",
            "heading_seconds",
            {"heading_overlap": "words as in the target (F1)", "heading_valid": "passes the check"},
        ),
        (
            "plans",
            "plan_seconds",
            {"plan_f1": "evidence as in the target (F1)", "plan_coherence": "one subject a section"},
        ),
    ]
    panels = [p for p in panels if any(p[1] in point for point in found)]
    figure, axes = pyplot.subplots(1, len(panels), figsize=(4 * len(panels), 3.2), squeeze=False)
    for axis, (title, seconds, lines) in zip(axes[0], panels, strict=True):
        points = [p for p in found if seconds in p]
        for key, label in lines.items():
            axis.plot([p[seconds] for p in points], [p[key] for p in points], marker="o", label=label)
        for p in points:
            at = (p[seconds], p[next(iter(lines))])
            axis.annotate(f"{p['effort']:g}", at, fontsize=7, xytext=(3, 4), textcoords="offset points")
        axis.set(title=title, xlabel="seconds each", ylim=(0, 1))
        axis.legend(fontsize=7)
    figure.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    matplotlib.rcParams["svg.hashsalt"] = "effort"
    figure.savefig(folder / "effort.svg", metadata={"Date": None})


def measured(file: Path) -> list[dict[str, float]]:
    """The points of the curve in the lines of an earlier run."""
    found: dict[float, dict[str, float]] = {}
    for row in file.read_text(encoding="utf-8").splitlines():
        name, value = json.loads(row)["figure"], json.loads(row)["value"]
        if name.startswith("curve_"):
            level, _, key = name.removeprefix("curve_").partition("_")
            found.setdefault(float(level), {"effort": float(level)})[key] = value
    return [found[level] for level in sorted(found)]


PARTS: dict[str, Callable[[Models, argparse.Namespace], None]] = {
    "fill": fill,
    "edit": edit,
    "time": timed,
    "plan": plan,
    "curve": curve,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.dial", description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--held", type=Path, help="examples-*.json of a training folder")
    parser.add_argument("--plans", type=Path, help="cache of prepared documents (python -m bench.plan)")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts to run, of {', '.join(PARTS)} (all)")
    parser.add_argument("--cases", type=int, default=30, help="cases of a kind (30)")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (torch's own choice)")
    parser.add_argument("--draw", type=Path, help="folder for the picture of the curve")
    parser.add_argument("--points", type=Path, help="draw what an earlier run printed, and measure nothing")
    given = parser.parse_args()
    wanted = [p for p in given.only.split(",") if p]
    if unknown := [p for p in wanted if p not in PARTS]:
        print(f"dial: there is no part {unknown[0]!r}, only {', '.join(PARTS)}", file=sys.stderr)
        return 2
    if given.points is not None and given.draw is not None:
        draw(measured(given.points), given.draw)
        return 0
    if given.held is None or not given.held.is_file():
        print("dial: --held names no file: python -m dlm_core.train makes one beside its checkpoint", file=sys.stderr)
        return 2
    if "plan" in wanted and given.plans is None:
        print("dial: the part plan needs --plans; left out", file=sys.stderr)
        wanted.remove("plan")
    try:
        models = load_models(threads=given.threads)
    except (CheckpointError, BaseError, PlannerError, EmbedError) as error:
        print(f"dial: {error}", file=sys.stderr)
        return 1
    for part in wanted:
        PARTS[part](models, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
