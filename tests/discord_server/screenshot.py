"""Takes pictures of pages with headless Chromium (Debian: `apt-get install chromium fonts-noto-color-emoji`)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TALLEST = 8_000  # twice that many pixels are the most that Chromium draws


def find_browser() -> str | None:
    """Return the path of a Chromium, or None where there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def need_browser() -> str:
    """Return the path of a Chromium, or skip the test with the reason."""
    import pytest

    return find_browser() or pytest.skip("no Chromium here: apt-get install chromium fonts-noto-color-emoji")


def take_screenshot(
    page: Path,
    picture: Path,
    *,
    width: int = 900,
    height: int = TALLEST,
    scale: int = 2,
    timeout_s: float = 60.0,
) -> Path:
    """Write a PNG of a whole page: as high as its content, which must not be higher than `height`."""
    browser = find_browser()
    assert browser, "take_screenshot needs Chromium: see need_browser()"
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={profile}",
            f"--force-device-scale-factor={scale}",
            f"--window-size={width},{height}",
            f"--screenshot={picture.absolute()}",
            page.absolute().as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)  # noqa: S603  # our own command
    assert picture.is_file(), f"Chromium took no picture: {done.stderr[-2000:]}"
    cut_below(picture)
    return picture


def cut_below(picture: Path, margin: int = 24) -> None:
    """Cut off the empty part below the content."""
    from PIL import Image, ImageChops

    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    background = Image.new("RGB", image.size, image.getpixel((2, image.height - 2)))
    box = ImageChops.difference(image, background).getbbox()
    if box:
        assert box[3] < image.height, f"the page is higher than the picture: {picture.name}"
        image.crop((0, 0, image.width, min(image.height, box[3] + margin))).save(picture)
