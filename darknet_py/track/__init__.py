"""Objects followed from frame to frame of a video."""
