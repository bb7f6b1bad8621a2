"""Revisions by any weights: what a round may not touch keeps its bytes, and pins always do."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from dlm_core import asked
from dlm_core.belief import Decision, disagreements
from dlm_core.canvas import Canvas, Cause, Kind, Slot, Wanted, holds
from dlm_core.checkpoint import load_base
from dlm_core.compose import write_summary
from dlm_core.embed import Embedder
from dlm_core.job import REMASKS, Effort, Job
from dlm_core.layout import Budget
from dlm_core.models import Models
from dlm_core.planner import Planner
from dlm_core.pool import Pool
from dlm_core.revise import ReviseError, draft, revise
from dlm_core.segment import Evidence
from dlm_core.write import Writer
from tests.test_draws import tiny_base
from tests.test_planner import SMALL

SUBJECTS = "cats dogs owls bats eels frogs crows wolves foxes bears seals hares".split()
DEEDS = (
    "live in the north of the country, where winters are long.",
    "sleep through the day because the heat is hard to bear.",
    "hunt at night in small groups near the river.",
    "raise their young in spring (March and April), when food is easy to find.",
)
BUDGET = Budget(slots=16, claims=7, most=12, sections=3)


@pytest.fixture(scope="module")
def pool() -> Pool:
    held = {}
    for n, subject in enumerate(SUBJECTS):
        for k, deed in enumerate(DEEDS):
            name, start = f"src_{n:010d}", 100 * k
            text = f"{subject.capitalize()} {deed}"
            e = Evidence(f"{name}.e{start}", name, f"{name}.p0", subject, start, start + len(text), text, "", True, "")
            held[e.id] = e
    return Pool(held, Embedder()([e.text for e in held.values()]), {e.source: e.heading for e in held.values()})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Drawn weights of both scales, adapter and heads too: nothing here rests on what was trained."""
    base = tiny_base(tmp_path_factory.mktemp("revise") / "base")
    model, tokenizer = load_base(base, dtype=torch.float32, rank=2)
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, p in model.adapter_parameters():
            p.copy_(torch.randn(p.shape, generator=g) * 0.3)
    planner = Planner(SMALL, torch.Generator().manual_seed(2)).eval()
    return Models(Writer(model, tokenizer), planner, Embedder(), {})


def some(rng: random.Random, items: list[str], most: int) -> list[str]:
    return rng.sample(items, min(len(items), rng.randrange(most + 1)))


def pinned(canvas: Canvas, rng: random.Random) -> Canvas:
    chosen = set(some(rng, [s.id for s in canvas.claims()], 3))
    return canvas.with_slots({i: replace(canvas.slot(i), pinned=True) for i in chosen})


def decided(canvas: Canvas, pool: Pool, kind: str, rng: random.Random) -> Decision:
    """A decision as belief.py could make it: some claims moved, some sections gain, new evidence comes."""
    cited = set(canvas.cited())
    fresh = some(rng, [e for e in pool.ids if e not in cited], 5)
    moved = some(rng, [s.id for s in canvas.claims()], 3)
    gaining = some(rng, [head.id for head, _ in canvas.sections()], 2)
    disputes: dict[str, str] = {}
    for i in moved:
        others = [e for e in fresh if e not in disputes.values()]
        if others:
            disputes[canvas.slot(i).pointers[0]] = others[0]
    cause = Cause("a planted cause", tuple(fresh[:1]), ("70",), 2.0, 1.5)
    return Decision(kind, cause, (*moved, *gaining), tuple(fresh), disputes, dict.fromkeys(moved, 1.0))


def same(a: Slot, b: Slot) -> bool:
    return (a.text, a.tokens, a.confidence, a.pointers, a.origin) == (
        b.text,
        b.tokens,
        b.confidence,
        b.pointers,
        b.origin,
    )


def check(before: Canvas, after: Canvas, made: Decision) -> None:
    there = {s.id: s for s in after.slots}
    for slot in before.slots:
        touched = slot.id in made.slots or (slot.kind == Kind.SECTION and made.kind == "reconstruct")
        if slot.pinned or made.kind == "local" and not touched:
            assert same(slot, there[slot.id])
    if made.kind == "local":  # what stood keeps its order
        assert [s.id for s in after.slots if s.id in {b.id for b in before.slots}] == [s.id for s in before.slots]
    last = after.revisions[-1]
    moved = {i for i, (old, new) in last.slots.items() if old != new}
    for slot in (*after.slots, *after.summary):  # the log names every change and nothing else
        old = next((b.text for b in (*before.slots, *before.summary) if b.id == slot.id), "")
        assert (slot.id in moved) == (old != slot.text)


def rounds(engine: Models, pool: Pool, seeds: range) -> int:
    """Random revisions, two to a draft; how many changed something."""
    changed = 0
    for seed in seeds:
        rng = random.Random(seed)
        half = pool.only(rng.sample(pool.ids, 20))
        canvas = draft(Canvas("How do animals live?"), half, engine, seed=seed, budget=BUDGET)
        for n, kind in enumerate(rng.choices(["local", "reconstruct"], k=2)):
            before = pinned(canvas, rng)
            made = decided(before, pool, kind, rng)
            canvas = revise(before, pool, engine, made, seed=seed + n, budget=BUDGET)
            check(before, canvas, made)
            changed += bool(canvas.revisions[-1].slots)
    return changed


def test_what_a_round_may_not_touch_keeps_its_bytes(engine: Models, pool: Pool) -> None:
    assert rounds(engine, pool, range(12)) >= 10


@pytest.mark.slow
def test_a_thousand_random_revisions(engine: Models, pool: Pool) -> None:
    assert rounds(engine, pool, range(100, 600)) > 400


def test_vectors_are_unit_length(pool: Pool) -> None:
    assert np.allclose(np.linalg.norm(pool.vectors, axis=1), 1, atol=1e-3)


# --- sources that disagree from the first ---------------------------------------------


def with_dates(pool: Pool, one: str, other: str, dates: tuple[str, str]) -> Pool:
    """The pool with two sources of one sentence each, dated, which give different values for one thing."""
    held = dict(pool.evidence)
    for name, text in (("src_one", one), ("src_other", other)):
        held[f"{name}.e0"] = Evidence(f"{name}.e0", name, f"{name}.p0", "lynxes", 0, len(text), text, "", True, "")
    vectors = np.concatenate([pool.vectors, Embedder()([one, other])])
    return Pool(held, vectors, pool.titles, {"src_one": dates[0], "src_other": dates[1]})


@pytest.mark.parametrize("dates", [("2019-01-01", "2024-01-01"), ("2024-01-01", "2019-01-01")])
def test_first_sources_that_disagree_are_both_cited_and_the_later_one_leads(
    engine: Models, pool: Pool, dates: tuple[str, str]
) -> None:
    one, other = "Lynxes sleep 9 hours a day in the north.", "Lynxes sleep 14 hours a day in the north."
    both = with_dates(pool, one, other, dates)
    late, early = ("src_other.e0", "src_one.e0") if dates[1] > dates[0] else ("src_one.e0", "src_other.e0")
    assert disagreements(both) == {early: late}
    disputed = []
    for seed in range(6):
        canvas = draft(Canvas("How do lynxes live?", wanted=Wanted(require=("lynxes",))), both, engine, seed=seed)
        assert all(s.pointers[0] != early for s in canvas.claims())
        disputed += [s for s in canvas.claims() if s.pointers[0] == late]
        assert canvas.revisions[0].cause.evidence == (early, late)
        assert "disagree" in canvas.revisions[0].cause.reason
    assert disputed
    for slot in disputed:
        assert slot.disputed and slot.pointers == (late, early)
        assert both.evidence[late].text.startswith(slot.text.rstrip("."))
    assert disagreements(pool) == {}


# --- write, read, remask ---------------------------------------------------------------


def test_no_position_has_noise_more_often_than_that() -> None:
    job = Job.text((1,), [5, 6, 7])
    for _ in range(5):
        job.mask([1])
        job.masked[1] = False
    assert job.noised == [0, REMASKS, 0] and job.remasks == REMASKS
    job.mask([1])
    assert not job.masked[1]
    job.drop({0})
    job.open(1, 2)
    assert job.noised == [REMASKS, 0, 0, 0] and job.copy().noised == job.noised


# --- what the user wants of the words ------------------------------------------------------


def words(canvas: Canvas) -> list[str]:
    return [s.text for s in (*canvas.slots, *canvas.summary)]


@pytest.mark.parametrize("seed", range(4))
def test_a_required_term_is_planned_and_a_forbidden_one_never_said(engine: Models, pool: Pool, seed: int) -> None:
    term, never = ("river", "seals") if seed % 2 else ("March and April", "cats")
    wanted = Wanted((term, "wolves"), (never, "no such term"))
    canvas = draft(Canvas("How do animals live?", wanted=wanted), pool, engine, seed=seed, budget=BUDGET)
    for n, kind in enumerate(("local", "reconstruct")):
        for t in wanted.require:
            holding = [s for s in canvas.claims() if holds(s.text, t)]
            assert holding and all(holds(pool.evidence[s.pointers[0]].text, t) for s in holding)
        assert not any(holds(text, never) for text in words(canvas))
        assert not any(holds(pool.evidence[e].text, never) for e in canvas.cited())
        made = decided(canvas, pool, kind, random.Random(seed + n))
        bad = {e for e in pool.ids if holds(pool.evidence[e].text, never)}
        made = replace(made, disputes={a: b for a, b in made.disputes.items() if b not in bad})
        canvas = revise(canvas, pool, engine, made, seed=seed, budget=BUDGET)
    assert Canvas.from_json(canvas.to_json()).wanted == wanted


def test_forbidding_everything_says_so(engine: Models, pool: Pool) -> None:
    with pytest.raises(ReviseError, match="forbidden"):
        draft(Canvas("How?", wanted=Wanted(forbid=("the", "spring"))), pool, engine, seed=0, budget=BUDGET)


def test_a_draft_is_not_longer_than_is_wanted(engine: Models, pool: Pool) -> None:
    lengths = []
    for count in (60, 100, 300):
        canvas = draft(Canvas("How do animals live?", wanted=Wanted(words=count)), pool, engine, seed=3)
        lengths.append(sum(len(text.split()) for text in words(canvas)))
        assert lengths[-1] <= 1.25 * count
    assert lengths[0] < lengths[-1]


def test_pins_of_the_brief_stand_in_every_draft(engine: Models, pool: Pool) -> None:
    pins = ("Owls are kept out of the figures of this report.", "Bears are counted twice a year.")
    canvas = draft(Canvas("How do animals live?", pins=pins), pool, engine, seed=2, budget=BUDGET)
    again = revise(canvas, pool, engine, decided(canvas, pool, "reconstruct", random.Random(1)), seed=4, budget=BUDGET)
    for made in (canvas, again):
        assert all(any(s.text == pin and s.pinned for s in made.claims()) for pin in pins)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Likelihoods of a question are left out: a base that was drawn knows nothing of what answers one."""
    monkeypatch.setattr(asked, "likelihood", lambda of, told, models: np.zeros((len(told), len(of)), np.float32))


@pytest.mark.usefixtures("unread")
def test_a_summary_takes_the_claim_that_speaks_most_of_the_question(engine: Models, pool: Pool) -> None:
    near = next(e for e in pool.ids if pool.evidence[e].text.startswith("Owls hunt"))
    far = next(e for e in pool.ids if pool.evidence[e].text.startswith("Owls raise"))
    head = Slot("s1", Kind.SECTION, (), "Owls")
    claims = [Slot(f"s{n}", Kind.CLAIM, (e,), pool.evidence[e].text) for n, e in ((2, far), (3, near))]
    told = Slot("s4", Kind.CLAIM, ("s2",), claims[0].text)
    canvas = Canvas("Where do owls hunt at night?", slots=(head, *claims), summary=(told,), next_id=5)
    made = write_summary(canvas, pool, engine, seed=0, effort=Effort(), age=2)
    assert [s.pointers for s in made.summary] == [("s3",)]  # its section has a claim that says more of the question
    assert write_summary(made, pool, engine, seed=0, effort=Effort(), age=3).summary == made.summary
    slight = replace(canvas, question="What do owls do?")
    assert write_summary(slight, pool, engine, seed=0, effort=Effort(), age=2).summary == (
        told,
    )  # hardly more: it stays


def test_a_summary_says_nothing_of_sections_that_hardly_speak_of_the_question(
    engine: Models, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = pool.ids[:6]
    slots = [
        Slot("h1", Kind.SECTION, (), "One"),
        *(Slot(f"a{n}", Kind.CLAIM, (e,), pool.evidence[e].text) for n, e in enumerate(ids[:3])),
        Slot("h2", Kind.SECTION, (), "Two"),
        *(Slot(f"b{n}", Kind.CLAIM, (e,), pool.evidence[e].text) for n, e in enumerate(ids[3:])),
    ]
    canvas = Canvas("What do they do?", slots=tuple(slots), next_id=20)

    def told(likely: dict[str, float]) -> list[str]:
        """Claims in the summary where these are likely to be what the question was asked of, in nats."""
        nats = [likely.get(s.id, -9.0) for _, body in canvas.sections() for s in body]
        monkeypatch.setattr(asked, "likelihood", lambda of, told, models: np.array(nats, np.float32)[:, None])
        made = write_summary(canvas, pool, engine, seed=0, effort=Effort(), age=1)
        return [s.pointers[0] for s in made.summary]

    assert told({"a1": 0.0, "b2": -0.1}) == ["a1", "b2"]
    assert told({"a1": 0.0}) == ["a1"]
    assert told({"a1": 0.0, "a2": -0.1}) == ["a1", "a2"]  # two sentences, where there are two to be had


@pytest.mark.usefixtures("unread")
def test_a_long_claim_stands_in_no_summary_where_a_shorter_one_says_nearly_as_much(engine: Models, pool: Pool) -> None:
    near = next(e for e in pool.ids if pool.evidence[e].text.startswith("Owls hunt"))
    head, short = Slot("s1", Kind.SECTION, (), "Owls"), pool.evidence[near].text
    claims = [Slot("s2", Kind.CLAIM, (near,), short), Slot("s3", Kind.CLAIM, (near,), f"At night {short.lower()}")]
    canvas = Canvas(f"Is it so that at night {short.lower()}?", slots=(head, *claims), next_id=4)
    assert write_summary(canvas, pool, engine, seed=0, effort=Effort(), age=1).summary[0].pointers == ("s3",)
    wordy = replace(claims[1], text=" ".join([claims[1].text] * 12))
    made = write_summary(canvas.with_slots({"s3": wordy}), pool, engine, seed=0, effort=Effort(), age=1)
    assert made.summary[0].pointers == ("s2",)
