"""Any page or file to stored text, in a process that can be killed.

trafilatura takes seconds for a page with tens of thousands of attributes and minutes for a very large one, and a PDF
can hold anything. So pages are read by a worker process (tools/worker.py) with a limit on time and memory; when a
page breaks one, the worker dies, the page is skipped with the reason, and the next page gets a new worker.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.language import foreign
from tools.pictures import Shown
from tools.source import Figure, Skipped

MAX_INPUT = 4_000_000  # bytes of one HTML page
MAX_TEXT = 8_000_000  # of one Markdown or text page
MAX_PDF = 20_000_000
MAX_PICTURE = 2_000_000
PDF_TIMEOUT = 60.0  # seconds; pypdf reads about five pages a second
WAIT = 8.0  # times the processor time of a page that it may take by the clock
START_TIMEOUT = 120.0  # seconds for the worker to load its libraries on a busy machine
MEMORY = 1024  # megabytes of address space of the worker
SUFFIXES = {
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "plain",
    ".pdf": "pdf",
}
MEDIA_TYPES = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/plain": "plain",
    "application/pdf": "pdf",
}


@dataclass(frozen=True)
class Extracted:
    """Stored text of a page. title and date (ISO) are "" where unknown; note says if it was read another way. figures:
    their addresses are as the page writes them (tools.figures.resolved)."""

    text: str
    title: str
    date: str
    note: str = ""
    figures: tuple[Figure, ...] = ()


class Broken(Skipped):
    """A page that broke a limit of the process that reads pages: another time, or elsewhere, it may be read."""


class Extractor:
    """Owns one worker process, started at the first page. Safe to share between threads; pages are read one by one.

    timeout: processor seconds for one page, WAIT times as much by the clock (PDFs have PDF_TIMEOUT if that is
    longer); memory: megabytes for the worker.
    """

    def __init__(self, timeout: float = 10.0, memory: int = MEMORY) -> None:
        self.timeout = timeout
        self.memory = memory
        self._lock = threading.Lock()
        self._worker: _Worker | None = None

    def read(self, kind: str, body: str | bytes, url: str) -> Extracted | Skipped:
        """Stored text of one page. kind: html, markdown, plain or pdf; url only names the page in a Skipped."""
        data = body.encode("utf-8", "replace") if isinstance(body, str) else body
        if len(data) > {"pdf": MAX_PDF, "html": MAX_INPUT}.get(kind, MAX_TEXT):
            return Skipped(url, f"too large to read ({len(data) / 1e6:.1f} MB)")
        # A text twice as long as any HTML page may take twice as long.
        seconds = max(self.timeout, PDF_TIMEOUT) if kind == "pdf" else self.timeout * max(1.0, len(data) / MAX_INPUT)
        answer = self._ask(kind, data, seconds)
        trouble = answer.get("error") or foreign(answer["text"])
        if trouble:
            return Broken(url, trouble) if "broken" in answer else Skipped(url, trouble)
        figures = tuple(Figure(**figure) for figure in answer["figures"])
        return Extracted(answer["text"], answer["title"], answer["date"], answer["note"], figures)

    def picture(self, data: bytes, url: str) -> Shown | Skipped:
        """A picture made safe to show, or why it is not shown; url only names it in a Skipped."""
        if len(data) > MAX_PICTURE:
            return Skipped(url, f"larger than {MAX_PICTURE / 1e6:g} MB")
        answer = self._ask("picture", data, self.timeout)
        if "error" in answer:
            return Skipped(url, answer["error"])
        return Shown(base64.b64decode(answer["data"]), answer["suffix"], answer["width"], answer["height"])

    def _ask(self, kind: str, data: bytes, seconds: float) -> dict[str, Any]:
        """What the worker answers; {"error", "broken"} where it breaks a limit."""
        with self._lock:
            try:
                if self._worker is None or not self._worker.alive():
                    self._worker = _Worker(self.memory)
                return self._worker.ask(kind, data, seconds)
            except _Broken as error:
                self._end()
                return {"error": str(error), "broken": True}
            except BaseException:
                # Ctrl-C between question and answer: the worker's next line would be the wrong page's.
                self._end()
                raise

    def close(self) -> None:
        """Ends the worker; a later read starts a new one."""
        with self._lock:
            self._end()

    def stop(self) -> None:
        """Ends the worker at once; who waits for its answer is told that there is none."""
        worker = self._worker
        if worker is not None:
            worker.end()

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.end()
        self._worker = None


class _Broken(Exception):
    """The worker gave no answer; the message says why, in words about the page."""


class _Worker:
    def __init__(self, memory: int) -> None:
        root = str(Path(__file__).resolve().parents[1])
        # -P: a json.py in the user's folder must not be imported. The package is found where this file lies.
        start = f"import sys; sys.path.insert(0, {root!r}); from tools.worker import main; main({memory})"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.end)
        try:
            line = self._lines.get(timeout=START_TIMEOUT)
        except queue.Empty:
            line = b""
        except BaseException:
            self.end()
            raise
        if not line:
            self.end()
            raise _Broken("the process that reads pages does not start")

    def _listen(self) -> None:
        """Lines of the worker into the queue; an empty one says that it has ended."""
        stream = self._process.stdout
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                self._lines.put(line)
        self._lines.put(b"")

    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, kind: str, data: bytes, seconds: float) -> dict[str, Any]:
        frame = json.dumps({"kind": kind, "length": len(data), "seconds": seconds}).encode() + b"\n"
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(frame + data)
            stream.flush()
            line = self._lines.get(timeout=seconds * WAIT)
        except queue.Empty:
            raise _Broken(f"reading it took more than {seconds * WAIT:g} s") from None
        except OSError:
            line = b""
        if not line:
            if self._process.wait(timeout=10) == -getattr(signal, "SIGPROF", 0):
                raise _Broken(f"reading it took more than {seconds:g} s")
            raise _Broken("reading it took too much memory or broke the process that reads pages")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        atexit.unregister(self.end)
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()
