"""How well plans choose and group evidence, on documents never trained on.

    python -m bench.plan --data ../shared/data --cache FOLDER [--cases 300]

prints one JSON line a figure. Eight plans are drawn and the one is measured that
a report would keep; --drafts 1 is far quicker, as in `bench.quality`.
Pools are a question's gold pages and what stands nearest to it in other pages
(dlm_core/train/plan_examples.py). Peers on the same pools, each with the count of
the plan it is compared with: bench/select.py, and the planner with random
weights. Order is measured on pools of two to four pages of one chapter, against
the book's.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench.select import PEERS, Pick, document_order, tau
from dlm_core.canvas import Kind
from dlm_core.layout import DRAFTS, Budget
from dlm_core.order import Row, in_order
from dlm_core.planner import WEIGHTS, Planner, PlannerConfig, load
from dlm_core.planning import GUIDANCE, Plan, expected_claims
from dlm_core.pool import Pool
from dlm_core.segment import Evidence
from dlm_core.train import plan_data
from dlm_core.train.plan import measure
from dlm_core.train.plan_draws import examples
from dlm_core.train.plan_examples import Corpus, Example, build, coherence, set_f1
from dlm_core.worth import best_of, holds_together, leads, regroup, without_rumps

PARTS = ("choice", "order", "chance")
CHANCE = 100  # cases that random weights plan


def cases(cache: Path, files: list[str], count: int, seed: int = 0) -> list[Example]:
    """`count` examples of the shards under `cache` whose file is one of `files`, the same for the same seed.
    Distractors come from those files too."""
    groups = [g for g in plan_data.load_groups(cache) if g.file in files]
    if not groups:
        raise plan_data.PlanDataError(f"no prepared documents of {', '.join(files)} in {cache}: prepare them first")
    return examples(Corpus(groups), count, np.random.default_rng(seed))


def expected(case: Example, count: int, gold: int) -> float:
    """The F1 that `count` uniform picks have on average against `gold` rows."""
    return 2 * count * gold / len(case.texts) / max(count + gold, 1)


def grouped(plan: Plan, rows: np.ndarray) -> Plan:
    """A plan with the section sizes of `plan` that takes `rows` in their order: how a ranking would fill it."""
    left = rows.tolist()
    pointers: list[tuple[int, ...]] = [(left.pop(0),) if kind == Kind.CLAIM and left else () for kind in plan.kinds]
    return Plan(list(plan.kinds), pointers, [1.0] * len(pointers))


def peer(pick: Pick, held: list[Example], plans: list[Plan]) -> tuple[np.ndarray, float]:
    """(set F1 of every case, section coherence) of a peer that picks as many as each plan did."""
    picks = [pick(case, len(set(made.claims()))) for case, made in zip(held, plans, strict=True)]
    scores = np.array([set_f1(rows.tolist(), case.plan.claims()) for case, rows in zip(held, picks, strict=True)])
    counts = [coherence(grouped(p, r), c.part) for p, r, c in zip(plans, picks, held, strict=True)]
    return scores, sum(a for a, _ in counts) / max(sum(b for _, b in counts), 1)


def ordered(cache: Path, files: list[str], count: int, seed: int = 0) -> list[Example]:
    """`count` cases whose pool is two to four pages of one chapter and nothing else, the gold plan in book order."""
    random = np.random.default_rng(seed)
    corpus = Corpus([g for g in plan_data.load_groups(cache) if g.file in files])
    long = [g for g in corpus.groups if len(g.pages) > 1]
    found: list[Example] = []
    for _ in range(count * 20):
        if len(found) == count or not long:
            break
        group = long[int(random.integers(len(long)))]
        many = min(int(random.integers(2, 5)), len(group.pages))
        first = int(random.integers(len(group.pages) - many + 1))
        pages = group.pages[first : first + many]
        centre = np.concatenate([p.vectors for p in pages]).mean(0)
        asked, question = group.title, centre / np.linalg.norm(centre)
        if group.questions:
            at = int(random.integers(len(group.questions)))
            asked, question = group.questions[at], group.asked[at]
        made = build(corpus, asked, question, pages, random, size=0)
        if made is not None and len({int(made.page[r]) for r in made.plan.claims()}) > 1:
            found.append(made)
    return found


def taus(orders: list[list[int]], held: list[Example]) -> np.ndarray:
    """Kendall's tau of each order against the book's, on the gold rows it holds; NaN for fewer than three."""
    made = [tau(rows, case.plan.claims()) for rows, case in zip(orders, held, strict=True)]
    return np.array([np.nan if v is None else v for v in made])


def pool_of(case: Example) -> Pool:
    """The case's evidence as a run holds it, ids being row numbers."""
    held = {}
    for i, text in enumerate(case.texts):
        page, part, start = str(case.page[i]), str(case.part[i]), int(case.place[i])
        held[str(i)] = Evidence(str(i), page, page, part, start, start + 1, text, "", True, "")
    return Pool(held, case.vectors, {str(page): title for page, title in zip(case.page, case.titles, strict=True)})


def rows_of(made: Plan) -> list[Row]:
    """The plan's slots with ids of `pool_of`."""
    return [(k, tuple(map(str, p)), 1.0) for k, p in zip(made.kinds, made.pointers, strict=True)]


def kept(planner: Planner, drawn: list[Plan], case: Example) -> Plan:
    """The plan that a report would keep of several (`dlm_core.layout.sample`), where no size is wished for."""
    pool, rows = pool_of(case), [rows_of(m) for m in drawn]
    kin, near = pool.affinity(), case.vectors @ case.question
    brief, evidence, features = map(torch.from_numpy, (case.question, case.vectors, case.features))
    size = expected_claims(planner, brief=brief, evidence=evidence, features=features)
    return drawn[best_of(rows, [holds_together(r, pool, kin, near, Budget(claims=1)) for r in rows], size)]


def laid_out(made: Plan, case: Example) -> list[int]:
    """The plan's rows as a report has them, by the product's own layout (`dlm_core.layout`)."""
    pool, near = pool_of(case), case.vectors @ case.question
    kin = pool.affinity()
    ordered = in_order(regroup(rows_of(made), pool, kin), pool, near[:, None], near)
    return [int(e) for e in leads(without_rumps(ordered, pool, kin))]


def order_figures(
    planner: Planner, held: list[Example], *, guidance: float = GUIDANCE, drafts: int = DRAFTS
) -> dict[str, float]:
    """Tau of the plan, as the report lays it out and as it was drawn, and of every peer, as it ranks and in document
    order, with the interval of the difference."""
    _, plans = measure(planner, held, guidance=guidance, drafts=drafts, keep=partial(kept, planner))
    drawn = taus([p.claims() for p in plans], held)
    ours = taus([laid_out(p, case) for p, case in zip(plans, held, strict=True)], held)
    found = {
        "order_cases": float((~np.isnan(ours)).sum()),
        "order_tau_plan": float(np.nanmean(ours)),
        "order_tau_plan_as_drawn": float(np.nanmean(drawn)),
    }
    for name, pick in PEERS.items():
        rows = [pick(case, len(set(p.claims()))) for case, p in zip(held, plans, strict=True)]
        placed = [document_order(case, r) for case, r in zip(held, rows, strict=True)]
        for style, orders in (("", rows), ("_document", placed)):
            theirs = taus([o.tolist() for o in orders], held)
            both = ~np.isnan(ours) & ~np.isnan(theirs)
            found[f"order_tau_{name}{style}"] = float(np.nanmean(theirs))
            found[f"order_tau_gap_{name}{style}_low"], _ = interval((ours - theirs)[both])
    return found


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95% bootstrap interval of the mean."""
    random = np.random.default_rng(seed)
    means = values[random.integers(len(values), size=(2000, len(values)))].mean(1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def figures(
    planner: Planner, held: list[Example], *, guidance: float = GUIDANCE, drafts: int = DRAFTS
) -> dict[str, float]:
    """What the plans choose and how much, 0..1 but for counts and seconds."""
    made, plans = measure(planner, held, guidance=guidance, drafts=drafts, keep=partial(kept, planner))
    ours = np.array([set_f1(p.claims(), c.plan.claims()) for p, c in zip(plans, held, strict=True)])
    found = {f"plan_{k}": v for k, v in vars(made).items()}
    found["plan_f1_low"], found["plan_f1_high"] = interval(ours)
    for name, pick in PEERS.items():
        scores, together = peer(pick, held, plans)
        found[f"{name}_f1"], found[f"{name}_coherence"] = float(scores.mean()), together
        found[f"{name}_f1_gap_low"], found[f"{name}_f1_gap_high"] = interval(ours - scores)
    gold_counts = np.array([len(c.plan.claims()) for c in held])
    counts = np.array([len(p.claims()) for p in plans])
    found["count_error_plan"] = float(np.abs(counts - gold_counts).mean())
    off_mean = np.abs(gold_counts.mean() - gold_counts)
    found["count_error_mean"] = float(off_mean.mean())
    found["count_gap_low"], found["count_gap_high"] = interval(off_mean - np.abs(counts - gold_counts))
    # The page's own summary and glossary alone as gold, so that no cosine has a say in it.
    told = [i for i, c in enumerate(held) if (c.covers > 0).sum() >= 4]
    if told:
        gold = [np.flatnonzero(held[i].covers > 0).tolist() for i in told]
        found["summary_cases"] = float(len(told))
        ours_told = [set_f1(plans[i].claims(), g) for i, g in zip(told, gold, strict=True)]
        found["summary_f1_plan"] = float(np.mean(ours_told))
        for name, pick in PEERS.items():
            rows = [pick(held[i], len(set(plans[i].claims()))).tolist() for i in told]
            found[f"summary_f1_{name}"] = float(np.mean([set_f1(r, g) for r, g in zip(rows, gold, strict=True)]))
    return found


def chance(held: list[Example]) -> dict[str, float]:
    """F1 of plans by random weights, five seeds, guidance off, and of as many uniform picks."""
    drawn, even = [], []
    for seed in range(5):
        blank = Planner(PlannerConfig(), torch.Generator().manual_seed(seed)).eval()
        score, wild = measure(blank, held, guidance=0.0, seed=seed)
        drawn.append(score.f1)
        sizes = [(c, len(set(p.claims())), len(set(c.plan.claims()))) for c, p in zip(held, wild, strict=True)]
        even.append(float(np.mean([expected(*size) for size in sizes])))
    return {"random_weights_f1": float(np.mean(drawn)), "random_weights_uniform_f1": float(np.mean(even))}


def main(arguments: list[str] | None = None) -> None:
    """Prepare the held-out documents where that was not done, then print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, required=True, help="folder for embedded documents")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--guidance", type=float, default=GUIDANCE)
    parser.add_argument(
        "--drafts", type=int, default=DRAFTS, help=f"plans drawn, one is kept (as reports do: {DRAFTS})"
    )
    parser.add_argument("--part", nargs="*", default=list(PARTS), choices=PARTS, help="what is measured (all)")
    parser.add_argument("--held-out", action="store_true", help="the held-out training books instead of validation.txt")
    parser.add_argument("--card", type=Path, help="a planner-card.json to put the figures into")
    args = parser.parse_args(arguments)
    if not plan_data.shards(args.cache):
        from dlm_core.embed import Embedder

        plan_data.prepare(args.data, args.cache, Embedder(), held_out=True, cap=25)
    files = list(plan_data.HELD_OUT) if args.held_out else plan_data.validation_files(args.data)
    planner = load(args.weights)
    how = {"guidance": args.guidance, "drafts": args.drafts}
    found: dict[str, float] = {}
    if "choice" in args.part:
        found |= figures(planner, cases(args.cache, files, args.cases), **how)
    if "order" in args.part:
        found |= order_figures(planner, ordered(args.cache, files, args.cases), **how)
    if "chance" in args.part:
        found |= chance(cases(args.cache, files, args.cases)[:CHANCE])
    if args.card:
        card = json.loads(args.card.read_text(encoding="utf-8"))
        card["figures"] = {"files": files, "cases": args.cases, **{k: round(v, 4) for k, v in found.items()}}
        args.card.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    counts = ("claims", "sections", "cases", "error")
    for name, value in found.items():
        goal, met = None, None
        if name == "random_weights_f1":
            goal = "within 0.02 of random_weights_uniform_f1"
            met = abs(value - found["random_weights_uniform_f1"]) <= 0.02
        counted = name.startswith("count_") or name.endswith(counts)
        unit = "s" if name.endswith("seconds") else "count" if counted else "share"
        line = {"bench": "plan", "figure": name, "value": round(value, 4), "unit": unit, "goal": goal, "met": met}
        print(json.dumps(line))


if __name__ == "__main__":
    main()
