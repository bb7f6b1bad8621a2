"""Lists of a page, told in one sentence."""

from __future__ import annotations

import pytest

from dlm_core.lists import said, told
from dlm_core.segment import split
from dlm_core.standalone import standalone
from dlm_core.support import problems


def listed(lead: str, *items: str) -> str:
    return "\n\n".join((lead, *(f"- {item}" for item in items)))


@pytest.mark.parametrize(
    ("lead", "items", "sentence"),
    [
        (
            "SQLite supports three different threading modes:",
            ["Single-thread", "Multi-thread", "Serialized"],
            "SQLite supports three different threading modes: Single-thread, Multi-thread, and Serialized.",
        ),
        (
            "Preprocessing includes:",
            ["Parsing documents into tokens.", "Converting tokens into lexemes."],
            "Preprocessing includes parsing documents into tokens and converting tokens into lexemes.",
        ),
        (  # clauses after "when" need no colon; whether both are needed the page does not say
            "Django sends mail about broken links when:",
            ["DEBUG is False;", "The middleware is installed."],
            "Django sends mail about broken links when DEBUG is False; the middleware is installed.",
        ),
        (  # the page's own "or"
            "The archive must hold:",
            ["a copy of the sources; or", "a written offer."],
            "The archive must hold: a copy of the sources or a written offer.",
        ),
        (
            "A trigger is fired if any of these hold:",
            ["The row is new", "The column has changed"],
            "A trigger is fired if any of these hold: the row is new or the column has changed.",
        ),
        (  # what an item names and what it says of it
            "A build requires two source files:",
            ["sqlite3.c: The SQLite amalgamation", "shell.c: The command-line program itself"],
            "A build requires two source files: sqlite3.c (the SQLite amalgamation) and shell.c (the command-line "
            "program itself).",
        ),
        (  # only the first sentence of an item
            "Django has two palettes:",
            ["dark, for terminals with white text. This is the default.", "light, for black text"],
            "Django has two palettes: dark, for terminals with white text; and light, for black text.",
        ),
        (  # a name stays one, and then every item keeps the letter it has
            "Two people keep the policy:",
            ["Russ Allbery", "The secretary"],
            "Two people keep the policy: Russ Allbery and The secretary.",
        ),
    ],
)
def test_a_list_is_told_in_one_sentence(lead: str, items: list[str], sentence: str) -> None:
    assert told(listed(lead, *items)) == sentence
    assert said(listed(lead, *items)) == sentence


@pytest.mark.parametrize(
    ("lead", "items"),
    [
        ("Hashes:", ["one", "two"]),  # no verb: a caption
        ("The method takes three arguments:", ["a name", "a number"]),  # one is missing
        ("There are two cases:", ["it is on:", "it is off"]),  # the first goes on elsewhere
        ("The options are:", ["Delete it", "Something else?"]),
        ("There are some limits:", ["word " * 30, "another"]),  # too long to be read in one breath
        ("There is one rule:", ["only this"]),
        ("The fields are:", ["name: what it is called", "value"]),  # one is explained, the other not
    ],
)
def test_what_cannot_be_told_stays_as_it_is(lead: str, items: list[str]) -> None:
    assert told(listed(lead, *items)) == ""
    assert said(listed(lead, *items)) == listed(lead, *items)


def test_a_plain_sentence_says_what_it_is() -> None:
    assert said("A plain sentence: it has a colon.") == "A plain sentence: it has a colon."


PAGE = """# Threads

Programs share memory. SQLite supports three different threading modes:

- Single-thread

- Multi-thread

- Serialized

The default mode is serialized."""


def test_a_list_is_evidence_at_its_place_in_the_page() -> None:
    _, evidence = split(PAGE, "src_0000000000")
    assert all(PAGE[e.start : e.end] == e.text for e in evidence)
    found = next(e for e in evidence if e.text.startswith("SQLite supports"))
    assert found.standalone and found.text.endswith("- Serialized")
    assert found.said == "SQLite supports three different threading modes: Single-thread, Multi-thread, and Serialized."
    assert not problems(found.said, [found.said])
    assert [e.standalone for e in evidence if e.text == "Multi-thread"] == [False]


@pytest.mark.parametrize(
    "page",
    [
        PAGE.replace("- Serialized\n", "- Serialized\n\n```\nPRAGMA threads\n```\n"),  # code belongs to the last item
        PAGE.replace("- Serialized\n", "This one is slow.\n\n- Serialized\n"),  # a paragraph between two items
        PAGE.replace("SQLite supports", "It supports"),  # what does?
        PAGE.replace("- Multi-thread", f"- {'many words ' * 12}"),
    ],
)
def test_a_list_that_may_not_be_whole_is_no_evidence(page: str) -> None:
    _, evidence = split(page, "src_0000000000")
    lead = next(e for e in evidence if "threading modes" in e.text)
    assert lead.text.endswith("modes:") and not lead.standalone


def test_what_follows_may_stand_in_the_sentence_itself() -> None:
    assert not standalone(
        "The control plane consists of the following components: the API server, etcd and a scheduler."
    )
    assert not standalone("There are two ways to reference a value stored in a vector: via indexing or by a method.")
    assert standalone("The control plane consists of the following components.")
    assert standalone("There are two ways to reference a value stored in a vector.")
    assert standalone("The following encoder class contains two layers: attention and a network for each position.")


def test_no_item_of_a_list_is_cut_out_of_it() -> None:
    whole = "Cursors can be defined in three ways: via a statement; via a message; or via the interface."
    assert problems("Cursors can be defined in three ways: via a statement; or via the interface.", [whole])
    assert problems("Cursors can be defined in three ways: via a statement.", [whole])
    short = "SQLite supports three different threading modes: Single-thread, Multi-thread, and Serialized."
    assert problems("SQLite supports three different threading modes: Single-thread, and Serialized.", [short])
