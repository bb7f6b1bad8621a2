"""Stored text, sentences, passages, and what may stand as evidence."""

from __future__ import annotations

import gzip
import json
import random
import time

import pytest

from dlm_core.boundaries import sentences
from dlm_core.headings import heading_of
from dlm_core.inline import clean_inline
from dlm_core.segment import instruction, split, tidy, usable
from tests.support import need, shared_folder

PAGE = """# Rivers

A river carries water from high ground to the sea. It also carries sand. Most rivers begin at a spring, a lake or a
glacier.

## Floods

A flood happens when a river holds more water than its bed can take. In 1953 a flood in the Netherlands killed 1,836
people. See the map for the dykes that broke.

- Dykes keep the water out of low land.
- sluices

```
level = read()

alarm(level)
```

| year | level |
|------|-------|
| 1953 | 4.55  |

The gates are:

- The Maeslantkering closes the New Waterway.
"""


def _cut(paragraph: str) -> list[str]:
    return [paragraph[a:b] for a, b in sentences(paragraph)]


@pytest.mark.parametrize(
    "parts",
    [
        ["Dr. Smith met Mr. J. K. Jones at 5 p.m. in St. Albans.", "They talked."],
        ["The value is 3.14 in most tables.", "Some give 3.1416."],
        ["Many animals, e.g. cats and dogs, live with people.", "Others do not."],
        ["He moved to the U.S. in 1990.", "The move took a week."],
        ["She lived in the U.S.", "The house was small."],
        ["Is it safe?", "Nobody knows!", "It is tried anyway."],
        ["The rule (see Sect. 3. It is long.) holds for all.", "It is old."],
        ["“Stop. Wait.” was all it said.", "The line went dead."],
        ["The word ends there… and goes on.", "It does."],
        ["Cells divide (Smith et al., 2008).", "The rate varies."],
        ["Use the loop.", "asyncio.run() starts it."],
        ["Vitamin C helps.", "Vitamin D is made in skin."],
        ["Prices rose 2% in Jan. 2020 and fell later.", "No. 5 is the last."],
        ["1. The first item has a number.", "It ends here."],
        ["no full stop at the end"],
    ],
)
def test_sentences(parts: list[str]) -> None:
    assert _cut(" ".join(parts)) == parts


def test_sentences_of_nothing() -> None:
    assert sentences("") == [] and sentences("   ") == []


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("A [link](https://example.org/a_(b)) and **bold _and_ more**.", "A link and bold and more."),
        ("Water boils[12] at 100 °C.[3, 4]", "Water boils at 100 °C."),
        ("`a[1]` and `**kwargs` stay, a[1] too.", "a[1] and **kwargs stay, a[1] too."),
        ("Set `__init__` or snake_case_name.", "Set __init__ or snake_case_name."),
        ("![logo](x.png)Text&nbsp;with &amp; entity<br/> here", "Text with & entity here"),
        ("left\u200b \u202eright\u0007 \ufb01ne\tspaced", "left right ﬁne spaced"),
        (":func:`asyncio.run` and `docs <https://e.org>`_", "asyncio.run and docs"),
        ("Cafe\u0301 costs 2 * 3 * 4", "Café costs 2 * 3 * 4"),
        ("A claim.[citation needed] Another.¹", "A claim. Another."),
    ],
)
def test_clean_inline(raw: str, clean: str) -> None:
    assert clean_inline(raw) == clean
    assert clean_inline(clean) == clean


def test_tidy_makes_the_stored_format() -> None:
    text = tidy(PAGE)
    blocks = text.split("\n\n")
    assert blocks[0] == "# Rivers"
    assert blocks[1].startswith("A river carries") and "\n" not in blocks[1]
    assert "- Dykes keep the water out of low land." in blocks
    assert "```\nlevel = read()\n\nalarm(level)\n```" in text
    assert "| 1953 | 4.55 |" in blocks and not any(set(b) <= set("|- ") for b in blocks)
    assert tidy(text) == text


def test_tidy_takes_windows_lines_setext_and_an_open_fence() -> None:
    assert tidy("Title\r\n=====\r\n\r\none\r\ntwo\r\n\r\n* * *\r\n\r\n1) first\r\n2) second") == (
        "# Title\n\none two\n\n- first\n\n- second"
    )
    assert tidy("```\ncode\n") == "```\ncode\n```"
    assert tidy("") == "" and tidy("\n\n---\n") == ""


def test_split_offsets_ids_and_headings() -> None:
    text = tidy(PAGE)
    passages, evidence = split(text, "src_0123456789")
    assert len({e.id for e in evidence}) == len(evidence) and len({p.id for p in passages}) == len(passages)
    by_id = {p.id: p for p in passages}
    for e in evidence:
        assert text[e.start : e.end] == e.text and e.text == e.text.strip()
        assert e.id == f"src_0123456789.e{e.start}" and e.standalone == (e.reason == "")
        assert e.heading == by_id[e.passage].heading
    for p in passages:
        assert text[p.start : p.end] == p.text and p.id == f"src_0123456789.p{p.start}"
    assert {p.heading for p in passages} == {"Rivers", "Floods"}
    assert split(text, "src_0123456789") == (passages, evidence)


def test_split_says_what_stands_alone() -> None:
    found = {e.text.split("\n")[0]: e for e in split(tidy(PAGE), "s")[1]}
    good = [t for t, e in found.items() if e.standalone]
    assert good == [
        "A river carries water from high ground to the sea.",
        "Most rivers begin at a spring, a lake or a glacier.",
        "A flood happens when a river holds more water than its bed can take.",
        "In 1953 a flood in the Netherlands killed 1,836 people.",
        "Dykes keep the water out of low land.",
    ]
    assert found["It also carries sand."].lead == "A river carries water from high ground to the sea."
    assert found["```"].reason == "code" and found["| 1953 | 4.55 |"].reason == "table row"
    assert found["Floods"].reason == "heading"
    assert found["The Maeslantkering closes the New Waterway."].reason == "list item under a lead"


def test_passages_have_60_to_180_words_and_keep_to_their_heading() -> None:
    rng = random.Random(4)
    words = ["water", "river", "lake", "stone", "field", "cloud", "winter", "summer", "bridge", "valley"]
    paragraphs = []
    for i in range(120):
        if i % 17 == 0:
            paragraphs.append(f"## Part {i}")
        line = [" ".join(rng.choices(words, k=rng.randint(4, 30))).capitalize() + "." for _ in range(rng.randint(1, 9))]
        paragraphs.append(" ".join(line))
    text = tidy("\n\n".join(paragraphs))
    passages, _ = split(text, "s")
    sizes = [len(p.text.split()) for p in passages]
    assert max(sizes) <= 210
    assert sum(s >= 60 for s in sizes) > 0.85 * len(sizes)
    assert all("##" not in p.text for p in passages)


def test_hostile_text_is_split_soon_and_kept_whole() -> None:
    long_word, no_stop, brackets = "x" * 50_000, "word " * 20_000, "([{“" * 5_000
    text = "\n\n".join([long_word, no_stop.strip(), brackets, "# " + "h" * 3000, "``` ```", "A last line stands here."])
    begin = time.process_time()
    passages, evidence = split(text, "s")
    assert time.process_time() - begin < 10
    assert all(text[e.start : e.end] == e.text for e in evidence)
    assert all(text[p.start : p.end] == p.text for p in passages)
    assert not any(e.standalone and len(e.text) > 500 for e in evidence)


def test_an_opening_clause_may_not_tell_of_what_was_introduced() -> None:
    text = (
        "# White dwarfs\n\nFusion goes on in shells around the core of an old star. As the shells finish their fusion, "
        "ashes fall onto the core of the star. Because the mass of iron is low, a small star makes none of it. "
        "As the brain ages, people forget names sooner than faces."
    )
    found = {e.text[:14]: e.standalone for e in split(text, "src_a")[1]}
    assert found == {"White dwarfs": False, "Fusion goes on": True, "As the shells ": False} | {
        "Because the ma": True,
        "As the brain a": True,
    }


def test_several_things_that_the_paragraph_told_of_do_not_stand_alone() -> None:
    text = "Young stars are found with disks of gas and dust. The disks formed later and still contain gas."
    _, found = split(text, "s")
    assert [e.standalone for e in found] == [True, False]
    # Nor without the connective that is in the way.
    _, found = split(text.replace("The disks", "However, the disks"), "s")
    assert [usable(e) for e in found] == [True, False]
    _, found = split("Young stars are hot. However, disks of gas and dust are cold.", "s")
    assert usable(found[1])


def test_recall_on_textbook_prose() -> None:
    folder = shared_folder()
    need(folder is not None, "the shared folder with textbooks is absent")
    assert folder is not None
    file = folder / "data" / "textbooks" / "anatomy-and-physiology-2e.jsonl.gz"
    need(file.is_file(), "the shared textbooks are absent")
    kept = total = 0
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for _, line in zip(range(12), lines, strict=False):
            page = json.loads(line)
            text = tidy("\n\n".join(p for s in page["sections"] for p in s["paragraphs"]))
            for e in split(text, "s")[1]:
                assert text[e.start : e.end] == e.text
                kept += e.standalone
                total += 1
    assert 0.35 < kept / total < 0.7


def test_what_the_paragraph_introduced_does_not_stand_alone_later() -> None:
    text = (
        "## Stellar associations\n\nAn association is a group of extremely young stars. Most of them are in Orion. "
        "The presence of hot stars shows that star formation in the association has occurred lately. "
        "The impairments are not caused by ordinary forgetting at all. "
        "Hot stars in an association of young stars are found near the gas around the association. "
        "The brain of a mouse has far fewer cells than the brain of a person."
    )
    _, evidence = split(text, "s")
    alone = [e.text for e in evidence if e.standalone]
    assert [t.split()[0:2] for t in alone] == [["An", "association"], ["Hot", "stars"], ["The", "brain"]]


def test_a_definite_subject_introduced_by_the_sentence_before_does_not_stand_alone() -> None:
    text = (
        "# Amnesia\n\nPatients with dissociative amnesia show memory impairments for personal events."
        " The memory impairments are not caused by ordinary forgetting in daily life."
        " The amnesia can last for days or years in some patients."
    )
    found = {e.text.split()[1]: e.reason for e in split(text, "src_0123456789")[1] if e.text.startswith("The ")}
    assert found["memory"] == "its subject is introduced before"
    assert found["amnesia"] == ""


def test_a_sentence_may_end_in_etc_and_a_heading_has_no_number() -> None:
    page = (
        "# 12.3. Managing Packages with pip\n\nIt handles quotes, delimiters, etc. Due to the lack of a strict format, "
    )
    page += "programs that write it produce subtly different data."
    passages, evidence = split(page, "src_0123456789")
    assert passages[0].heading == "Managing Packages with pip"
    assert any(e.text.startswith("Due to the lack") for e in evidence)


def test_a_heading_in_capitals_is_set_in_title_case() -> None:
    page = "SIDS is a sudden death of an infant, and the NAACP fought Jim Crow laws."
    assert heading_of("THE RISE OF THE NAACP", page) == "The Rise of the NAACP"
    assert heading_of("SIDS", page) == "SIDS"
    assert heading_of("WORLD WAR II: THE END", page) == "World War II: The End"
    assert heading_of("WHY THE U.S. DIDN’T JOIN", page) == "Why the U.S. Didn’t Join"
    assert heading_of("THE “INVISIBLE EMPIRE OF THE SOUTH”", page) == "The “Invisible Empire of the South”"
    assert heading_of("TRANSCENDENTALISM", page) == "Transcendentalism"
    assert heading_of("Jim Crow and the NAACP", page) == "Jim Crow and the NAACP"
    assert heading_of("[Training]", page) == "Training"
    assert heading_of("Deployment (recommended)", page) == "Deployment"
    assert heading_of("F.35. pg_trgm", page) == "pg_trgm" and heading_of("D. H. Lawrence", page) == "D. H. Lawrence"
    assert heading_of("Gross domestic product (GDP)", page) == "Gross domestic product (GDP)"
    passages, evidence = split("## A NEW DEAL\n\nThe deal was made in 1933 by the president.", "src_0123456789")
    assert passages[0].heading == "A New Deal" and [e.text for e in evidence][0] == "A NEW DEAL"


def test_a_list_of_letters_ends_a_sentence_and_an_initial_does_not() -> None:
    said = "Fat-soluble vitamins include vitamins A, D, E, and K. Fat-soluble vitamins play many roles."
    assert [said[a:b] for a, b in sentences(said)][1] == "Fat-soluble vitamins play many roles."
    said = "The laser was built by A. Schawlow and T. Maiman in 1960. It was red."
    assert len(sentences(said)) == 2
    said = "The field is set to the name of Node N. This field helps the scheduler. Pod P. As a result it waits."
    assert [said[a:b].split()[0] for a, b in sentences(said)] == ["The", "This", "Pod", "As"]
    assert len(sentences("Bones can become thin without sufficient vitamin D. Vitamin D prevents rickets.")) == 2
    assert len(sentences("Harry S. Truman was president. John F. Kennedy followed.")) == 2


def test_under_an_option_stands_first_what_it_does() -> None:
    page = """# dump

```
-b
--blobs
```

Include large objects in the dump. Large objects are dumped by default unless tables are named.

```
-f file
```

Dump data as commands (with names) for the file. The file is written anew by every run of the program.
"""
    evidence = split(page, "src_0000000000")[1]
    assert [e.text for e in evidence if usable(e)] == [
        "Large objects are dumped by default unless tables are named.",
    ]
    assert not any(instruction(e) for e in evidence)
