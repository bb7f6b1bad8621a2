"""The agent's decisions, on real parts: the brief, what to ask, the pool, when to stop, what may be shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent import evidence, queries, stop, verify
from agent.brief import LONGEST, BriefError, clean, make_brief
from agent.stop import Limits
from dlm_core.canvas import Canvas, Cause, Kind, Revision, Slot
from dlm_core.embed import Embedder
from dlm_core.plan_features import features
from dlm_core.pool import Pool
from dlm_core.segment import split, tidy
from tests.support import joined, texts
from tools.library import Library
from tools.source import Hit, Source, source_id

# --- what to read ------------------------------------------------------------------


def test_hits_are_ranked_by_what_their_titles_mean() -> None:
    hits = [
        Hit("u1", "A history of bridges", "Bridges were first built of wood.", "x"),
        Hit("u2", "Joblessness in rich countries", "Many people look for work and find none.", "x"),
    ]
    asked = [queries.Query("What causes unemployment?", "the question"), queries.Query("old bridges", "more")]
    assert queries.by_meaning(hits, asked, Embedder()) == [["u2", "u1"], ["u1", "u2"]]
    assert queries.by_meaning([], asked, Embedder()) == []
    same = "It tells of work that people look for and do not find."
    named = [Hit("u3", "A diary", same, "x"), Hit("u4", "Causes of unemployment", same, "x")]
    assert queries.by_meaning(named, asked[:1], Embedder()) == [["u4", "u3"]]


def test_pages_are_told_apart_by_what_a_part_asks_beside_its_subject() -> None:
    hits = [
        Hit("u1", "Diffusion language models", "Diffusion language models are trained on much text.", "x"),
        Hit("u2", "Revising text", "A text is revised where masks are put on its words.", "x"),
    ]
    parts = ["How do masked diffusion language models write", "how do masked diffusion language models revise text"]
    plain = [queries.Query(part, "a part") for part in parts]
    assert queries.by_meaning(hits, plain, Embedder())[1] == ["u1", "u2"]
    told = [queries.Query(part, "a part", "part") for part in parts]
    assert queries.by_meaning(hits, told, Embedder())[1] == ["u2", "u1"]


# --- brief ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "title", "parts"),
    [
        ("How do tides work?", "How tides work", ["How do tides work?"]),
        ("How do I undo a commit?", "How to undo a commit", ["How do I undo a commit?"]),
        ("Why do we sleep?", "Why do we sleep?", ["Why do we sleep?"]),
        ("What kinds of tea are there?", "What kinds of tea there are", ["What kinds of tea are there?"]),
        ("What is a white dwarf?", "A white dwarf", ["What is a white dwarf?"]),
        ("Why is the sky blue?", "Why is the sky blue?", ["Why is the sky blue?"]),
        (
            "How does memory work and why do people forget?",
            "How memory works and why people forget",
            ["How does memory work", "why do people forget"],
        ),
        (
            "What causes unemployment and how is it measured?",
            "What causes unemployment and how it is measured",
            ["What causes unemployment", "how is unemployment measured"],
        ),
        (
            "How do stars form, evolve and die?",
            "How stars form, evolve and die",
            ["How do stars form", "how do stars evolve", "how do stars die"],
        ),
        (
            "How does asyncio cancel a task and handle timeouts?",
            "How asyncio cancels a task and handles timeouts",
            ["How does asyncio cancel a task", "how does asyncio handle timeouts"],
        ),
        (
            "How do stars form, live and die?",
            "How stars form, live and die",
            ["How do stars form", "how do stars live", "how do stars die"],
        ),
        (
            "How do stars form, linger and die?",  # no list has every verb
            "How stars form, linger and die",
            ["How do stars form", "how do stars linger", "how do stars die"],
        ),
        (
            "How do Python and Rust handle memory and print?",
            "How Python and Rust handle memory and print",
            ["How do Python and Rust handle memory and print?"],
        ),
        (
            "How do the kidneys filter blood and regulate water?",  # nor this one
            "How the kidneys filter blood and regulate water",
            ["How do the kidneys filter blood", "how do the kidneys regulate water"],
        ),
        (
            "How is fiscal policy used against recession, and what are its practical problems?",
            "How is fiscal policy used against recession, and what are its practical problems?",
            ["How is fiscal policy used against recession", "what are fiscal policy's practical problems"],
        ),
        ("How do cats and dogs sleep?", "How cats and dogs sleep", ["How do cats and dogs sleep?"]),
        (
            "What does vitamin D do in the body and what happens without it?",
            "What vitamin D does in the body and what happens without it",
            ["What does vitamin D do in the body", "what happens without vitamin D"],
        ),
        (
            "How does the heart pump blood and what makes it fail?",
            "How the heart pumps blood and what makes it fail",
            ["How does the heart pump blood", "what makes the heart fail"],
        ),
        ("What is a list? How does it grow?", "A list and how it grows", ["What is a list", "How does a list grow"]),
        ("tides", "Tides", ["tides"]),
        ("What is", "What is", ["What is"]),
    ],
)
def test_a_question_becomes_a_brief(question: str, title: str, parts: list[str]) -> None:
    brief = make_brief(question)
    assert (brief.question, brief.title, list(brief.parts)) == (question, title, parts)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("\u200b", "empty"),
        ("???", "no words"),
        ("why\x00?", "control characters"),
        ("why \x1b[31m red", "control characters"),
        ("why \udcff", "broken text"),
        ("why \u202ered", "direction of text"),
        ("w" * (LONGEST + 1), f"{LONGEST} is the most"),
    ],
)
def test_a_question_that_cannot_be_used_says_why(question: str, says: str) -> None:
    with pytest.raises(BriefError, match=says):
        make_brief(question)


def test_a_question_is_folded_to_one_line() -> None:
    assert clean("  How\n do\ttides  work? ") == "How do tides work?"
    assert clean("cafe\u0301") == "café"


# --- a small library ----------------------------------------------------------------

TIDES = """# Tides

Tides are the rise and fall of sea levels caused by the gravity of the Moon. High tide occurs about twice a day in most
places on the coast. The Moon causes 68 percent of the height of the ocean tide.

## Spring tides

Spring tides occur when the Sun, the Moon and the Earth lie on one line. The tidal range is largest at spring tide, a
few days after full moon and new moon.
"""
MOON = """# The Moon and the sea

Ocean tides are caused by the gravity of the Moon and, to a smaller part, of the star that the Earth circles. The Moon
causes 70 percent of the height of the ocean tide. High tide occurs about twice a day in most places on the coast.
"""
BREAD = """# Bread

Bread is baked from a dough of flour and water that yeast has raised. A sourdough starter keeps wild yeast and bacteria
alive for years. Bakers score the crust of a loaf with a sharp blade before it goes into the oven.
"""


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Library]:
    with Library(tmp_path_factory.mktemp("library"), embedder) as made:
        for name, text in (("tides", TIDES), ("moon", MOON), ("bread", BREAD)):
            url = f"https://example.org/{name}"
            made.add(Source(source_id(url), url, name.title(), tidy(joined(text)), "2026-01-02"))
        yield made


NAMES = {name: source_id(f"https://example.org/{name}") for name in ("tides", "moon", "bread")}
BRIEF = make_brief("How do tides work and what causes them?")


# --- evidence -------------------------------------------------------------------------


def test_the_pool_is_about_the_question_and_in_one_order(library: Library, embedder: Embedder) -> None:
    asked = [q.text for q in queries.first(BRIEF)]
    found = evidence.gather(BRIEF, asked, library, embedder, sources=list(NAMES.values()))
    assert {i.split(".")[0] for i in found.ids} == {NAMES["tides"], NAMES["moon"]}
    assert set(found.cut) == {NAMES["bread"]}
    assert found.best > evidence.FLOOR
    again = evidence.gather(BRIEF, asked, library, embedder, sources=list(reversed(NAMES.values())))
    assert again == found
    for source in ("tides", "moon"):
        starts = [e.start for e in library.evidence(found.ids) if e.source == NAMES[source]]
        assert starts == sorted(starts) and len(starts) >= 2
    assert all(e.standalone for e in library.evidence(found.ids))


def test_where_a_folder_lies_does_not_decide_on_the_pool(tmp_path: Path, embedder: Embedder) -> None:
    said = {"tides": TIDES, "moon": MOON, "bread": BREAD, "a copy of the moon": MOON}
    seen, ranked = [], []
    for place in ("a", "b", "c", "d"):
        with Library(tmp_path / place, embedder) as library:
            for name, text in said.items():
                url = f"file:///{place}/{name}.md"
                library.add(Source(source_id(url), url, name.title(), tidy(joined(text)), "2026-01-02"))
            asked = [q.text for q in queries.first(BRIEF)]
            found = evidence.gather(BRIEF, asked, library, embedder, sources=[s.id for s in library.sources()])
            pool = evidence.load_pool(library, found.ids)
            told = features(pool, BRIEF.question, embedder([BRIEF.question])[0])
            seen.append(([(pool.title(i), pool.evidence[i].text) for i in pool.ids], told.tolist()))
            titles = {s.id: s.title for s in library.sources()}
            ranked.append([titles[s] for s in sorted(titles)])
    assert any(order != ranked[0] for order in ranked)  # so ids do differ in their order
    assert all(one == seen[0] for one in seen)
    assert {title for title, _ in seen[0][0]} == {"Tides", "A Copy Of The Moon"}  # of the same words one is taken


def test_twins_are_folded_but_not_where_they_disagree(library: Library, embedder: Embedder) -> None:
    found = evidence.gather(BRIEF, [BRIEF.question], library, embedder, sources=list(NAMES.values()))
    said = texts(library, found.ids)
    assert said.count("High tide occurs about twice a day in most places on the coast.") == 1
    share = [t for t in said if "percent of the height" in t]
    assert sorted(t.split()[3] for t in share) == ["68", "70"]
    vectors = library.vectors([i for i, t in zip(found.ids, said, strict=True) if t in share])
    assert float(vectors[0] @ vectors[1]) > evidence.TWIN  # so it was the disagreement that kept them apart


def test_a_run_sees_only_its_sources_and_keeps_what_is_cited(library: Library, embedder: Embedder) -> None:
    one = evidence.gather(BRIEF, [BRIEF.question], library, embedder, sources=[NAMES["moon"]])
    assert {i.split(".")[0] for i in one.ids} == {NAMES["moon"]}
    found = library.search("sourdough", 1, {NAMES["bread"]})[0][0]
    bread = [e.id for e in library.evidence_of(found.id) if e.standalone]
    kept = evidence.gather(
        BRIEF, [BRIEF.question], library, embedder, sources=[NAMES["tides"], NAMES["bread"]], keep=bread[:1], limit=3
    )
    assert bread[0] in kept.ids and len(kept.ids) == 3
    pool = evidence.load_pool(library, kept.ids)
    assert pool.ids == kept.ids and pool.titles[NAMES["bread"]] == "Bread"
    assert pool.vectors.shape == (3, 384)


def test_nothing_on_the_question_gives_no_pool(library: Library, embedder: Embedder) -> None:
    other = make_brief("How does asyncio cancel a task?")
    found = evidence.gather(other, [other.question], library, embedder, sources=list(NAMES.values()))
    assert found.ids == [] and found.best < evidence.FLOOR


# --- queries ----------------------------------------------------------------------------


def drafted(library: Library, embedder: Embedder) -> tuple[Canvas, Pool]:
    found = evidence.gather(BRIEF, [BRIEF.question], library, embedder, sources=list(NAMES.values()))
    pool = evidence.load_pool(library, found.ids)
    slots = [Slot("s1", Kind.SECTION, text="Spring tides")]
    for n, e in enumerate(list(pool.evidence.values())[:4], 2):
        slots.append(Slot(f"s{n}", Kind.CLAIM, (e.id,), e.text, (9,), (1 - n / 10,)))
    return Canvas(BRIEF.question, tuple(slots), next_id=6), pool


def test_the_first_round_asks_the_question_and_its_parts() -> None:
    first = queries.first(BRIEF)
    # "what causes tides" has the words of the whole question: an engine would answer it alike.
    assert [q.text for q in first] == [BRIEF.question, "How do tides work"]
    assert all(q.why for q in first)
    single = make_brief("How do tides work?")
    assert [q.text for q in queries.first(single)] == ["How do tides work?"]


def test_later_rounds_ask_about_doubt_and_never_the_same_twice(library: Library, embedder: Embedder) -> None:
    canvas, pool = drafted(library, embedder)
    asked = [q.text for q in queries.first(BRIEF)]
    second = queries.later(BRIEF, canvas, pool, embedder, asked)
    assert 0 < len(second) <= queries.MOST
    doubt = [q for q in second if q.why.startswith("a claim is uncertain")]
    weakest = min(canvas.claims(), key=lambda s: s.certainty).text
    assert doubt and weakest[:20] in doubt[0].why
    asked += [q.text for q in second]
    third = queries.later(BRIEF, canvas, pool, embedder, asked)
    keys = [queries.same_query(q) for q in asked + [q.text for q in third]]
    assert len(set(keys)) == len(keys)


def test_a_part_without_evidence_is_asked_again_in_other_rounds(library: Library, embedder: Embedder) -> None:
    canvas, pool = drafted(library, embedder)
    brief = make_brief("How do tides work and how is sourdough bread baked?")
    assert queries.uncovered(brief, canvas, pool, embedder) == ["how is sourdough bread baked"]
    found = queries.later(brief, canvas, pool, embedder, [])
    assert found[0].text == "how is sourdough bread baked" and "no claim speaks of" in found[0].why
    assert queries.uncovered(brief, Canvas(brief.question), pool, embedder) == list(brief.parts)
    bread = make_brief("How is sourdough bread baked?")  # of one part, too
    assert queries.uncovered(bread, canvas, pool, embedder) == list(bread.parts)
    assert queries.uncovered(make_brief("How do tides work?"), canvas, pool, embedder) == []


def test_feedback_gives_words_of_the_cited_evidence(library: Library) -> None:
    items = [e for e in library.evidence_of(library.search("bread", 1, {NAMES["bread"]})[0][0].id) if e.standalone]
    items += [e for e in library.evidence_of(library.search("tide", 1, {NAMES["moon"]})[0][0].id) if e.standalone]
    pool = Pool({e.id: e for e in items}, np.zeros((len(items), 384), np.float32))
    cited = [e for e in items if "yeast" in e.text]
    slots = tuple(Slot(f"s{n}", Kind.CLAIM, (e.id,), e.text) for n, e in enumerate(cited))
    assert queries.feedback(Canvas("q", slots), pool, set()) == ["yeast"]
    assert queries.feedback(Canvas("q", slots), pool, {"yeast"}) == []


# --- stop ---------------------------------------------------------------------------------

GOING = {
    "round": 2,
    "seconds": 10.0,
    "interrupted": False,
    "new_pages": 3,
    "new_evidence": 5,
    "decision": "local",
    "open_parts": 0,
    "weak": 0,
}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, ""),
        ({"round": 4}, "all 4 rounds are done"),
        ({"interrupted": True}, "stopped by the user"),
        ({"seconds": 60.0}, "the time of 60 seconds is spent"),
        ({"new_pages": 0, "new_evidence": 0}, "nothing new was found"),
        ({"round": 1, "new_pages": 0, "new_evidence": 0}, ""),
        ({"decision": "keep"}, "the draft is stable and nothing is open"),
        ({"decision": "keep", "open_parts": 1}, ""),
        ({"decision": "keep", "weak": 1}, ""),
    ],
)
def test_stop_rules(changed: dict[str, object], says: str) -> None:
    limits = Limits(rounds=4, pages=8, seconds=60.0)
    assert stop.reason_to_stop(limits, **(GOING | changed)) == says  # type: ignore[arg-type]


def test_no_seconds_means_no_limit() -> None:
    assert not stop.out_of_time(Limits(), 10**9)


# --- verify -------------------------------------------------------------------------------

FACTS = (
    "Kepler published the first two laws of planetary motion in 1609, but the third law appeared in 1619.",
    "The Voyager 1 probe does not carry a telescope larger than 0.2 metres.",
)


def held(text: str, *pointers: int, **more: bool) -> tuple[Canvas, Pool]:
    _, found = split(tidy(" ".join(FACTS)), "src_0123456789")
    items = [e for e in found if e.standalone]
    assert [e.text for e in items] == list(FACTS)
    pool = Pool({e.id: e for e in items}, np.zeros((len(items), 384), np.float32))
    slot = Slot("s2", Kind.CLAIM, tuple(items[p].id for p in pointers), text)
    return Canvas("q", (Slot("s1", Kind.SECTION, text="A"), replace(slot, **more)), next_id=3), pool  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "pointer"),
    [(FACTS[0], 0), ("Kepler published the first two laws of planetary motion in 1609.", 0), (FACTS[1], 1)],
)
def test_what_the_evidence_says_passes(text: str, pointer: int) -> None:
    assert verify.failing(*held(text, pointer)) == {}


@pytest.mark.parametrize(
    ("text", "pointer", "says"),
    [
        ("Kepler published the first two laws of planetary motion in 1605.", 0, "1605"),
        ("Kepler published the first five laws of planetary motion in 1609.", 0, "five"),
        ("Galileo published the first two laws of planetary motion in 1609.", 0, "Galileo"),
        ("The Voyager 1 probe does carry a telescope larger than 0.2 metres.", 1, "not"),
        ("The Voyager 1 probe does not carry a telescope larger than 0.5 metres.", 1, "0.5"),
        ("Kepler published the first two laws of planetary motion in 1609.", 1, "Kepler"),
        ("Kepler published the first two laws of planetary motion, but the third law in 1609.", 0, "“"),
        ("Kepler published the first two", 0, "end as a sentence"),
        ("", 0, "empty"),
    ],
    ids=["year", "number", "name", "negation", "decimal", "other evidence", "joined", "cut short", "empty"],
)
def test_a_planted_error_is_found(text: str, pointer: int, says: str) -> None:
    found = verify.failing(*held(text, pointer))
    assert list(found) == ["s2"]
    assert says in " ".join(found["s2"])


def test_a_citation_that_is_not_at_hand_is_found() -> None:
    canvas, pool = held(FACTS[0], 0)
    lost = replace(canvas.slot("s2"), pointers=("src_0123456789.e9999",))
    found = verify.failing(canvas.with_slots({"s2": lost}), pool)
    assert found == {"s2": ["cites src_0123456789.e9999, which is not evidence at hand"]}
    bare = replace(canvas.slot("s2"), pointers=())
    assert verify.failing(canvas.with_slots({"s2": bare}), pool) == {"s2": ["cites nothing"]}


def test_pinned_text_is_the_users_own() -> None:
    assert verify.failing(*held("We believe in 1066 Normans.", 0, pinned=True)) == {}


def test_dropping_a_claim_takes_its_section_and_summary_along() -> None:
    canvas, _ = held(FACTS[0], 0)
    canvas = replace(canvas, summary=(Slot("s3", Kind.CLAIM, ("s2",), FACTS[0]),), next_id=4)
    left = verify.drop(canvas, {"s2"})
    assert left.slots == () and left.summary == () and left.next_id == 4


def test_the_log_says_what_is_shown() -> None:
    canvas, _ = held(FACTS[0], 0)
    texts = {"s1": ("", "A"), "s2": ("", FACTS[0]), "s9": ("gone", "")}
    canvas = replace(canvas, revisions=(Revision(1, "draft", Cause("first draft"), texts),))
    shown = verify.logged(canvas, verify.drop(canvas, {"s2"}))
    assert shown.revisions[0].slots == {"s9": ("gone", "")}
    assert verify.logged(canvas, canvas) is canvas


def test_a_summary_that_says_more_than_its_claim_becomes_the_claim() -> None:
    canvas, _ = held(FACTS[0], 0)
    good = Slot("s3", Kind.CLAIM, ("s2",), "Kepler published the first two laws of planetary motion in 1609.")
    bad = replace(good, id="s4", text="Kepler published all laws of planetary motion in 1609.")
    gone = replace(good, id="s5", pointers=("s99",))
    settled = verify.settle_summary(replace(canvas, summary=(good, bad, gone), next_id=6))
    assert [s.text for s in settled.summary] == [good.text, FACTS[0]]
    assert verify.settle_summary(settled) is settled
