"""Helpers that several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def need(condition: bool, reason: str) -> None:
    """Skip the test where something it needs is absent; with PALIMPSEST_REQUIRE=1 (set by .ci/run), fail it.

    A machine without a Kiwix server or the shared data can still run the suite, and CI cannot turn green by skipping.
    """
    if condition:
        return
    if os.environ.get("PALIMPSEST_REQUIRE") == "1":
        pytest.fail(f"PALIMPSEST_REQUIRE=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def shared_folder() -> Path | None:
    """The folder with training texts and fixtures: PALIMPSEST_SHARED, else `shared` beside the checkout, else None."""
    named = os.environ.get("PALIMPSEST_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if folder.is_dir() else None
