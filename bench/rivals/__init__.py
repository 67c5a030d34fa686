"""Programs side by side. Each module has ``prepare(job) -> Ready``; Unavailable or ImportError where that can't be."""
