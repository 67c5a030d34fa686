"""Detection sets of other programs: each module reads one format into a `Dataset` and writes one from it."""
