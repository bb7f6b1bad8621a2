"""Sub-questions, gaps of a draft, which pages are read, copies, citations, the closing lines."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from agent import duplicates, gaps, queries, subquestions
from agent.brief import make_brief
from agent.citations import scores
from bench.gaps import questions, supported
from dlm_core.belief import Decision
from dlm_core.canvas import Canvas, Cause, Kind, Slot
from dlm_core.embed import Embedder
from dlm_core.pool import Pool
from dlm_core.segment import Evidence, Passage
from tools.source import Hit
from workflows import events
from workflows.closing import lines
from workflows.stream import Stream


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


# --- sub-questions -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "named", "apart"),
    [
        (
            "How does an asynchronous context manager interact with the cancellation of an asyncio task?",
            ["asynchronous context manager", "cancellation asyncio task"],
            ["asynchronous context manager", "cancellation asyncio task"],
        ),
        ("How do context variables differ from thread-local data?", ["context variables", "thread-local data"], None),
        ("How does shelve store Python objects?", ["shelve", "Python objects"], []),
        ("Why do people forget?", ["people"], []),
        ("What is 0.1 + 0.2?", [], []),
    ],
)
def test_a_question_names_things(question: str, named: list[str], apart: list[str] | None) -> None:
    brief = make_brief(question)
    assert [t.text for t in subquestions.things(brief)] == named
    assert [t.text for t in subquestions.apart(brief)] == (named if apart is None else apart)


def test_a_thing_of_one_word_is_searched_for_in_its_company() -> None:
    brief = make_brief("How does functools.singledispatch choose an implementation?")
    (thing,) = [t for t in subquestions.things(brief) if "singledispatch" in t.text]
    assert thing.query == "functools.singledispatch choose implementation"
    assert subquestions.speaks_of(thing, ["The functools module has singledispatch."])
    assert not subquestions.speaks_of(thing, ["The choice is made by type."])


def test_a_subject_that_is_no_thing_replaces_no_pronoun() -> None:
    assert make_brief("How do I open a file and how do I close it?").parts[1] == "how do I close a file"
    assert make_brief("How do I sleep well and how do I keep it up?").parts[1] == "how do I keep it up"
    moved = make_brief("Does a cache keep its keys alive, and what does it cost?").parts
    assert moved[1] == "what does a cache cost"
    assert len(make_brief("How do tides work, and in which bays are they highest?").parts) == 2


# --- gaps ----------------------------------------------------------------------------


def pool_of(texts: Sequence[tuple[str, str]], embedder: Embedder) -> Pool:
    """(source, sentence) pairs as evidence."""
    items = [
        Evidence(f"{source}.e{n}", source, f"{source}.p0", "", n, n + len(text), text, "", True, "")
        for n, (source, text) in enumerate(texts)
    ]
    return Pool({e.id: e for e in items}, np.asarray(embedder([e.text for e in items])), {"src_a": "A", "src_b": "B"})


def drafted(pool: Pool, headings: dict[str, list[int]]) -> Canvas:
    slots: list[Slot] = []
    for heading, rows in headings.items():
        slots.append(Slot(f"s{len(slots) + 1}", Kind.SECTION, text=heading))
        for row in rows:
            e = list(pool.evidence.values())[row]
            sure = (0.9 - row / 10,)
            slots.append(Slot(f"s{len(slots) + 1}", Kind.CLAIM, (e.id,), e.text, (9,), sure))
    return Canvas("q", tuple(slots), next_id=len(slots) + 1)


SAID = [
    ("src_a", "A lighthouse warns ships of rocks at night."),
    ("src_a", "The lamp of a lighthouse turns once in ten seconds."),
    ("src_a", "Lenses bundle the light of the lamp."),
    ("src_b", "A foghorn is heard only where the wind does not carry its sound away."),
]


def test_a_draft_lacks_what_its_question_names(embedder: Embedder) -> None:
    pool = pool_of(SAID, embedder)
    brief = make_brief("How does a lighthouse lamp work with a radio beacon, and why do foghorns fall silent?")
    lone = drafted(pool, {"Lamps": [0, 1, 2]})
    assert gaps.slighted(["why do foghorns fall silent"], lone.cited(), pool, embedder)
    assert gaps.slighted(["how does a lighthouse lamp work"], lone.cited(), pool, embedder) == []
    found = gaps.find(brief, lone, pool, embedder, [("The lamp is red.", "“red” is not in its evidence")])
    kinds = [g.kind for g in found]
    assert kinds[:3] == ["part", "thing", "failed"]
    assert "foghorns" in found[0].about and found[1].about == "radio beacon" and "red" in found[2].why
    assert {"one source", "uncertain", "limits"} <= set(kinds)
    whole = gaps.find(brief, drafted(pool, {"Lamps": [0, 1, 2], "Sound": [3]}), pool, embedder)
    # The foghorn has its claim now, and "only" is a limit; its section is thin.
    assert "limits" not in {g.kind for g in whole} and "part" not in {g.kind for g in whole}
    assert [g.about for g in whole if g.kind == "thin"] == ["Sound"]


def test_what_no_claim_speaks_of_is_told_where_a_reader_would_miss_it(embedder: Embedder) -> None:
    canvas = drafted(pool := pool_of(SAID, embedder), {"Lamps": [0, 1, 2]})

    def silent(question: str) -> list[str]:
        return [t.text for t in gaps.silent(make_brief(question), canvas, pool)]

    assert silent("What causes unemployment?") == ["unemployment"]  # the only thing it names
    assert silent("How do radio beacons work?") == ["radio beacons"]
    assert silent("How do lamps, mirrors and lenses work?") == ["mirrors"]
    assert silent("How does a lighthouse keeper turn the lamp?") == []  # its first word stands there
    assert silent("How are lamps and lenses built and written in Norway?") == []
    assert silent("What is Norway?") == ["Norway"]


def test_what_is_at_hand_on_a_slighted_part_is_offered_first(embedder: Embedder) -> None:
    pool = pool_of(SAID, embedder)
    canvas = drafted(pool, {"Lamps": [0, 1, 2]})
    horn = list(pool.evidence)[3]
    keep = Decision("keep", Cause("nothing new"))
    made = gaps.offered(keep, canvas, pool, [horn, list(pool.evidence)[0]])
    assert (made.kind, made.new, made.slots) == ("local", (horn,), ("s1",)) and "better" in made.cause.reason
    assert gaps.offered(keep, canvas, pool, []) is keep
    whole = Decision("reconstruct", Cause("all of it"))
    assert gaps.offered(whole, canvas, pool, [horn]) is whole


def test_what_was_asked_in_vain_is_asked_in_other_words(embedder: Embedder) -> None:
    pool = pool_of([*SAID, ("src_b", "Foghorns of steam need compressed air."), SAID[3]], embedder)
    brief = make_brief("How does a lighthouse lamp work, and why do foghorns fall silent?")
    canvas = drafted(pool, {"Lamps": [0, 1, 2]})
    fresh = queries.later(brief, canvas, pool, embedder, [])
    assert fresh[0].text == "why do foghorns fall silent" and fresh[0].kind == "part"
    asked = [q.text for q in queries.first(brief)]
    again = queries.later(brief, canvas, pool, embedder, asked)
    assert fresh[0].text in asked and fresh[0].text not in [q.text for q in again]
    assert len({queries.same_query(q) for q in [*asked, *(q.text for q in again)]}) == len(asked) + len(again)
    assert [q.text for q in queries.again(brief)] == [brief.question]


def test_every_query_has_its_best_page_read() -> None:
    found = {u: Hit(u, t, "", "0") for u, t in (("a", "A"), ("b", "B"), ("c", "C"), ("i", "General Index"))}
    ranked = [["i", "a", "b"], ["a", "b"], ["c"]]
    near = [["a", "b", "c", "i"], ["a", "b", "c", "i"], ["c", "a", "b", "i"]]
    order = queries.chosen(ranked, near, found)
    assert order[:3] == ["a", "b", "c"] and order[3] == "i" and len(order) == 4
    assert queries.chosen([], [], {}) == []
    types = found | {"t": Hit("t", "Index Types", "", "0")}  # which is no index
    assert queries.chosen([["t", "a"]], [["t", "a"]], types) == ["t", "a"]
    notes = found | {"n": Hit("n", "What’s New In Heron 2", "", "0")}
    assert queries.chosen([["n", "a"]], [["n", "a"]], notes, "How does Heron work?") == ["a", "n"]
    assert queries.chosen([["n", "a"]], [["n", "a"]], notes, "What changed in Heron 2?") == ["n", "a"]


# --- copies ------------------------------------------------------------------------------

TEXT = (
    "The tower was built of granite and has stood on the reef since then, and its lamp is seen far out at sea at night."
)


def test_copies_are_folded_unless_they_differ_in_a_fact() -> None:
    def passage(name: str, text: str) -> Passage:
        return Passage(name, "src_a", "", 0, len(text), text)

    one, copy = passage("1", f"{TEXT} It is 30 metres high."), passage("2", f"{TEXT.upper()} It is 30 metres high!")
    changed = passage("3", f"{TEXT} It is 45 metres high.")
    other = passage("4", "A foghorn is heard where a lamp is not seen.")
    assert [p.id for p in duplicates.distinct([one, copy, changed, other])] == ["1", "3", "4"]


def test_a_search_is_an_event_of_the_stream() -> None:
    out = io.StringIO()
    Stream(out).search(events.searched(2, [queries.Query("x y", "no claim speaks of “x”", "thing")]))
    line = json.loads(out.getvalue())
    assert (line["event"], line["round"], line["queries"][0]["kind"]) == ("search", 2, "thing")


# --- citations -----------------------------------------------------------------------------


def test_recall_and_precision_of_citations() -> None:
    lamp, horn = SAID[0][1], SAID[3][1]
    assert scores([(lamp, [lamp])]).recall == 1.0
    both = scores([(lamp, [lamp, horn]), (lamp.replace("night", "noon"), [lamp]), (horn, [])])
    # One of three sentences is borne out; of three citations one is needed, one is beside the point, one fails.
    assert (both.recall, both.precision, both.sentences, both.citations) == (0.3333, 0.3333, 3, 3)
    assert scores([]).recall == 0.0


# --- the closing lines -------------------------------------------------------------------------


def closing(**more: object) -> list[str]:
    return lines({"sections": [], "evidence": {}, **more})


def test_the_closing_lines_say_what_was_looked_for() -> None:
    searches = [
        {"round": 1, "text": "q", "why": "the question", "kind": "question"},
        {"round": 1, "text": "p", "why": "a part of the question", "kind": "part"},
        {"round": 2, "text": "x", "why": "no claim speaks of “radio beacon”", "kind": "thing"},
        {"round": 2, "text": "y", "why": "little is said under “Sound”", "kind": "thin"},
        {"round": 2, "text": "z", "why": "no claim names a limit", "kind": "limits"},
    ]
    (line,) = closing(searches=searches)
    assert line == (
        "The first search looked for the question and its parts; the second for “radio beacon”, of which no claim"
        " spoke, more on “Sound” and limits and exceptions."
    )
    asked = [{"round": n, "text": "q", "why": "the question", "kind": "question"} for n in (1, 2)]
    assert closing(searches=asked) == ["The search asked the question itself, in 2 rounds."]
    assert closing() == []


def test_the_closing_lines_name_sections_on_one_source() -> None:
    evidence = {e: {"source": s} for e, s in (("e1", "src_a"), ("e2", "src_b"), ("e3", "src_a"))}

    def section(name: str, *ids: str) -> dict[str, object]:
        return {"heading": name, "claims": [{"evidence": [i]} for i in ids]}

    mixed, lone = section("Mixed", "e1", "e2"), section("Lone", "e3")
    assert closing(sections=[mixed, lone], evidence=evidence) == ["“Lone” rests on one source."]
    assert closing(sections=[mixed], evidence=evidence) == []
    assert closing(sections=[lone], evidence=evidence) == ["The whole report rests on one source."]
    counted = {"recall": 1.0, "precision": 0.97, "sentences": 9, "citations": 10}
    assert closing(citations=counted)[0].startswith("Citation recall 1.00, precision 0.97 (checked by code")


# --- the bench -----------------------------------------------------------------------------------


def test_the_questions_of_the_bench_are_twenty_with_two_pages_each() -> None:
    asked = questions()
    assert len(asked) == len({q.id for q in asked}) == 20
    assert all(len({p.page for p in q.gold}) == 2 and all(p.fact and p.words for p in q.gold) for q in asked)
    assert [q.id for q in questions(["money"])] == ["money"]
    for q in asked:
        make_brief(q.question)


def test_only_verified_claims_count_for_a_page() -> None:
    (asked,) = questions(["money"])
    text = "Most decimal fractions cannot be represented exactly as binary fractions."
    report = {
        "sources": {"src_a": {"url": "http://127.0.0.1:1/x/tutorial/floatingpoint.html"}},
        "evidence": {"e1": {"source": "src_a", "text": text}},
        "sections": [{"claims": [{"text": text, "evidence": ["e1"]}]}],
    }
    first, second = supported(asked, report)
    assert (first["claims"], first["fact"], second["claims"]) == (1, True, 0)
    wrong = json.loads(json.dumps(report).replace('"text": "Most', '"text": "No', 1))
    wrong["sections"][0]["claims"][0]["text"] = text.replace("cannot", "can")
    assert supported(asked, wrong)[0]["claims"] == 0
    assert Path("bench/two_pages.json").is_file()
