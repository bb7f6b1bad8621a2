"""Plans as a report may have them: claims among their like, sources in their order, sub-questions in theirs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from dlm_core import compose, leading, section_heads
from dlm_core.canvas import Canvas, Kind, Slot, Wanted
from dlm_core.coverage import answered, asked_beside, in_own_words, naming, passed_over, places, to_the_point
from dlm_core.embed import Embedder
from dlm_core.layout import Budget, _there, dissolve, settle
from dlm_core.order import Row, cuts, defines, home, in_order, means, opened_by, opens_on, together
from dlm_core.pool import Pool
from dlm_core.section_heads import best_heading
from dlm_core.segment import Evidence
from dlm_core.stems import roots
from dlm_core.worth import agreement, best_of, fresh, holds_together, regroup, repeated, says_again, without_rumps


def pool(rows: list[tuple[str, str, int, list[float]]]) -> Pool:
    """Evidence as (source, heading, start, vector)."""
    held = {}
    for source, heading, start, _ in rows:
        name = f"{source}.e{start}"
        held[name] = Evidence(name, source, f"{source}.p0", heading, start, start + 9, f"Said {name}.", "", True, "")
    vectors = np.array([v for *_, v in rows], dtype=np.float32)
    return Pool(held, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def plan(*sections: list[str]) -> list[Row]:
    return [
        row for names in sections for row in [(Kind.SECTION, (), 0.5), *((Kind.CLAIM, (name,), 0.5) for name in names)]
    ]


def groups(rows: list[Row]) -> list[list[str]]:
    out: list[list[str]] = []
    for kind, ids, _ in rows:
        if kind == Kind.SECTION:
            out.append([])
        else:
            out[-1].append(ids[0])
    return out


@pytest.fixture()
def stars() -> Pool:
    """Three sentences on birth, three on death, from two sources."""
    birth, death = [1.0, 0.1, 0.0], [0.0, 0.1, 1.0]
    return pool(
        [
            ("a", "Birth", 10, birth),
            ("a", "Birth", 20, birth),
            ("b", "Birth", 10, birth),
            ("b", "Death", 20, death),
            ("b", "Death", 30, death),
            ("b", "Death", 40, death),
        ]
    )


def test_affinity_counts_source_and_heading(stars: Pool) -> None:
    kin = stars.affinity()
    assert kin[0, 1] > kin[0, 2] > kin[0, 3]
    assert np.allclose(kin, kin.T)


def test_a_claim_in_the_wrong_section_moves_to_its_own(stars: Pool) -> None:
    rows = plan(["a.e10", "a.e20", "b.e40"], ["b.e20", "b.e30", "b.e10"])
    assert groups(regroup(rows, stars, stars.affinity())) == [["a.e10", "a.e20", "b.e10"], ["b.e20", "b.e30", "b.e40"]]


def test_no_section_is_emptied_below_two(stars: Pool) -> None:
    rows = plan(["a.e10", "b.e40"], ["b.e20", "b.e30"])
    assert groups(regroup(rows, stars, stars.affinity())) == groups(rows)


def test_what_is_left_of_a_section_goes_where_it_belongs(stars: Pool) -> None:
    rows = plan(["a.e10", "a.e20"], ["b.e10", "b.e40"], ["b.e20", "b.e30"])  # birth, one of each, death
    kin = stars.affinity()
    assert groups(without_rumps(rows, stars, kin)) == [["a.e10", "a.e20", "b.e10"], ["b.e20", "b.e30", "b.e40"]]
    assert groups(without_rumps(rows[:6], stars, kin)) == groups(rows[:6])  # two sections stay two


def test_sections_follow_the_sub_questions_and_claims_their_source(stars: Pool) -> None:
    rows = plan(["b.e40", "b.e20"], ["a.e20", "b.e10", "a.e10"])
    questions = np.array([[1.0, 0.1, 0.0], [0.0, 0.1, 1.0]])  # how stars are born, then how they die
    near = stars.vectors @ (questions / np.linalg.norm(questions, axis=1, keepdims=True)).T
    closest = np.array([0.9, 0.9, 0.8, 0.8, 0.8, 0.8])
    assert groups(in_order(rows, stars, near, closest)) == [["a.e10", "a.e20", "b.e10"], ["b.e20", "b.e40"]]
    assert groups(in_order(rows, stars, near[:, :1], 1 - closest))[0] == ["b.e20", "b.e40"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("Unemployment, as measured by the unemployment rate, is the percentage of people without a job.", 1),
        ("The natural rate of unemployment is the rate of a healthy economy.", -1),
        ("Unemployment is typically at 5 percent.", -1),
        ("Causes are the reasons of things.", 0),
    ],
)
def test_a_definition_names_what_the_question_names(text: str, where: int) -> None:
    assert defines("What causes unemployment, and how is it measured?", text) == where


def test_where_something_is_asked_of_is_not_what_is_asked_about() -> None:
    asked, system = "How is a firewall set up on Debian?", "Debian is a system of free software."
    assert defines(asked, system) == -1 and defines("What is Debian?", system) == 0
    tea = "Tea is a drink made of leaves."
    assert defines("What kinds of tea are there?", tea) == -1 and defines("What is tea?", tea) == 0
    assert defines("What happens in sleep?", "Sleep is a state of low activity.") >= 0
    system, asked_of = "PostgreSQL is a database system.", "Which index types does PostgreSQL have?"
    assert defines(asked_of, system) == -1 and defines("How does PostgreSQL store values?", system) == 0
    assert defines(asked, "A firewall is a piece of software that lets through some of what arrives.") >= 0


def test_a_sentence_opens_on_what_the_question_asks() -> None:
    question = "How do stars form, live and die?"
    assert opens_on(question, "Massive stars evolve in much the same way that the Sun does.")
    assert not opens_on(question, "The solar wind is a flow of protons from what is one of many stars.")


def test_what_the_question_is_about_is_defined_first(stars: Pool) -> None:
    rows = plan(["a.e10", "b.e10"], ["b.e20", "b.e30", "b.e40"])
    told = Pool(
        {i: replace(e, text="A star is a ball of gas.") if i == "b.e30" else e for i, e in stars.evidence.items()},
        stars.vectors,
    )
    made = opened_by(rows, told, "How does a star die?")
    assert groups(made) == [["b.e30", "b.e20", "b.e40"], ["a.e10", "b.e10"]]
    assert opened_by(rows, stars, "How does a star die?") == rows


def test_sub_questions_ask_something_beside_their_subject() -> None:
    embedder = Embedder()
    beyond = asked_beside(("How does asyncio cancel a task", "how does asyncio handle timeouts"), embedder)
    subject, waits, loops = embedder(
        ["asyncio", "If a timeout occurs, it cancels the task.", "By default asyncio has a debug mode."]
    )
    assert np.allclose(beyond @ subject, 0, atol=1e-5)
    assert (beyond @ waits).max() > 1.5 * (beyond @ loops).max()
    assert asked_beside(("How do rivers flow", "why do volcanoes erupt"), embedder).shape == (0, embedder.dim)
    assert asked_beside(("How do rivers flow",), embedder).shape == (0, embedder.dim)
    itself = ("What is psychology", "how did psychology develop as a science")
    assert asked_beside(itself, embedder).shape == (0, embedder.dim)  # what speaks of the subject answers the first


def test_a_plan_is_worth_less_that_leaves_a_sub_question_out() -> None:
    parts = np.array([[0.4, 0.0], [0.4, 0.0], [0.0, 0.2], [0.0, 0.2], [0.1, 0.1]], dtype=np.float32)
    assert answered([0, 1, 2, 3], parts) == 1.0
    assert answered([0, 1], parts) == 0.5
    assert 0.5 < answered([0, 1, 2], parts) < 1.0
    assert answered([], parts) == 0.0
    assert answered([4], parts[:, :1]) == 1.0  # one question has no part that could be left out


def test_of_plans_alike_the_one_the_others_agree_with_is_kept() -> None:
    drawn = [plan(["a", "b", "c"]), plan(["a", "b", "d"]), plan(["a", "c", "d", "b"]), plan(["x", "y", "z"])]
    shared = agreement(drawn)
    assert shared[3] == 0 and max(shared) == shared[2]
    assert best_of(drawn, [0.5, 0.5, 0.5, 0.5], 3.5) == 2
    assert best_of(drawn, [0.1, 0.9, 0.5, 0.2], 3.5) == 1  # it is worth so much more
    assert best_of(drawn, [0.5, 0.5, 0.5, 0.5], 2) in (0, 1)  # and has not as many claims as are wished for
    assert best_of(drawn, [float("-inf"), 0.5, float("-inf"), 0.4], 3) == 1  # plans without a claim are none
    assert best_of(drawn[:1], [0.5], 3) == 0 and agreement(drawn[:1]) == [1.0]
    assert best_of(drawn, [float("-inf")] * 4, 3) == 0


def test_what_a_word_means_is_told_from_what_else_the_thing_is() -> None:
    asked = "What is psychology and how did it develop as a science?"
    young = "Psychology is a relatively young science with its roots in the 19th century."
    said = "Psychology refers to the scientific study of the mind and behavior."
    assert defines(asked, young) == defines(asked, said) == 0
    assert means(said) and not means(young) and not means("Psychology is the most popular subject of all.")
    assert defines(asked, "Developmental psychology is the study of development across a lifespan.") == -1


def test_each_sub_question_is_measured_by_what_is_closest_to_it() -> None:
    questions = torch.eye(3)[:2]  # all evidence speaks of the first, little of the second
    vectors = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.0, 0.2], [0.3, 0.4, 0.5]])
    close = _there(vectors, vectors, questions)
    assert close.argmax() in (0, 2) and torch.isclose(close[0], close[2])
    assert close[1] < close[0]
    assert _there(vectors[:0], vectors[:0], questions).shape == (0,)


def test_a_sub_question_with_less_than_its_share_is_passed_over() -> None:
    wanted = [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert passed_over([0, 1, 2, 4, 5], wanted) == []
    assert passed_over([0, 1, 2, 4, 5], wanted, 3) == [[6, 7]]


def test_the_source_closest_to_the_question_comes_first_each_in_its_order(stars: Pool) -> None:
    near = np.array([0.5, 0.9, 0.2, 0.3, 0.3, 0.3])  # of a, its second sentence is closest
    mixed = plan(["b.e40", "a.e20", "a.e10"], ["b.e30", "b.e20"])
    assert groups(in_order(mixed, stars, near[:, None], near)) == [["a.e10", "a.e20"], ["b.e20", "b.e30", "b.e40"]]
    assert groups(in_order(mixed, stars, near[:, None], 1 - near)) == [["b.e20", "b.e30", "b.e40"], ["a.e10", "a.e20"]]
    assert home([(0, 10), (1, 90), (0, 30)]) == (0, 20)


def test_a_page_on_the_matter_comes_before_one_that_touches_on_it_and_what_introduces_before_both(stars: Pool) -> None:
    near = np.array([0.5, 0.5, 0.52, 0.1, 0.1, 0.1])  # b has the closest claim, and speaks of something else besides
    mixed = plan(["b.e10", "a.e20", "a.e10"], ["b.e30", "b.e20"])
    first = lambda pool: groups(in_order(mixed, pool, near[:, None], near))[0][0][0]  # noqa: E731
    assert first(stars) == "a"
    assert first(replace(stars, titles={"a": "How stars are born", "b": "Introduction to stars"})) == "b"
    far = near - np.array([0, 0, 0.4, 0.4, 0.4, 0.4])  # whatever its title, it is on something else
    introduced = replace(stars, titles={"b": "What is a star?"})
    assert groups(in_order(mixed, introduced, far[:, None], far))[0][0][0] == "a"


def test_a_section_of_several_sources_stays_where_it_holds_together(stars: Pool) -> None:
    rows = plan(["a.e10", "a.e20", "b.e10"], ["b.e20", "b.e30", "b.e40"])  # birth by both sources, then death
    near = np.array([0.9, 0.8, 0.7, 0.3, 0.3, 0.3])
    assert groups(in_order(rows, stars, near[:, None], near)) == groups(rows)


def test_cuts_part_what_has_least_to_do_with_each_other() -> None:
    kin = np.eye(6)
    kin[:2, :2], kin[2:, 2:] = 1.0, 1.0
    assert cuts(kin, 2) == [0, 2, 6]
    assert cuts(kin, 1) == [0, 6]
    assert cuts(np.ones((3, 3)), 3) == [0, 3]  # a section has at least two claims
    assert together(kin, [0, 2, 6]) == 6.0 > together(kin, [0, 3, 6])


def test_a_canvas_knows_what_was_asked() -> None:
    canvas = Canvas("How do stars form and die?", parts=("How do stars form", "how do stars die"))
    assert canvas.asked == ["How do stars form and die?", "How do stars form", "how do stars die"]
    assert Canvas.from_json(canvas.to_json()) == canvas
    assert Canvas("Tides").asked == ["Tides"]


def test_a_lone_claim_of_a_new_section_joins_its_like(stars: Pool) -> None:
    def claim(name: str) -> Slot:
        return Slot(name, Kind.CLAIM, (name,), text="Said.")

    heads = [Slot(f"h{i}", Kind.SECTION) for i in range(3)]
    slots = (
        heads[0],
        claim("a.e10"),
        claim("a.e20"),
        heads[1],
        claim("b.e10"),
        heads[2],
        claim("b.e20"),
        claim("b.e30"),
    )
    made = dissolve(Canvas("q", slots=slots), stars)
    assert [s.id for s in made.slots] == ["h0", "a.e10", "a.e20", "b.e10", "h2", "b.e20", "b.e30"]
    named = Canvas("q", slots=(slots[0], *slots[1:3], Slot("h1", Kind.SECTION, text="Kept"), *slots[4:]))
    assert dissolve(named, stars) is named  # a section that stood before stays
    empty = Canvas("q", slots=(*slots[:3], heads[1]))
    assert [s.id for s in dissolve(empty, stars).slots] == ["h0", "a.e10", "a.e20"]


def test_what_a_plan_passes_over_is_found() -> None:
    texts = [f"Diffusion models write text number {n}." for n in range(6)]
    texts += [f"Remasking puts masks back, way {n}." for n in range(3)]
    rows = [Evidence(f"s.e{n}", "s", "s.p0", "", n, n + 1, t, "", True, "") for n, t in enumerate(texts)]
    held = Pool({e.id: e for e in rows}, np.eye(len(rows), 384, dtype=np.float32))
    wanted = naming("How do diffusion models remask text?", held)
    assert wanted == [[6, 7, 8]]  # what all of them are about tells nothing apart
    assert passed_over([0, 1], wanted) == [[6, 7, 8]]
    assert passed_over([0, 6], wanted) == [[7, 8]]
    assert passed_over([6, 7], wanted) == []


def told(**vectors: list[float]) -> Any:
    """Models of which only the embedder is asked: texts by their first word, anything else far from all."""

    def embed(texts: list[str]) -> np.ndarray:
        rows = [vectors.get(t.split(".")[-1].split()[0].lower() if t.strip(". ") else "", [0, 1.0, 0]) for t in texts]
        made = np.array(rows, dtype=np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    embed.dim = 3  # type: ignore[attr-defined]
    return cast(Any, SimpleNamespace(embedder=embed))


def test_what_is_to_the_point_is_near_by_itself_or_in_its_place(stars: Pool) -> None:
    question = np.array([[1.0, 0.0, 0.0]], dtype=np.float32)

    def found(**vectors: list[float]) -> list[bool]:
        names = [(stars.title(i), e.heading) for i, e in stars.evidence.items()]
        where = places(names, told(**vectors).embedder)
        near: list[bool] = to_the_point(question, stars, where).tolist()
        return near

    assert found(birth=[1.0, 0, 0], death=[0, 0, 1.0]) == [True, True, True, False, False, False]
    assert found(birth=[0, 0, 1.0], death=[1.0, 0, 0]) == [True] * 6  # by themselves, or in their place
    nothing = stars.only([])
    assert to_the_point(question, nothing, places([], told().embedder)).tolist() == []


def test_a_heading_stands_over_a_third_of_its_section(stars: Pool) -> None:
    models = told(birth=[0.9, 0, 0.1], death=[0, 0, 1.0])
    cited = ["a.e10", "a.e20", "b.e10", "b.e20"]
    _, name, same = best_heading("", cited, stars, models, {}, "How do stars live?", Wanted())
    assert (name, same) == ("Birth", None)
    taken = {"birth": np.array([1.0, 0, 0], dtype=np.float32)}
    _, name, same = best_heading("", cited, stars, models, taken, "How do stars live?", Wanted())
    assert (name, same) == ("Birth", "birth")  # "Death" says too little of it: it joins the section on birth
    models = told(birth=[0.9, 0, 0.1], death=[0.7, 0, 0.7])
    _, name, same = best_heading("", cited, stars, models, taken, "How do stars live?", Wanted())
    assert (name, same) == ("Death", None)  # nearly as near as what is taken
    taken["death"] = np.array([0.7, 0, 0.7], dtype=np.float32)
    _, name, same = best_heading("", cited, stars, models, taken, "How do stars live?", Wanted())
    assert same == name.lower()  # and then it says which section to join


def test_a_heading_that_says_the_same_as_another_is_taken(stars: Pool) -> None:
    models = told(birth=[1.0, 0, 0], death=[0, 0, 1.0])
    taken = {"the birth": np.array([0.99, 0.1, 0], dtype=np.float32), "life": np.array([0, 1.0, 0], dtype=np.float32)}
    asked = "How do stars live?"
    assert best_heading("", ["a.e10", "a.e20"], stars, models, taken, asked, Wanted())[1:] == ("Birth", "the birth")
    assert best_heading("", ["b.e20", "b.e30"], stars, models, taken, asked, Wanted())[1:] == ("Death", None)
    nowhere = Pool({i: replace(e, heading="") for i, e in stars.evidence.items()}, stars.vectors)
    assert best_heading("", ["a.e10"], nowhere, models, taken, asked, Wanted())[1:] == ("How do stars live", None)
    taken["how do stars live"] = np.array([0, 1.0, 0], dtype=np.float32)
    assert best_heading("", ["a.e10"], nowhere, models, taken, asked, Wanted())[2] == "how do stars live"
    long = "The Impact of Dust and Gas on the Birth of Stars"  # ten words: no heading, but better than the question
    titled = Pool({i: replace(e, heading="") for i, e in stars.evidence.items()}, stars.vectors, {"a": long})
    assert best_heading("", ["a.e10"], titled, models, {}, asked, Wanted())[1:] == (long, None)


def test_a_section_without_a_heading_of_its_own_joins_the_one_that_has_it(stars: Pool) -> None:
    slots = (
        Slot("h0", Kind.SECTION, text="Birth"),
        Slot("c0", Kind.CLAIM, ("a.e20",), "One."),
        Slot("h1", Kind.SECTION, text="Death"),
        Slot("c1", Kind.CLAIM, ("b.e10",), "Two."),
        Slot("h2", Kind.SECTION),
        Slot("c2", Kind.CLAIM, ("b.e20",), "Three."),
        Slot("c3", Kind.CLAIM, ("a.e10",), "Four."),
        Slot("e0", Kind.EMPTY),
    )

    def joined(*slots: Slot, age: int = 0) -> list[str]:
        return [s.id for s in section_heads.joined(Canvas("q", slots=slots), {"h2": "birth"}, stars, age).slots]

    assert joined(*slots) == ["h0", "c3", "c0", "c2", "h1", "c1", "e0"]  # each source as it has them
    # It stands where the first of them stood.
    assert joined(*slots[4:7], *slots[2:4], *slots[:2], slots[7]) == ["h0", "c2", "c3", "c0", "h1", "c1", "e0"]
    # What stood before this round stays as it is.
    assert joined(*slots, age=1) == ["h0", "c0", "c2", "c3", "h1", "c1", "e0"]
    assert joined(*slots[4:7], *slots[:4], slots[7], age=1) == ["h0", "c0", "c2", "c3", "h1", "c1", "e0"]


def test_of_two_plans_the_one_that_repeats_no_wording_is_better(stars: Pool) -> None:
    rows = plan(["a.e10", "a.e20"], ["b.e20", "b.e30"])
    before = ("a.e10", "Stars form in clouds of gas and dust.")

    def worth(second: str) -> float:
        said = dict([before, ("a.e20", second)])
        told = Pool({i: replace(e, text=said.get(i, e.text)) for i, e in stars.evidence.items()}, stars.vectors)
        return holds_together(rows, told, stars.affinity(), np.ones(len(stars)), Budget(claims=4))

    assert worth("Clouds of gas and dust are where stars form.") < worth("Gravity draws a cloud together.")
    assert repeated([before[1], before[1]]) == 0.5
    assert repeated(["Too short to repeat."]) == 0.0


def test_a_claim_that_says_again_what_was_said_makes_room_for_one_that_does_not(stars: Pool) -> None:
    said = {
        "a.e10": "A star forms until it becomes hot enough to fuse hydrogen.",
        "a.e20": "The core contracts until it becomes hot enough to fuse helium.",
        "b.e20": "Gravity draws a cloud of gas together.",
        "b.e30": "Carbon burns once it becomes hot enough to fuse carbon.",
    }
    texts = {i: replace(e, text=said.get(i, e.text)) for i, e in stars.evidence.items()}
    told = Pool(texts, stars.vectors)
    rows = plan(["a.e10", "a.e20"], ["b.e20"])
    assert says_again(rows, told) == [2]
    assert says_again(rows, told, required=["a.e20"]) == []
    offered = fresh(rows, [2], told, told.ids)
    assert {"a.e10", "b.e20"} <= set(offered)  # they stay where they are
    assert not {"a.e20", "b.e30"} & set(offered)
    assert says_again(plan(["a.e10"], ["b.e20"]), told) == []


def test_a_claim_leads_with_the_best_of_what_says_the_same(stars: Pool) -> None:
    rows: list[Row] = [(Kind.SECTION, (), 0.5), (Kind.CLAIM, ("a.e10", "b.e40", "a.e20"), 0.5)]
    worth = np.array([0.0, 1.0, 0.0, 0.0, 0.0, 9.0])  # b.e40 is worth most, but says something else
    assert leading.led(rows, stars, worth)[1][1] == ("a.e20", "a.e10", "b.e40")
    assert leading.led(rows, stars, -worth)[1][1] == ("a.e10", "b.e40", "a.e20")
    assert leading.led(rows, stars, worth, required=["a.e10"])[1][1] == ("a.e10", "b.e40", "a.e20")


def test_of_two_claims_that_would_say_the_same_the_better_one_is_kept(stars: Pool) -> None:
    rows = plan(["a.e10", "b.e40"], ["b.e10", "b.e20"])  # a.e10 and b.e10 are one sentence, as the others are
    worth = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 2.0])
    assert groups(leading.led(rows, stars, worth)) == [["b.e10", "b.e40"], ["a.e10", "b.e20"]]
    assert leading.led(rows, stars, worth, required=["a.e10", "b.e10"]) == rows
    kept = settle(leading.led(rows, stars, worth), stars, Budget())
    assert [ids[0] for _, ids, _ in kept if ids] == ["b.e10", "b.e40"]


def test_what_only_names_its_subject_leads_worse(stars: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlm_core.leading.salience", lambda *_, **__: torch.ones(6))
    models = cast(
        Any, SimpleNamespace(planner=None, embedder=lambda names: stars.vectors[[0 if n else 5 for n in names]])
    )
    titled = replace(stars, titles={"a": "Birth"})
    found = leading.worth(titled, models, brief=torch.zeros(3), features=torch.zeros(6, 1))
    assert found[0] == found[1] == pytest.approx(1 - leading.NAMED, abs=1e-3)
    assert found[2] > found[3]  # nearer to what b is called
    assert leading.worth(stars.only([]), models, brief=torch.zeros(3), features=torch.zeros(0, 1)).shape == (0,)


def test_words_of_one_family_have_one_root() -> None:
    assert roots("Revisions") == roots("it revises") == roots("revising") == {"revis"}
    assert roots("The caches") == roots("a cache") and roots("cache") != roots("catch")


def test_a_sub_question_is_answered_in_words_that_it_alone_has() -> None:
    parts = ["How do stars form", "how do stars die"]
    texts = ["Stars form in clouds.", "Stars are born.", "A star dies as a dwarf.", "Dying stars are few.", "Owls die."]
    near = np.array([[0.9, 0.80], [0.9, 0.9], [0.7, 0.86], [0.7, 0.88], [0.1, 0.2]])
    assert in_own_words(parts, near, texts) == [[0], [3, 2]]
    assert in_own_words(parts[:1], near[:, :1], texts) == [[]]  # one question has no words apart
    assert in_own_words(parts, np.zeros((0, 2)), []) == [[], []]


def test_a_summary_speaks_of_each_sub_question_that_a_claim_answers() -> None:
    def claim(name: str) -> Slot:
        return Slot(name, Kind.CLAIM, ("e",), f"Said {name}.")

    a, b, c, d, e = map(claim, "abcde")
    order, worth = list("abcde"), {"a": 0.9, "b": 0.5, "c": 0.8, "d": 0.4, "e": 0.3}

    def made(chosen: list[Slot], answers: list[list[Slot]]) -> list[Slot]:
        return compose._answering(chosen, answers, lambda s: (0, worth[s.id]), order)

    assert made([a, b], [[a], []]) == [a, b]
    assert made([a, b, c], [[a], [e, d]]) == [a, c, e]  # in the place of what says least of the question
    assert made([a, b], [[a], [b], [e]]) == [a, b]  # all of them answer something
    assert made([c, b], [[a], [e]]) == [a, e]
    assert made([d, b], []) == [b, d]  # in reading order


def test_a_summary_opens_on_what_speaks_far_more_of_the_question() -> None:
    a, b, c = (Slot(i, Kind.CLAIM, text=i) for i in "abc")

    def opened(**worth: tuple[int, float]) -> str:
        return "".join(s.id for s in compose._opened([a, b, c], lambda s: worth[s.id]))

    assert opened(a=(0, 0.6), b=(0, 0.7), c=(0, 0.7)) == "abc"  # in the order of the sections
    assert opened(a=(0, 0.6), b=(0, 0.7), c=(0, 0.8)) == "cab"
    assert opened(a=(0, 0.9), b=(2, 0.5), c=(1, 0.8)) == "bac"  # what the thing is
    assert opened(a=(2, 0.5), b=(0, 0.9), c=(0, 0.9)) == "abc"
    assert compose._opened([], lambda s: (0, 0.0)) == []
