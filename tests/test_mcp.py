"""The MCP server, spoken to by the client of the official SDK over standard input and output."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from dlm_core.segment import split, tidy
from tests.support import ROOT
from tests.test_api import HERON, QUESTION, block, documented, folder
from tools.source import Source, source_id
from workflows import runs

__all__ = ["folder"]

SERVE = ["-m", "workflows.cli", "mcp", "--reports", "reports", "--read", "pages", "--library", "library"]


@asynccontextmanager
async def client(where: Path) -> AsyncIterator[Client]:
    environment = {k: v for k, v in os.environ.items() if k.startswith(("PALIMPSEST", "OMP"))}
    server = StdioServerParameters(
        command=sys.executable, args=SERVE, cwd=where, env=environment | {"PYTHONPATH": str(ROOT)}
    )
    with (where / "errors.txt").open("a") as errors:
        async with Client(stdio_client(server, errors)) as opened:
            yield opened


def said(result: Any) -> str:
    return str(result.content[0].text)


def made(where: Path) -> Path:
    """A report below reports/, by hand, with its source in the library."""
    url = "https://example.org/heron"
    text = tidy(HERON)
    name = source_id(url)
    evidence = [e for e in split(text, name)[1] if e.standalone][:2]
    (where / "reports" / "first").mkdir(parents=True)
    claims = [{"id": f"s{n}", "text": e.text, "evidence": [e.id]} for n, e in enumerate(evidence)]
    report = {
        "title": "Heron",
        "sections": [{"heading": "Heron", "claims": claims, "links": []}],
        "evidence": {e.id: {"text": e.text, "source": name, "start": e.start, "end": e.end} for e in evidence},
        "sources": {name: {"url": url, "title": "The Heron client", "accessed": "2026-01-02"}},
        "missing": [],
    }
    (where / "reports" / "first" / "report.json").write_text(json.dumps(report))
    run = runs.record(
        runs.Run("", QUESTION, (url,), str(where / "reports" / "first"), "", library=str(where / "library"))
    )
    runs.save(replace(run, status="done"))
    (where / "library" / "sources").mkdir(parents=True)
    source = Source(name, url, "The Heron client", text, "2026-01-02")
    meta = {k: v for k, v in asdict(source).items() if k not in ("text", "figures")}
    meta["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (where / "library" / "sources" / f"{name}.txt").write_text(text)
    (where / "library" / "sources" / f"{name}.json").write_text(json.dumps(meta))
    return where / "reports" / "first"


def test_tools_answer_within_their_limits(folder: Path) -> None:
    (folder / "pages").mkdir()
    (folder / "pages" / "heron.md").write_text(HERON)
    (folder / "pages" / "away.md").symlink_to("/etc/hostname")
    (folder / "secret").mkdir()
    (folder / "secret" / "plan.md").write_text("# Secret\n\nNobody may read what this page says of the plan.\n")
    made(folder)

    async def talk() -> None:
        async with client(folder) as server:
            tools = {tool.name: tool for tool in (await server.list_tools()).tools}
            assert set(tools) == {"research", "revise", "sources"}
            assert all(tool.output_schema and tool.description for tool in tools.values())
            wrong: list[tuple[str, dict[str, Any], str]] = [
                ("research", {"question": QUESTION, "sources": ["secret"]}, "may not be read"),
                ("research", {"question": QUESTION, "sources": ["secret/plan.md"]}, "may not be read"),
                ("research", {"question": QUESTION, "sources": ["pages/away.md"]}, "may not be read"),
                ("research", {"question": QUESTION, "sources": ["pages/../secret"]}, "may not be read"),
                ("research", {"question": QUESTION, "sources": ["pages"], "out": "../x"}, "not below the reports"),
                ("research", {"question": QUESTION, "sources": ["pages"], "out": "/tmp/x"}, "not below the reports"),
                ("research", {"question": QUESTION, "sources": ["pages"], "out": "."}, "not below the reports"),
                ("research", {"question": QUESTION, "sources": ["pages"], "out": "first"}, "holds a report already"),
                ("research", {"question": QUESTION, "sources": ["nowhere"]}, "nowhere: no such file or folder"),
                ("research", {"question": "q" * 3000}, "at most 2000 characters"),
                ("research", {"question": QUESTION, "sources": ["a"] * 21}, "at most 20"),
                ("revise", {"report": "../pages", "ask": ["shorter"]}, "not below the reports"),
                ("revise", {"report": "nothing", "ask": ["shorter"]}, "no such file or folder"),
                ("sources", {"report": "../secret"}, "not below the reports"),
                ("sources", {"report": "first", "source": "src_0000000000"}, "has no source"),
                ("sources", {"report": "first", "evidence": "x"}, "has no evidence"),
                ("sources", {"source": "../../etc/passwd"}, "is not a source id"),
            ]
            for tool, arguments, words in wrong:
                answer = await server.call_tool(tool, arguments)
                assert answer.is_error and words in said(answer), (arguments, said(answer))
            held = (await server.call_tool("sources", {"report": "first"})).structured_content
            assert held is not None
            (source,) = held["sources"]
            assert source["title"] == "The Heron client" and source["evidence"] == 2
            cited = (await server.call_tool("sources", {"report": "first", "source": source["id"]})).structured_content
            assert cited is not None and len(cited["pieces"]) == 2
            assert all(p["text"] in p["passage"] and p["evidence"] for p in cited["pieces"])
            listed = (await server.call_tool("sources", {})).structured_content
            assert listed is not None and [s["id"] for s in listed["sources"]] == [source["id"]]
            text = (await server.call_tool("sources", {"source": source["id"], "offset": 2})).structured_content
            assert text is not None and text["pieces"][0]["text"].startswith("The Heron client")

    asyncio.run(talk())
    assert not (folder / "x").exists() and "Traceback" not in (folder / "errors.txt").read_text()


def test_a_cancelled_call_stops_its_run_and_progress_tells_how_far_it_is(folder: Path) -> None:
    (folder / "pages").mkdir()
    (folder / "pages" / "heron.md").write_text(HERON)
    told: list[tuple[float, float | None, str | None]] = []

    async def show(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async def talk() -> None:
        async with client(folder) as server:
            asked = {"question": QUESTION, "sources": ["pages"], "out": "stopped"}
            call = asyncio.ensure_future(server.call_tool("research", asked, progress_callback=show))
            while not any("search" in (message or "") for _, _, message in told):
                await asyncio.sleep(0.05)
                assert not call.done(), call.result()
            call.cancel()
            for _ in range(100):
                await asyncio.sleep(0.1)
                if (found := runs.listed()) and not runs.busy(found[0]):
                    break
            # The server is there for the next call.
            assert (await server.call_tool("sources", {"report": "none"})).is_error

    asyncio.run(talk())
    (run,) = runs.listed()
    assert not runs.busy(run) and run.status in ("running", "stopped") and not (folder / "reports" / "stopped").exists()
    progress = [p for p, _, _ in told]
    assert progress == sorted(set(progress)) and all(total == 14 for _, total, _ in told)


def test_nothing_but_the_protocol_is_on_standard_output(folder: Path) -> None:
    (folder / "pages").mkdir()
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    lines = "not json\n" + json.dumps(hello) + "\n"
    done = subprocess.run(
        [sys.executable, *SERVE],
        input=lines,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and all(answer["jsonrpc"] == "2.0" for answer in answers)
    assert any(answer.get("id") == 1 and answer["result"]["serverInfo"]["name"] == "palimpsest" for answer in answers)


def test_without_the_extra_one_line_says_so(folder: Path) -> None:
    (folder / "pages").mkdir()
    program = (
        "import sys; sys.modules['mcp'] = None; from workflows.cli import main; "
        "sys.exit(main(['mcp', '--read', 'pages']))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True)
    line = "palimpsest: the MCP server needs its extra: pip install 'palimpsest[mcp]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)
    done = subprocess.run(
        [sys.executable, *SERVE[:3], "--read", "no/such"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (2, "palimpsest: --read no/such: no such folder\n")


def test_the_snippet_for_clients_is_json_with_options_that_exist() -> None:
    from workflows.parsers import parsed, parsers

    (server,) = json.loads(block("mcp.md", "json"))["mcpServers"].values()
    assert server["command"] == "palimpsest" and server["args"][0] == "mcp"
    assert parsed(parsers()["mcp"], server["args"][1:]).reports == "/home/me/reports"


@pytest.mark.slow
def test_the_first_use_in_the_documentation(folder: Path) -> None:
    printed = documented(folder, block("mcp.md", "python"), None)
    assert " of 14.0: search, round 1" in printed and "\n# " in printed and "src_" in printed.splitlines()[-1]
    assert json.loads((folder / "reports" / "training" / "report.json").read_text())["question"].startswith("How is a")
