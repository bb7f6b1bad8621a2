"""A headless Chromium for the tests of report.html: the one Playwright fetched, else the system's."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.support import need

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def program(playwright: Playwright) -> str | None:
    """The path of a Chromium, None where there is none."""
    own = playwright.chromium.executable_path
    return own if os.path.exists(own) else next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the test is skipped (or fails, see support.need) where there is none."""
    with sync_playwright() as playwright:
        path = program(playwright)
        need(path is not None, "there is no Chromium (Debian: apt install chromium)")
        browser = playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Opened:
    """A page, and what it said and asked for since it was opened."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def opened(browser: Browser, file: Path, **context: Any) -> Opened:
    """`file` in a window of its own."""
    page = browser.new_context(**context).new_page()
    out = Opened(page)
    page.on("console", lambda message: out.said.append(message.text))
    page.on("pageerror", lambda error: out.said.append(str(error)))
    page.on("request", lambda request: out.asked.append(request.url))
    page.goto(file.as_uri())
    return out
