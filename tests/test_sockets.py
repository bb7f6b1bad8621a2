"""What leaves the machine: with local sources nothing, whoever opens the socket."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlm_core.fetch_base import FILE_NAME, cache_folder
from tests.support import ROOT, need
from tests.test_cli import environment

# Runs the command line in this process with every way to a socket watched; a line for each that is not loopback.
WATCHED = """
import os, socket, sys

def told(address):
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if isinstance(address, tuple) and not (str(host).startswith("127.") or host in ("::1", "localhost")):
        with open(os.environ["WATCH"], "a") as file:
            print(address, file=file)

def watch(event, arguments):
    # The interpreter tells every connect, bind, send and name look-up, whichever module asks.
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        told(arguments[1])
    elif event == "socket.bind":
        told(arguments[1])
    elif event == "socket.getaddrinfo" and arguments[0]:
        told((arguments[0], arguments[1]))
    elif event == "socket.gethostbyname":
        told((arguments[0], 0))

sys.addaudithook(watch)
if "--try" in sys.argv:
    try:
        socket.create_connection(("192.0.2.1", 9), timeout=0.01)
    except OSError:
        pass
    sys.exit(0)
from workflows.cli import main
sys.exit(main(sys.argv[1:]))
"""


ADDRESS = re.compile(r'sa_family=AF_INET6?,.*?inet_(?:addr\("([^"]+)"\)|pton\(AF_INET6, "([^"]+)")')


def watched(tmp_path: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """A call under both watches: name look-ups by the interpreter's audit, and the system calls of all threads,
    libraries and child processes by strace. Gives the addresses and names that are not this machine's."""
    need(shutil.which("strace") is not None, "strace is not installed")
    log, calls = tmp_path / "sockets.txt", tmp_path / "calls.txt"
    log.write_text("")
    asking = {"WATCH": str(log), "ANONYMIZED_TELEMETRY": "True", "LANGSMITH_TRACING": "true"}
    trace = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(calls))
    done = subprocess.run(
        [*trace, sys.executable, "-c", WATCHED, *arguments],
        cwd=tmp_path,
        # Some libraries are silent where CI is set; what they do for a user is what counts.
        env={k: v for k, v in environment(tmp_path / "home", **asking).items() if k != "CI"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    need(calls.is_file() and "ptrace" not in done.stderr, "strace may not trace here")
    hosts = [v4 or v6 for v4, v6 in ADDRESS.findall(calls.read_text(errors="replace"))]
    return done, [host for host in hosts if not (host.startswith("127.") or host == "::1")] + log.read_text().split()


def test_the_watch_sees_a_connection(tmp_path: Path) -> None:
    found = watched(tmp_path, "--try")[1]
    assert "192.0.2.1" in found and "('192.0.2.1'," in found  # by the system calls, and by the interpreter


def test_reading_and_choosing_from_local_sources_opens_no_socket(tmp_path: Path) -> None:
    """Search, reading, library (Chroma) and choice of evidence: the run ends there, since its weights are absent."""
    (tmp_path / "weights").mkdir()
    source = ROOT / "examples" / "library" / "masked-diffusion-language-models.md"
    question = "How do masked diffusion language models write text?"
    done, outside = watched(tmp_path, question, "--sources", str(source), "--weights", "weights", "--quiet")
    assert "manifest.json is missing" in done.stderr, done.stderr
    assert outside == []


@pytest.mark.slow
def test_a_whole_run_with_local_sources_opens_no_socket(tmp_path: Path) -> None:
    base = os.environ.get("PALIMPSEST_BASE") or str(cache_folder() / FILE_NAME)
    need(Path(base).exists(), "the base is not here (make setup)")
    library = str(ROOT / "examples" / "library")
    question = "How do masked diffusion language models write and revise text?"
    options = ("--sources", library, "--base", base, "--out", "out", "--rounds", "1", "--quiet")
    done, outside = watched(tmp_path, question, *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.md").is_file()
    assert outside == []
