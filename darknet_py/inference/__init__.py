"""More than one look at a picture: in tiles, mirrored, and in several sizes."""
