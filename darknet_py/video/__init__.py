"""Videos: frames in, frames out, and the stages between them at the same time."""
