"""The user's errors. The command line prints one as a single line and exits with 1; anything else is a bug of ours."""


class DarknetError(Exception):
    """Something that the user can mend: the message says what is wrong, where, and what would be valid."""


class CfgError(DarknetError):
    """A cfg, .data or .names file says something impossible: ``file:line: [section] message``."""


class WeightsError(DarknetError):
    """A .weights file doesn't fit its cfg, or can't be read or written."""


class DataError(DarknetError):
    """A picture, a label or a list can't be used."""
