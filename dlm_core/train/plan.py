"""Training of the plan scale: masked diffusion over kinds and pointers, on plans from documents.

`python -m dlm_core.train --data DATA --scale plan` calls `main`. Every step
draws fresh examples, puts noise on their symbols (a mask and its inverse in
one batch, and random re-pointing of visible slots), and asks for the clean
symbols back (plan_draws.py). What a step sees follows from its number, so a
checkpoint, which holds weights, their moving average, optimizer, step and
seconds, is all that a resumed run needs to go on with the same curve.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dlm_core.canvas import Kind
from dlm_core.embed import Embedder
from dlm_core.planner import MASK, NONE, WIDTH, Planner, PlannerConfig, load, save
from dlm_core.planning import Plan, plans
from dlm_core.train import plan_data
from dlm_core.train.loop import follow
from dlm_core.train.plan_books import shelve
from dlm_core.train.plan_draws import BATCH, Ready, examples, noised, stream
from dlm_core.train.plan_examples import Batch, Corpus, Example, coherence, collate, set_f1
from dlm_core.train.stream import Stream, moved, on

CPU = torch.device("cpu")
RATE = 7e-4
WARM = 150  # steps
AVERAGE = 0.998
SEEN = 0.1  # loss weight of visible symbols that were left as they are
SAVE_EVERY = 180.0  # seconds
MEASURE_EVERY = 4  # checkpoints
HELD, MEASURED = 64, 24  # held-out examples whose loss is watched, and that are planned


def loss(planner: Planner, batch: Batch, tokens: Tensor, changed: Tensor) -> dict[str, Tensor]:
    """Cross-entropies in nats, means over symbols: kinds, points (first pointers of claims), others (all other
    pointers), changed and seen symbols, salience (binary, is the evidence in the plan); total is what is minimised."""
    logits = planner(batch.brief, batch.evidence, batch.features, batch.present, tokens, batch.size)
    rows = batch.clean.view(*batch.fixed.shape, WIDTH)
    kind_loss = F.cross_entropy(logits.kinds.flatten(0, 1), rows[..., 0].flatten(), reduction="none")
    target = (rows[..., 1:] - NONE).flatten()
    point_loss = F.cross_entropy(logits.pointers.flatten(0, 2), target, reduction="none")
    every = torch.cat([kind_loss.view(*batch.fixed.shape, 1), point_loss.view(*batch.fixed.shape, -1)], dim=-1)
    masked = (tokens == MASK).view_as(every)
    altered = changed.view_as(every) & ~masked
    left = ~masked & ~altered & ~batch.fixed[..., None]
    claim = rows[..., 0] == Kind.CLAIM
    first = torch.zeros_like(masked)
    first[..., 1] = claim

    def mean(where: Tensor) -> Tensor:
        return (every * where).sum() / where.sum().clamp(min=1)

    kind_place = torch.zeros_like(masked)
    kind_place[..., 0] = True
    salience = F.binary_cross_entropy_with_logits(logits.salience, batch.used.float(), reduction="none")
    parts = {
        "kinds": mean(masked & kind_place),
        "points": mean(masked & first),
        "others": mean(masked & ~kind_place & ~first),
        "changed": mean(altered),
        "seen": mean(left),
        "salience": (salience * batch.present).sum() / batch.present.sum(),
    }
    main_parts = parts["kinds"] + parts["points"] + parts["salience"]
    parts["total"] = main_parts + 0.5 * parts["others"] + 0.3 * parts["changed"] + SEEN * parts["seen"]
    return parts


@torch.no_grad()
def held_loss(planner: Planner, held: list[Example]) -> float:
    """Nats a masked first pointer on held-out examples, under the same masks for the same examples."""
    generator, random = torch.Generator().manual_seed(0), np.random.default_rng(0)
    found = []
    for i in range(0, len(held), BATCH):
        batch = collate(held[i : i + BATCH], random)
        tokens, changed = noised(batch, generator)
        found.append(float(loss(planner, batch.twice(), tokens, changed)["points"]))
    return float(np.mean(found))


@dataclass(frozen=True)
class Figures:
    """Held-out figures of sampled plans, means over cases: set F1, its precision and recall, coherence,
    claims and sections a plan, absolute error of the claim count, and sampling seconds a plan."""

    f1: float
    precision: float
    recall: float
    coherence: float
    claims: float
    sections: float
    count_error: float
    seconds: float


def figures(cases: list[Example], drawn: Sequence[Plan], seconds: float) -> Figures:
    """Figures of one plan a case; seconds: what one plan took."""
    rows, same, pairs = [], 0, 0
    for case, made in zip(cases, drawn, strict=True):
        found, gold = set(made.claims()), set(case.plan.claims())
        hit = len(found & gold)
        a, b = coherence(made, case.part)
        same, pairs = same + a, pairs + b
        claims = made.kinds.count(Kind.CLAIM)
        off = abs(claims - case.plan.kinds.count(Kind.CLAIM))
        f1, precision, recall = set_f1(list(found), list(gold)), hit / max(len(found), 1), hit / len(gold)
        rows.append((f1, precision, recall, claims, made.kinds.count(Kind.SECTION), off))
    f1, precision, recall, claims_mean, sections, off_mean = (float(v) for v in np.mean(rows, axis=0))
    return Figures(f1, precision, recall, same / max(pairs, 1), claims_mean, sections, off_mean, seconds)


def measure(
    planner: Planner,
    cases: list[Example],
    *,
    guidance: float,
    seed: int = 0,
    drafts: int = 1,
    keep: Callable[[list[Plan], Example], Plan] | None = None,
    **options: float,
) -> tuple[Figures, list[Plan]]:
    """Figures over `cases` with plans of at most 32 slots, and the plans. keep: which of `drafts` plans counts, by
    default the first."""
    started = time.perf_counter()
    made = []
    for i, case in enumerate(cases):
        drawn = plans(
            planner,
            drafts,
            brief=torch.from_numpy(case.question),
            evidence=torch.from_numpy(case.vectors),
            features=torch.from_numpy(case.features),
            slots=planner.config.slots,
            generator=torch.Generator().manual_seed(seed + i),
            guidance=guidance,
            **options,  # type: ignore[arg-type]
        )
        made.append(keep(drawn, case) if keep else drawn[0])
    return figures(cases, made, (time.perf_counter() - started) / len(cases)), made


class Run:
    """One training run and its checkpoint file. Everything that changes while training is here."""

    def __init__(self, seed: int, config: PlannerConfig | None = None, device: torch.device = CPU) -> None:
        self.device = device
        self.planner = Planner(config or PlannerConfig(), torch.Generator().manual_seed(seed)).to(device)
        self.average = {k: v.detach().clone() for k, v in self.planner.state_dict().items()}
        decay = [p for p in self.planner.parameters() if p.ndim > 1]
        rest = [p for p in self.planner.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98))
        self.step, self.examples, self.seconds = 0, 0, 0.0
        self.rate = RATE
        self.curve: list[dict[str, float]] = []

    def begin(self, planner: Planner) -> None:
        """Train these weights further, at half the rate: what they know is not to be washed out."""
        self.planner.load_state_dict(planner.state_dict())
        self.average = {k: v.detach().clone() for k, v in self.planner.state_dict().items()}
        self.rate = RATE / 2

    def save(self, path: Path) -> None:
        """Write the checkpoint; the old one stays whole until the new one is."""
        part = path.with_suffix(".part")
        held = {
            "planner": self.planner.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "examples": self.examples,
            "seconds": self.seconds,
            "rate": self.rate,
            "curve": self.curve,
        }
        torch.save(held, part)
        part.replace(path)

    def restore(self, path: Path) -> None:
        """Continue from a checkpoint written by `save`, on this device or another."""
        # By way of the CPU: the optimizer moves what belongs beside the weights, and keeps its counters where no step
        # has to wait for them.
        held = torch.load(path, weights_only=True, map_location=CPU)
        self.planner.load_state_dict(held["planner"])
        self.average = {k: v.to(self.device) for k, v in held["average"].items()}
        self.optimizer.load_state_dict(held["optimizer"])
        self.step, self.examples, self.seconds = held["step"], held["examples"], held["seconds"]
        self.rate, self.curve = held["rate"], held["curve"]

    def averaged(self) -> Planner:
        """The planner at the moving average of its weights, on the CPU, where plans are made, in eval mode."""
        made = Planner(self.planner.config)
        made.load_state_dict(self.average)
        return made.eval()

    def advance(self, draws: Stream[Ready], share: float) -> dict[str, Tensor]:
        """One optimizer step of a run that is `share` (0..1) done; the rate warms up and falls to 5% along a cosine.
        Gives back the losses as they lie on the device: reading one waits for it."""
        started = time.perf_counter()
        share = min(share, 1.0)
        rate = self.rate * min(1.0, (self.step + 1) / WARM) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch, tokens, changed = draws(self.step)
        both = on(batch, self.device).twice()
        self.planner.train()
        with torch.autocast(self.device.type, torch.bfloat16):
            parts = loss(self.planner, both, moved(tokens, self.device), moved(changed, self.device))
        self.optimizer.zero_grad(set_to_none=True)
        parts["total"].backward()
        torch.nn.utils.clip_grad_norm_(self.planner.parameters(), 1.0)
        self.optimizer.step()
        now = self.planner.state_dict()
        follow(list(self.average.values()), [now[k] for k in self.average], self.step, AVERAGE)
        self.step += 1
        self.examples += len(batch.brief)
        self.seconds += time.perf_counter() - started
        return {k: v.detach() for k, v in parts.items()}


def train(
    corpus: Corpus,
    out: Path,
    *,
    minutes: float,
    seed: int,
    resume: bool,
    held: list[Example],
    whole: list[Example],
    start: Path | None = None,
    steps: int = 0,
    batch_size: int = BATCH,
    device: torch.device = CPU,
    workers: int = 0,
) -> Run:
    """Train for `steps` steps, or, where that is 0, until the run has used `minutes`, earlier runs included;
    checkpoint, weights and held-out figures go to `out` every few minutes.

    held, whole: held-out examples, of `whole` half with questions put to a whole book. start: weights that the run
    begins with, at half the rate; none: drawn from `seed`. batch_size: examples a step. workers: processes that draw
    them.
    """
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "planner.ckpt"
    run = Run(seed, device=device)
    if resume and checkpoint.is_file():
        run.restore(checkpoint)
    elif start is not None:
        run.begin(load(start))
    draws = stream(corpus, seed, batch_size, workers=workers)
    saved, sums, summed = time.perf_counter(), dict[str, Tensor](), 0
    while (share := run.step / steps if steps else run.seconds / max(minutes * 60, 1e-9)) < 1:
        parts = run.advance(draws, share)
        summed += 1
        sums = {k: sums[k] + v if sums else v for k, v in parts.items()}
        ends = run.step >= steps if steps else run.seconds >= minutes * 60
        if not ends and time.perf_counter() - saved <= SAVE_EVERY:
            continue
        point = {"step": float(run.step), "seconds": run.seconds, **{k: float(v) / summed for k, v in sums.items()}}
        averaged = run.averaged()
        for name, some in (("held", held), ("whole", whole)):
            if some:
                point[f"{name}_points"] = held_loss(averaged, some)
            if some and len(run.curve) % MEASURE_EVERY == MEASURE_EVERY - 1:
                point[f"{name}_f1"] = measure(averaged, some[:MEASURED], guidance=0.0)[0].f1
        run.curve.append(point)
        print(json.dumps({k: round(v, 4) for k, v in point.items()}), flush=True)
        run.save(checkpoint)
        save(averaged, out / "planner.safetensors", {"steps": run.step, "minutes": round(run.seconds / 60, 1)})
        sums, summed = {}, 0
        saved = time.perf_counter()
    return run


def main(args: argparse.Namespace) -> None:
    """Prepare the documents of `args.data` (once, kept in OUT/plan-cache or `args.cache`), then train.

    args: data, out (folder for checkpoint, weights and card), minutes, threads, seed, resume, start, device, workers
    (processes that draw), plan_batch (examples a step), plan_steps (0: train by minutes).
    """
    torch.set_num_threads(args.threads)
    data, out = Path(args.data), Path(args.out)
    cache = Path(getattr(args, "cache", None) or out / "plan-cache")
    if not list((cache / "train").glob("shard*.npz")):
        embedder = Embedder()
        plan_data.prepare(data, cache / "held", embedder, held_out=True, cap=25, seed=args.seed)
        plan_data.prepare(data, cache / "train", embedder, seed=args.seed)
    never = plan_data.validation_files(data)
    corpus = Corpus(plan_data.load_groups(cache / "train"))
    shelve(corpus, plan_data.place_vectors(corpus.groups, cache / "places.npz", Embedder()))
    others = Corpus([g for g in plan_data.load_groups(cache / "held") if g.file not in never])
    held = examples(others, HELD, np.random.default_rng(1))
    shelve(others, plan_data.place_vectors(others.groups, cache / "places-held.npz", Embedder()))
    whole = examples(others, HELD, np.random.default_rng(2))
    run = train(
        corpus,
        out,
        minutes=args.minutes,
        seed=args.seed,
        resume=args.resume,
        held=held,
        whole=whole,
        start=Path(args.start) / "planner.safetensors" if args.start else None,
        steps=args.plan_steps,
        batch_size=args.plan_batch,
        device=torch.device(args.device),
        workers=args.workers,
    )
    write_card(run, corpus, out / "planner-card.json", Path(args.start) / "planner-card.json" if args.start else None)


def write_card(run: Run, corpus: Corpus, path: Path, before: Path | None = None) -> None:
    """What the weights were trained on, for how long, and the curve, as JSON; bench/plan.py adds its figures.
    before: the card of the weights that the run began with."""
    earlier = json.loads(before.read_text(encoding="utf-8")) if before is not None and before.is_file() else None
    card = {
        "scale": "plan",
        "parameters": sum(p.numel() for p in run.planner.parameters()),
        "steps": run.step,
        "examples": run.examples,
        "minutes": round(run.seconds / 60, 1),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(run.device) if run.device.type == "cuda" else "cpu",
        "files": sorted({g.file for g in corpus.groups}),
        "pages": len(corpus.pages),
        "sentences": sum(len(p.texts) for p in corpus.pages),
        "held_out_files": [*plan_data.HELD_OUT],
        "curve": [{k: round(v, 4) for k, v in point.items()} for point in run.curve],
        "before": {k: earlier[k] for k in ("steps", "examples", "minutes")} if earlier else None,
    }
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
