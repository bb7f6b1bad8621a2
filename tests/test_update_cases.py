"""The bench of planted updates: what it plants is what it says, and its verdicts can be negative."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench import update_cases as cases
from bench.updates import passed
from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.conflict import changes, says
from dlm_core.embed import Embedder

BODY = (
    "Watson taught at a university in the north for many years. In 1920, Watson published a paper on learned fear. "
    "The paper of Watson described a child of nine months. About 40 students attended each lecture in the large hall. "
    "Critics of Watson asked for a larger number of children. The method of Watson was used in advertising after that. "
    "Later studies with animals gave results that were easier to repeat. "
    "The reputation of Watson rests on a few papers and on one book. "
    "The book of Watson was read by parents in large cities. "
    "Parents in large cities bought 600 copies of the book in one week. "
    "Fear is easy to produce in animals and hard to remove again. "
    "Most laboratories of the time had two or three rooms for animals. "
    "The school of Watson had followers in several countries of Europe. "
    "Funding for such studies came from private donors in the city. "
    "The records of the laboratory are kept in a public archive today. "
    "Many readers know the paper from short accounts in textbooks. "
    "The journal that printed the paper had 600 subscribers at the time. "
)


def shard(folder: Path) -> Path:
    (folder / "textbooks").mkdir()
    raw = {"id": "book/p1", "title": "Learned Fear", "chapter": "Learning", "licence": "CC BY 4.0"}
    sections = [{"heading": f"Part {n}", "level": 1, "paragraphs": [BODY]} for n in range(4)]
    with gzip.open(folder / "textbooks" / "made.jsonl.gz", "wt") as out:
        out.write(json.dumps(raw | {"sections": sections[:1] + [{**sections[1], "paragraphs": ["x" * 3500]}]}) + "\n")
    return folder


@pytest.fixture(scope="module")
def topic(tmp_path_factory: pytest.TempPathFactory) -> cases.Topic:
    data = shard(tmp_path_factory.mktemp("data"))
    (page,) = cases.pages(data, "textbooks/made", 5, 0)
    (made,) = cases.topics([page], 1, Embedder())
    return made


def drafted(topic: cases.Topic) -> Canvas:
    held = [e for e in topic.pool.evidence.values() if e.standalone]
    claims = [
        Slot(f"s{n}", Kind.CLAIM, (e.id,), e.text, (1,), (1.0,), origin="evidence") for n, e in enumerate(held, 2)
    ]
    return Canvas(topic.question, (Slot("s1", Kind.SECTION, text="Fear"), *claims), next_id=50)


def test_a_topic_rests_on_a_value(topic: cases.Topic) -> None:
    assert (topic.premise, topic.kind) == ("Watson", "name")
    resting = [e for e in topic.pool.evidence.values() if says(e.text, "Watson")]
    assert len(resting) >= cases.RESTING + 1
    assert topic.left_out and not {e.id for e in topic.left_out} & set(topic.pool.ids)


def test_a_premise_is_said_anew_by_a_later_source(topic: cases.Topic) -> None:
    case = cases.premise(topic, drafted(topic), ["Keller", "Arnold"], Embedder(), Random(1))
    assert case is not None and case.old == "Watson" and case.new in ("Keller", "Arnold")
    assert len(case.target) >= cases.RESTING and len(case.changed) >= 2
    for e in case.changed:
        assert says(case.pool.evidence[e].text, case.new) and not says(case.pool.evidence[e].text, "Watson")
    sources = {case.pool.evidence[e].source for e in case.fresh}
    assert all(case.pool.dates[s] == cases.NEWER > cases.OLD for s in sources)


@pytest.mark.parametrize("prefer", ["number", "date"])
def test_a_single_fact_is_changed_where_one_claim_names_it(topic: cases.Topic, prefer: str) -> None:
    canvas = drafted(topic)
    (page,) = [cases.Page("f", "p", "Other", "", tuple(topic.pool.evidence.values()))]
    case = cases.fact(topic, canvas, [], [page], Embedder(), Random(3), prefer)
    assert case is not None and case.fact == prefer
    (target,) = case.target
    assert says(canvas.slot(target).text, case.old.split()[0])
    assert sum(says(s.text, case.old) for s in canvas.claims()) == 1
    lead = canvas.slot(target).pointers[0]
    assert changes(case.pool.evidence[lead].text, case.pool.evidence[case.changed[0]].text)


def test_other_words_keep_the_value_and_are_varied() -> None:
    sentence = "In 1998, about 40 students often attended the large lecture."
    said = {cases.reworded(sentence, ["40"], Random(n)) for n in range(60)}
    assert len(said) > 15 and all(says(text, "40") and says(text, "1998") for text in said)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("40 students", "number"), ("3.5 percent", "number"), ("1920", "date"), ("three years", "number")],
)
def test_another_value_has_the_shape_of_the_first(value: str, kind: str) -> None:
    for n in range(20):
        other = cases.other_value(value, kind, [], "", Random(n))
        if other is not None:
            assert other != value and other.split()[1:] == value.split()[1:]


def verdict(topic: cases.Topic, what: str, **found: Any) -> bool:
    case = cases.Case("c", what, topic, drafted(topic), topic.pool, (), "40", "60", target=("s4",))
    plain = {"kind": "keep", "changed": [], "added": [], "target": {}, "stale": []}
    return passed(case, plain | found)


def test_verdicts(topic: cases.Topic) -> None:
    assert verdict(topic, "irrelevant") and not verdict(topic, "irrelevant", kind="local")
    assert not verdict(topic, "irrelevant", changed=["s2"])
    told = {"s4": "new"}
    assert verdict(topic, "fact", kind="local", changed=["s4"], target=told)
    assert not verdict(topic, "fact", kind="local", changed=["s4", "s5"], target=told)
    assert not verdict(topic, "fact", kind="local", changed=["s4"], target={"s4": "old"})
    assert not verdict(topic, "fact", kind="reconstruct", changed=["s4"], target=told)
    assert verdict(topic, "premise", kind="reconstruct", target={"s4": "disputed", "s5": "new"})
    assert not verdict(topic, "premise", kind="reconstruct", target={"s4": "old", "s5": "new"})
    assert not verdict(topic, "premise", kind="reconstruct", target=told, stale=["s9"])
    assert not verdict(topic, "premise", kind="local", target=told)
