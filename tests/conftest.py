"""What several folders of the tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "testdata"


@pytest.fixture
def shared_data() -> Path:
    """Real pictures, labels and trained weights that lie beside the repository on some machines."""
    if not SHARED.is_dir():
        pytest.skip("needs the real pictures and weights of ../shared/testdata")
    return SHARED
