"""What bench.reports measures with: its checker on planted errors, coverage, the cut to equal length, figures, and
the left-to-right peer."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import causal, checker, peers
from bench.measures import SLACK, Draft, Sentence, covered, cut, measure, repeated, rouge1_recall, twins
from bench.questions import QuestionError, gold, questions
from bench.reports import OURS, figures, table
from bench.revision import edit_ratio, inside, texts
from bench.select import marginal
from bench.writers import keep, kept
from dlm_core.checkpoint import load_base
from dlm_core.embed import Embedder
from dlm_core.segment import split, tidy
from dlm_core.train.draws import Example
from tests.reports import rich
from tests.support import ROOT, need, shared_folder
from tests.test_draws import tiny_base, tiny_data


def library_sentences() -> list[tuple[str, str]]:
    """(sentence, its passage) of the example pages, sentences that can stand alone."""
    out = []
    for file in sorted((ROOT / "examples" / "library").glob("*.md")):
        passages, evidence = split(tidy(file.read_text(encoding="utf-8")), "src_0123456789")
        texts = {p.id: p.text for p in passages}
        out += [(e.text, texts[e.passage]) for e in evidence if e.standalone]
    return out


# --- the checker ------------------------------------------------------------------


def test_the_checker_lets_every_sentence_stand_in_its_own_passage() -> None:
    held = library_sentences()
    assert len(held) > 200
    assert [s for s, passage in held if checker.unsupported(s, passage)] == []


def test_the_checker_finds_every_planted_number_date_and_name() -> None:
    rng = random.Random(0)
    found = missed = 0
    for sentence, passage in library_sentences():
        for match in checker.NUMBER.finditer(sentence):
            other = str(int(match.group().replace(",", "").split(".")[0]) + rng.randrange(1000, 2000))
            planted = sentence[: match.start()] + other + sentence[match.end() :]
            hit = other in checker.unsupported(planted, passage)
            found, missed = found + hit, missed + (not hit)
        for name in sorted(checker.names(sentence)):
            planted = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "ZanziBar", sentence, count=1)
            if planted != sentence:
                hit = bool(checker.unsupported(planted, passage))
                found, missed = found + hit, missed + (not hit)
    assert found > 100 and missed == 0


@pytest.mark.parametrize(
    ("sentence", "cited", "lost"),
    [
        ("In 1905 Einstein wrote five papers.", "Einstein wrote 5 papers in 1905.", []),
        ("The U.S. economy grew by 1,200 firms.", "The US, or U.S., gained 1200 firms.", []),
        ("Freud's work shaped the 1920s.", "The work of Freud was read in the 1920s.", []),
        ("It was met in March by Carl Rogers.", "It was met in May by Carl Jung.", ["March", "Rogers"]),
        ("Three of 40 stars are dim.", "Two of 40 stars are dim.", ["3"]),
        ("Two million people left.", "Two thousand people left.", ["million"]),
        ("Trade gained 5 percent under NAFTA.", "Trade gained 15 percent.", ["5", "NAFTA"]),
    ],
)
def test_the_checker_by_example(sentence: str, cited: str, lost: list[str]) -> None:
    assert checker.unsupported(sentence, cited) == lost


# --- measures -----------------------------------------------------------------------


def said(text: str, url: str = "file:///a", section: str = "A", valid: bool = True) -> Sentence:
    return Sentence(text, (url,), text, valid, section)


def test_rouge_counts_words_with_their_number() -> None:
    assert rouge1_recall("the cat and the dog", "The dog.") == pytest.approx(2 / 5)
    assert rouge1_recall("the cat and the dog", "the the the cat, a dog and more") == 1.0
    assert rouge1_recall("a b", "") == 0.0


def test_coverage_is_of_meaning_not_of_words() -> None:
    vectors = Embedder()
    summary = ["Neurons send signals with neurotransmitters.", "The price rises when demand rises."]
    report = ["A neuron communicates with other neurons by releasing neurotransmitters.", "The Moon has no air."]
    assert covered(summary, report, vectors) == 0.5
    assert covered(summary, summary, vectors) == 1.0
    assert covered(summary, report[1:], vectors) == 0.0
    assert covered([], report, vectors) == covered(summary, [], vectors) == 0.0
    assert twins([*summary, summary[0]], vectors) == 1 and twins(summary, vectors) == 0


def test_repetition_counts_runs_that_were_there_before() -> None:
    assert repeated(["one two three four five"]) == 0.0
    assert repeated(["one two three four", "one two three four"]) == 0.5
    assert repeated(["a b c"]) == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_the_cut_gives_the_best_sentences_of_equal_length(seed: int) -> None:
    rng = random.Random(seed)
    ranked = [said(" ".join(["w"] * rng.randrange(5, 40))) for _ in range(60)]
    words = rng.randrange(150, 500)
    chosen = cut(ranked, words)
    assert (1 - SLACK) * words <= sum(s.words for s in chosen) <= (1 + SLACK) * words
    places = [next(n for n, r in enumerate(ranked) if r is s) for s in chosen]
    assert places == sorted(places)
    # What was left out before the last one would have overshot.
    for n in range(places[-1]):
        if n not in places:
            before = sum(ranked[p].words for p in places if p < n)
            assert before + ranked[n].words > (1 + SLACK) * words
    assert cut(ranked[:2], 10**6) == tuple(ranked[:2])


def test_a_report_is_measured_by_its_pages_facts_and_citations() -> None:
    draft = Draft(
        (
            said("The lamp burns oil."),
            Sentence(
                "It was lit in 1905 by Mary Smith.", ("file:///b",), "It was lit in 1906 by Mary Smith.", True, "B"
            ),
            said("The wick is long.", "file:///b", "B", valid=False),
            Sentence("A linking sentence.", (), ""),
        ),
        2.0,
    )
    found = measure(draft, lambda url: url == "file:///a", ["The lamp burns oil."], Embedder())
    assert found["gold_share"] == pytest.approx(1 / 3)
    assert found["coverage_rouge1"] == found["coverage_sentences"] == 1.0
    assert (found["unsupported"], found["invalid_citations"], found["claims"]) == (1, 1, 3)
    assert found["sources_per_section"] == 1.0 and found["words"] == 19
    assert measure(draft, bool, [], Embedder())["coverage_rouge1"] is None


def test_goals_are_met_by_being_ahead_and_missed_by_being_behind() -> None:
    def row(gold_share: float, coverage: float | None, repeated: float) -> dict[str, float | None]:
        names = ("invalid_citations", "unsupported", "near_duplicates", "sources_per_section", "words", "seconds")
        made: dict[str, float | None] = dict.fromkeys(names, 0.0)
        made |= {"gold_share": gold_share, "coverage_rouge1": coverage, "coverage_sentences": coverage}
        return made | {"repeated_4grams": repeated}

    ours = [row(0.9, 0.5, 0.1), row(0.8, None, 0.1), row(0.7, 0.4, 0.1)]
    peer = [row(0.5, 0.6, 0.0), row(0.5, None, 0.0), row(0.6, 0.5, 0.0)]
    peer[0]["unsupported"] = 2.0
    found = {f[0]: f for f in figures({OURS: ours, "bm25": peer})}
    assert found["gold_share_gap_bm25"][1] == pytest.approx(0.8 / 3) and found["gold_share_gap_bm25"][4] is True
    assert found["gold_share_gap_bm25_low"][4] is True
    assert found["coverage_rouge1_gap_bm25"][1] == pytest.approx(-0.1) and found["coverage_rouge1_gap_bm25"][4] is False
    assert found["repeated_4grams_ours"][4] is False and found["near_duplicates_ours"][4] is True
    assert found["unsupported_ours"][4] is True and found["unsupported_bm25"][1] == 2.0
    rows = table({OURS: ours, "bm25": peer}).splitlines()
    assert len(rows) == 4 and len({r.count("|") for r in rows}) == 1


def test_marginal_relevance_passes_over_a_twin() -> None:
    relevance = np.array([1.0, 0.99, 0.6])
    alike = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert marginal(relevance, alike, 2).tolist() == [0, 2]
    assert sorted(marginal(relevance, alike, 9)) == [0, 1, 2]


def test_a_peers_report_is_kept_for_its_pages_only(tmp_path: Path) -> None:
    draft = Draft((said("A lamp."), said("A wick.", "file:///b")), 1.5, {"more": 1.0})
    keep(draft, ["src_a"], tmp_path / "x.json")
    assert kept(tmp_path / "x.json", ["src_a"]) == draft
    assert kept(tmp_path / "x.json", ["src_b"]) is None
    (tmp_path / "x.json").write_text("{")
    assert kept(tmp_path / "x.json", ["src_a"]) is None


def test_the_edit_ratio_counts_characters_by_place() -> None:
    before = {"s1": "The lamp burns oil.", "s2": "The wick is long."}
    assert edit_ratio(before, dict(before)) == 0.0
    assert edit_ratio(before, before | {"s1": "The lamp burns gas."}) == pytest.approx(3 / 36)
    assert edit_ratio(before, {"s1": "The lamp burns oil."}) == pytest.approx(17 / 36)
    assert edit_ratio(before, before | {"s9": "Z"}) == pytest.approx(1 / 36)


def test_a_section_owns_its_sentences_and_the_summary_that_rests_on_them() -> None:
    report = rich()
    claims = [c["id"] for c in report["sections"][0]["claims"]]
    own = inside(report, 0)
    assert {report["sections"][0]["id"], *claims} <= own <= set(texts(report))
    rest = {c["id"] for s in report["sections"][1:] for c in s["claims"]}
    assert rest and not rest & own
    assert [k for k in own if k.startswith("summary")] == [
        f"summary {' '.join(s['claims'])}" for s in report["summary"]
    ]


# --- questions ------------------------------------------------------------------------


def test_every_question_has_its_pages_in_a_held_out_book(tmp_path: Path) -> None:
    asked = questions()
    assert len({q.id for q in asked}) == len(asked)
    assert sum(bool(q.shard) for q in asked) >= 12 and sum(not q.shard for q in asked) >= 4
    shared = shared_folder()
    need(shared is not None, "the folder shared/ is absent")
    assert shared is not None
    held_out = (shared / "data" / "validation.txt").read_text(encoding="utf-8")
    assert all(f"{q.shard}.jsonl.gz" in held_out for q in asked if q.shard)
    one = next(q for q in asked if q.shard)
    where = gold(one, shared / "data", "", tmp_path)
    assert len(where.urls) == len(one.gold) and len(where.summary) >= 5
    pages = [Path(u.removeprefix("file://")).read_text(encoding="utf-8") for u in where.urls]
    assert {p.splitlines()[0] for p in pages} == {f"# {g}" for g in one.gold}
    assert not any(s in p for s in where.summary for p in pages)  # the summary is not there to be copied
    with pytest.raises(QuestionError, match="are called 'No Such Page'"):
        gold(type(one)(one.id, one.question, one.shard, ("No Such Page",)), shared / "data", "", tmp_path)


def test_gold_of_the_documentation_is_known_by_the_end_of_its_address() -> None:
    where = gold(questions(["python-1"])[0], Path("/nowhere"), "http://127.0.0.1:1", Path("/nowhere"))
    assert where.holds("http://127.0.0.1:1/content/python-doc/library/asyncio-task.html")
    assert not where.holds("http://127.0.0.1:1/content/python-doc/library/asyncio-future.html")
    assert not where.holds("http://127.0.0.1:1/content/python-doc/otherlibrary/asyncio-task.htm")


# --- the left-to-right peer --------------------------------------------------------------


def test_the_peer_writes_what_a_full_pass_would_at_every_step(tmp_path: Path) -> None:
    model, _ = load_base(tiny_base(tmp_path / "base"), dtype=torch.float32, rank=4)
    model.reset_adapter(torch.Generator().manual_seed(1))
    with torch.no_grad():
        for name, p in model.adapter_parameters():
            if name.startswith("blocks."):
                p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(len(name))) * 0.2)
    contexts = [[20, 31, 42, 53], [60, 25], [33, 34, 35, 36, 37, 38]]
    written = causal.generate(model, contexts, [9, 5, 7])
    assert [len(w) for w in written] == [9, 5, 7] or any(w for w in written)
    for context, row in zip(contexts, written, strict=True):
        example = Example(context, row, [], len(row), "clean")
        nats = causal.losses(model, causal.collate([example]))
        for n, token in enumerate(row):
            best = [
                float(
                    causal.losses(model, causal.collate([Example(context, [*row[:n], t], [], 1, "clean")]))[n].detach()
                )
                for t in (token, (token + 7) % 200 + 17)
            ]
            assert best[0] <= best[1] and best[0] == pytest.approx(float(nats[n].detach()), abs=1e-4)
    assert causal.generate(model, contexts, [9, 5, 7]) == written
    assert causal.generate(model, contexts[:1], [9]) == written[:1]  # what stands beside it moves nothing


def test_the_peer_trains_for_as_many_tokens_and_goes_on_after_a_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, data, out = tiny_base(tmp_path / "base"), tiny_data(tmp_path / "data"), tmp_path / "peers"
    options = f"--data {data} --out {out} --base {base} --threads 1 --examples 200 --lr 5e-3 --checkpoint 0 --log 1"
    options += " --tokens 6000"
    assert peers.main(options.split()) == 0
    card = json.loads((out / "peer-card.json").read_text())
    assert card["tokens"] >= card["diffusion_tokens"] == 6000
    assert card["tokens"] - card["diffusion_tokens"] <= 61 * peers.ROWS  # not a step more than it takes
    assert card["held_out_loss"] < card["base_held_out_loss"]
    figures = [json.loads(x) for x in capsys.readouterr().out.splitlines() if '"bench"' in x]
    assert {f["figure"]: f["met"] for f in figures}["tokens"] is True
    before = torch.load(out / "text-state.pt", weights_only=True)
    assert peers.main([*options.split(), "--resume"]) == 0  # it is done: nothing moves
    after = torch.load(out / "text-state.pt", weights_only=True)
    assert after["step"] == before["step"] == card["steps"]
    assert peers.main(["--data", str(tmp_path / "no"), "--out", str(tmp_path / "no"), "--base", str(base)]) == 1
    assert "validation.txt" in capsys.readouterr().err
