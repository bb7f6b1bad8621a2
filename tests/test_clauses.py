"""Sentences parted at their seam, joined, and without their asides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.clauses import asides, clauses, halves, joined, unborne
from dlm_core.parting import parted
from dlm_core.phrases import words
from dlm_core.pool import Pool
from dlm_core.segment import Evidence
from dlm_core.support import problems
from dlm_core.trim import choose, without

TWO = "The forming of new memories is called construction, and the process of bringing up old ones is called recall."


def test_a_sentence_of_two_clauses_becomes_two() -> None:
    parts = clauses(TWO)
    assert parts == (
        "The forming of new memories is called construction.",
        "The process of bringing up old ones is called recall.",
    )
    # A cut that support.problems does not allow; with the clauses of the evidence it is borne out.
    assert problems(parts[1], [TWO]) and unborne(parts[1], [TWO]) == []
    assert unborne("The process of bringing up old ones is called construction.", [TWO])


@pytest.mark.parametrize(
    "sentence",
    [
        "Short-term memory takes information from the senses and sometimes connects it to what is known.",
        "The text is kept on the local disk, and is written again after a revision of the page.",
        "If it rains on the coast, the sand of the beach gets wet, and the plants of the dunes grow.",
        "The model reads both the question and the page, and the planner sees neither of the two.",
        "The report lists its sources, the numbers of its claims, and the words of its summary.",
        "Tides rise twice a day.",
    ],
)
def test_what_is_not_sure_stays_whole(sentence: str) -> None:
    assert clauses(sentence) is None


def test_two_sentences_become_one_in_their_own_words() -> None:
    assert joined("The brain stores memory.", "The liver stores sugar.", "") == [
        "The brain stores memory, and the liver stores sugar.",
        "The brain stores memory; the liver stores sugar.",
    ]
    assert joined("A model writes.", "Dream starts from it.", "a copy of Dream is kept")[0].endswith(
        "and Dream starts from it."
    )
    assert joined("A model writes.", "Dream starts from it.", "") == []  # a name, or a word: nobody knows
    # What a condition opens may reach over the seam: its second half is no evidence by itself.
    told = ["If the owner dies, the heir pays the debt, and the state collects the tax."]
    assert unborne("The state collects the tax.", told)


@pytest.mark.parametrize(
    ("sentence", "simple"),
    [
        ("The base (a small model) reads the whole text, which is costly.", "The base reads the whole text."),
        ("However, the models remask their least certain tokens.", "The models remask their least certain tokens."),
        ("Tides rise — as one would expect — twice a day.", "Tides rise twice a day."),
        (
            "The parts of the brain for memory are the amygdala, the hippocampus, the cerebellum, and the cortex.",
            "The parts of the brain for memory are the amygdala, the hippocampus, the cerebellum, and the cortex.",
        ),
    ],
)
def test_asides_go_and_lists_stay(sentence: str, simple: str) -> None:
    assert len(asides(sentence)) == len(words(sentence))
    text = sentence
    for _ in range(3):
        text = without(text, choose(text, asides(text), lambda t: not problems(t, [sentence]), cost=0.5))
    assert text == simple


def test_a_claim_of_two_things_is_parted_with_its_evidence() -> None:
    """What new evidence contradicts is one half of a merged claim; the other half stays, word for word."""
    told = {
        "a.e0": "The bridge was built in 1911.",
        "a.e40": "A storm (the worst so far) took its roof in 1950.",
    }
    pieces = {i: Evidence(i, "a", "a.p0", "", 0, 9, t, "", True, "") for i, t in told.items()}
    pool = Pool(pieces, np.zeros((2, 384), np.float32))
    text = "The bridge was built in 1911, and a storm took its roof in 1950."
    assert halves(text, list(told.values())) == ("The bridge was built in 1911.", "A storm took its roof in 1950.")
    assert halves(told["a.e0"], list(told.values())) is None
    merged = Slot("s2", Kind.CLAIM, tuple(told), text, (1, 2), (0.5, 0.7), origin="model")
    alone = Slot("s3", Kind.CLAIM, ("a.e0",), told["a.e0"], origin="evidence")
    canvas = Canvas("How old is it?", (Slot("s1", Kind.SECTION, text="Age"), merged, alone), next_id=4)
    made, seconds = parted(canvas, ["s2", "s3"], pool)
    assert seconds == {"s2": "s4"} and made.slot("s3") is alone
    first, second = made.slot("s2"), made.slot("s4")
    assert (first.text, first.pointers, first.origin) == (told["a.e0"], ("a.e0",), "evidence")
    assert (second.text, second.pointers, second.origin) == ("A storm took its roof in 1950.", ("a.e40",), "model")
    assert first.certainty == second.certainty == merged.certainty
    made.check(set(told))
    pinned = canvas.with_slots({"s2": replace(merged, pinned=True)})
    assert parted(pinned, ["s2"], pool) == (pinned, {})
