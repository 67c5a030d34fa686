"""Darknet in Python: train and run Darknet's detection and classification networks."""

__version__ = "0.1.0"
