"""What a claim may say of its evidence: edits that stay true pass, planted errors do not."""

from __future__ import annotations

import pytest

from dlm_core.clutter import clean, mendable
from dlm_core.support import heading_problems, problems
from dlm_core.train.edits import brief

BOHR = (
    "In 1913, Niels Bohr, who worked in Copenhagen, proposed that electrons orbit the nucleus at fixed distances"
    " (Sommerfeld refined the idea), because classical theory could not explain the spectrum of hydrogen."
)
TASK = "Cancelling an asyncio task, however, may raise CancelledError in the coroutine when it next runs."

VERB = "Internal pressure produced by the motions of the gas atoms, pushing outward, tries to force the star to expand."
SPLICE = "The block might get cancelled by the timeout, but the rest of the code continues to run."
WHILE = "the block might get cancelled by the timeout, the rest of the code continues to run."
HEDGE = "There are many molecular clouds that form only (or mainly) low-mass stars."
QUOTED = "The natural rate of joblessness is not “natural” in the sense that water freezes at 32 degrees."
ASIDE = "People work at the current wage, say $10 an hour, but would like a higher wage, like $20 per hour."
COMMAS = "Joblessness, however, is more than a number."
THAN = "Since stars in clusters formed much earlier (by an age) than those outside, they have few heavy elements."
DASH = "The view leaves out the cyclical problem—that is, what recession causes—while it looks at other things."
PRICE = "People work at the current wage, say $10 an hour, or wait for more."
LIST = "Amnesia is the loss of memory after a disease, a physical trauma, or a psychological trauma."

FAITHFUL = [
    ("Joblessness is more than a number.", COMMAS),
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

RATE = (
    "The jobless rate, which is based on a monthly survey of the Bureau, asks a series of questions to divide people"
    " into employed, jobless, or not at work."
)
STOPPED = "When the collapse of a core is stopped by neutrons, the core is saved from being destroyed by its weight."

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
    ("The natural rate of joblessness is not “natural”.", QUOTED),  # in which sense it is not
    ("People work at the current wage say.", PRICE),  # a currency sign parts no phrases
    ("People work at the current wage like $20 per hour.", ASIDE),  # the wage of the next clause
    ("Joblessness, is more than a number.", COMMAS),  # an aside goes with both of its commas
    ("Since stars in clusters formed much earlier they have few heavy elements.", THAN),  # a comparison goes
    (
        "Timeout if given, is the time to wait.",
        "Timeout (a number), if given, is the time to wait.",
    ),  # a comma too much
    ("One possible cause is that people.", "One possible cause is that people who have no job do not want one."),
    ("The view leaves out the cyclical problem what recession causes.", DASH),  # half of an aside
    ("The jobless rate jobless, or not at work.", RATE),  # the verb went with the clause on the side
    ("The U.S. jobless, or not at work.", RATE.replace("The jobless", "The U.S. jobless")),  # an abbreviation's stop
    ("When the collapse of a core is stopped by neutrons.", STOPPED),  # a clause that waits for the next
    ("The core of the star is stopped.", "The core of the star is stopped, the outer layers are blown into space."),
    ("Particular, secrets are better made this way.", "In particular, secrets are better made this way."),
    (
        "When answers are given publicly when answers are given privately, conformity is less likely.",
        "When answers are given publicly (in front of others), conformity is more likely; however, when answers are"
        " given privately, conformity is less likely.",
    ),
    ("Answers are given in public (e.g).", "Answers are given in public (e.g., aloud in front of a group)."),
    ("Trade at first glance, does not pay.", "Trade, at first glance, does not pay."),  # one comma of two
    ("Gains in similar countries—do not differ.", "Gains in similar countries including ours—do not differ."),
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
    assert heading_problems("The items", evidence)
    assert heading_problems("Storage", evidence, known=["Storage"]) == []


def test_edits_only_delete() -> None:
    assert clean("However, the enzyme (a protein) is, of course, reusable in the cell.") == (
        "The enzyme is reusable in the cell."
    )
    assert brief("Streptokinase activates plasmin in the blood of patients, which leads to degradation of fibrin.") == (
        "Streptokinase activates plasmin in the blood of patients."
    )
    assert clean("Short one.") == "Short one."


def test_what_stands_alone_without_its_clutter_can_be_mended() -> None:
    assert mendable("However, the price of copper fell sharply after the war in 2009.")
    assert mendable("The growth of the town (see Figure 3) slowed after the war.")
    assert not mendable("The price of copper fell sharply after the war in 2009.")  # as it is
    assert not mendable("timeout (a float or int) can be used to control the time to wait.")  # whose timeout
    assert not mendable("However, it fell by a third in 2009.")  # and this neither way


@pytest.mark.parametrize(
    "sentence", [BOHR, TASK, "For example, the mitochondria (and chloroplasts) hold their own DNA in a ring."]
)
def test_what_training_teaches_passes_the_check(sentence: str) -> None:
    """The targets of training and the check at run time must agree, or the check would undo the training."""
    for target in {clean(sentence), brief(sentence)}:
        assert problems(target, [sentence]) == []
