"""What may be cut out of a sentence, and what a sentence needs: asides go, what others lean on stays."""

from __future__ import annotations

import pytest

from dlm_core.support import problems
from dlm_core.trim import without


def test_what_is_denied_waits_for_its_other_half() -> None:
    said = (
        "Rates have been higher not because recessions have been deeper, but rather because conditions are different."
    )
    assert problems("Rates have been higher not because recessions have been deeper, but rather.", [said])
    assert problems("Rates have been higher not because recessions have been deeper.", [said])
    assert problems("Rates have been higher not.", [said])
    assert problems(said, [said]) == []


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        (
            "European rates have been higher not but rather in a way that has created a high natural rate.",
            "European rates have been higher not because recessions in Europe have been deeper, but rather because the "
            "conditions for labor have been different in Europe, in a way that has created a high natural rate.",
        ),
        ("Enzymes work only.", "Enzymes work only when the temperature is right."),
        (
            "Life formed around calm stars only to be wiped out.",
            "Life formed around calm stars only to be wiped out because a star nearby exploded.",
        ),
        (
            "A rise translates into 160,000 people New York, or Pasadena, California.",
            "A rise translates into 160,000 people, which is the population of a city like Syracuse, New York, or "
            "Pasadena, California.",
        ),
        ("The bridge failed mainly.", "The bridge failed mainly because the bolts had rusted."),
        (
            "When the price is low, there is a shortage—that is now exceeds the quantity supplied.",
            "When the price is low, there is a shortage—that is, at the given price the quantity demanded, which "
            "has been stimulated by the lower price, now exceeds the quantity supplied.",
        ),
        (
            "The lack of support forced the exploitive minority.",
            "The lack of support forced the exploitive minority, who feared the oppressed majorities, to negotiate.",
        ),
        (
            "With informational social influence, people conform.",
            "With informational social influence, people conform because they believe the group has the correct facts.",
        ),
        (
            "With social influence, people conform particularly when the task is ambiguous.",
            "With social influence, people conform because they believe the group is competent, particularly when the "
            "task is ambiguous.",
        ),
    ],
)
def test_what_a_word_points_at_stays_behind_it(text: str, evidence: str) -> None:
    assert any("out of its phrase" in p for p in problems(text, [evidence]))
    assert problems(evidence, [evidence]) == []


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        (
            "A cyclical process brings a system.",
            "A cyclical process brings a system, such as the gas in a cylinder, back to its original state each time.",
        ),
        (
            "A number of stars lie above the main sequence on the diagram where stars have low temperature.",
            "A number of stars lie above the main sequence on the diagram, in the upper-right region, where stars have "
            "low temperature.",
        ),
        (
            "Today much as the United States is divided into 50 states.",
            "Today, we use the term constellation to mean one of 88 sectors into which we divide the sky, much as the "
            "United States is divided into 50 states.",
        ),
        (
            "The community is planning the Telescope Array one in each hemisphere.",
            "The community is planning the Telescope Array, two arrays of telescopes, one in each hemisphere.",
        ),
        (
            "The agency sends the money.",
            "The agency sends the money, which is taxed, back to the states at the end of every year.",
        ),
    ],
)
def test_what_follows_an_aside_must_not_come_to_say_something_else(text: str, evidence: str) -> None:
    assert any("out of its phrase" in p for p in problems(text, [evidence]))


def test_a_list_of_examples_at_the_end_may_go() -> None:
    listed = "People in towns keep many pets, such as cats, dogs, and birds."
    assert problems("People in towns keep many pets.", [listed]) == []


def test_a_sentence_does_not_end_before_what_it_announces() -> None:
    said = "Banks are an example of a financial intermediary—that is, an institution between a saver and a borrower."
    assert any("breaks off" in p for p in problems("Banks are an example of a financial intermediary—that is.", [said]))


def test_a_sentence_about_doing_something_may_lose_its_reason() -> None:
    said = "Paying the same wage to everyone is the right thing to do because it keeps people in the firm."
    assert problems("Paying the same wage to everyone is the right thing to do.", [said]) == []


def test_a_clause_on_the_side_may_go_before_a_list() -> None:
    said = "The bridge, which was old, carried cars, trains, and barges."
    assert problems("The bridge carried cars, trains, and barges.", [said]) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Air sinks to the bottom of the chamber.", ", where it is forced out through a vent."),
        ("The party named Zachary Taylor.", ", who had won fame as a hero in the Mexican War."),
        ("A country with one income has a Gini coefficient of 0.", " (or 0 percent)."),
        ("The cervix is the lower part of the uterus.", " (the organ where an egg will implant)."),
        ("Fish spent his time settling disputes involving trade.", ", including claims that Britain had helped."),
        ("Girls have more latitude in their role.", " (Coltrane and Adams 2004; Kimmel 2000)."),
        ("The norm explains why usage is not yet common.", " (even if it coexists with older servers)."),
        ("Rates are set by the tc command of the kernel.", " (provided by the iproute package)."),
        ("Most surveys ask for independent samples.", " (e.g. no pairing)."),
        ("Trusted languages are made for ordinary users.", " (those without superuser privilege)."),
    ],
)
def test_what_is_said_on_the_side_may_go(text: str, said: str) -> None:
    assert problems(text, [text[:-1] + said]) == []


def test_an_aside_may_go_inside_a_bracket_and_an_abbreviation_is_no_end() -> None:
    said = "Changes are not welcome in a stable version (if, for example, a package works)."
    assert problems("Changes are not welcome in a stable version (if a package works).", [said]) == []
    said = "Yuan et al. (2021) observed that a higher intake of fries increased the risk."
    assert problems("Yuan et al. observed that a higher intake of fries increased the risk.", [said]) == []
    said = "Prices rose after the War. They fell again, however, and rose in the next years."
    assert any("War. fell" in p for p in problems("Prices rose after the War. fell again and rose.", [said]))


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("A fee is paid by every member.", "A fee is paid by every member (provided that the year is over)."),
        ("Keys are protected by a password.", "Keys are protected by a password (even where it is not needed)."),
        ("The drug is safe in most trials.", "The drug is safe in most trials (although not for children)."),
        ("A permit is needed in towns.", "A permit is needed in towns, where the law requires one."),
        ("The form must be signed by hand.", "The form must be signed (or sealed) by hand."),
        (
            "Course, soldiers carry other items in their new roles.",
            "Of course, soldiers carry other items in their new roles.",
        ),
        (
            "Some large banks Inc., went bankrupt in that year.",
            "Some large banks, such as Lehman Brothers Holdings, Inc., went bankrupt in that year.",
        ),
        (
            "One system is logical and methodical impulsive, and intuitive, using habits.",
            "One system is logical and methodical, while the other is quick, impulsive, and intuitive, using habits.",
        ),
        (
            "The toes have hairs, with each flat, triangular tips.",
            "The toes have hairs, with each, branching into hundreds of tiny, flat, triangular tips.",
        ),
        (
            "Pain is what arises from an injury to tissue surgery, or infection.",
            "Pain is what arises from an injury to tissue, such as pain related to trauma, surgery, or infection.",
        ),
        (
            "If people are in need now, it makes sense, Mozi thought.",
            "If people are in need now, it makes sense, Mozi thought, to address those issues first.",
        ),
        (
            "Socrates seems to regard suffering, and even death.",
            "Socrates seems to regard suffering, and even death, as a minor harm.",
        ),
        (
            "Although some kings attempted to close the coffeehouses.",
            "Although some kings attempted to close the coffeehouses, such efforts faced so much anger they failed.",
        ),
        (
            "She wrote more of color, for even.",
            "She wrote more of color, for even though it sold, it was not enough.",
        ),
        (
            "In some towns, the old are esteemed the old are overlooked.",
            "In some towns, the old are esteemed, while in others, the old are overlooked.",
        ),
        (
            "Agreements may be enforced; however.",
            "Agreements may be enforced; however, proving their terms can be hard.",
        ),
        (
            "They report unusual symptoms burns, chest tightness, and chills.",
            "They report unusual symptoms, such as headache, burns, chest tightness, and chills.",
        ),
        ("The coefficient is a value between.", "The coefficient is a value between –1 and 1."),
        (
            "The drugs are both powders smoked, or mixed with water.",
            "The drugs are both powders, often snorted up the nose, smoked, or mixed with water.",
        ),
        (
            "A corollary of truth is fairness unbiased, and in compliance with the rules.",
            "A corollary of truth is fairness, which means to be equal, unbiased, and in compliance with the rules.",
        ),
        ("In 1954, Jacques Monod (1910–1976).", "In 1954, Jacques Monod (1910–1976) famously said that it was so."),
        ("The road was newly built east.", "The road was newly built east–west."),
        (
            "The firm cannot hire auditors, specifically for board positions.",
            "The firm cannot hire auditors, specifically for board positions, for years.",
        ),
        (
            "A group may be forced, by a dominant group.",
            "A group may be forced, by a dominant group, to leave the country.",
        ),
        (
            "The bottles had to be thick due to their weight.",
            "The bottles had to be thick, which made them hard to carry, due to their weight.",
        ),
        (
            "In the South with twenty-eight cases in 1933.",
            "In the South, lynching became more common again, with twenty-eight cases in 1933.",
        ),
        (
            "Needs include eating fruits; fish, and seafood; and limiting alcohol.",
            "Needs include eating fruits; choosing foods such as nuts, fish, and seafood; and limiting alcohol.",
        ),
        (
            "Culture is carried by what leaders say, (2) what they do, and (3) what they pay for.",
            "Culture is carried by (1) what leaders say, (2) what they do, and (3) what they pay for.",
        ),
        (
            "The firm is an organization innovative and experienced in its field.",
            "The firm is an organization, rather it is a family who create, innovative and experienced in its field.",
        ),
        (
            "The agencies must follow laws (RA) and the Privacy Act.",
            "The agencies must follow laws, including the Reduction Act (RA) and the Privacy Act.",
        ),
        (
            "Based on false reports, the military action.",
            "Based on false reports, the military action, which was carried out without support was a fiasco.",
        ),
        (
            "They respond to alerts from failed tests.",
            "They respond to alerts from failed tests, monitoring and scans.",
        ),
        (
            "It is about friends and foes good and bad.",
            "It is about friends and foes, helpful and hostile, good and bad.",
        ),
        (
            "The reading frame, the way they are grouped into codons.",
            "The reading frame, the way they are grouped into codons, for translation is set by the start.",
        ),
        (
            "The volume lists fewer disorders.",
            "Although DSM-5 is longer than DSM-IV, the volume lists fewer disorders.",
        ),
        ("The second theory of emotion was developed.", "Thus, the second theory of emotion was developed."),
        (
            "Unlike our physical abilities our cognitive abilities remain steady.",
            "Unlike our physical abilities, which peak early and decline, our cognitive abilities remain steady.",
        ),
        (
            "Earth orbits in a shooting gallery, and they are by no means over.",
            "Earth orbits in a shooting gallery, and although major impacts are rare, they are by no means over.",
        ),
        (
            "If Mexico, makes more shoes and trades them, it gains from the trade.",
            "If Mexico, instead, makes more shoes and trades them, it gains from the trade.",
        ),
        (
            "As the price rises, say the quantity rises from 500 gallons to 720 gallons.",
            "As the price rises, say, from one dollar to two, the quantity rises from 500 gallons to 720 gallons.",
        ),
        ("A dual system was adopted.", "A dual system was adopted, using tribal practices in areas of the steppe."),
        (
            "Each image is assigned to one and only one label: one image cannot.",
            "Each image is assigned to one and only one label: one image cannot, for example, be a pear and a plum.",
        ),
        (
            "The choices are: soup, cake; soup; and salad, pudding.",
            "The choices are: soup, cake; soup, pudding; and salad, pudding.",
        ),
        (
            "Gifted children are admitted.",
            "Gifted children are admitted because their parents ask for it, while others are admitted by a test.",
        ),
        (
            "The price is the only one where plans agree—that is, where the amount consumers want (the demand).",
            "The price is the only one where plans agree—that is, where the amount consumers want (the demand) is "
            "equal to the amount producers sell (the supply).",
        ),
        (
            "When answers are public, conformity is likelier when answers are private, it is not.",
            "When answers are public, conformity is likelier; however, when answers are private, it is not.",
        ),
        (
            "Nearly all supply curves the quantity rises from 500 gallons to 720 gallons.",
            "Nearly all supply curves, however, have one thing in common: they slope up and show a law: as the price "
            "rises, say, from one dollar to two, the quantity rises from 500 gallons to 720 gallons.",
        ),
        (
            "As the price rises, the quantity falls, and conversely the quantity rises.",
            "As the price rises, the quantity falls, and conversely, as the price falls, the quantity rises.",
        ),
        (
            "Demand shifts with a change in some factor.",
            "Demand shifts with a change in some factor (other than price).",
        ),
        (
            "The act outlawed mergers of large firms.",
            "The act outlawed mergers of large firms (where the outcome would be a monopoly).",
        ),
        (
            "Psychology is a relatively young science, compared.",
            "Psychology is a relatively young science, compared, for example, to physiology, which dates much earlier.",
        ),
        ("Issued in 1931 by the state.", "Issued in 1931 by the state, the moratorium called for a halt."),
        (
            "That owners put them out into the fields.",
            "That owners put them out into the fields, where they worked, reflected little of it.",
        ),
    ],
)
def test_what_a_sentence_needs_stays(text: str, evidence: str) -> None:
    assert any("out of its phrase" in p for p in problems(text, [evidence]))


def test_an_abbreviation_at_the_end_has_one_stop() -> None:
    said = "Emotions show in heart rate, sweating, etc. (Soussignan, 2002)."
    begin, end = said.index("(Sou"), said.index(")") + 1
    assert without(said, [(begin, end)]) == "Emotions show in heart rate, sweating, etc."


def test_an_aside_in_an_opening_phrase_leaves_its_second_comma() -> None:
    said = "Unlike our physical abilities, which peak early and decline, our cognitive abilities remain steady."
    assert problems("Unlike our physical abilities, our cognitive abilities remain steady.", [said]) == []


def test_a_connective_does_not_take_the_sentence_behind_it_along() -> None:
    said = [
        "The field takes an overall view of the economy, which means much.",
        "For example, start with growth, and jobs.",
    ]
    assert problems("The field takes an overall view of the economy, and jobs.", said)


def test_a_connective_without_its_comma_belongs_to_what_follows() -> None:
    besides = "Besides GDP, there are several ways of measuring the size of an economy."
    assert problems("GDP, there are several ways of measuring the size of an economy.", [besides])
    overall = "Overall sales of new cars fell in the winter of the year."
    assert problems("Sales of new cars fell in the winter of the year.", [overall])
    assert not problems("The price of copper rises in winter.", ["Thus the price of copper rises in winter."])
    assert not problems("Sales of new cars fell in winter.", ["Overall, sales of new cars fell in winter."])


def test_who_is_meant_keeps_its_reason() -> None:
    said = "The structurally jobless are people who have no work because they lack skills valued by firms."
    assert any("breaks off" in p or "phrase" in p for p in problems(said.split(" because")[0] + ".", [said]))
    said = "Many people, who had no say, left the town because the river had flooded it in the spring."
    assert problems("Many people left the town.", [said]) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The ducts recover more water; if the blood becomes hyposmotic.", ", the ducts recover less of the water."),
        ("The price of copper rises, and if demand falls.", ", firms close the mines, leaving many without work."),
        ("The town grew slowly; in the year 1931.", ", a railway came, bringing many people from the east."),
    ],
)
def test_a_clause_on_a_condition_waits_for_what_happens_then(text: str, said: str) -> None:
    assert problems(text, [text[:-1] + said])


def test_what_only_the_bracket_says_stays() -> None:
    said = "The shape of the encoder output is (batch size, number of time steps, hidden units)."
    assert problems("The shape of the encoder output is.", [said])
    said = "The dose of the drug (a sedative) is (by most accounts) too high."
    assert problems("The dose of the drug is (by most accounts) too high.", [said]) == []


@pytest.mark.parametrize(
    ("left", "gone"),
    [
        ("A wide array of forces", ", such as wars and the slow pace of progress, explain why incomes fall"),
        ("By 2014, central banks in 28 countries", ", including Austria and the United Kingdom faced such a law"),
        ("Serverless computing platforms", " such as Lambda and other Cloud Functions simplify the work of many"),
        ("The psychologists who work with individuals", " such as these are part of the field of the law"),
        ("In 2015, down 4 percent", ", after the rulings, which some had feared, 45 percent of people said yes"),
    ],
)
def test_a_sentence_keeps_its_verb(left: str, gone: str) -> None:
    assert problems(f"{left}.", [f"{left}{gone}."])


def test_a_sentence_may_lose_the_verbs_of_its_clauses_and_brackets() -> None:
    for said in ("which means that increases in wages lead to lower totals", "where the rules allow it"):
        assert problems("The curve of demand slopes down.", [f"The curve of demand slopes down, {said}."]) == []
    said = "The longer the period (the longer the star takes to vary), the greater the luminosity."
    assert problems("The longer the period, the greater the luminosity.", [said]) == []


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        (
            "Layering the hashes needs no password; it can make the hashes easier to crack.",
            "Layering the hashes needs no password; however, it can make the hashes easier to crack.",
        ),
        (
            "The material in the center where it was hottest, formed a star.",
            "The material in the center, however, where it was hottest, formed a star.",
        ),
        (
            "If the blood is thick, the ducts recover more water; if the blood is thin leading to its concentration.",
            "If the blood is thick, the ducts recover more water; if the blood is thin, the collecting ducts recover "
            "less of the water, leading to its concentration.",
        ),
        (
            "It is stored in a standard format, the modular PHC string format.",
            "It is stored in a standard format, for example, the modular PHC string format.",
        ),
    ],
)
def test_a_turn_and_an_example_stay_what_they_are(text: str, evidence: str) -> None:
    assert problems(text, [evidence])


def test_a_connective_may_go_where_nothing_turns_on_it() -> None:
    aside = "When the star, an old giant, runs out of fuel, its core collapses under its own weight."
    assert problems(aside.replace(", an old giant,", ""), [aside])  # rather one cut too few
    said = "The material in the center, however, where it was hottest, formed a star."
    assert problems(said.replace(", however,", ","), [said]) == []
    for said in ("Soap, however, is not made everywhere.", "In Ohio, for example, most farms grow corn."):
        left = said.replace(", however,", "").replace(", for example,", ",")
        assert problems(left, [said]) == []


def test_letters_in_brackets_belong_to_their_word() -> None:
    said = "The report of the board says that [o]ut of 644 people, most had read the rules."
    assert problems(said.replace("[o]", ""), [said])


@pytest.mark.parametrize(
    ("said", "left", "whole"),
    [
        ("Fearing a storm, however, the sailors stayed at home.", "Fearing a storm, the sailors stayed at home.", True),
        ("Fearing a storm, however, the sailors stayed at home.", "Fearing a storm the sailors stayed at home.", False),
        ("Eating sugar, however, harms the teeth of children.", "Eating sugar harms the teeth of children.", True),
        ("Eating sugar, however, harms the teeth of children.", "Eating sugar, harms the teeth of children.", False),
    ],
)
def test_an_opening_participle_keeps_one_comma(said: str, left: str, whole: bool) -> None:
    assert bool(problems(left, [said])) is not whole
