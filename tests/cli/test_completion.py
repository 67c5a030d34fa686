"""Completion in shells: what they offer behind the words of a command line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from darknet_py.cli.completion import commands
from darknet_py.cli.main import COMMANDS

CASES = [  # the words, the last one being typed; some of what is offered; what isn't
    (("det",), {"detector", "detect"}, {"classifier", "train"}),
    (("detector", ""), {"train", "test", "map"}, {"detector", "net"}),
    (("detector", "tr"), {"train"}, {"test"}),
    (("detector", "map", "-po"), {"-points"}, {"-thresh", "-patience"}),
    (("classifier", "train", "a.data", "-to"), {"-topk"}, {"-map"}),
    (("check", "-q"), {"-quick", "-quiet"}, {"-json"}),
    (("classifier", "predict", "-crop", ""), {"alexey", "pjreddie"}, {"-json"}),
    (("completion", "x.d"), {"x.data"}, {"x.cfg"}),
    (("detector", "map", "x.d"), {"x.data"}, {"x.cfg"}),
]


@pytest.fixture
def folder(tmp_path: Path, run) -> Path:
    """With the scripts, and files to be completed."""
    for shell in ("bash", "zsh", "fish"):
        result = run("completion", shell)
        assert result.status == 0
        (tmp_path / f"script.{shell}").write_text(result.out)
    (tmp_path / "x.data").touch()
    (tmp_path / "x.cfg").touch()
    return tmp_path


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def offered(folder: Path, *call: str) -> set[str]:
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=True)
    assert not done.stderr
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(("words", "some", "none"), CASES)
def test_bash(folder: Path, words: tuple[str, ...], some: set[str], none: set[str]):
    quoted = " ".join(f"'{word}'" for word in ("darknet_py", *words))
    place = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words)}"
    script = f"source script.bash; {place}; _darknet_py; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    found = offered(folder, shell("bash"), "-c", script)
    assert some <= found and not none & found


@pytest.mark.parametrize(("words", "some", "none"), CASES)
def test_fish(folder: Path, words: tuple[str, ...], some: set[str], none: set[str]):
    script = f"source script.fish; complete -C 'darknet_py {' '.join(words)}'"
    found = offered(folder, shell("fish"), "--no-config", "-c", script)
    assert some <= found and not none & found


def test_zsh_understands_the_script(folder: Path):
    subprocess.run([shell("zsh"), "-n", "script.zsh"], cwd=folder, check=True)
    text = (folder / "script.zsh").read_text()
    assert text.startswith("#compdef darknet_py\n")
    assert (
        "'detector train') found=(" in text and "'-patience:with -map: " in text and "-crop) compadd -- alexey" in text
    )


def test_all_commands_and_flags_are_there():
    found = {command.name: {flag.name for flag in command.flags} for command in commands()}
    assert set(found) == set(COMMANDS)
    assert {"-map", "-patience", "-resume", "-http_port", "-quiet"} <= found["detector train"] and all(found.values())


def test_another_shell_is_refused(run):
    result = run("completion", "tcsh")
    assert result.status == 1 and "invalid choice: 'tcsh'" in result.err
