"""The live view: on pseudo-terminals of several sizes and kinds, through a pipe, and as lines."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from tests import replay
from tests.screen import DIM, Screen, escapes
from tests.support import ROOT
from tests.test_cli import palimpsest
from workflows.draw import ASCII, TALLEST, View
from workflows.events import trigger
from workflows.live import END, RATE, _Lines, _Region
from workflows.stream import Stream

TRIGGER = "3 key tokens (45, sixty, May) from [7] moved 2 claims"


def view_after(event: int, **made: object) -> View:
    """The view after the events up to one."""
    view = View(**made)  # type: ignore[arg-type]
    calls = {"begin": "begin", "step": "step", "canvas": "drawn", "progress": "progress", "decision": "decided"}
    for name, value in replay.EVENTS[: event + 1]:
        if name == "stage":
            view.staged(*value)
        elif name in calls:
            getattr(view, calls[name])(value)
    return view


def at(name: str, nth: int = 0) -> int:
    return [n for n, (known, _) in enumerate(replay.EVENTS) if known == name][nth]


def shown(view: View, width: int = 80, height: int = 24) -> list[str]:
    return [line.plain for line in view.lines(width, height, 65.0)]


# --- what is drawn, by size ---------------------------------------------------------


def test_a_draft_resolves_from_masks_to_text() -> None:
    planned = shown(view_after(at("progress")))
    assert planned[0] == replay.QUESTION
    assert (
        planned[1]
        == "round 1 of 2 · 2 pages read, at most 8 a round · 9 pieces of evidence · 3 claims · 1:05 of 5:00"[:79] + "…"
    )
    assert planned[-4:] == ["░" * 12, *["  " + "░" * 12] * 3]
    written = shown(view_after(at("progress", 1)))
    assert "▸ The default timeout░░ 30" in written and "▸ writing claims 0/2" in written[2]
    assert "  The default timeout of a Heron request is 30 seconds." in shown(view_after(at("canvas", 1)))


def test_a_reconstruction_names_its_trigger_dims_what_it_gives_up_and_keeps_pins() -> None:
    assert trigger(replay.DECISION) == f"{TRIGGER}: all is written anew"
    view = view_after(at("progress", 2))
    lines = view.lines(80, 24, 0.0)
    assert any(TRIGGER in line.plain for line in lines)
    given_up = next(line for line in lines if "30 seconds. ░░░" in line.plain)
    assert any("dim" in str(span.style) for span in given_up.spans)
    pinned = next(line for line in lines if "HeronTimeout" in line.plain)
    assert pinned.plain == "◆ A request that was cancelled raises HeronTimeout."
    # What is being written goes from dim to text; what the new plan left alone comes back.
    now = shown(view_after(at("progress", 3)))
    assert "▸ The default timeout of a Heron request is ░ seconds." in now
    assert "  The Heron client cancels every request that takes longer than 30 seconds." in now
    assert not any("30 seconds" in line for line in shown(view_after(at("canvas", 3))))


def test_confidence_is_a_shade() -> None:
    view = view_after(at("progress", 4))
    line = next(line for line in view.lines(80, 24, 0.0) if "Heron cancels" in line.plain)
    styles = {line.plain[s.start : s.end].strip(): str(s.style) for s in line.spans}
    assert styles["45 seconds."] == "dim" and "Heron cancels what takes longer than" not in styles
    standing = {line.plain: {str(s.style) for s in line.spans} for line in view_after(at("canvas", 1)).lines(80, 24, 0)}
    assert "color(245)" in standing["  The Heron client cancels every request that takes longer than 30 seconds."]


@pytest.mark.parametrize(("width", "height"), [(30, 8), (40, 10), (80, 24), (200, 50), (400, 200)])
def test_every_frame_fits(width: int, height: int) -> None:
    many = [
        replay.slot(f"c{n}", "section" if n % 9 == 0 else "claim", "漢字 and words " * (n % 20 + 1)) for n in range(60)
    ]
    for event in range(len(replay.EVENTS)):
        view = view_after(event)
        if event % 2:
            view.drawn({"slots": many})
            view.focus = f"c{event}"
        lines = view.lines(width, height, 3.0)
        assert 2 <= len(lines) <= min(height, TALLEST)
        assert all(line.cell_len <= width and "\n" not in line.plain for line in lines)


def test_a_long_draft_is_shown_around_what_changed_last() -> None:
    view = View()
    view.drawn({"slots": [replay.slot(f"c{n}", "claim", f"Sentence {n}.") for n in range(60)]})
    for name in ("c0", "c30", "c59"):
        view.focus = name
        lines = shown(view, 80, 20)
        assert any(line.strip() == f"Sentence {name[1:]}." for line in lines)
        above, below = (int(m[1]) if (m := re.search(rf"(\d+) more {w}", lines[-1])) else 0 for w in ("above", "below"))
        assert above + below + sum("Sentence" in line for line in lines) == 60


def test_no_unicode_means_no_unicode() -> None:
    for event in range(len(replay.EVENTS)):
        for line in shown(view_after(event, glyphs=ASCII, encoding="ascii")):
            assert line.isascii()


def test_the_view_takes_at_most_a_twentieth_of_a_core() -> None:
    """The worst case: every sentence changes between two frames, on a terminal that shows them all."""
    console = Console(file=io.StringIO(), force_terminal=True, width=200, height=60, color_system="truecolor")
    region = _Region(console, _Lines(lambda width, height: view.lines(width, height, 1.0)))
    view = view_after(at("decision"))
    region.start()
    spent = []
    for frame in range(40):
        began = time.thread_time()
        texts = {f"c{n}": [[f"Sentence {n} {frame} ", 0.5], ["is written ", 0.95], ["░", None]] * 4 for n in range(30)}
        view.progress({"stage": "write", "done": 1, "total": 30, "texts": dict.fromkeys(texts, "x"), "shades": texts})
        region.refresh()
        spent.append(time.thread_time() - began)
    region.stop()
    # The cheapest frames are those that nothing else on the machine slowed down.
    least = sorted(spent)[len(spent) // 4]
    assert least * RATE < 0.05, f"{least * 1000:.1f} ms a frame"


# --- on a terminal --------------------------------------------------------------------


def played(folder: Path, columns: int, rows: int, seconds: float = 0.03, **environment: str) -> Screen:
    return Screen(["-m", "tests.replay", str(seconds)], columns, rows, folder, **environment)


def same_for_all(screen: Screen) -> None:
    """What holds on every kind of terminal: nothing of a source is markup or an escape, and the trigger is named."""
    assert b"\x1b]" not in screen.raw and b"\x07" not in screen.raw and b"\x1b[2J" not in screen.raw
    assert "\u202e".encode() not in screen.raw
    assert "[bold]Heron[/bold]" in screen.past
    assert TRIGGER in screen.past
    assert "the end" in screen.past


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50), (34, 10)])
def test_on_a_terminal_the_region_is_bounded_and_leaves_nothing_behind(tmp_path: Path, columns: int, rows: int) -> None:
    with played(tmp_path, columns, rows) as screen:
        began = time.monotonic()
        while screen.read():
            assert "\n" * rows not in screen.text
        took = time.monotonic() - began
    if columns > 60:
        same_for_all(screen)
    # The view is gone, the stages stay, the cursor is back.
    assert screen.raw.rstrip().endswith(b"the end") and b"\x1b[?25h" in screen.raw
    kept = [line for line in screen.past.splitlines() if line]
    assert kept[-1] == "the end" and kept[-2].startswith("✓ verify  3 claims") and not any("░" in line for line in kept)
    # Frames: capped in number, each drawn over the one before without blanking a line first.
    frames = screen.raw.count(END.encode())
    assert 3 <= frames <= took * (RATE + 1) + 2 * len(replay.EVENTS)
    assert b"\x1b[2K" not in screen.raw
    up = [int(n) for n in re.findall(rb"\x1b\[(\d+)A", screen.raw)]
    assert max(up) < rows


def test_the_view_names_what_goes_on_while_it_does(tmp_path: Path) -> None:
    with played(tmp_path, 80, 24, 0.25) as screen:
        screen.until("▸ search  round 1: How does the Heron client")
        screen.until("░░░░░░░░░░░░")
        screen.until("▸ The default timeout░░ 30")
        text = screen.until("A request that was cancelled raises HeronTimeout.")
        assert replay.QUESTION in text and "round 1 of 2" in text
        assert {bold for _, bold in screen.styles(replay.QUESTION)} == {True}
        assert {colour for colour, _ in screen.styles("round 1 of 2")} == {DIM}
        assert screen.styles("◆")  # the pin stands out
        screen.until(TRIGGER)
        screen.until("▸ The default timeout of a Heron request is ░ seconds.")
        screen.until("  Heron cancels what takes longer than 45 seconds.")
        assert screen.finish() == 0


def test_a_terminal_that_is_made_narrower_and_wider_shows_one_view(tmp_path: Path) -> None:
    with played(tmp_path, 120, 30, 0.25) as screen:
        screen.until("The Heron client cancels every request that takes longer than 30 seconds.")
        screen.resize(50, 16)
        screen.until("The Heron client cancels every request")
        screen.until(TRIGGER[:40])
        screen.resize(120, 30)
        screen.until("Heron cancels what takes longer than 45 seconds.")
        assert screen.finish() == 0
        assert "░" not in screen.text


def test_no_color_takes_the_colours_and_nothing_else(tmp_path: Path) -> None:
    with played(tmp_path, 80, 24, NO_COLOR="1") as screen:
        assert screen.finish() == 0
    same_for_all(screen)
    codes = {c for m in re.findall(rb"\x1b\[([0-9;]*)m", screen.raw) for c in m.split(b";")}
    assert codes <= {b"", b"0", b"1", b"2", b"3", b"4", b"22"}
    assert END.encode() in screen.raw


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"CI": "true"}, {"TERM": "unknown"}])
def test_where_nothing_can_be_drawn_over_there_are_lines(tmp_path: Path, environment: dict[str, str]) -> None:
    with played(tmp_path, 80, 24, 0.0, **environment) as screen:
        assert screen.finish() == 0
    same_for_all(screen)
    assert escapes(screen.raw) == set()


def test_a_terminal_without_unicode_is_sent_none(tmp_path: Path) -> None:
    with played(tmp_path, 80, 24, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0") as screen:
        assert screen.finish() == 0
    assert screen.raw.isascii()
    assert "- verify  3 claims" in screen.past


def test_through_a_pipe_there_are_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.replay", "0"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "the end\n" and "\x1b" not in done.stderr
    lines = done.stderr.splitlines()
    assert "draft: round 1" in lines and "writing claims: 2" in lines and f"  {TRIGGER}: all is written anew" in lines
    assert len(lines) < 15


# --- the stream of --json ----------------------------------------------------------------


def test_the_stream_is_one_object_a_line_with_its_schema(tmp_path: Path) -> None:
    file = tmp_path / "stream"
    with file.open("w") as out:
        stream = Stream(out)
        replay.play(stream, 0.0)
        stream.finish({"out": "/r", "report": {"title": "t\u2028x"}})
    raw = file.read_text()
    assert raw.isascii()
    events = [json.loads(line) for line in raw.splitlines()]
    assert len(events) == raw.count("\n")
    assert all(e["schema"] == 1 and isinstance(e["time"], float) for e in events)
    assert [e["event"] for e in events][0] == "run" and events[-1]["event"] == "report"
    assert events[-1]["report"] == {"title": "t\u2028x"}
    assert next(e for e in events if e["event"] == "decision")["tokens"] == ["45", "sixty", "May"]
    documented = (ROOT / "docs" / "terminal.md").read_text()
    for event in events:
        assert f"`{event['event']}`" in documented
        for key in event.keys() - {"schema", "event", "time", "report"}:
            assert f"`{key}`" in documented, (event["event"], key)


def test_of_many_steps_the_stream_tells_a_few_and_the_last(tmp_path: Path) -> None:
    file = tmp_path / "stream"
    with file.open("w") as out:
        stream = Stream(out)
        for done in range(1, 1001):
            stream.progress({"stage": "write", "done": done, "total": 1000, "texts": {}})
    told = [json.loads(line)["done"] for line in file.read_text().splitlines()]
    assert told[-1] == 1000 and len(told) < 20


def test_a_run_that_fails_ends_its_stream_with_the_error(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "bread.md").write_text("# Bread\n\nBread is baked from a dough of flour and water.\n")
    done = palimpsest(tmp_path, "How does asyncio cancel a task?", "--sources", "bread.md", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "run" and events[0]["question"] == "How does asyncio cancel a task?"
    assert {"step", "stage"} <= {e["event"] for e in events}
    assert events[-1]["event"] == "error" and "says nothing on this question" in events[-1]["message"]
    assert done.returncode == 1 and done.stderr.count("\n") == 1
