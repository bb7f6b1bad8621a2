"""Reports of somebody else's: taken apart by place, put together byte for byte, touched in one place only."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlm_core.canvas import Kind, Slot
from dlm_core.segment import Evidence
from tests.reports import wrong
from tools.source import Source
from workflows import cli, foreign
from workflows.given import load
from workflows.kept import without
from workflows.revise_report import as_report
from workflows.splice import movable

HARD = {
    "plain": "# Tides\n\nTides rise twice a day [1]. The Moon pulls [2, 3].\n\n## References\n\n1. A. http://a.org\n",
    "crlf": "# Tides\r\n\r\nTides rise twice\r\na day [1].  \r\nThe Moon pulls. [2]\r\n\r\n"
    "[1]: http://a.org\r\n[2]: b.md\r\n",
    "no end": "Tides rise twice a day.[1] The Moon pulls water.[2]\n\nReferences\n----------\n\n[1] A\n[2] B",
    "spaces": "  # Tides  \n\n\n\n  Tides rise. [1]   \t\n\t\n* one item [1]   \n\n\n* two items [2]\n\n\n",
    "front matter": "---\ntitle: 'x [1]. y'\n...\n\n# T\n\nTides rise twice [1].\n",
    "table": "# T\n\n| a [1] | b. |\n|---|---|\n| Tides rise. [2] | x |\n\nTides rise twice [1].\n\n1. x\n2. y\n",
    "code": "# T\n\n```py\n# not a heading [1]. x\na[1] = b[2]\n```\n\n    indented [1]. code\n\n"
    "Use `a[1]. B` with care [1].\n",
    "footnotes": "# T\n\nTides rise[^1] twice. The Moon[^2].\n\n[^1]: A source, <http://a.org>.\n    So.\n[^2]: B\n",
    "quotes": "# T\n\n> Tides rise [1]\n> twice. And\nlazily on. [2]\n> > deep [1].\n\n"
    "1. > odd item [1]\n   - nested [2]\n\n     more\n",
    "html": "# T\n\n<div>\nTides <b>rise</b>. [1]\n</div>\n\n<!-- a [1]. b -->\n\nTides rise <sup>1</sup>.\n",
    "setext": "Tides\n=====\n\nA B\n---\n\nTides rise twice [1].\n***\nThe Moon [2](http://x.org/a_(b)) pulls.\n",
    "bom": "\ufeff# T\n\nTides rise twice [1].\n",
    "cr": "# T\r\rTides rise twice [1].\rThe Moon pulls. [1]\r",
    "unicode": "# Гезеи́т\n\nTides\u2028rise\u00a0twice [1]。 日本語の文です[2]。\u0085 x\n\n## Sources\n\n1) A\n7) B\n",
    "tabs": "#\tT\n\n-\tTides rise [1].\n\t\n\tMore of it [2].\n\n1.\tA\n",
    "escapes": "# T\n\nA \\[1\\] is no mark. \\# nor this [1]. \x1b[31mred\x1b[0m text [2].\n",
    "links": "# T\n\nSee [[1]](#ref1) and [2](http://x.y). It is so[1][2]. And [1-3].\n\n[1]: <http://a.org> 'A'\n",
}


@pytest.mark.parametrize("name", HARD)
def test_a_report_of_anybodys_comes_back_byte_for_byte(name: str, tmp_path: Path) -> None:
    file = tmp_path / "x.md"
    file.write_bytes(HARD[name].encode())
    assert cli.main(["revise", str(file), "--quiet"]) == 0
    out = tmp_path / "x-revised"
    assert (out / "report.md").read_bytes() == file.read_bytes()
    assert (out / "report.html").is_file()
    assert wrong(json.loads((out / "report.json").read_text())) == []
    # And once more, from the folder that was written.
    assert cli.main(["revise", str(out), "--quiet"]) == 0
    assert (tmp_path / "x-revised-revised" / "report.md").read_bytes() == file.read_bytes()


PIECES = st.one_of(
    st.sampled_from(
        "\n|\r\n|\r|\n\n|# |## References\n|- |1. |> |```|    |\t| [1]|[2, 3]|[^1]|[1]: http://a.org|. |! |*|_|`|<b>|"
        "\\|a | b |\n|---|---|\n|---\n|Tides rise twice. |the Moon |\ufeff|\u2028|[x](y.md)|<http://a.org>|&amp;|é".split(
            "|"
        )
    ),
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join).filter(str.strip))
def test_any_text_comes_back_byte_for_byte(text: str) -> None:
    page = foreign.parse(text)
    assert page.sections[0].start == 0 and page.sections[-1].end == len(text)
    at = 0
    for sentence in page.sentences():
        assert at <= sentence.start < sentence.end <= len(text)
        at = sentence.end
        assert text[sentence.start : sentence.end].strip()


@settings(max_examples=40, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join).filter(str.strip), st.data())
def test_what_is_dropped_goes_and_nothing_else(text: str, data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.md"
        file.write_bytes(text.encode())
        report = load(file)
    assert as_report(report)["markdown"] == text
    claims = report.canvas.claims()
    if not claims:
        return
    gone = data.draw(st.sampled_from(claims))
    made = as_report(report, without(report.canvas, {gone.id}))["markdown"]
    for slot in claims:
        place = report.places[slot.id]
        if slot.id != gone.id:
            assert text[place.start : place.end] in made
    # What is left of it was there before, in its order.
    rest = iter(text)
    assert all(ch in rest for ch in made)


def test_sentences_citations_and_references_are_found() -> None:
    page = foreign.parse(HARD["crlf"])
    assert [(s.plain, s.cites, s.inside) for s in page.sentences()] == [
        ("Tides rise twice a day.", (1,), True),
        ("The Moon pulls.", (2,), False),
    ]
    assert {n: r.target for n, r in page.references.items()} == {1: "http://a.org", 2: "b.md"}
    page = foreign.parse(HARD["code"])
    assert [s.plain for s in page.sentences()] == ["Use a[1]. B with care."]
    page = foreign.parse("# T\n\nRanges [1-3] are [5, 7] too.\n\n## Works cited\n\n1. A\n1. B\n1. C\n\n5. D\n")
    assert [s.cites for s in page.sentences()] == [(1, 2, 3, 5, 7)]
    assert list(page.references) == [1, 2, 3, 5]


def test_a_changed_claim_is_written_in_the_manner_of_its_page(tmp_path: Path) -> None:
    for text, said in (
        ("# T\n\nTides{} [1]. More.\n\n[1]: a.md\n", " rise often, as is known"),
        ("# T\r\n\r\n- Tides{}.[^1]\r\n\r\n[^1]: A\r\n", " rise\r\n  often, as is known"),
        ("Tides{}. [1][2]", " rise often, as is known"),
    ):
        file = tmp_path / "x.md"
        file.write_bytes(text.format(said).encode())
        report = load(file)
        slot = report.canvas.claims()[0]
        made = as_report(report, report.canvas.with_slots({slot.id: replace(slot, text="Tides rise often.")}))
        assert made["markdown"] == text.format(" rise often")


def test_sections_change_places_whole(tmp_path: Path) -> None:
    file = tmp_path / "x.md"
    text = (
        "# T\n\nLead it is [1].\n\n## A\n\nAbout a [1].\n\n### A1\n\n- deep in a\n\n## B\n\n"
        "```\n## no\n```\nAbout b [2].\n\n## C\n\nAbout c.\n\n## References\n\n1. A\n2. B"
    )
    file.write_bytes(text.encode())
    report = load(file)
    parts = {h.text: (h, *body) for h, body in report.canvas.sections()}
    assert movable(report) == [parts["B"][0].id, parts["C"][0].id]  # what has a part of its own stays
    slots = [s for name in ("T", "A", "A1", "C", "B") for s in parts[name]]
    made = as_report(report, replace(report.canvas, slots=tuple(slots)))["markdown"]
    assert made == text.replace("## C\n\nAbout c.\n\n", "").replace("## B\n", "## C\n\nAbout c.\n\n## B\n")


def test_a_new_source_gets_an_entry_like_the_others(tmp_path: Path) -> None:
    new = "New. <http://n.org/x> (accessed d)"
    for text, entry in (
        (
            "# T\n\n## A\n\nTides rise twice [1].\n\n## References\n\n1. A. b.md\n\nEnd",
            "\n2. New. <http://n.org/x> (accessed d)",
        ),
        ("# T\n\n## A\n\nTides rise twice.[^4]\n\n[^4]: A. b.md\n", f"\n[^5]: {new}"),
        ("# T\r\n\r\n## A\r\n\r\nTides rise twice [1].\r\n\r\n[1]: b.md\r\n", '\r\n[2]: <http://n.org/x> "New"'),
    ):
        file = tmp_path / "x.md"
        file.write_bytes(text.encode())
        report = load(file)
        e = Evidence("src_0123456789.e5", "src_0123456789", "", "", 5, 20, "Moons pull seas.", "", True, "")
        slot = Slot("s99", Kind.CLAIM, (e.id,), "Moons pull seas.")
        made = as_report(
            report,
            replace(report.canvas, slots=(*report.canvas.slots, slot), next_id=100),
            {e.id: e},
            report.sources | {e.source: Source(e.source, "http://n.org/x", "New", "", "d")},
        )
        mark = {"\n2": " [2]", "\n[": "[^5]", "\r\n": " [2]"}[entry[:2]]
        old = next(report.page.sentences()) if report.page else None
        assert old is not None
        assert made["markdown"].startswith(text[: old.end] + f" Moons pull seas{mark}.") or made["markdown"].startswith(
            text[: old.end] + f" Moons pull seas.{mark}"
        )
        assert entry in made["markdown"] and wrong(made) == []
        rest = made["markdown"].replace(entry, "")
        assert rest.startswith(text[: old.end]) and rest.endswith(text[old.end :])
