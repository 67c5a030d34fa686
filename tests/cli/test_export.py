"""`darknet_py export` and `import`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("decode", [False, True])
def test_onnx_is_written_and_checked(run, tiny, decode):
    flags = ["-names", "tiny.names", "-check", *(["-decode"] if decode else [])]
    result = run("export", "onnx", "tiny.cfg", "tiny.weights", "tiny.onnx", *flags)
    assert result.status == 0 and result.err == ""
    outputs = "boxes (batch, 160, 4), scores (batch, 160, 3)"
    if not decode:
        outputs = "003_yolo (batch, 16, 4, 4), 006_yolo (batch, 16, 8, 8)"
    first, *rest = result.out.splitlines()
    assert first == f"tiny.onnx: written, opset 13; images (batch, 3, 32, 32) -> {outputs}"
    assert len(rest) == 2 and all("differs from ours by" in line for line in rest)


def test_onnx_for_another_size(run, tiny):
    result = run("export", "onnx", "tiny.cfg", "tiny.weights", "tiny.onnx", "-width", 64)
    assert result.status == 0 and "images (batch, 3, 32, 64)" in result.out


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_weights_go_there_and_back(run, tiny, kind):
    result = run("export", kind, "tiny.cfg", "tiny.weights", f"tiny.{kind}")
    assert result.status == 0 and f"tiny.{kind}: written, 14 arrays" in result.out
    result = run("import", kind, "tiny.cfg", f"tiny.{kind}", "new.weights")
    assert result.status == 0 and "new.weights: written" in result.out
    assert Path("new.weights").read_bytes() == Path("tiny.weights").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["export", "onnx", "tiny.cfg", "none.weights", "x.onnx"], "none.weights: can't be read"),
        (["export", "onnx", "tiny.cfg", "tiny.weights", "tiny.cfg/x.onnx"], "tiny.cfg/x.onnx: can't be written"),
        (["export", "onnx", "tiny.cfg", "tiny.weights", "x.onnx", "-names", "none"], "none: can't be read"),
        (["export", "npz", "tiny.cfg", "tiny.weights", "x.bin"], "export npz: x.bin: the name must end in .npz"),
        (["import", "npz", "tiny.cfg", "tiny.npz", "x.weights"], "tiny.npz: can't be read"),
        (["import", "safetensors", "tiny.cfg", "tiny.npz", "x"], "tiny.npz: the name must end in .safetensors"),
        (["export"], None),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, tiny, words, message):
    result = run(*words)
    if message is None:
        assert result.status == 0 and "export onnx" in result.out
        return
    assert result.status == 1 and message in result.err and result.err.count("\n") == 1


@pytest.mark.parametrize(("kind", "package"), [("onnx", "onnx"), ("safetensors", "safetensors")])
def test_a_missing_package_is_said_in_one_line(run, tiny, monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    result = run("export", kind, "tiny.cfg", "tiny.weights", f"x.{kind}")
    assert result.status == 1 and result.err.count("\n") == 1
    assert f"the package {package}: pip install darknet_py[export]" in result.err
