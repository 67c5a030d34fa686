"""Small networks for the tests: the architecture of the real ones with few filters and random weights."""

from __future__ import annotations

from pathlib import Path

from darknet_py.go.policy import GoNetwork
from darknet_py.network import Header, for_inference, load_network, save_weights
from darknet_py.ops import NumpyOps

CONV = "[convolutional]\nbatch_normalize=1\nfilters={filters}\nsize={size}\npad=1\nactivation=relu\n"
POLICY = "[convolutional]\nfilters=1\nsize=1\nactivation=linear\n"
ENDS = {  # by what the network gives beside moves
    0: "[softmax]\n[cost]\ntype=sse\n",
    1: "[reorg]\nextra=1\n[softmax]\n",
    2: "[reorg]\nextra=1\n[softmax]\ntruth_start=0\n[route]\nlayers=-4\n[avgpool]\n"
    "[connected]\noutput=1\nactivation=linear\n[logistic]\ntruth_start={value}\n[route]\nlayers=-5,-1\n",
}


def cfg_text(size: int, channels: int, extras: int, net: str = "") -> str:
    """A cfg of two convolutions and what makes moves of them; `net` adds lines to [net]."""
    head = f"[net]\nbatch=8\nwidth={size}\nheight={size}\nchannels={channels}\nmax_batches=4\n{net}\n"
    end = ENDS[extras].replace("{value}", str(size * size + 1))
    return head + CONV.format(filters=6, size=3) * 2 + POLICY + end


def write_network(folder: Path, size: int = 9, channels: int = 1, extras: int = 0, seed: int = 1) -> tuple[Path, Path]:
    """(cfg, weights) of a random network."""
    cfg, weights = folder / "tiny.cfg", folder / "tiny.weights"
    cfg.write_text(cfg_text(size, channels, extras))
    save_weights(load_network(cfg, NumpyOps(threads=1), seed), weights, Header())
    return cfg, weights


def tiny(folder: Path, size: int = 9, channels: int = 1, extras: int = 0, multi: bool = False) -> GoNetwork:
    """A random network, ready to play."""
    cfg, _ = write_network(folder, size, channels, extras)
    return GoNetwork(for_inference(load_network(cfg, NumpyOps(threads=1), 1)), multi)
