"""The figures of a run: chosen once its draft is final, fetched, and kept in the run folder.

figures/shown.json   what is shown where, and of which canvas
figures/HASH.png     pictures, drawn anew (tools/pictures.py), named by their bytes
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflows import runs
from workflows.terminal import safe

if TYPE_CHECKING:
    from agent.figures import Match
    from dlm_core.canvas import Canvas
    from tools.extract import Extractor
    from workflows.context import Context

FOLDER = "figures"
NAME = re.compile(r"[0-9a-f]{16}\.(?:png|jpg)")
TRIES = 15  # pictures that are fetched for one report
OF_PICTURE = ("file", "width", "height", "credit", "licence", "licence_url")
Entry = dict[str, Any]


def gather(context: Context, canvas: Canvas, name: str, sources: Sequence[str]) -> None:
    """Choose and fetch the figures of a canvas, kept under `name`, and write down what is shown. Nothing is done where
    that stands already: a run that is gone on with shows what it showed."""
    from agent.figures import MOST, matches

    held = _read(context.run)
    if held.get("canvas") == name:
        return
    known = {entry["url"]: entry for entry in held.get("figures", [])}
    found = matches(canvas, context.library, context.embedder, sources)
    shown = _first(found, context, known, MOST) if found else []
    context.reporter.stage("figures", f"{len(shown)} shown" if shown else "none is close to a claim")
    folder = context.run.folder / FOLDER
    folder.mkdir(exist_ok=True)
    runs.write_atomically(
        folder / "shown.json", json.dumps({"canvas": name, "figures": shown}, ensure_ascii=False, indent=1)
    )


def _first(found: Sequence[Match], context: Context, known: dict[str, Entry], most: int) -> list[Entry]:
    """The best figures that can be had: one a section, no picture twice, in the order of their claims."""
    from tools.extract import Extractor

    extractor = Extractor()
    taken: dict[int, tuple[str, Entry]] = {}
    failed: set[str] = set()
    seen: set[str] = set()
    try:
        for match in found:
            url = match.figure.url
            if len(taken) == most or len(failed) + len(seen) >= TRIES or context.interrupted:
                break
            if match.section in taken or url in failed or url in seen:
                continue
            entry = _entry(match, context, known, extractor)
            if entry is None or entry["file"] in {e["file"] for _, e in taken.values()}:
                failed.add(url)
                continue
            seen.add(url)
            taken[match.section] = match.claim, entry
    finally:
        extractor.close()
    return [{"id": f"f{n}", **taken[section][1]} for n, section in enumerate(sorted(taken), 1)]


def _entry(match: Match, context: Context, known: dict[str, Entry], extractor: Extractor) -> Entry | None:
    """A figure as report.json has it; None where there is no picture, which is told."""
    from tools.providers import picture
    from tools.source import Skipped

    figure = match.figure
    before = known.get(figure.url)
    if before and (context.run.folder / before["file"]).is_file():
        said = {key: before[key] for key in OF_PICTURE if key in before}
    else:
        context.reporter.stage("figures", _short(figure.url))
        got = picture(context.providers, match.source, figure)
        shown = got if isinstance(got, Skipped) else extractor.picture(got.data, figure.url)
        if isinstance(got, Skipped) or isinstance(shown, Skipped):
            assert isinstance(shown, Skipped)
            context.reporter.note(f"no figure of {_short(figure.url)}: {shown.reason}")
            return None
        name = hashlib.sha256(shown.data).hexdigest()[:16] + shown.suffix
        (context.run.folder / FOLDER).mkdir(exist_ok=True)
        runs.write_atomically(context.run.folder / FOLDER / name, shown.data)
        # What the picture's own page says goes before what the article says of it.
        licence = (got.licence, got.licence_url) if got.licence else (figure.licence, figure.licence_url)
        said = {
            "file": f"{FOLDER}/{name}",
            "width": shown.width,
            "height": shown.height,
            "credit": safe(got.credit or figure.credit),
            "licence": safe(licence[0]),
        } | ({"licence_url": licence[1]} if licence[1] else {})
    return {
        "claim": match.claim,
        **({"evidence": match.evidence} if match.evidence else {}),
        "source": match.source.id,
        "url": "" if figure.url.startswith("data:") else figure.url,
        "caption": safe(figure.caption),
        "alt": safe(figure.alt),
        **said,
    }


def _short(url: str) -> str:
    return "a picture in its page" if url.startswith("data:") else url


def _read(run: runs.Run) -> Entry:
    try:
        held = json.loads((run.folder / FOLDER / "shown.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def shown(run: runs.Run) -> list[Entry] | None:
    """What a run shows, as `gather` wrote it down; None where it shows no figures."""
    if not run.figures:
        return None
    return [e for e in _read(run).get("figures", []) if (run.folder / e["file"]).is_file()]


def ours(file: str) -> bool:
    """Whether this is the name of a picture that `gather` made: a report.json may have been through other hands."""
    where, _, name = file.partition("/")
    return where == FOLDER and bool(NAME.fullmatch(name))


def pictures(folder: Path, report: dict[str, Any]) -> dict[str, bytes]:
    """File name -> bytes of the pictures that a report shows, from a folder that holds them."""
    names = dict.fromkeys(str(entry["file"]) for entry in report.get("figures", []))
    files = {name: folder / name for name in names if ours(name)}
    return {name: file.read_bytes() for name, file in files.items() if file.is_file() and not file.is_symlink()}
