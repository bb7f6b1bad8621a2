"""What the revision engine costs, beside other loops on the same weights and machine.

    python -m bench.speed [--only draft,peers,...] [--threads N] [--repeat N]

prints one JSON line a figure; a ratio's two sides are measured in the same part,
one after the other. docs/engine.md says what each part does and what came out.
Cases follow from examples/library. Times are the best of --repeat runs where a
run takes seconds, one run where it takes minutes (the flat loops).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from bench import speed_cases as cases
from bench.causal import generate
from bench.line import line
from bench.loops import BLOCK, Loop, cached, flat, transformers_generate, transformers_model
from dlm_core import revise as engine
from dlm_core.belief import Decision
from dlm_core.canvas import Canvas, Cause, Kind
from dlm_core.checkpoint import CheckpointError, compute_dtype, converted
from dlm_core.compose import write_claims, write_headings
from dlm_core.conflict import conflict
from dlm_core.embed import EmbedError
from dlm_core.fetch_base import BaseError, base_path, cache_folder
from dlm_core.job import Effort
from dlm_core.models import Models, load_models
from dlm_core.planner import PlannerError
from dlm_core.pool import Pool

SLOTS = 32
FLAT_SLOTS = 8  # where the flat loops are run whole


@dataclass
class Bench:
    """Models, how often to measure, and the lengths of reports in slots."""

    models: Models
    repeat: int
    lengths: tuple[int, ...]

    def forget(self) -> None:
        """As a process that has read nothing yet."""
        self.models.writer.forget()

    def best(self, work: Callable[[], Any], before: Callable[[], None] | None = None) -> float:
        """Least seconds of `repeat` runs; `before` each is not counted."""
        times = []
        for _ in range(self.repeat):
            if before is not None:
                before()
            times.append(clock(work)[0])
        return min(times)

    def operations(self) -> float:
        """Floating-point operations of the text scale's products with weights since the readings were forgotten."""
        c, passes = self.models.writer.model.config, self.models.writer.passes
        layer = 2 * c.dim * c.head_dim * (c.heads + c.kv_heads) + 3 * c.dim * c.hidden
        positions = passes["context"] + passes["canvas"] + passes["read"]
        return 2.0 * (positions * c.layers * layer + passes["logits"] * c.vocab * c.dim)


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    """(seconds, result)."""
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


def tell(figure: str, value: float, unit: str, goal: str | None = None, met: bool | None = None) -> None:
    line("speed", figure, value, unit, goal, met)


def ceiling() -> float:
    """GFLOP/s of a matrix product in the type the model computes in: the best of many, of a large square one and of
    the model's own shapes."""
    best = 0.0
    for rows, inner, columns in ((2048, 2048, 2048), (1024, 576, 1536), (1024, 1536, 576)):
        a, b = (torch.randn(n, inner).to(compute_dtype()) for n in (rows, columns))
        product = partial(torch.nn.functional.linear, a, b)
        product()
        until = time.perf_counter() + 0.5
        while time.perf_counter() < until:
            best = max(best, 2 * rows * inner * columns / clock(product)[0] / 1e9)
    return best


@contextmanager
def staged(seconds: dict[str, float]) -> Iterator[None]:
    """Time of the stages of a draft, added up by name while the block runs."""
    names = {"sample": "plan", "write_claims": "claims", "write_headings": "headings", "write_summary": "summary"}
    kept = {name: getattr(engine, name) for name in names}

    def timed(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            spent, made = clock(lambda: kept[name](*args, **kwargs))
            seconds[names[name]] = seconds.get(names[name], 0.0) + spent
            return made

        return call

    try:
        for name in names:
            setattr(engine, name, timed(name))
        yield
    finally:
        for name, call in kept.items():
            setattr(engine, name, call)


def tokens_of(canvas: Canvas) -> int:
    return sum(len(s.tokens) for s in (*canvas.slots, *canvas.summary))


# --- parts ------------------------------------------------------------------------------


def draft(bench: Bench) -> None:
    """A whole draft of 32 slots: seconds by stage, passes, operations, memory."""
    held = cases.pool(bench.models.embedder, SLOTS * 3 // 2)
    writer = bench.models.writer

    def work() -> Canvas:
        return engine.draft(Canvas(cases.QUESTION), held, bench.models, seed=0, budget=cases.budget(SLOTS))

    bench.forget()
    first: dict[str, float] = {}
    with staged(first):
        tell("draft_first_seconds", clock(work)[0], "s, in a fresh process")
    for name, value in first.items():
        tell(f"draft_first_{name}_seconds", value, "s, in a fresh process")
    best: tuple[float, dict[str, float], Canvas] | None = None
    for _ in range(bench.repeat):
        bench.forget()
        stages: dict[str, float] = {}
        with staged(stages):
            spent, made = clock(work)
        if best is None or spent < best[0]:
            best = spent, stages, made
    assert best is not None
    spent, stages, made = best
    count = tokens_of(made)
    text = sum(v for k, v in stages.items() if k != "plan")
    tell("draft_seconds", spent, "s")
    for name, value in stages.items():
        tell(f"draft_{name}_seconds", value, "s")
    tell("draft_slots", len(made.slots), "slots")
    tell("draft_tokens", count, "tokens")
    tell("draft_tokens_per_second", count / spent, "tokens/s")
    tell("draft_text_tokens_per_second", count / text, "tokens/s")
    passes = writer.passes
    for name in ("context", "canvas", "read"):
        tell(f"draft_{name}_positions_per_token", passes[name] / count, "positions/token")
    tell("draft_steps_per_token", passes["steps"] / count, "canvas passes/token")
    operations = bench.operations()
    tell("draft_gflop_per_token", operations / count / 1e9, "GFLOP/token")
    tell("draft_text_gflops", operations / text / 1e9, "GFLOP/s")
    most = ceiling()
    tell("ceiling_gflops", most, "GFLOP/s")
    tell("draft_text_share_of_ceiling", operations / text / 1e9 / most, "ratio")
    tell("peak_memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB")
    tell("kept_readings", writer.kept_bytes / 2**20, "MiB")


@dataclass(frozen=True)
class Ours:
    """What a peer is given to write, and our tokens a second: of the texts of the same slots, which is the same work,
    and of the whole draft, plan and summary too, which the peers are given or do not write."""

    pieces: list[cases.Piece]
    rate: float
    whole: float


def _ours(bench: Bench, held: Pool, slots: int) -> Ours:
    pool, size = held.only(held.ids[: slots * 3 // 2]), cases.budget(slots)

    def work() -> Canvas:
        return engine.draft(Canvas(cases.QUESTION), pool, bench.models, seed=0, budget=size)

    made = work()
    found: list[tuple[float, float]] = []
    for _ in range(bench.repeat):
        bench.forget()
        stages: dict[str, float] = {}
        with staged(stages):
            spent, _ = clock(work)
        found.append((stages["claims"] + stages["headings"], spent))
    parts = cases.pieces(made, pool, bench.models)
    rate = sum(len(p.tokens) for p in parts) / min(text for text, _ in found)
    whole = tokens_of(made) / min(spent for _, spent in found)
    tell(f"ours_{slots}_slots", rate, "tokens/s of claims and headings")
    tell(f"ours_{slots}_slots_whole_draft", whole, "tokens/s, plan and summary too")
    return Ours(parts, rate, whole)


def _over(name: str, ours: Ours, rate: float, goal: float) -> None:
    ratio = ours.rate / rate
    tell(f"ours_over_{name}", ratio, "ratio", f">= {goal:g}", ratio >= goal)
    tell(f"ours_over_{name}_whole_draft", ours.whole / rate, "ratio")


def _loop(name: str, loop: Loop, rate: float, ours: Ours, goal: float) -> None:
    tell(f"{name}_{FLAT_SLOTS}_slots", rate, "tokens/s")
    tell(f"{name}_steps_per_token", loop.steps / len(loop.tokens), "steps/token")
    tell(f"{name}_positions_per_token", loop.positions / len(loop.tokens), "positions/token")
    _over(name, ours, rate, goal)


def loops(bench: Bench) -> None:
    """Tokens a second of 8 slots' texts: ours, the flat loop run whole, the dual cache."""
    model = bench.models.writer.model
    held = cases.pool(bench.models.embedder, SLOTS * 3 // 2)
    ours = _ours(bench, held, FLAT_SLOTS)
    prompt = [t for p in ours.pieces for t in p.context]
    count = sum(len(p.tokens) for p in ours.pieces)
    # Speed only: what these loops write with weights that were never trained for them means nothing.
    spent, whole = clock(lambda: cached(model, prompt, count))
    _loop("dual", whole, count / spent, ours, 2)
    spent, whole = clock(lambda: cached(model, prompt, count, threshold=0.9))
    _loop("dual_parallel", whole, count / spent, ours, 2)
    spent, whole = clock(lambda: flat(model, prompt, count))
    _loop("flat", whole, count / spent, ours, 10)


def longer(bench: Bench) -> None:
    """The flat loops at 32 slots, from the time of some of their steps, and the prefix cache at 8."""
    model = bench.models.writer.model
    held = cases.pool(bench.models.embedder, SLOTS * 3 // 2)
    ours = _ours(bench, held, SLOTS)
    prompt = [t for p in ours.pieces for t in p.context]
    count = sum(len(p.tokens) for p in ours.pieces)
    spent, _ = clock(lambda: flat(model, prompt, count, most=2))
    tell("flat_32_slots_extrapolated", 2 / spent, "tokens/s")
    tell("ours_over_flat_32_slots_extrapolated", ours.rate * spent / 2, "ratio")
    blocks = -(-count // BLOCK)
    for name, dual in (("dual", True), ("prefix", False)):
        spent, _ = clock(lambda dual=dual: cached(model, prompt, count, dual=dual, most=1))  # type: ignore[misc]
        tell(f"{name}_32_slots_extrapolated", count / (spent * blocks), "tokens/s")
        tell(f"ours_over_{name}_32_slots_extrapolated", ours.rate * spent * blocks / count, "ratio")


def causal(bench: Bench) -> None:
    """The causal base, greedily, one sequence at a time and all slots as one batch."""
    model = bench.models.writer.model
    held = cases.pool(bench.models.embedder, SLOTS * 3 // 2)
    ours = _ours(bench, held, SLOTS)
    contexts, room = [p.context for p in ours.pieces], [len(p.tokens) for p in ours.pieces]

    def singly() -> int:
        return sum(len(generate(model, [c], [n], adapter=False)[0]) for c, n in zip(contexts, room, strict=True))

    def together() -> int:
        return sum(map(len, generate(model, contexts, room, adapter=False)))

    spent, count = clock(singly)
    one = {"ours": count / spent}
    together()
    spent, count = min((clock(together) for _ in range(bench.repeat)), key=lambda m: m[0])
    many = {"ours": count / spent}
    try:
        theirs = transformers_model(converted(base_path(quiet=True), cache_folder()), compute_dtype())
    except ImportError:
        print("speed: transformers is not installed: its generate is left out", file=sys.stderr)
    else:
        few = list(zip(contexts, room, strict=True))[: SLOTS // 4]
        spent, _ = clock(lambda: [transformers_generate(theirs, [c], [n]) for c, n in few])
        one["transformers"] = sum(n for _, n in few) / spent
        spent, _ = clock(lambda: transformers_generate(theirs, contexts, room))
        many["transformers"] = sum(room) / spent
    for name, rate in one.items():
        tell(f"causal_one_{name}", rate, "tokens/s")
    for name, rate in many.items():
        tell(f"causal_batch_{name}", rate, "tokens/s")
    _over("causal_one", ours, max(one.values()), 4)
    _over("causal_batch", ours, max(many.values()), 0.5)


def revising(bench: Bench) -> None:
    """Rewriting 1 to 16 of 32 slots against all 32, readings forgotten before each."""
    models = bench.models
    held = cases.pool(models.embedder, SLOTS * 3 // 2)
    blank = cases.laid_out(held, SLOTS)
    ids = [s.id for s in blank.claims()]
    care = Effort()

    def write(canvas: Canvas, which: Sequence[str], headings: bool = False) -> Canvas:
        made = write_claims(canvas, which, held, models, seed=0, effort=care, age=1)
        return write_headings(made, held, models, seed=0, effort=care, age=1) if headings else made

    done = write(blank, ids, headings=True)
    whole = bench.best(lambda: write(blank, ids, headings=True), bench.forget)
    claims = bench.best(lambda: write(blank, ids), bench.forget)
    tell("regenerate_32_of_32_seconds", whole, "s")
    tell("regenerate_claims_seconds", claims, "s")
    for count in (1, 2, 4, 8, 16):
        groups = [ids[at : at + count] for at in range(0, len(ids) - count + 1, max(count, 4))]
        spent = sum(bench.best(lambda g=g: write(done, g), bench.forget) for g in groups) / len(groups)  # type: ignore[misc]
        goal = 1 / 16 if count == 1 else None
        tell(f"revise_{count}_of_32_seconds", spent, "s")
        tell(
            f"revise_{count}_of_32_share",
            spent / whole,
            "of regenerating 32",
            "<= 0.0625" if goal else None,
            spent / whole <= goal if goal else None,
        )
        if count == 1:
            tell("revise_1_of_32_share_of_claims_alone", spent / claims, "of regenerating the claims")
    _rounds(bench)


def _rounds(bench: Bench) -> None:
    """A whole local round that moves one claim against a whole reconstruction, as the product runs them."""
    models = bench.models
    held = cases.pool(models.embedder, SLOTS * 3 // 2)
    size = cases.budget(SLOTS)
    canvas = engine.draft(Canvas(cases.QUESTION), held, models, seed=0, budget=size)
    spare = [e for e in held.ids if e not in canvas.cited()]
    claim = next(
        c
        for c in canvas.claims()
        if not any(conflict(held.evidence[c.pointers[0]].text, held.evidence[e].text) for e in spare)
    )
    cause = Cause("measured", (spare[0],))
    one = Decision("local", cause, (claim.id,), (), {claim.pointers[0]: spare[0]}, {claim.id: 1.0})
    everything = replace(canvas, slots=(), summary=())

    def local() -> Canvas:
        return engine.revise(canvas, held, models, one, seed=1, budget=size)

    def rebuilt() -> Canvas:
        return engine.draft(everything, held, models, seed=1, budget=size)

    a, b = bench.best(local, bench.forget), bench.best(rebuilt, bench.forget)
    tell("local_round_seconds", a, "s")
    tell("reconstruction_seconds", b, "s")
    tell("local_round_share", a / b, "of a reconstruction", "<= 0.0625", a / b <= 1 / 16)


def length(bench: Bench) -> None:
    """A whole reconstruction, nothing reused, by length of the report."""
    costs: dict[int, float] = {}
    plans: dict[int, float] = {}
    for slots in bench.lengths:
        held = cases.pool(bench.models.embedder, slots * 3 // 2)
        size = cases.budget(slots)
        best: tuple[float, dict[str, float], Canvas] | None = None
        for _ in range(bench.repeat if slots <= SLOTS else 1):
            bench.forget()
            stages: dict[str, float] = {}
            with staged(stages):
                spent, made = clock(
                    lambda held=held, size=size: engine.draft(  # type: ignore[misc]
                        Canvas(cases.QUESTION), held, bench.models, seed=0, budget=size
                    )
                )
            if best is None or spent < best[0]:
                best = spent, stages, made
        assert best is not None
        spent, stages, made = best
        filled = sum(s.kind != Kind.EMPTY for s in made.slots)
        costs[slots], plans[slots] = spent / filled, stages["plan"] / filled
        tell(f"reconstruct_{slots}_slots_seconds", spent, "s")
        tell(f"reconstruct_{slots}_slots_plan_seconds", stages["plan"], "s")
        tell(f"reconstruct_{slots}_slots_written", filled, "slots")
        tell(f"reconstruct_{slots}_seconds_per_slot", costs[slots], "s/slot")
    low, high = min(costs), max(costs)
    growth = costs[high] / costs[low]
    tell(f"reconstruct_growth_{low}_to_{high}", growth, "of linear", "<= 1.1", growth <= 1.1)


def batch(bench: Bench) -> None:
    """Claims written together: seconds a claim by how many."""
    models = bench.models
    held = cases.pool(models.embedder, SLOTS)
    blank = cases.laid_out(held, SLOTS)
    ids = [s.id for s in blank.claims()][:16]
    for count in (1, 2, 4, 8, 16):

        def work(count: int = count) -> None:
            for at in range(0, 16, count):
                write_claims(blank, ids[at : at + count], held, models, seed=0, effort=Effort(), age=1)

        tell(f"batch_{count}_seconds_per_claim", bench.best(work, bench.forget) / 16, "s/claim")


def run(bench: Bench) -> None:
    """A whole run of the command line on examples/library, by node of the graph."""
    command = [sys.executable, "-c", "import sys; from workflows.cli import main; sys.exit(main())", cases.QUESTION]
    command += ["--sources", str(cases.LIBRARY), "--rounds", "2", "--json", "--out", "build/speed-run", "--force"]
    spent: dict[str, float] = {}
    node, since, last = "start", 0.0, 0.0
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for row in process.stdout:
            event = json.loads(row)
            last = float(event["time"])
            if event["event"] == "step":
                spent[node] = spent.get(node, 0.0) + last - since
                node, since = str(event["node"]), last
    if process.returncode:
        raise RuntimeError(f"the run failed with code {process.returncode}")
    spent[node] = spent.get(node, 0.0) + last - since
    for name, value in spent.items():
        tell(f"run_{name}_seconds", value, "s")
    tell("run_seconds", time.perf_counter() - began, "s")


PARTS: dict[str, Callable[[Bench], None]] = {
    "draft": draft,
    "revise": revising,
    "batch": batch,
    "loops": loops,
    "longer": longer,
    "causal": causal,
    "length": length,
    "run": run,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.speed", description=__doc__.split("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts to run, of {', '.join(PARTS)} (all)")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (torch's own choice)")
    parser.add_argument("--repeat", type=int, default=3, help="runs a short time is the best of (3)")
    parser.add_argument("--lengths", type=int, nargs="+", default=[16, 32, 64, 128, 256], help="slots, for length")
    given = parser.parse_args()
    wanted = [p for p in given.only.split(",") if p]
    if unknown := [p for p in wanted if p not in PARTS]:
        print(f"speed: there is no part {unknown[0]!r}, only {', '.join(PARTS)}", file=sys.stderr)
        return 2
    try:
        models = load_models(threads=given.threads)
    except (CheckpointError, BaseError, PlannerError, EmbedError) as error:
        print(f"speed: {error}", file=sys.stderr)
        return 1
    bench = Bench(models, max(1, given.repeat), tuple(given.lengths))
    tell("threads", torch.get_num_threads(), "threads")
    for part in wanted:
        PARTS[part](bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
