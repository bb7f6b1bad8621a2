"""The research graph: brief -> [search -> read -> remember -> reflect -> revise -> verify]* -> report.

LangGraph keeps a checkpoint after every node (durability "sync": on disk before
the next node starts), so a run that was killed goes on from the last node that
finished. With --approve plan, `plan` and `approve` come between the first
remember and reflect, and the run waits there (workflows/approve.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from workflows import approve, events, nodes, runs, saver  # saver first: it sets up langgraph
from workflows import state as states
from workflows.context import Context
from workflows.state import State

# isort: split
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
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
    "plan": approve.plan,
    "approve": approve.approve,
}
ROUND = ("search", "read", "remember", "reflect", "revise", "verify")


def build(context: Context, kept: BaseCheckpointSaver[Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The graph with its nodes bound to one process's context."""
    graph = StateGraph(State)
    for name, node in NODES.items():
        graph.add_node(name, RunnableLambda(_bound(name, node, context, kept), name=name))
    graph.add_edge(START, "brief")
    graph.add_edge("brief", "search")
    for before, after in zip(ROUND, ROUND[1:], strict=False):
        if before != "remember":
            graph.add_edge(before, after)
    waits = context.run.approve == "plan"
    graph.add_conditional_edges(
        "remember", lambda state: "plan" if waits and not state["canvas"] else "reflect", ["plan", "reflect"]
    )
    graph.add_edge("plan", "approve")
    graph.add_edge("approve", "reflect")
    graph.add_conditional_edges("verify", lambda state: "report" if state["stop"] else "search", ["report", "search"])
    graph.add_edge("report", END)
    return graph.compile(checkpointer=kept)


def _bound(name: str, node: Node, context: Context, kept: BaseCheckpointSaver[Any]) -> Callable[[State], State]:
    def run(state: State) -> State:
        context.reporter.step(events.step(name, state))
        if name == "search" and state["round"]:
            saver.prune(kept, context.run)
        context.enter(name, state)
        changed = node(state, context)
        return {**changed, "tokens": context.tokens}

    return run


def research(context: Context) -> State:
    """Run the graph to its end, from the last checkpoint if there is one.

    Raises what a node raises; the checkpoint then stands after the node before.
    Raises approve.Paused where the run waits for the user.
    """
    run = context.run
    with saver.opened(run) as kept:
        graph = build(context, kept)
        config = saver.config(run) | {"recursion_limit": 7 * run.rounds + 10}
        held = graph.get_state(config)
        if held.values and not held.next:
            return cast(State, held.values)
        begin: Any = None if held.next else first_state(run)
        if begin is None:
            context.reporter.stage("resume", f"round {held.values.get('round', 0)}, {held.next[0]}")
        while True:
            if held.interrupts:
                begin = Command(resume=approve.answer(context, cast(State, held.values)))
                context.waited()
            made = graph.invoke(begin, config, durability="sync")
            held = graph.get_state(config)
            if not held.interrupts:
                return cast(State, made)


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
    with saver.opened(run) as kept:
        held = kept.get_tuple(saver.config(run))
    values = held.checkpoint["channel_values"] if held else {}
    return cast(State, {**states.START, **{k: v for k, v in values.items() if k in states.START}})


def open_again(context: Context) -> None:
    """Let a run whose report is written go on with another round; one that was cut
    off goes on from where it stands. The time it may take begins anew."""
    run = context.run
    with saver.opened(run) as kept:
        graph = build(context, kept)
        config = saver.config(run)
        if not graph.get_state(config).next:
            graph.update_state(config, {"stop": "", "seconds": 0.0, "tokens": 0}, as_node="verify")
