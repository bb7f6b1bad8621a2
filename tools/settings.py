"""How the outside world is read: who asks, how long, how much, how often. From the environment, with defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version


class SettingsError(ValueError):
    """A PALIMPSEST_ variable has no usable value; the message says which and what it takes."""


@dataclass(frozen=True)
class Settings:
    """Each field NAME is read from PALIMPSEST_NAME by `from_environment`.

    contact: mail address or URL that server operators can write to, part of the User-Agent
    timeout: seconds for one network operation
    deadline: seconds for one page in all, redirects included
    page_timeout: processor seconds for the extraction of one page
    max_bytes: body bytes of a web page or text file; a longer one is skipped
    max_pdf_bytes: the same for PDF
    attempts: tries per request, the first included (429, 5xx and broken connections are tried again)
    delay: seconds between two requests to one host; the loopback host is not made to wait
    wikipedia: the MediaWiki API that the source "wikipedia" means
    """

    contact: str = ""
    timeout: float = 10.0
    deadline: float = 30.0
    page_timeout: float = 10.0
    max_bytes: int = 2_000_000
    max_pdf_bytes: int = 20_000_000
    attempts: int = 3
    delay: float = 0.5
    wikipedia: str = "https://en.wikipedia.org/w/api.php"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings with every set PALIMPSEST_ variable in place. Raises SettingsError for one that does not parse."""
        environ = os.environ if environ is None else environ
        values: dict[str, object] = {}
        for field in fields(cls):
            name = f"PALIMPSEST_{field.name.upper()}"
            raw = environ.get(name, "").strip()
            if not raw:
                continue
            kind = type(field.default)
            value: str | int | float
            try:
                value = raw if kind is str else int(raw) if kind is int else float(raw)
            except ValueError:
                raise SettingsError(f"{name} takes a number, not {raw!r}") from None
            if isinstance(value, int | float) and not 0 <= value < float("inf"):
                raise SettingsError(f"{name} takes a number from 0 up, not {raw!r}")
            values[field.name] = value
        return cls(**values)  # type: ignore[arg-type]

    @property
    def user_agent(self) -> str:
        """Palimpsest/VERSION (+contact), printable ASCII only, as a header must be."""
        contact = "".join(c for c in self.contact if 32 <= ord(c) < 127 and c not in "()").strip()
        return f"Palimpsest/{_version()} (+{contact or 'no contact set; PALIMPSEST_CONTACT sets it'})"


def _version() -> str:
    try:
        return version("palimpsest")
    except PackageNotFoundError:
        return "0"
