"""ONNX Runtime on the network that `darknet_py export onnx` writes."""

from __future__ import annotations

import onnxruntime

from bench.job import TRAIN, Job, Ready, Unavailable
from bench.onnx_file import onnx_of


def prepare(job: Job) -> Ready:
    """The processor's provider, all graph optimisations."""
    if job.mode == TRAIN:
        raise Unavailable("has no training")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    session = onnxruntime.InferenceSession(onnx_of(job), options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    pictures = job.pictures(3)
    return Ready(onnxruntime.__version__, lambda: session.run(None, {entry.name: pictures}))
