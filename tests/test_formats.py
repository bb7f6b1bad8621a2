"""The files a report can be had as: what is asked for and cannot be is known before the work, pandoc's files hold the
report, the bibliography is read by others, and report.json is what its published schema says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.reports import HOSTILE, rich, wrong
from tests.support import ROOT, need
from tests.test_report import made
from workflows import bib, cli, export, formats, publish
from workflows.report import Report, markdown

# --- what may be asked for ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formats.DEFAULT, ("md", "html", "json")),
        ("html", ("md", "html", "json")),
        ("json", ("md", "json")),
        (" PDF, html,,html ", ("md", "html", "json", "pdf")),
        ("pdf,docx", ("md", "json", "docx", "pdf")),
    ],
)
def test_md_and_json_are_always_there(text: str, expected: tuple[str, ...]) -> None:
    assert formats.parse(text) == expected


@pytest.mark.parametrize("text", ["", ",", "exe", "html,latex", "html docx"])
def test_a_format_that_is_none_names_those_there_are(text: str) -> None:
    with pytest.raises(formats.FormatError, match="there are md, html, json, docx, pdf"):
        formats.parse(text)


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make these, and no others, the programs on the PATH."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\necho it broke >&2\nexit 43\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_what_needs_pandoc_says_so_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    programs(tmp_path / "bin", monkeypatch)
    formats.check(("md", "html", "json"))
    for name in ("docx", "pdf"):
        assert cli.main(["Why?", "--sources", str(tmp_path), "--format", f"html,{name}"]) == 2
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1
        assert f"{name} needs pandoc" in err and "apt install pandoc" in err
    programs(tmp_path / "bin", monkeypatch, "pandoc")
    formats.check(("docx",))
    with pytest.raises(formats.FormatError, match="needs a PDF engine.*print report.html from a browser"):
        formats.check(("pdf",))
    assert not (tmp_path / "home").exists()


def test_pandoc_that_fails_is_one_line_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs(tmp_path / "bin", monkeypatch, "pandoc")
    out = kept(tmp_path / "out", rich())
    assert cli.main(["export", str(out), "--format", "html,docx"]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and "pandoc gave no report.docx (it broke)" in err
    assert sorted(p.name for p in out.iterdir()) == ["report.html", "report.json", "report.md"]


# --- files ------------------------------------------------------------------------------


def kept(folder: Path, report: Report) -> Path:
    """The report in a folder, as a run leaves it."""
    publish.put(folder, markdown(report), json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    return folder


def test_a_report_that_is_replaced_leaves_none_of_its_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish.put(out, "# a\n", "{}\n", {"report.html": "a", "report.bib": "a", "report.pdf": b"a"})
    (out / "notes.txt").write_text("mine")
    publish.put(out, "# b\n", "{}\n", {"report.html": "b"})
    assert sorted(p.name for p in out.iterdir()) == ["notes.txt", "report.html", "report.json", "report.md"]
    assert (out / "report.html").read_text() == "b"


@pytest.mark.parametrize("name", ["report.html", "report.pdf", "report.bib"])
def test_any_file_of_a_report_keeps_out_from_being_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(publish.OutError, match="holds a report already"):
        publish.check_out(tmp_path, force=False)


def test_docx_holds_the_report(tmp_path: Path) -> None:
    need(shutil.which("pandoc") is not None, "pandoc is not installed (Debian: apt install pandoc)")
    out = kept(tmp_path / "out", rich())
    assert export.export(out, ("docx",)) == [out / "report.docx"]
    text = plain(out / "report.docx", "docx")
    for words in ("The Moon causes about 70 percent of the tide. [1][2]", "Sources", "<script>window.owned=2</script>"):
        assert words in text
    assert HOSTILE in text
    title = subprocess.run(
        ["pandoc", str(out / "report.docx"), "--standalone", "--to", "json"], capture_output=True, check=True
    )
    assert "title" in json.loads(title.stdout)["meta"]


def plain(file: Path, kind: str) -> str:
    command = ["pandoc", "--from", kind, "--to", "plain", "--wrap", "none", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_pdf_holds_the_report(tmp_path: Path) -> None:
    from pypdf import PdfReader

    need(shutil.which("pandoc") is not None, "pandoc is not installed (Debian: apt install pandoc)")
    need(formats._engine() is not None, "pandoc has no PDF engine here (Debian: apt install weasyprint)")
    out = kept(tmp_path / "out", rich())
    assert export.export(out, ("pdf",)) == [out / "report.pdf"]
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(out / "report.pdf").pages).split())
    assert "The Moon causes about 70 percent of the tide." in text and "window.owned=2" in text


def test_export_writes_html_beside_the_report_and_touches_nothing_else(tmp_path: Path) -> None:
    out = kept(tmp_path / "out", rich())
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    done = subprocess.run(
        [sys.executable, "-m", "workflows.cli", "export", str(out), "--bib"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    names = ["report.html", "report.bib", "report.csl.json"]
    assert done.stdout.split() == [str(out / name) for name in names]
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.name not in names} == before
    assert (out / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no report.json"),
        ("{", "is not a report"),
        ("[]", "its schema is not 1"),
        ('{"schema": 2}', "its schema is not 1"),
        ('{"schema": 1}', "is not a report that this version can read (KeyError"),
        ('{"schema": 1, "revisions": 3, "sections": 1, "evidence": [], "summary": 0}', "is not a report"),
    ],
)
def test_export_of_no_report_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    assert cli.main(["export", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and says in err


# --- bibliography -----------------------------------------------------------------------

TITLES = [
    "Tides & currents: 100% of $5 #1 under_score ~tilde ^caret",
    "An {unclosed brace",
    "Balanced {braces} and a back\\slash",
    "Größe “quoted” — 潮汐",
    "The The The",
    "of",
]
ADDRESSES = {
    "https://doi.org/10.1000/xyz%3C123": ("10.1000/xyz<123", ""),
    "https://arxiv.org/abs/2310.16834": ("", "2310.16834"),
    "https://arxiv.org/pdf/cs/0112017": ("", "cs/0112017"),
    "https://example.org/a b?x={y}&z=1%20#f": ("", ""),
    "javascript:alert(1)": ("", ""),
}


def titled(*titles: str, urls: dict[str, Any] | None = None) -> Report:
    """A report that cites one source for each title, in order."""
    report = rich()
    claim = report["sections"][0]["claims"][0]
    report["sections"] = [report["sections"][0] | {"claims": [], "links": []}]
    report["summary"], report["disputes"], report["sources"] = [], [], {}
    addresses = list(urls or {})
    for n, title in enumerate(titles):
        name = f"src_{n:010x}"
        url = addresses[n] if n < len(addresses) else f"https://example.org/{n}"
        report["sources"][name] = {"url": url, "title": title, "accessed": "2026-01-02", "date": "2024-05"}
        report["evidence"][f"{name}.e0"] = {"text": "x", "source": name, "start": 0, "end": 1}
        report["sections"][0]["claims"].append(claim | {"id": f"s{50 + n}", "evidence": [f"{name}.e0"]})
    return report


def read_by_pandoc(text: str, kind: str) -> list[dict[str, Any]]:
    need(shutil.which("pandoc") is not None, "pandoc is not installed (Debian: apt install pandoc)")
    command = ["pandoc", "--from", kind, "--to", "csljson"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def test_bibtex_is_read_back_as_it_was(tmp_path: Path) -> None:
    items = read_by_pandoc(bib.bibtex(titled(*TITLES)), "bibtex")
    assert len({item["id"] for item in items}) == len(items) == len(TITLES)
    for item, title in zip(items, TITLES, strict=True):
        if "{" not in title or "}" in title:  # pandoc has no word for a lone brace
            assert item["title"] == title
        assert item["accessed"] == {"date-parts": [[2026, 1, 2]]}
        assert item["issued"] == {"date-parts": [[2024, 5]]}


def test_braces_of_bibtex_are_balanced_whatever_the_title() -> None:
    for title in (*TITLES, "}{", "}}}", "{\\{", HOSTILE):
        text = bib.bibtex(titled(title))
        depth = 0
        for ch in text:
            depth += (ch == "{") - (ch == "}")
            assert depth >= 0
        assert depth == 0 and text.count("@misc{") == 1 and text.count("\n}\n") == 1


def test_addresses_give_doi_and_arxiv_numbers() -> None:
    report = titled(*["Same title"] * len(ADDRESSES), urls=ADDRESSES)
    text = bib.bibtex(report)
    items = json.loads(bib.csl(report))
    assert [item["id"] for item in items] == ["same-title-2024", *(f"same-title-2024-{n}" for n in (2, 3, 4, 5))]
    for item, (doi, arxiv) in zip(items, ADDRESSES.values(), strict=True):
        assert item.get("DOI", "") == doi
        assert not arxiv or f"eprint = {{{arxiv}}}" in text
    assert "URL" not in items[4] and "javascript" not in text
    assert items[3]["URL"] == "https://example.org/a%20b?x=%7By%7D&z=1%20#f"


def test_csl_json_is_read_by_pandoc_and_numbered_like_the_report() -> None:
    items = json.loads(bib.csl(rich()))
    assert [item["title"] for item in items] == ["Tides", HOSTILE, "Tidal power"]
    assert items[0]["issued"] == {"date-parts": [[2021, 3, 4]]} and "issued" not in items[1]
    assert all(item["type"] == "webpage" and item["accessed"] for item in items)
    assert [item["id"] for item in read_by_pandoc(bib.csl(rich()), "csljson")] == [item["id"] for item in items]


# --- the schema --------------------------------------------------------------------------


def test_reports_are_what_the_schema_says() -> None:
    assert wrong(rich()) == []
    assert wrong(made()[0]) == []
    assert wrong(rich() | {"later": 1}) == []  # keys may be added


def without(report: Report, *path: Any) -> Report:
    place: Any = report
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return report


def put(report: Report, value: Any, *path: Any) -> Report:
    place: Any = report
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return report


@pytest.mark.parametrize(
    "path",
    [
        ("schema",),
        ("model", "planner"),
        ("summary", 0, "claims"),
        ("sections", 0, "claims", 0, "confidence"),
        ("sections", 0, "links", 0, "before"),
        ("revisions", 0, "cause", "threshold"),
        ("revisions", 0, "draft", "sections", 0, "id"),
    ],
    ids=str,
)
def test_the_schema_misses_what_is_not_there(path: tuple[Any, ...]) -> None:
    assert len(wrong(without(rich(), *path))) == 1


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (2, ("schema",)),
        (1.2, ("sections", 0, "claims", 0, "confidence")),
        ("user", ("sections", 0, "claims", 0, "origin")),
        ("7", ("sections", 0, "claims", 0, "id")),
        (["x"], ("sections", 0, "claims", 0, "evidence")),
        ("rewrite", ("revisions", 1, "kind")),
        (["one"], ("revisions", 1, "slots", "s7")),
        ("", ("missing", 0)),
    ],
    ids=str,
)
def test_the_schema_sees_what_is_wrong(value: Any, path: tuple[Any, ...]) -> None:
    assert len(wrong(put(rich(), value, *path))) == 1
