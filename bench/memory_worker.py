"""The memory of one network at inference: ``python -m bench.memory_worker JOB PICTURES`` prints it as JSON, in MiB."""

from __future__ import annotations

import gc
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.job import Job
from darknet_py.benchmark.memory import own_mib, peak_mib, reset_peak, resident_mib
from darknet_py.config.section import parse
from darknet_py.data.drawing import draw_picture
from darknet_py.data.images import Picture, load_image
from darknet_py.detector import Detector
from darknet_py.network import Network, build, for_inference, load_network, load_weights
from darknet_py.ops import Ops, cpu_ops

MIB = 2**20
FLOAT = 4
FEWEST = 3  # pictures until all memory is there, or a tenth of all: the system's allocator takes a while
SIDES = (240, 320, 480, 640)  # of the pictures, which differ
SMALLEST = """
[net]
width=64
height=64
channels=3
[convolutional]
filters=16
size=3
pad=1
[convolutional]
filters=18
[yolo]
num=3
anchors=8,8, 16,16, 32,32
classes=1
"""


@dataclass(frozen=True)
class Memory:
    """needed: weights, the two largest consecutive activations, transformed weights.

    loading, most: of the process, beyond what it has without a network. growth: from the first pictures to the last.
    """

    weights: float
    activations: float
    transformed: float
    loading: float
    most: float
    growth: float
    pictures: int

    @property
    def needed(self) -> float:
        return self.weights + self.activations + self.transformed


def needed(net: Network, batch: int) -> tuple[float, float, float]:
    """Weights, activations and transformed weights of a network for inference that has run."""
    activations = max(node.shape.size + sum(shape.size for shape in node.in_shapes) for node in net.nodes)
    made = [param.prepared for _, param in net.parameters() if param.prepared is not None]
    arrays = [value for one in made for name, value in vars(one).items() if name != "weight"]
    transformed = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))
    return FLOAT * net.parameter_count() / MIB, FLOAT * batch * activations / MIB, transformed / MIB


def loaded(job: Job, ops: Ops) -> Detector:
    """As the commands load it."""
    net = load_network(job.cfg, ops, allocate=False)
    load_weights(net, job.weights)
    return Detector(for_inference(net))


def measure(job: Job, pictures: int) -> Memory:
    """Over so many pictures; batches of the job's."""
    ops = cpu_ops(job.threads)
    rng = np.random.default_rng(0)
    drawn: list[Picture] = [load_image(job.picture), *(draw_picture(rng, side)[0] for side in SIDES)]
    Detector(for_inference(build(parse(SMALLEST), ops))).detect(drawn[:1], 0.5)  # libraries and threads are there
    gc.collect()
    empty = resident_mib()
    reset_peak()
    detector = loaded(job, ops)
    loading = peak_mib() - empty

    def detect(count: int) -> float:
        for first in range(0, count, job.batch):
            detector.detect([drawn[(first + i) % len(drawn)] for i in range(job.batch)], 0.5)
        return own_mib()

    early = detect(max(FEWEST * job.batch, pictures // 10))
    late = detect(pictures)
    parts = needed(detector.net, job.batch)
    return Memory(*parts, loading, peak_mib() - empty, late - early, pictures)


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Job.read(Path(sys.argv[1])), int(sys.argv[2])))))
