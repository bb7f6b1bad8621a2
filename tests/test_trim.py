"""Which words go: the model's odds choose among whole phrases, and the rest is a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlm_core.phrases import words
from dlm_core.support import problems
from dlm_core.trim import bracketed, choose, has_point, odds_of_words, without

SENTENCE = "However, the enzyme (a protein) works in the cell, which is warm, because heat speeds it up."


def passes(text: str) -> bool:
    return not problems(text, [SENTENCE])


def odds(*going: str) -> list[float]:
    """Words that go with high odds: those of the phrases `going`."""
    inside = {w for phrase in going for w in words(phrase)}
    return [3.0 if w in inside else -3.0 for w in words(SENTENCE)]


@pytest.mark.parametrize(
    ("going", "left"),
    [
        (["However"], "The enzyme (a protein) works in the cell, which is warm, because heat speeds it up."),
        (["( a protein )"], "However, the enzyme works in the cell, which is warm, because heat speeds it up."),
        ([", because heat speeds it up"], "However, the enzyme (a protein) works in the cell, which is warm."),
        (["However", "( a protein )"], "The enzyme works in the cell, which is warm, because heat speeds it up."),
        (["enzyme"], SENTENCE),
        ([], SENTENCE),
    ],
)
def test_whole_phrases_go_and_seams_are_mended(going: list[str], left: str) -> None:
    assert without(SENTENCE, choose(SENTENCE, odds(*going), lambda t: True)) == left


@given(st.lists(st.floats(-4, 4), min_size=25, max_size=25), st.floats(0, 3))
@settings(max_examples=150, deadline=None)
def test_whatever_the_odds_the_rest_passes_the_check(drawn: list[float], cost: float) -> None:
    weights = drawn[: len(words(SENTENCE))]
    cuts = choose(SENTENCE, weights, passes, cost=cost)
    if cuts:
        assert passes(without(SENTENCE, cuts))


def test_odds_are_summed_over_the_tokens_of_a_word() -> None:
    text = "Cells divide."
    assert odds_of_words(text, [(0, 2), (2, 5), (5, 12), (12, 13)], [1.0, 2.0, 4.0, 8.0]) == [3.0, 4.0, 8.0]


def test_nothing_goes_where_too_little_would_stay() -> None:
    text = "Cells divide fast, because they must."
    assert choose(text, [5.0] * len(words(text)), lambda t: True) == []


def test_what_stands_in_brackets_is_told_from_the_rest() -> None:
    text = "Cells (of a [thin] leaf) divide) fast [now]."
    inside = [w for w, b in zip(words(text), bracketed(text), strict=True) if b]
    assert inside == ["(", "of", "a", "[", "thin", "]", "leaf", ")", "[", "now", "]"]


@pytest.mark.parametrize(
    ("stretch", "point"),
    [
        (", because heat speeds it up", True),
        ("because heat speeds it up", True),
        ("— making it warm", True),
        (", which is warm, making it fast", True),
        ("While plants grow,", True),
        (", which is warm", False),
        ("(because it is warm)", False),
        (", although it is warm", False),
        ("So,", False),
        (", so it grows", True),
        ("However,", False),
    ],
)
def test_reasons_contrasts_and_what_comes_of_it_are_the_point_of_a_sentence(stretch: str, point: bool) -> None:
    assert has_point(words(stretch)) is point


def test_the_point_stays_where_it_is_to_be_kept_and_what_cannot_go_without_it_stays_too() -> None:
    weights = odds("However", ", which is warm, because heat speeds it up")
    cut = choose(SENTENCE, weights, lambda t: True, keep_points=True)
    assert without(SENTENCE, cut) == "The enzyme (a protein) works in the cell because heat speeds it up."
    assert without(SENTENCE, choose(SENTENCE, weights, lambda t: True)) == "The enzyme (a protein) works in the cell."
