"""The prompt of a session: typed lines with history and completion, until /quit or Ctrl-D.

Only how lines come in; what they do is in workflows/dialogue.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from rich.console import Console

from workflows import explain, runs
from workflows.dialogue import COMMANDS, Dialogue
from workflows.terminal import fitted, safe, unicode

FIRST = "Ask a question, or /help. Ctrl-D leaves."
RUNS = 20  # earlier runs offered to /open


class Offers(Completer):
    """Commands, then what each takes: claims, revisions, runs, paths."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        self.paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        line = document.text_before_cursor
        if not line.startswith("/"):
            return
        name, space, rest = line[1:].partition(" ")
        if not space:
            for known, command in COMMANDS.items():
                if known.startswith(name):
                    yield Completion(known, -len(name), display=f"/{known}", display_meta=command.does)
            return
        word = rest.rsplit(" ", 1)[-1]
        if name in ("sources", "revise", "save"):
            yield from self.paths.get_completions(Document(word), complete_event)
            return
        for value, meaning in self._values(name):
            if value.startswith(word) and " " not in rest:
                yield Completion(value, -len(word), display_meta=meaning)

    def _values(self, name: str) -> list[tuple[str, str]]:
        if name == "open":
            return [(r.id, safe(r.question)) for r in runs.listed() if r.status == "done"][:RUNS]
        if name == "figures":
            return [("on", "beside claims, from the next question on"), ("off", "none")]
        report = self.dialogue.report
        if report is None:
            return []
        if name in ("why", "pin", "unpin"):
            claims = explain.numbered(report.canvas).items()
            return [(str(n), safe(s.text)[:60]) for n, s in claims if name == "why" or s.pinned == (name == "unpin")]
        if name == "diff":
            return [(str(r.number), f"{r.kind}: {safe(r.cause.reason)}") for r in report.canvas.revisions]
        return []


def history() -> History:
    """Lines of earlier sessions, readable by their owner only; of this one alone where they cannot be kept."""
    file = runs.runs_folder().parent / "history"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(file))


def talk(request: Callable[[str], runs.Run], sources: Sequence[str], *, quiet: bool = False) -> int:
    """Take lines until the user leaves; exit code 0."""
    console = Console(highlight=False)
    dialogue = Dialogue(request, sources, console, quiet=quiet)
    sign = "❯ " if unicode(console.encoding) else "> "
    plain = console.is_dumb_terminal

    def below() -> FormattedText:
        about = safe(dialogue.report.run.question) if dialogue.report else "no report yet"
        return FormattedText([("", fitted(f" {about}  |  asks {dialogue.asked}  |  /help ", console.encoding))])

    session: PromptSession[str] = PromptSession(
        history=history(),
        completer=Offers(dialogue),
        complete_while_typing=False,
        bottom_toolbar=None if plain else below,
        enable_history_search=True,
    )
    dialogue.say(FIRST)
    try:
        while not dialogue.ended:
            try:
                line = session.prompt(sign)
            except KeyboardInterrupt:
                continue  # the line is given up, as in a shell
            except EOFError:
                break
            dialogue.take(line)
    finally:
        dialogue.close()
    return 0
