"""Layers are found by the names of their sections, and imported when they are asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import darknet_py.layers
from darknet_py.layers import LAYERS, Layer
from darknet_py.layers.dropout import Dropout
from darknet_py.layers.registry import Registry

FOLDER = Path(darknet_py.layers.__file__).parent


def registered(path: Path) -> set[str]:
    """The names in the module's ``@register(...)``."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    found = [call.args for call in calls if isinstance(call.func, ast.Name) and call.func.id == "register"]
    return {str(arg.value) for args in found for arg in args if isinstance(arg, ast.Constant)}


def test_every_layer_of_the_package_is_listed_and_nothing_else() -> None:
    assert set(LAYERS) == set().union(*map(registered, FOLDER.glob("*.py")))
    assert len(LAYERS) == len(set(LAYERS))


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_name_gives_its_layer(name: str) -> None:
    assert name in LAYERS and issubclass(LAYERS[name], Layer)
    module = sys.modules[LAYERS[name].__module__].__file__
    assert module is not None and name in registered(Path(module))


def test_an_unknown_name_is_a_key_error() -> None:
    assert "convolution" not in LAYERS and LAYERS.get("convolution") is None
    with pytest.raises(KeyError):
        LAYERS["convolution"]


def test_a_layer_can_be_added_without_a_module_and_a_name_is_given_once() -> None:
    names = Registry()
    names.add("mine", Dropout)
    assert names["mine"] is Dropout and list(names) == ["mine"] and len(names) == 1
    with pytest.raises(ValueError, match="layer 'mine' is already Dropout"):
        names.add("mine", Layer)


def test_only_what_a_network_asks_for_is_imported() -> None:
    code = (
        "import sys; from darknet_py.config.section import parse; from darknet_py.network import build; "
        "from darknet_py.ops import NumpyOps; before = set(sys.modules); "
        "build(parse('[net]\\nwidth=8\\nheight=8\\nchannels=1\\n[lrn]\\n'), NumpyOps(threads=1)); "
        "print(*sorted(name for name in sys.modules if name.startswith('darknet_py.layers')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "darknet_py.layers.elementwise" in done.stdout.split()
    for rare in ("rnn", "recurrent_conv", "region", "detection", "losses", "reorg", "yolo"):
        assert f"darknet_py.layers.{rare}" not in done.stdout.split()
