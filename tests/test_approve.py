"""--approve plan: the outline as text and back, the pause, and headings that stand in the report byte for byte."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.embed import Embedder
from dlm_core.pool import Pool
from dlm_core.segment import Evidence
from dlm_core.skeleton import restored
from tests.screen import Screen
from tests.support import ROOT
from tests.test_workflow import HERON, QUESTION, RETRIES, Rounds, finish, home, opened, page
from workflows import approve, outline, runs
from workflows.outline import Section
from workflows.research import research, state_of

__all__ = ["home"]
SENTENCES = [
    "The default timeout of a Heron request is 30 seconds.",
    "The Heron client cancels every request that takes longer than 30 seconds.",
    "The Heron client repeats a failed request up to three times.",
    "A Heron request that failed with a client error is never repeated.",
    "The cache of the Heron client holds at most 200 megabytes of pages.",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture(scope="module")
def pool(embedder: Embedder) -> Pool:
    made = {}
    for n, text in enumerate(SENTENCES):
        name = f"src_0123456789.e{n}"
        made[name] = Evidence(name, "src_0123456789", "", "", n, n + len(text), text, "", True, "")
    return Pool(made, np.asarray(embedder(SENTENCES)), {"src_0123456789": "Heron [notes]"})


@pytest.fixture
def planned(pool: Pool) -> Canvas:
    ids = pool.ids
    slots = (
        Slot("s1", Kind.SECTION, text="Timeouts", tokens=(7,), confidence=(0.9,)),
        Slot("s2", Kind.CLAIM, (ids[0],)),
        Slot("s3", Kind.CLAIM, (ids[1],)),
        Slot("s4", Kind.SECTION, text="# of retries"),
        Slot("s5", Kind.CLAIM, (ids[2],)),
        Slot("s6", Kind.CLAIM, (ids[3],)),
    )
    return Canvas(QUESTION, slots, next_id=7)


# --- text and back ---------------------------------------------------------------------------


def test_an_outline_comes_back_as_it_went(planned: Canvas, pool: Pool) -> None:
    text = outline.render(planned, pool)
    assert "    [3] The Heron client repeats a failed request up to three times. (Heron [notes])" in text
    assert outline.parse(text, 4) == [Section("Timeouts", (1, 2)), Section("# of retries", (3, 4))]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no heading"),
        ("# only a comment\n", "there is no heading"),
        ("    [1] first\nA\n", "line 1: a sentence stands before the first heading"),
        ("A\n    [5] x\n", "line 2: there is no sentence [5], only 1 to 4"),
        ("A\n    [0] x\n", "there is no sentence [0]"),
        ("A\n    [1] x\n    [1] x\n", "line 3: sentence [1] stands here for the second time"),
        ("A\n    new sentence\n", "line 2 is indented and has no [number]"),
        ("A\nB\na\n", "line 3: there are two headings “a”"),
        ("A\x1b[31m\n", "characters that no heading is typed with"),
        ("A\u202eB\n", "characters that no heading is typed with"),
        ("A" * 201, "201 characters; 200 is the most"),
    ],
)
def test_an_outline_that_cannot_be_says_which_line(text: str, says: str) -> None:
    with pytest.raises(outline.OutlineError) as told:
        outline.parse(text, 4)
    assert says in str(told.value)


def test_an_edited_outline_is_a_skeleton(planned: Canvas, pool: Pool, embedder: Embedder) -> None:
    text = (
        "\\# of retries\n    [3]\n\nThe *cache* & <its> size: 100%\n\n"
        "Timeouts\n    [1] anything may stand here\n\nBrewing tea\n"
    )
    laid, barred = outline.laid_out(planned, outline.parse(text, 4), pool, embedder)
    assert [(h.text, [s.pointers for s in body]) for h, body in laid.sections()] == [
        ("# of retries", [(pool.ids[2],)]),
        ("The *cache* & <its> size: 100%", [(pool.ids[4],)]),  # what nothing else rests on and is near to it
        ("Timeouts", [(pool.ids[0],)]),
        ("Brewing tea", []),
    ]
    assert barred == [pool.ids[1], pool.ids[3]]
    assert all(h.pinned for h, _ in laid.sections())
    assert laid.slot("s1").tokens == (7,) and laid.slot("s5") == planned.slot("s5")
    laid.check(set(pool.evidence))
    with pytest.raises(outline.OutlineError, match="nothing at hand speaks of these headings"):
        outline.laid_out(planned, outline.parse("Brewing tea\n", 4), pool, embedder)


def test_no_round_moves_a_skeleton(planned: Canvas, pool: Pool, embedder: Embedder) -> None:
    """Whatever the engine makes of the sections, they are laid along the skeleton and no claim is lost."""
    ids = pool.ids
    heads = [replace(s, pinned=True) for s in planned.slots if s.kind == Kind.SECTION]
    empty = Slot("s7", Kind.SECTION, text="The size of the cache", pinned=True)
    before = replace(planned, slots=(heads[0], *planned.slots[1:3], empty, heads[1], *planned.slots[4:]), next_id=10)
    claims = {s.id: s for s in before.claims()}
    new = Slot("s8", Kind.CLAIM, (ids[4],), "Its cache holds 200 megabytes.")
    mixed = (Slot("s9", Kind.SECTION), claims["s5"], claims["s2"], new, heads[0], claims["s6"], claims["s3"])
    after = restored(before, replace(before, slots=mixed), pool, embedder)
    assert [(h, [s.id for s in body]) for h, body in after.sections()] == [
        (heads[0], ["s2", "s3"]),
        (empty, ["s8"]),
        (heads[1], ["s5", "s6"]),
    ]
    assert restored(planned, replace(planned, slots=mixed), pool, embedder).slots == mixed


# --- the pause -------------------------------------------------------------------------------


def test_the_run_waits_and_edited_headings_stand_in_the_report(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    pages = [page("heron", HERON)], [page("retries", RETRIES)]
    run = runs.record(runs.Run("", QUESTION, ("rounds",), "", str(home / "reports"), seed=3, rounds=2, approve="plan"))
    provider = Rounds(*pages)
    for _ in range(2):  # asked again, it waits again
        context = opened(run, provider)
        with pytest.raises(approve.Paused, match=f"palimpsest resume {run.id}"):
            research(context)
        context.close()
    state = state_of(run)
    folder = run.folder
    before = (folder / "canvas" / "plan.json").read_bytes(), (folder / "outline.txt").read_bytes()
    context = opened(run, provider)
    assert approve.plan(state, context)["outline"] == "plan.json"  # the same again, as after a kill
    context.close()
    assert ((folder / "canvas" / "plan.json").read_bytes(), (folder / "outline.txt").read_bytes()) == before
    assert state["outline"] == "plan.json" and state["canvas"] == "" and not (home / "reports").exists()
    file = run.folder / "outline.txt"
    text = file.read_text()
    file.write_text("A heading\n    [9] x\n")
    context = opened(run, provider)
    with pytest.raises(outline.OutlineError, match="no sentence"):
        research(context)
    context.close()
    first = next(line for line in text.splitlines() if "[1]" in line)
    kept = [line for line in text.splitlines() if line.startswith("    [") and "[1]" not in line]
    title = "What “Heron” *really* does: 30 s, <b> & more"
    file.write_text("\n".join([title, *kept, "", "Retries of a failed request", "", "The price of tea in China"]))
    made = finish(opened(run, provider))
    assert [s["heading"] for s in made["sections"]] == [
        title,
        "Retries of a failed request",
        "The price of tea in China",
    ]
    assert [r["kind"] for r in made["revisions"]][0] == "draft"
    assert made["sections"][0]["claims"] and not made["sections"][2]["claims"]
    assert "The sources gave nothing for the section “The price of tea in China”." in made["missing"]
    gone = first.split("] ", 1)[1].split(" (")[0]
    assert gone not in (home / "reports").glob("*/report.md").__next__().read_text()
    assert len(provider.fetched) == 2  # nothing was read again for the pause


def test_an_outline_that_is_taken_as_it_stands_is_the_plan_of_the_draft(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    run = runs.record(runs.Run("", QUESTION, ("rounds",), "", str(home / "reports"), seed=3, rounds=1, approve="plan"))
    provider = Rounds([page("heron", HERON)])
    context = opened(run, provider)
    with pytest.raises(approve.Paused):
        research(context)
    context.close()
    planned = outline.parse((run.folder / "outline.txt").read_text(), 99)
    context = opened(run, provider)
    context.take_outline = True
    made = finish(context)
    assert [s["heading"] for s in made["sections"]] == [s.heading for s in planned]
    plain = replace(run, id="", approve="")
    same = finish(opened(runs.record(plain), Rounds([page("heron", HERON)])))
    assert same["sections"] == made["sections"]  # waiting changes nothing


# --- at the terminal, and on the command line ---------------------------------------------------


def heron(folder: Path) -> list[str]:
    (folder / "heron.md").write_text(HERON)
    return [QUESTION, "--sources", "heron.md", "--rounds", "1", "--approve", "plan", "--out", "out", "--seed", "3"]


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment: dict[str, Any] = os.environ | {"PYTHONPATH": str(ROOT), "PALIMPSEST_HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "workflows.cli", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_without_a_terminal_the_outline_is_a_file(home: Path) -> None:
    done = call(home, *heron(home), "--quiet")
    assert done.returncode == 0, done.stderr
    file = Path(done.stdout.strip())
    assert file.name == "outline.txt" and not (home / "out").exists()
    assert "paused" in call(home, "list").stdout
    shown = call(home, "show").stdout
    assert str(file) in shown and "state     paused" in shown
    again = call(home, "resume", "--quiet")
    assert again.returncode == 0 and again.stdout.strip() == str(file)
    text = file.read_text()
    file.write_text("    [1] x\n")
    wrong = call(home, "resume")
    assert wrong.returncode == 2 and "outline.txt: line 1: a sentence stands before the first heading" in wrong.stderr
    assert "paused" in call(home, "list").stdout
    file.write_text(text)
    events = [json.loads(line) for line in call(home, "resume", "--json").stdout.splitlines()]
    assert events[-1]["event"] == "paused" and events[-1]["outline"] == str(file)
    taken = call(home, "resume", "--approve", "--quiet")
    assert taken.returncode == 0 and taken.stdout.strip() == str(home / "out" / "report.md")
    assert "state     done" in call(home, "show").stdout


@pytest.mark.slow
def test_at_a_terminal_it_is_shown_edited_left_and_taken(home: Path) -> None:
    editor = home / "editor"
    editor.write_text("#!/bin/sh\nsed -i '0,/^[A-Z]/s/^[A-Z].*/Edited by hand/' \"$1\"\n")
    editor.chmod(0o755)
    screen = Screen(
        ["-m", "workflows.cli", *heron(home)], 100, 40, home, PALIMPSEST_HOME=str(home), EDITOR=str(editor), VISUAL=""
    )
    with screen:
        screen.until("Enter takes this outline", 120)
        assert "[1]" in screen.text
        screen.type("q\r")
        screen.until("palimpsest resume", 30)
        assert screen.finish() == 0
    assert runs.listed()[0].status == "paused"
    screen = Screen(
        ["-m", "workflows.cli", "resume"], 100, 40, home, PALIMPSEST_HOME=str(home), EDITOR=str(editor), VISUAL=""
    )
    with screen:
        screen.until("Enter takes this outline", 120)
        screen.type("\x03")
        screen.until("palimpsest resume", 30)
        assert screen.finish() == 0
    screen = Screen(
        ["-m", "workflows.cli", "resume"], 100, 40, home, PALIMPSEST_HOME=str(home), EDITOR=str(editor), VISUAL=""
    )
    with screen:
        screen.until("Enter takes this outline", 120)
        screen.type("e\r")
        screen.until("report.md", 120)
        assert screen.finish() == 0
    assert "\n## Edited by hand\n" in (home / "out" / "report.md").read_text()
