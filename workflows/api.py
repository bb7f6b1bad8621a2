"""The Python API: research, revise and resume as async generators of the events of `--json`, the report last.

A run is a process of its own, `palimpsest ... --json`. So a caller's event loop never waits for the model, a run that
is cancelled ends at once and can be gone on with, and its arguments, events and messages are those of the command line
by construction. Imports nothing slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

from workflows.event_types import ErrorEvent, Event, PausedEvent, ReportEvent
from workflows.outcome import DONE, USAGE

ROOT = Path(__file__).resolve().parents[1]
# -P: a json.py in the caller's folder must not be imported.
START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from workflows.cli import main; sys.exit(main())"
LONGEST = 256 * 2**20  # bytes of one event; the report is the longest
PATIENCE = 10.0  # seconds for a run to put itself away before it is killed; a killed run can be gone on with too
AGAIN = 1.0  # seconds until it is told again
TAIL = 20  # lines of standard error that are kept
_STOPPING: set[asyncio.Future[None]] = set()  # runs that are being stopped; a loop holds its tasks weakly
Paths = str | Path | Iterable[str | Path]


class PalimpsestError(RuntimeError):
    """A call gave no report; one line that says why, the one the command line prints."""


class UsageError(PalimpsestError):
    """The arguments are wrong. Nothing was begun, and nothing is left behind."""


class RunFailed(PalimpsestError):
    """The run gave no report. `run`: its id, for `resume`; "" where there is none."""

    def __init__(self, message: str, run: str = "") -> None:
        super().__init__(message)
        self.run = run


def research(
    question: str,
    *,
    sources: Paths = (),
    out: str | Path | None = None,
    force: bool = False,
    format: str | Iterable[str] = (),
    bib: bool = False,
    figures: bool = False,
    seed: int = 0,
    rounds: int | None = None,
    pages: int | None = None,
    seconds: float | None = None,
    tokens: int | None = None,
    approve: str | None = None,
    effort: str | float | None = None,
    require: str | Iterable[str] = (),
    forbid: str | Iterable[str] = (),
    length: int | None = None,
    library: str | Path | None = None,
    base: str | Path | None = None,
    weights: str | Path | None = None,
    set: Mapping[str, object] | None = None,
    ignore_robots: bool = False,
) -> AsyncGenerator[Event, None]:
    """A question becomes a cited report. The arguments are those of `palimpsest research` (`palimpsest --help`).

    Yields events (workflows/event_types.py) as they happen; the last is a ReportEvent, or a PausedEvent with
    approve="plan". Closing the generator, or cancelling the task that reads it, stops the run, which `resume` then
    goes on with. Raises UsageError before anything was begun, RunFailed where the run gives no report.
    """
    options = {k: v for k, v in locals().items() if k != "question"}
    return _events(["research", *_flags(options), "--json", "--", question])


def revise(
    report: str | Path,
    *,
    ask: str | Iterable[str] = (),
    add: Paths = (),
    sources: Paths = (),
    pin: str | Iterable[str] = (),
    unpin: str | Iterable[str] = (),
    drop: str | Iterable[str] = (),
    section: str | Iterable[str] = (),
    claim: int | Iterable[int] = (),
    out: str | Path | None = None,
    force: bool = False,
    seed: int = 0,
    base: str | Path | None = None,
    weights: str | Path | None = None,
) -> AsyncGenerator[Event, None]:
    """A finished report changed in place, and nothing else of it: the arguments of `palimpsest revise`.

    report: its folder, or a Markdown file. Events and errors as for `research`; RunFailed too where nothing that was
    asked for could be done.
    """
    options = {k: v for k, v in locals().items() if k != "report"}
    flags = _flags(options)
    if any(options[name] for name in ("ask", "add", "sources", "pin", "unpin", "drop", "section", "claim")):
        return _events(["revise", *flags, "--json", "--", str(report)])
    return _unchanged(["revise", *flags, "--quiet", "--", str(report)])


async def _unchanged(arguments: list[str]) -> AsyncGenerator[Event, None]:
    """Nothing is asked, so there is no run and no event but the report: the same text in a folder of its own."""
    async with _process(arguments) as process:
        printed, errors = await process.communicate()
    if process.returncode != DONE:
        raise _error(process.returncode, errors.decode("utf-8", "replace").splitlines(), "", "")
    folder = Path(printed.decode().strip()).parent
    data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    yield ReportEvent(schema=1, event="report", time=0.0, out=str(folder), report=data)


def resume(run: str = "", *, approve: bool = False) -> AsyncGenerator[Event, None]:
    """Go on with a run that was cut off, stopped or paused; "": the latest unfinished. Events and errors as for
    `research`. approve: take the outline of a paused run as it stands."""
    return _events(["resume", *_flags({"approve": approve}), "--json", *(["--", run] if run else [])])


def _flags(options: Mapping[str, Any]) -> list[str]:
    """Options as the command line takes them; those that are empty, None or False are left to its defaults."""
    flags = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is None or value is False or (value == 0 and name == "seed"):
            continue
        if value is True:
            flags.append(flag)
        elif name == "format":
            if formats := ",".join([value] if isinstance(value, str) else value):
                flags.append(f"{flag}={formats}")
        elif isinstance(value, Mapping):
            flags += [f"{flag}={key}={val}" for key, val in value.items()]
        elif isinstance(value, str | Path | int | float):
            if value != "" or name == "out":
                flags.append(f"{flag}={value}")
        else:
            flags += [f"{flag}={item}" for item in value]
    return flags


@contextlib.asynccontextmanager
async def _process(arguments: list[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`palimpsest` with some arguments; stopped, if it still runs, when the block is left."""
    if trouble := next((a for a in arguments if "\0" in a), ""):
        raise UsageError(f"{trouble.replace(chr(0), ' ').strip()[:60]!r} holds a null character")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", START, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LONGEST,
        # Ctrl-C at the terminal is this process's business, which then stops the run as any cancelled one.
        start_new_session=True,
        env={k: v for k, v in os.environ.items() if k != "_ARGCOMPLETE"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            # A scope that is cancelled (anyio's) does not wait for it, so it goes on by itself.
            stopping = asyncio.ensure_future(_stop(process))
            _STOPPING.add(stopping)
            stopping.add_done_callback(_STOPPING.discard)
            await asyncio.shield(stopping)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Two interrupts stop a run at once and leave it to be gone on with; a run that does not heed them is killed."""
    assert process.stdout is not None
    # What it still says is read, or a full pipe would keep it from ending.
    ended = asyncio.ensure_future(asyncio.gather(process.stdout.read(), process.wait()))
    try:
        # Interrupts that come while it loads a library are one to it: so there may have to be more than two.
        for pause in (0.2, *[AGAIN] * round(PATIENCE / AGAIN)):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            if (await asyncio.wait({ended}, timeout=pause))[0]:
                return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()  # until it is gone it holds its run
    finally:
        ended.cancel()
        if process.returncode is None:  # the loop ends and waits for nothing
            with contextlib.suppress(ProcessLookupError):
                process.kill()


async def _events(arguments: list[str]) -> AsyncGenerator[Event, None]:
    run = last = ""
    async with _process(arguments) as process:
        assert process.stdout is not None and process.stderr is not None
        said = asyncio.ensure_future(_tail(process.stderr))
        try:
            async for line in process.stdout:
                try:
                    event = cast(Event, json.loads(line))
                except ValueError:
                    continue
                if event["event"] == "run":
                    run = event["id"]
                if event["event"] == "error":
                    last = event["message"]
                    continue  # raised below, when the process has ended
                yield event
            code = await process.wait()
            if code != DONE:
                raise _error(code, await said, last, run)
        finally:
            said.cancel()


async def _tail(stream: asyncio.StreamReader) -> list[str]:
    lines: list[str] = []
    async for line in stream:
        lines = [*lines[1 - TAIL :], line.decode("utf-8", "replace")]
    return lines


def _error(code: int | None, said: list[str], last: str, run: str) -> PalimpsestError:
    ours = [line.removeprefix("palimpsest: ").strip() for line in said if line.startswith("palimpsest: ")]
    message = ours[-1] if ours else last or f"the run ended without a word (exit code {code})"
    return UsageError(message) if code == USAGE else RunFailed(message, run)


async def report_of(events: AsyncGenerator[Event, None]) -> ReportEvent:
    """The report a call ends in, for callers with no interest in how it came about: `await report_of(research(...))`.

    Raises RunFailed where the run ends in no report, such as one whose outline waits for approval.
    """
    last: Event | None = None
    async with aclosing(events):
        async for event in events:
            last = event
    if last is not None and last["event"] == "report":
        return last
    raise RunFailed("the run ended without a report")


__all__ = [
    "ErrorEvent",
    "Event",
    "PalimpsestError",
    "PausedEvent",
    "ReportEvent",
    "RunFailed",
    "UsageError",
    "report_of",
    "research",
    "resume",
    "revise",
]
