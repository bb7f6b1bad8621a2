"""`palimpsest revise` and `refresh`: what they refuse, and that a report.json of anybody's does no harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlm_core.canvas import Canvas
from tests.reports import rich
from workflows import cli
from workflows.asked import request
from workflows.checked import GivenError
from workflows.given import canvas_of, holding, load
from workflows.parsers import parsed, revise_parser
from workflows.report import markdown

FOREIGN = (
    "# Tides\n\n## Causes\n\nTides rise twice a day [1]. The Moon pulls water [1].\n\n## References\n\n1. A. b.md\n"
)


def folder(tmp_path: Path, change: Callable[[dict[str, Any]], object] = lambda r: None) -> Path:
    """A finished report of ours."""
    report = json.loads(json.dumps(rich()))
    out = tmp_path / "tides"
    out.mkdir()
    (out / "report.md").write_text(markdown(report))
    change(report)
    (out / "report.json").write_text(json.dumps(report))
    return out


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code, and the line on standard error: one, without what a terminal would obey."""
    code = cli.main(list(arguments))
    line = capsys.readouterr().err
    assert line.startswith("palimpsest: ") and line.count("\n") == 1 and line.strip().isprintable()
    return code, line


def test_wrong_usage_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path)
    foreign = tmp_path / "x.md"
    foreign.write_text(FOREIGN)
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "binary.md").write_bytes(b"\x89PNG\x00\x01")
    (tmp_path / "latin.md").write_bytes("Gezeiten für alle".encode("latin-1"))
    (tmp_path / "other.json").write_text('{"schema": 2}')
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    (tmp_path / "page.html").write_text("<p>x</p>")
    (tmp_path / "bare").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for arguments, says in (
        (["nosuch"], "nosuch: no such file or folder"),
        (["bare"], "holds no report"),
        (["empty.md"], "is empty"),
        (["binary.md"], "is not"),
        (["latin.md"], "is not UTF-8 text: convert it first"),
        (["other.json"], "is not a report that this version can read (its schema is not 1)"),
        (["list.json"], "its schema is not 1"),
        (["deep.json"], "is not a report that this version can read"),
        (["page.html"], "is not a report: name a report.json, a Markdown file"),
        (
            ["tides", "--section", "Zebra", "--ask", "shorter"],
            "there is no section “Zebra”; there are “What causes tides”",
        ),
        (["tides", "--section", "tid", "--ask", "shorter"], "“tid” may be “What causes tides”, “Tidal power”"),
        (["tides", "--claim", "99", "--ask", "shorter"], "there is no claim 99: the report has claims 1 to 8"),
        (["tides", "--claim", "0", "--ask", "shorter"], "is not a whole number from 1"),
        (["tides", "--ask", "shorten claim 77"], "there is no claim 77"),
        (["tides", "--pin", "Zebras eat grass"], "--pin: no claim of the report holds “Zebras eat grass”"),
        (["tides", "--drop", "\x1b[31mred"], "--drop: no claim of the report holds"),
        (["tides", "--ask", "funnier"], "is not understood; it takes shorter, longer, simpler"),
        (["tides", "--section", "Tidal power"], "--section says where: --ask, --drop or --add says what"),
        (["tides", "--add", "nosuch.md"], "nosuch.md: no such file or folder"),
        (["tides", "--add", "ftp://x/y"], "no such kind of source"),
        (["tides", "--out", "tides", "--ask", "shorter"], "holds a report already"),
        (["tides", "--frobnicate"], "unknown option --frobnicate"),
        (["x.md", "--section", "Nope", "--ask", "split"], "there is no section “Nope”; there are “Causes”"),
        (["x.md", "--claim", "3", "--ask", "split"], "claims 1 to 2"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            code, line = told(capsys, "revise", *arguments)
        assert code == 2 and says in line, (arguments, line)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        code, line = told(capsys, "refresh", "x.md")
        assert code == 2 and "names no evidence" in line
    assert sorted(tmp_path.rglob("*")) == before


def test_the_sections_and_claims_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["revise", str(folder(tmp_path)), "--list"]) == 0
    out = capsys.readouterr().out
    assert "section 1: What causes tides" in out and "  8 (pinned)  The first large" in out


def test_nothing_asked_is_the_same_report(tmp_path: Path) -> None:
    ours = folder(tmp_path)
    for given in (ours, ours / "report.md", ours / "report.json"):
        out = tmp_path / f"out{given.suffix}"
        assert cli.main(["revise", str(given), "--out", str(out), "--quiet"]) == 0
        assert (out / "report.md").read_bytes() == (ours / "report.md").read_bytes()
        assert json.loads((out / "report.json").read_text()) == rich()
    # A report.md that was changed by hand keeps what was written.
    text = (ours / "report.md").read_bytes().decode().replace(
        "Spring tides occur", "Big tides *really* occur"
    ) + "\n \n"
    (ours / "report.md").write_bytes(text.encode())
    assert cli.main(["revise", str(ours), "--out", str(tmp_path / "hand"), "--quiet"]) == 0
    assert (tmp_path / "hand" / "report.md").read_bytes().decode() == text
    made = json.loads((tmp_path / "hand" / "report.json").read_text())
    held = {c["id"]: c for s in made["sections"] for c in s["claims"]}
    assert (
        held["s2"]["evidence"] == [c for s in rich()["sections"] for c in s["claims"] if c["id"] == "s2"][0]["evidence"]
    )


def test_a_report_json_with_wrong_values_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def claim(r: dict[str, Any]) -> dict[str, Any]:
        return dict.__getitem__(r, "sections")[0]["claims"][0]

    first = next(iter(rich()["evidence"]))
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda r: claim(r).update(id="../../etc/passwd"),
        lambda r: claim(r).update(id="s" + "9" * 400),
        lambda r: claim(r).update(text=5),
        lambda r: claim(r).update(text="\ud800"),
        lambda r: claim(r).update(confidence=float("nan")),
        lambda r: claim(r).update(confidence=10**400),
        lambda r: claim(r).update(evidence=["src_x"]),
        lambda r: claim(r).update(evidence=[first] * 50),
        lambda r: claim(r).update(pinned="yes"),
        lambda r: r["sections"].append(r["sections"][0]),
        lambda r: r.update(seed=10**30),
        lambda r: r.update(seed=True),
        lambda r: r.update(sections="none"),
        lambda r: r.update(sections=[None]),
        lambda r: r.update(evidence={"../x": r["evidence"][first]}),
        lambda r: r["evidence"][first].update(source="src_0000000000"),
        lambda r: r["evidence"][first].update(start=-5),
        lambda r: r["sources"].update({"/etc/passwd": {}}),
        lambda r: r.update(numbers={s: 1 for s in r["sources"]}),
        lambda r: r.update(numbers={s: 10**9 for s in r["sources"]}),
        lambda r: r.update(markdown=["x"]),
        lambda r: r.update(model=[]),
        lambda r: r.update(missing=[{}]),
        lambda r: r["revisions"][0].update(number=7),
        lambda r: r["revisions"][0].update(slots={"__proto__": ["", ""]}),
        lambda r: r["revisions"][0].update(draft={"summary": [1], "sections": []}),
        lambda r: r["revisions"][0]["cause"].update(shift="big"),
        lambda r: r.update(disputes=[{"evidence": "x", "preferred": "y"}]),
        lambda r: r.update(figures=[{"file": ["../../x"]}]),
        lambda r: r.update(searches={}),
    ]
    for n, change in enumerate(changes):
        place = tmp_path / str(n)
        place.mkdir()
        given = folder(place, change)
        code, line = told(capsys, "revise", str(given), "--quiet")
        assert code == 2 and "is not a report that this version can read" in line, (n, line)
        assert not (place / "tides-revised").exists()


def test_hostile_text_of_a_report_json_stays_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change(r: dict[str, Any]) -> None:
        r["sections"][0]["heading"] = "\x1b]0;owned\x07</h2><script>owned=1</script>"
        r["sections"][0]["claims"][0]["text"] = "\x1b[2J<img src=x onerror=owned=1> {{7*7}} [x](javascript:alert(1)) a."
        r["sources"][next(iter(r["sources"]))]["url"] = "javascript:alert(1)"
        r["title"] = "<script>owned=2</script>"

    given = folder(tmp_path, change)
    (given / "report.md").unlink()
    assert cli.main(["revise", str(given), "--list"]) == 0
    assert cli.main(["revise", str(given)]) == 0
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    out = tmp_path / "tides-revised"
    page = (out / "report.html").read_text()
    assert "<script>owned" not in page and "<img src=x" not in page and "\x1b" not in page
    assert 'href="javascript' not in page
    assert "\x1b" not in (out / "report.md").read_text() and "<script>" not in (out / "report.md").read_text().replace(
        "\\<", ""
    )


def test_a_path_in_a_report_opens_nothing_outside_its_folder(tmp_path: Path) -> None:
    from workflows.revise_read import own_file

    home = tmp_path / "home"
    home.mkdir()
    (home / "b.md").write_text("x")
    (tmp_path / "secret.md").write_text("x")
    (home / "link.md").symlink_to(tmp_path / "secret.md")
    assert own_file("b.md", home) == home / "b.md"
    assert own_file((home / "b.md").as_uri(), home) == home / "b.md"
    for target in (
        "../secret.md",
        str(tmp_path / "secret.md"),
        (tmp_path / "secret.md").as_uri(),
        "link.md",
        "",
        "\x00",
    ):
        assert own_file(target, home) is None, target


def test_a_deep_or_huge_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    with file.open("wb") as out:
        out.truncate(20_000_002)
        out.write(b"x")
    with pytest.raises(GivenError, match="larger than 20 MB"):
        load(file)


def test_each_wish_has_its_own_place(tmp_path: Path) -> None:
    given = folder(tmp_path)
    words = ["x", "--ask", "shorter in section Tidal power; split claim 2", "--ask", "simpler", "--section", "1"]
    asked = request(load(given), given, parsed(revise_parser(), words))
    assert [(a["kind"], a["heads"], a["span"]) for a in asked.asks] == [
        ("shorter", ["s10"], []),
        ("split", [], ["s3"]),
        ("simpler", [], []),
    ]
    assert asked.heads == ("s1",) and asked.span is None


def test_a_claim_is_found_by_what_a_reader_copies() -> None:
    canvas = load_rich()
    assert [s.id for s in holding(canvas, "about 70 percent of the tide. [2]")] == ["s3"]
    assert [s.id for s in holding(canvas, "occur when\n the Sun")] == ["s4"]
    assert [
        s.id for s in holding(canvas, "Spring tides occur when the Sun, the Moon and the Earth lie on one line. [1] x")
    ] == ["s4"]
    assert holding(canvas, "") == [] and holding(canvas, "[1]") == []


def load_rich() -> Canvas:
    return canvas_of(rich())
