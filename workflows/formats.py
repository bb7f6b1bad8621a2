"""The files a report can be had as, and what each of them needs.

report.md and report.json are always written. Imports nothing slow: the command
line asks it before a run begins, so that nobody works an hour for a PDF that
cannot be made.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

FORMATS = ("md", "html", "json", "docx", "pdf")
DEFAULT = "md,html,json"
BY_PANDOC = ("docx", "pdf")
# What pandoc makes a PDF with, the ones that know every script first.
ENGINES = ("xelatex", "lualatex", "tectonic", "weasyprint", "wkhtmltopdf", "pdflatex")
PATIENCE = 300.0  # seconds for one conversion


class FormatError(ValueError):
    """A format that is not there or cannot be made here; one line that says what to do."""


class ConversionError(RuntimeError):
    """pandoc did not make a file; one line that says why."""


def parse(text: str) -> tuple[str, ...]:
    """The formats of a list such as "html,pdf", in the order of FORMATS, md and json with them.

    Raises FormatError for a name that is none.
    """
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    wrong = sorted(names - {*FORMATS})
    if wrong or not names:
        what = f"{wrong[0]!r} is no format" if wrong else "no format is named"
        raise FormatError(f"{what}: there are {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in names | {"md", "json"})


def check(formats: Iterable[str]) -> None:
    """Raise FormatError unless all of these can be made on this machine."""
    wanted = [name for name in BY_PANDOC if name in formats]
    if wanted and shutil.which("pandoc") is None:
        raise FormatError(
            f"{wanted[0]} needs pandoc, which is not on the PATH: install it (Debian: apt install pandoc), "
            f"or leave {wanted[0]} out"
        )
    if "pdf" in wanted and _engine() is None:
        raise FormatError(
            "pdf needs a PDF engine for pandoc: install one (Debian: apt install weasyprint), "
            "or print report.html from a browser"
        )


def _engine() -> str | None:
    return next((name for name in ENGINES if shutil.which(name)), None)


def texts(
    report: dict[str, Any], formats: Sequence[str], *, bib: bool = False, pictures: Mapping[str, bytes] | None = None
) -> dict[str, str]:
    """File name -> text of what can be rendered here, beside report.md and report.json. pictures: those of the report's
    figures, by file name."""
    out = {}
    if "html" in formats:
        from workflows.html import html

        out["report.html"] = html(report, pictures)
    if bib:
        from workflows.bib import bibtex, csl

        out |= {"report.bib": bibtex(report), "report.csl.json": csl(report)}
    return out


def converted(markdown: str, formats: Sequence[str], pictures: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """File name -> bytes of the formats that pandoc makes of report.md and the pictures it names.

    Raises FormatError where pandoc or its PDF engine is not there, ConversionError where it fails.
    """
    if not {*BY_PANDOC} & {*formats}:
        return {}
    check(formats)
    with tempfile.TemporaryDirectory(prefix="palimpsest-") as folder:
        source = Path(folder) / "report.md"
        source.write_text(markdown, encoding="utf-8")
        for name, data in (pictures or {}).items():
            (source.parent / name).parent.mkdir(exist_ok=True)
            (source.parent / name).write_bytes(data)
        return {f"report.{name}": _pandoc(source, name) for name in BY_PANDOC if name in formats}


def _pandoc(source: Path, name: str) -> bytes:
    out = source.with_name(f"report.{name}")
    # Plain CommonMark: no raw TeX, no attributes, no files named by the text.
    command = [
        "pandoc",
        "--from",
        "commonmark",
        "--shift-heading-level-by=-1",
        "--standalone",
        source.name,
        "-o",
        out.name,
    ]
    engine = _engine()
    if name == "pdf" and engine:
        command += ["--pdf-engine", engine]
        if engine in ("xelatex", "lualatex", "pdflatex", "tectonic"):
            command += ["-V", "geometry:margin=25mm", "-V", "colorlinks=true"]
    try:
        done = subprocess.run(
            command, cwd=source.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConversionError(f"pandoc gave no {out.name} ({error}): report.md and report.json are there") from None
    if done.returncode != 0 or not out.is_file():
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise ConversionError(f"pandoc gave no {out.name} ({lines[0]}): report.md and report.json are there")
    return out.read_bytes()
