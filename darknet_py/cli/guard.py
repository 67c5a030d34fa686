"""What the user sees of errors and warnings: one line each, unless it is our own bug."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from darknet_py.cli.terminal import coloured
from darknet_py.errors import DarknetError

INTERRUPTED = 130  # exit statuses as of a shell: 128 + the signal's number
BROKEN_PIPE = 141
LONGEST = 1000  # characters of a message


def guarded(command: Callable[[], int]) -> int:
    """Runs `command`; its exit status, or that of the error that ended it, which has been told on standard error."""
    _print_anything()
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = _show_warning
        try:
            status = command()
            sys.stdout.flush()  # a pipe that was closed shows here, not at the interpreter's end
        except DarknetError as error:
            return fail(str(error))
        except KeyboardInterrupt:
            print("darknet_py: interrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            _drop_output()
            return BROKEN_PIPE
        except MemoryError as error:
            return fail(f"not enough memory ({error}): a smaller -batch or network input needs less")
        except Exception as error:
            return _fail_unforeseen(error)
        return status


def tell(message: str) -> None:
    """What the user should know beside the results, on standard error."""
    print(f"darknet_py: {message}", file=sys.stderr)


def fail(message: str) -> int:
    """Tells an error of the user's in one line; the exit status for it."""
    print(f"darknet_py: {coloured('error', 'red', sys.stderr)}: {_one_line(message)}", file=sys.stderr)
    return 1


def counted(number: int, what: str) -> str:
    """``1 picture``, ``2 pictures``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _fail_unforeseen(error: Exception) -> int:
    if isinstance(error, ImportError) and ".so" in str(error) and "cv2" in _frames(error):
        return fail(
            f"OpenCV can't be imported ({error}): without display libraries, `pip install opencv-python-headless` "
            "replaces it, after `pip uninstall opencv-python`"
        )
    import traceback

    traceback.print_exc()
    print(
        f"darknet_py: this is a bug ({type(error).__name__}): please report it with the command and the lines above",
        file=sys.stderr,
    )
    return 1


def _frames(error: BaseException) -> str:
    """The code that the error passed through, as text."""
    import traceback

    return "".join(traceback.format_tb(error.__traceback__))


def _show_warning(message: Any, *_: Any, file: TextIO | None = None, **__: Any) -> None:
    stream = file or sys.stderr
    print(f"darknet_py: {coloured('warning', 'yellow', stream)}: {_one_line(str(message))}", file=stream)


def _one_line(text: str) -> str:
    """`text` in one line, cut where it quotes a binary file."""
    line = " ".join(text.splitlines())
    return line if len(line) <= LONGEST else line[:LONGEST] + " ..."


def _print_anything() -> None:
    """File names may hold bytes that the terminal's encoding hasn't: they are printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # a stream that isn't a file's
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _drop_output() -> None:
    """What is still buffered would fail again when the interpreter ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
