"""What a claim may say of its evidence: edits that stay true pass, planted errors do not."""

from __future__ import annotations

import pytest

from dlm_core.support import heading_problems, problems
from dlm_core.train.edits import brief, clean

BOHR = (
    "In 1913, Niels Bohr, who worked in Copenhagen, proposed that electrons orbit the nucleus at fixed distances"
    " (Sommerfeld refined the idea), because classical theory could not explain the spectrum of hydrogen."
)
TASK = "Cancelling an asyncio task, however, may raise CancelledError in the coroutine when it next runs."

VERB = "Internal pressure produced by the motions of the gas atoms, pushing outward, tries to force the star to expand."
SPLICE = "The block might get cancelled by the timeout, but the rest of the code continues to run."
WHILE = "the block might get cancelled by the timeout, the rest of the code continues to run."
HEDGE = "There are many molecular clouds that form only (or mainly) low-mass stars."
LIST = "Amnesia is the loss of memory after a disease, a physical trauma, or a psychological trauma."

FAITHFUL = [
    (BOHR, BOHR),
    (
        "In 1913, Niels Bohr proposed that electrons orbit the nucleus at fixed distances (Sommerfeld refined the"
        " idea), because classical theory could not explain the spectrum of hydrogen.",
        BOHR,
    ),
    (
        "In 1913, Niels Bohr proposed that electrons orbit the nucleus at fixed distances because classical theory"
        " could not explain the spectrum of hydrogen.",
        BOHR,
    ),
    ("In 1913, Niels Bohr proposed that electrons orbit the nucleus at fixed distances.", BOHR),
    ("Cancelling an asyncio task may raise CancelledError in the coroutine when it next runs.", TASK),
]

PLANTED = [
    ("In 1931, Niels Bohr proposed that electrons orbit the nucleus at fixed distances.", BOHR),  # date
    ("In 1913, Niels Sommerfeld proposed that electrons orbit the nucleus at fixed distances.", BOHR),  # name
    ("In 1913, Niels Bohr proposed that electrons never orbit the nucleus at fixed distances.", BOHR),  # negation
    ("In 1913, Niels Bohr proposed that electrons orbit hydrogen at fixed distances.", BOHR),  # recombined
    ("In 1913, Niels Bohr proposed that protons orbit the nucleus at fixed distances.", BOHR),  # new word
    ("In 1913, Niels Bohr proposed that electrons orbit the nucleus at.", BOHR),  # cut in a phrase
    ("In 1913, Niels Bohr proposed that electrons electrons orbit the nucleus at fixed distances.", BOHR),  # repeat
    ("Sommerfeld proposed that electrons orbit the nucleus at fixed distances.", BOHR),  # names joined wrongly
    ("Cancelling an asyncio task raises CancelledError in the coroutine when it next runs.", TASK),  # hedge
    ("Cancelling an asyncio task may raise CancelledError in the coroutine.", TASK),  # condition dropped
    ("Cancelling an asyncio task may raise CancelledError", TASK),  # no end
    ("Amnesia is the loss of memory after a disease, a physical trauma.", LIST),  # a list without its end
    ("Amnesia is the loss of memory after a disease, or a psychological trauma.", LIST),  # or without its middle
    ("Internal pressure produced by the motions of the gas atoms, pushing outward.", VERB),  # its verb is gone
    ("There are many molecular clouds that form only low-mass stars.", HEDGE),  # a hedge in brackets
    ("The block might get cancelled by the timeout, the rest of the code continues to run.", SPLICE),
    ("The block might get cancelled by the timeout, the rest of the code continues to run.", "While " + WHILE),
    ("", TASK),
]


@pytest.mark.parametrize(("text", "evidence"), FAITHFUL)
def test_faithful_edits_pass(text: str, evidence: str) -> None:
    assert problems(text, [evidence]) == []


@pytest.mark.parametrize(("text", "evidence"), PLANTED)
def test_planted_errors_are_found(text: str, evidence: str) -> None:
    assert problems(text, [evidence])


def test_a_claim_without_evidence_is_a_problem() -> None:
    assert problems(BOHR, []) == ["cites nothing"]


def test_two_sentences_may_be_joined_in_their_order() -> None:
    first = "Mitochondria hold their own DNA in a ring."
    second = "Chloroplasts hold a second genome in plants."
    joined = "Mitochondria hold their own DNA in a ring, and chloroplasts hold a second genome in plants."
    assert problems(joined, [first, second]) == []
    assert problems(joined, [second, first]) == []
    assert problems("Chloroplasts hold their own DNA in a ring.", [first, second])


def test_headings_are_made_of_their_section() -> None:
    evidence = ["Working memory holds a few items for seconds.", "Rehearsal keeps items in working memory."]
    assert heading_problems("Working memory", evidence) == []
    assert heading_problems("Items in working memory", evidence) == []
    assert heading_problems("Working", evidence)  # of a longer phrase
    assert heading_problems("Rehearsal of items", evidence)  # joined by the writer
    assert heading_problems("Quantum memory", evidence)
    assert heading_problems("Working memory and the", evidence)
    assert heading_problems("Memory memory", evidence)
    assert heading_problems("Storage", evidence, known=["Storage"]) == []


def test_edits_only_delete() -> None:
    assert clean("However, the enzyme (a protein) is, of course, reusable in the cell.") == (
        "The enzyme is reusable in the cell."
    )
    assert brief("Streptokinase activates plasmin in the blood of patients, which leads to degradation of fibrin.") == (
        "Streptokinase activates plasmin in the blood of patients."
    )
    assert clean("Short one.") == "Short one."


@pytest.mark.parametrize(
    "sentence", [BOHR, TASK, "For example, the mitochondria (and chloroplasts) hold their own DNA in a ring."]
)
def test_what_training_teaches_passes_the_check(sentence: str) -> None:
    """The targets of training and the check at run time must agree, or the check would undo the training."""
    for target in {clean(sentence), brief(sentence)}:
        assert problems(target, [sentence]) == []
