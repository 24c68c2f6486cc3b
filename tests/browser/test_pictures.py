# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The page looks as it did when somebody last looked at it: references/*.png, compared so that other fonts do not matter.

After a change that is meant: VBOX_MEMORY_NEW_PICTURES=1 tests/tools/with test pytest tests/browser/test_pictures.py, look at them, commit them.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from support.report_fleet import fleet

REFERENCES = Path(__file__).with_name("references")
KINDS = {
    "light": {"viewport": {"width": 1400, "height": 2000}},
    "dark": {"viewport": {"width": 1400, "height": 2000}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 2400}},
}
SMALL = 8  # compared at an eighth of the size: letters are a grey there, whatever their font
MOST = 6.0  # of 255, on average


def picture(page):
    """What is seen of a page, at half its size."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def difference(one, two):
    """How much two pictures differ: 0 to 255 on average."""
    assert one.size == two.size
    small = [image.convert("RGB").resize((one.width * 2 // SMALL, one.height * 2 // SMALL)) for image in (one, two)]
    return sum(ImageStat.Stat(ImageChops.difference(*small)).mean) / 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_looks_as_it_did(show, kind):
    page = show(fleet(2, 6, seed=3), looks=12, **KINDS[kind]).page
    seen = picture(page)
    reference = REFERENCES / f"{kind}.png"
    if os.environ.get("VBOX_MEMORY_NEW_PICTURES"):
        seen.save(reference, optimize=True)
    kept = Image.open(reference)
    assert difference(seen, kept) < MOST
    # What would be missed is seen: a table gone, or the other colours.
    page.evaluate("() => document.querySelector('.bar, .cards').remove()")
    page.evaluate("() => document.querySelector('.cards')?.remove()")
    assert difference(picture(page), kept) > MOST
    others = [
        Image.open(REFERENCES / f"{other}.png")
        for other in KINDS
        if KINDS[other]["viewport"] == KINDS[kind]["viewport"]
    ]
    assert sum(difference(seen, other) < MOST for other in others) == 1
