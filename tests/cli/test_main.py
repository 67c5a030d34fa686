"""Finding commands, help texts, and what the user sees of errors."""

from __future__ import annotations

import importlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py import __version__
from darknet_py.cli import main as cli
from darknet_py.cli.guard import BROKEN_PIPE, INTERRUPTED, guarded
from darknet_py.errors import CfgError


@pytest.mark.parametrize("words", [(), ("help",), ("-h",), ("--help",), ("-help",)])
def test_without_a_command_all_are_listed(run, words):
    result = run(*words)
    assert result.status == 0 and not result.err
    for name, command in cli.COMMANDS.items():
        assert name in result.out and command.summary in result.out


@pytest.mark.parametrize("words", [("detector",), ("help", "detector"), ("detector", "--help"), ("detector", "-h")])
def test_a_group_lists_its_commands(run, words):
    result = run(*words)
    assert result.status == 0
    assert "detector map" in result.out and "version" not in result.out


@pytest.mark.parametrize("name", cli.COMMANDS)
@pytest.mark.parametrize("form", ["{} -help", "{} --help", "{} -h", "help {}"])
def test_every_command_tells_how_it_is_used(run, name, form):
    result = run(*form.format(name).split())
    assert result.status == 0 and not result.err
    assert result.out.startswith(f"usage: darknet_py {name} ")
    assert f"example:\n  darknet_py {name}" in result.out


def defaults() -> list[tuple[str, str, object, str]]:
    """(command, flag, default, help) of all flags with a value that isn't a list."""
    parsers = {name: importlib.import_module(c.module).parser(*c.variant) for name, c in cli.COMMANDS.items()}
    actions = [(name, a) for name, p in parsers.items() for a in getattr(p, "parser", p)._actions]
    valued = (str, int, float)
    kept = [(name, a) for name, a in actions if a.option_strings and isinstance(a.default, valued)]
    return [(name, a.option_strings[-1], a.default, a.help or "") for name, a in kept if a.nargs != 0]


def test_defaults_are_told():
    untold = [
        (command, flag)
        for command, flag, default, text in defaults()
        if "%(default)" not in text and f"{default}" not in text and "no effect" not in text
    ]
    assert untold == [] and len(defaults()) > 50


def test_exit_statuses_are_told(run):
    out = run("help").out
    for status in (0, INTERRUPTED, BROKEN_PIPE, 143):
        assert f" {status} " in out


@pytest.mark.parametrize("words", [(), ("detector",), *(f"{name} -help".split() for name in cli.COMMANDS)])
def test_help_needs_nothing_heavy(words):
    code = f"""
import sys
from darknet_py.cli.main import main
status = main({list(words)!r})
heavy = {{"numpy", "cv2", "tqdm", "matplotlib"}} & set(sys.modules)
sys.exit(f"imported {{heavy}}" if heavy else status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version(run):
    result = run("version")
    assert result.status == 0
    assert f"darknet_py {__version__}\n" in result.out and "numpy" in result.out
    assert run("--version") == run("-version") == result


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("detectr", "unknown command 'detectr'; did you mean detector?"),
        ("detector tset", "detector: unknown command 'tset'; did you mean test?"),
        ("detector zzz", "detector: unknown command 'zzz'; valid are train, test, demo, map"),
        ("zzz", "unknown command 'zzz'; valid are detector, detect, "),
        ("-thresh .3", "unknown command '-thresh'"),
        ("help detectr", "did you mean detector?"),
        ("detector test", "the following arguments are required: data, cfg, weights"),
        ("detector test a b", "required: weights"),
        ("detector test a b c -thrsh .3", "unknown option -thrsh; did you mean -thresh?"),
        ("detector test a b c -thres .3", "unknown option -thres; did you mean -thresh?"),
        ("detector test a b c --thres=.3", "unknown option --thres; did you mean -thresh?"),
        ("detector test a b c -thresh", "argument -thresh: expected one argument"),
        ("detector test a b c -thresh -out f", "argument -thresh: expected one argument"),
        ("detector test a b c -thresh much", "argument -thresh: 'much' isn't a number from 0 to 1"),
        ("detector test a b c -thresh 25", "argument -thresh: '25' isn't a number from 0 to 1"),
        ("detector test a b c -thresh nan", "'nan' isn't a number from 0 to 1"),
        ("detector test a b c -thresh -1", "'-1' isn't a number from 0 to 1"),
        ("detector test a b c -batch 0", "argument -batch: '0' isn't a whole number from 1 on"),
        ("detector test a b c -batch 1.5", "'1.5' isn't a whole number"),
        ("detector map a b c d", "unrecognized arguments: d"),
        ("detector map a b c -points 1", "1 recall point makes no curve"),
        ("net", "required: cfg"),
    ],
)
def test_a_command_line_that_is_wrong_is_told_in_one_line(run, words, told):
    result = run(*words.split())
    assert result.status == 1 and not result.out
    assert told in result.err
    assert result.err.startswith("darknet_py: error: ") and result.err.count("\n") == 1


@settings(deadline=None)  # the first call imports
@given(st.lists(st.sampled_from(["detector", "test", "net", "-thresh", "-h", "--", "-1", "a", "", "-", "help", "é="])))
def test_no_words_give_a_traceback(words):
    assert cli.main(words) in (0, 1)


def test_the_module_is_a_command_too(tmp_path):
    call = [sys.executable, "-m", "darknet_py"]
    done = subprocess.run([*call, "version"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0 and __version__ in done.stdout
    done = subprocess.run([*call, "vrsion"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "darknet_py: error: unknown command 'vrsion'; did you mean version?\n"


def _raise(error: BaseException) -> int:
    raise error


def test_the_users_errors_take_one_line(capsys):
    assert guarded(lambda: _raise(CfgError("a.cfg:3: [yolo] bad\nworse"))) == 1
    assert capsys.readouterr().err == "darknet_py: error: a.cfg:3: [yolo] bad worse\n"
    assert guarded(lambda: _raise(CfgError("x" * 9999))) == 1
    assert len(capsys.readouterr().err) < 1100
    assert guarded(lambda: _raise(MemoryError("9 GiB"))) == 1
    assert "smaller -batch" in capsys.readouterr().err


def test_interrupted(capsys):
    assert guarded(lambda: _raise(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "darknet_py: interrupted\n"


def test_a_bug_shows_its_traceback(capsys):
    assert guarded(lambda: _raise(ZeroDivisionError("oh"))) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "ZeroDivisionError: oh" in err
    assert err.splitlines()[-1].startswith("darknet_py: this is a bug (ZeroDivisionError)")


def test_warnings_take_one_line_and_dont_end_the_command(capsys):
    def warn() -> int:
        for _ in range(2):
            warnings.warn("first\nsecond", stacklevel=1)
        return 0

    assert guarded(warn) == 0
    assert capsys.readouterr().err == "darknet_py: warning: first second\n"


def test_a_closed_pipe_is_quiet():
    call = f"{sys.executable} -m darknet_py net {Path(__file__).parents[2] / 'cfg' / 'yolov3.cfg'} | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {call}"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("layer") and not done.stderr
    assert done.returncode in (0, 141)  # 0: all fitted into the pipe before it was closed


@pytest.mark.parametrize("form", ["from darknet_py.data.images import load_image", "import cv2"])
def test_opencv_without_display_libraries(tmp_path, form):
    """An import of cv2 that fails as on a server without libGL is told with the package that mends it."""
    folder = tmp_path / "cv2"
    folder.mkdir()
    reason = "libGL.so.1: cannot open shared object file: No such file or directory"
    (folder / "__init__.py").write_text(f"raise ImportError({reason!r})\n")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from darknet_py.cli.guard import guarded
def command():
    {form}
sys.exit(guarded(command))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "libGL.so.1" in done.stderr and "pip install opencv-python-headless" in done.stderr


def test_names_that_the_terminal_cant_show_are_escaped():
    code = """
import sys
from darknet_py.cli.guard import guarded
sys.exit(guarded(lambda: print("caf\\u00e9 \\udce9 \\u732b") or 0))
"""
    env = {"PYTHONIOENCODING": "ascii", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "caf\\xe9 \\udce9 \\u732b\n"
