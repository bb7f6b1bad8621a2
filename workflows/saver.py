"""Where the graph's state is kept: SQLite in the run's folder, or PostgreSQL by the setting `checkpoints`.

A run goes on where it began: with PostgreSQL set, a run whose folder has a SQLite file still uses that. Of a run's
checkpoints the last few are kept, so that what a run leaves grows with its rounds and not with their square.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

# Checkpoints may hold plain values only; read when langgraph is imported.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
# A run tells nobody what is asked: no tracing, whatever the user has set up for other programs.
for _name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING"):
    os.environ[_name] = "false"

from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: E402

from workflows.runs import Run, RunError  # noqa: E402

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

KEPT = 20  # checkpoints of a run: those of its last two rounds
FILE = "checkpoints.sqlite"
MARK = "checkpoints.postgres"  # an empty file: they are in a database
CONNECT = 10  # seconds for a connection to PostgreSQL


def config(run: Run) -> Any:
    """LangGraph's configuration of a run. Run ids are of one state folder, and a database may serve several: there a
    run is known by its token too."""
    thread = run.id if (run.folder / FILE).exists() or not run.token else f"{run.id}.{run.token}"
    return {"configurable": {"thread_id": thread}}


@contextmanager
def opened(run: Run) -> Iterator[BaseCheckpointSaver[Any]]:
    """The checkpoints of a run, made where there are none. Raises RunError, one line, where they cannot be had."""
    url = "" if (run.folder / FILE).exists() else _url(run)
    if not url and (run.folder / MARK).exists():
        raise RunError(f"the state of the run {run.id} is in PostgreSQL: set PALIMPSEST_CHECKPOINTS to its URL")
    if url:
        with _postgres(url) as saver:
            (run.folder / MARK).touch()
            yield saver
        return
    with closing(sqlite3.connect(run.folder / FILE, check_same_thread=False)) as connection:
        saver = SqliteSaver(connection)
        saver.setup()
        yield saver


def _url(run: Run) -> str:
    from tools.settings import SettingsError, load

    try:
        return load(run.settings)[0].checkpoints.get_secret_value().strip()
    except SettingsError as error:
        raise RunError(str(error)) from None


@contextmanager
def _postgres(url: str) -> Iterator[BaseCheckpointSaver[Any]]:
    try:
        import psycopg
        from langgraph.checkpoint.postgres import PostgresSaver
        from psycopg.rows import dict_row
    except ImportError:
        raise RunError("the setting checkpoints needs a package: pip install 'palimpsest[postgres]'") from None
    if not url.startswith(("postgres://", "postgresql://")):
        raise RunError("the setting checkpoints takes a URL, postgres://USER@HOST/DATABASE, or nothing for SQLite")
    try:
        connection = psycopg.connect(
            url, autocommit=True, prepare_threshold=0, row_factory=dict_row, connect_timeout=CONNECT
        )
    except psycopg.Error as error:
        raise RunError(f"the database of the setting checkpoints cannot be reached ({_first(error)})") from None
    with closing(connection):
        saver = PostgresSaver(connection)
        try:
            saver.setup()
            yield saver
        except psycopg.Error as error:
            raise RunError(f"the database of the setting checkpoints failed ({_first(error)})") from error


def _first(error: Exception) -> str:
    """The first line of what a database says. psycopg leaves passwords out of it."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def prune(saver: BaseCheckpointSaver[Any], run: Run) -> None:
    """Keep the last checkpoints of a run and no others. None of its state is spread over several of them."""
    thread = config(run)["configurable"]["thread_id"]
    if isinstance(saver, SqliteSaver):
        keep = "select checkpoint_id from checkpoints where thread_id = ? order by checkpoint_id desc limit ?"
        with saver.cursor() as cursor:
            for table in ("writes", "checkpoints"):
                cursor.execute(
                    f"delete from {table} where thread_id = ? and checkpoint_id not in ({keep})",
                    (thread, thread, KEPT),
                )
    else:
        saver.prune([thread])


def forget(run: Run) -> None:
    """Let a run begin again from the start."""
    with opened(run) as saver:
        saver.delete_thread(config(run)["configurable"]["thread_id"])
