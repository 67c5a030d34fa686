"""A folder for each run of a command: what was called, with what, and all that came of it."""
