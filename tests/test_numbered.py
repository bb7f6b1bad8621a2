"""Names told apart by a number."""

from __future__ import annotations

import pytest

from agent.numbered import about_another, may_speak, numbered
from tools.query import keywords
from tools.source import Source

ASKED = numbered("How did World War I begin and how did it end?")


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("World War II ended in 1945.", False),
        ("During World War II, the GMD fought from Chongqing.", False),
        ("World War I ended in 1918, and World War II in 1945.", True),
        ("The treaty of 1919 ended World War I.", True),
        ("The armistice was signed in a railway car.", True),
        ("The army had 11 divisions on May 8.", True),
    ],
)
def test_another_one_of_a_name_is_not_what_is_asked_about(text: str, may: bool) -> None:
    assert may_speak(ASKED, text, aside=False) is may
    assert may_speak(numbered("What happened on May 5?"), text, aside=False)  # a day is none of a name


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("World War I had ended in 1918.", True),
        ("World War II, like World War I, brought about new weapons.", False),
        ("Half of the war production came from the United States.", False),
    ],
)
def test_in_a_source_on_another_one_a_sentence_must_name_the_one_that_is_asked_about(text: str, may: bool) -> None:
    assert may_speak(ASKED, text, aside=True) is may


def test_a_source_is_about_the_one_of_a_name_that_it_names_more_often() -> None:
    def source(title: str, text: str) -> Source:
        return Source("src_0123456789", "file:///a", title, text, "2026-11-30")

    late = source("The Causes of World War II", "World War I had ended in 1918.\n\nThen World War II began.")
    assert about_another(ASKED, late)
    assert not about_another(numbered("Compare World War I with World War II."), late)
    assert not about_another(ASKED, source("Total War", "World War I was long.\n\nWorld War II was longer."))
    assert not about_another(ASKED, source("Sports", "A team has 11 players."))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("How did World War I begin?", ["World", "War", "I", "begin"]),
        ("What did Elizabeth I want?", ["Elizabeth", "I", "want"]),
        ("Should I learn Rust?", ["learn", "Rust"]),
        ("When I learn Rust, what do I gain?", ["learn", "Rust", "gain"]),
    ],
)
def test_the_number_of_a_name_is_searched_for_and_the_asker_is_not(question: str, words: list[str]) -> None:
    assert keywords(question) == words
