"""What the documents promise: commands, options and files that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from darknet_py.cli.main import COMMANDS, find_command

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md"])
COMMAND = re.compile(r"darknet_py ([a-z][^`\n|]*)")


def command_lines(text: str) -> list[list[str]]:
    """The words behind `darknet_py` in code, up to what belongs to a shell."""
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^    (.*)$", text, re.MULTILINE)
    found = [match[1] for line in code for match in COMMAND.finditer(line)]
    return [re.split(r" [|>#;&]| \.\.\.", line)[0].split() for line in found]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_their_flags_exist(document: Path):
    for words in command_lines(document.read_text()):
        name, rest = find_command(words)
        if name not in COMMANDS:
            continue  # a group of commands, or a line of help
        command = COMMANDS[name]
        made = importlib.import_module(command.module).parser(*command.variant)
        flags = getattr(made, "parser", made).flags
        for word in rest:
            if re.match(r"--?[a-z]", word):
                assert "-" + word.lstrip("-").partition("=")[0] in flags, f"{document.name}: {' '.join(words)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        file, _, part = target.partition("#")
        if target.startswith("http"):
            continue
        path = (document.parent / file) if file else document
        assert path.exists(), f"{document.name}: {target}"
        if part:
            heads = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
            assert part in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, target


def test_each_of_the_complaints_has_a_line():
    rows = re.findall(r"^\| (\d+) \| .+ \| .+ \|$", (ROOT / "docs/darknet-users.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 26))
