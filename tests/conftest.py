"""What several folders of the tests share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.browser import NAMES

SHARED = Path(__file__).resolve().parents[2] / "shared" / "testdata"


@pytest.fixture
def shared_data() -> Path:
    """Real pictures, labels and trained weights that lie beside the repository on some machines."""
    if not SHARED.is_dir():
        pytest.skip("needs the real pictures and weights of ../shared/testdata")
    return SHARED


@pytest.fixture
def browser() -> str:
    """The program of a Chromium; `tests.browser.visit` opens a page in it."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip(f"needs a browser: {' or '.join(NAMES)} (Debian: apt-get install chromium)")
