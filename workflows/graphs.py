"""The graphs that langgraph.json names, for `langgraph dev` and other LangGraph servers (docs/api.md).

A server gives a graph its input and keeps its checkpoints. The research graph itself is bound to a run's folder, where
its own checkpoints, canvases and library lie, so what is served is a graph of one node that does a run through the
Python API: the run's events come as the custom stream, and a cancelled run can be gone on with by `palimpsest resume`.
"""

# Annotations are values here: LangGraph reads them, and a server may load this file without naming it in sys.modules.
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workflows import api, saver  # saver: it sets up langgraph
from workflows.event_types import Event

# isort: split
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

__all__ = ["research", "revise", "saver"]


@dataclass
class Question:
    """What research is asked. options: further arguments of `workflows.research`."""

    question: str = ""
    sources: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Wish:
    """What revise is asked. report: a report's folder. options: further arguments of `workflows.revise`."""

    report: str = ""
    ask: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Answer:
    """The report that was written: its folder, title and Markdown, and what it lacks."""

    out: str = ""
    title: str = ""
    markdown: str = ""
    missing: list[str] = field(default_factory=list)


@dataclass
class ResearchState(Question, Answer):
    """Of the research graph."""


@dataclass
class ReviseState(Wish, Answer):
    """Of the revise graph."""


def research() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Question -> report."""

    async def run(state: ResearchState) -> dict[str, Any]:
        return await _done(api.research(state.question, sources=state.sources, **state.options))

    return _compiled(StateGraph(ResearchState, input_schema=Question, output_schema=Answer), "research", run)


def revise() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Report and wishes -> revised report."""

    async def run(state: ReviseState) -> dict[str, Any]:
        return await _done(api.revise(state.report, ask=state.ask, **state.options))

    return _compiled(StateGraph(ReviseState, input_schema=Wish, output_schema=Answer), "revise", run)


def _compiled(graph: StateGraph[Any, Any, Any, Any], name: str, run: Any) -> CompiledStateGraph[Any, Any, Any, Any]:
    graph.add_node(name, run)
    graph.add_edge(START, name)
    graph.add_edge(name, END)
    return graph.compile(name=f"palimpsest {name}")


async def _done(events: AsyncGenerator[Event, None]) -> dict[str, Any]:
    write = get_stream_writer()
    async with aclosing(events):
        async for event in events:
            if event["event"] == "report":
                text = (Path(event["out"]) / "report.md").read_text(encoding="utf-8")
                report = event["report"]
                return asdict(Answer(event["out"], report["title"], text, report["missing"]))
            write(event)
    raise api.RunFailed("the run ended without a report")
