"""Take the pictures of README that show a report: python -m tests.pictures REPORT_FOLDER PICTURE_FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import opened, program

WINDOW = {"width": 1140, "height": 640}


def main(report: Path, pictures: Path) -> int:
    """report.png: a claim and its passage. replay.png: the last revision, replayed in the dark."""
    file = (report / "report.html").resolve()
    if not file.is_file():
        print(f"there is no report.html in {report}: palimpsest export {report}", file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        path = program(playwright)
        if path is None:
            print("there is no Chromium to take pictures with (Debian: apt install chromium)", file=sys.stderr)
            return 1
        browser = playwright.chromium.launch(executable_path=path)
        page = opened(browser, file, viewport=WINDOW, color_scheme="light").page
        says = page.locator("article .claim .say")
        says.nth(min(3, says.count() - 1)).hover()
        page.screenshot(path=pictures / "report.png")
        page = opened(browser, file, viewport=WINDOW, color_scheme="dark", reduced_motion="reduce").page
        if page.locator("#slider").count():
            slider = page.locator("#slider")
            slider.fill(slider.get_attribute("max") or "1")
            slider.dispatch_event("change")
            slider.evaluate("e => e.blur()")
        page.screenshot(path=pictures / "replay.png")
        browser.close()
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m tests.pictures REPORT_FOLDER PICTURE_FOLDER")
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
