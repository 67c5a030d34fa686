"""``python -m darknet_py``: the same as the command ``darknet_py``."""

import sys

from darknet_py.cli.main import entry

sys.exit(entry())
