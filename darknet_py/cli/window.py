"""A window on the display, where there is one."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import cv2

from darknet_py.cli.guard import tell
from darknet_py.data.images import Picture

_ESCAPE = 27
_TITLE = "Demo"


class Window:
    """Shows pictures one after another; says so once, and shows none, where that isn't possible."""

    def __init__(self) -> None:
        self._open = has_display()
        if not self._open:
            tell("no display: no window is opened (-out_filename, -prefix and -mjpeg_port show the frames elsewhere)")

    def show(self, picture: Picture) -> bool:
        """The picture takes the place of the one before. False if the user has closed the window or pressed Esc."""
        if not self._open:
            return True
        try:
            cv2.imshow(_TITLE, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            key = cv2.waitKey(1) & 0xFF
            return key != _ESCAPE and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) > 0
        except cv2.error:
            self._open = False
            tell("this OpenCV opens no windows (opencv-python does, opencv-python-headless doesn't)")
            return True

    def close(self) -> None:
        """No more pictures."""
        if self._open:
            with suppress(cv2.error):
                cv2.destroyAllWindows()


def show_picture(picture: Picture, title: str) -> None:
    """The picture in a window until a key is pressed; nothing where there is no display, or OpenCV can't use it."""
    if not has_display():
        return
    with suppress(cv2.error):
        cv2.imshow(title, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        cv2.waitKey(0)
        cv2.destroyAllWindows()


def has_display() -> bool:
    """Whether a window can be opened. Qt would end the process if there is nobody at the address in DISPLAY."""
    if not sys.platform.startswith("linux"):
        return True
    display = os.environ.get("DISPLAY", "")
    if not display.startswith(":"):  # "" or another machine's
        return bool(display)
    import socket

    address = Path("/tmp/.X11-unix") / f"X{display[1:].partition('.')[0]}"
    for name in (os.fspath(address), f"\0{address}"):  # a file, or Linux's abstract name
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.connect(name)
            return True
    return False
