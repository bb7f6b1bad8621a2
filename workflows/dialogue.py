"""The session behind the prompt: questions and commands over one library and one set of loaded models.

A question is a run like any other, with a folder and a report of its own; one
that follows another goes on from its library and its pages. `/pin`, `/why` and
the others work on the canvas and the report of the run that was asked last.
Knows nothing of how lines are typed (workflows/prompt.py). What a run needs is
imported when one begins, so that the prompt is there at once.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from agent.brief import clean
from dlm_core.canvas import Canvas, Slot
from workflows import explain, figures, publish, runs
from workflows.context import Context
from workflows.state import State
from workflows.terminal import Reporter, fitted, open_reporter, safe

HANG = 6  # columns by which the second line of a numbered sentence goes in
OURS = ("agent", "dlm_core", "tools", "workflows")  # whose errors are lines for the reader
EXAMPLE = "How do tides work?"  # stands for the next question where only its sources are looked at
WARM = ("models", "embedder")  # what one run loads and the next ones use


class Mistake(ValueError):
    """A command cannot be done; one line that says what to do."""


@dataclass
class Report:
    """A run whose report is written, as the commands see it."""

    context: Context
    state: State
    canvas: Canvas
    data: dict[str, Any]

    @property
    def run(self) -> runs.Run:
        return self.context.run


@dataclass(frozen=True)
class Command:
    """A command of the session: what it takes, what it does, and how."""

    takes: str
    does: str
    call: Callable[[Dialogue, list[str]], None]


class Dialogue:
    """request: a run for a question, with the options of the command line."""

    def __init__(
        self, request: Callable[[str], runs.Run], sources: Sequence[str], console: Console, *, quiet: bool = False
    ) -> None:
        self.request = request
        self.sources = tuple(sources)
        self.figures = request(EXAMPLE).figures
        self.console = console
        self.quiet = quiet
        self.report: Report | None = None
        self.ended = False
        self._warm: dict[str, Any] = {}

    @property
    def asked(self) -> str:
        """What the next question is asked of."""
        return safe(", ".join(map(short, self.sources)) or "wikipedia")

    # --- saying -----------------------------------------------------------------

    def say(self, *lines: Text | str) -> None:
        for line in lines:
            text = Text(line) if isinstance(line, str) else line
            shown = Text(fitted(text.plain, self.console.encoding), style=text.style)
            if shown.plain == text.plain:
                shown = text
            # What hangs in is the rest of a long sentence, under its number.
            lead = len(shown.plain) - len(shown.plain.lstrip())
            hang = HANG if shown.plain[:HANG].strip() and lead else lead
            width = max(20, self.console.width)
            parts = shown.wrap(self.console, width - hang) if len(shown.plain) > width else [shown]
            for n, part in enumerate(parts):
                self.console.print(Padding(part, (0, 0, 0, hang)) if n else part, soft_wrap=not n)

    def path(self, path: Path) -> None:
        """A path in one piece, so that it can be copied whatever the width."""
        self.console.print(Text(fitted(str(path), self.console.encoding)), soft_wrap=True)

    def wrong(self, message: str) -> None:
        self.say(Text(f"palimpsest: {safe(message)}", style="red"))

    # --- one line ---------------------------------------------------------------

    def take(self, line: str) -> None:
        """Do what a line asks for. Says what went wrong and goes on."""
        line = line.strip()
        if not line:
            return
        try:
            if line.startswith("/"):
                self._command(line)
            else:
                self.ask(line)
        except KeyboardInterrupt:
            self.wrong("stopped")
        except Exception as error:
            if type(error).__module__.split(".")[0] in OURS:
                self.wrong(str(error))
                return
            if os.environ.get("PALIMPSEST_DEBUG"):
                self.console.print_exception()
            first = str(error).splitlines()[0] if str(error) else ""
            self.wrong(f"unexpected error, {type(error).__name__}: {first} (PALIMPSEST_DEBUG=1 shows where)")

    def _command(self, line: str) -> None:
        try:
            name, *rest = shlex.split(line)
        except ValueError as error:
            raise Mistake(f"{line!r} cannot be read: {error}") from None
        command = COMMANDS.get(name[1:])
        if command is None:
            raise Mistake(f"there is no {name}: /help lists the commands, and what does not begin with / is a question")
        command.call(self, rest)

    # --- questions and rounds ---------------------------------------------------

    def ask(self, question: str) -> None:
        """A question: a new run, over the library of the one before where there is one."""
        run = replace(self.request(clean(question)), sources=self.sources, figures=self.figures)
        if self.report is not None:
            before = self.report.run
            run = replace(run, after=before.id, library=run.library or before.library or str(before.folder / "library"))
        run = runs.record(run)
        from workflows import session

        try:
            self._work(run, again=False)
        except session.WrongSources:
            runs.forget(run)
            raise
        self.show([])
        self._where()

    def revise(self, added: list[str]) -> None:
        """Another round over the same question, with sources that are added; or what an instruction asks for."""
        held = self._held()
        if added and not all(is_source(word) for word in added):
            self._instruct(" ".join(added))
            return
        if "markdown" in held.data:
            raise Mistake("the text of this report is not ours: /revise takes an instruction (/revise shorter)")
        before = len(held.canvas.revisions)
        sources = dict.fromkeys((*held.run.sources, *map(whole_path, added)))
        # The report that lies in `out` is this run's own, and is replaced.
        run = replace(
            held.run,
            sources=tuple(sources),
            figures=self.figures,
            rounds=held.state["round"] + 1,
            status="running",
            force=True,
        )
        self._work(run, again=True)
        if added:
            self.sources = run.sources
        held = self._held()
        if len(held.canvas.revisions) == before:
            self.say("nothing new was found: the draft stands as it was")
        else:
            self.diff([])
        self._where()

    def _instruct(self, text: str) -> None:
        """What an instruction asks for, done on the report in its place (workflows/revise.py)."""
        from workflows import session
        from workflows.revise import carry_out, in_session, unmet

        held = self._held()
        out = Path(held.run.out)
        self.close()
        run, given, asked = in_session(out, text, held.run)
        with runs.locked(run), open_reporter(self.quiet) as reporter:
            context = session.taken_up(run, [], reporter)
            context.__dict__.update(self._warm)
            try:
                carry_out(context, given, asked)
            except Exception as error:
                if unmet(error):
                    runs.forget(run)
                raise
            finally:
                self._warm = {k: context.__dict__[k] for k in WARM if k in context.__dict__}
                context.close()
        self._hold(context.run)
        self.diff([])
        self._where()

    def _work(self, run: runs.Run, *, again: bool) -> None:
        """Do a run, or a further round of one, with the models that are loaded."""
        from workflows import session
        from workflows.research import open_again

        providers = session.providers_of(run)
        self.close()
        with runs.locked(run), open_reporter(self.quiet) as reporter:
            context = session.taken_up(run, providers, reporter)
            context.__dict__.update(self._warm)
            try:
                if again:
                    open_again(context)
                session.carry_out(context)
            finally:
                self._warm = {k: context.__dict__[k] for k in WARM if k in context.__dict__}
                context.close()
        self._hold(context.run)

    def _hold(self, run: runs.Run) -> None:
        """Make a run with a written report the one that commands speak of."""
        from workflows import nodes
        from workflows.research import state_of

        context = Context(run, [], Reporter())
        context.__dict__.update(self._warm)
        state = state_of(run)
        canvas = context.canvas(nodes.brief_of(state, context), state["canvas"])
        try:
            data = json.loads((Path(run.out) / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise Mistake(f"the report of {run.id} is no longer in {run.out}") from None
        self.report = Report(context, state, canvas, data)

    def _where(self) -> None:
        """The path of the report, last, as a run has it."""
        self.path(Path(self._held().run.out) / "report.md")

    def _held(self) -> Report:
        if self.report is None:
            raise Mistake("there is no report yet: ask a question, or /open an earlier run")
        return self.report

    def close(self) -> None:
        """Let go of the library, so that another run can open it."""
        if self.report is not None:
            self.report.context.close()
            self.report.context.__dict__.pop("library", None)

    # --- commands ---------------------------------------------------------------

    def _claim(self, rest: list[str], command: str) -> tuple[int, Slot]:
        claims = explain.numbered(self._held().canvas)
        if not claims:
            raise Mistake("the report has no claims")
        if len(rest) != 1 or not rest[0].isdecimal() or int(rest[0]) not in claims:
            raise Mistake(f"/{command} takes the number of a claim, 1 to {len(claims)}: /show lists them")
        return int(rest[0]), claims[int(rest[0])]

    def show(self, rest: list[str]) -> None:
        none(rest, "show")
        held = self._held()
        self.say(*explain.show(held.canvas, held.data))

    def why(self, rest: list[str]) -> None:
        number, slot = self._claim(rest, "why")
        held = self._held()
        least: list[tuple[str, float]] = []
        if "models" in self._warm and slot.tokens:
            tokenizer = self._warm["models"].writer.tokenizer
            least = explain.doubts(tokenizer.decode(slot.tokens), tokenizer.spans(slot.tokens), slot.confidence)
        self.say(*explain.why(number, slot, held.canvas, held.data, least))

    def diff(self, rest: list[str]) -> None:
        revisions = self._held().canvas.revisions
        if len(rest) > 1 or (rest and (not rest[0].isdecimal() or not 1 <= int(rest[0]) <= len(revisions))):
            raise Mistake(f"/diff takes the number of a revision, 1 to {len(revisions)}, or nothing for the last")
        self.say(*explain.diff(revisions[int(rest[0]) - 1 if rest else -1], self._held().canvas))

    def name_sources(self, rest: list[str]) -> None:
        if rest:
            from workflows import session

            named = tuple(map(whole_path, rest))
            session.providers_of(replace(self.request(EXAMPLE), sources=named))
            self.sources = named
            self.say(f"the next question is asked of {self.asked}")
            return
        self.say(f"asked of: {self.asked}")
        if self.report is not None:
            self.say(*explain.sources(self.report.data, self.report.state["skipped"]))

    def show_figures(self, rest: list[str]) -> None:
        if rest not in (["on"], ["off"]):
            state = "shown" if self.figures else "not shown"
            raise Mistake(f"/figures takes on or off; figures are {state}")
        if rest == ["on"]:
            from tools.pictures import Missing, check

            try:
                check()
            except Missing as error:
                raise Mistake(str(error).replace("--figures", "/figures")) from None
        self.figures = rest == ["on"]
        what = "show figures of their sources" if self.figures else "show no figures"
        self.say(f"the next question and the next /revise {what}")

    def pin(self, rest: list[str]) -> None:
        self._pin(rest, "pin", True)

    def unpin(self, rest: list[str]) -> None:
        self._pin(rest, "unpin", False)

    def _pin(self, rest: list[str], command: str, pinned: bool) -> None:
        from workflows import nodes

        number, slot = self._claim(rest, command)
        held = self._held()
        if "markdown" in held.data:
            raise Mistake(f"the text of this report is not ours: palimpsest revise REPORT --{command} TEXT does it")
        with runs.locked(held.run):
            held.canvas = held.canvas.with_slots({slot.id: replace(slot, pinned=pinned)})
            held.context.keep(held.canvas, held.state["canvas"])
            with as_written(held):
                publish.publish(held.state, held.context, nodes.brief_of(held.state, held.context))
        held.data = json.loads((Path(held.run.out) / "report.json").read_text(encoding="utf-8"))
        self.say(f"claim {number} " + ("is pinned: revisions leave it as it is" if pinned else "is free again"))

    def save(self, rest: list[str]) -> None:
        held = self._held()
        if len(rest) != 1:
            raise Mistake(f"/save takes a folder; the report also lies in {held.run.out}")
        out = Path(rest[0]).expanduser().absolute()
        publish.check_out(out, False)
        try:
            out.mkdir(parents=True, exist_ok=True)
            # report.json last: a folder that holds it holds the whole report.
            pictures = Path(held.run.out) / figures.FOLDER
            if pictures.is_dir():
                shutil.copytree(pictures, out / figures.FOLDER, dirs_exist_ok=True)
            for file in sorted(Path(held.run.out).glob("report.*"), key=lambda f: (f.name == "report.json", f.name)):
                shutil.copy2(file, out / file.name)
        except OSError as error:
            raise Mistake(f"the report cannot be saved to {out}: {error.strerror or error}") from None
        self.path(out / "report.md")

    def open(self, rest: list[str]) -> None:
        done = [r for r in runs.listed() if r.status == "done"]
        if not done:
            raise Mistake("no run is done yet: ask a question")
        if len(rest) > 1:
            raise Mistake("/open takes a run, or nothing for the latest: palimpsest list shows them")
        run = runs.load(rest[0]) if rest else done[0]
        if run.status != "done":
            raise Mistake(f"the run {run.id} is not done: palimpsest resume {run.id} goes on with it")
        self.close()
        self._hold(run)
        self.sources, self.figures = run.sources, run.figures
        self.show([])
        self._where()

    def help(self, rest: list[str]) -> None:
        none(rest, "help")
        self.say("What does not begin with / is a question. Commands:")
        for name, command in COMMANDS.items():
            self.say(f"  {f'/{name} {command.takes}'.rstrip():22} {command.does}")

    def quit(self, rest: list[str]) -> None:
        self.ended = True


def is_source(word: str) -> bool:
    """Whether a word names a source and is not part of an instruction."""
    from tools.providers import NAMED

    return bool(re.match(r"[a-z]+:\S", word, re.I)) or word.lower() in NAMED or Path(word).expanduser().exists()


def none(rest: list[str], command: str) -> None:
    if rest:
        raise Mistake(f"/{command} takes nothing")


def whole_path(source: str) -> str:
    """A source that is a path, made absolute, so that the run can be gone on with from elsewhere."""
    path = Path(source).expanduser()
    return str(path.absolute()) if source.strip() and path.exists() else source


def short(source: str) -> str:
    """A source as one would type it here: paths from this folder, or from the user's own."""
    path = Path(source)
    if path.is_absolute():
        if path.is_relative_to(Path.cwd()):
            return str(path.relative_to(Path.cwd()))
        if path.is_relative_to(Path.home()):
            return str(Path("~") / path.relative_to(Path.home()))
    return source


@contextmanager
def as_written(held: Report) -> Any:
    """While a report is rendered again that was written with these very models: their
    names are those the report has, and nothing needs to be loaded for them."""
    loaded = held.context.__dict__.get("models")
    held.context.__dict__["models"] = SimpleNamespace(names=held.data["model"])
    try:
        yield
    finally:
        del held.context.__dict__["models"]
        if loaded is not None:
            held.context.__dict__["models"] = loaded


COMMANDS = {
    "show": Command("", "the report, with the number of each claim", Dialogue.show),
    "why": Command("N", "evidence, confidence and history of claim N", Dialogue.why),
    "diff": Command("[N]", "what revision N changed, and why (the last one)", Dialogue.diff),
    "sources": Command("[S ...]", "what the report rests on; S: what to ask from now on", Dialogue.name_sources),
    "figures": Command("on|off", "show figures of the sources beside claims", Dialogue.show_figures),
    "pin": Command("N", "keep claim N as it is, byte for byte", Dialogue.pin),
    "unpin": Command("N", "let claim N change again", Dialogue.unpin),
    "revise": Command(
        "[S ...|TEXT]", "another round, with sources S added; or TEXT: shorter, without X, ...", Dialogue.revise
    ),
    "save": Command("DIR", "copy the report to a folder", Dialogue.save),
    "open": Command("[RUN]", "go on with an earlier run (the latest that is done)", Dialogue.open),
    "help": Command("", "this", Dialogue.help),
    "quit": Command("", "leave (Ctrl-D does too)", Dialogue.quit),
}
