"""What is at hand for a question: what its parts ask beside their subject, what a page on something else says of one,
and what names another thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import evidence
from agent.brief import make_brief
from dlm_core.embed import Embedder
from dlm_core.segment import tidy
from tests.support import joined, texts
from tools.library import Library
from tools.source import Source, source_id


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


def test_what_stands_in_the_right_place_is_at_hand_although_it_does_not_repeat_the_question(
    tmp_path: Path, embedder: Embedder
) -> None:
    brief = make_brief("How does memory work?")
    pages = {
        "How memory works": "# How memory works\n\nMemory works by storing information over time.\n\n## Storage\n\n"
        "The creation of a permanent record of information is called storage. Rehearsal moves what was heard a moment"
        " ago into permanent storage.\n",
        "Gardening": "# Gardening\n\n## Tools\n\nA good pair of shears stays sharp for many years. A wheelbarrow"
        " with a wide tyre does not sink into wet ground.\n",
    }
    with Library(tmp_path, embedder) as library:
        for title, text in pages.items():
            library.add(Source(source_id(title), f"file:///{title[:4]}.md", title, tidy(text), "2026-01-02"))
        found = evidence.gather(brief, [brief.question], library, embedder, sources=[source_id(t) for t in pages])
        said = texts(library, found.ids)
    assert set(found.cut) == {source_id("Gardening")}
    assert "Rehearsal moves what was heard a moment ago into permanent storage." in said
    vectors = embedder([brief.question, said[-1]])
    assert float(vectors[0] @ vectors[1]) < evidence.FLOOR  # by itself it is no nearer than any other page


def test_a_long_source_leaves_others_their_places() -> None:
    ranked = [f"a{n}" for n in range(10)] + [f"b{n}" for n in range(3)]
    source = {i: i[0] for i in ranked}
    assert evidence._capped([], ranked, source, 8) == [*ranked[:6], "b0", "b1"]
    assert evidence._capped([], ranked[:10], source, 8) == ranked[:8]  # there is nobody to leave room for
    assert evidence._capped(ranked[:9], ranked, source, 8) == ranked[:9]  # what is cited is never cut


KILNS = """# Kilns

A kiln is fired slowly at first so that water leaves the clay. Firing a kiln takes ten hours for thin pots. Potters fire
a kiln with wood, gas or electricity. Wood firing leaves ash on the pots that melts into glaze. A gas kiln is fired in
heavy or light smoke. Electric firing holds an even heat on every shelf.

Cooling a kiln takes a day and a half for thick pots. A kiln that cools too fast cracks the pots in it. Potters cool a
kiln with its door shut. Slow cooling lets crystals grow in some glazes. Cooled kilns are opened under one hundred
degrees.

The oldest kiln that is known stood in Moravia. The word kiln comes from the Latin word for a kitchen. Kilns are sold by
four firms in Limoges.
"""


def test_what_speaks_of_the_subject_alone_answers_no_part(tmp_path: Path, embedder: Embedder) -> None:
    asked = make_brief("How is a kiln fired with wood, and how is a kiln cooled slowly?")
    assert len(asked.parts) == 2
    with Library(tmp_path / "kilns", embedder) as held:
        held.add(Source("src_0123456789", "https://example.org/kilns", "Kilns", tidy(joined(KILNS)), "2026-01-02"))
        found = evidence.gather(asked, [asked.question, *asked.parts], held, embedder, sources=["src_0123456789"])
        said = {e.text for e in held.evidence(found.ids)}
    assert "Firing a kiln takes ten hours for thin pots." in said and "Potters cool a kiln with its door shut." in said
    assert not any("Latin" in text or "Limoges" in text for text in said)


OTHER_HALF = {
    "Masked diffusion": """# Masked diffusion

## Writing

A masked diffusion language model writes text by replacing masks with words over several steps. A masked diffusion
language model is trained to predict the hidden words of a text. Masked diffusion language models write several words of
a text in one step.
""",
    "Revision": """# Revision

## By masks

A masked diffusion language model revises a text by masking chosen words. A revision log that records its cause lets a
reader follow every step.

## By people

Readers of a report want to know what changed. Users of chat assistants ask for a way to change one part of an answer.
""",
    "Caches": """# Caches

## Speed

A masked diffusion language model cannot keep exact key-value caches. Approximate caches are refreshed every few steps.
""",
}


def test_what_answers_one_half_of_a_question_stays_though_its_page_is_about_something_else(
    tmp_path: Path, embedder: Embedder
) -> None:
    asked = make_brief("How do masked diffusion language models write and revise text?")
    with Library(tmp_path, embedder) as held:
        for title, text in OTHER_HALF.items():
            held.add(Source(source_id(title), f"file:///{title[:4]}.md", title, tidy(joined(text)), "2026-01-02"))
        names = [source_id(t) for t in OTHER_HALF]
        found = evidence.gather(asked, [asked.question, *asked.parts], held, embedder, sources=names)
        whole = evidence.gather(
            make_brief("How do masked diffusion language models write?"),
            ["masked diffusion"],
            held,
            embedder,
            sources=names,
        )
        said = texts(held, found.ids)
        assert not any("revis" in t for t in texts(held, whole.ids))  # where nobody asks for it, the page is cut
    assert "A masked diffusion language model revises a text by masking chosen words." in said
    assert "A revision log that records its cause lets a reader follow every step." in said  # under the same heading
    assert not any("chat assistants" in t for t in said)
    assert source_id("Revision") not in found.cut
