"""palimpsest library list and prune: what was read and is kept, whose it is, and what may go.

A run has a library in its own folder unless it was given one with --library; that one is the user's and is never
removed here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from workflows import runs
from workflows.outcome import DONE, FAILED, USAGE, fail, printable

DAY = 86_400
FINISHED = ("done",)


@dataclass(frozen=True)
class Kept:
    """A library on disk. users: the runs that read it. own: whether it lies in the folder of a run."""

    path: Path
    users: tuple[runs.Run, ...]
    own: bool

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(f.lstat().st_size for f in self.path.rglob("*") if f.is_file() and not f.is_symlink())

    @property
    def sources(self) -> int:
        return sum(1 for _ in (self.path / "sources").glob("src_*.json"))

    @property
    def used(self) -> float:
        """When it was last written to or opened, seconds since 1970."""
        places = [self.path, *self.path.iterdir(), *(self.path / "chroma").glob("*")]
        return max(p.lstat().st_mtime for p in places)

    @property
    def busy(self) -> bool:
        """Whether a run that reads it is being worked on, or another process has it open."""
        if any(runs.busy(run) for run in self.users):
            return True
        try:
            with FileLock(str(self.path / "lock"), timeout=0):
                return False
        except (Timeout, OSError):
            return True


def is_library(path: Path) -> bool:
    """Whether a folder is a library and no link to one: tools/library.py made its parts."""
    parts = [path / "sources", path / "chroma"]
    return not path.is_symlink() and all(p.is_dir() and not p.is_symlink() for p in parts)


def libraries() -> list[Kept]:
    """Every library that a run has or had, those used last first."""
    users: dict[Path, list[runs.Run]] = {}
    for run in runs.listed():
        users.setdefault(Path(run.library) if run.library else run.folder / "library", []).append(run)
    root = runs.runs_folder()
    for folder in root.glob("*/library"):
        users.setdefault(folder, [])  # of a run whose record is damaged
    found = [Kept(p, tuple(u), p.name == "library" and p.parent.parent == root) for p, u in users.items()]
    return sorted((k for k in found if is_library(k.path)), key=lambda k: (-k.used, str(k.path)))


def run(given: argparse.Namespace) -> int:
    """Exit code of `palimpsest library`."""
    return prune(given.older, yes=given.yes) if given.action == "prune" else show()


def show() -> int:
    """Print every library: size, sources, when it was last used, whose it is."""
    for kept in libraries():
        print(_line(kept))
    return DONE


def _line(kept: Kept) -> str:
    whose = ", ".join(f"{r.id} ({r.status})" for r in kept.users[:3]) or "no run that can be read"
    more = f" and {len(kept.users) - 3} more" if len(kept.users) > 3 else ""
    kind = "" if kept.own else "named, "
    days = max(0, int((time.time() - kept.used) // DAY))
    used = "used today" if not days else f"used {days} d ago"
    return printable(
        f"{kept.size / 1e6:8.1f} MB  {kept.sources:5} sources  {used:14}  {kept.path}  ({kind}{whose}{more})"
    )


def prune(older: int | None, *, yes: bool) -> int:
    """Remove the own libraries of runs that are done; with `older`, those of all runs, done or not, that were not used
    for so many days. Reports stay. Asks before, at a terminal, unless `yes`."""
    going: list[Kept] = []
    busy: list[Kept] = []
    for kept in libraries():
        if kept.own and _may_go(kept, older):
            (busy if kept.busy else going).append(kept)
    for kept in busy:
        print(f"in use, left as it is: {printable(str(kept.path))}", file=sys.stderr)
    if not going:
        print("no library to remove", file=sys.stderr)
        return DONE
    total = sum(k.size for k in going)
    for kept in going:
        print(_line(kept))
    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return fail(f"nothing was removed: --yes removes {_these(going)}", USAGE)
        print(
            f"Remove {_these(going)} ({total / 1e6:.1f} MB)? Reports stay; the runs can no longer be revised or gone on"
            " with. [y/N] ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("nothing was removed", file=sys.stderr)
            return DONE
    failed = [line for kept in going if (line := _remove(kept))]
    for line in failed:
        fail(line, FAILED)
    gone = len(going) - len(failed)
    print(f"removed {gone} {'library' if gone == 1 else 'libraries'}, {total / 1e6:.1f} MB", file=sys.stderr)
    return FAILED if failed else DONE


def _these(going: list[Kept]) -> str:
    return "this library" if len(going) == 1 else f"these {len(going)} libraries"


def _may_go(kept: Kept, older: int | None) -> bool:
    if older is not None:
        return time.time() - kept.used >= older * DAY
    return bool(kept.users) and all(r.status in FINISHED for r in kept.users)


def _remove(kept: Kept) -> str:
    """Remove a library that nobody uses; what went wrong, "" for nothing."""
    if not is_library(kept.path):
        return f"{kept.path} is no library any more: it was left as it is"
    try:
        # A run that begins meanwhile waits for nothing: it is told that the library is in use.
        with FileLock(str(kept.path / "lock"), timeout=0):
            for part in kept.path.iterdir():
                if part.is_dir() and not part.is_symlink():
                    shutil.rmtree(part)
                elif part.name != "lock":
                    part.unlink()
        (kept.path / "lock").unlink(missing_ok=True)
        kept.path.rmdir()
    except Timeout:
        return f"{kept.path} came into use: it was left as it is"
    except OSError as error:
        return f"{kept.path} cannot be removed: {error.strerror or error}"
    return ""
