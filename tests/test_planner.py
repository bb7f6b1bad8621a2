"""The plan scale: symbols, sampling rules, guidance, revision, belief, weights, training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dlm_core import planner as plans
from dlm_core import planning
from dlm_core.canvas import Kind
from dlm_core.plan_features import FEATURES, features
from dlm_core.planner import FIRST, MASK, NONE, Planner, PlannerConfig, PlannerError
from dlm_core.planning import Plan, distribution, expected_claims, plan
from dlm_core.pool import Pool
from dlm_core.segment import Evidence
from dlm_core.train import plan_data, plan_draws
from dlm_core.train.plan_books import Book, from_book
from dlm_core.train.plan_examples import Corpus, coherence, collate, set_f1
from tests.support import need

SMALL = PlannerConfig(width=64, layers=2, heads=2, hidden=96)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(seed: int = 0) -> Planner:
    return Planner(SMALL, rng(seed)).eval()


def case(many: int, seed: int = 0) -> dict[str, Any]:
    g = rng(seed)
    return {
        "brief": F.normalize(torch.randn(384, generator=g), dim=0),
        "evidence": F.normalize(torch.randn(many, 384, generator=g), dim=-1),
        "features": torch.randn(many, FEATURES, generator=g),
    }


def check_rules(made: Plan, many: int) -> None:
    claims = made.claims()
    assert len(claims) == len(set(claims)), "evidence cited twice"
    assert all(0 <= p < many for p in claims)
    assert made.kinds[0] == Kind.SECTION
    for i, (kind, pointers) in enumerate(zip(made.kinds, made.pointers, strict=True)):
        assert bool(pointers) == (kind == Kind.CLAIM)
        assert kind != Kind.LINK
        if kind == Kind.SECTION:
            assert made.kinds[i + 1] == Kind.CLAIM
        if kind == Kind.EMPTY:
            assert set(made.kinds[i:]) == {Kind.EMPTY}
    assert all(0 <= c <= 1 for c in made.confidence)


@pytest.mark.parametrize("many", [1, 2, 7, 40])
@pytest.mark.parametrize("threshold", [0.0, 0.9])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_any_weights_give_a_plan_that_keeps_the_rules(many: int, threshold: float, temperature: float) -> None:
    for seed in range(3):
        given = case(many, seed)
        heat: dict[str, Any] = {"structure": temperature, "temperature": temperature}
        made = plan(drawn(seed), **given, slots=16, generator=rng(seed), threshold=threshold, **heat)
        assert len(made.kinds) == 16
        check_rules(made, many)


def test_same_seed_same_plan_and_another_seed_another() -> None:
    given = case(30)
    first, again = (plan(drawn(), **given, slots=16, generator=rng(5), temperature=1.0) for _ in range(2))
    other = plan(drawn(), **given, slots=16, generator=rng(6), temperature=1.0)
    assert first == again
    assert first.pointers != other.pointers


def test_no_evidence_gives_an_empty_plan() -> None:
    made = plan(drawn(), **case(0), slots=4, generator=rng())
    assert made.kinds == [Kind.EMPTY] * 4 and made.claims() == []
    hidden = plan(drawn(), **case(3), slots=4, generator=rng(), usable=torch.zeros(3, dtype=torch.bool))
    assert hidden.claims() == []


def test_guidance_pulls_claims_to_what_is_near_the_question() -> None:
    given = case(60, 3)
    near = given["evidence"] @ given["brief"]
    free, pulled = (
        [p[0] for p in plan(drawn(), **given, slots=12, generator=rng(), guidance=g).pointers if p] for g in (0.0, 1e5)
    )
    assert near[pulled].mean() > near[free].mean() + 0.02
    assert set(pulled) <= set(near.argsort(descending=True)[: len(pulled)].tolist())


def test_a_plan_without_a_wished_size_has_what_its_evidence_is_worth() -> None:
    given = case(30, 4)
    worth = expected_claims(drawn(), **given)
    made = plan(plans.load(plans.WEIGHTS), **given, slots=32, generator=rng(2))
    told = expected_claims(plans.load(plans.WEIGHTS), **given)
    assert round(told) <= made.kinds.count(Kind.CLAIM) <= round(told) + 2
    seen = torch.arange(30) < 12
    fewer = {k: v[:12] if k != "brief" else v for k, v in given.items()}
    part = expected_claims(drawn(), **given, usable=seen)
    assert part == pytest.approx(expected_claims(drawn(), **fewer), abs=1e-3) and part < worth


@pytest.mark.parametrize("wished", [1, 2, 5, 11, 16])
def test_a_new_plan_has_as_many_claims_as_are_wished_for(wished: int) -> None:
    planner = plans.load(plans.WEIGHTS)
    for seed in range(4):
        made = plan(planner, **case(40, seed), slots=32, generator=rng(seed), claims=wished)
        # What is certain from the first may be one or two more.
        assert wished <= made.kinds.count(Kind.CLAIM) <= wished + 2
        check_rules(made, 40)


def test_a_wish_for_more_than_there_is_gives_what_there_is() -> None:
    planner = plans.load(plans.WEIGHTS)
    few = plan(planner, **case(4, 1), slots=16, generator=rng(), claims=9)
    assert few.kinds.count(Kind.CLAIM) == 4
    check_rules(few, 4)
    short = plan(planner, **case(40, 1), slots=6, generator=rng(), claims=9)
    assert Kind.EMPTY not in short.kinds and 3 <= short.kinds.count(Kind.CLAIM) <= 5
    check_rules(short, 40)


def test_kept_slots_stay_and_remasked_ones_are_drawn_again() -> None:
    given = case(30, 1)
    held = Plan(
        [Kind.SECTION, Kind.CLAIM, Kind.LINK, Kind.CLAIM, Kind.SECTION, Kind.CLAIM, Kind.EMPTY, Kind.EMPTY],
        [(), (3, 9), (), (4,), (), (5,), (), ()],
        [0.5] * 8,
    )
    made = plan(drawn(), **given, slots=8, generator=rng(), keep=held, remask=[3])
    for i in (0, 1, 2, 4, 5, 6, 7):
        assert (made.kinds[i], made.pointers[i], made.confidence[i]) == (held.kinds[i], held.pointers[i], 0.5)
    assert made.kinds[3] != Kind.EMPTY  # something stands behind it
    assert not set(made.pointers[3]) & {3, 9, 5}
    banned = torch.ones(30, dtype=torch.bool)
    banned[[0, 1, 2]] = False
    again = plan(drawn(), **given, slots=8, generator=rng(), keep=held, remask=[1, 3, 5], usable=banned)
    assert not set(again.claims()) & {0, 1, 2}


def test_a_plan_that_cannot_be_read_is_refused_in_one_line() -> None:
    given = case(5)
    with pytest.raises(PlannerError, match="not in the pool"):
        plan(drawn(), **given, slots=4, generator=rng(), keep=Plan([Kind.SECTION, Kind.CLAIM], [(), (9,)], [1, 1]))
    with pytest.raises(PlannerError, match="more than the 2"):
        plan(drawn(), **given, slots=2, generator=rng(), keep=Plan([Kind.EMPTY] * 3, [()] * 3, [1] * 3))
    with pytest.raises(PlannerError, match="32 slots"):
        plan(drawn(), **given, slots=33, generator=rng())
    with pytest.raises(PlannerError, match="features"):
        plan(drawn(), **{**given, "features": torch.zeros(5, 2)}, slots=4, generator=rng())
    with pytest.raises(PlannerError):
        Plan([Kind.EMPTY], [], [])


def test_symbols_lay_a_plan_out_and_mask_what_is_asked() -> None:
    held = Plan([Kind.SECTION, Kind.CLAIM], [(), (2, 0)], [1.0, 1.0])
    tokens = planning.symbols(held, 3).view(3, 4).tolist()
    assert tokens == [[1, NONE, NONE, NONE], [2, FIRST + 2, FIRST, NONE], [MASK] * 4]
    assert planning.symbols(held, 2, [1]).view(2, 4).tolist()[1] == [MASK] * 4


def test_belief_is_a_distribution_and_moves_only_with_what_changed() -> None:
    given = case(12, 2)
    held = Plan([Kind.SECTION, Kind.CLAIM, Kind.CLAIM, Kind.EMPTY], [(), (1,), (2,), ()], [1.0] * 4)
    old = torch.arange(12) < 9
    before = distribution(drawn(), held, **given, slots=[1, 2], usable=old)
    after = distribution(drawn(), held, **given, slots=[1, 2])
    assert before.kinds.shape == (2, 4) and after.pointers.shape == (2, 3, 13)
    assert torch.allclose(after.pointers.exp().sum(-1), torch.ones(2, 3), atol=1e-5)
    assert bool(torch.isinf(before.pointers[..., 10:]).all())
    assert not torch.allclose(before.pointers[..., :10], after.pointers[..., :10])  # more to choose from
    one = distribution(drawn(), held, **given, slots=[2])
    assert torch.allclose(one.pointers[0], after.pointers[1], atol=1e-5)
    assert distribution(drawn(), held, **given, slots=[]).slots == []


def test_hidden_evidence_changes_nothing() -> None:
    given = case(10, 4)
    tokens = torch.full((1, 16), MASK)
    seen = torch.arange(10)[None] < 6
    size = torch.zeros(1, 2, dtype=torch.long)
    batch = {k: v[None] for k, v in given.items()}
    a = drawn()(batch["brief"], batch["evidence"], batch["features"], seen, tokens, size)
    batch["evidence"][0, 6:] = 0.5
    b = drawn()(batch["brief"], batch["evidence"], batch["features"], seen, tokens, size)
    assert torch.allclose(a.kinds, b.kinds, atol=1e-5)
    assert torch.allclose(a.pointers[..., :7], b.pointers[..., :7], atol=1e-5)


def test_weights_come_back_and_damaged_ones_are_named(tmp_path: Path) -> None:
    path = tmp_path / "planner.safetensors"
    plans.save(drawn(), path, {"steps": 1})
    back = plans.load(path)
    assert back.config == SMALL and not back.training
    for k, v in drawn().state_dict().items():
        assert torch.allclose(back.state_dict()[k], v, rtol=0.01, atol=1e-3)
    whole = path.read_bytes()
    for broken in (b"", whole[:500], whole[: len(whole) // 2], b"x" * len(whole)):
        path.write_bytes(broken)
        with pytest.raises(PlannerError, match="damaged") as error:
            plans.load(path)
        assert "\n" not in str(error.value)
    with pytest.raises(PlannerError, match="missing"):
        plans.load(tmp_path / "none.safetensors")


def evidence(i: int, text: str, source: str, lead: str = "") -> Evidence:
    return Evidence(
        f"{source}.e{i}", source, f"{source}.p0", "Head", i * 100, i * 100 + len(text), text, lead, True, ""
    )


def test_features_tell_apart_what_a_planner_needs() -> None:
    rows = [
        evidence(0, "A cell is the smallest unit of life.", "a"),
        evidence(1, "Cells divide about 50 times.", "a", "A cell is the smallest unit of life."),
        evidence(0, "Banks lend money to firms and households.", "b"),
    ]
    vectors = np.eye(3, 384, dtype=np.float32)
    made = features(Pool({e.id: e for e in rows}, vectors), "which text", vectors[0]).numpy()
    assert made.shape == (3, FEATURES) and made.dtype == np.float32 and bool(np.isfinite(made).all())
    assert made[:, 0].argmax() == 0  # nearest to the question
    assert made[:, 3].tolist() == [1.0, 0.0, 1.0]  # opens its paragraph
    assert made[:, 5].tolist() == [1.0, 0.0, 0.0]  # defines
    assert made[:, 6].tolist() == [0.0, 1.0, 0.0]  # has digits
    codes = made[:, 14 : 14 + plans.CODES]
    assert np.array_equal(codes[0], codes[1]) and not np.array_equal(codes[0], codes[2])


DOCUMENT = {
    "id": "doc",
    "licence": "CC BY 4.0",
    "title": "Glaciers",
    "sections": [
        {
            "heading": subject,
            "level": 1,
            "paragraphs": [
                " ".join(
                    f"The {subject.lower()} of a glacier changes its {thing} during every cold season."
                    for thing in ("height", "colour", "weight", "speed", "shape", "temperature")
                )
            ],
        }
        for subject in ("Surface", "Base", "Front")
    ],
    "summary": ["The base of a glacier changes its temperature during a cold season."],
    "objectives": ["Explain how glaciers change in the cold season"],
}


def made_corpus() -> Corpus:
    """Two groups of two pages made of real text; vectors are random directions with a subject in common."""
    from random import Random

    groups = []
    random = np.random.default_rng(0)

    def unit(x: np.ndarray) -> np.ndarray:
        return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)

    for g in range(2):
        pages = []
        for p in range(2):
            page = plan_data.read_page({**DOCUMENT, "id": f"doc{g}{p}"}, Random(0))
            assert page is not None
            subject = random.standard_normal(384)
            page.vectors = unit(0.7 * subject + random.standard_normal((len(page.texts), 384)))
            page.asked = unit(0.7 * subject + random.standard_normal((len(page.questions), 384)))
            pages.append(page)
        pair = unit(pages[0].asked[:1] + pages[1].asked[:1])
        groups.append(plan_data.Group(f"made/{g}", "", pages, ["Glaciers and glaciers"], pair))
    return Corpus(groups)


def test_a_document_becomes_a_page_with_its_anchors() -> None:
    page = made_corpus().pages[0]
    assert len(page.texts) == 18 and len(set(page.section.tolist())) == 3
    best = int(page.cover.argmax())
    assert "base" in page.texts[best] and "temperature" in page.texts[best]
    assert "Explain how glaciers change in the cold season" in page.questions
    assert page.first.sum() == 3


def test_a_question_put_to_a_whole_book_is_planned_from_what_is_near_to_it() -> None:
    pages = made_corpus().pages
    random = np.random.default_rng(1)
    subject = random.standard_normal(384) * 2  # of the whole book
    for page in pages:
        page.vectors = (page.vectors + subject / np.linalg.norm(subject)).astype(np.float32)
        page.vectors /= np.linalg.norm(page.vectors, axis=1, keepdims=True)
        page.asked = page.vectors.mean(0, keepdims=True) / np.linalg.norm(page.vectors.mean(0))
    places = {where: page.asked[0] for page in pages for where in page.places()}
    book = Book.of(pages, places)
    made = from_book(book, pages[2].title, pages[2].asked[0], [pages[2]], random, 24)
    assert made is not None
    assert len(made.texts) == 24
    of_gold = made.part >= 0
    assert of_gold.sum() == 18 and len(set(made.page.tolist())) > 1  # one page leaves others room
    assert all(of_gold[row] for pointers in made.plan.pointers for row in pointers[:1])
    near = made.vectors @ pages[2].asked[0]
    assert near[of_gold].mean() > near[~of_gold].mean()
    assert from_book(book, "", pages[2].asked[0], [pages[2]], random, 8) is None  # too few to choose from


def test_only_licences_that_may_ship_are_read() -> None:
    for good in ("CC BY 4.0", "CC-BY-SA-3.0", "CC0-1.0 / US public domain", "MIT OR Apache-2.0", "PostgreSQL"):
        assert plan_data.permitted(good)
    for bad in ("GPL-2.0", "GFDL-1.2+", "CC-BY-SA-3.0 OR GPL-2.0+", "CC BY-NC 4.0", ""):
        assert not plan_data.permitted(bad)


def test_shards_hold_what_was_put_in(tmp_path: Path) -> None:
    groups = made_corpus().groups
    plan_data.save_shard(groups, tmp_path / "shard000")
    (back,) = [plan_data.load_groups(tmp_path)]
    assert [p.texts for g in back for p in g.pages] == [p.texts for g in groups for p in g.pages]
    assert np.allclose(back[1].pages[0].vectors, groups[1].pages[0].vectors, atol=1e-3)


def test_gold_plans_keep_the_rules_and_point_at_their_pages() -> None:
    corpus = made_corpus()
    for made in plan_draws.examples(corpus, 30, np.random.default_rng(0)):
        check_rules(made.plan, len(made.texts))
        assert all(made.part[p[0]] >= 0 for p in made.plan.pointers if p)
        same, pairs = coherence(made.plan, made.part)
        assert 0 <= same <= pairs
    assert set_f1([1, 2], [2, 3]) == 0.5


def test_noise_leaves_links_visible_and_marks_what_it_changed() -> None:
    batch = collate(plan_draws.examples(made_corpus(), 8, np.random.default_rng(1)), np.random.default_rng(2))
    batch.fixed[:, 2] = True
    for seed in range(4):
        masked = plan_draws.draw_masks(batch, rng(seed))
        assert not bool(masked.view(*batch.fixed.shape, 4)[:, 2].any())
        assert bool(masked.any(-1).all())
        tokens, changed = plan_draws.corrupt(batch, masked, rng(seed))
        assert bool((tokens[masked] == MASK).all())
        assert torch.equal(changed, (tokens != batch.clean) & ~masked)
        points = changed & (batch.clean >= FIRST)
        assert bool((tokens[points] >= FIRST).all())


def test_the_trained_planner_finds_the_subject_and_keeps_it_together() -> None:
    """Two subjects that answer the question and one that does not, as three sources."""
    need(plans.WEIGHTS.is_file(), "the planner weights are not in dlm_core/weights")
    from dlm_core.embed import Embedder

    texts = {
        "volcanoes": [
            "A volcano is an opening in the crust of a planet through which molten rock and gas escape.",
            "Volcanoes form where tectonic plates move apart or where one plate sinks below another.",
            "Magma that reaches the surface of a volcano is called lava.",
            "Gas dissolved in magma expands as it rises and drives explosive eruptions.",
            "Shield volcanoes are broad because their lava is thin and flows far.",
            "Volcanic ash can travel thousands of kilometres and disturb air traffic.",
        ],
        "monitoring": [
            "Observatories watch volcanoes with seismometers that record the shaking caused by rising magma.",
            "Satellite radar measures the swelling of a volcano before an eruption.",
            "An increase of sulfur dioxide often warns of a coming volcanic eruption.",
            "Alert levels tell the people who live near a volcano how likely an eruption is.",
        ],
        "tax": [
            "A value-added tax is collected at every stage of production.",
            "Income tax rates rise with the income of a household in most countries.",
            "Corporate tax is levied on the profits of companies.",
            "Tariffs are taxes on goods that cross a border.",
            "Property taxes pay for local schools in many towns.",
            "Tax credits lower the amount that a household owes.",
            "Excise taxes are placed on tobacco, alcohol and fuel.",
            "A tax return lists the income of a person in one year.",
        ],
    }
    rows = [(source, text) for source, found in texts.items() for text in found]
    order = np.random.default_rng(0).permutation(len(rows))
    rows = [rows[i] for i in order]
    vectors = Embedder()([t for _, t in rows])
    question = Embedder()(["How do volcanoes erupt and how are they monitored?"])[0]
    held = [evidence(texts[source].index(text), text, source) for source, text in rows]
    made = features(Pool({e.id: e for e in held}, vectors), "a question", question)
    found = plan(
        plans.load(),
        brief=torch.from_numpy(question),
        evidence=torch.from_numpy(vectors),
        features=made,
        slots=24,
        generator=rng(),
        guidance=0.0,
        claims=8,
        sections=2,
    )
    picked = [rows[p][0] for p in found.claims()]
    assert 6 <= len(picked) <= 10
    assert picked.count("tax") <= 1
