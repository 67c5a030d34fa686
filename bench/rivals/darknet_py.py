"""This program."""

from __future__ import annotations

from functools import partial

from bench.job import TRAIN, Job, Ready
from darknet_py import __version__
from darknet_py.benchmark.timing import Stopwatch
from darknet_py.benchmark.work import computing, training
from darknet_py.network import for_inference, load_network, load_weights
from darknet_py.ops import cpu_ops


def prepare(job: Job) -> Ready:
    """Inference from the input array to the outputs; or an iteration with the cfg's own loss."""
    net = load_network(job.cfg, cpu_ops(job.threads))
    load_weights(net, job.weights)
    if job.mode == TRAIN:
        step = training(net, job.batch)
        return Ready(__version__, lambda: step(Stopwatch()))
    net = for_inference(net)
    pictures = job.pictures(net.input.c)
    return Ready(__version__, partial(computing(net), pictures))
