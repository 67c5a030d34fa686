"""``darknet_py completion``: lets a shell complete the commands and their flags."""

from __future__ import annotations

import argparse
import importlib
import shlex
from collections.abc import Callable, Iterator
from typing import NamedTuple

from darknet_py.cli.arguments import Parser

INSTALL = {  # how a shell learns it
    "bash": "darknet_py completion bash >> ~/.bash_completion",
    "zsh": "darknet_py completion zsh > ~/.zsh/_darknet_py    (a folder of fpath; compinit reads it)",
    "fish": "darknet_py completion fish > ~/.config/fish/completions/darknet_py.fish",
}

FISH = (
    "# fish completion of darknet_py",
    "function __darknet_py_at  # whether the words begin with these",
    "    set -l words (commandline -opc)",
    "    set -l last (math (count $argv) + 1)",
    '    test "$words[2..$last]" = "$argv"',
    "end",
    "function __darknet_py_after  # whether the words so far are these",
    "    set -l words (commandline -opc)",
    '    test "$words[2..]" = "$argv"',
    "end",
)


class Flag(NamedTuple):
    """A flag of a command. choices: its values, if only some are valid. takes_value: whether it has one."""

    name: str
    text: str
    choices: tuple[str, ...]
    takes_value: bool


class Words(NamedTuple):
    """A command, what it is for, and its flags."""

    name: str
    summary: str
    flags: tuple[Flag, ...]


def parser() -> Parser:
    """The shell."""
    lines = "\n".join(f"  {shell}: {how}" for shell, how in INSTALL.items())
    p = Parser("completion", f"Prints a script that lets a shell complete commands and flags:\n{lines}", "bash")
    p.add_argument("shell", choices=tuple(INSTALL), help="for which shell")
    return p


def run(args: argparse.Namespace) -> int:
    """Prints the script."""
    scripts: dict[str, Callable[[list[Words]], Iterator[str]]] = {"bash": bash, "zsh": zsh, "fish": fish}
    print("\n".join(scripts[args.shell](commands())))
    return 0


def commands() -> list[Words]:
    """All commands, as their own parsers describe them."""
    from darknet_py.cli.main import COMMANDS

    found = []
    for name, command in COMMANDS.items():
        made = importlib.import_module(command.module).parser(*command.variant)
        found.append(Words(name, command.summary, tuple(_flags(getattr(made, "parser", made)))))
    return found


def _flags(p: Parser) -> Iterator[Flag]:
    for action in p._actions:
        text = (action.help or "") % {**vars(action), "prog": p.prog} if action.help else ""
        choices = tuple(map(str, action.choices or ()))
        for name in action.option_strings:
            yield Flag(name, " ".join(text.split()), choices, action.nargs != 0)


def first_words(words: list[Words]) -> dict[str, list[Words]]:
    """The first words of all commands, and the commands that have two words by their first one."""
    found: dict[str, list[Words]] = {}
    for command in words:
        first, _, second = command.name.partition(" ")
        found.setdefault(first, [])
        if second:
            found[first].append(command)
    return found


def bash(words: list[Words]) -> Iterator[str]:
    """A bash script."""
    groups = first_words(words)
    yield from ("# bash completion of darknet_py", "_darknet_py() {", "    local words=''")
    yield '    local current="${COMP_WORDS[COMP_CWORD]}" first="${COMP_WORDS[1]}" second="${COMP_WORDS[2]}"'
    yield from ('    case "$COMP_CWORD $first" in', f"        '1 '*) words='{' '.join(groups)} help' ;;")
    for first, inner in groups.items():
        if inner:
            yield f"        '2 {first}') words='{' '.join(command.name.split()[1] for command in inner)}' ;;"
    yield from ("    esac", '    if [[ "$current" == -* ]]; then', '        case "$first $second" in')
    for command in words:
        pattern = f"'{command.name}'" if " " in command.name else f"'{command.name} '*"
        yield f"            {pattern}) words='{' '.join(flag.name for flag in command.flags)}' ;;"
    yield from ("        esac", "    fi", '    case "${COMP_WORDS[COMP_CWORD-1]}" in')
    for name, choices in sorted(_choices(words).items()):
        yield f"        {name}) words='{' '.join(choices)}' ;;"
    yield from ("    esac", '    if [[ -n "$words" ]]; then')
    yield '        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")'
    yield from ("    else", '        mapfile -t COMPREPLY < <(compgen -f -- "$current")', "    fi", "}")
    yield "complete -o filenames -F _darknet_py darknet_py"


def zsh(words: list[Words]) -> Iterator[str]:
    """A zsh function."""
    groups, summaries = first_words(words), {command.name: command.summary for command in words}
    yield from ("#compdef darknet_py", "_darknet_py() {", "    local -a found", "    if (( CURRENT == 2 )); then")
    yield f"        found=({' '.join(_described(first, summaries.get(first, '')) for first in groups)})"
    yield from ("        _describe command found", "        return", "    fi")
    yield from ("    if (( CURRENT == 3 )); then", '        case "$words[2]" in')
    for first, inner in groups.items():
        if inner:
            listed = " ".join(_described(command.name.split()[1], command.summary) for command in inner)
            yield f"            {first}) found=({listed}); _describe command found; return ;;"
    yield from ("        esac", "    fi", '    case "$words[CURRENT-1]" in')
    for name, choices in sorted(_choices(words).items()):
        yield f"        {name}) compadd -- {' '.join(choices)}; return ;;"
    yield from ("    esac", '    if [[ "$PREFIX" == -* ]]; then', '        case "$words[2] $words[3]" in')
    for command in words:
        pattern = f"'{command.name}'" if " " in command.name else f"'{command.name} '*"
        listed = " ".join(_described(flag.name, flag.text) for flag in command.flags)
        yield f"            {pattern}) found=({listed}); _describe option found; return ;;"
    yield from ("        esac", "    fi", "    _files", "}")
    yield 'if [[ "$funcstack[1]" == _darknet_py ]]; then _darknet_py "$@"; else compdef _darknet_py darknet_py; fi'


def fish(words: list[Words]) -> Iterator[str]:
    """Commands of fish."""
    yield from FISH
    summaries = {command.name: command.summary for command in words}
    for first, inner in first_words(words).items():
        text = shlex.quote(summaries.get(first, ""))
        yield f"complete -c darknet_py -n 'test (count (commandline -opc)) = 1' -f -a {first} -d {text}"
        for command in inner:
            second, text = command.name.split()[1], shlex.quote(command.summary)
            yield f"complete -c darknet_py -n '__darknet_py_after {first}' -f -a {second} -d {text}"
    for command in words:
        for flag in command.flags:
            value = f" -x -a {shlex.quote(' '.join(flag.choices))}" if flag.choices else " -r" * flag.takes_value
            kind = "-s" if len(flag.name) == 2 else "-o"
            at = f"-n '__darknet_py_at {command.name}'"
            yield f"complete -c darknet_py {at} {kind} {flag.name[1:]}{value} -d {shlex.quote(flag.text)}"


def _choices(words: list[Words]) -> dict[str, tuple[str, ...]]:
    """The values of flags that have only some."""
    return {flag.name: flag.choices for command in words for flag in command.flags if flag.choices}


def _described(name: str, text: str) -> str:
    """``'name:text'`` as zsh wants it."""
    return shlex.quote(f"{name}:{text}" if text else name)
