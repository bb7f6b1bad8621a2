"""The research graph: brief -> [search -> read -> remember -> reflect -> revise -> verify]* -> report.

LangGraph keeps a checkpoint in the run folder after every node (durability
"sync": on disk before the next node starts), so a run that was killed goes on
from the last node that finished.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

# Checkpoints may hold plain values only; read when langgraph is imported.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
# A run tells nobody what is asked: no tracing, whatever the user has set up for other programs.
for _name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING"):
    os.environ[_name] = "false"

from langchain_core.runnables import RunnableLambda  # noqa: E402
from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: E402
from langgraph.graph import END, START, StateGraph  # noqa: E402

from workflows import events, nodes, runs  # noqa: E402
from workflows import state as states  # noqa: E402
from workflows.context import Context  # noqa: E402
from workflows.state import State  # noqa: E402

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

Node = Callable[[State, Context], State]
NODES: dict[str, Node] = {
    "brief": nodes.brief,
    "search": nodes.search,
    "read": nodes.read,
    "remember": nodes.remember,
    "reflect": nodes.reflect,
    "revise": nodes.revise,
    "verify": nodes.check,
    "report": nodes.report,
}


def build(context: Context, saver: SqliteSaver) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The graph with its nodes bound to one process's context."""
    graph = StateGraph(State)
    for name, node in NODES.items():
        graph.add_node(name, RunnableLambda(_bound(name, node, context), name=name))
    graph.add_edge(START, "brief")
    for before, after in zip(list(NODES)[:6], list(NODES)[1:7], strict=True):
        graph.add_edge(before, after)
    graph.add_conditional_edges("verify", lambda state: "report" if state["stop"] else "search", ["report", "search"])
    graph.add_edge("report", END)
    return graph.compile(checkpointer=saver)


def _bound(name: str, node: Node, context: Context) -> Callable[[State], State]:
    def run(state: State) -> State:
        context.reporter.step(events.step(name, state))
        return node(state, context)

    return run


def research(context: Context) -> State:
    """Run the graph to its end, from the last checkpoint if there is one.

    Raises what a node raises; the checkpoint then stands after the node before.
    """
    run = context.run
    file = run.folder / "checkpoints.sqlite"
    with closing(sqlite3.connect(file, check_same_thread=False)) as connection:
        saver = SqliteSaver(connection)
        graph = build(context, saver)
        config: Any = {"configurable": {"thread_id": run.id}, "recursion_limit": 7 * run.rounds + 10}
        held = graph.get_state(config)
        if held.values and not held.next:
            return cast(State, held.values)
        begin = None if held.next else first_state(run)
        if begin is None:
            context.reporter.stage("resume", f"round {held.values.get('round', 0)}, {held.next[0]}")
        return cast(State, graph.invoke(begin, config, durability="sync"))


def first_state(run: runs.Run) -> State:
    """The state a run begins with: that of a run that goes on from another knows
    the pages that one read, if it was allowed all of its sources."""
    state: State = {**states.START}
    if run.after:
        before = runs.load(run.after)
        if set(before.sources) <= set(run.sources):
            held = state_of(before)
            state |= {"pages": list(held["pages"]), "opened": list(held["opened"])}
    return state


def state_of(run: runs.Run) -> State:
    """The state after the node of a run that finished last."""
    with closing(sqlite3.connect(run.folder / "checkpoints.sqlite", check_same_thread=False)) as connection:
        held = SqliteSaver(connection).get_tuple({"configurable": {"thread_id": run.id}})
    values = held.checkpoint["channel_values"] if held else {}
    return cast(State, {**states.START, **{k: v for k, v in values.items() if k in states.START}})


def open_again(context: Context) -> None:
    """Let a run whose report is written go on with another round; one that was cut
    off goes on from where it stands. The time it may take begins anew."""
    run = context.run
    with closing(sqlite3.connect(run.folder / "checkpoints.sqlite", check_same_thread=False)) as connection:
        graph = build(context, SqliteSaver(connection))
        config: Any = {"configurable": {"thread_id": run.id}}
        if not graph.get_state(config).next:
            graph.update_state(config, {"stop": "", "seconds": 0.0}, as_node="verify")
