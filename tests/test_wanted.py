"""What the user wants of the words, from the command line to the run's record and the canvas."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.brief import make_brief
from agent.required import queries
from dlm_core.canvas import Canvas, Kind, Slot, Wanted, holds
from dlm_core.layout import Budget
from dlm_core.wanted import lacking, sized
from workflows import cli, runs
from workflows.context import Context
from workflows.outcome import UsageError
from workflows.parsers import parsed, research_parser
from workflows.terminal import Reporter

QUESTION = "How do tides work?"


def asked(*options: str) -> runs.Run:
    given = parsed(research_parser("palimpsest"), [QUESTION, "--sources", "notes", *options])
    return cli._request(given, QUESTION, None)


def test_terms_and_length_are_kept_in_the_run_and_reach_the_canvas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    run = asked("--require", "spring  tide", "--require", "Moon", "--forbid", "astrology", "--length", "300")
    assert (run.require, run.forbid, run.length) == (("spring tide", "Moon"), ("astrology",), 300)
    kept = runs.load(runs.record(run).id)
    assert (kept.require, kept.forbid, kept.length) == (run.require, run.forbid, run.length)
    canvas = Context(kept, [], Reporter()).canvas(make_brief(QUESTION), "")
    assert canvas.wanted == Wanted(("spring tide", "Moon"), ("astrology",), 300)
    assert asked().require == () and asked().length == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--require", "Moon", "--forbid", "moon"], "both required and forbidden"),
        (["--require", "full moon", "--forbid", "Moon"], "both required and forbidden"),
        (["--forbid", "tides"], "stands in the question"),
        (["--require", " "], "--require takes a word or a few"),
        (["--forbid", "x" * 61], "--forbid takes a word or a few"),
        (["--length", "12"], "not a whole number from 60"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(options: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        asked(*options)


def test_terms_are_whole_words() -> None:
    assert holds("A Spring\n tide rises.", "spring tide") and not holds("The springtide rose.", "spring tide")
    assert not holds("Moonlight", "moon") and holds("the moon.", "Moon") and holds("C++ is old", "C++")


def test_a_term_is_searched_for_unless_the_question_names_it() -> None:
    made = queries(make_brief(QUESTION), ("spring tide", "tides"))
    assert ["spring tide" in q.text for q in made] == [True]


@pytest.mark.parametrize("words", [100, 300, 400, 2000])
def test_the_budget_follows_the_length(words: int) -> None:
    budget = sized(Budget(), Wanted(words=words))
    assert abs(17 * budget.claims + 60 - words) <= 20 and budget.most >= budget.claims
    assert budget.slots >= budget.claims + budget.sections and budget.sections >= 1
    assert sized(Budget(), Wanted()) == Budget()


def test_what_is_lacking_is_known() -> None:
    slots = (Slot("s1", Kind.SECTION, text="Tides"), Slot("s2", Kind.CLAIM, ("e",), "The Moon pulls."))
    assert lacking(Canvas("Q?", slots, wanted=Wanted(("moon", "sun")))) == ["sun"]
