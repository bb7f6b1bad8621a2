"""What a revision leaves alone: characters of a report outside the section it was asked for.

`palimpsest revise REPORT --ask shorter --section N` is run as a user runs it, N
being the report's longest section.
"""

from __future__ import annotations

import json
import os
import subprocess
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from bench.writers import COMMAND, BenchError

NOT_DONE = 1  # exit code of a revision that found nothing to do


def texts(report: dict[str, Any]) -> dict[str, str]:
    """Every sentence of report.json by place: headings, claims and links by id, the
    summary's by the claims they rest on."""
    out = {f"summary {' '.join(s['claims'])}": s["text"] for s in report["summary"]}
    for section in report["sections"]:
        out[section["id"]] = section["heading"]
        out |= {s["id"]: s["text"] for s in (*section["claims"], *section["links"])}
    return out


def edit_ratio(before: dict[str, str], after: dict[str, str]) -> float:
    """Share of the characters of `before` that were taken out, put in or replaced, 0..1.
    Texts are told by their key; one that is gone counts whole, a new one too."""
    total = sum(map(len, before.values()))
    moved = sum(_moved(before.get(i, ""), after.get(i, "")) for i in {**before, **after})
    return min(1.0, moved / total) if total else 0.0


def _moved(a: str, b: str) -> int:
    edits = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return sum(max(j - i, m - k) for what, i, j, k, m in edits if what != "equal")


def inside(report: dict[str, Any], place: int) -> set[str]:
    """Keys of `texts` that a revision of section `place` may touch: its own, and
    summary sentences that rest on its claims."""
    section = report["sections"][place]
    claims = {c["id"] for c in section["claims"]}
    own = {section["id"], *claims, *(s["id"] for s in section["links"])}
    return own | {f"summary {' '.join(s['claims'])}" for s in report["summary"] if claims & set(s["claims"])}


def revised(folder: Path, base: Path) -> dict[str, float]:
    """`revision_outside` and `revision_inside` of folder/report; {} where nothing could be made shorter."""
    before = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))
    place = max(range(len(before["sections"])), key=lambda n: len(before["sections"][n]["claims"]))
    command = [*COMMAND, "revise", str(folder / "report"), "--ask", "shorter", "--section", str(place + 1)]
    command += ["--out", str(folder / "revised"), "--force", "--quiet", "--base", str(base)]
    home = os.environ | {"PALIMPSEST_HOME": str(folder / "home")}
    done = subprocess.run(command, env=home, capture_output=True, text=True, check=False)
    if done.returncode == NOT_DONE:
        return {}
    if done.returncode:
        raise BenchError(f"no revision of {folder}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    after = json.loads((folder / "revised" / "report.json").read_text(encoding="utf-8"))
    # A section of the same id may have moved; what it gained is inside too.
    same = next((n for n, s in enumerate(after["sections"]) if s["id"] == before["sections"][place]["id"]), None)
    touched = inside(before, place) | (inside(after, same) if same is not None else set())
    old, new = texts(before), texts(after)
    return {
        "revision_outside": edit_ratio(*({i: t for i, t in x.items() if i not in touched} for x in (old, new))),
        "revision_inside": edit_ratio(*({i: t for i, t in x.items() if i in touched} for x in (old, new))),
    }
