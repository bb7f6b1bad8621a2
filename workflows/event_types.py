"""The types of the events of `--json` and of the Python API (docs/terminal.md has them in words).

workflows/events.py makes them and workflows/stream.py gives them their head; tests/test_api.py holds the events of
whole runs against these types. Keys may be added; `schema` goes up when one is taken away or changes its meaning.
"""

# Annotations are values here: as strings, NotRequired would not be seen.
from typing import Any, Literal, NotRequired, TypedDict


class Head(TypedDict):
    """What every event has. time: seconds since the start."""

    schema: int
    time: float


class RunEvent(Head):
    """A run begins, or is gone on with. pages: a round; seconds, 0: no limit."""

    event: Literal["run"]
    id: str
    question: str
    sources: list[str]
    seed: int
    rounds: int
    pages: int
    seconds: float
    effort: float


class StepEvent(Head):
    """A node of the graph begins; pages and evidence so far."""

    event: Literal["step"]
    node: str
    round: int
    pages: int
    evidence: int


class StageEvent(Head):
    """A line for people: what is going on."""

    event: Literal["stage"]
    name: str
    detail: str


class Searched(TypedDict):
    text: str
    why: str
    kind: str


class SearchEvent(Head):
    """What a round searches for, and why."""

    event: Literal["search"]
    round: int
    queries: list[Searched]


class NoteEvent(Head):
    """Something to know: a page that was skipped, a search that failed."""

    event: Literal["note"]
    text: str


class ProgressEvent(Head):
    """A denoising step. texts: by slot id, with a sign for a mask; kinds: by slot id, of the plan."""

    event: Literal["progress"]
    stage: str
    done: NotRequired[int]
    total: NotRequired[int]
    texts: NotRequired[dict[str, str]]
    kinds: NotRequired[dict[str, str]]


class CausingSource(TypedDict):
    number: int
    id: str
    title: str


class DecisionEvent(Head):
    """What new evidence does to the draft. shift, threshold: nats; claims: ids of those that moved."""

    event: Literal["decision"]
    kind: Literal["keep", "local", "reconstruct"]
    reason: str
    tokens: list[str]
    shift: float
    threshold: float
    evidence: list[str]
    sources: list[CausingSource]
    claims: list[str]
    shifts: NotRequired[dict[str, Any]]


class DrawnSlot(TypedDict):
    id: str
    kind: str
    text: str
    confidence: float
    pinned: bool
    disputed: bool
    evidence: list[str]


class CanvasEvent(Head):
    """The whole draft: its slots in reading order, the summary's last."""

    event: Literal["canvas"]
    revision: int
    slots: list[DrawnSlot]


class ReportEvent(Head):
    """The end of a run: the report's folder, and report.json's object (docs/report.md)."""

    event: Literal["report"]
    out: str
    report: dict[str, Any]


class PausedEvent(Head):
    """The end of a run whose outline, a file, waits for approval."""

    event: Literal["paused"]
    message: str
    outline: str


class ErrorEvent(Head):
    """The run gave no report. The Python API raises it."""

    event: Literal["error"]
    message: str


Event = (
    RunEvent
    | StepEvent
    | StageEvent
    | SearchEvent
    | NoteEvent
    | ProgressEvent
    | DecisionEvent
    | CanvasEvent
    | ReportEvent
    | PausedEvent
    | ErrorEvent
)
