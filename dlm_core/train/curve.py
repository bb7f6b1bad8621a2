"""What is seen of a training run: a bar on a terminal, lines elsewhere, and the curves as a picture."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

CURVES = ("loss", "edit", "masked_edit", "blank")


class Bar:
    """Lines of the log as they come: JSON, or on a terminal a bar with the latest figures. Not shown: neither."""

    def __init__(self, shown: bool = True) -> None:
        self._shown = shown
        self._bar: Any = None

    def __enter__(self) -> Bar:
        if self._shown and sys.stdout.isatty():
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            columns = (TextColumn("step {task.fields[step]}"), BarColumn(), TextColumn("{task.fields[told]}"))
            self._bar = Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn())
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0, step=0, told="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, line: dict[str, Any], share: float) -> None:
        """One line of the log, of a run that is `share` (0..1) done."""
        if self._bar is None:
            if self._shown:
                print(json.dumps(line), flush=True)
            return
        told = f"loss {line['loss']:.4f}, {line['seconds_a_step']:.2f} s a step"
        if "tokens_a_second" in line:
            told += f", {line['tokens_a_second']:,.0f} tokens/s, {line['tflop_a_second']:.2f} TFLOP/s"
        self._bar.update(self._task, completed=min(share, 1.0), step=line["step"], told=told)


def draw_curve(out: Path) -> Path | None:
    """OUT/curve.png: the losses of OUT/text-log.jsonl against supervised tokens (steps, where these were not counted).
    None where matplotlib is not installed, or there is nothing to draw yet."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    lines = {}
    for text in (out / "text-log.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        lines[line["step"]] = line  # what a kill made the run do twice counts once
    rows = [lines[step] for step in sorted(lines)]
    if len(rows) < 2:
        return None
    along, seen, before = [], 0.0, 0
    for row in rows:
        seen += row.get("supervised", 1.0) * (row["step"] - before)
        before = row["step"]
        along.append(seen)
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name in CURVES:
        if all(name in row for row in rows):
            axes.plot(along, [row[name] for row in rows], label=name.replace("_", " "))
    axes.set_xlabel("supervised tokens" if "supervised" in rows[0] else "steps")
    axes.set_ylabel("loss, nats a position")
    axes.legend()
    axes.grid(alpha=0.3)
    path = out / "curve.png"
    figure.savefig(path.with_suffix(".tmp"), format="png", dpi=120)
    path.with_suffix(".tmp").replace(path)
    return path
