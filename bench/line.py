"""One figure, one JSON line."""

from __future__ import annotations

import json


def line(
    bench: str, figure: str, value: float | None, unit: str, goal: str | None = None, met: bool | None = None
) -> None:
    """Print a figure as every bench does; `met` is None where there is no goal."""
    rounded = round(value, 4) if isinstance(value, float) else value
    out = {"bench": bench, "figure": figure, "value": rounded, "unit": unit, "goal": goal, "met": met}
    print(json.dumps(out, ensure_ascii=False), flush=True)
