# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Takes the picture of the demo's report that the pages show, docs/report.png.

usage: tests/demo/run --fake --report FOLDER, then tests/tools/with test python tests/demo/picture.py FOLDER
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from PIL import Image  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from support.fetched import fetched  # noqa: E402


def main(folder):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=fetched("chromium", sys.exit), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1450})
        page.goto(Path(folder, "vbox-memory.html").resolve().as_uri())
        image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        browser.close()
    image.quantize(255, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        TESTS.parent / "docs" / "report.png", optimize=True
    )


main(sys.argv[1])
