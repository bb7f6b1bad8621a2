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
    ("The rich owned much of U.S. wealth.", "The rich owned much of U.S. wealth (Domhoff 2014)."),
    ("Callers take the first result.", "Instead, callers take the first result."),
    (
        "The office makes a survey, which measures the share of people without work.",
        "The office makes a survey (CPS), which measures the share of people without work.",
    ),
    (  # the stop of "al." is no end
        "Married people report being happier than those who are single.",
        "Married people report being happier than those who are single (Diener et al., 1999).",
    ),
]

RATE = (
    "The jobless rate, which is based on a monthly survey of the Bureau, asks a series of questions to divide people"
    " into employed, jobless, or not at work."
)
STOPPED = "When the collapse of a core is stopped by neutrons, the core is saved from being destroyed by its weight."

PLANTED = [
    (
        "The star has layers like an onion: a carbon core.",
        "The star has layers like an onion: a carbon core, surrounded by a shell of helium, a layer of hydrogen, and"
        " finally, the outer layers.",
    ),
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
    ("Psychologists hold a degree in their field.", "Most Psychologists hold a degree in their field."),  # of some
    ("European firms pay for leave.", "Many European firms pay for leave."),
    ("Session data is sent using cookies.", "Generally, session data is sent using cookies."),
    ("The price is set by the firms nearby.", "The price is set, in part, by the firms nearby."),
    ("The illness is fatal in adults.", "The illness is, in most cases, fatal in adults."),
    (
        "The growth of a fall in rates.",
        "As of 2016, home values had grown, and even more, the growth of a fall in rates.",
    ),
    ("The way to get the time is by calling now.", "The way to get the time is by calling now(utc)."),
    ("It is raised when run() fails.", "It is raised when run() (with check=True) fails."),  # only then
    ("If a file has no *. loading is slow.", "If a file has no *.pyc parts, loading is slow."),
    ("The client and modules which use it.", "The client and modules which use it, such as ours, will check the name."),
    ("Python registers the .pyzw extension.", "Python registers the .pyz and .pyzw extension."),
    ("Sources of gains—do not contradict.", "Sources of gains—namely, what is learned—do not contradict."),
    ("Trade at first glance, does not pay here.", "Trade, however, at first glance, does not pay here."),
    ("Classes have keys, names, and types.", "Classes have keys, totals, names, and types."),
    ("There are two ways the second; and the third.", "There are two ways, the first; the second; and the third."),
    ("The stars lie in a region of some 100.", "The stars lie in a region of some 100–500 light-years."),
    ("They can choose any size over time.", "While firms have one size today, they can choose any size over time."),
    (
        "The bank slows it by lowering wages.",
        "The bank slows it by lowering wages, lowering prices, and raising rates.",
    ),
    ("The gain holds what others have.", "The gain holds what others have, as well as what the firm itself has."),
    ("Debt not only moves demand.", "Debt not only moves demand—it can also move the interest of a loan."),
    ("The slope of savings.", "The slope of savings—that is, the change by the rate—will describe the curve."),
    ("Often how to argue and feel.", "Often, a doctor helps them, such as how to listen, how to argue and feel."),
    ("", TASK),
]

GRACE = "In 2009, the Windows system ran on a range of up to 600 K."
SUIT = "In 2015, a court tossed out charges that the firm had an agreement with makers of devices."
SEAMS = [
    ("In 2009, a court tossed out charges that the firm had an agreement with makers of devices.", GRACE, SUIT),
    (
        "A task is cancelled, which means a caller can read the result quickly.",
        "A task is cancelled, but for other reasons than a timer.",
        "Timers hold a very small state, which means a caller can read the result quickly.",
    ),
    (
        "Each unit brought a gain, a monopolist can sell more and see a decline.",
        "Each unit brought a gain, because the price was given.",
        "However, a monopolist can sell more and see a decline.",
    ),
]


@pytest.mark.parametrize(("text", "evidence"), FAITHFUL)
def test_faithful_edits_pass(text: str, evidence: str) -> None:
    assert problems(text, [evidence]) == []


@pytest.mark.parametrize(("text", "evidence"), PLANTED)
def test_planted_errors_are_found(text: str, evidence: str) -> None:
    assert problems(text, [evidence])


@pytest.mark.parametrize(("text", "first", "second"), SEAMS)
def test_the_beginning_of_one_sentence_with_the_end_of_another_is_found(text: str, first: str, second: str) -> None:
    assert problems(text, [first, second])
    assert problems(text, [second, first])
    if not first.endswith("K."):  # which in one run of text may be a short form
        assert problems(text, [f"{first} {second}"])


def test_two_sentences_may_lose_phrases_of_their_own_when_joined() -> None:
    first, second = "Each unit brought a gain, because the price was given.", "However, a seller may see a decline."
    joined = "Each unit brought a gain, because the price was given, and a seller may see a decline."
    assert problems(joined, [first, second]) == []
    assert problems("A seller may see a decline.", [f"{first} {second}"]) == []


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
    for part in ("Tip", "Introduction", "What’s next?", "Part 2", "Example"):  # a page's name for its own part
        assert heading_problems(part, evidence, known=[part])


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
    assert mendable("The growth of the town (see Figure 3) slowed after 1950.")
    assert not mendable("The price of copper fell sharply after the war in 2009.")  # as it is
    assert mendable("Governors can also face limits on what their states may spend.")
    assert mendable("Waves therefore carry energy from one place to another.")
    assert not mendable("timeout (a float or int) can be used to control the time to wait.")  # whose timeout
    assert not mendable("However, it fell by a third in 2009.")  # and this neither way
    assert not mendable("Again, the core of a star collapses under its own weight.")  # the next step of a story
    assert not mendable("For example, the price of copper fell sharply after the war.")  # of what?


@pytest.mark.parametrize(
    "sentence", [BOHR, TASK, "For example, the mitochondria (and chloroplasts) hold their own DNA in a ring."]
)
def test_what_training_teaches_passes_the_check(sentence: str) -> None:
    """The targets of training and the check at run time must agree, or the check would undo the training."""
    for target in {clean(sentence), brief(sentence)}:
        assert problems(target, [sentence]) == []


def test_what_only_ties_a_sentence_to_the_one_before_may_go() -> None:
    said = "Governors can also face limits on what their states may spend."
    assert clean(said) == "Governors can face limits on what their states may spend."
    assert problems(said, [said]) and problems(clean(said), [said]) == []
    whole = "The law not only limits taxes but also caps the debt of the states."
    assert clean(whole) == whole
    assert problems("The law not only limits taxes but caps the debt of the states.", [whole])
    both = "The law not only limits taxes, it can also cap the debt that the states may have."
    assert clean(both) == both and problems(both.replace(" also", ""), [both]) and problems(both, [both]) == []
    drawn = "Water would therefore dominate the air of the planet in a few years."  # under what was said before
    assert clean(drawn) == drawn and problems(drawn.replace(" therefore", ""), [drawn])
    act = "The furnace melts the ore, thus freeing the metal from the rock in it."
    assert clean(act) == act
