"""Run folders: what was asked for, recorded before anything slow begins.

One folder a run, under PALIMPSEST_HOME/runs or the user's state folder:
    run.json            the request and how far it is
    checkpoints.sqlite  the graph's state after every node
    outline.txt         the outline that waits for its approval, with --approve plan
    canvas/NNN.json     the draft by revision (NNN.raw.json: before verification)
    pages/              pages fetched and not yet in the library
    figures/            pictures of the report and what is shown where, with --figures
    library/            the run's own library, unless another was named
    lock                held while a process works on the run
Imports nothing slow.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

SCHEMA = 1
BEGAN = time.monotonic()  # about when this process began
UNFINISHED = ("running", "stopped", "paused")


class RunError(RuntimeError):
    """A run cannot be recorded, found or gone on with; one line."""


@dataclass(frozen=True)
class Run:
    """A request and its state. Paths are absolute, so that a run can be resumed
    from any folder. status: running | writing | stopped | paused | failed |
    done."""

    id: str
    question: str
    sources: tuple[str, ...]
    out: str  # "" for a new folder under `reports`
    reports: str  # where new folders are made
    seed: int = 0
    rounds: int = 2
    pages: int = 8
    seconds: float = 0.0
    tokens: int = 0  # read and denoised by the model at most; 0: no limit
    approve: str = ""  # "plan": the outline waits for the user before text is written
    effort: float = 0.5  # 0 fast .. 1 thorough (dlm_core/effort.py)
    force: bool = False
    library: str = ""
    require: tuple[str, ...] = ()  # terms that must stand in the report
    forbid: tuple[str, ...] = ()  # terms that may not
    length: int = 0  # words of the report, 0 for any
    base: str = ""
    weights: str = ""
    after: str = ""  # the run whose library and pages this one goes on from
    formats: str = "md,html,json"  # files of the report
    bib: bool = False
    figures: bool = False  # figures of the sources are shown, and their captions cited
    settings: dict[str, str] = field(default_factory=dict)  # flags, as tools.settings.load takes them
    token: str = ""  # tells runs of one name in several state folders apart
    status: str = "running"
    reason: str = ""
    created: str = ""
    schema: int = field(default=SCHEMA)

    @property
    def folder(self) -> Path:
        return runs_folder() / self.id


def runs_folder() -> Path:
    """$PALIMPSEST_HOME/runs, else `runs` in the user's state folder for palimpsest."""
    home = os.environ.get("PALIMPSEST_HOME")
    if home:
        return Path(home).expanduser().resolve() / "runs"
    from platformdirs import user_state_path

    return user_state_path("palimpsest") / "runs"


def write_atomically(path: Path, content: str | bytes) -> None:
    """The whole file or none of it, on disk when this returns."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, 0o666 & ~umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def record(run: Run) -> Run:
    """Make the folder of a new run and write its run.json; the run with its id.

    Raises RunError where the state folder cannot be written."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    try:
        root = runs_folder()
        root.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            name = f"{stamp}-{slug(run.question)}" + (f"-{number}" if number > 1 else "")
            try:
                (root / name).mkdir()
            except FileExistsError:
                continue
            break
        made = replace(run, id=name, token=secrets.token_hex(4), created=time.strftime("%Y-%m-%dT%H:%M:%S"))
        # run.json last: a run that can be found can be gone on with.
        (made.folder / "canvas").mkdir()
        (made.folder / "pages").mkdir()
        save(made)
    except OSError as error:
        raise RunError(
            f"the run cannot be recorded in {runs_folder()}: {error.strerror or error} (PALIMPSEST_HOME names another)"
        ) from None
    return made


def slug(text: str, longest: int = 40) -> str:
    """A file name of a text: lower-case letters, digits and hyphens, cut at a word."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    out = ""
    for word in words:
        if len(out) + len(word) + 1 > longest:
            break
        out = f"{out}-{word}" if out else word
    return out or "report"


def save(run: Run) -> None:
    raw = asdict(run)
    raw["sources"] = list(run.sources)
    write_atomically(run.folder / "run.json", json.dumps(raw, ensure_ascii=False, indent=1) + "\n")


def forget(run: Run) -> None:
    """Remove a run that never began its work."""
    import shutil

    shutil.rmtree(run.folder, ignore_errors=True)


def load(run_id: str) -> Run:
    """A run by id or by an unambiguous beginning of one. RunError otherwise."""
    if not re.fullmatch(r"[a-z0-9-]+", run_id):
        raise RunError(f"{run_id!r} is not a run: palimpsest list shows them")
    names = [f.parent.name for f in runs_folder().glob("*/run.json")]
    found = [n for n in names if n == run_id] or sorted(n for n in names if n.startswith(run_id))
    if not found:
        raise RunError(f"there is no run {run_id}: palimpsest list shows them")
    if len(found) > 1:
        raise RunError(f"{run_id} may be {found[0]} or {found[1]}: name more of it")
    return _read(runs_folder() / found[0] / "run.json")


def _read(file: Path) -> Run:
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        types = {f.name: f.type for f in fields(Run)}
        if int(raw["schema"]) != SCHEMA or not isinstance(raw["sources"], list):
            raise ValueError("made by another version")
        values = {k: v for k, v in raw.items() if k in types}
        lists = {name: tuple(map(str, raw.get(name, ()))) for name in ("sources", "require", "forbid")}
        run = Run(**{**values, **lists, "id": file.parent.name})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} cannot be read ({error}): remove its folder") from None
    return run


def listed() -> list[Run]:
    """All runs that can be read, the latest first."""
    out = []
    for file in runs_folder().glob("*/run.json"):
        try:
            out.append(_read(file))
        except RunError:
            continue
    return sorted(out, key=lambda r: (r.created, r.id), reverse=True)


def latest_unfinished() -> Run:
    """The latest run that was cut off or stopped and that no process works on."""
    for run in listed():
        if run.status in (*UNFINISHED, "writing") and not busy(run):
            return run
    raise RunError("no run is unfinished: palimpsest list shows them all")


def sweep(run: Run) -> None:
    """Remove what a process that was killed while it wrote left in the run's folder. For the holder of the lock."""
    for left in (*run.folder.glob(".tmp-*"), *run.folder.glob("*/.tmp-*")):
        left.unlink(missing_ok=True)


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """One process a run; given back by the system when a process dies.

    Raises RunError if another process works on the run."""
    with open(run.folder / "lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"the run {run.id} is being worked on by another process") from None
        yield


def busy(run: Run) -> bool:
    """Whether a process works on the run."""
    try:
        with locked(run):
            return False
    except (RunError, OSError):
        return True
