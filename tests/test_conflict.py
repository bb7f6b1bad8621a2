"""Values that two sentences give for one thing, and sentences that only look so."""

from __future__ import annotations

import pytest

from dlm_core.conflict import changes, conflict, says

MOVED = [
    ("The default timeout of a request is 30 seconds.", "The default timeout of a request is 45 seconds.", "30", "45"),
    (
        "In 1998, researchers found three moons around the planet.",
        "A 2024 review found that in 1995, researchers found three moons around the planet.",
        "1998",
        "1995",
    ),
    (
        "According to Freud, the ego mediates between the id and the superego.",
        "According to newer data, Keller says that the ego mediates between the id and the superego.",
        "Freud",
        "Keller",
    ),
    (
        "About 400 students took part in the experiment.",
        "A 2024 recount gives another value: roughly 520 students took part in the experiment.",
        "400",
        "520",
    ),
    (
        "The Democratic Party returned to national power in the 1930s as the result of a coalition of voters.",
        "The Tea Party returned to national power in the 1930s as the result of a coalition of voters.",
        "Democratic Party",
        "Tea Party",
    ),
    (
        "Many in the Senate turned against President Woodrow Wilson’s plan for a league of nations.",
        "Many in the Senate turned against President Woodrow Harding’s plan for a league of nations.",
        "Wilson",
        "Harding",
    ),
    (  # it stands elsewhere, and there is no other it could be
        "In 1960, two thirds of all households were headed by a married couple.",
        "According to newer data, two thirds of all households were headed by a married couple in 1958.",
        "1960",
        "1958",
    ),
    (  # a name that both have is no part of the one that went
        "The Cherokee Phoenix, the newspaper of the Cherokee, began publication in 1828 in English.",
        "The Far East, the newspaper of the Cherokee, began publication in 1828 in English.",
        "Cherokee Phoenix",
        "Far East",
    ),
    (
        "In 2010, the agency released a National Action Plan.",
        "In 2004, the agency released a National Action Plan.",
        "2010",
        "2004",
    ),
]
APART = [
    # Two things, two points in time, two subjects, the same said twice, another unit.
    ("Mars has two small moons.", "Earth has one small moon."),
    (
        "In 2010, 5 percent of adults smoked daily in the state.",
        "In 2015, 7 percent of adults smoked daily in the state.",
    ),
    ("Piaget described four stages of cognitive development.", "Erikson described eight stages of social development."),
    (
        "The survey of 2004 covered 12,000 households.",
        "The survey of 2004 covered 12,000 households, according to a 2024 survey.",
    ),
    ("A request is repeated after 30 seconds.", "A request is repeated after 3 attempts."),
    (
        "Students in the north of the country spend 5 hours a day at school.",
        "Students in the south of the country spend 3 hours a day at school.",
    ),
    ("In 2010, 60 percent of men worked in the town.", "In 2010, 40 percent of women worked in the town."),
    ("Sigmund Freud founded the school in Vienna.", "Freud founded the school in Vienna."),
    ("The town has 9,000 people.", "The town has 9000 people."),
]


@pytest.mark.parametrize(("old", "new", "was", "now"), MOVED)
def test_another_value_for_one_thing(old: str, new: str, was: str, now: str) -> None:
    assert [(c.old, c.new) for c in changes(old, new)] == [(was, now)]
    assert conflict(old, new) == [(was.lower(), now.lower())]
    assert [(c.old, c.new) for c in changes(new, old)] == [(now, was)]


@pytest.mark.parametrize(("old", "new"), APART)
def test_what_is_no_contradiction(old: str, new: str) -> None:
    assert changes(old, new) == changes(new, old) == []


def test_strict_takes_sentences_that_differ_in_the_value_alone() -> None:
    rich = "Individuals may contribute up to 3,300 dollars per candidate per election."
    many = (
        "Committees that contribute to more than one candidate may contribute 5,000 dollars per candidate per election."
    )
    assert changes(rich, many, strict=True) == []
    assert changes(rich, rich.replace("3,300", "2,900"), strict=True)


def test_a_value_is_named_as_a_whole_and_with_its_unit() -> None:
    (change,) = changes(*(f"The timeout of a request is {n} seconds." for n in (30, 45)))
    assert change.named_in("It gives up after 30 seconds.") and change.named_in("A 30-seconds limit holds.")
    assert not change.named_in("It gives up after 30 days.") and not change.named_in("It took 130 seconds.")
    assert says("In 1998 it began.", "1998") and not says("It cost 1998.50 there.", "1998")
