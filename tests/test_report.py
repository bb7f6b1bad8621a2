"""A hand-made canvas as report.json and report.md: the contract's keys, order, offsets, text that cannot do harm."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dlm_core.canvas import Canvas, Cause, Kind, Revision, Slot
from dlm_core.segment import Evidence, split, tidy
from tests.reports import canvases, rich
from tools.source import Source, source_id
from workflows import publish, report, runs
from workflows.context import Context
from workflows.terminal import Reporter

PAGES = {
    "https://example.org/tides": (
        "Tides",
        "# Tides\n\nTides are caused by the gravity of the Moon and of the Sun itself."
        " The Moon causes about 68 percent of the tide."
        " Spring tides occur when the Sun, the Moon and the Earth lie on one line.",
    ),
    "file:///home/someone/neap%20tides.md": (
        "Neap tides](https://evil.example) <b>bold</b> # no",
        "# Neap tides\n\nNeap tides occur when the Moon is at its first or third quarter."
        " The tidal range is smallest at neap tide. The Moon causes about 70 percent of the tide.",
    ),
}


def library() -> tuple[dict[str, Source], dict[str, Evidence]]:
    sources: dict[str, Source] = {}
    evidence: dict[str, Evidence] = {}
    for url, (title, text) in PAGES.items():
        name = source_id(url)
        sources[name] = Source(name, url, title, tidy(text), "2026-01-02")
        evidence |= {e.id: e for e in split(sources[name].text, name)[1] if e.standalone}
    return sources, evidence


def claim(number: int, evidence: Evidence, text: str = "", **more: Any) -> Slot:
    return Slot(f"s{number}", Kind.CLAIM, (evidence.id,), text or evidence.text, (5, 6), (0.5, 0.75), **more)


def made(**changed: Any) -> tuple[report.Report, dict[str, Source], dict[str, Evidence]]:
    """A report of five claims in two sections; the summary cites one source first, the body the other."""
    sources, evidence = library()
    e = list(evidence.values())
    slots = (
        Slot("s1", Kind.SECTION, text="Neap tides"),
        claim(2, e[3]),
        Slot("s3", Kind.LINK, text="The range follows from this."),
        claim(4, e[4]),
        Slot("s5", Kind.SECTION, text="What causes tides"),
        claim(6, e[0], "Tides are caused by the gravity of the Moon."),
        replace(claim(7, e[1]), pointers=(e[1].id, e[5].id), disputed=True),
        claim(8, e[2], pinned=True),
        Slot("s9", Kind.EMPTY),
    )
    canvas = Canvas(
        question="What causes tides?",
        slots=slots,
        summary=(Slot("s10", Kind.CLAIM, ("s6",), "Tides are caused by the gravity of the Moon."),),
        revisions=(
            Revision(1, "draft", Cause("first draft"), {"s6": ("", "Tides.")}),
            Revision(2, "local", Cause("new", (e[5].id,), ("70",), 0.61237, 1.5), {"s7": ("68 percent", "70 percent")}),
        ),
        next_id=11,
    )
    canvas = replace(canvas, **changed)
    names = {"base": "base", "adapter": "a", "planner": "p"}
    built = report.build(
        canvas,
        title="What causes tides",
        names=names,
        seed=7,
        evidence=evidence,
        sources=sources,
        missing=["The sources gave nothing close to the question “How high are tides?”."],
        disputes=[(e[1].id, e[5].id)],
    )
    return built, sources, evidence


def test_report_json_has_the_contracts_keys_and_types() -> None:
    built, sources, evidence = made()
    assert json.loads(json.dumps(built)) == built
    assert built["schema"] == 1 and built["question"] == "What causes tides?" and built["seed"] == 7
    assert set(built["model"]) == {"base", "adapter", "planner"}
    assert built["summary"] == [{"text": "Tides are caused by the gravity of the Moon.", "claims": ["s6"]}]
    assert [s["heading"] for s in built["sections"]] == ["Neap tides", "What causes tides"]
    first = built["sections"][0]["claims"][0]
    assert set(first) == {"id", "text", "evidence", "confidence", "disputed", "pinned", "origin"}
    assert first["confidence"] == 0.625
    assert built["sections"][0]["links"] == [{"id": "s3", "text": "The range follows from this.", "before": "s4"}]
    assert [r["kind"] for r in built["revisions"]] == ["draft", "local"]
    cause = built["revisions"][1]["cause"]
    assert (cause["tokens"], cause["shift"], cause["threshold"]) == (["70"], 0.6124, 1.5)
    assert built["revisions"][1]["slots"] == {"s7": ["68 percent", "70 percent"]}
    assert all(set(s) == {"url", "title", "accessed"} for s in built["sources"].values())


def test_evidence_offsets_point_into_the_stored_text() -> None:
    built, sources, _ = made()
    assert len(built["evidence"]) == 6
    for e in built["evidence"].values():
        assert sources[e["source"]].text[e["start"] : e["end"]] == e["text"]
        assert e["source"] in built["sources"]
    cited = {e for s in built["sections"] for c in s["claims"] for e in c["evidence"]}
    assert cited <= set(built["evidence"])


def test_origin_is_evidence_for_a_span_whoever_wrote_it() -> None:
    built, _, _ = made()
    origin = {c["id"]: c["origin"] for s in built["sections"] for c in s["claims"]}
    assert origin["s2"] == "evidence"
    assert origin["s6"] == "evidence"  # a beginning of its evidence, with a full stop of its own
    _, evidence = library()
    other = claim(2, next(iter(evidence.values())), "The Moon and the Sun cause tides.")
    assert report._section(Slot("s1", Kind.SECTION), [other], evidence)["claims"][0]["origin"] == "model"


def test_a_list_said_in_one_sentence_is_its_sources_own_words() -> None:
    page = "# Modes\n\nThe engine supports two modes:\n\n- single\n\n- serialized"
    listed = next(e for e in split(page, "src_0000000000")[1] if e.standalone)
    slot = claim(2, listed, "The engine supports two modes: single and serialized.")
    section = report._section(Slot("s1", Kind.SECTION), [slot], {listed.id: listed})
    assert section["claims"][0]["origin"] == "evidence"
    quoted = report._quoted(listed, page)
    assert quoted["text"] == page[quoted["start"] : quoted["end"]] and "- serialized" in quoted["text"]


def test_markdown_reads_as_a_report_and_numbers_sources_by_first_use() -> None:
    built, _, _ = made()
    lines = report.markdown(built).split("\n")
    assert lines[0] == "# What causes tides"
    assert lines[2] == "Tides are caused by the gravity of the Moon. [1]"
    heads = [line for line in lines if line.startswith("## ")]
    assert heads == ["## Neap tides", "## What causes tides", "## What is missing or disputed", "## Sources"]
    body = lines[lines.index("## Neap tides") + 2]
    assert body == (
        "Neap tides occur when the Moon is at its first or third quarter. [2] The range follows from this."
        " The tidal range is smallest at neap tide. [2]"
    )
    assert "The Moon causes about 68 percent of the tide. [1][2]" in "\n".join(lines)
    sources = lines[lines.index("## Sources") + 2 :]
    assert sources[0] == "1. Tides. <https://example.org/tides> (accessed 2026-01-02)"
    assert sources[1].startswith("2. Neap tides") and "<file:///home/someone/neap%20tides.md>" in sources[1]


def test_what_is_missing_and_disputed_is_said_in_sentences() -> None:
    built, _, _ = made()
    text = report.markdown(built).split("## What is missing or disputed")[1].split("## Sources")[0]
    assert "How high are tides?" in text
    assert "“The Moon causes about 68 percent of the tide.” [1] against" in text
    assert "“The Moon causes about 70 percent of the tide.” [2]" in text
    text = report.markdown(built | {"missing": [], "disputes": []}).split("disputed\n\n")[1].split("\n\n## Sources")[0]
    nothing, closing = text.split("\n\n")
    assert nothing == report.NOTHING_OPEN and "Citation recall" in closing and "\n" not in closing


def test_no_section_stands_empty_and_no_summary_without_its_claim() -> None:
    slots = made()[0]["sections"]
    assert len(slots) == 2
    _, evidence = library()
    e = next(iter(evidence.values()))
    built, _, _ = made(
        slots=(Slot("s1", Kind.SECTION, text="Bare"), Slot("s5", Kind.SECTION, text="Full"), claim(2, e)),
        summary=(Slot("s10", Kind.CLAIM, ("s77",), "Gone."),),
    )
    assert [s["heading"] for s in built["sections"]] == ["Full"]
    assert built["summary"] == []


@pytest.mark.parametrize(
    ("count", "most"), [(1, 1), (2, 1), (5, 1), (6, 2), (9, 3), (24, 3)], ids=lambda value: str(value)
)
def test_sections_have_one_to_three_paragraphs_of_two_claims_or_more(count: int, most: int) -> None:
    for sources in (["a"] * count, ["a", "b"] * count, ["a", "a", "b"] * count):
        ends = sorted(report._breaks(sources[:count]))
        sizes = [b - a for a, b in zip([0, *ends], [*ends, count], strict=True)]
        assert len(sizes) == most
        assert most == 1 or min(sizes) >= 2


def test_paragraphs_break_where_the_source_changes() -> None:
    assert report._breaks(["a", "a", "a", "a", "b", "b", "b"]) == {4}


# --- what goes with it -------------------------------------------------------------


def test_evidence_has_the_words_around_it_and_they_stand_in_the_source() -> None:
    sources, evidence = library()
    long = "# Long\n\n" + "Word " * 100 + "before. The Moon is far away from here. " + "More " * 100 + "after."
    name = source_id("https://example.org/long")
    sources[name] = Source(name, "https://example.org/long", "Long", tidy(long), "2026-01-02", "2020-05-06")
    middle = next(e for e in split(sources[name].text, name)[1] if "Moon" in e.text)
    for text, e in [(sources[e.source].text, e) for e in evidence.values()] + [(sources[name].text, middle)]:
        got = report._quoted(e, text)
        before, after = got.get("before", ""), got.get("after", "")
        assert len(before) <= report.AROUND + 1 and len(after) <= report.AROUND + 1
        around = " ".join(part for part in (before.strip("…"), e.text, after.strip("…")) if part)
        assert around in " ".join(text.split()) and not around.startswith("#")
    got = report._quoted(middle, sources[name].text)
    assert got["before"].startswith("…Word ") and got["after"].endswith(" More…")
    assert set(report._quoted(middle, "")) <= {"text", "source", "start", "end", "heading"}


def test_drafts_say_what_stood_where_and_keep_the_evidence_they_cited() -> None:
    built = rich()
    canvases_, _, _ = canvases()
    for revision, canvas in zip(built["revisions"], canvases_, strict=True):
        sections = [[c["id"] for c in s["claims"]] for s in revision["draft"]["sections"]]
        assert sections == [[s.id for s in body if s.kind == Kind.CLAIM] for _, body in canvas.sections()]
        for section in revision["draft"]["sections"]:
            for claim in section["claims"]:
                slot = canvas.slot(claim["id"])
                assert tuple(claim["evidence"]) == slot.pointers and claim["confidence"] == round(slot.certainty, 4)
                assert set(claim["evidence"]) <= set(built["evidence"])
    assert any("Fundy" in e["text"] for e in built["evidence"].values())  # cited by the first draft alone
    assert "Fundy" not in report.markdown(built)
    last = built["revisions"][-1]["draft"]["sections"]
    assert [[c["id"] for c in s["claims"]] for s in last] == [[c["id"] for c in s["claims"]] for s in built["sections"]]


def test_drafts_come_from_the_files_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path))
    made_ = canvases()[0]
    run = runs.record(runs.Run("", "What causes tides?", (), "", str(tmp_path)))
    context = Context(run, [], Reporter())
    for canvas in made_:
        context.keep(canvas, f"{canvas.revisions[-1].number:03d}.json")
    assert publish._drafts(context, made_[-1]) == {n: canvas for n, canvas in enumerate(made_, 1)}
    (run.folder / "canvas" / "002.json").write_text("half a")
    context.keep(replace(made_[2], revisions=made_[2].revisions[:1]), "003.json")  # of some other history
    assert set(publish._drafts(context, made_[-1])) == {1, 4}


# --- text from the web ----------------------------------------------------------

HOSTILE = [
    "](https://evil.example) [x](javascript:alert(1))",
    "<script>alert(1)</script> <img src=x onerror=y>",
    "# heading",
    "1. a list",
    "- a list",
    "> a quote",
    "![image](http://x.y/z.png) and http://evil.example/path and www.evil.example and a@evil.example",
    "&lt;b&gt; &amp; &#60;",
    "*emphasis* **strong** __init__ `code` ~~gone~~ a | b $x^2$ \\*",
    "two\nlines\r\n# and a heading",
    "\x1b[31mred\x1b[0m \u202eright to left\u202c zero\u200bwidth",
    "[1]: https://evil.example",
    "===",
    "---",
]


def shown(markdown: str) -> tuple[str, set[str]]:
    """The text a reader sees of one block, and the kinds of token it is made of. The strictest reader: with HTML,
    autolinks, tables and strikethrough on."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).enable(["table", "strikethrough"]).parse(markdown)
    text, kinds = [], set()
    for token in tokens:
        kinds.add(token.type)
        for child in token.children or []:
            kinds.add(child.type)
            text.append("\n" if child.type == "softbreak" else child.content)
    return "".join(text), kinds


@pytest.mark.parametrize("text", HOSTILE)
def test_web_text_is_shown_as_it_is_and_is_nothing_else(text: str) -> None:
    plain, kinds = shown(report.escape(text))
    assert plain == report.safe(text)
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab1 .)#*_`[]()<>!|~&;:/\\-+=$@wht\n")), max_size=40))
def test_no_text_at_all_makes_markup(text: str) -> None:
    plain, kinds = shown("Word " + report.escape(text))
    assert plain == f"Word {report.safe(text)}".rstrip()
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}


def test_bare_addresses_in_text_make_no_link_for_readers_that_look_for_them() -> None:
    escaped = report.escape("see http://evil.example or www.evil.example or a@evil.example")
    assert not re.search(r"https?://|www\.\w|\w@\w", escaped)


def test_a_hostile_title_stays_a_title() -> None:
    built, _, _ = made()
    rendered = MarkdownIt().render(report.markdown(built))
    assert "<b>" not in rendered and 'href="https://evil.example"' not in rendered
    assert "&lt;b&gt;bold&lt;/b&gt; # no" in rendered
    assert rendered.count("<h2>") == 4
    assert 'href="https://example.org/tides"' in rendered


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a b", "<https://example.org/a%20b>"),
        ("https://example.org/<script>", "<https://example.org/%3Cscript%3E>"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://example.org/ä?q=%20", "<https://example.org/%C3%A4?q=%20>"),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    assert report.address(url) == expected


# --- on disk ----------------------------------------------------------------------


def test_both_files_appear_with_the_folder_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    publish.put(out, "# a\n", "{}\n")
    assert sorted(p.name for p in out.iterdir()) == ["report.json", "report.md"]
    assert sorted(p.name for p in out.parent.iterdir()) == ["out"]
    publish.put(out, "# b\n", "{}\n")
    assert (out / "report.md").read_text() == "# b\n"
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(publish.OutError, match="cannot be written"):
        publish.put(blocked / "out", "# a\n", "{}\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "file"]


def killed_in(name: str, work: Callable[[], object]) -> None:
    """Do `work` in a process that dies, as by kill -9, where it calls os.`name` or a Path's."""
    child = os.fork()
    if child == 0:
        for owner in (os, Path):
            setattr(owner, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        try:
            work()
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def test_what_a_killed_process_left_goes_when_the_report_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    files = {"figures/a.png": b"a"}
    killed_in("rename", lambda: publish.put(out, "# a\n", "{}\n"))
    assert [p.name for p in tmp_path.iterdir()] == [".out.palimpsest"]
    publish.put(out, "# a\n", "{}\n", files)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    killed_in("replace", lambda: publish.put(out, "# b\n", "{}\n", files))
    killed_in("replace", lambda: runs.write_atomically(out / "report.md", "# b\n"))
    (out / ".tmp-of-mine").touch()
    assert len(list(out.rglob(".tmp-*"))) == 3
    publish.put(out, "# c\n", "{}\n", files)
    names = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert names == {"out/report.md", "out/report.json", "out/figures/a.png", "out/.tmp-of-mine"}
    # The folder of the run, as soon as somebody goes on with it.
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    run = runs.record(runs.Run("", "How do tides work?", (), "", ""))
    for name in ("run.json", "canvas/001.json"):
        killed_in("replace", lambda name=name: runs.write_atomically(run.folder / name, "x"))  # type: ignore[misc]
    assert len(list(run.folder.rglob(".tmp-*"))) == 2
    runs.sweep(run)
    assert list(run.folder.rglob(".*")) == [] and runs.load(run.id) == run


def test_check_out_leaves_nothing_and_makes_nothing(tmp_path: Path) -> None:
    publish.check_out(tmp_path / "new" / "deep", force=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(publish.OutError, match="holds a report already"):
        publish.check_out(tmp_path, force=False)
    publish.check_out(tmp_path, force=True)
    with pytest.raises(publish.OutError, match="is a file"):
        publish.check_out(tmp_path / "report.json", force=True)
    with pytest.raises(publish.OutError, match="is a file"):
        publish.check_out(tmp_path / "report.json" / "below", force=True)
    with pytest.raises(publish.OutError, match="cannot be written"):
        publish.check_out(Path("/proc/palimpsest"), force=False)


def test_a_new_folder_never_takes_a_name_that_is_there(tmp_path: Path) -> None:
    first = publish.free_folder(tmp_path, "How do tides work?")
    assert first == tmp_path / "how-do-tides-work"
    first.mkdir()
    assert publish.free_folder(tmp_path, "How do tides work?") == tmp_path / "how-do-tides-work-2"
