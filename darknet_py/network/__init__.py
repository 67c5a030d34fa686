"""Networks: the graph of a cfg's layers, its weights files, and rewrites for inference."""

from darknet_py.network.build import build, load_network
from darknet_py.network.graph import Network
from darknet_py.network.inference import runner
from darknet_py.network.options import NetOptions
from darknet_py.network.passes import for_inference
from darknet_py.network.weights import Header, load_weights, save_weights

__all__ = [
    "Header",
    "NetOptions",
    "Network",
    "build",
    "for_inference",
    "load_network",
    "load_weights",
    "runner",
    "save_weights",
]
