"""Launch settings of the emulator are those of one test."""

from __future__ import annotations

import pytest

from tests.emulation import kernels, require


@pytest.fixture(autouse=True)
def _needs_a_compiler() -> None:
    require()


@pytest.fixture(params=kernels.ORDERS)
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each thread order in turn."""
    monkeypatch.setattr(kernels.Settings, "order", kernels.ORDERS[request.param])
    return str(request.param)


@pytest.fixture
def check_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules made from now on are checked."""
    monkeypatch.setattr(kernels.Settings, "check", True)
