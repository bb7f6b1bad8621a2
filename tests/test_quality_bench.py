"""What the quality bench counts, and the table it writes. The figures themselves are the bench's to make."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import ceiling
from bench.errors import Case, auroc, planted, recall_at, word_scores
from bench.plan import kept, laid_out
from bench.plants import RECOMBINATIONS, TOKEN_PLANTS, hedge, splice, trims
from bench.quality import BEGIN, END, put, rows
from bench.retrieval import ndcg, recall, tfidf
from bench.text import planned_first
from dlm_core.canvas import Kind
from dlm_core.models import load_models
from dlm_core.planner import Planner, PlannerConfig
from dlm_core.planning import Plan
from dlm_core.support import problems
from dlm_core.train.measure import calibration
from dlm_core.train.plan_examples import Example
from dlm_core.train.text_data import Pair

FIRST = "Most new stars, which form in clouds, are red dwarfs because small clouds are common."
SECOND = "Large clouds, however, collapse quickly, and their stars die young."


def test_plants_are_made_of_their_evidence_and_say_where_they_are_wrong() -> None:
    rng = random.Random(0)
    spliced = splice(FIRST, [FIRST, SECOND], rng)
    assert spliced is not None and FIRST.startswith(spliced.text[: spliced.at[0]])
    assert SECOND.endswith(spliced.text[spliced.at[0] :])
    dropped = hedge(FIRST, [FIRST], rng)
    assert dropped is not None and dropped.text == "New stars" + FIRST[len("Most new stars") :]
    assert dropped.text[slice(*dropped.at)] == "New"
    assert splice(FIRST, [FIRST], rng) is None and hedge(SECOND, [SECOND], rng) is None
    assert all(planted(make, [Case(FIRST, [FIRST], "", "")], 5) == [] for make in TOKEN_PLANTS)
    assert len(RECOMBINATIONS) == 3


def test_trims_take_one_phrase_at_a_time() -> None:
    assert trims("However, the cell (a unit) divides twice in a day.") == [
        "However, the cell divides twice in a day.",
        "The cell (a unit) divides twice in a day.",
    ]
    assert trims("The cell divides twice.") == []
    assert trims("Some strains, such as H1N1, are found in birds.") == []  # "Some strains." is no sentence
    assert trims("The cell divides twice (but not in the cold).") == []
    assert trims("The cell is a (partly) closed and (re)used system.") == []  # a hedge, and a word with a bracket
    assert trims("fsGroup: volumes are owned by this group.") == []  # a capital is no edit
    assert trims("Some went into groups, including free provincials, or guests, were not citizens.") == []
    assert trims("A city has many kinds of noise, such as cars, trains, and bells.") == [
        "A city has many kinds of noise."
    ]
    assert trims("It is done both because it is cheap and because it works in winter.") == []


def test_the_planner_says_which_evidence_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its salience on the page, less for what only names the thing, in whatever order the evidence came."""
    page = [
        ("Stars", "Stars form in clouds of gas and dust."),
        ("Stars", "A cloud collapses when gravity overcomes its pressure."),
        ("Stars", "In 1910 a man in Leiden wrote two letters about stars."),
        ("Rivers", "A river carries sand to the sea."),
    ]

    def pair(*rows: int) -> Pair:
        return Pair("Stars", "Stars", [page[i][1] for i in rows], "Stars form in clouds.", 1.0, tuple(page))

    models = load_models(quiet=True)
    led = planned_first([pair(1, 3), pair(3, 1), pair(1)], models)
    assert led[0] == led[1] == [page[1][1], page[3][1]]
    assert led[2] == [page[1][1]]
    monkeypatch.setattr("dlm_core.leading.salience", lambda *_, **__: torch.tensor([0.0, 0.0, 0.0, 9.0]))
    assert planned_first([pair(1, 3)], models) == [[page[3][1], page[1][1]]]
    monkeypatch.setattr("dlm_core.leading.salience", lambda *_, **__: torch.zeros(4))
    assert planned_first([pair(0, 1)], models) == [[page[1][1], page[0][1]]]


def test_auroc_and_recall_at_few_alarms() -> None:
    assert auroc([1, 2, 3, 4], [False, False, True, True]) == 1
    assert auroc([1, 1, 1, 1], [False, True, False, True]) == 0.5
    assert auroc([4, 2, 3, 1], [False, False, True, True]) == 0.25
    assert recall_at([0.0] * 19 + [5.0, 9.0, 1.0], [False] * 20 + [True, True]) == 1
    assert recall_at([0.0, 5.0, 9.0, 1.0], [False, False, True, True]) == 0.5


def test_a_word_is_as_doubtful_as_its_worst_token() -> None:
    # " Red stars." as the tokens " Red", " st", "ars", "."
    assert word_scores("Red stars.", [(0, 4), (4, 7), (7, 10), (10, 11)], [0.1, 0.2, 0.9, 0.3]) == [0.1, 0.9]


def test_calibration_is_the_gap_between_confidence_and_truth() -> None:
    assert calibration(torch.tensor([0.95, 0.95]), torch.tensor([True, True])) == pytest.approx(0.05)
    assert calibration(torch.tensor([0.9, 0.1]), torch.tensor([False, False])) == pytest.approx(0.5)


def test_gold_passages_count_by_rank_up_to_ten() -> None:
    gold = frozenset({"src_a"})
    assert ndcg(["src_a.p1", "src_b.p1"], gold, 1) == 1
    assert ndcg(["src_b.p1", "src_a.p1"], gold, 1) == pytest.approx(0.6309, abs=1e-4)
    assert ndcg(["src_b.p1"] * 10 + ["src_a.p1"], gold, 1) == 0
    assert recall(["src_a.p1", "src_b.p1"], gold, 2) == 0.5
    assert recall([f"src_a.p{i}" for i in range(10)], gold, 40) == 1


def test_tfidf_ranks_what_shares_rare_words() -> None:
    rank = tfidf(["stars and planets", "stars and galaxies", "rivers"], ["a", "b", "c"])
    assert rank("which galaxies have stars?") == ["b", "a"]


def test_the_table_says_what_was_met_and_keeps_the_rest_of_the_file(tmp_path: Path) -> None:
    def line(figure: str, value: float, goal: str | None = None, met: bool | None = None) -> dict[str, object]:
        return {"bench": "text", "figure": figure, "value": value, "goal": goal, "met": met}

    found = {f"text {f['figure']}": f for f in (
        line("diffusion_rouge_l", 0.4),
        line("diffusion_rouge_l_low", 0.35),
        line("diffusion_rouge_l_high", 0.45),
        line("minilm_sentence_rouge_l", 0.41),
        line("base_chat_rouge_l", 0.2),
        line("rouge_l_gap_minilm_sentence_low", -0.02, "over 0", False),
        line("rouge_l_gap_base_chat_low", 0.1, "over 0", True),
        line("diffusion_verbatim", 0.6, "at most 0.5", False),
        line("diffusion_unsupported", 0.0, "at most 0", True),
    )}  # fmt: skip
    cells = {row[0]: row[1:] for row in rows(found)}
    assert cells["Claims: ROUGE-L"][:2] == ["0.400 (0.350–0.450)", "best sentence by MiniLM 0.410, prompted base 0.200"]
    assert cells["Claims: ROUGE-L"][3] == "**no**"  # one of its peers is ahead
    found["text rouge_l_gap_minilm_sentence_low"]["met"] = True
    shown = {row[0]: row[4] for row in rows(found)}
    assert shown["Claims: ROUGE-L"] == ""  # a peer that did not write is not beaten
    found["text rouge_l_gap_causal"] = line("rouge_l_gap_causal", -0.01, "at least -0.02", True)
    assert {row[0]: row[4] for row in rows(found)}["Claims: ROUGE-L"] == "yes"
    assert cells["Claims that are one run of the evidence"] == ["0.600", "", "at most 0.5", "**no**"]
    assert cells["The same, after verification"][3] == "yes"
    plans = {"plan count_error_plan": 2.6967, "plan count_error_mean": 2.6973, "plan count_gap_low": -0.18}
    counted = {name: line(name, value) for name, value in plans.items()}
    assert next(rows(counted))[3:] == ["below the constant's, beyond chance", "**no**"]
    counted["plan count_gap_low"] = line("count_gap_low", 0.06)
    assert next(rows(counted))[4] == "yes"
    file = tmp_path / "README.md"
    file.write_text(f"# Name\n{BEGIN}\nold\n{END}\nthe rest\n")
    put("| new |\n", file)
    assert file.read_text() == f"# Name\n{BEGIN}\n| new |\n{END}\nthe rest\n"
    file.write_text(f"{END}\n{BEGIN}\n")
    with pytest.raises(ValueError, match="marker"):
        put("| new |\n", file)


def test_the_plan_that_counts_is_the_one_a_report_would_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.eye(6, 384, dtype=np.float32) + 0.2
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    page = np.array([0, 0, 0, 1, 1, 1])

    def plan(*rows: int) -> Plan:
        return Plan([Kind.SECTION, *[Kind.CLAIM] * len(rows)], [(), *((r,) for r in rows)], [1.0] * (len(rows) + 1))

    texts = [f"Sentence number {n} speaks of lamp {n}." for n in range(6)]
    gold = plan(0, 1, 2)
    none, at = np.zeros((6, 1)), np.arange(6)
    case = Example("Lamps", vectors.mean(0), vectors, none, texts, [""] * 6, page, np.zeros(6), page, at, gold)
    drawn = [plan(3, 4, 5), plan(0, 1, 2), plan(0, 1, 4), plan(0, 2, 1)]
    monkeypatch.setattr("bench.plan.expected_claims", lambda planner, **_: 3.0)
    planner = Planner(PlannerConfig(), torch.Generator().manual_seed(0))
    assert kept(planner, drawn, case) in drawn[1:]
    assert kept(planner, drawn[:1], case) is drawn[0]
    monkeypatch.setattr("bench.plan.expected_claims", lambda planner, **_: 6.0)
    longer = plan(0, 1, 2, 3, 4, 5)
    assert kept(planner, [drawn[1], longer], case) is longer
    assert laid_out(gold, case) == [0, 1, 2]


def test_the_ceiling_of_cutting_and_joining_is_what_the_check_lets_stand() -> None:
    star = "A star is a ball of gas (plasma), which is held together by gravity."
    gold = "A star is a ball of gas."
    made = ceiling.wordings(star, gold)
    assert made[0] == gold
    assert star in made and all(not problems(text, [star]) for text in made)
    heat = "The core of a star makes helium from hydrogen."
    both = "A star is a ball of gas; the core of a star makes helium from hydrogen."
    assert ceiling.told_in_one([star, heat], [made, [heat]], both) == both
    alone = ceiling.of_pair(Pair("Stars", "", [star], gold, 1.0))
    assert alone["sentence"] < alone["cut"] == alone["joined"] == 1.0
    row = ceiling.of_pair(Pair("Stars", "", [star, heat], both, 1.0))
    assert row["sentence"] == row["cut"] < row["joined"] == 1.0
    assert row["cut_one_run"] == 1.0 and row["joined_one_run"] == 0.0
