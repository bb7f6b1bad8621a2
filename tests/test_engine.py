"""What the revision engine rests on: slots depend on what they declare and on nothing else, readings are reused
exactly and under a cap, and the effort is one dial."""

from __future__ import annotations

import random
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlm_core import parts
from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.checkpoint import load_base
from dlm_core.compose import claim_task, write_claims
from dlm_core.effort import FAST, LEVELS, THOROUGH, level
from dlm_core.embed import Embedder
from dlm_core.fetch_base import base_path
from dlm_core.job import Effort, Job
from dlm_core.layout import Budget
from dlm_core.models import Models, load_models
from dlm_core.planner import Planner
from dlm_core.pool import Pool
from dlm_core.segment import Evidence
from dlm_core.write import Writer
from tests.test_draws import tiny_base
from tests.test_planner import SMALL
from tests.test_write import drawn, jobs, writer

FACTS = (
    "Herons wait for fish at the edge of the water, where it is shallow and calm.",
    "Owls hunt at night because their prey (mice and voles) is awake then.",
    "Storks return to the nest of the year before, which they mend with twigs.",
    "Swifts sleep on the wing and land only when they raise their young.",
    "Geese fly in a wedge, so that each bird saves strength behind the next.",
    "Gulls drop shells on rocks until they break, as people on the coast know.",
)


def evidence(texts: tuple[str, ...], heading: str = "Birds") -> dict[str, Evidence]:
    made = [
        Evidence(f"src.e{100 * n}", "src", "src.p0", heading, 100 * n, 100 * n + len(t), t, "", True, "")
        for n, t in enumerate(texts)
    ]
    return {e.id: e for e in made}


def pool(texts: tuple[str, ...] = FACTS, heading: str = "Birds", title: str = "A book of birds") -> Pool:
    return Pool(evidence(texts, heading), np.eye(len(texts), 384, dtype=np.float32), {"src": title})


def draft(held: Pool, question: str = "How do birds live?") -> Canvas:
    claims = [Slot(f"s{n + 2}", Kind.CLAIM, (e,)) for n, e in enumerate(held.ids)]
    return Canvas(question, (Slot("s1", Kind.SECTION, text="Birds"), *claims), next_id=len(claims) + 2)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Drawn weights of both scales."""
    model, tokenizer = load_base(tiny_base(tmp_path_factory.mktemp("engine") / "base"), dtype=torch.float32, rank=2)
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, p in model.adapter_parameters():
            p.copy_(torch.randn(p.shape, generator=g) * 0.3)
    return Models(Writer(model, tokenizer), Planner(SMALL, torch.Generator().manual_seed(2)).eval(), Embedder(), {})


# --- declared dependencies -----------------------------------------------------------------


def logits(canvas: Canvas, name: str, held: Pool, models: Models) -> torch.Tensor:
    """What the writer believes of every position of a slot's first canvas: the
    evidence with every third token masked; actions, and tokens where masked."""
    task = claim_task(canvas.slot(name), held, models)
    job = Job.text(task.context, models.writer.tokenizer.encode(" Birds live near water and raise their young."))
    job.mask(range(0, len(job.tokens), 3))
    where = torch.zeros(1, -(-len(job.tokens) // 16) * 16, dtype=torch.bool)
    where[0, : len(job.tokens)] = torch.tensor(job.masked)
    probability = models.writer.probabilities([job], where)
    return torch.cat((probability.flatten(), models.writer.look([job])[0].flatten()))


def test_each_declared_dependency_moves_the_logits(models: Models) -> None:
    held = pool()
    one = draft(held).with_slots({"s3": replace(draft(held).slot("s3"), pointers=(held.ids[1], held.ids[2]))})
    before = logits(one, "s3", held, models)
    first, second = list(FACTS), list(FACTS)
    first[1], second[2] = FACTS[1].replace("night", "dusk"), FACTS[2].replace("twigs", "grass")
    long = list(FACTS)
    long[1] = f"{FACTS[1][:-1]}, and because the air is still and the wood is quiet, and they hear the least sound."
    moved = {
        "the first evidence": (one, pool(tuple(first))),
        "the second evidence": (one, pool(tuple(second))),
        "the heading": (one, pool(heading="Hunters")),
        "the title": (one, pool(title="A book of hunters")),
        "which evidence": (one.with_slots({"s3": replace(one.slot("s3"), pointers=(held.ids[1], held.ids[4]))}), held),
        "its order": (one.with_slots({"s3": replace(one.slot("s3"), pointers=(held.ids[2], held.ids[1]))}), held),
        "the task, in short": (one, pool(tuple(long))),
    }
    for what, (canvas, other) in moved.items():
        assert not torch.equal(logits(canvas, "s3", other, models), before), what


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_nothing_undeclared_moves_them(models: Models, seed: int) -> None:
    """Bitwise: another question, other texts in other slots, other evidence at hand, other work before."""
    rng = random.Random(seed)
    held = pool()
    one = draft(held)
    name = f"s{rng.randrange(2, 8)}"
    at = int(name[1:]) - 2
    before = logits(one, name, held, models)
    texts = tuple(t if n == at else rng.choice(FACTS)[::-1] for n, t in enumerate(FACTS))
    others = {
        s.id: replace(s, text="Other words stand here.", tokens=(40, 41), confidence=(0.5, 0.5), disputed=True)
        for s in one.slots
        if s.id != name and rng.random() < 0.7
    }
    other = replace(one.with_slots(others), question="Why?", parts=("What else?",), pins=("A pin.",))
    rest = Pool(evidence(texts), rng.random() * pool().vectors, {"src": "A book of birds"}, {"src": "1999-01-01"})
    models.writer.write([Job.blank(drawn(rng, 5, 60), 6) for _ in range(rng.randrange(3))], effort=FAST)
    assert torch.equal(logits(other, name, rest, models), before)


# --- reuse ----------------------------------------------------------------------------------


def same_logits(kept: torch.Tensor, fresh: torch.Tensor) -> None:
    assert float((kept - fresh).abs().max()) <= 1e-5 * float(fresh.abs().max())
    assert torch.equal(kept.argmax(-1), fresh.argmax(-1))


def compared(one: Writer, made: list[Job], rng: random.Random, size: int = 16) -> None:
    """Some canvases over kept readings, after other work, against the same over readings made anew."""
    some = rng.sample(made, rng.randrange(1, len(made) + 1))
    for job in some:
        job.mask([p for p in range(len(job.tokens)) if rng.random() < 0.5] or [0])
    one.forget()
    one.read([(j.context, j.tokens) for j in made])
    read = one.passes["context"]
    wheres = []
    for job in some:
        where = torch.zeros(1, -(-len(job.tokens) // size) * size, dtype=torch.bool)
        where[0, : len(job.tokens)] = torch.tensor(job.masked)
        wheres.append(where)
    kept = [one.probabilities([j], w).log() for j, w in zip(some, wheres, strict=True)]
    assert one.passes["context"] == read  # nothing was read again
    one.forget()
    for job, where, before in zip(some, wheres, kept, strict=True):
        one.forget()
        possible = before > float("-inf")
        fresh = one.probabilities([job], where).log()
        assert torch.equal(fresh > float("-inf"), possible)
        same_logits(before.masked_fill(~possible, -99.0), fresh.masked_fill(~possible, -99.0))


@given(st.integers(0, 100_000))
@settings(max_examples=25, deadline=None)
def test_reused_readings_give_the_logits_of_fresh_ones(seed: int) -> None:
    compared(writer(seed=seed % 11), jobs(seed, 6), random.Random(seed))


@pytest.mark.slow
@given(st.integers(0, 100_000))
@settings(max_examples=300, deadline=None)
def test_reused_readings_give_the_logits_of_fresh_ones_hundreds_of_times(seed: int) -> None:
    compared(writer(seed=seed % 11), jobs(seed, 6), random.Random(seed))


@pytest.fixture(scope="module")
def real() -> Models:
    """The weights that ship, in float32."""
    made = load_models(base=base_path(quiet=True))
    made.writer.model.float()
    made.writer.model.merge()
    return made


@pytest.mark.slow
@given(st.integers(0, 100_000))
@settings(max_examples=20, deadline=None)
def test_the_weights_that_ship_reuse_readings_too(real: Models, seed: int) -> None:
    rng = random.Random(seed)
    held = pool()
    made = []
    for s in rng.sample(draft(held).claims(), 3):
        task = claim_task(s, held, real)
        made.append(Job.text(task.context, task.source))
    compared(real.writer, made, rng)


@pytest.mark.slow
def test_sentences_of_the_weights_that_ship_do_not_depend_on_their_company() -> None:
    """In the type the product computes in, bfloat16 where the machine has it: one slot alone, and all of them."""
    made = load_models(base=base_path(quiet=True))
    held = pool()
    blank = draft(held)
    ids = [s.id for s in blank.claims()]
    every = write_claims(blank, ids, held, made, seed=3, effort=Effort(), age=1)
    for name in ids:
        made.writer.forget()
        alone = write_claims(blank, [name], held, made, seed=3, effort=Effort(), age=1)
        assert alone.slot(name) == every.slot(name)


def test_the_same_report_before_and_after_reuse(models: Models) -> None:
    held = pool()
    blank = draft(held)
    ids = [s.id for s in blank.claims()]
    models.writer.forget()
    first = write_claims(blank, ids, held, models, seed=5, effort=Effort(), age=1)
    read = models.writer.passes["context"]
    assert write_claims(blank, ids, held, models, seed=5, effort=Effort(), age=1) == first
    assert models.writer.passes["context"] == read


# --- the cap --------------------------------------------------------------------------------


def test_readings_stay_under_their_cap_and_the_least_used_go_first(models: Models) -> None:
    rng = random.Random(0)
    one = Writer(models.writer.model, models.writer.tokenizer)
    contexts = [tuple(drawn(rng, 30, 31)) for _ in range(6)]
    one.keep_bytes = 4 * one.reading_bytes(contexts[0])
    for context in contexts[:4]:
        one.read([(context, [30, 31])])
    assert one.kept_bytes == one.keep_bytes
    one.read([(contexts[0], [30])])  # used again, so it is not the oldest any more
    one.read([(contexts[4], [30])])
    assert one.kept_bytes == one.keep_bytes
    count = one.passes["context"]
    one.read([(contexts[0], [30])])
    assert one.passes["context"] == count
    one.read([(contexts[1], [30])])
    assert one.passes["context"] == count + 30  # it went first


@pytest.mark.parametrize("room", [0, 1, 3, 100])
def test_a_small_cap_costs_time_and_nothing_else(models: Models, room: int) -> None:
    held = pool()
    blank = draft(held)
    ids = [s.id for s in blank.claims()]
    tasks = [claim_task(s, held, models).context for s in blank.claims()]
    small = Writer(models.writer.model, models.writer.tokenizer)
    small.keep_bytes = room * max(map(small.reading_bytes, tasks))
    tight = replace(models, writer=small)
    write = lambda m: write_claims(blank, ids, held, m, seed=2, effort=Effort(), age=1)  # noqa: E731
    assert write(tight) == write(models)
    assert small.kept_bytes <= small.keep_bytes + max(map(small.reading_bytes, tasks))
    if room:  # each part's readings were kept until it was done with
        assert small.passes["context"] == sum(map(len, tasks))
    flat = [i for part in small.fitting(tasks) for i in part]
    assert flat == list(range(len(tasks)))


# --- the dial -------------------------------------------------------------------------------


def test_the_effort_is_one_dial() -> None:
    assert Effort.at(0) == FAST and Effort.at(0.5) == Effort() and Effort.at(1) == THOROUGH
    for field in fields(Effort):
        values = [getattr(Effort.at(n / 20), field.name) for n in range(21)]
        assert values == sorted(values) or values == sorted(values, reverse=True)
        assert all(type(v) is type(getattr(Effort(), field.name)) for v in values)
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Effort.at(wrong)


def test_an_effort_is_a_name_or_a_number() -> None:
    assert [level(n) for n in LEVELS] == list(LEVELS.values())
    assert level(" Fast ") == 0.0 and level("0.25") == 0.25
    for wrong in ("", "slow", "2", "-1", "nan", "inf"):
        with pytest.raises(ValueError, match="fast, default, thorough"):
            level(wrong)


# --- long reports ---------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_evidence_is_parted_whole_and_evenly(seed: int, many: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((many, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = sorted(rng.permutation(many)[: rng.integers(1, many + 1)].tolist())
    kin, near = vectors @ vectors.T, rng.random(many)
    made = parts.by_subject(kin, near, usable, count)
    assert sorted(r for part in made for r in part) == usable
    assert len(made) <= count and max(map(len, made)) <= -(-len(usable) // min(count, len(usable)))
    assert made == parts.by_subject(kin, near, usable, count)


def test_what_belongs_together_is_planned_together() -> None:
    vectors = np.repeat(np.eye(3), 4, axis=0)[[0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]]
    made = parts.by_subject(vectors @ vectors.T, np.ones(12), range(12), 3)
    assert sorted(made) == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


@pytest.mark.parametrize("slots", [33, 64, 100, 256])
def test_a_long_budget_is_shared_out(slots: int) -> None:
    whole = Budget(slots, slots * 5 // 8, slots * 7 // 8, slots // 8)
    made = parts.shares(whole, 32)
    assert max(b.slots for b in made) <= 32
    for name in ("slots", "claims", "most", "sections"):
        assert sum(getattr(b, name) for b in made) == getattr(whole, name)
