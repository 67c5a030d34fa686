"""PyTorch, eager: the network of `bench.torch_net`, in whichever memory layout is faster."""

from __future__ import annotations

from collections.abc import Callable

import torch

from bench.job import TRAIN, Job, Ready, Unavailable
from bench.torch_net import TorchNet
from darknet_py.benchmark.timing import clocked, interleaved
from darknet_py.network import Network, load_network, load_weights
from darknet_py.ops import NumpyOps

LAYOUTS = {"nchw": torch.contiguous_format, "channels-last": torch.channels_last}
TRIES = 3  # of each layout
RATE = 1e-9  # so that noise can't spoil the weights


def prepare(job: Job) -> Ready:
    """Inference with batch norms fused; or a step: forward, a loss, backward, update.

    The loss is the sum of the squares of what comes into the heads: less work than any that detectors are trained with.
    """
    torch.set_num_threads(job.threads)
    net = load_network(job.cfg, NumpyOps(threads=1))
    load_weights(net, job.weights)
    start = training if job.mode == TRAIN else inference
    try:
        works = {layout: start(job, net, layout) for layout in LAYOUTS}
    except NotImplementedError as error:
        raise Unavailable(str(error)) from error
    seconds = interleaved({layout: clocked(work) for layout, work in works.items()}, TRIES)
    layout = min(works, key=lambda name: min(seconds[name]))
    return Ready(f"{torch.__version__} {layout}", works[layout])


def inference(job: Job, net: Network, layout: str) -> Callable[[], object]:
    """From the input array to the outputs on the host."""
    model = TorchNet(net).fused().to(memory_format=LAYOUTS[layout])
    pictures = job.pictures(net.input.c)

    def work() -> None:
        with torch.inference_mode():
            x = torch.from_numpy(pictures).contiguous(memory_format=LAYOUTS[layout])
            for y in model(x):
                y.numpy()

    return work


def training(job: Job, net: Network, layout: str) -> Callable[[], object]:
    """A step on the batch."""
    model = TorchNet(net).train().to(memory_format=LAYOUTS[layout])
    optimizer = torch.optim.SGD(
        model.parameters(), lr=RATE, momentum=net.options.momentum, weight_decay=net.options.decay
    )
    pictures = job.pictures(net.input.c)

    def work() -> None:
        x = torch.from_numpy(pictures).contiguous(memory_format=LAYOUTS[layout])
        loss = sum(y.square().sum() for y in model(x))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return work
