"""The checker of numbers, dates, names and negations, with planted errors."""

from __future__ import annotations

import pytest

from dlm_core.facts import facts, unsupported

EVIDENCE = {
    "sun": "In 1860, the German physicist Gustav Kirchhoff found sodium in the Sun, 150 million kilometers from Earth.",
    "task": "If a timeout occurs, asyncio.wait_for() cancels the task and raises TimeoutError, "
    "but the shield is not cancelled.",
    "gdp": "U.S. GDP fell by 10 percent in March 2020, and about 1,400 banks of twelve states closed.",
    "rock": "Helium does not react with oxygen, and no compound of neon is known.",
    "moon": "The Galileo probe found a second moon of the asteroid Ida on August 28, 1993.",
    "hale": "George Ellery Hale built the 60-inch telescope on Mount Wilson with one-third of the money.",
    "lock": "A mutable object cannot be shared between two threads without a lock.",
    "wto": "The World Trade Organization oversaw 137 cases between 1995 and 2020.",
}

CLEAN = [
    ("sun", "Gustav Kirchhoff found sodium in the Sun in 1860."),
    ("sun", "The Sun is 150,000,000 kilometers from Earth."),
    ("sun", "Kirchhoff was a German physicist."),
    ("task", "asyncio.wait_for raises TimeoutError and cancels the task."),
    ("task", "TimeoutError is raised if a timeout occurs."),
    ("task", "The shield is not cancelled when wait_for() runs into a timeout."),
    ("gdp", "GDP of the U.S. fell by 10% in March 2020."),
    ("gdp", "About 1400 banks closed."),
    ("gdp", "Banks closed in 12 states."),
    ("gdp", "GDP fell by ten percent in 2020."),
    ("rock", "Helium does not react with oxygen."),
    ("rock", "No compound of neon is known."),
    ("moon", "On 28 August 1993, the Galileo probe found a moon of Ida."),
    ("moon", "Ida is an asteroid with a 2nd moon."),
    ("moon", "Galileo found the moon in August 1993."),
    ("hale", "George Hale built the 60-inch telescope."),
    ("hale", "The telescope on Mount Wilson was built by Hale."),
    ("hale", "One-third of the money went to the telescope."),
    ("lock", "Two threads cannot share a mutable object without a lock."),
    ("lock", "Sharing a mutable object between 2 threads is not possible without a lock."),
    ("wto", "Between 1995 and 2020, the World Trade Organization oversaw 137 cases."),
    ("wto", "Cases overseen by the World Trade Organization numbered 137."),
]

PLANTED = [
    ("sun", "Gustav Kirchhoff found sodium in the Sun in 1866.", "1866"),
    ("sun", "The Sun is 140 million kilometers from Earth.", "140 million"),
    ("sun", "The Sun is 150 billion kilometers from Earth.", "150 billion"),
    ("sun", "Robert Bunsen found sodium in the Sun.", "Robert Bunsen"),
    ("sun", "The Austrian physicist Kirchhoff found sodium.", "Austrian"),
    ("task", "asyncio.wait_for raises CancelledError.", "CancelledError"),
    ("task", "asyncio.gather cancels the task.", "asyncio.gather"),
    ("task", "The shield is cancelled when a timeout occurs.", "dropped: not cancel"),
    ("gdp", "GDP fell by 10 points in March 2020.", "10"),
    ("gdp", "GDP fell by 10% in March 2021.", "March 2021"),
    ("gdp", "GDP fell by 10% in April 2020.", "April 2020"),
    ("gdp", "About 1,500 banks closed.", "1,500"),
    ("gdp", "Banks of eleven states closed.", "eleven"),
    ("gdp", "U.K. GDP fell by 10%.", "U.K"),
    ("rock", "Helium reacts with oxygen.", "dropped: not react"),
    ("rock", "A compound of neon is known.", "dropped: not compound"),
    ("moon", "The probe found the moon on August 29, 1993.", "August 29, 1993"),
    ("moon", "The Voyager probe found a moon of Ida.", "Voyager"),
    ("moon", "The Galileo probe did not find a second moon.", "not find"),
    ("moon", "The Galileo probe found a third moon.", "third"),
    ("hale", "George Wilson built the telescope.", "George Wilson"),
    ("hale", "Two-thirds of the money went to the telescope.", "Two-thirds"),
    ("lock", "A mutable object can be shared between two threads.", "dropped: not shar"),
    ("lock", "An immutable object cannot be shared between two threads.", "immutable"),
    ("wto", "The World Health Organization oversaw 137 cases.", "World Health Organization"),
    ("wto", "The organization oversaw 137 cases in the 1990s.", "1990s"),
    ("wto", "The World Trade Organization never oversaw cases.", "not oversaw"),
]


@pytest.mark.parametrize(("key", "text"), CLEAN)
def test_clean_claims_pass(key: str, text: str) -> None:
    assert unsupported(text, [EVIDENCE[key]]) == []


@pytest.mark.parametrize(("key", "text", "found"), PLANTED)
def test_planted_errors_are_found(key: str, text: str, found: str) -> None:
    bad = unsupported(text, [EVIDENCE[key]])
    assert any(b == found or (b.startswith(("dropped", "not")) and found in b) for b in bad), bad


def test_every_evidence_supports_itself() -> None:
    for text in EVIDENCE.values():
        assert unsupported(text, [text]) == []


def test_facts_may_come_from_several_evidence() -> None:
    claim = "Kirchhoff worked in 1860 and Hale built the 60-inch telescope."
    assert unsupported(claim, [EVIDENCE["sun"], EVIDENCE["hale"]]) == []
    assert unsupported(claim, [EVIDENCE["sun"]]) == ["Hale", "60"]
    assert unsupported(claim, []) == ["Kirchhoff", "1860", "Hale", "60"]


def test_facts_are_spans_of_the_text() -> None:
    text = "The World Trade Organization oversaw 137 cases, and asyncio.run raised two errors on March 3, 1995."
    assert [(text[a:b], kind) for a, b, kind in facts(text)] == [
        ("World Trade Organization", "name"),
        ("137", "number"),
        ("asyncio.run", "name"),
        ("two", "number"),
        ("March 3, 1995", "date"),
    ]
    assert facts("Most rivers begin at a spring.") == []
    assert facts("") == []
