"""OpenVINO on the network that `darknet_py export onnx` writes."""

from __future__ import annotations

import openvino

from bench.job import TRAIN, Job, Ready, Unavailable
from bench.onnx_file import onnx_of


def prepare(job: Job) -> Ready:
    """The processor's plugin in float32, tuned for latency."""
    if job.mode == TRAIN:
        raise Unavailable("has no training")
    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": job.threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(onnx_of(job), "CPU", settings)
    pictures = job.pictures(3)
    return Ready(openvino.__version__.partition("-")[0], lambda: compiled(pictures))
