"""palimpsest export: more files of a finished report, from its report.json alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workflows import figures, formats, publish
from workflows.report import SCHEMA, Report, markdown


def export(folder: Path, wanted: Sequence[str], *, bib: bool = False) -> list[Path]:
    """Write the files of `wanted` (formats.parse's names; md and json stay as they are)
    and the bibliography into a report's folder; their paths.

    Raises OutError where the folder holds no report or cannot be written, and what
    formats.converted raises.
    """
    report = read(folder)
    try:
        pictures = figures.pictures(folder, report)
        files: dict[str, str | bytes] = {**formats.texts(report, wanted, bib=bib, pictures=pictures)}
        text = markdown(report)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise _unusable(folder, f"{type(error).__name__}: {error}") from None
    publish.add(folder, files)
    made = formats.converted(text, wanted, pictures)
    publish.add(folder, made)
    return [folder / name for name in (*files, *made)]


def read(folder: Path) -> Report:
    """report.json of a folder. Raises OutError."""
    file = folder / "report.json"
    try:
        report: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise publish.OutError(f"there is no report.json in {folder}: name the folder of a report") from None
    except (OSError, ValueError) as error:
        raise _unusable(folder, str(error)) from None
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise _unusable(folder, f"its schema is not {SCHEMA}")
    return report


def _unusable(folder: Path, why: str) -> publish.OutError:
    return publish.OutError(f"{folder / 'report.json'} is not a report that this version can read ({why})")
