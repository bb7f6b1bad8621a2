"""A whole run over good pages among hostile ones: it ends with a report that rests on the good ones alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dlm_core.fetch_base import FILE_NAME, cache_folder
from tests.hostile import PAGES, answer
from tests.support import ROOT, need
from tests.test_cli import environment
from tests.test_injection import EVIL
from tests.web import Request, site

QUESTION = "How do masked diffusion language models write and revise text?"
LEFT_OUT = ("/slow/silent",)  # the same as the other slow ones, and slower
RAW = "/size/endless /size/header /slow/body /odd/status /odd/no-http /odd/length /odd/location /odd/cut".split()
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.slow
def test_a_run_over_hostile_pages_ends_with_a_report_from_the_good_ones(tmp_path: Path) -> None:
    base = os.environ.get("PALIMPSEST_BASE") or str(cache_folder() / FILE_NAME)
    need(Path(base).exists(), "the base is not here (make setup)")
    orders = "".join(
        f"<p>{' '.join(block.split())}</p>" for block in EVIL.replace("tides", "language models").split("\n\n")
    )

    def pages(request: Request) -> None:
        if request.path == "/orders":
            request.reply(f"<html><body><main>{orders}</main></body></html>")
        else:
            answer(request, f"http://{request.headers['Host']}")

    with site(pages) as url:
        hostile = [path for path in [*PAGES, *RAW, "/orders"] if path not in LEFT_OUT]
        sources = [str(ROOT / "examples" / "library"), *(url + path for path in hostile)]
        sources += [f"feed:{url}/feed/laughs", f"sitemap:{url}/map/loop", f"mediawiki:{url}/api/deep"]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "workflows.cli",
                QUESTION,
                "--out",
                "out",
                "--rounds",
                "1",
                "--quiet",
                "--base",
                base,
            ]
            + [part for source in sources for part in ("--sources", source)],
            cwd=tmp_path,
            env=environment(tmp_path / "home", PALIMPSEST_TIMEOUT="2", PALIMPSEST_DEADLINE="3"),
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    cited = {report["evidence"][e]["source"] for s in report["sections"] for c in s["claims"] for e in c["evidence"]}
    assert cited and all(report["sources"][s]["url"].startswith("file:///") for s in cited)
    assert not UNSEEN.search(text) and "Acme" not in text.split("## Sources")[0].split("## Missing")[0]
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "home", "work"}
    assert any("could not be read" in line for line in report["missing"])
