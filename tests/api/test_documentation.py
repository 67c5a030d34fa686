"""The examples of docs/python-api.md run as they stand, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from darknet_py.network import Header, load_network, save_weights
from darknet_py.ops import NumpyOps

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository's files that the examples name, and a classifier's that they take for granted."""
    for name in ("cfg", "data", "weights"):
        (tmp_path / name).symlink_to(ROOT / name)
    net = load_network(ROOT / "cfg" / "tiny.cfg", NumpyOps("float32"))
    save_weights(net, tmp_path / "tiny.weights", Header())
    (tmp_path / "imagenet.names").write_text("".join(f"thing {i}\n" for i in range(1000)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 7
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python-api.md", "exec"), names)
    out = capsys.readouterr().out
    assert len(names["found"]) > 2 and (folder / "predictions.jpg").exists()
    assert out.count("thing ") == 3 and out.count("done") == 1
    assert out.count("from iteration 0\n1 ") == 1 and out.count("saved demo/backup") == 1
    training = names["training"]
    assert training.iteration == 2 and training.stopped and training.weights.exists()
    assert np.isfinite(names["large"]).all()
    assert 0.5 < names["measured"].map <= 1 and (folder / "report/report.html").exists()
    assert (folder / "shapes.onnx").exists() and (folder / "shapes.npz").exists()
